"""A set of security groups that local ports have: its rules as flows, once for all ports with the same set.

A rule without a remote group is one flow for each masked range of its ports. One with a remote group or address group
is a conjunction of two clauses: this policy with the rule's protocol and ports, and the addresses of the remote end.
The conjunction's id stands for the remote end and the shape of the rule, not for the policy: so one more member is one
flow, and one more policy with the same rule is one flow, whatever number there is of the other.
"""

from collections.abc import Iterator

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.pipeline import Field, Table
from tunbridge.dataplane.view import Rule, SecurityGroup

RULE_PRIORITY, CONJUNCTION_PRIORITY = 77, 70
ICMP, IGMP, TCP, UDP, ICMPV6, SCTP = 1, 2, 6, 17, 58, 132
_WITH_PORTS = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}

Use = tuple[str, int, bool, int | None, int | None, int | None]
"""How a rule names a remote end: direction, IP version, stateless, protocol, first port, last port."""


def compute(context: Context, policy: str) -> None:
    """The rules of the groups with these ids, parted by commas."""
    groups = [g for id in policy.split(",") if id and (g := context.view.group(id)) is not None]
    stateless = bool(groups) and not any(g.stateful for g in groups)
    number = context.identifiers.policy(policy, stateless)
    context.state("policy", policy, number)
    for rule in _rules(groups):
        _rule(context, policy, number, rule)


def _rules(groups: list[SecurityGroup]) -> Iterator[Rule]:
    for group in groups:
        yield from group.rules


def _rule(context: Context, policy: str, number: int, rule: Rule) -> None:
    protocol = _protocol(rule)
    if protocol is not None and protocol not in {*_WITH_PORTS, ICMP, ICMPV6} and rule.port_min is not None:
        context.note(f"rule {rule.id}: Open vSwitch cannot match ports of protocol {protocol}")
        return
    stateless = bool(number & pipeline.STATELESS)
    use: Use = (rule.direction, rule.ip_version, stateless, protocol, rule.port_min, rule.port_max)
    remote = remote_of(rule)
    permit = [str(v) if v is not None else "" for v in (rule.ip_version, protocol, rule.port_min, rule.port_max)]
    context.permit("rule", policy, rule.direction, *permit, remote or rule.remote_ip_prefix or "")
    table, register = stage(rule.direction)
    for shape in shapes(use):
        match = {**register(number), **shape}
        if remote is not None:
            action = flow.conjunction(context.identifiers.conjunction(conjunction(remote, use)), 1, 2)
            context.flow(names.INTEGRATION_BRIDGE, table, CONJUNCTION_PRIORITY, match, action)
        else:
            match |= address(rule.direction, rule.remote_ip_prefix)
            context.flow(names.INTEGRATION_BRIDGE, table, RULE_PRIORITY, match, *allow(use))
    if remote is not None:
        context.child("remote", remote)
        context.state("use", remote, use)


def _protocol(rule: Rule) -> int | None:
    """The protocol's number; `icmp` in an IPv6 rule means ICMPv6."""
    return ICMPV6 if rule.ip_version == 6 and rule.protocol == ICMP else rule.protocol


def remote_of(rule: Rule) -> str | None:
    """What the rule names as its remote end, when that is a set of addresses."""
    if rule.remote_group_id is not None:
        return f"group:{rule.remote_group_id}"
    if rule.remote_address_group_id is not None:
        return f"address-group:{rule.remote_address_group_id}"
    return None


def conjunction(remote: str, use: Use) -> str:
    """What a conjunction's id is the hash of."""
    return f"{remote} {use}"


def stage(direction: str) -> tuple[Table, Field]:
    """The table of a direction's rules, and the register that holds the policy there."""
    if direction == "egress":
        return pipeline.EGRESS_RULES, pipeline.SENDER
    return pipeline.INGRESS_RULES, pipeline.RECEIVER


def allow(use: Use) -> list[Action]:
    """What happens to a packet that a rule allows."""
    direction, _, stateless, *_ = use
    bit, onwards = (0, pipeline.EGRESS_ALLOWED) if direction == "egress" else (1, pipeline.INGRESS_ALLOWED)
    return [goto(onwards)] if stateless else [flow.set_bit(pipeline.CHECKED, bit), goto(onwards)]


def address(direction: str, prefix: str | None) -> Match:
    """A match on the address of the remote end."""
    text = None if prefix is None else flow.prefix(prefix)
    if text is None:
        return {}
    side = "dst" if direction == "egress" else "src"
    return {f"ipv6_{side}" if ":" in text else f"nw_{side}": text}


def shapes(use: Use) -> list[Match]:
    """Matches on IP version, protocol and ports that together are what a rule is about."""
    _, version, _, protocol, first, last = use
    ip, suffix = ("ip", "") if version == 4 else ("ipv6", "6")
    if protocol is None:
        return [{"proto": ip}]
    if protocol in (ICMP, ICMPV6):
        codes = {"icmp_type": first, "icmp_code": last}
        return [{"proto": "icmp" + suffix, **{k: v for k, v in codes.items() if v is not None}}]
    if (word := _WITH_PORTS.get(protocol)) is None:
        return [{"proto": ip, "nw_proto": protocol}]
    if first is None or (first, last) == (0, 65535):
        return [{"proto": word + suffix}]
    ranges = masked(first, first if last is None else last)
    return [{"proto": word + suffix, "tp_dst": v if m == 0xFFFF else f"{v:#x}/{m:#x}"} for v, m in ranges]


def masked(first: int, last: int) -> list[tuple[int, int]]:
    """A range of ports as (value, mask), as few as possible."""
    found = []
    while first <= last:
        size = first & -first or 0x10000
        while first + size - 1 > last:
            size >>= 1
        found.append((first, 0x10000 - size))
        first += size
    return found
