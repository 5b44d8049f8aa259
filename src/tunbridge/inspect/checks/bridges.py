"""Checks of what controls bridges: OpenFlow controllers, OVSDB managers, and what happens without them."""

from collections.abc import Iterator
from shlex import quote

from tunbridge.inspect.checks.advice import after_emptying, restart
from tunbridge.inspect.checks.view import View, finding, is_active
from tunbridge.inspect.model import Bridge, Finding, Host, Manager, NotChecked


def controllers(view: View) -> Iterator[Finding | NotChecked]:
    """Report controllers that Open vSwitch should be connected to and is not."""
    for host in view.given:
        for bridge in host.bridges:
            for controller in bridge.controllers:
                if not is_active(controller.target):
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
        else f"start the controller at {target}; can this host reach it?",
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
                yield _no_client(host, manager) if not is_active(manager.target) else _no_manager(host, manager)


def _no_client(host: Host, manager: Manager) -> Finding:
    is_local = "127.0.0.1" in manager.target
    return finding(
        "manager-disconnected",
        host.name,
        manager.target,
        f"no client is connected to the OVSDB manager {manager.target}"
        + (": is the agent of this host running?" if is_local else ""),
        f"start the agent of this host (Neutron's or Tunbridge's); {_without_manager(host, manager)}",
        manager.lines.get("name"),
    )


def _no_manager(host: Host, manager: Manager) -> Finding:
    return finding(
        "manager-disconnected",
        host.name,
        manager.target,
        f"Open vSwitch is not connected to its OVSDB manager {manager.target}",
        f"start the manager there; {_without_manager(host, manager)}",
        manager.lines.get("name"),
    )


def _without_manager(host: Host, manager: Manager) -> str:
    """Return how to take one manager away and keep the others: `del-manager` would remove all."""
    others = [quote(other.target) for other in host.managers if other.target != manager.target]
    command = f"ovs-vsctl set-manager {' '.join(others)}" if others else "ovs-vsctl del-manager"
    return f"if nothing uses it any more: {command}"


def fail_modes(view: View) -> Iterator[Finding]:
    """Report bridges that flows should control, and that would switch by themselves without."""
    for host in view.given:
        for bridge in host.bridges:
            active = any(is_active(c.target) for c in bridge.controllers)
            if bridge.fail_mode != "secure" and (active or bridge.role in ("integration", "tunnel")):
                yield finding(
                    "fail-mode-not-secure",
                    host.name,
                    bridge.name,
                    f"{bridge.name} is not in fail mode secure: whenever it has no controller and no flows, it floods "
                    "and learns like an ordinary switch",
                    f"ovs-vsctl set-fail-mode {quote(bridge.name)} secure; this empties its flow tables: "
                    + after_emptying(view.owners[host.name]),
                    bridge.lines.get("fail_mode", bridge.lines.get("name")),
                )


def controllers_missing(view: View) -> Iterator[Finding]:
    """Report bridges that forward only by flows and have no controller to write them, while their siblings have one.

    OVN and Antrea write flows without a controller in the database.
    """
    elsewhere: dict[str, Host] = {}
    for host in view.given:
        for bridge in host.bridges:
            if _is_controlled(bridge):
                elsewhere.setdefault(bridge.name, host)
    for host in view.given:
        if view.owners[host.name] in ("ovn", "antrea"):
            continue
        beside = next(filter(_is_controlled, host.bridges), None)
        for bridge in host.bridges:
            if bridge.fail_mode != "secure" or _is_controlled(bridge) or bridge.name.startswith("tbr-"):
                continue
            other = elsewhere.get(bridge.name)
            if beside is not None:
                yield _controller_missing(view, host, bridge, f"{beside.name} of the same host has one")
            elif other is not None:
                yield _controller_missing(view, host, bridge, f"{bridge.name} of {other.name} has one")


def _is_controlled(bridge: Bridge) -> bool:
    return any(is_active(controller.target) for controller in bridge.controllers)


def _controller_missing(view: View, host: Host, bridge: Bridge, sibling: str) -> Finding:
    return finding(
        "controller-missing",
        host.name,
        bridge.name,
        f"{bridge.name} is in fail mode secure and has no active controller, while {sibling}: without flows that "
        "somebody writes, it drops everything",
        f"{restart(view.owners[host.name])}, which sets the controller of its bridges and writes their flows",
        bridge.lines.get("fail_mode", bridge.lines.get("name")),
    )
