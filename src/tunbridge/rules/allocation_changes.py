"""Changes of allocations in Placement that are under way: a row for each server, so that none is left half done.

    intend --> Placement is asked --> finish: in the transaction that needs it, so that the change stays
                        |
                        +-- that does not happen, or this server dies --> claim --> Placement has it back --> forget

While the row is there, nobody else here changes what this server has.

Placement counts up the generation of a server's allocation with each change, and refuses one that names an older
generation. So what was there before tells later whether the change came to pass.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from tunbridge.rules.errors import Unavailable
from tunbridge.rules.request import Row, Txn

TABLE = "Allocation_Change"
Amounts = tuple[tuple[str, str, int], ...]
"""Resource provider, class of resources, difference."""


class Step(Struct, frozen=True, array_like=True):
    """Of one class of resources of one provider: what the server had, and how much more it is to have."""

    provider: str
    resource: str
    had: int
    difference: int


class Taken(Unavailable):
    """Another server has taken the change back, since it took so long."""

    def __init__(self) -> None:
        super().__init__("ServiceUnavailable", "Placement took too long to grant what the port needs. Try again later.")


class Pending(Unavailable):
    """What a server has is being changed by another request, or by one that ended half-way."""

    def __init__(self, consumer: str) -> None:
        message = f"What server {consumer} has allocated in Placement is being changed. Try again later."
        super().__init__("ServiceUnavailable", message)


def steps(allocations: Mapping[str, Any], amounts: Iterable[tuple[str, str, int]]) -> list[Step]:
    """What a change of these allocations (Placement's: provider -> resources) does."""
    return [Step(provider, name, _has(allocations, provider, name), n) for provider, name, n in amounts]


def _has(allocations: Mapping[str, Any], provider: str, name: str) -> int:
    return int(allocations.get(provider, {}).get("resources", {}).get(name, 0))


def intend(txn: Txn, consumer: str, generation: int, planned: list[Step]) -> str:
    """Note what Placement will be asked for; the row's id. Raises Pending."""
    if txn.find_unique(TABLE, ("consumer",), (consumer,)) is not None:
        raise Pending(consumer)
    return txn.insert(TABLE, {"consumer": consumer, "taken_back": False, **_columns(generation, planned)})


def amend(txn: Txn, id: str, generation: int, planned: list[Step]) -> None:
    """Note that another program has changed the allocation first. Raises Taken."""
    _own(txn, id)
    txn.update(TABLE, id, _columns(generation, planned))


def finish(txn: Txn, id: str) -> None:
    """Let the change stay, if the transaction happens. Raises Taken."""
    _own(txn, id)
    txn.delete(TABLE, id)


def claim(txn: Txn, id: str) -> Row | None:
    """Let the transaction of the change not happen any more; None where it has."""
    row = txn.get(TABLE, id)
    if row is not None and not row.taken_back:
        txn.update(TABLE, id, {"taken_back": True})
    return row


def forget(txn: Txn, id: str) -> None:
    """Note that nothing of the change is left."""
    if txn.get(TABLE, id) is not None:
        txn.delete(TABLE, id)


def _columns(generation: int, planned: list[Step]) -> dict[str, Any]:
    return {"generation": generation, "steps": msgspec.json.encode(planned).decode()}


def _own(txn: Txn, id: str) -> None:
    row = txn.get(TABLE, id)
    if row is None or row.taken_back:
        raise Taken
    txn.verify(TABLE, id, "taken_back")


def left(row: Row, generation: int, allocations: Mapping[str, Any]) -> Amounts | None:
    """What is to be changed so that nothing is left of a change: () for nothing; None where that cannot be told.

    `generation` and `allocations`: as they are now.
    """
    planned = msgspec.json.decode(row.steps, type=list[Step])
    now = [_has(allocations, step.provider, step.resource) for step in planned]
    if generation > row.generation and now == [step.had + step.difference for step in planned]:
        return tuple((step.provider, step.resource, -step.difference) for step in planned)
    # The first change after that generation was another program's, or there was none: this one is refused now.
    if generation <= row.generation + 1 or now == [step.had for step in planned]:
        return ()
    return None
