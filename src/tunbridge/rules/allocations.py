"""What a server's ports have allocated in Placement, where another policy asks for something else, as Neutron has it.

Rules do no I/O: they say which changes a transaction needs (AllocationNeeded). Who has asked Placement for them tries
the transaction again with what was granted (`Request.granted`, and the rows of allocation_changes.py), and takes it
back where the transaction does not happen.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from tunbridge.rules import allocation_changes, bindings
from tunbridge.rules.errors import NotImplementedHere
from tunbridge.rules.qos_minimums import KINDS, SERVER_PORT, group_id, minimums
from tunbridge.rules.request import Request, Row, Txn

_PACKET_RATE = "NET_PACKET_RATE_KILOPACKET_PER_SEC"


class Change(Struct, frozen=True):
    """What one port has to have more or less of."""

    port: str
    consumer: str
    """The server: Placement's allocations are of it."""
    amounts: tuple[tuple[str, str, int], ...]
    """Resource provider, class of resources, difference; none is 0."""


class AllocationNeeded(NotImplementedHere):
    """Changes without which the transaction may not happen; where there is no Placement, a refusal."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self.changes = tuple(changes)
        message = f"The allocation in Placement of port {self.changes[0].port} cannot be changed: unplug it first"
        super().__init__("NotImplementedError", message)


class _New(NamedTuple):
    port: Row
    binding: Row
    profile: dict[str, Any]
    change: Change


def follow(txn: Txn, request: Request, ports: Iterable[Row], before: str | None, after: str | None) -> list[Row]:
    """Let the allocations of ports follow their policy; give the ports whose bindings were changed.

    Raises AllocationNeeded while what they need is not granted, and NotImplementedHere for what Placement cannot do.
    """
    if before == after or minimums(txn, before) == minimums(txn, after):
        return []
    found = [new for port in ports if (new := _new(txn, port, before, after)) is not None]
    if not found:
        return []
    if {new.change for new in found} != request.granted:
        raise AllocationNeeded(new.change for new in found)
    for id in request.allocation_changes:
        allocation_changes.finish(txn, id)
    for new in found:
        txn.update(bindings.TABLE, new.binding.id, {"profile": msgspec.json.encode(new.profile).decode()})
    return [new.port for new in found]


def _new(txn: Txn, port: Row, before: str | None, after: str | None) -> _New | None:
    """Give what changes of a port that has an allocation."""
    bound = bindings.active(txn, port)
    profile = {} if bound is None else msgspec.json.decode(bound.profile or "{}")
    allocation = profile.get("allocation")
    if bound is None or not port.device_owner.startswith(SERVER_PORT) or not isinstance(allocation, dict):
        return None
    if not allocation:
        return None
    had, has = minimums(txn, before), minimums(txn, after)
    kept: dict[str, str] = {}
    amounts: dict[tuple[str, str], int] = {}
    for kind in KINDS:
        provider = allocation.get(group_id(port.id, sorted(had[kind]))) if had[kind] else None
        if not isinstance(provider, str):
            continue  # what was not asked of Placement before is not asked of it now: hosts carry it out, no more
        _check_directions(had[kind].values(), has[kind].values())
        for sign, rules in ((-1, had[kind]), (1, has[kind])):
            for name, value in rules.values():
                amounts[provider, name] = amounts.get((provider, name), 0) + sign * value
        if has[kind]:
            kept[group_id(port.id, sorted(has[kind]))] = provider
    differences = tuple((rp, name, n) for (rp, name), n in sorted(amounts.items()) if n)
    change = Change(port.id, port.device_id, differences)
    return _New(port, bound, {**profile, "allocation": kept}, change)


def _check_directions(had: Iterable[tuple[str, int]], has: Iterable[tuple[str, int]]) -> None:
    """Refuse packet rates of both directions together for those of each, or the reverse, as Neutron does."""
    before, after = ({name for name, _ in rules} for rules in (had, has))
    if before and after and (_PACKET_RATE in before) != (_PACKET_RATE in after):
        raise NotImplementedHere(
            "NotImplementedError",
            "Changing from direction-less QoS minimum packet rate rule to a direction-oriented minimum packet rate"
            " rule, or vice versa, is not supported.",
        )
