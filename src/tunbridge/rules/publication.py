"""What an external DNS service is to be told: the names of ports and floating IPs, and the zones that they are in.

Which ports have such a name is Neutron's `dns-integration`:

    a subnet of the network has dns_publish_fixed_ip   the port's addresses on such subnets
    an external network                                none
    a network of several segments, a flat one          all its addresses
    a VLAN or a tunnel outside all ranges of project networks   all its addresses

A floating IP has its own `dns_name` and `dns_domain`, else its port's name in the domain of the port's network. All of
it follows from rows as they are now, so whoever compares it with what the service has finds what to correct.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from tunbridge.rules import segments
from tunbridge.rules.caller import Caller
from tunbridge.rules.request import Reader, Row
from tunbridge.rules.settings import NetworkingSettings

_OF_CALLER = ("project_name", "user_name", "user_id")
"""Keywords of a domain that are known only while a request is made; `<project_id>` is a column."""


class Name(Struct, frozen=True):
    """A name in a zone of a project, and its addresses. All names end with a dot."""

    project_id: str
    zone: str
    name: str
    addresses: tuple[str, ...]


class Publishing:
    """Decides what is published, where an external DNS service is configured."""

    def __init__(self, settings: NetworkingSettings) -> None:
        self._settings = settings

    def of_port(self, reader: Reader, port: Row) -> Name | None:
        """Give the name of a port and the addresses that are published under it."""
        network = reader.get("Network", port.network_id) if port.dns_name else None
        if network is None:
            return None
        zone = domain(port, port.dns_domain or network.dns_domain)
        addresses = _addresses(reader, port) if zone else []
        if not addresses:
            return None
        subnets = reader.find("Subnet", "network_id", network.id)
        chosen = {subnet.id for subnet in subnets if subnet.dns_publish_fixed_ip}
        found = [ip for subnet, ip in addresses if subnet in chosen]
        if not found and self._is_outside(reader, network):
            found = [ip for _, ip in addresses]
        return _named(port.project_id, port.dns_name, zone, found) if found else None

    def of_floating_ip(self, reader: Reader, row: Row) -> Name | None:
        """Give the name of a floating IP: its own, else that of the port which it leads to."""
        address = [row.floating_ip_address]
        if row.dns_name:
            return _named(
                row.project_id, row.dns_name, _filled(row.dns_domain, {"project_id": row.project_id}), address
            )
        port = reader.get("Port", row.port_id) if row.port_id else None
        network = reader.get("Network", port.network_id) if port is not None and port.dns_name else None
        if port is None or network is None:
            return None
        return _named(row.project_id, port.dns_name, domain(port, network.dns_domain), address)

    def _is_outside(self, reader: Reader, network: Row) -> bool:
        """Whether a network is one that others than the cloud's projects can reach by its addresses."""
        if network.router_external:
            return False
        placed = segments.all_of(network)
        if len(placed) != 1:
            return bool(placed)
        kind, physical, number = placed[0].network_type, placed[0].physical_network, placed[0].segmentation_id
        if kind in ("flat", "local") or number is None:
            return kind == "flat"
        of_projects = segments.ranges(reader, self._settings)
        return not any(
            (r.network_type, r.physical_network) == (kind, physical) and r.minimum <= number <= r.maximum
            for r in of_projects
        )


def domain(port: Row, of: str) -> str:
    """Give a domain with its keywords replaced by what is known of a port; "" where it is not."""
    return _filled(of, {**port.dns_words, "project_id": port.project_id})


def words(caller: Caller, *domains: str | None) -> dict[str, str]:
    """Give what has to be kept of a caller, since a domain has keywords that stand for it."""
    asked = [name for name in _OF_CALLER if any(f"<{name}>" in (of or "") for of in domains)]
    return {name: value for name in asked if (value := getattr(caller, name))}


def _filled(of: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        of = of.replace(f"<{name}>", value.lower())
    return "" if "<" in of else of


def _named(project_id: str, name: str, zone: str, addresses: Iterable[str]) -> Name | None:
    if not zone:
        return None
    whole = name if name.endswith(".") else f"{name}.{zone}"
    return Name(project_id, zone, whole, tuple(sorted(addresses))) if whole.endswith(f".{zone}") else None


def _addresses(reader: Reader, port: Row) -> list[tuple[str, str]]:
    """Give the subnets and addresses of a port."""
    rows = (reader.get("Address", id) for id in port.addresses)
    return [(row.subnet, row.ip_address) for row in rows if row is not None]
