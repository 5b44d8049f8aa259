"""Makes flows: every one through its declared table, in the text in which Open vSwitch dumps it.

A match is a mapping of field names to values; `proto` holds ovs-ofctl's word for the protocol. Order and form follow
`match_format()` of Open vSwitch 3.1, `lib/match.c`.
"""

import ipaddress
from collections.abc import Mapping, Sequence

from msgspec import Struct

from tunbridge.dataplane.flows import COOKIE, Flow, FlowError
from tunbridge.dataplane.pipeline import CONTROLLER_ID, DROP, LEARNED_COOKIE, NO_ZONE, ZONE, Field, Table

_FIELDS = (
    "pkt_mark", "conj_id", "ct_state", "ct_zone", "ct_mark", "proto", "reg0", "reg1", "reg2", "reg3", "reg4", "reg5",
    "reg6", "reg7", "reg8", "tun_id", "in_port", "dl_vlan", "vlan_tci", "dl_src", "dl_dst", "dl_type", "ipv6_src",
    "ipv6_dst", "nw_src", "nw_dst", "arp_spa", "arp_tpa", "nw_proto", "arp_op", "arp_sha", "arp_tha", "nw_ttl",
    "nw_frag", "icmp_type", "icmp_code", "nd_target", "nd_sll", "nd_tll", "tp_src", "tp_dst", "tcp_flags",
)  # fmt: skip
_ORDER = {name: place for place, name in enumerate(_FIELDS)}

Match = Mapping[str, object]


class Action(Struct, frozen=True):
    """One action as text, the fields that it writes, and the tables that it continues in."""

    text: str
    sets: tuple[str, ...] = ()
    next: tuple[int, ...] = ()


def make(table: Table, priority: int, match: Match, actions: Sequence[Action], cookie: int = COOKIE) -> Flow:
    """Make a flow. Raises FlowError when its table does not declare what it matches, sets or continues in."""
    if not table.matches.issuperset(match):
        raise FlowError(f"table {table.number} {table.name} matches no {sorted(match.keys() - table.matches)}")
    for action in actions:
        if not table.sets.issuperset(action.sets):
            raise FlowError(f"table {table.number} {table.name} does not set {action.sets}: {action.text}")
        if not table.next.issuperset(action.next):
            raise FlowError(f"table {table.number} {table.name} does not continue in {action.next}")
    return Flow(
        table=table.number, priority=priority, match=match_text(match),
        actions=",".join([a.text for a in actions]) or DROP, cookie=cookie,
    )  # fmt: skip


def match_text(match: Match) -> str:
    """A match as Open vSwitch prints it."""
    fields = sorted(match, key=_ORDER.__getitem__)
    return ",".join([str(match[f]) if f == "proto" else f"{f}={match[f]}" for f in fields])


def miss(table: Table) -> Flow:
    """The flow for packets that nothing else in the table matches."""
    return Flow(table=table.number, priority=0, actions=table.miss)


# Actions


def goto(table: Table) -> Action:
    return Action(f"resubmit(,{table.number})", next=(table.number,))


def load(field: Field, value: int) -> Action:
    """Write bits of a register."""
    register, text = f"reg{field.register}", f"{value:#x}" if value else "0"
    if field.is_whole:
        return Action(f"set_field:{text}->{register}", (register,))
    bits = f"{field.low}" if field.low == field.high else f"{field.low}..{field.high}"
    return Action(f"load:{text}->NXM_NX_{register.upper()}[{bits}]", (register,))


def set_bit(field: Field, bit: int) -> Action:
    """Set one bit of a field, counted from its low end."""
    register = f"reg{field.register}"
    return Action(f"load:0x1->NXM_NX_{register.upper()}[{field.low + bit}]", (register,))


def set_field(name: str, value: str) -> Action:
    """Write a packet's field, as `eth_dst` or `arp_spa`."""
    return Action(f"set_field:{value}->{name}", (name,))


def set_dscp(value: int) -> Action:
    """Write the DSCP field, whose bits are the upper six of the byte (RFC 2474); of IPv4 and IPv6 packets."""
    return set_field("ip_dscp", str(value))


def set_queue(number: int) -> Action:
    """Have a packet wait in this queue of the NIC that it leaves by, where that has such a queue."""
    return Action(f"set_queue:{number}", ("queue",))


def set_tunnel(key: int) -> Action:
    return Action(f"set_field:{key:#x}->tun_id", ("tun_id",))


def set_mark(value: int) -> Action:
    """Write the packet mark, which patch ports keep."""
    return set_field("pkt_mark", f"{value:#x}" if value else "0")


def set_session(id: int) -> Action:
    """Name what an ERSPAN packet is a copy of: the session id of its header, and the index, which has no other use."""
    return Action(f"set_field:{id:#x}->tun_id,set_field:{id:#x}->tun_erspan_idx", ("tun_id", "tun_erspan_idx"))


