"""OpenStack's own tests of the Networking API, run against a lab: docs/suites.md."""
