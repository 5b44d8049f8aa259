"""The hosts that both servers know while requests are recorded and replayed."""

DEAD = "dead1"
"""Its agent is not alive."""
HOSTS = ("host1", "host2", "host3", DEAD)
MAPPINGS = {"physnet1": "br-eth1"}
"""Physical network -> bridge, on each of them."""
ZONE = "nova"
"""Availability zone of their L3 and DHCP agents, in scripts of SERVICES."""

SERVICES = (
    "auto_topology",
    "conntrack_helpers",
    "flavors",
    "hints",
    "l3_agents",
    "localips",
    "logs",
    "metering",
    "ndp_proxies",
    "onboarding",
    "qos",
    "segments",
    "taps",
    "trunks",
    "zones",
)
"""Scripts that are recorded with ALL, each with a Neutron of its own; the others with PLAIN."""
_SERVICES = "router, network_segment_range, network_ip_availability"
_EXTENSIONS = "port_security, data_plane_status, subnet_dns_publish_fixed_ip, tag_ports_during_bulk_creation"
PLAIN = (_SERVICES, _EXTENSIONS)
"""Service plugins of a Neutron, extension drivers of its ML2."""
ALL = (
    f"{_SERVICES}, auto_allocate, conntrack_helper, flavors, local_ip, log, metering, ndp_proxy, port_forwarding, qos, "
    "segments, taas, tapmirror, trunk",
    f"{_EXTENSIONS}, port_device_profile, port_hints, port_hint_ovs_tx_steering, port_numa_affinity_policy, qos",
)