def move(source: str, target: str, name: str) -> Action:
    """Copy a field; `name` is the target's name in the declaration of tables."""
    return Action(f"move:{source}->{target}", (name,))


def dec_ttl() -> Action:
    """One hop less; a packet whose last hop this would be is not to come here."""
    return Action("dec_ttl", ("ttl",))


def apart(actions: Sequence[Action], scratch: Field) -> Action:
    """Carry out actions on a copy of the packet, of which a meter in another table may drop what it wants.

    A meter that drops ends the whole list of actions in the datapath. `clone` is a list of its own there only if its
    own actions cannot be taken back, for which Open vSwitch (3.1, `reversible_actions()`) does not look through
    `resubmit`; what follows `check_pkt_larger` always is.
    """
    return clone([check_larger(0xFFFF, scratch), *actions])


def check_larger(size: int, field: Field) -> Action:
    """Set a bit when the frame is larger than `size` bytes, Ethernet header and all (of a GSO packet: its segments)."""
    return Action(f"check_pkt_larger({size})->NXM_NX_REG{field.register}[{field.low}]", (f"reg{field.register}",))


def share(shares: int, basis: int, field: Field) -> Action:
    """Part packets into so many shares by their two addresses; `basis`: so that others part them in another way."""
    bits = f"NXM_NX_REG{field.register}[{field.low}..{field.high}]"
    return Action(f"multipath(symmetric_l3,{basis},modulo_n,{shares},0,{bits})", (f"reg{field.register}",))


def answer_echo(address: str, kind: int) -> Sequence[Action]:
    """Turn an echo request to an address into its reply (RFC 792, RFC 4443)."""
    if ":" in address:
        source, target, written, icmp = "NXM_NX_IPV6_SRC[]", "NXM_NX_IPV6_DST[]", "ipv6_src", "icmpv6_type"
    else:
        source, target, written, icmp = "NXM_OF_IP_SRC[]", "NXM_OF_IP_DST[]", "ip_src", "icmp_type"
    return (
        Action("push:NXM_OF_ETH_SRC[]"),
        Action("move:NXM_OF_ETH_DST[]->NXM_OF_ETH_SRC[]", ("eth_src",)),
        Action("pop:NXM_OF_ETH_DST[]", ("eth_dst",)),
        Action(f"move:{source}->{target}", ("ip",)),
        Action(f"set_field:{address}->{written}", ("ip",)),
        Action("set_field:64->nw_ttl", ("ip",)),
        Action(f"set_field:{kind}->{icmp}", ("icmp_type",)),
    )


def pop_vlan() -> Action:
    return Action("pop_vlan", ("vlan",))


CUSTOMER_TAG, SERVICE_TAG = 0x8100, 0x88A8
"""Ethernet types of VLAN tags (IEEE 802.1Q)."""


def push_vlan(vlan: int, kind: int = CUSTOMER_TAG) -> Sequence[Action]:
    """Put a VLAN tag on."""
    return Action(f"push_vlan:{kind:#x}", ("vlan",)), set_vlan(vlan)


def set_vlan(vlan: int) -> Action:
    """Change the VLAN id of a packet with a tag; 0x1000 is its "tag present" bit."""
    return Action(f"set_field:{vlan | 0x1000}->vlan_vid", ("vlan",))


def push_network() -> Sequence[Action]:
    """Put the local VLAN of the packet's network on."""
    pushed = Action("push_vlan:0x8100", ("vlan",))
    return pushed, Action("move:NXM_NX_REG6[0..11]->OXM_OF_VLAN_VID[]", ("vlan",))


def to_agent(userdata: int) -> Action:
    """Hand the packet to the agent's connection, with a byte of userdata."""
    return Action(f"controller(id={CONTROLLER_ID},userdata={userdata:02x})")


def meter(id: int) -> Action:
    return Action(f"meter:{id}")


def output(port: int) -> Action:
    return Action(f"output:{port}")


def clone(actions: Sequence[Action]) -> Action:
    """Carry out actions on a copy of the packet."""
    return Action(
        f"clone({','.join(a.text for a in actions)})",
        tuple(s for a in actions for s in a.sets),
        tuple(n for a in actions for n in a.next),
    )


def conjunction(id: int, clause: int, clauses: int) -> Action:
    return Action(f"conjunction({id},{clause}/{clauses})")


NORMAL = Action("NORMAL")
TO_IN_PORT = Action("IN_PORT")


def prefix(text: str) -> str | None:
    """An address or prefix as a match prints it; None when it holds every address."""
    network = ipaddress.ip_network(text, strict=False)
    if network.prefixlen == 0:
        return None
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


