"""What `ofproto/trace` prints, read: rounds, and in each the flows that the packet met, bridge by bridge.

A round ends where conntrack, a hash or the like has to be asked; the next one begins with the answer ("recirc(0x5)"),
in the bridge that asked. Where that is not the first one, the heading of the next round names the wrong bridge
(ofproto-dpif-trace.c prints the one that the packet came in by): so it is taken from the round before.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tunbridge.inspect.trace.actions import Copy, copies
from tunbridge.inspect.trace.packet import Packet, fields, header

_BRIDGE = re.compile(r'bridge\("(.*)"\)')
_STEP = re.compile(r" ?(\d{1,3})\. (.*)")
_ROUND = re.compile(r"(recirc\(0x[0-9a-f]+\)) - (.*)")
_PRIORITY = re.compile(r"(?:^|, )priority (\d+)(?:, |$)")
_COOKIE = re.compile(r"(?:^|, )cookie 0x([0-9a-f]+)")
_GOES_ON = re.compile(r"resubmit\(,\d+\)|goto_table:\d+|thaw|Resuming from table \d+")
NO_MATCH = "no flow matches"


class Step(Struct, frozen=True, kw_only=True):
    """A table of a bridge, the flow that matched there, and its actions as they were carried out.

    `match` is empty for a flow that matches all; `priority` is None when none did.
    """

    bridge: str
    table: int
    match: str
    priority: int | None = None
    cookie: int = 0
    actions: tuple[str, ...] = ()

    @property
    def does(self) -> tuple[str, ...]:
        """Its actions but for those that only go on in another table, and what Open vSwitch remarks on them."""
        return tuple(a for a in self.actions if not a.startswith("->") and not _GOES_ON.fullmatch(a))


class Round(Struct, frozen=True, kw_only=True):
    """A pass through the flows; `because` says what the pass before waited for."""

    packet: Packet
    steps: tuple[Step, ...]
    copies: tuple[Copy, ...]
    left: Packet
    """The packet as it left the bridge that it came in by."""
    because: str | None = None
    zone: str | None = None
    """The conntrack zone that it was looked up in, and what the trace takes the connection to be."""
    state: str | None = None


def read(text: str) -> list[Round]:
    """Read the output of `ofproto/trace --names`."""
    rounds: list[Round] = []
    origin: dict[str, str] = {}
    for name, because, lines in _rounds(text.splitlines()):
        flow = _after("Flow: ", lines)
        packet, known = header(flow), fields(flow)
        steps = tuple(_steps(lines, origin.get(name)))
        left = copies(_after("Datapath actions: ", lines), packet)
        for copy in left:
            if copy.kind == "recirculated" and steps:
                origin[f"recirc({copy.recirculation})"] = _asked_by(steps)
        zone, state = known.get("ct_zone"), known.get("ct_state")
        rounds.append(
            Round(
                packet=packet,
                steps=steps,
                copies=tuple(left),
                left=header(_after("Final flow: ", lines)),
                because=because,
                zone=zone,
                state=state,
            )
        )
    return rounds


def _asked_by(steps: Sequence[Step]) -> str:
    """Name the bridge whose flow asked for the next round: that of the last one that says so."""
    for step in reversed(steps):
        if any("will be resumed at" in action or "recirculate" in action for action in step.actions):
            return step.bridge
    return steps[-1].bridge


def _rounds(lines: Sequence[str]) -> Iterator[tuple[str, str | None, list[str]]]:
    name, because, found = "", None, list[str]()
    for line in lines:
        head = _ROUND.match(line)
        if head is not None:
            yield name, because, found
            name, because, found = head[1], head[2], []
        else:
            found.append(line)
    yield name, because, found


def _after(label: str, lines: Sequence[str]) -> str:
    return next((line.removeprefix(label) for line in lines if line.startswith(label)), "")


def _steps(lines: Sequence[str], resumed_in: str | None) -> Iterator[Step]:
    """Yield the steps; the first bridge is `resumed_in` if a round before says so."""
    bridge = ""
    step: Step | None = None
    for line in lines:
        heading, start = _BRIDGE.match(line), _STEP.match(line)
        if heading is not None:
            bridge, resumed_in = resumed_in or heading[1], None
        elif start is not None and bridge:
            if step is not None:
                yield step
            step = _step(bridge, int(start[1]), start[2])
        elif line.startswith("    ") and step is not None:
            step = replace(step, actions=(*step.actions, line.strip()))
        elif line.startswith("Final flow"):
            break
    if step is not None:
        yield step


def _step(bridge: str, table: int, rest: str) -> Step:
    priority, cookie = _PRIORITY.search(rest), _COOKIE.search(rest)
    cut = min((found.start() for found in (priority, cookie) if found is not None), default=len(rest))
    return Step(
        bridge=bridge,
        table=table,
        match=rest[:cut] if priority is not None else NO_MATCH,
        priority=int(priority[1]) if priority is not None else None,
        cookie=int(cookie[1], 16) if cookie is not None else 0,
    )
