"""Segments: which VLAN, VNI or GRE key a network has, and the largest packet that it carries.

A network's segment is a row of Segment, unique by type, physical network and identifier; it goes with its network. A
local network has none.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from tunbridge.rules.errors import BadRequest, Conflict, NetworkingError, Unavailable, invalid
from tunbridge.rules.request import Reader, Request, Row, Txn
from tunbridge.rules.settings import NetworkingSettings

KEY = ("network_type", "physical_network", "segmentation_id")
TUNNEL_OVERHEAD = {"vxlan": 30, "geneve": 30, "gre": 22}
"""Bytes that a tunnel adds to a packet besides IP's: Ethernet 14, UDP 8, VXLAN or Geneve 8 (RFC 7348, RFC 8926 without
options), or Ethernet 14, GRE with a key 8 (RFC 2890)."""
IP_HEADER = {4: 20, 6: 40}
MAX_KEY = {"vxlan": 2**24 - 1, "geneve": 2**24 - 1, "gre": 2**32 - 1}
MAX_VLAN = 4094
_TRIES = 64


class Segment(NamedTuple):
    """A network's place on the wires; what is not given is None."""

    network_type: str
    physical_network: str | None
    segmentation_id: int | None


class Placed(msgspec.Struct, frozen=True):
    """A segment of a network, as the network's row tells it; `id` is None where an older server made the network."""

    network_type: str
    physical_network: str | None = None
    segmentation_id: int | None = None
    id: str | None = None


def several(network: Row) -> list[Placed]:
    """Give the segments of a network that has several, in order; nothing of one that has one or none."""
    return msgspec.json.decode(network.segments or "null", type=list[Placed] | None) or []


def all_of(network: Row) -> list[Placed]:
    """Give the segments of a network, in order."""
    if not network.provider_network_type:
        return []
    only = next(iter(network.segment_rows), None)
    return several(network) or [Placed(*of_network(network), only)]


def of_network(network: Row) -> Segment:
    """Give the first segment of a network, which has one."""
    return Segment(network.provider_network_type, network.provider_physical_network, network.provider_segmentation_id)


def of_row(row: Row) -> Segment:
    """Give what a row of Network_Segment says."""
    return Segment(row.network_type, row.physical_network, row.segmentation_id)


class Range(NamedTuple):
    """Identifiers that networks are given; `project_id` is None where all projects may have them."""

    network_type: str
    physical_network: str | None
    minimum: int
    maximum: int
    project_id: str | None = None


def configured(settings: NetworkingSettings) -> list[Range]:
    """Give the ranges of the configuration."""
    found = [Range("vlan", r.physical_network, r.minimum, r.maximum) for r in settings.vlan_ranges]
    return found + [Range(kind, None, r.minimum, r.maximum) for kind in tunnels(settings) for r in settings.vni_ranges]


def tunnels(settings: NetworkingSettings) -> list[str]:
    """The types of tunnelled networks that are offered: VXLAN always, others where project networks may be of them."""
    return [kind for kind in TUNNEL_OVERHEAD if kind == "vxlan" or kind in settings.project_network_types]


def ranges(reader: Reader, settings: NetworkingSettings) -> list[Range]:
    """Give all ranges: those of the configuration and those made through the API."""
    found = configured(settings)
    for row in reader.all("Network_Segment_Range"):
        owner = None if row.shared else row.project_id
        found.append(Range(row.network_type, row.physical_network or None, row.minimum, row.maximum, owner))
    return found


def check(reader: Reader, settings: NetworkingSettings, segment: Segment) -> None:
    """Refuse a segment that cannot be, in Neutron's words. Raises BadRequest."""
    kind, physical_network, segmentation_id = segment
    if kind not in ("flat", "vlan", "local", *tunnels(settings)):
        raise invalid(f"network_type value '{kind}' not supported")
    if (kind == "local" or kind in TUNNEL_OVERHEAD) and physical_network:
        if kind == "local":
            raise invalid("physical_network prohibited for local provider network")
        raise invalid(f"provider:physical_network specified for {kind} network")
    if kind in ("local", "flat") and segmentation_id is not None:
        raise invalid(f"segmentation_id prohibited for {kind} provider network")
    if kind == "flat" and not physical_network:
        raise invalid("physical_network required for flat provider network")
    if kind == "vlan" and segmentation_id is not None and not physical_network:
        raise invalid("segmentation_id requires physical_network for VLAN provider network")
    if physical_network and not _known(reader, settings, kind, physical_network):
        raise _unknown(kind, physical_network)
    if kind == "vlan" and segmentation_id is not None and not 1 <= segmentation_id <= MAX_VLAN:
        raise invalid(f"segmentation_id out of range (1 through {MAX_VLAN})")
    if kind in MAX_KEY and segmentation_id is not None and not 1 <= segmentation_id <= MAX_KEY[kind]:
        raise invalid(f"segmentation_id out of range (1 through {MAX_KEY[kind]})")


def _known(reader: Reader, settings: NetworkingSettings, kind: str, physical_network: str) -> bool:
    names = settings.physical_networks
    if "*" in names or physical_network in names:
        return True
    return kind == "vlan" and any(r.physical_network == physical_network for r in ranges(reader, settings))


def _unknown(kind: str, physical_network: str) -> NetworkingError:
    named = kind.replace("vlan", "VLAN")
    return invalid(f"physical_network '{physical_network}' unknown for {named} provider network")


