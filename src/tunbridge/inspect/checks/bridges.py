"""Checks of bridges and what controls them: controllers, managers, fail mode, NICs, and bridges joined to nothing."""

from collections import deque
from collections.abc import Iterator
from shlex import quote

from tunbridge.inspect.checks.patches import home_of
from tunbridge.inspect.checks.view import View, finding
from tunbridge.inspect.interfaces import is_local, is_nic_of, is_patch, is_service, is_tunnel, looks_like_nic
from tunbridge.inspect.model import Bridge, Finding, Host, NotChecked
from tunbridge.inspect.roles import is_ovn, joined_bridges

_PASSIVE = ("ptcp:", "pssl:", "punix:")


def controllers(view: View) -> Iterator[Finding | NotChecked]:
    """Report controllers that Open vSwitch should be connected to and is not."""
    for host in view.given:
        for bridge in host.bridges:
            for controller in bridge.controllers:
                if controller.target.startswith(_PASSIVE):
                    continue
                if controller.is_connected is None:
                    yield NotChecked(
                        code="controller-disconnected",
                        host=host.name,
                        reason=f"whether {bridge.name} is connected to {controller.target} is not known",
                    )
                elif not controller.is_connected:
                    yield _disconnected(host, bridge, controller.target, controller.lines.get("name"))


def _disconnected(host: Host, bridge: Bridge, target: str, line: int | None) -> Finding:
    secure = bridge.fail_mode == "secure"
    return finding(
        "controller-disconnected",
        host.name,
        bridge.name,
        f"{bridge.name} is not connected to its controller {target}: "
        + ("it goes on with the flows it has, but gets no new ones" if secure else "it acts as an ordinary switch"),
        "start Neutron's or Tunbridge's agent on this host, which listens there (ss -ltnp | grep 6633)"
        if "127.0.0.1:" in target
        else f"start the controller at {target}, or ovs-vsctl del-controller {quote(bridge.name)}",
        line,
    )


def managers(view: View) -> Iterator[Finding | NotChecked]:
    """Report managers without a connection."""
    for host in view.given:
        for manager in host.managers:
            if manager.is_connected is None:
                yield NotChecked(
                    code="manager-disconnected",
                    host=host.name,
                    reason=f"whether anybody is connected to {manager.target} is not known",
                )
            elif not manager.is_connected:
                passive = manager.target.startswith(_PASSIVE)
                yield finding(
                    "manager-disconnected",
                    host.name,
                    manager.target,
                    f"no client is connected to the OVSDB manager {manager.target}"
                    + (": is the agent of this host running?" if "127.0.0.1" in manager.target else "")
                    if passive
                    else f"Open vSwitch is not connected to its OVSDB manager {manager.target}",
                    "start the agent of this host (Neutron's or Tunbridge's); if none uses it: ovs-vsctl del-manager"
                    if passive
                    else "start the manager there; if it is no longer used: ovs-vsctl del-manager",
                    manager.lines.get("name"),
                )


def fail_modes(view: View) -> Iterator[Finding]:
    """Report bridges that flows should control, and that would switch by themselves without."""
    for host in view.given:
        for bridge in host.bridges:
            active = any(not c.target.startswith(_PASSIVE) for c in bridge.controllers)
            if bridge.fail_mode != "secure" and (active or bridge.role in ("integration", "tunnel")):
                yield finding(
                    "fail-mode-not-secure",
                    host.name,
                    bridge.name,
                    f"{bridge.name} is not in fail mode secure: whenever it has no controller and no flows, it floods "
                    "and learns like an ordinary switch",
                    f"ovs-vsctl set-fail-mode {quote(bridge.name)} secure (this empties its flow tables)",
                    bridge.lines.get("fail_mode", bridge.lines.get("name")),
                )


