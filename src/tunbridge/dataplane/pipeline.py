"""The pipeline, declared in one place: bridges, tables, registers, conntrack zones and marks, cookies.

A table says which fields its flows match and set and where they may continue; `flow.make` checks every flow against it.
The numbers are Neutron's where the purpose is the same.

    workload ─> 0 classify ─> 24, 25, 26 port security ─> 60 services ─(requests to the agent)─> 95 (metadata: 61), 96
                                                            │
    patch-tun, int-br-X ─> 0 classify ────────────────────>─┴─> 65 learn ─> 70 conntrack
      ─> 71, 72, 91 egress of the sender ─> 73 router? ─(74 routes, 75 next hop, 76 routed)─> 77 destination
      (78 flood, 79 learned, 80 unknown) ─> 81, 82, 90 ingress of the receiver ─> 92 commit ─> 94 output

    a router's: 74 routes ─(83 several next hops, 67 outside: here, or on the gateway host)─> 75 next hop
      ─(68, 69 neighbours on a wire)─>
      76 routed ─(metering labels: 62, 63)─(NAT, 66 translated)─> 77 destination ─(an address of a router here)─> 73

A workload's port with a QoS policy besides: 0 ─> 20, 21 limits, 22 mark, 23 queue ─> 24, and 94 ─> 97, 98 limits. One
that is logged: a copy of what is dropped in 71, 72, 81, 82, and of what is allowed in 90, 91 ─> 99 meter ─> 96.
One that is mirrored or tapped: 0 ─> 18 copies ─> 20, and 94 or 98 ─> 101 copies ─> out.
Private VLANs: 60 ─> 64 whom the sender reaches ─> 65; from elsewhere 0 ─> 59 whose it is ─> 64.
To a Local IP: 60 ─> the port of this host that has it ─> 64, and its answers: 94 ─> 94.
A trunk's sub-port besides: 0 without its tag, as from a port of its own ─> 0, and 94, 98 or 101 ─> 100 with its tag.
"""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from tunbridge.dataplane.flows import COOKIE

DROP = "drop"

LEARNED_COOKIE = 0x7463_0000_0000_0000
"""Cookie of flows that `learn()` makes; the low bits are the local VLAN. Not swept: they age."""
CONTROLLER_ID = 0x7462
"""OpenFlow controller id that the agent sets on its connection, so that packet-ins come there."""

FRAGMENTS = "nx-match"
"""Fragment handling of br-int (`ovs-ofctl set-frags`, OFPT_SET_CONFIG flags 3): by default a first fragment's ports are
matched as 0. vswitchd forgets it when it ends; the agent sets it on each connection."""

PATCH_METERS = 19_000
"""Number of the first meter that is ours, on br-int: this plus the place of a patch port among all, by name. Meters
have no cookie: one of another number, or of another rate, is somebody else's and stays."""
TOLD_METER = 19_999
"""Number of the meter, on br-int, of packets that are not from workloads here and that a router here cannot forward."""
WORKLOAD_METERS = 20_000
"""Number of the first meter of workloads: this plus the workload's OpenFlow port."""
WORKLOAD_PPS = 100
"""Packets per second that a workload may send to the agent, over all services."""
WORKLOAD_BURST = 200


QOS_METERS, QOS_METER_COUNT = 100_000, 100_000
"""Number of the first meter of QoS policies, and how many there are: a hash of what is limited. The kernel's datapath
has numbers below 200,000 (net/openvswitch/meter.h)."""

QUEUES = 0xEFFF
"""Queues of a NIC are numbered from 1 to this: Open vSwitch's `linux-htb` has 0xf000, and 0 is everybody else's."""

METADATA_METERS, METADATA_METER_COUNT = 86_000, 14_000
"""Number of the first meter of metadata requests, and how many there are: this plus the workload's OpenFlow port modulo
their count, so two workloads of a host share one only when their ports are that far apart."""
METADATA_PPS, METADATA_BURST = 200, 400
"""Packets per second that a workload may send to the metadata service: cloud-init sends some 200 in a row."""


