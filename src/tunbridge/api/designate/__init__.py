"""Publishes names of ports and floating IPs in Designate, OpenStack's DNS service, as Neutron's driver for it does."""
