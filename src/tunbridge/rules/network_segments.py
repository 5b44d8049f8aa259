"""The segments of a network: in which order hosts try them, and /v2.0/segments, by which they come and go.

Each segment is a row of Network_Segment, which refers to its place (rules/segments.py) and goes with its network. The
network's row repeats the first one as `provider:…`, and all of them as text where there are several: so that hosts need
to watch networks only. A network that a server of an older version made has no such row until somebody looks.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from tunbridge.model.validators.containers import PROVIDER
from tunbridge.rules import bindings, hosts, segments, vlan_tags
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import Conflict
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.router_parts import OWNERS
from tunbridge.rules.segments import Segment

TABLE = "Network_Segment"


class New(NamedTuple):
    """A segment that was reserved: its place is a row of Segment, None of a local one."""

    segment: Segment
    place: str | None


def add(txn: Txn, request: Request, rules: Rules, network_id: str, wanted: Iterable[New]) -> tuple[str, ...]:
    """Make rows of the segments of a new network; gives their ids in order."""
    return tuple(
        rules.insert(txn, request, _values(network_id, new.segment), place=new.place, position=number)
        for number, new in enumerate(wanted)
    )


def _values(network_id: str, segment: Segment) -> Values:
    return {"network_id": network_id, **segment._asdict()}


def columns(found: Sequence[tuple[str, Segment, str | None]]) -> Values:
    """Give the columns of a network with these segments: id, segment, place."""
    _, first, place = found[0] if found else (None, (None, None, None), None)
    several = [{"id": id, **segment._asdict()} for id, segment, _ in found]
    return {
        "segment": place,
        "segment_rows": tuple(id for id, _, _ in found),
        "segments": msgspec.json.encode(several if len(several) > 1 else None).decode(),
        **dict(zip((name.replace(":", "_") for name in PROVIDER), first, strict=True)),
    }


def rows(reader: Reader, network: Row) -> list[Row]:
    """Give the rows of a network's segments, in order."""
    found = (reader.get(TABLE, id) for id in network.segment_rows)
    return sorted((row for row in found if row is not None), key=lambda row: (row.position, row.id))


def _parts(found: Iterable[Row]) -> list[tuple[str, Segment, str | None]]:
    return [(row.id, segments.of_row(row), row.place) for row in found]


def shown(network: Row) -> list[Values]:
    """Give the segments of a network that has several, as users see them."""
    return [
        dict(zip(PROVIDER, (one.network_type, one.physical_network, one.segmentation_id), strict=True))
        for one in segments.several(network)
    ]


class SegmentRules(Rules):
    """The rules of segments."""

    name = "Segment"

    def project(self, _row: Row) -> str | None:
        """Nobody but an admin knows of them."""
        return None

    def prepare(
        self, reader: Reader, request: Request, _filters: Mapping[str, Sequence[Any]]
    ) -> Callable[[Txn], object] | None:
        """Make the rows of networks that a server of an older version made."""
        missing = [row.id for row in reader.all("Network") if not row.segment_rows and row.provider_network_type]
        return functools.partial(self._complete, request, missing) if missing else None

    def _complete(self, request: Request, ids: list[str], txn: Txn) -> None:
        for id in ids:
            network = txn.get("Network", id)
            if network is not None:
                self.ensure(txn, request.unconditional, network)

    def ensure(self, txn: Txn, request: Request, network: Row) -> list[Row]:
        """Give the rows of a network's segments; makes them where an older server has not."""
        if not network.segment_rows and network.provider_network_type:
            txn.verify("Network", network.id, "segment_rows")
            one = New(segments.of_network(network), network.segment)
            txn.update("Network", network.id, {"segment_rows": add(txn, request, self, network.id, [one])})
            network = txn.get("Network", network.id)
        return rows(txn, network)

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Give a network one more segment. Raises NetworkingError."""
        values = dict(values)
        networks = self.others["network"]
        there = self.ensure(txn, request, networks.get(txn, values["network_id"]))
        network = networks.get(txn, values["network_id"])
        _check_no_routers(txn, network, there)
        asked = Segment(values["network_type"], *(_given(values, name) for name in Segment._fields[1:]))
        made, place = segments.reserve(txn, request, asked, "")
        vlan_tags.check(network.vlan_transparent, network.qinq, [made])
        segments.check_mtu(request.settings, made, network.mtu, vlan_tags.room(network))
        position = there[-1].position + 1 if there else 0
        id = self.insert(txn, request, {**values, **made._asdict()}, place=place, position=position)
        found = [*_parts(there), (id, made, place)]
        networks.touch(txn, request.unconditional, network, columns(found))
        return id

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Take a segment from its network. Raises Neutron's SegmentInUse."""
        network = self.others["network"].get(txn, row.network_id)
        subnets = [s.id for s in txn.find("Subnet", "network_id", network.id) if s.segment_id == row.id]
        if subnets:
            raise _in_use(row.id, f"The segment is still associated with subnet(s) {', '.join(sorted(subnets))}")
        txn.verify_rows("Port", "network_id", network.id)
        ports = txn.find("Port", "network_id", network.id)
        for port in ports:
            txn.verify("Port", port.id, "revision_number")  # which counts up when a port is bound
        bound = [port for port in ports if _is_on(txn, network, port, row.id)]
        if bound:
            raise _in_use(row.id, f"The segment is still bound with {len(bound)} port(s)")
        left = [one for one in rows(txn, network) if one.id != row.id]
        self.others["network"].touch(txn, request.unconditional, network, columns(_parts(left)))
        self.remove(txn, request, row)


def _is_on(reader: Reader, network: Row, port: Row, segment_id: str) -> bool:
    """Whether a port is plugged in on a host that has the network by a segment."""
    for binding in bindings.of(reader, port):
        if binding.vif_type == bindings.OVS:
            found = hosts.segment_of(reader, network, binding.host)
            if found is not None and found.id == segment_id:
                return True
    return False


def _check_no_routers(txn: Txn, network: Row, there: Sequence[Row]) -> None:
    """Refuse a further segment where a router of the cloud is: it would reach one of them only. Raises Conflict."""
    if not there:
        return
    txn.verify_rows("Port", "network_id", network.id)
    if any(port.device_owner in OWNERS for port in txn.find("Port", "network_id", network.id)):
        message = f"Network {network.id} has routers, which lead to networks of one segment only."
        raise Conflict("NetworkInUse", f"Unable to complete operation on network {network.id}. {message}")


def _given(values: Values, name: str) -> Any:
    value = values.get(name)
    return value if isinstance(value, str | int) else None


def _in_use(id: str, reason: str) -> Conflict:
    return Conflict("SegmentInUse", f"Segment '{id}' cannot be deleted: {reason}.")