FIRST_SUB_PORT, LAST_SUB_PORT = 0x8000, 0xFEFF
"""OpenFlow port numbers of trunks' sub-ports, which no interface has: trunks.py tells why there are none."""
UNTRANSLATED_METER, UNTRANSLATED_PPS = 3_998, 10
"""Number and rate of the meter of packets that conntrack should have translated and did not: enough to know of them."""
HOST_LOG_METER, HOST_LOG_PPS = 3_999, 1_000
"""Number and rate of the meter that all packets to be logged on a host pass: what an agent writes down without being
late for anything else."""
LOG_METERS, LOG_METER_COUNT = 4_000, 15_000
"""Number of the first meter of packets that are logged, and how many there are: this plus the workload's OpenFlow port
modulo their count."""


class Field(Struct, frozen=True):
    """Bits of a register, low to high."""

    name: str
    register: int
    low: int
    high: int
    purpose: str

    @property
    def is_whole(self) -> bool:
        return self.low == 0 and self.high == 31

    def __call__(self, value: int, mask: int | None = None) -> dict[str, str]:
        """A match on it; `mask` selects bits of the field."""
        full = (1 << (self.high - self.low + 1)) - 1
        bits = full if mask is None else mask
        text = f"{value << self.low:#x}" if value else "0"
        if not self.is_whole or bits != full:
            text += f"/{bits << self.low:#x}"
        return {f"reg{self.register}": text}


LABEL = Field("label", 0, 0, 31, "a metering label and direction, for which the packet may count")
ROUTER_NUMBER = Field("router", 1, 0, 31, "which router forwards it")
VIA = Field("via", 2, 0, 31, "which next hop it is forwarded to; 0: its destination")
CHECKED = Field("checked", 3, 0, 1, "bit 0: the sender's egress rules allowed it, bit 1: the receiver's ingress rules")
TOO_BIG = Field("too_big", 3, 2, 2, "it is larger than the MTU of the network that a router forwards it to")
RESOLVED = Field("resolved", 3, 3, 3, "the MAC address of its next hop, which is no port, was learned")
ARRIVED = Field(
    "arrived", 3, 4, 5,
    "it came to a router from outside: 1 to an address that translates, 2 to a floating IP or without translation",
)  # fmt: skip
TO_TRANSLATE = Field("to_translate", 3, 6, 6, "it must not leave with the source address that it has inside")
LOOKED_UP = Field("looked_up", 3, 7, 7, "it was looked up among the connections to a Local IP")
SERVICE = Field("service", 3, 8, 15, "which service of the agent the packet is for")
RECEIVER = Field("receiver", 4, 0, 31, "policy of the local port that receives it; 0: not filtered")
SENDER = Field("sender", 5, 0, 31, "policy of the local port that sent it; 0: not filtered, or from elsewhere")
NETWORK = Field("network", 6, 0, 31, "local VLAN of its network, which is also its conntrack zone")
OUT = Field("out", 7, 0, 31, "OpenFlow port it leaves by; FLOOD: every local receiver with the policy in `receiver`")
GROUP = Field("group", 8, 0, 31, "of a private VLAN's sender: whom it reaches; 0: everybody")
SHARE = Field("share", 3, 16, 20, "which share it is of, of a route with several next hops")
EXIT = Field("exit", 3, 21, 24, "to which of its router's external networks it is routed; 0: to the first")
FIELDS = (
    LABEL,
    ROUTER_NUMBER,
    VIA,
    CHECKED,
    TOO_BIG,
    RESOLVED,
    ARRIVED,
    TO_TRANSLATE,
    LOOKED_UP,
    SERVICE,
    SHARE,
    EXIT,
    RECEIVER,
    SENDER,
    NETWORK,
    OUT,
    GROUP,
)

FLOOD = 0xFFFF
STATELESS = 0x8000_0000
"""Bit of a policy number: its groups are stateless, so conntrack's verdict counts for nothing."""
RESTRICTED = 0x8000_0000
"""Bit of every value of `group` but 0: the sender reaches promiscuous ports, and those of its own community."""
ZONE = "NXM_NX_REG6[0..15]"
"""The conntrack zone, from the network's register."""
FIRST_NAT_ZONE, LAST_NAT_ZONE = 0x1000, 0xFFFF
"""Zones in which routers translate addresses, one for each: above those of networks, which are local VLANs."""

