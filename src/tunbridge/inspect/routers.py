"""Neutron's routers, as far as their ports show them: where a packet goes in and where it comes out again.

    qr-  side of a tenant network, in the integration bridge      qg-  side of the outside, there or in br-ex
    sg-  distributed routers: of the central SNAT, for packets    fg-  distributed routers: of floating IPs, on
         of other hosts                                                every compute node

Which ports belong to the same router is in its namespace and in no source, so the first of each kind stands for all.
"""

from collections.abc import Iterator

from msgspec import Struct

from tunbridge.inspect.model import Bridge, End
from tunbridge.inspect.wiring import Wiring


class Passage(Struct, frozen=True):
    """Through a router: the port that takes the packet and the one that gives it on, which may be in one bridge."""

    inside: End
    outside: End


def passages(wiring: Wiring, host: str, central: bool) -> Iterator[Passage]:
    """Yield one passage for each bridge that the outer side of a router of `host` is in.

    `central`: for packets that other hosts send here; else for those of workloads on the host itself.
    """
    entrance = wiring.entrance(host)
    if entrance is None:
        return
    inside = _first(entrance, ("sg-", "qr-") if central else ("qr-",))
    if inside is None:
        return
    for bridge in wiring.hosts[host].bridges:
        outside = _first(bridge, ("qg-",) if central else ("fg-", "qg-"))
        if outside is not None:
            yield Passage(_end(host, entrance, inside), _end(host, bridge, outside))


def inner_sides(bridge: Bridge) -> list[str]:
    """Return the ports by which routers are in tenant networks."""
    return [port.name for port in bridge.ports if port.name.startswith("qr-")]


def _first(bridge: Bridge, prefixes: tuple[str, ...]) -> str | None:
    """Return the first port with the first of the prefixes that any port has."""
    for prefix in prefixes:
        for port in bridge.ports:
            if port.name.startswith(prefix) and not any(interface.error for interface in port.interfaces):
                return port.name
    return None


def _end(host: str, bridge: Bridge, port: str) -> End:
    return End(host=host, bridge=bridge.name, port=port)
