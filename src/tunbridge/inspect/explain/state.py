"""How it is now, where a live source tells: devices under the tunnels, links of NICs, bonds, BFD, MAC tables."""

from collections.abc import Iterator

from tunbridge.inspect.checks.links import is_bond
from tunbridge.inspect.explain import cite
from tunbridge.inspect.explain.statement import Fact, Names, Term, Value, fact
from tunbridge.inspect.interfaces import is_nic_of, is_tunnel, why_down
from tunbridge.inspect.model import Bridge, Device, Host, Interface, Port


def of_host(host: Host) -> Iterator[Fact]:
    """Say what the tunnels leave by, and whether Open vSwitch waits for flows."""
    if host.flow_restore_wait:
        yield fact("state.waiting", cite.host(host), host=host.name)
    for device in host.underlay or ():
        key, values = _link("state.underlay", device)
        addresses = Names([address for address in device.addresses if address in host.addresses])
        yield fact(key, cite.host(host), **values, addresses=addresses)


def of_bridge(host: Host, bridge: Bridge) -> Iterator[Fact]:
    """Say how the links of a bridge are: its NICs, its bonds, the BFD sessions of its tunnels, its MAC table."""
    for port in bridge.ports:
        if is_bond(port):
            yield from _bond(host, bridge, port)
        elif any(nic.link_state is not None for nic in port.interfaces) and is_nic_of(bridge, port):
            key, values = _link("state.nic", port.interfaces[0])
            yield fact(key, cite.port(host, bridge, port), **values)
    yield from _bfd(host, bridge)
    if bridge.mac_table_used and bridge.mac_table_size:
        used, size = bridge.mac_table_used, bridge.mac_table_size
        yield fact("state.mac_table", cite.bridge(host, bridge), bridge=bridge.name, used=used, size=size)


def _link(key: str, device: Interface | Device) -> tuple[str, dict[str, Value]]:
    """Give the message for what is known of a link: its MTU, and its speed too."""
    state = "down" if why_down(device) else "up" if device.link_state == "up" else "unknown"
    values: dict[str, Value] = {"device": device.name, "state": Term(f"link.{state}"), "mtu": str(device.mtu or "?")}
    if not device.link_speed or state != "up":
        return key, values
    return f"{key}.speed", {**values, "speed": speed(device.link_speed)}


def speed(bits: int) -> str:
    """Write a speed in bit/s as people say it: 10 Gbit/s."""
    return f"{bits / 1e9:g} Gbit/s" if bits >= 10**9 else f"{bits / 1e6:g} Mbit/s"


def _bond(host: Host, bridge: Bridge, bond: Port) -> Iterator[Fact]:
    cites = cite.port(host, bridge, bond)
    active = [i.name for i in bond.interfaces if i.mac_in_use is not None and i.mac_in_use == bond.bond_active_slave]
    if len(active) == 1:
        yield fact("state.bond.active", cites, port=bond.name, member=active[0])
    down = sorted(member.name for member in bond.interfaces if why_down(member))
    if down:
        yield fact("state.bond.down", cites, port=bond.name, members=Names(down))
    if bond.lacp in ("active", "passive"):
        heard = sorted(member.name for member in bond.interfaces if member.lacp_current)
        key = "state.bond.lacp" if heard else "state.bond.lacp.none"
        yield fact(key, cites, port=bond.name, lacp=bond.lacp, **({"members": Names(heard)} if heard else {}))


def _bfd(host: Host, bridge: Bridge) -> Iterator[Fact]:
    """One sentence for the tunnels of which BFD says the same."""
    groups: dict[str, list[Port]] = {}
    for port in bridge.ports:
        for tunnel in filter(is_tunnel, port.interfaces):
            status = tunnel.bfd_status or {}
            if "state" in status:
                good = status["state"] == "up" and status.get("forwarding") != "false"
                groups.setdefault("state.bfd.up" if good else "state.bfd.down", []).append(port)
    for key, ports in groups.items():
        cites = [c for port in ports for c in cite.port(host, bridge, port, "bfd_status")]
        yield fact(key, cites, ports=Names([port.name for port in ports]))


def shape(host: Host) -> object:
    """Tell hosts apart that are wired alike but are not in the same state: what is down, and what waits."""
    down = frozenset(
        (bridge.name, port.name, why_down(interface))
        for bridge in host.bridges
        for port in bridge.ports
        for interface in port.interfaces
        if why_down(interface) and (is_bond(port) or is_nic_of(bridge, port))
    )
    bfd = frozenset(
        (tunnel.bfd_status or {}).get("state")
        for bridge in host.bridges
        for port in bridge.ports
        for tunnel in filter(is_tunnel, port.interfaces)
    )
    underlay = frozenset((device.mtu, why_down(device)) for device in host.underlay or ())
    return host.flow_restore_wait, down, bfd, underlay