NO_ZONE = 0xFFF
"""A zone in which no connection is ever committed: above those of networks, below those of routers."""

EGRESS_CHECKED = 0x1
"""ct_mark bit: the connection's originator is here, and its egress rules allowed it."""
INGRESS_CHECKED = 0x2
"""ct_mark bit: the connection's receiver is here, and its ingress rules allowed it."""


class Table(Struct, frozen=True, kw_only=True):
    """One flow table. `miss`: the actions of its lowest flow; `next`: tables that it may hand a packet to.

    `matches`: names of fields, `proto` for any of ovs-ofctl's words for a protocol. `sets`: fields that actions write.
    """

    number: int
    name: str
    purpose: str
    matches: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    next: frozenset[int] = frozenset()
    miss: str = DROP


def goto(table: Table) -> str:
    """The action that continues in another table."""
    return f"resubmit(,{table.number})"


def _table(
    number: int, name: str, purpose: str, *, matches: str = "", sets: str = "", to: tuple[Table, ...] = (),
    miss: str = DROP, back_to: int | None = None,
) -> Table:  # fmt: skip
    back = set() if back_to is None else {back_to}
    return Table(
        number=number, name=name, purpose=purpose, matches=frozenset(matches.split()), sets=frozenset(sets.split()),
        next=frozenset({t.number for t in to} | back), miss=miss,
    )  # fmt: skip


# br-int, from its end backwards, so that each table can name those that it continues in.
_L4 = "nw_proto tp_src tp_dst icmp_type icmp_code nw_frag"
_RULE = f"conj_id proto nw_src nw_dst ipv6_src ipv6_dst ct_state {_L4}"
_STATE = (
    "reg6 proto ct_state ct_mark dl_dst nw_src nw_dst ipv6_src ipv6_dst nw_proto nw_frag "
    "tp_src tp_dst tcp_flags icmp_type"
)

