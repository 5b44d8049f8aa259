"""A trace as text: host by host, the tables in which something was decided, and how it ended."""

from collections.abc import Iterator, Mapping

from tunbridge.inspect.interfaces import tunnel_name
from tunbridge.inspect.model import BridgeRole
from tunbridge.inspect.trace.follow import Branch, Visit, ends
from tunbridge.inspect.trace.packet import INNER_VLAN, Packet, addresses, described
from tunbridge.inspect.trace.report import Trace, is_received, is_redirected
from tunbridge.inspect.trace.tables import NameOf
from tunbridge.inspect.trace.text import Round, Step
from tunbridge.inspect.translation import say

Roles = Mapping[tuple[str, str], BridgeRole]
"""(host, bridge) -> its role."""

_SHOWN = (("dl_src", "dl_dst", "MAC"), ("nw_src", "nw_dst", "IP"), ("ipv6_src", "ipv6_dst", "IP"))
_OTHER = (
    ("dl_vlan", "VLAN"),
    (INNER_VLAN, "VLAN below"),
    ("nw_ttl", "TTL"),
    ("tp_src", "source port"),
    ("tp_dst", "destination port"),
)


def to_text(trace: Trace, roles: Roles, name_of: NameOf, verbose: bool = False) -> str:
    """Write it. `verbose`: every table, with the actions as they were carried out."""
    writer = _Writer(trace, roles, name_of, verbose)
    return "\n".join([_title(trace), *writer.visit(trace.visit), "", _verdict(trace), ""])


def _title(trace: Trace) -> str:
    source, destination = trace.source, trace.destination
    places = [
        say("{name} on {host}", name=one.label, host=one.place.host) if one.place is not None else one.label
        for one in (source, destination)
    ]
    ends_ = addresses(trace.packet)
    between = f", {ends_[0]} → {ends_[1]}" if ends_ else ""
    tag = f", {say('VLAN')} {trace.packet['dl_vlan']}" if "dl_vlan" in trace.packet else ""
    return f"{places[0]} → {places[1]}: {described(trace.packet)}{tag}{between}"


def _verdict(trace: Trace) -> str:
    name = trace.destination.label
    if trace.outcome == "arrives":
        found = ends(trace.visit)
        if not any(is_received(trace.destination, at, branch) for at, branch in found):
            name = next(branch.port or name for _, branch in found if is_redirected(trace.packet, branch))
        return say("{name} receives it", name=name)
    if trace.outcome == "handed over":
        return say("it is handed over; what comes of it there is not in the flows")
    dropped = [(visit, branch) for visit, branch in ends(trace.visit) if branch.kind == "dropped"]
    where = f": {dropped[0][0].at.host}" if dropped else ""
    return say("{name} does not receive it", name=name) + where


