"""Segment ranges: those of the configuration, which are only shown, and those that are made through the API."""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from tunbridge.rules import locks, segments
from tunbridge.rules.errors import BadRequest, Conflict, no_such_resource
from tunbridge.rules.networks import given
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.settings import NetworkingSettings
from tunbridge.rules.timed import TimedRules

_NAMESPACE = uuid.UUID("6b1cf1f6-7f0c-4c8c-9a55-3f0d4d5d5c11")
"""Ids of ranges of the configuration are made in it of what they say: every server gives them the same."""


class DefaultRange(msgspec.Struct, frozen=True, kw_only=True):
    """A range of the configuration, with the columns of one that is stored."""

    id: str
    network_type: str
    physical_network: str | None
    minimum: int
    maximum: int
    name: str = ""
    description: str = ""
    project_id: str = ""
    default: bool = True
    shared: bool = True
    tags: tuple[str, ...] = ()
    created_at: str | None = None
    updated_at: str | None = None
    revision_number: int = 0


def defaults(settings: NetworkingSettings) -> list[DefaultRange]:
    """Give the ranges of the configuration."""
    return [
        DefaultRange(
            id=str(uuid.uuid5(_NAMESPACE, f"{r.network_type} {r.physical_network or ''} {r.minimum} {r.maximum}")),
            network_type=r.network_type,
            physical_network=r.physical_network,
            minimum=r.minimum,
            maximum=r.maximum,
        )
        for r in segments.configured(settings)
    ]


class NetworkSegmentRangeRules(TimedRules):
    """The rules of segment ranges."""

    name = "Network Segment Range"

    def all(self, reader: Reader) -> Collection[Row]:
        """Give all ranges, those of the configuration first."""
        return [*defaults(self._settings), *super().all(reader)]

    def row(self, reader: Reader, id: str) -> Row | None:
        """Give a range of either kind."""
        found = super().row(reader, id)
        return found if found is not None else next((r for r in defaults(self._settings) if r.id == id), None)

    def change(self, txn: Txn, request: Request, row: Row, columns: Mapping[str, Any]) -> None:
        """Change columns of a range that is stored; its tags, too. Raises NetworkingError."""
        _check_stored(row)
        super().change(txn, request, row, columns)

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a range. Raises NetworkingError."""
        values = dict(values)
        kind, physical_network = given(values.get("network_type")), given(values.get("physical_network"))
        offered = ("vlan", *segments.tunnels(request.settings))
        if kind not in offered:
            listed = f"{', '.join(offered[:-1])} and {offered[-1]}"
            message = f"Invalid input for operation: network_type '{kind}' is not offered; offered are {listed}."
            raise BadRequest("InvalidInput", message)
        if kind == "vlan" and not physical_network:
            message = "Network type vlan requires 'physical_network' to be specified while creating new range."
            raise BadRequest("BadRequest", f"Bad network_segment_range request: {message}")
        if kind != "vlan" and physical_network:
            raise BadRequest("InvalidInput", f"Invalid input for operation: physical_network is not for {kind}.")
        _check_range(kind, values["minimum"], values["maximum"])
        if values["shared"]:
            values["project_id"] = ""
        locks.lock(txn, RANGES)
        _check_overlap(txn, values, None)
        return self.insert(txn, request, values, default=False)

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a range that still holds what is in use. Raises NetworkingError."""
        _check_stored(row)
        least, most = values.get("minimum", row.minimum), values.get("maximum", row.maximum)
        _check_range(row.network_type, least, most)
        outside = [n for n in _used(txn, row) if not least <= n <= most]
        if outside:
            raise _in_use(row.id)
        whole = {"network_type": row.network_type, "physical_network": row.physical_network}
        locks.lock(txn, RANGES)
        _check_overlap(txn, {**whole, "minimum": least, "maximum": most}, row.id)
        self.save(txn, request, row, values)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a range of which nothing is in use. Raises NetworkingError."""
        _check_stored(row)
        if _used(txn, row):
            raise _in_use(row.id)
        self.remove(txn, request, row)

    def body(self, reader: Reader, row: Row) -> Values:
        """Give all that can be seen of a range; one that is shared belongs to nobody."""
        body = super().body(reader, row)
        return body if row.project_id else {name: value for name, value in body.items() if name != "project_id"}

    def computed(self, reader: Reader, row: Row) -> Values:
        """Give what is in use, by whom, and what is not."""
        used = _used(reader, row)
        most = min(row.maximum, row.minimum + _SHOWN - 1)
        available = [n for n in range(row.minimum, most + 1) if n not in used]
        return {"used": used, "available": available, "physical_network": row.physical_network or ""}

    def hidden(self, _id: str) -> Exception:
        """Give the error that Neutron has for somebody who may not know of ranges."""
        return no_such_resource()


_SHOWN = 65_536
RANGES = "network segment ranges"
"""Identifiers of a range that are listed one by one; a range of VNIs can have 16 million."""


def _check_stored(row: Row) -> None:
    """Refuse to change what the configuration says. Raises Neutron's NetworkSegmentRangeDefaultReadOnly."""
    if row.default:
        message = f"Network Segment Range {row.id} is a default segment range which could not be updated or deleted."
        raise BadRequest("NetworkSegmentRangeDefaultReadOnly", message)


def _used(reader: Reader, row: Row) -> dict[int, str]:
    kind = row.network_type
    found = [(segments.of_network(n), n) for n in reader.find("Network", "provider_network_type", kind)]
    more = [(s, reader.get("Network", s.network_id)) for s in reader.find("Network_Segment", "network_type", kind)]
    found += [(segments.of_row(s), n) for s, n in more if n is not None and s.position]
    return {
        segment.segmentation_id: network.project_id
        for segment, network in found
        if segment.physical_network == (row.physical_network or None)
        and row.minimum <= (segment.segmentation_id or 0) <= row.maximum
        and segment.segmentation_id is not None
    }


def _check_range(kind: str, least: int, most: int) -> None:
    largest = segments.MAX_VLAN if kind == "vlan" else segments.MAX_KEY[kind]
    if not 1 <= least <= most <= largest:
        message = f"minimum and maximum of a {kind} range are 1 to {largest}, minimum first; not {least} and {most}"
        raise BadRequest("InvalidInput", f"Invalid input for operation: {message}.")


def _check_overlap(txn: Txn, values: Values, own: str | None) -> None:
    overlapping = []
    for row in txn.find("Network_Segment_Range", "network_type", values["network_type"]):
        same = (row.physical_network or None) == (given(values.get("physical_network")) or None)
        if row.id != own and same and row.minimum <= values["maximum"] and values["minimum"] <= row.maximum:
            overlapping.append(row.id)
    if overlapping:
        message = f"Network segment range overlaps with range(s) with id {', '.join(overlapping)}"
        raise Conflict("NetworkSegmentRangeOverlaps", message)


def _in_use(id: str) -> Conflict:
    return Conflict(
        "NetworkSegmentRangeReferencedByProject",
        f"Network Segment Range {id} is referenced by one or more project networks.",
    )