TO_AGENT = _table(
    96, "to_agent", "to the agent, which reads from the userdata how to answer",
    matches="reg3",
)  # fmt: skip
AGENT_METER = _table(
    95, "agent_meter", "requests to the agent pass a meter of the sending port",
    matches="in_port reg3", to=(TO_AGENT,),
)  # fmt: skip
SUB_PORT = _table(
    100, "sub_port", "to a trunk's sub-port: with its VLAN tag, out of the interface of the trunk's parent port",
    matches="in_port reg7", sets="vlan in_port",
)  # fmt: skip
LOG_METER = _table(
    99, "log_meter", "copies of packets for the agent's log pass a meter of the port that the log is about",
    matches="in_port reg3 reg7", to=(TO_AGENT,),
)  # fmt: skip
RECEIVED_MIRROR = _table(
    101, "received_mirror", "what a workload receives is copied to collectors and taps",
    matches="in_port reg7 vlan_tci", sets="tun_id tun_erspan_idx pkt_mark in_port reg7", to=(SUB_PORT,),
    miss="output:NXM_NX_REG7[]",
)  # fmt: skip
RECEIVED_BANDWIDTH = _table(
    98, "received_bandwidth", "what a workload receives passes the meter of its bandwidth limit",
    matches="reg7", to=(SUB_PORT, RECEIVED_MIRROR), miss="output:NXM_NX_REG7[]",
)  # fmt: skip
RECEIVED_PACKETS = _table(
    97, "received_packets", "what a workload receives passes the meter of its packet rate limit",
    matches="in_port reg7", to=(RECEIVED_BANDWIDTH,), miss=goto(RECEIVED_BANDWIDTH),
)  # fmt: skip
OUTPUT = _table(
    94, "output", "to the port in `out`; between bridges the local VLAN says which network it is",
    matches="reg3 reg4 reg6 reg7 reg8 proto nw_src", sets="vlan reg3 reg7 nat",
    to=(RECEIVED_PACKETS, RECEIVED_MIRROR, SUB_PORT), back_to=94,  # once it was looked up for a Local IP
)  # fmt: skip
COMMIT = _table(
    92, "commit", "a connection that rules allowed becomes known to conntrack, with who checked it",
    matches="proto ct_state reg3", sets="ct_mark", to=(OUTPUT,), miss=goto(OUTPUT),
)  # fmt: skip
INGRESS_ALLOWED = _table(
    90, "ingress_allowed", "what an ingress rule allowed; the agent logs it where that is wanted",
    matches="reg7", sets="reg3", to=(COMMIT, LOG_METER), miss=goto(COMMIT),
)  # fmt: skip
INGRESS_RULES = _table(
    82, "ingress_rules", "rules of the receiver's security groups; what none allows is dropped",
    matches=f"reg4 reg7 {_RULE}", sets="reg3", to=(INGRESS_ALLOWED, LOG_METER),
)  # fmt: skip
INGRESS_STATE = _table(
    81, "ingress_state", "packets that need no ingress rule: known connections, ARP, neighbour discovery, DHCP replies",
    matches=f"reg4 reg7 {_STATE}", sets="reg3", to=(INGRESS_RULES, COMMIT, LOG_METER), miss=goto(INGRESS_RULES),
)  # fmt: skip
UNKNOWN = _table(
    80, "unknown", "a unicast packet to a MAC address that no port of the network here is known to have",
    matches="reg6 reg7 reg8", sets="reg7 reg4", to=(INGRESS_STATE, COMMIT),
)  # fmt: skip
LEARNED = _table(
    79, "learned", "MAC addresses that were seen in networks where the database does not know all of them",
    matches="reg6 dl_dst", sets="reg4 reg7",
)  # fmt: skip
FLOOD_LOCAL = _table(
    78, "flood", "broadcast and multicast: once per policy of local receivers, then to the other hosts",
    matches="reg6 reg8", sets="reg4 reg7", to=(INGRESS_STATE, COMMIT),
)  # fmt: skip
AROUND = 73
"""The table of routers: what a router here sends to an address of a router here begins again."""
DESTINATION = _table(
    77, "destination", "where the packet goes: a local port, everywhere, or out of this host",
    matches="reg6 dl_dst in_port", sets="reg2 reg3 reg4 reg7",
    to=(INGRESS_STATE, FLOOD_LOCAL, LEARNED, UNKNOWN, COMMIT), back_to=AROUND,
)  # fmt: skip
TRANSLATED = _table(
    66, "translated", "its source is the router's or a floating IP now; looked up in the zone of the external network",
    matches="reg3 reg6 proto ct_state nw_src", sets="reg3", to=(DESTINATION, TO_AGENT), miss=goto(DESTINATION),
)  # fmt: skip
COUNTED = _table(
    63, "counted", "of a metering label: counters of what its rules say; the packet goes on where it was",
    matches="reg0 reg1 proto nw_src nw_dst ipv6_src ipv6_dst",
)  # fmt: skip
METERED = _table(
    62, "metered", "which metering labels of its router a packet from or to the outside may count for",
    matches="reg1 reg3 reg6", sets="reg0", to=(COUNTED,),
)  # fmt: skip
ROUTED = _table(
    76, "routed", "forwarded by a router: one hop less, from the router, and looked up in the zone of its new network",
    matches="reg1 reg6 proto nw_src nw_dst ipv6_dst tp_src tp_dst tcp_flags", sets="eth_src ttl reg3 reg5 in_port nat",
    to=(DESTINATION, TRANSLATED, METERED),
)  # fmt: skip
KNOWN_NEIGHBOUR = _table(
    69, "known_neighbour", "whether the neighbour was known; else the agent keeps the packet and asks",
    matches="reg3", sets="reg3", to=(ROUTED, AGENT_METER),
)  # fmt: skip
NEIGHBOURS = _table(
    68, "neighbours", "MAC addresses of neighbours in physical networks that are no ports, as their answers tell",
    matches="reg2 reg6 proto nw_dst ipv6_dst",
)  # fmt: skip
NEXT_HOP = _table(
    75, "next_hop", "the MAC address of who has the destination, in the network that the router forwards to",
    matches="reg2 reg3 reg6 proto nw_dst ipv6_dst", sets="reg3 reg7 eth_dst",
    to=(ROUTED, AGENT_METER, NEIGHBOURS, KNOWN_NEIGHBOUR, OUTPUT),
)  # fmt: skip
OUTSIDE = _table(
    67, "outside", "to the external network of a router: on this host, or in its own network to the gateway host",
    matches="reg1 reg3 reg6 proto nw_src in_port", sets="reg2 reg3 reg6", to=(NEXT_HOP, AGENT_METER),
)  # fmt: skip
SEVERAL_HOPS = _table(
    83, "several_hops", "of a route with several next hops: which of them the packet's share belongs to",
    matches="reg2 reg3", sets="reg2 reg3 reg6", to=(NEXT_HOP, OUTSIDE),
)  # fmt: skip
ROUTES = _table(
    74, "routes", "of each router: its own addresses, its subnets, its extra routes",
    matches="reg1 reg3 reg6 proto nw_src nw_dst ipv6_dst nw_ttl icmp_type tp_src ct_state in_port",
    sets="reg2 reg3 reg6 reg7 in_port eth_src eth_dst ip icmp_type vlan nat",
    to=(SEVERAL_HOPS, NEXT_HOP, OUTSIDE, AGENT_METER, DESTINATION, OUTPUT), back_to=74,  # once it was translated
)  # fmt: skip
ROUTER = _table(
    AROUND, "router", "packets to the MAC address of a router's interface are forwarded, all others switched",
    matches="reg3 reg6 proto in_port vlan_tci dl_dst nw_dst ipv6_dst tp_dst ct_state arp_op arp_spa arp_tpa icmp_type "
    "nd_target",
    sets="reg1 reg2 reg3 reg7 in_port ct_mark nat eth_src eth_dst arp_op arp_sha arp_spa arp_tha arp_tpa vlan learn",
    to=(ROUTES, DESTINATION, AGENT_METER, OUTPUT), miss=goto(DESTINATION),
)  # fmt: skip
EGRESS_ALLOWED = _table(
    91, "egress_allowed", "what an egress rule allowed; the agent logs it where that is wanted",
    matches="in_port", sets="reg3", to=(ROUTER, LOG_METER), miss=goto(ROUTER),
)  # fmt: skip
EGRESS_RULES = _table(
    72, "egress_rules", "rules of the sender's security groups; what none allows is dropped",
    matches=f"reg5 in_port {_RULE}", sets="reg3", to=(EGRESS_ALLOWED, LOG_METER),
)  # fmt: skip
EGRESS_STATE = _table(
    71, "egress_state", "packets that need no egress rule: of unfiltered senders, and of known connections",
    matches=f"reg5 in_port {_STATE}", sets="reg3", to=(EGRESS_RULES, ROUTER, LOG_METER), miss=goto(EGRESS_RULES),
)  # fmt: skip
CONNTRACK = _table(
    70, "conntrack", "networks with filtered ports: unicast is looked up in the network's conntrack zone, once",
    matches="reg6 proto dl_dst tp_src tp_dst icmp_type", to=(EGRESS_STATE, ROUTER), miss=goto(ROUTER),
)  # fmt: skip
LEARN = _table(
    65, "learn", "networks where the database does not know every MAC address: where the source is, is learned",
    matches="reg6 vlan_tci", sets="learn", to=(CONNTRACK,), miss=goto(CONNTRACK),
)  # fmt: skip
PRIVATE = _table(
    64, "private", "private VLANs: what a port sends to one that its kind does not reach is dropped",
    matches="reg6 reg8 proto dl_dst nw_dst ipv6_dst", to=(LEARN,), miss=goto(LEARN),
)  # fmt: skip
PRIVATE_SENDER = _table(
    59, "private_sender", "private VLANs: what comes from elsewhere gets the group of its sender, by the MAC address",
    matches="reg6 dl_src", sets="reg8", to=(PRIVATE,), miss=goto(PRIVATE),
)  # fmt: skip
METADATA = _table(
    61, "metadata", "packets of a connection with the metadata service pass a meter of the sending port",
    matches="in_port", sets="reg3", to=(TO_AGENT,),
)  # fmt: skip
SERVICE_TABLE = _table(
    60, "services", "requests that this host answers or directs: DHCP, router solicitations, DNS, ARP, ND, metadata",
    matches="reg6 reg8 proto vlan_tci dl_dst nw_src nw_dst ipv6_dst tp_src tp_dst icmp_type nd_target arp_op arp_spa "
    "arp_tpa",
    sets="reg3 reg7 in_port eth_src eth_dst ip icmp_type arp_op arp_sha arp_spa arp_tha arp_tpa nat",
    to=(AGENT_METER, METADATA, PRIVATE, OUTPUT), miss=goto(PRIVATE),
)  # fmt: skip
ADDRESS_SECURITY = _table(
    26, "address_security", "IP and ARP addresses that a workload may send from",
    matches="in_port proto vlan_tci dl_src nw_src nw_dst ipv6_src arp_spa arp_sha icmp_type nd_target tp_src tp_dst",
    sets="reg3", to=(SERVICE_TABLE, AGENT_METER),
)  # fmt: skip
ND_SECURITY = _table(
    25, "nd_security", "neighbour discovery of a workload: the link-layer address in its options is its own",
    matches="in_port proto icmp_type nd_sll nd_tll", to=(ADDRESS_SECURITY,), miss=goto(ADDRESS_SECURITY),
)  # fmt: skip
PORT_SECURITY = _table(
    24, "port_security", "MAC addresses that a workload may send from",
    matches="in_port dl_src", to=(ND_SECURITY, SERVICE_TABLE),
)  # fmt: skip
QUEUE = _table(
    23, "queue", "what a workload with a minimum bandwidth sends is for its queue, should it leave by a NIC",
    matches="in_port", sets="queue", to=(PORT_SECURITY,), miss=goto(PORT_SECURITY),
)  # fmt: skip
MARK = _table(
    22, "mark", "the DSCP field of what a workload sends is set to that of its QoS policy",
    matches="in_port proto", sets="ip_dscp", to=(QUEUE,), miss=goto(QUEUE),
)  # fmt: skip
SENT_BANDWIDTH = _table(
    21, "sent_bandwidth", "what a workload sends passes the meter of its bandwidth limit",
    matches="in_port", to=(MARK,), miss=goto(MARK),
)  # fmt: skip
SENT_PACKETS = _table(
    20, "sent_packets", "what a workload sends passes the meter of its packet rate limit",
    matches="in_port", to=(SENT_BANDWIDTH,), miss=goto(SENT_BANDWIDTH),
)  # fmt: skip
SENT_MIRROR = _table(
    18, "sent_mirror", "what a workload sends is copied to collectors and taps",
    matches="in_port vlan_tci", sets="tun_id tun_erspan_idx pkt_mark in_port reg7", to=(SENT_PACKETS, SUB_PORT),
    miss=goto(SENT_PACKETS),
)  # fmt: skip
LOCAL_SWITCHING = _table(
    0, "local_switching", "where a packet came in, and so its network; dead VLAN and unknown ports are dropped",
    matches="in_port dl_vlan vlan_tci dl_type pkt_mark", sets="vlan in_port reg5 reg6 reg7 reg8 pkt_mark",
    to=(SENT_MIRROR, SENT_PACKETS, PORT_SECURITY, PRIVATE_SENDER, LEARN, SUB_PORT),
    back_to=0,
)  # fmt: skip
INTEGRATION = (
    LOCAL_SWITCHING, SENT_MIRROR, SENT_PACKETS, SENT_BANDWIDTH, MARK, QUEUE,
    PORT_SECURITY, ND_SECURITY, ADDRESS_SECURITY, PRIVATE_SENDER, SERVICE_TABLE, METADATA, PRIVATE, LEARN, CONNTRACK,
    EGRESS_STATE, EGRESS_RULES, EGRESS_ALLOWED, ROUTER, ROUTES, SEVERAL_HOPS, OUTSIDE, NEXT_HOP, NEIGHBOURS,
    KNOWN_NEIGHBOUR, ROUTED, METERED, COUNTED, TRANSLATED, DESTINATION, FLOOD_LOCAL, LEARNED, UNKNOWN,
    INGRESS_STATE, INGRESS_RULES, INGRESS_ALLOWED, COMMIT, OUTPUT,
    AGENT_METER, LOG_METER, TO_AGENT, RECEIVED_PACKETS, RECEIVED_BANDWIDTH, RECEIVED_MIRROR,
    SUB_PORT,
)  # fmt: skip