class _Writer:
    def __init__(self, trace: Trace, roles: Roles, name_of: NameOf, verbose: bool) -> None:
        self._trace = trace
        self._roles = roles
        self._name_of = name_of
        self._verbose = verbose

    def visit(self, visit: Visit) -> Iterator[str]:
        yield ""
        yield say("{host}: in by {port} of {bridge}", host=visit.at.host, port=visit.at.port, bridge=visit.at.bridge)
        bridge = ""
        for one in visit.rounds:
            if one.because is not None:
                yield f"  {self._because(one)}"
            for step in one.steps:
                if self._verbose or step.match or step.does:
                    yield self._step(visit.at.host, step, "" if step.bridge == bridge else step.bridge)
                    bridge = step.bridge
                if self._verbose:
                    yield from (f"{'':22}{action}" for action in step.actions)
        for branch in visit.branches:
            yield from self._branch(visit, branch)

    def _because(self, one: Round) -> str:
        zone = one.zone
        if one.because is not None and "conntrack" in one.because:
            return say("conntrack, zone {zone}: {state}", zone=zone or "0", state=one.state or "trk|new")
        return one.because or ""

    def _step(self, host: str, step: Step, bridge: str) -> str:
        known = self._name_of(self._roles.get((host, step.bridge), "other"), step)
        name = f"{step.table:>3} {known[0]}" if known else f"{step.table:>3}"
        return f"  {bridge:<9} {name:<22} {step.match or say('any')}".rstrip()

    def _branch(self, visit: Visit, branch: Branch) -> Iterator[str]:
        changed = _changes(visit.packet, branch.packet)
        if changed and branch.kind != "dropped":
            yield f"  {say('now:')} {', '.join(changed)}"
        yield f"  {self._end(visit, branch)}"
        for further in branch.visits:
            yield from self.visit(further)

    def _end(self, visit: Visit, branch: Branch) -> str:
        port = branch.port or ""
        match branch.kind:
            case "delivered":
                return f"✓ {say('out by {port}', port=port)}{self._whose(visit, branch)}"
            case "answered":
                return "✓ " + say("a flow answers it, out by {port}", port=port)
            case "controller":
                return "? " + say("to the agent or controller that programs the bridge") + self._why(visit)
            case "noted":
                return "· " + say("a copy to the agent or controller that programs the bridge, for its log")
            case "host":
                return "? " + say("to the host's own IP stack, by {port}", port=port)
            case "outside":
                sign = "⇢" if branch.visits else "?"
                return f"{sign} " + self._outside(branch, port)
            case "tunnel":
                return "⇒ " + self._encapsulated(branch)
            case "lost":
                lost = f"✗ {branch.reason}"
                return f"⇒ {self._encapsulated(branch)}\n  {lost}" if branch.outer is not None and branch.port else lost
            case "dropped":
                return "✗ " + self._dropped(visit, branch.step)

    def _outside(self, branch: Branch, port: str) -> str:
        bridge = branch.bridge or ""
        if branch.physical is None:
            return say("out by the NIC {port} of {bridge}, to its physical network", port=port, bridge=bridge)
        return say(
            "out by the NIC {port} of {bridge}, to the physical network {network}",
            port=port, bridge=bridge, network=branch.physical,
        )  # fmt: skip

    def _encapsulated(self, branch: Branch) -> str:
        outer = branch.outer
        assert outer is not None
        return say(
            "encapsulated in {type}, key {key}, from {source} to {destination}, out by {port}",
            type=tunnel_name(outer.type), key=outer.key or "-", source=outer.source, destination=outer.destination,
            port=branch.port or "",
        )  # fmt: skip

    def _dropped(self, visit: Visit, step: Step | None) -> str:
        if step is None:
            return say("dropped: no flow takes it")
        known = self._name_of(self._roles.get((visit.at.host, step.bridge), "other"), step)
        text = say(
            "dropped by {bridge}, table {table}, flow: {flow}",
            bridge=step.bridge, table=f"{step.table} {known[0]}" if known else str(step.table),
            flow=step.match or say("any"),
        )  # fmt: skip
        return f"{text}\n    {known[1]}" if known and known[1] else text

    def _why(self, visit: Visit) -> str:
        """Give the purpose of the table that sent it to the agent: the last one that did more than to pass it on."""
        for step in reversed([step for one in visit.rounds for step in one.steps]):
            known = self._name_of(self._roles.get((visit.at.host, step.bridge), "other"), step)
            if known is None or any(action.startswith(("controller", "meter")) for action in step.does):
                continue
            return f"\n    {known[0]}: {known[1]}" if known[1] else ""
        return ""

    def _whose(self, visit: Visit, branch: Branch) -> str:
        if self._trace.destination.place is not None and is_received(self._trace.destination, visit, branch):
            return f" ({self._trace.destination.label})"
        return ""


def _changes(before: Packet, after: Packet) -> list[str]:
    """Say how the header differs, as it leaves, from how it came in."""
    found = []
    for source, destination, name in _SHOWN:
        if any(before.get(field) != after.get(field) for field in (source, destination)):
            found.append(f"{name} {after.get(source, '-')} → {after.get(destination, '-')}")
    for field, name in _OTHER:
        if before.get(field) != after.get(field):
            found.append(f"{say(name)} {after.get(field) or say('none')}")
    return found
