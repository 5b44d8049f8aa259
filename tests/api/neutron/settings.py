"""The hosts that both servers know while requests are recorded and replayed."""

DEAD = "dead1"
"""Its agent is not alive."""
HOSTS = ("host1", "host2", "host3", DEAD)
MAPPINGS = {"physnet1": "br-eth1"}
"""Physical network -> bridge, on each of them."""
