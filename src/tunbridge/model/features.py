"""Features of the data plane, which extensions need: an API without them would accept what nothing carries out."""

BINDING = "binding"
"""Hosts wire ports to their networks, and say so in the port's status."""
PORT_SECURITY = "port-security"
"""Hosts drop packets from addresses that a port does not have."""
SECURITY_GROUPS = "security-groups"
"""Hosts filter with connection tracking."""
DHCP = "dhcp"
"""Ports get their addresses and options by DHCP."""
DNS = "dns"
"""Names of ports are answered."""
ROUTING = "routing"
"""Hosts carry packets between networks, and to and from external ones with their addresses translated."""
QOS = "qos"
"""Hosts limit what ports send and receive, and mark what they send."""
PLACEMENT = "placement"
"""What hosts have of bandwidth and packet rate is told to Placement."""
METADATA = "metadata"
"""Hosts tell their VMs what they are to know when they boot."""
TRUNKS = "trunks"
"""Hosts take VLAN tags of a VM for further ports."""
TRAFFIC_LOG = "traffic-log"
"""Hosts log what security groups allow and drop."""
MIRRORS = "mirrors"
"""Hosts copy what a port sends and receives, in tunnels to a collector."""
TAPS = "taps"
"""Hosts copy what a port sends and receives to another port, of any host."""
LOCAL_IPS = "local-ips"
"""Hosts lead what workloads send to an address to a port of the host's own."""
METERING = "metering"
"""Hosts count what passes the gateways of routers."""
SEGMENTS = "segments"
"""Hosts have a network by that of its segments which they reach, and tell ports what leads to the others."""
PRIVATE_VLANS = "private-vlans"
"""Hosts keep ports of a network apart by their kind: isolated, or of a community."""
SEVERAL_GATEWAYS = "several-gateways"
"""Routers have gateways to several external networks."""
VLAN_TRANSPARENCY = "vlan-transparency"
"""Networks carry VLAN tags of their guests."""

AVAILABLE = frozenset(
    {
        *(BINDING, PORT_SECURITY, SECURITY_GROUPS, DHCP, DNS, ROUTING, QOS, PLACEMENT, METADATA),
        *(TRUNKS, TRAFFIC_LOG, MIRRORS, METERING, LOCAL_IPS, SEGMENTS),
        *(TAPS, PRIVATE_VLANS, VLAN_TRANSPARENCY, SEVERAL_GATEWAYS),
    }
)
"""Those that the agent has now."""
ALL = AVAILABLE