def reserve(txn: Txn, request: Request, segment: Segment, project_id: str) -> tuple[Segment, str | None]:
    """Take a segment for a network: give it with what was left open filled in, and its row (None for a local one).

    Raises BadRequest for one that cannot be, Conflict for one that is taken, Unavailable when none is free.
    """
    check(txn, request.settings, segment)
    kind, physical_network, segmentation_id = segment
    if kind == "local":
        return segment, None
    if kind == "flat" or segmentation_id is not None:
        if txn.find_unique("Segment", KEY, (kind, physical_network or "", segmentation_id or 0)) is not None:
            raise _taken(segment)
        return segment, _insert(txn, segment)
    if physical_network and not any(r.physical_network == physical_network for r in ranges(txn, request.settings)):
        raise _unknown(kind, physical_network)
    for wanted in _open_ranges(txn, request, kind, physical_network, project_id):
        free = _free(txn, request, wanted)
        if free is not None:
            found = Segment(kind, wanted.physical_network, free)
            return found, _insert(txn, found)
    raise no_network_available()


def reserve_for_project(txn: Txn, request: Request, project_id: str) -> tuple[Segment, str | None]:
    """Take a segment of the first type that has a free one, for a network whose creator named none."""
    for kind in request.settings.project_network_types:
        try:
            return reserve(txn, request, Segment(kind, None, None), project_id)
        except Unavailable:
            continue
    raise no_network_available()


def no_network_available() -> NetworkingError:
    """Give the error for exhausted ranges."""
    message = "Unable to create the network. No project network is available for allocation."
    return Unavailable("NoNetworkAvailable", message)


def _insert(txn: Txn, segment: Segment) -> str:
    values = (segment.network_type, segment.physical_network or "", segment.segmentation_id or 0)
    return txn.insert("Segment", dict(zip(KEY, values, strict=True)))


def _taken(segment: Segment) -> NetworkingError:
    kind, physical_network, segmentation_id = segment
    if kind == "flat":
        name = "FlatNetworkInUse"
        return Conflict(name, f"Unable to create the flat network. Physical network {physical_network} is in use.")
    if kind == "vlan":
        where = f"The VLAN {segmentation_id} on physical network {physical_network} is in use."
        return Conflict("VlanIdInUse", f"Unable to create the network. {where}")
    return Conflict("TunnelIdInUse", f"Unable to create the network. The tunnel ID {segmentation_id} is in use.")


def _open_ranges(txn: Txn, request: Request, kind: str, physical_network: str | None, project: str) -> Iterator[Range]:
    """Give the ranges to look in: the project's own before the shared ones."""
    found = [r for r in ranges(txn, request.settings) if r.network_type == kind and r.project_id in (None, project)]
    for wanted in sorted(found, key=lambda r: r.project_id is None):
        if physical_network in (None, wanted.physical_network):
            yield wanted


def reserve_tunnel_id(txn: Txn, request: Request) -> tuple[int, list[str]] | None:
    """Take an identifier that no network has, in tunnels of any type; give it with its rows. None: none is free."""
    kinds = tuple(TUNNEL_OVERHEAD)
    for wanted in ranges(txn, request.settings):
        if wanted.network_type not in kinds or wanted.project_id is not None:
            continue
        within = wanted._replace(maximum=min(wanted.maximum, *MAX_KEY.values()))
        number = _free(txn, request, within, kinds) if within.minimum <= within.maximum else None
        if number is not None:
            return number, [_insert(txn, Segment(kind, None, number)) for kind in kinds]
    return None


def _free(txn: Txn, request: Request, wanted: Range, kinds: tuple[str, ...] = ()) -> int | None:
    """Give an identifier of a range that nobody has, of any of some types (none: the range's): any, so that servers
    rarely choose the same.
    """

    def is_free(number: int) -> bool:
        keys = ((kind, wanted.physical_network or "", number) for kind in kinds or (wanted.network_type,))
        return all(txn.find_unique("Segment", KEY, key) is None for key in keys)

    for _ in range(_TRIES):
        number = request.random.randint(wanted.minimum, wanted.maximum)
        if is_free(number):
            return number
    free = [n for n in range(wanted.minimum, min(wanted.maximum, wanted.minimum + 65_536) + 1) if is_free(n)]
    return request.random.choice(free) if free else None


def mtu(settings: NetworkingSettings, segment: Segment, tags: int = 0) -> int:
    """Give the largest packet that a segment carries, in bytes, with so many bytes of VLAN tags besides its own."""
    return _mtu(settings, segment) - tags


def _mtu(settings: NetworkingSettings, segment: Segment) -> int:
    if segment.network_type in TUNNEL_OVERHEAD:
        under = min(m for m in (settings.global_physnet_mtu, settings.path_mtu) if m > 0)
        return under - TUNNEL_OVERHEAD[segment.network_type] - IP_HEADER[settings.overlay_ip_version]
    own = settings.physical_network_mtus.get(segment.physical_network or "")
    return settings.global_physnet_mtu if own is None else min(own, settings.global_physnet_mtu)


def check_mtu(settings: NetworkingSettings, segment: Segment, wanted: int, tags: int = 0) -> None:
    """Refuse an MTU that the segment does not carry. Raises BadRequest."""
    largest = mtu(settings, segment, tags)
    if wanted > largest:
        raise BadRequest(
            "InvalidInput", f"Invalid input for operation: Requested MTU is too big, maximum is {largest}."
        )
