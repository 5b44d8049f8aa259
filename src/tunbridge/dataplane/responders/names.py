"""The names of a network's ports, as the API tells them in `dns_assignment`, forward and reverse."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from tunbridge.dataplane.view import Key, Network, Port, Source, View

DEFAULT_DOMAIN = "openstacklocal"
"""Neutron's, and the API's `dns_domain`."""


class Zone(Struct, frozen=True):
    """Names in lower case without the last dot."""

    addresses: Mapping[str, tuple[str, ...]]
    """Whole name, and host name alone -> addresses, of both IP versions."""
    names: Mapping[str, str]
    """Address -> whole name."""
    domains: frozenset[str]
    """Domains besides the cloud's own, in which names are: those of the network and of its ports."""


def default_name(address: str) -> str:
    """The name of an address whose port has none, as Neutron makes it: host-10-0-0-5."""
    return "host-" + address.replace(".", "-").replace(":", "-")


def host_name(port: Port, address: str, domain: str) -> str:
    """The host part of the name of a port's address. `domain` is the cloud's."""
    name = _bare(port.dns_name)
    return name.removesuffix(f".{_bare(domain)}") if name else default_name(address)


def network_domain(network: Network) -> str | None:
    """The network's own domain, None when it has none, or one for each user that only the API knows (`<user_name>`)."""
    return _domain(network.dns_domain) or None


def build(network: Network, ports: Iterable[Port], domain: str) -> Zone:
    """The names of a network's ports. `domain` is the cloud's."""
    addresses: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    own = _bare(domain)
    domains: set[str] = set()
    for port in ports:
        more = {d for d in (_domain(network.dns_domain), _domain(port.dns_domain)) if d and d != own}
        domains |= more
        for fixed in port.fixed_ips:
            ip = fixed.ip_address
            name = host_name(port, ip, domain)
            names[ip] = f"{name}.{own}"
            for host in {name, default_name(ip)}:
                for whole in (host, *(f"{host}.{d}" for d in (own, *more))):
                    addresses.setdefault(whole, []).append(ip)
    return Zone({n: tuple(a) for n, a in addresses.items()}, names, frozenset(domains))


class Zones:
    """The zones of networks, each made when it is asked for and kept until a row that it read has changed."""

    def __init__(self, source: Source, domain: str) -> None:
        self._view = View(source)
        self._domain = domain
        self._kept: dict[str, tuple[Zone, set[Key]]] = {}

    def zone(self, network_id: str) -> Zone | None:
        """The names of a network's ports; None when there is no such network."""
        if network_id not in self._kept:
            self._view.take_reads()
            network = self._view.network(network_id)
            if network is None:
                return None
            ports = [port for id in sorted(self._view.network_ports(network_id)) if (port := self._view.port(id))]
            self._kept[network_id] = (build(network, ports, self._domain), self._view.take_reads())
        return self._kept[network_id][0]

    def touch(self, keys: Iterable[Key]) -> None:
        """Forget what was made of rows that have changed."""
        changed = set(keys)
        for network_id in [n for n, (_, reads) in self._kept.items() if not changed.isdisjoint(reads)]:
            del self._kept[network_id]


def _domain(name: str) -> str:
    return "" if "<" in name else _bare(name)


def _bare(name: str) -> str:
    return name.lower().strip(".")
