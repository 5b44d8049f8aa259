"""Checks of what carries packets off the host, where the source tells its state: NICs, bonds, BFD of tunnels."""

from collections.abc import Iterator
from shlex import quote

from tunbridge.inspect.checks.tunnels import Overlay
from tunbridge.inspect.checks.view import View, finding
from tunbridge.inspect.interfaces import is_tunnel, why_down
from tunbridge.inspect.model import Bridge, Device, Finding, Host, Interface, Port


def _fix(device: Interface | Device) -> str:
    if device.admin_state == "down":
        return f"ip link set {quote(device.name)} up"
    return f"look at the cable and the switch port; ethtool {quote(device.name)} tells what the NIC sees"


def is_bond(port: Port) -> bool:
    """Say whether a port is a bond of several interfaces."""
    return len(port.interfaces) > 1


def nics(view: View) -> Iterator[Finding]:
    """Report NICs that are down: those of bridges, and those that tunnels leave by."""
    seen: set[tuple[str, str]] = set()
    for host, bridge, port in view.ports():
        if len(port.interfaces) != 1:
            continue
        (nic,) = port.interfaces
        reason = why_down(nic)
        if reason is not None and not nic.error and view.is_nic(host, bridge, port):
            seen.add((host.name, nic.name))
            text = f"NIC {nic.name} of {bridge.name} is down ({reason}): nothing leaves {bridge.name} by it"
            yield finding("nic-down", host.name, nic.name, text, _fix(nic))
    for host in view.given:
        for device in host.underlay or ():
            reason = why_down(device)
            if reason is not None and (host.name, device.name) not in seen:
                seen.add((host.name, device.name))
                yield _underlay_down(host, device, reason)
    yield from _egress(view, seen)


def _underlay_down(host: Host, device: Device, reason: str) -> Finding:
    text = f"{device.name}, which holds the tunnel address, is down ({reason}): no tunnel of this host works"
    return finding("nic-down", host.name, device.name, text, _fix(device))


def _egress(view: View, seen: set[tuple[str, str]]) -> Iterator[Finding]:
    """Take from the tunnels' own `status` what no device tells: it is there for remote sources too."""
    for host, _, _, tunnel in view.interfaces():
        status = tunnel.status or {}
        device = status.get("tunnel_egress_iface", "")
        if status.get("tunnel_egress_iface_carrier") == "down" and (host.name, device) not in seen:
            seen.add((host.name, device))
            text = f"{device}, which tunnel {tunnel.name} leaves by, is down (it has no carrier)"
            yield finding("nic-down", host.name, device, text, _fix(Device(name=device, link_state="down")))


def bonds(view: View) -> Iterator[Finding]:
    """Report bonds of which a member is down, or that wait for their LACP partner."""
    for host, bridge, port in view.ports():
        if is_bond(port):
            yield from _members(host, bridge, port)
            yield from _lacp(host, bridge, port)


def _members(host: Host, bridge: Bridge, bond: Port) -> Iterator[Finding]:
    members = sorted(bond.interfaces, key=lambda member: member.name)
    down = {member.name: reason for member in members if (reason := why_down(member)) is not None}
    if not down:
        return
    what = ", ".join(f"{name}: {reason}" for name, reason in down.items())
    left = [member.name for member in members if member.name not in down]
    then = f"all goes by {', '.join(left)}" if left else f"nothing leaves {bridge.name} by it"
    yield finding(
        "bond-member-down",
        host.name,
        bond.name,
        f"bond {bond.name} of {bridge.name} has {len(down)} of {len(members)} members down ({what}): {then}",
        "; ".join(_fix(member) for member in members if member.name in down),
        bond.lines.get("name"),
        None if left else "error",
    )


def _lacp(host: Host, bridge: Bridge, bond: Port) -> Iterator[Finding]:
    if bond.lacp not in ("active", "passive"):
        return
    up = [member for member in bond.interfaces if why_down(member) is None]
    silent = sorted(member.name for member in up if member.lacp_current is False)
    if not silent:
        return
    none = len(silent) == len(up)
    yield finding(
        "lacp-not-negotiated",
        host.name,
        bond.name,
        f"bond {bond.name} of {bridge.name} (lacp={bond.lacp}) hears no LACP partner on {', '.join(silent)}: "
        + ("none of its members is in use" if none else "these members are not in use"),
        f"make the switch ports of {', '.join(silent)} one LACP group; ovs-appctl lacp/show {quote(bond.name)} tells "
        "what is heard",
        bond.lines.get("name"),
        "error" if none else None,
    )


def bfd(overlay: Overlay) -> Iterator[Finding]:
    """Report tunnels whose BFD session is not up: the other host is not reached by them."""
    down = [(host, port, i) for host, _, port, i in overlay.view.interfaces() if is_tunnel(i) and _is_bfd_down(i)]
    if not down:
        return
    far_ends = {(near.host, near.port): far for _, near, far in overlay.links() if far is not None}
    far_ends |= {(far.host, far.port): near for _, near, far in overlay.links() if far is not None}
    interfaces = {(host.name, i.name): i for host, _, _, i in overlay.view.interfaces()}
    for host, port, tunnel in down:
        far = far_ends.get((host.name, port.name))
        yield _bfd(host, tunnel, (far.host, interfaces[far.host, far.name]) if far is not None else None)


def _is_bfd_down(tunnel: Interface) -> bool:
    """Say whether BFD is on, and finds no way; a session that was switched off (admin_down) finds nothing."""
    status = tunnel.bfd_status
    if not status or status.get("state", "admin_down") == "admin_down":
        return False
    return status["state"] != "up" or status.get("forwarding") == "false"


def _bfd(host: Host, tunnel: Interface, far: tuple[str, Interface] | None) -> Finding:
    status = tunnel.bfd_status or {}
    remote = tunnel.options.get("remote_ip", "its peer")
    heard = f"state {status.get('state')}, remote_state {status.get('remote_state', 'unknown')}"
    diagnostic = status.get("diagnostic", "No Diagnostic")
    heard += f", {diagnostic}" if diagnostic != "No Diagnostic" else ""
    what = "is not up" if status.get("state") != "up" else "is up, but the way back is not (forwarding false)"
    text = f"BFD of {tunnel.name} {what} ({heard}): what is sent to {remote} by this tunnel may not arrive"
    fix = f"ping {quote(remote)}; do firewalls on the way let the tunnel's packets through?"
    if far is not None and far[1].bfd is not None and far[1].bfd.get("enable") != "true":
        text = f"BFD of {tunnel.name} is not up ({heard}): {far[0]}'s end of the tunnel, {far[1].name}, has BFD off"
        fix = f"on {far[0]}: ovs-vsctl set interface {quote(far[1].name)} bfd:enable=true"
    return finding("bfd-down", host.name, tunnel.name, text, fix, tunnel.lines.get("bfd_status"))
