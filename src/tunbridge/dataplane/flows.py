"""OpenFlow flows as text in Open vSwitch's own canonical form, and what must change to get from one set to another.

Canonical means: as `ovs-ofctl -O OpenFlow14 --no-names dump-flows` prints it (so `tp_dst`, `set_field:0x3->reg5`,
`pop_vlan`). A flow written in any other way would never equal what is read back, and would be written again for ever.

Every flow that we compute carries our cookie: a restart without memory knows by it what is ours, and all else is left
alone. Flows made by `learn()` actions will have a cookie class of their own and are not swept.
"""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

COOKIE = 0x7462_0000_0000_0000
"""Cookie of the flows that we compute ("tb")."""
COOKIE_MASK = 0xFFFF_0000_0000_0000
DEFAULT_PRIORITY = 32768

_HEAD = re.compile(r"(?P<fields>(?:[a-z_]+=[^ ,]*, )*)(?P<rest>(?:[a-z_]+ )*(?:[^ ]+ )?)")
"""What stands before `actions=`: fields that end in a comma and a space, then flags and the match, parted by spaces."""
_FLAGS = frozenset({"send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts"})

FlowKey = tuple[int, int, str]
"""(table, priority, match): what OpenFlow allows once."""


def is_ours(cookie: int) -> bool:
    """Whether a flow with this cookie is one that we compute."""
    return cookie & COOKIE_MASK == COOKIE


class FlowError(ValueError):
    """Text that is not a flow as Open vSwitch dumps it, or two contributions to one key."""


class Flow(Struct, frozen=True, kw_only=True):
    """One flow. `extra` is what else a dump says of it, verbatim: timeouts, importance, flags."""

    table: int = 0
    priority: int = DEFAULT_PRIORITY
    match: str = ""
    actions: str
    cookie: int = COOKIE
    extra: str = ""

    @property
    def key(self) -> FlowKey:
        """What makes it one flow and not another."""
        return (self.table, self.priority, self.match)

    @property
    def ours(self) -> bool:
        """Whether its cookie is of our class."""
        return is_ours(self.cookie)

    def _where(self) -> str:
        return f"table={self.table},priority={self.priority}" + (f",{self.match}" if self.match else "")

    def add_line(self) -> str:
        """Give the line of a bundle that adds it; OpenFlow 1.3 and later keep the counters of an equal flow."""
        extra = f"{self.extra}," if self.extra else ""
        return f"flow add cookie={self.cookie:#x},{extra}{self._where()} actions={self.actions}"

    def dump_line(self) -> str:
        """Give the line of a dump that `parse_dump` reads back as this flow."""
        parts = self.extra.split(",") if self.extra else []
        fields = "".join(f"{p}, " for p in parts if "=" in p)
        flags = "".join(f"{p} " for p in parts if "=" not in p)
        matching = f"priority={self.priority}" + (f",{self.match}" if self.match else "")
        return f"cookie={self.cookie:#x}, table={self.table}, {fields}{flags}{matching} actions={self.actions}"

    def delete_line(self) -> str:
        """Give the line of a bundle that deletes it, and only while it still has this cookie."""
        return f"flow delete_strict cookie={self.cookie:#x}/-1,{self._where()}"


class FlowDifference(Struct, frozen=True):
    """What to add and to delete, in this order of importance, as one bundle."""

    add: list[Flow]
    delete: list[Flow]

    def __bool__(self) -> bool:
        return bool(self.add or self.delete)

    def bundle(self) -> str:
        """Give the text for `ovs-ofctl bundle`."""
        lines = [f.delete_line() for f in self.delete] + [f.add_line() for f in self.add]
        return "\n".join(lines) + "\n"


def parse_dump(text: str) -> list[Flow]:
    """Read `dump-flows --no-stats --no-names` output. Raises FlowError on a line that it does not understand."""
    return [_parse(line) for line in text.splitlines() if line.strip() and " reply (" not in line]


def _parse(line: str) -> Flow:
    """Read one line. A cookie of 0, table 0 and priority 32768 are left out of it, and an empty match as well."""
    head, separator, actions = line.strip().partition("actions=")
    match = _HEAD.fullmatch(head)
    if not separator or match is None:
        raise FlowError(f"not a flow as Open vSwitch dumps it: {line!r}")
    words = match["rest"].split()
    flags = [w for w in words if w in _FLAGS]
    matching = "".join(w for w in words if w not in _FLAGS)
    values = dict(f.split("=", 1) for f in match["fields"].split(", ") if f)
    cookie, table = int(values.pop("cookie", "0"), 16), int(values.pop("table", "0"))
    priority = DEFAULT_PRIORITY
    if matching.startswith("priority="):
        number, _, matching = matching.removeprefix("priority=").partition(",")
        priority = int(number)
    extra = ",".join([f"{k}={v}" for k, v in values.items()] + flags)
    return Flow(table=table, priority=priority, match=matching, actions=actions, cookie=cookie, extra=extra)


def merge(contributions: Iterable[Flow]) -> dict[FlowKey, Flow]:
    """Put the flows of all owners into one set. Raises FlowError when two differ on one key."""
    merged: dict[FlowKey, Flow] = {}
    for flow in contributions:
        if merged.setdefault(flow.key, flow) != flow:
            raise FlowError(f"two owners want different actions for {flow.add_line()!r} and {merged[flow.key]!r}")
    return merged


def difference(wanted: Mapping[FlowKey, Flow], present: Iterable[Flow], foreign: Iterable[Flow] = ()) -> FlowDifference:
    """Tell what makes `present` hold `wanted`, none other of ours, and the saved `foreign` flows where a key is free.

    Flows of others stay; only one that stands on a key that we need gives way.
    """
    there = {f.key: f for f in present}
    add = [f for f in wanted.values() if there.get(f.key) != f]
    taken = wanted.keys() | {f.key for f in there.values() if not f.ours}
    add += [f for f in foreign if f.key not in taken]
    delete = [f for f in there.values() if f.ours and f.key not in wanted]
    return FlowDifference(add, delete)


def foreign_flows(present: Iterable[Flow]) -> list[Flow]:
    """Pick those that are not ours, without the `priority=0 NORMAL` that Open vSwitch gives a new bridge by itself."""
    return [f for f in present if not f.ours and not is_default(f)]


def is_default(flow: Flow) -> bool:
    """Whether it is the flow that Open vSwitch itself puts into a bridge without a controller."""
    return flow.key == (0, 0, "") and flow.cookie == 0 and flow.actions == "NORMAL"