def provider_nics(view: View) -> Iterator[Finding]:
    """Report provider bridges from which no NIC can be reached."""
    for host in view.given:
        if not any(bridge.role == "provider" for bridge in host.bridges):
            continue
        joined = joined_bridges(host)
        by_name = {bridge.name: bridge for bridge in host.bridges}
        for bridge in host.bridges:
            if bridge.role == "provider" and not _reaches_nic(bridge, by_name, joined):
                yield finding(
                    "provider-without-nic",
                    host.name,
                    bridge.name,
                    f"provider bridge {bridge.name} has no NIC: its network ends on this host",
                    f"ovs-vsctl add-port {quote(bridge.name)} NIC",
                    bridge.lines.get("name"),
                )


def _reaches_nic(bridge: Bridge, by_name: dict[str, Bridge], joined: dict[str, set[str]]) -> bool:
    """Search on through patch ports, but not through what all networks share (integration and tunnel bridges)."""
    seen = {bridge.name}
    waiting = deque([bridge.name])
    while waiting:
        here = by_name[waiting.popleft()]
        if any(is_nic_of(here, port) for port in here.ports):
            return True
        for name in joined.get(here.name, ()):
            if name not in seen and by_name[name].role in ("provider", "other"):
                seen.add(name)
                waiting.append(name)
    return False


def integration_nics(view: View) -> Iterator[Finding]:
    """Report physical NICs in the integration bridge."""
    for host, bridge, port in view.ports():
        if bridge.role != "integration" or any(p.name.startswith("antrea-") for p in bridge.ports):
            continue
        if any(map(looks_like_nic, port.interfaces)):
            yield finding(
                "nic-on-integration-bridge",
                host.name,
                port.name,
                f"{port.name} looks like a physical NIC, and is plugged into the integration bridge {bridge.name}: "
                "local VLANs of workloads can leave on it",
                f"ovs-vsctl del-port {quote(bridge.name)} {quote(port.name)}, and add it to a provider bridge",
                port.lines.get("name"),
            )


def unconnected(view: View) -> Iterator[Finding]:
    """Report bridges that are joined to nothing although they are there to be."""
    for host in view.given:
        if len(host.bridges) < 2 or host.system_id is None:
            continue
        joined = joined_bridges(host)
        ovn = is_ovn(host)
        explained = _bridges_of_missing_peers(host)
        for bridge in host.bridges:
            reason = None if joined.get(bridge.name) else _why_unconnected(bridge, ovn)
            if bridge.name in explained:
                continue  # the port that is missing there is reported already
            if reason is not None:
                yield finding(
                    "bridge-unconnected",
                    host.name,
                    bridge.name,
                    f"{bridge.name} {reason}",
                    "restart the agent, which makes the patch pairs of its bridges; if the bridge is of no use: "
                    f"ovs-vsctl del-br {quote(bridge.name)}",
                    bridge.lines.get("name"),
                )


def _bridges_of_missing_peers(host: Host) -> set[str]:
    interfaces = {i.name for b in host.bridges for p in b.ports for i in p.interfaces}
    return {
        home_of(host, bridge, peer)
        for bridge in host.bridges
        for port in bridge.ports
        for i in port.interfaces
        if is_patch(i) and (peer := i.options.get("peer")) is not None and peer not in interfaces
    }


def _why_unconnected(bridge: Bridge, ovn: bool) -> str | None:
    """Say what is wrong with a bridge that no wire joins to another; None when it may well stand alone.

    A broken wire is reported as such, so a bridge with any patch port is passed over. The bridge of a Mininet, a
    libvirt or an Antrea host stands alone by design: it has workloads or a NIC, and no agent's controller beside them.
    """
    others = [port for port in bridge.ports if not is_local(bridge, port)]
    interfaces = [i for port in others for i in port.interfaces]
    if any(map(is_patch, interfaces)):
        return None
    if bridge.role == "tunnel" and any(map(is_tunnel, interfaces)):
        return "has tunnels, but no patch port to the integration bridge: no workload's packet reaches them"
    if bridge.role == "tunnel":
        return "is there for tunnels, but has neither tunnels nor a patch port to the integration bridge"
    if bridge.role == "provider" and bridge.controllers and not ovn and not any(map(is_service, interfaces)):
        return "is controlled as a provider bridge, but has no patch port to the integration bridge"
    if not others and bridge.role in ("other", "provider"):
        return "has nothing in it but its own port, and is joined to no other bridge"
    return None
