"""From and to whom a packet is traced: what people call a port, found among hosts' ports and in the API."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Protocol

from msgspec import Struct

from tunbridge.errors import TunbridgeError
from tunbridge.inspect.interfaces import is_local, is_nic_of, is_patch, is_tunnel
from tunbridge.inspect.model import Document, Port
from tunbridge.inspect.networks import network_id
from tunbridge.inspect.trace.follow import Place
from tunbridge.openvswitch import sub_ports

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)
_SHORTEST_ID = 8
"""Digits of a port's id that have to be given."""


class EndpointError(TunbridgeError):
    """Nothing, or too much, has the name that was given; or an address is not known."""


class ApiPort(Struct, frozen=True, kw_only=True):
    """A port as the Networking API tells it."""

    id: str
    name: str
    mac: str
    addresses: tuple[str, ...]
    network: str
    subnets: tuple[str, ...] = ()


class Directory(Protocol):
    """What the Networking API knows."""

    def ports(self, text: str, /) -> Sequence[ApiPort]:
        """Give the ports with this name, id, MAC or fixed IP address."""

    def next_hop(self, port: ApiPort, destination: str, /) -> str | None:
        """Give the MAC address that a workload sends to for this address; None where nobody is known to have it."""


class NoDirectory:
    """There is no API."""

    def ports(self, _text: str) -> Sequence[ApiPort]:
        return ()

    def next_hop(self, _port: ApiPort, _destination: str) -> str | None:
        return None


class Endpoint(Struct, frozen=True, kw_only=True):
    """A port of a host, or (no `place`) an address somewhere."""

    label: str
    place: Place | None = None
    id: str | None = None
    mac: str | None = None
    addresses: tuple[str, ...] = ()
    network: str | None = None
    is_nic: bool = False
    """The packet comes from beyond it."""
    api: ApiPort | None = None
    vlan: int | None = None
    """Of a trunk's sub-port: the tag of its packets at `place`, the interface of the trunk's parent port."""


def plugged(document: Document) -> Iterator[Endpoint]:
    """Yield what is plugged in, on all hosts: ports that are no wiring."""
    for host in document.hosts:
        for bridge in host.bridges:
            for port in bridge.ports:
                for interface in port.interfaces:
                    if is_local(bridge, port) or is_patch(interface) or is_tunnel(interface):
                        continue
                    ids = interface.external_ids or {}
                    place = Place(host=host.name, bridge=bridge.name, port=interface.name)
                    yield from _sub_ports(port, place)
                    yield Endpoint(
                        label=interface.name,
                        place=place,
                        id=ids.get("iface-id"),
                        mac=ids.get("attached-mac"),
                        network=network_id(port),
                        is_nic=is_nic_of(bridge, port),
                    )


def _sub_ports(port: Port, place: Place) -> Iterator[Endpoint]:
    """The sub-ports of a trunk whose parent port this is: PORT.VLAN."""
    for record in sub_ports.records_of((port.other_config or {}).get(sub_ports.KEY, "")):
        label = f"{place.port}.{record.vlan}"
        yield Endpoint(label=label, place=place, id=record.port_id, network=record.network_id, vlan=record.vlan)


def find(name: str, document: Document, directory: Directory) -> Endpoint:
    """Find an end of a trace. Raises EndpointError.

    `name`: HOST:PORT, a port's name on its host, the beginning of its id, its MAC address, a name or address that the
    API knows, or any other IP address, which then has no place.
    """
    there = list(plugged(document))
    host, _, port = name.partition(":")
    found = [one for one in there if one.place and (one.place.host, one.label) == (host, port)]
    found = found or [one for one in there if _is_called(one, name)]
    known = directory.ports(found[0].id or name) if len(found) == 1 else () if found else directory.ports(name)
    if not found and len(known) == 1:
        found = [one for one in there if one.id == known[0].id]
        if not found:
            return _with(Endpoint(label=name, id=known[0].id), known[0])
    if len(found) > 1:
        places = ", ".join(sorted(f"{one.place.host}:{one.label}" for one in found if one.place))
        raise EndpointError(f"{name}: there are several: {places}")
    if len(known) > 1:
        raise EndpointError(f"{name}: the API has several ports of this name: {', '.join(one.id for one in known)}")
    if found:
        return _with(found[0], known[0]) if known else found[0]
    if _is_ip(name):
        return Endpoint(label=name, addresses=(str(ip_address(name)),))
    likely = sorted(there, key=lambda one: (one.id is None, one.is_nic))[:6]
    some = ", ".join(_described(one, directory) for one in likely)
    raise EndpointError(
        f"{name}: no port of these hosts, and no address; give HOST:PORT, a port's name, MAC or id, or an IP address"
        + (f"; there are: {some}" if some else "")
    )


def _described(one: Endpoint, directory: Directory) -> str:
    """Tell what a plugged port can be called: by its name in the API, if it has one, and by its place."""
    assert one.place is not None
    place = f"{one.place.host}:{one.label}"
    known = directory.ports(one.id) if one.id is not None else ()
    return f"{known[0].name} ({place})" if len(known) == 1 and known[0].name else place


def _is_called(one: Endpoint, name: str) -> bool:
    assert one.place is not None
    if _MAC.fullmatch(name):
        return one.mac is not None and one.mac.lower() == name.lower()
    is_id = one.id is not None and len(name) >= _SHORTEST_ID and one.id.startswith(name)
    return name == one.label or is_id


def _with(one: Endpoint, known: ApiPort) -> Endpoint:
    return Endpoint(
        label=known.name or one.label,
        place=one.place,
        id=known.id,
        mac=known.mac,
        addresses=known.addresses,
        network=known.network,
        api=known,
        vlan=one.vlan,
    )


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def common_addresses(source: Sequence[str], destination: Sequence[str]) -> tuple[str, str] | None:
    """Give an address of each, of the same version: of IPv4 if both have one."""
    for version in (4, 6):
        ones = [a for a in source if ip_address(a).version == version and not ip_address(a).is_link_local]
        others = [a for a in destination if ip_address(a).version == version]
        if ones and others:
            return ones[0], others[0]
    return None
