"""Whether the packets of workloads, with the tunnel's headers around them, fit the device that tunnels leave by.

    need = MTU of the largest workload port in the overlay + Ethernet of the workload's frame + tunnel header + outer IP

Both ends count: what a workload on one host may send has to arrive on the other. Sizes: RFC 7348 (VXLAN), RFC 8926
(Geneve), RFC 2784 and 2890 (GRE), RFC 791 and 8200 (IP).
"""

from collections.abc import Iterator
from shlex import quote

from msgspec import Struct

from tunbridge.inspect.checks.tunnels import Overlay
from tunbridge.inspect.checks.view import View, finding
from tunbridge.inspect.interfaces import is_workload
from tunbridge.inspect.model import Device, Finding, Host, NotChecked
from tunbridge.inspect.roles import is_ovn
from tunbridge.inspect.tunnels import Tunnel, canonical

CODE = "underlay-mtu-too-small"
ETHERNET = 14
_OUTER = {"vxlan": (("UDP", 8), ("VXLAN", 8)), "geneve": (("UDP", 8), ("Geneve", 8)), "gre": (("GRE with key", 8),)}
_OVERLAYS = frozenset(("vxlan", "geneve", "gre"))


class Overhead(Struct, frozen=True):
    """What a tunnel puts around a workload's packet: each header with its size in bytes."""

    parts: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """All of it, in bytes."""
        return sum(size for _, size in self.parts)

    def __str__(self) -> str:
        return " + ".join(f"{name} {size}" for name, size in self.parts)


def overhead(tunnel: Tunnel, ovn: bool) -> Overhead | None:
    """Give what `tunnel` adds; None for types whose headers are not known here. OVN adds an option to Geneve."""
    headers = _OUTER.get(tunnel.type)
    if headers is None:
        return None
    outer = ("IPv6", 40) if ":" in (tunnel.remote or "") else ("IPv4", 20)
    option = (("OVN's option", 8),) if ovn and tunnel.type == "geneve" else ()
    return Overhead((outer, *headers, *option, ("the frame's Ethernet", ETHERNET)))


class _Largest(Struct, frozen=True):
    """The largest workload port of a host that is in the overlay."""

    host: str
    port: str
    mtu: int


class _Need(Struct, frozen=True):
    """What a host's device has to carry for a tunnel."""

    device: Device
    largest: _Largest
    tunnel: Tunnel
    added: Overhead

    @property
    def bytes(self) -> int:
        return self.largest.mtu + self.added.size


def underlay(overlay: Overlay) -> Iterator[Finding | NotChecked]:
    """Report devices whose MTU is smaller than what the overlay's workloads need, one finding for each."""
    view = overlay.view
    largest: dict[str, _Largest] = {}
    ovn = {host.name for host in view.given if host.underlay and is_ovn(host)}
    for host in view.given:
        if found := _largest(host):
            largest[host.name] = found
    worst: dict[tuple[str, str], _Need] = {}
    for _, near, far in overlay.links():
        needs = [largest[end.host] for end in (near, far) if end is not None and end.host in largest]
        for end in (near, far):
            need = _need(view.hosts[end.host], end, needs, ovn) if end is not None and needs else None
            if need is not None and need.bytes > (need.device.mtu or need.bytes):
                key = (need.tunnel.host, need.device.name)
                worst[key] = max(worst.get(key, need), need, key=lambda n: n.bytes)
    yield from map(_too_small, worst.values())
    yield from _ambiguous(view, {tunnel.host for tunnel in overlay.tunnels})


def _need(host: Host, end: Tunnel, needs: list[_Largest], ovn: set[str]) -> _Need | None:
    devices = host.underlay or []
    holding = [device for device in devices if end.local in [canonical(address) for address in device.addresses]]
    device = holding[0] if holding else devices[0] if len(devices) == 1 else None
    added = overhead(end, host.name in ovn)
    if device is None or added is None:
        return None
    return _Need(device, max(needs, key=lambda n: n.mtu), end, added)


def _largest(host: Host) -> _Largest | None:
    """Find the workload port with the largest MTU in the overlay.

    Neutron writes the type of a port's network beside it. Without that, a workload is in the overlay for sure only on
    a host without a provider bridge.
    """
    has_provider = _has_provider(host)
    found = [
        _Largest(host.name, interface.name, interface.mtu)
        for bridge in host.bridges
        if bridge.role in ("integration", "other")
        for port in bridge.ports
        for interface in port.interfaces
        if interface.mtu is not None
        and ((kind := (port.other_config or {}).get("network_type")) in _OVERLAYS
             or (kind is None and is_workload(interface) and not has_provider))
    ]  # fmt: skip
    return max(found, key=lambda one: one.mtu, default=None)


def _has_provider(host: Host) -> bool:
    return any(bridge.role == "provider" for bridge in host.bridges)


def _too_small(need: _Need) -> Finding:
    device, tunnel, largest = need.device, need.tunnel, need.largest
    whose = "" if largest.host == tunnel.host else f" of {largest.host}"
    return finding(
        CODE,
        tunnel.host,
        device.name,
        f"{device.name}, which tunnels leave by, has MTU {device.mtu}, but {need.bytes} are needed: workload port "
        f"{largest.port}{whose} has MTU {largest.mtu}, and {tunnel.type} adds {need.added.size} bytes "
        f"({need.added}). Larger packets are lost",
        f"ip link set {quote(device.name)} mtu {need.bytes}, likewise on what is below it, the other hosts and the "
        f"switches between; or lower the MTU of the network to {(device.mtu or 0) - need.added.size} "
        "(openstack network set --mtu)",
    )


def _ambiguous(view: View, hosts: set[str]) -> Iterator[NotChecked]:
    for host in view.given:
        if host.name in hosts and host.underlay and _has_provider(host) and _largest(host) is None:
            workloads = [i for b in host.bridges for p in b.ports for i in p.interfaces if is_workload(i)]
            if any(interface.mtu is not None for interface in workloads):
                reason = "which of its workload ports are in the overlay, and which on a provider network, is not told"
                yield NotChecked(code=CODE, host=host.name, reason=reason)
