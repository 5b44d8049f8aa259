"""Stateful filtering with one conntrack lookup per packet: the flows that all networks share. Tables 70, 71, 81, 92.

A packet is looked up once, in the zone of its network. The ct_mark of its connection says who was checked on this host:
the egress rules of the connection's originator (bit 0), the ingress rules of its receiver (bit 1). A packet passes the
sender's stage without rules when its sender was checked in the role that it has in the connection, and likewise the
receiver's; a known connection whose side was not checked here is evaluated by rules, not trusted.

    stage      sender is originator (-rpl)    sender is receiver (+rpl)
    egress     bit 0                          bit 1
    ingress    bit 1                          bit 0

Broadcast and multicast have one connection for many receivers, so they are never looked up: rules judge each packet.

Later fragments have no ports, and pass: they are of no use without their first one, which rules judge. The kernel's
lookup reassembles them. The userspace datapath does so only while it looks up or commits, and needs them all for that:
so they set the bits that their first one sets. So that a first fragment is matched by its ports, the bridge must handle
fragments as `FRAGMENTS` in pipeline.py says.
"""

from tunbridge.dataplane import flow, pipeline
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.pipeline import EGRESS_CHECKED, INGRESS_CHECKED, STATELESS, Field, Table

INVALID_PRIORITY = 70
_IP = ("ip", "ipv6")
_UNTRACKED_ND = (130, 131, 132, 133, 134, 135, 136, 143)
"""ICMPv6 types that the kernel's conntrack leaves out (nf_conntrack_proto_icmpv6.c): ND and multicast listeners."""
_ALLOWED_ND = (130, 134, 135, 136)
"""Those that a filtered port receives in any case: listener queries, router and neighbour discovery."""
_DHCP_REQUESTS: tuple[Match, ...] = (
    {"proto": "udp", "tp_src": 68, "tp_dst": 67},
    {"proto": "udp6", "tp_src": 546, "tp_dst": 547},
)
_DHCP_REPLIES: tuple[Match, ...] = (
    {"proto": "udp", "tp_src": 67, "tp_dst": 68},
    {"proto": "udp6", "tp_src": 547, "tp_dst": 546},
)
_IGMP_QUERY: Match = {"proto": "ip", "nw_proto": 2, "nw_dst": "224.0.0.1"}


def common() -> list[Flow]:
    """Flows that do not depend on any network or port."""
    return [*_conntrack(), *_egress(), *_ingress(), *_commit()]


def _conntrack() -> list[Flow]:
    table, past = pipeline.CONNTRACK, [goto(pipeline.ROUTER)]
    # A workload's neighbour discovery and DHCP were judged by port security; no egress rule is needed.
    flows = [flow.make(table, 30, {"proto": "icmp6", "icmp_type": kind}, past) for kind in _UNTRACKED_ND]
    flows += [flow.make(table, 30, match, past) for match in _DHCP_REQUESTS]
    return [*flows, flow.make(table, 20, {"dl_dst": pipeline.MULTICAST}, [goto(pipeline.EGRESS_STATE)])]


def _egress() -> list[Flow]:
    table, passed, rules = pipeline.EGRESS_STATE, goto(pipeline.ROUTER), goto(pipeline.EGRESS_RULES)
    return [
        flow.make(table, 100, pipeline.SENDER(0), [passed]),
        # These are judged by port security.
        *(flow.make(table, 90, {"proto": proto}, [passed]) for proto in ("arp", "rarp")),
        flow.make(table, 80, pipeline.SENDER(STATELESS, STATELESS), [rules]),
        *_states(table, passed, originator=EGRESS_CHECKED, receiver=INGRESS_CHECKED),
        *_fragments(table, pipeline.SENDER, 0, passed),
    ]


def _ingress() -> list[Flow]:
    table, passed, rules = pipeline.INGRESS_STATE, goto(pipeline.COMMIT), goto(pipeline.INGRESS_RULES)
    flows = [flow.make(table, 100, pipeline.RECEIVER(0), [passed]), flow.make(table, 90, {"proto": "arp"}, [passed])]
    flows += [flow.make(table, 90, {"proto": "icmp6", "icmp_type": kind}, [passed]) for kind in _ALLOWED_ND]
    flows += [flow.make(table, 90, match, [passed]) for match in (*_DHCP_REPLIES, _IGMP_QUERY)]
    flows.append(flow.make(table, 80, pipeline.RECEIVER(STATELESS, STATELESS), [rules]))
    flows += _states(table, passed, originator=INGRESS_CHECKED, receiver=EGRESS_CHECKED)
    return flows + _fragments(table, pipeline.RECEIVER, 1, passed)


def _states(table: Table, passed: Action, *, originator: int, receiver: int) -> list[Flow]:
    """Pass known connections; the bits are those that let packets of either direction pass this stage."""
    first, reply = f"{originator:#x}/{originator:#x}", f"{receiver:#x}/{receiver:#x}"
    return [
        flow.make(table, INVALID_PRIORITY, {"ct_state": "+inv+trk"}, []),
        # ICMP errors about a known connection.
        flow.make(table, 60, {"ct_state": "-new+rel+trk"}, [passed]),
        flow.make(table, 60, {"ct_state": "+est-rel-rpl+trk", "ct_mark": first}, [passed]),
        flow.make(table, 60, {"ct_state": "+est-rel+rpl+trk", "ct_mark": reply}, [passed]),
    ]


def _fragments(table: Table, policy: Field, bit: int, passed: Action) -> list[Flow]:
    """Pass later fragments that are not of a known connection."""
    flows = []
    for proto in _IP:
        later = {"proto": proto, "nw_frag": "later"}
        flows.append(flow.make(table, 85, {**later, **policy(STATELESS, STATELESS)}, [passed]))
        flows.append(flow.make(table, 50, later, [flow.set_bit(pipeline.CHECKED, bit), passed]))
    return flows


def _commit() -> list[Flow]:
    flows = []
    for proto in _IP:
        for bits in (EGRESS_CHECKED, INGRESS_CHECKED, EGRESS_CHECKED | INGRESS_CHECKED):
            match = {"proto": proto, "ct_state": "-rpl+trk", **pipeline.CHECKED(bits)}
            flows.append(flow.make(pipeline.COMMIT, 10, match, [flow.commit(bits), goto(pipeline.OUTPUT)]))
    return flows
