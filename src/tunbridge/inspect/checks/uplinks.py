"""Checks of how bridges hang together and reach the outside: NICs, mappings, what is joined to nothing."""

from collections import deque
from collections.abc import Iterator
from shlex import quote

from tunbridge.inspect.checks.advice import agent, restart
from tunbridge.inspect.checks.view import View, finding
from tunbridge.inspect.interfaces import (
    has_nic_name,
    is_enslaved,
    is_local,
    is_patch,
    is_service,
    is_tunnel,
    is_veth_end,
    is_workload,
    looks_like_nic,
)
from tunbridge.inspect.model import Bridge, Finding, Host, Port
from tunbridge.inspect.roles import interfaces_of
from tunbridge.inspect.wiring import Flavour

TAGGING_OWNERS = ("neutron",)
"""Whose integration bridges tell networks apart by tags: OVN and Antrea use none."""


def provider_nics(view: View) -> Iterator[Finding]:
    """Report provider bridges from which no NIC can be reached, and bridges whose namesakes elsewhere have one."""
    for host in view.given:
        by_name = {bridge.name: bridge for bridge in host.bridges}
        for bridge in host.bridges:
            if bridge.role in ("integration", "tunnel"):
                continue
            sibling = view.other_with_uplink(host, bridge)
            wants = bridge.role == "provider" or sibling
            if wants and not _reaches_nic(view, host, bridge, by_name):
                yield _without_nic(host, bridge, sibling)


def _without_nic(host: Host, bridge: Bridge, sibling: str | None) -> Finding:
    others = f", while {bridge.name} of {sibling} has one" if sibling else ""
    kind = "provider bridge " if bridge.role == "provider" else ""
    return finding(
        "provider-without-nic",
        host.name,
        bridge.name,
        f"{kind}{bridge.name} has no NIC{others}: its network ends on this host",
        "plug in the NIC of that physical network with ovs-vsctl add-port, if this host has one (ip -br link); "
        f"addresses of the NIC go to {bridge.name} first, or the host is cut off",
        bridge.lines.get("name"),
    )


def _reaches_nic(view: View, host: Host, bridge: Bridge, by_name: dict[str, Bridge]) -> bool:
    """Search on through patch ports, but not through what all networks share (integration and tunnel bridges)."""
    seen = {bridge.name}
    waiting = deque([bridge.name])
    while waiting:
        here = by_name[waiting.popleft()]
        if view.leads_out(host, here):
            return True
        for name in view.joined[host.name].get(here.name, ()):
            if name not in seen and by_name[name].role in ("provider", "other"):
                seen.add(name)
                waiting.append(name)
    return False


def mappings(view: View) -> Iterator[Finding]:
    """Report physical networks that are mapped to a bridge which the host does not have."""
    for host in view.given:
        names = {bridge.name for bridge in host.bridges}
        owner = view.owners[host.name]
        for network, bridge in (host.bridge_mappings or {}).items():
            if bridge not in names:
                yield finding(
                    "bridge-mapping-missing",
                    host.name,
                    bridge,
                    f"physical network {network} is mapped to bridge {bridge}, which does not exist on this host: "
                    "ports on that network are not wired",
                    f"make the bridge (ovs-vsctl add-br {quote(bridge)}) and plug its NIC in, or correct the mapping"
                    + _where_mapped(owner),
                )


def _where_mapped(owner: Flavour) -> str:
    if owner == "neutron":
        return f" (bridge_mappings in openvswitch_agent.ini); then {restart(owner)}"
    return " (external_ids:ovn-bridge-mappings)" if owner == "ovn" else ""


def integration_nics(view: View) -> Iterator[Finding]:
    """Report physical NICs in the integration bridge."""
    for host, bridge, port in view.ports():
        if bridge.role != "integration" or view.owners[host.name] == "antrea":
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


def untagged(view: View) -> Iterator[Finding]:
    """Report workloads' ports that the agent has given no local VLAN."""
    for host, bridge, port in view.ports():
        if bridge.role != "integration" or view.owners[host.name] not in TAGGING_OWNERS or not _is_untagged(port):
            continue
        name = port.interfaces[0].name
        look = (
            f"ovs-vsctl get interface {quote(name)} external_ids:iface-id, then openstack port show that UUID: is it "
            "bound to this host? The agent's log tells why it was not wired"
        )
        yield finding(
            "workload-untagged",
            host.name,
            port.name,
            f"{port.name} of {bridge.name} has no tag: {agent(view.is_tunbridge[host.name])} has not wired it, so it "
            "is in none of the host's networks",
            f"`tunbridge host status` on {host.name} gives the reason" if view.is_tunbridge[host.name] else look,
            port.lines.get("name"),
        )


def _is_untagged(port: Port) -> bool:
    if port.tag is not None or port.trunks or any(interface.error for interface in port.interfaces):
        return False
    return any(map(is_workload, port.interfaces))