# br-tun
FLOOD_TO_TUN = _table(
    22, "flood_to_tun", "broadcast and unknown addresses: to the hosts that have the network",
    matches="dl_vlan", sets="vlan tun_id",
)  # fmt: skip
UCAST_TO_TUN = _table(
    20, "ucast_to_tun", "known MAC address: straight to its host",
    matches="dl_vlan dl_dst", sets="vlan tun_id", to=(FLOOD_TO_TUN,), miss=goto(FLOOD_TO_TUN),
)  # fmt: skip
LEARN_FROM_TUN = _table(
    10, "learn_from_tun", "networks where the database does not know every MAC address: the source's host is learned",
    matches="dl_vlan", sets="learn",
)  # fmt: skip


def _from_tunnel(number: int, name: str, purpose: str) -> Table:
    return _table(number, name, purpose, matches="tun_id vlan_tci", sets="vlan pkt_mark", to=(LEARN_FROM_TUN,))


GENEVE_TO_LV = _from_tunnel(6, "geneve_tun_to_lv", "Geneve: VNI -> local VLAN")
VXLAN_TO_LV = _from_tunnel(4, "vxlan_tun_to_lv", "VXLAN: VNI -> local VLAN")
GRE_TO_LV = _from_tunnel(3, "gre_tun_to_lv", "GRE: tunnel key -> local VLAN")
PATCH_TO_TUN = _table(
    2, "patch_lv_to_tun", "from br-int: unicast or not", matches="dl_dst", to=(UCAST_TO_TUN, FLOOD_TO_TUN)
)  # fmt: skip
CLASSIFY = _table(
    0, "classify", "from br-int, or from a tunnel of which type",
    matches="in_port pkt_mark vlan_tci", sets="tun_id pkt_mark",
    to=(PATCH_TO_TUN, GRE_TO_LV, VXLAN_TO_LV, GENEVE_TO_LV),
)  # fmt: skip
TUNNEL = (
    CLASSIFY, PATCH_TO_TUN, GRE_TO_LV, VXLAN_TO_LV, GENEVE_TO_LV, LEARN_FROM_TUN, UCAST_TO_TUN, FLOOD_TO_TUN,
)  # fmt: skip
FROM_TUNNEL: Mapping[str, Table] = MappingProxyType({"gre": GRE_TO_LV, "vxlan": VXLAN_TO_LV, "geneve": GENEVE_TO_LV})

# provider bridges
PROVIDER_SWITCHING = _table(
    0, "provider", "from br-int: local VLAN -> segment; all other traffic of the bridge is the operator's",
    matches="in_port dl_vlan", sets="vlan", miss="NORMAL",
)  # fmt: skip
PROVIDER = (PROVIDER_SWITCHING,)

UNICAST = "00:00:00:00:00:00/01:00:00:00:00:00"
MULTICAST = "01:00:00:00:00:00/01:00:00:00:00:00"

FEATURES: Mapping[str, int] = MappingProxyType(
    {
        "base": 0, "port": 1, "network": 2, "neighbour": 3, "located": 3, "subnet": 4, "flood": 5, "policy": 6,
        "remote": 6, "member": 6, "reach": 7, "router": 7, "wire": 7, "gateway": 8, "floating": 8, "qos": 9,
        "metadata": 10, "log": 11, "mirror": 12, "metering": 13,
        "tap": 14, "tap flow": 14,
        "local-ip": 15, "private": 16,
    }
)  # fmt: skip
"""Feature -> its number in the cookie of its flows."""


def cookie(feature: str) -> int:
    """The cookie of a feature's flows."""
    return COOKIE | FEATURES[feature] << 32
