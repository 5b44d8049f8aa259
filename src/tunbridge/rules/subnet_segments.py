"""Which segment of its network a subnet is on: all subnets of a network are on segments, or none is."""

from typing import Any

from tunbridge.model.resource import Absent
from tunbridge.rules import segments
from tunbridge.rules.errors import BadRequest, NotFound
from tunbridge.rules.request import Reader, Row, Txn, Values

ROUTED_SERVICE = "network:routed"
"""Service type of subnets whose addresses are announced by the physical network's routers on every segment: they are on
none."""


def check_new(txn: Txn, network: Row, values: Values, kinds: set[bool]) -> None:
    """Refuse a segment that a new subnet cannot be on. Raises NetworkingError.

    `kinds`: whether the subnets that are there are on segments; the new one is added.
    """
    wanted = values.get("segment_id")
    if wanted is not None and txn.get("Network_Segment", wanted) is None:
        raise NotFound("SegmentNotFound", f"Segment {wanted} could not be found.")
    kinds |= kinds_of(values.get("service_types"), wanted)
    if len(kinds) > 1:
        raise _not_all(network)
    _check_network(network, wanted)


def check_changed(txn: Txn, network: Row, row: Row, wanted: str | None) -> None:
    """Refuse another segment for a subnet: only the one subnet of a network of one segment gets it. Raises BadRequest.

    Its ports keep their addresses.
    """
    if len(_counted(txn, network)) > 1:
        raise _not_all(network)
    if wanted is not None and txn.get("Network_Segment", wanted) is None:
        raise NotFound("SegmentNotFound", f"Segment {wanted} could not be found.")
    if row.segment_id is not None:
        message = "A subnet that is already associated with a segment cannot have its segment association changed."
        raise BadRequest("SubnetSegmentAssociationChangeNotAllowed", message)
    if segments.several(network):
        message = (
            f"The network '{network.id}' has multiple segments, it is only possible to associate an existing subnet"
            " with a segment on networks with a single segment."
        )
        raise BadRequest("NoUpdateSubnetWhenMultipleSegmentsOnNetwork", message)
    _check_network(network, wanted)


def kinds_of(service_types: Any, segment_id: str | None) -> set[bool]:
    """Whether a subnet is on a segment; nothing of one that may be on none in any case."""
    is_free = not isinstance(service_types, Absent) and ROUTED_SERVICE in (service_types or ())
    return set() if is_free else {segment_id is not None}


def _counted(reader: Reader, network: Row) -> list[Row]:
    return [s for s in reader.find("Subnet", "network_id", network.id) if ROUTED_SERVICE not in s.service_types]


def _check_network(network: Row, wanted: str | None) -> None:
    if wanted is not None and wanted not in network.segment_rows:
        message = f"The subnet's network id, '{network.id}', doesn't match the network_id of segment '{wanted}'"
        raise BadRequest("NetworkIdsDontMatch", message)


def _not_all(network: Row) -> BadRequest:
    message = (
        f"All of the subnets on network '{network.id}' must either all be associated with segments or all not"
        " associated with any segment."
    )
    return BadRequest("SubnetsNotAllAssociatedWithSegments", message)