def isolated(view: View) -> Iterator[Finding]:
    """Report integration bridges whose workloads reach nothing but each other.

    Where an agent's tunnel or provider bridge stands beside it, `bridge-unconnected` tells of that one.
    """
    for host in view.given:
        beside = any(b.role == "tunnel" or (b.role == "provider" and b.controllers) for b in host.bridges)
        if view.owners[host.name] == "antrea" or beside:
            continue
        for bridge in host.bridges:
            if bridge.role != "integration":
                continue
            interfaces = interfaces_of(bridge)
            workloads = sum(map(is_workload, interfaces))
            leads = any(is_patch(i) or is_tunnel(i) or is_veth_end(i) or is_service(i) for i in interfaces)
            if workloads and not leads and not view.leads_out(host, bridge):
                yield finding(
                    "integration-bridge-isolated",
                    host.name,
                    bridge.name,
                    f"{bridge.name} holds {workloads} workload port{'s' * (workloads > 1)}, but no patch port, tunnel "
                    "or NIC: nothing of them leaves this host",
                    f"{restart(view.owners[host.name])}, and see its log for why it made neither tunnels nor patch "
                    "ports",
                    bridge.lines.get("name"),
                )


def unconnected(view: View) -> Iterator[Finding]:
    """Report bridges that are joined to nothing although they are there to be."""
    for host in view.given:
        joined = view.joined[host.name]
        explained = _bridges_of_missing_peers(view, host)
        for bridge in host.bridges:
            if joined.get(bridge.name) or bridge.name in explained:
                continue  # the port that is missing there is reported already
            reason = _why_unconnected(view, host, bridge) if len(host.bridges) > 1 else None
            if reason is not None:
                yield _unconnected(view, host, bridge, reason)
            elif note := _note_of(view, host, bridge):
                yield finding(
                    "bridge-unconnected",
                    host.name,
                    bridge.name,
                    f"{bridge.name} {note[0]}",
                    note[1],
                    bridge.lines.get("name"),
                    "info",
                )


def _unconnected(view: View, host: Host, bridge: Bridge, reason: str) -> Finding:
    empty = all(is_local(bridge, port) for port in bridge.ports)
    unused = (
        f"; if it is of no use, and no address is on it (ip addr show {quote(bridge.name)}): ovs-vsctl del-br "
        f"{quote(bridge.name)}"
        if empty
        else ""
    )
    return finding(
        "bridge-unconnected",
        host.name,
        bridge.name,
        f"{bridge.name} {reason}",
        f"{restart(view.owners[host.name])}, which makes the patch pairs of its bridges{unused}",
        bridge.lines.get("name"),
    )


def _bridges_of_missing_peers(view: View, host: Host) -> set[str]:
    missing = (
        interface.options["peer"]
        for bridge in host.bridges
        for interface in interfaces_of(bridge)
        if view.lacks_peer(host, interface) and "peer" in interface.options
    )
    return {home.bridge for peer in missing if (home := view.homes(host).of(peer)) is not None}


def _why_unconnected(view: View, host: Host, bridge: Bridge) -> str | None:
    """Return what is wrong with a bridge that no wire joins to another; None when it may well stand alone.

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
    ovn = view.owners[host.name] == "ovn"
    if bridge.role == "provider" and bridge.controllers and not ovn and not any(map(is_service, interfaces)):
        return "is controlled as a provider bridge, but has no patch port to the integration bridge"
    if not others and bridge.role in ("other", "provider"):
        return "has nothing in it but its own port, and is joined to no other bridge"
    return None


def _note_of(view: View, host: Host, bridge: Bridge) -> tuple[str, str] | None:
    """Return what is worth knowing of a bridge that stands alone, and what to do if that is not meant."""
    interfaces = [i for port in bridge.ports if not is_local(bridge, port) for i in port.interfaces]
    if bridge.role not in ("other", "provider") or not interfaces or any(map(is_service, interfaces)):
        return None
    if all(i.type == "internal" for i in interfaces) and not any(map(is_enslaved, interfaces)):
        like_nics = [i.name for i in interfaces if has_nic_name(i.name)]
        if like_nics:
            names = ", ".join(like_nics[:4])
            return (
                f"holds only internal ports, which Open vSwitch itself makes: {names} "
                f"{'is no NIC, though it is named like one' if len(like_nics) == 1 else 'are no NICs, only named so'}",
                "if a NIC is meant: is there one of that name (ip -br link)? An interface of the host is plugged "
                "in without type=internal",
            )
        if len(host.bridges) > 1:
            return (
                "holds only internal ports, and is joined to no other bridge: only this host itself uses it",
                "nothing, if that is so on purpose",
            )
        return None
    if view.owners[host.name] == "ovn" and bridge.role == "provider" and view.has_uplink(host, bridge):
        return (
            "has a NIC, but the integration bridge is not joined to it: no provider network is served here now",
            "nothing, if none is meant to be; ovn-controller makes the patch ports when a network that is mapped to "
            f"{bridge.name} (external_ids:ovn-bridge-mappings) has a port on this host",
        )
    return None
