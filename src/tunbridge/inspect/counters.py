"""By how much the counters of interfaces grew between two readings of the same hosts. Pure."""

from collections.abc import Sequence

from msgspec.structs import replace

from tunbridge.inspect.model import Bridge, Host, Interface, Port


def with_growth(before: Sequence[Host], after: Sequence[Host], seconds: float) -> list[Host]:
    """Give each host as it was read second, with what grew since the first reading, `seconds` earlier.

    A host is the same by its source and database, an interface by its place; a host that could not be read again (from
    standard input, say) stays as it was. A counter that is smaller now was reset, with its device or with Open vSwitch:
    it grew by what it says.
    """
    later = {(host.source, host.system_id): host for host in after}
    again = [(host, later.get((host.source, host.system_id))) for host in before]
    return [old if new is None else _grown(new, _statistics(old), seconds) for old, new in again]


_Place = tuple[str, str, str]


def _statistics(host: Host) -> dict[_Place, dict[str, int]]:
    return {
        (bridge.name, port.name, interface.name): interface.statistics
        for bridge in host.bridges
        for port in bridge.ports
        for interface in port.interfaces
        if interface.statistics is not None
    }


def _grown(host: Host, earlier: dict[_Place, dict[str, int]], seconds: float) -> Host:
    if not earlier:
        return host

    def interface(bridge: Bridge, port: Port, now: Interface) -> Interface:
        old = earlier.get((bridge.name, port.name, now.name))
        return now if old is None or now.statistics is None else replace(now, growth=growth(old, now.statistics))

    def port(bridge: Bridge, port: Port) -> Port:
        return replace(port, interfaces=[interface(bridge, port, one) for one in port.interfaces])

    bridges = [replace(bridge, ports=[port(bridge, one) for one in bridge.ports]) for bridge in host.bridges]
    return replace(host, bridges=bridges, counted_over=seconds)


def growth(old: dict[str, int], new: dict[str, int]) -> dict[str, int]:
    """Give what each counter grew by; those that stand still are left out."""
    steps = {name: count - old[name] if count >= old[name] else count for name, count in new.items() if name in old}
    return {name: step for name, step in steps.items() if step}