_LEARN_NEIGHBOUR = (
    "learn(table=68,hard_timeout={seconds},priority=1,delete_learned,cookie={cookie:#x},limit=4096,NXM_NX_REG6[],"
    "{of},load:{mac}->NXM_OF_ETH_DST[],load:0x1->NXM_NX_REG3[3])"
)
_LEARN_TUNNEL = (
    "learn(table=20,hard_timeout=300,priority=1,delete_learned,cookie={cookie:#x},limit=4096,NXM_OF_VLAN_TCI[0..11],"
    "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],"
    "output:NXM_OF_IN_PORT[])"
)
_LEARN_LOCAL = (
    "learn(table=79,hard_timeout=300,priority=1,delete_learned,cookie={cookie:#x},limit=4096,NXM_NX_REG6[],"
    "NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG7[0..15],"
    "load:NXM_NX_REG5[]->NXM_NX_REG4[])"
)


def learn_tunnel(vlan: int) -> Action:
    """Learn in br-tun from which tunnel a MAC address of a network comes."""
    return Action(_LEARN_TUNNEL.format(cookie=LEARNED_COOKIE | vlan), ("learn",))


def learn_local(vlan: int) -> Action:
    """Learn in br-int from which port a MAC address of a network comes, and the policy of that port."""
    return Action(_LEARN_LOCAL.format(cookie=LEARNED_COOKIE | vlan), ("learn",))


NEIGHBOUR_S = 60
"""Seconds after which what an ARP reply has told is forgotten, unless it is told again."""


def learn_neighbour(vlan: int, version: int, via: int = 0) -> Action:
    """Learn where packets for a neighbour go, from its ARP message or its neighbour advertisement.

    `via`: packets for whom it is this next hop. An advertisement is believed to come from the MAC address that it is
    for: where it answers a unicast solicitation it need not name that (RFC 4861, 7.2.4).
    """
    if version == 4:
        target, mac = "reg2=0,eth_type=0x800,NXM_OF_IP_DST[]=NXM_OF_ARP_SPA[]", "NXM_NX_ARP_SHA[]"
    else:
        target, mac = "reg2=0,eth_type=0x86dd,NXM_NX_IPV6_DST[]=NXM_NX_ND_TARGET[]", "NXM_OF_ETH_SRC[]"
    of = f"reg2={via:#x}" if via else target
    text = _LEARN_NEIGHBOUR.format(seconds=NEIGHBOUR_S, cookie=LEARNED_COOKIE | vlan, of=of, mac=mac)
    return Action(text, ("learn",))


def output_field(field: Field) -> Action:
    """Output to the port that a register names."""
    return Action(f"output:NXM_NX_REG{field.register}[]")


def anew(table: Table) -> Action:
    """Continue in a table with a packet that the datapath takes for a new one, in a flow of its own.

    Where the kernel's datapath cannot write a field (the type of ICMP), vswitchd does it, and has the kernel carry out
    what follows action by action: what conntrack says and translates is lost from one to the next. By a flow of its own
    the kernel carries it out in one go.
    """
    return Action(f"ct(table={table.number},zone={NO_ZONE})", next=(table.number,))


def track(table: Table) -> Action:
    """Look the packet up in its network's conntrack zone and continue in a table."""
    return Action(f"ct(table={table.number},zone={ZONE})", next=(table.number,))


def translate(
    zone: int, table: Table, *, source: str | None = None, target: str | None = None, helper: str = ""
) -> Action:
    """Translate a packet, and all of its connection, in a router's zone; without an address: as is known there.

    `helper`: the protocol ("ftp", "tftp") that announces other connections, whose addresses are translated likewise.
    """
    if source is None and target is None:
        return Action(f"ct(table={table.number},zone={zone},nat)", ("nat",), (table.number,))
    to = f"src={source}" if source is not None else f"dst={target}"
    alg = f",alg={helper}" if helper else ""
    return Action(f"ct(commit,table={table.number},zone={zone},nat({to}){alg})", ("nat",), (table.number,))


def expect(zone: int, table: Table) -> Action:
    """Translate the first packet of a connection that another one has announced, and all of it, in a router's zone."""
    return Action(f"ct(commit,table={table.number},zone={zone},nat)", ("nat",), (table.number,))


CT_CLEAR = Action("ct_clear")


def come_from(ofport: int) -> Action:
    """Go on as if the packet had come in by another port."""
    return Action(f"load:{ofport:#x}->NXM_OF_IN_PORT[]", ("in_port",))


FROM_NOWHERE = come_from(0xFFFF)
"""So that the packet may leave by the port that it came from."""


def back(output: Table) -> Sequence[Action]:
    """Send the packet back to the port, or the sub-port, that it came from, by the table of outputs."""
    return move("NXM_OF_IN_PORT[]", "NXM_NX_REG7[0..15]", "reg7"), FROM_NOWHERE, goto(output)


def commit(bits: int) -> Action:
    """Make the packet's connection known to conntrack, with these bits of its mark set besides those that it has."""
    where = {0x1: "0", 0x2: "1", 0x3: "0..1"}[bits]
    value = bits >> 1 if bits == 0x2 else bits
    return Action(f"ct(commit,zone={ZONE},exec(load:{value:#x}->NXM_NX_CT_MARK[{where}]))", ("ct_mark",))
