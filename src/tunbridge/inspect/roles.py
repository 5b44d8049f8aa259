"""What each bridge is for, and what the host is: worked out from names, types and how the bridges are joined.

A name decides where the field has one (`br-int`, `br-tun`, `br-ex`); else what is plugged in does.
"""

import re
from collections.abc import Sequence

from msgspec.structs import replace

from tunbridge.inspect.interfaces import (
    is_local,
    is_patch,
    is_service,
    is_tunnel,
    is_veth_end,
    is_workload,
    looks_like_nic,
)
from tunbridge.inspect.model import Bridge, BridgeRole, Host, HostRole, Interface

OVN_TUNNEL = re.compile(r"ovn-?([0-9a-zA-Z]{6})-\d+")
"""OVN's name of a tunnel port: six characters of the peer chassis' system-id, and a number."""
OVN_PATCH = re.compile(r"patch-.+-to-.+")
"""OVN's name of a patch port: `patch-br-int-to-NETWORK`, `patch-NETWORK-to-br-int`."""
_PROVIDER = re.compile(r"br-?(?:ex|ext|external|provider|physnet)\w*")
_TRUNK = re.compile(r"tbr-.+")
_COMPUTE_NAME = re.compile(r"comp|nova|worker|hyper", re.I)
_NETWORK_NAME = re.compile(r"net|gate|gw|rout|contr|ctl|ctrl", re.I)


def with_roles(host: Host) -> Host:
    """Give `host` with the roles of its bridges and its own."""
    integration = _integration(host)
    joined = joined_bridges(host)
    has_patch_tun = any(
        i.name == "patch-tun" and is_patch(i) for b in host.bridges if b.name == integration for i in interfaces_of(b)
    )
    in_userspace = _has_userspace_tunnels(host)
    bridges = [
        bridge
        if (role := _bridge_role(host, bridge, integration, joined, has_patch_tun, in_userspace)) == bridge.role
        else replace(bridge, role=role)
        for bridge in host.bridges
    ]
    host = replace(host, bridges=bridges)
    host_role, guessed = _host_role(host)
    if guessed and not host.is_whole:
        host_role, guessed = "unknown", False  # what would tell it may stand in the part that is missing
    return replace(host, role=host_role, role_guessed=guessed)


def compared(hosts: Sequence[Host]) -> list[Host]:
    """Return the hosts with roles that the others tell: beside a network node that serves, an empty one is none."""
    served = any(host.role in ("network", "all-in-one") and not host.role_guessed for host in hosts)
    return [
        replace(host, role="compute")
        if served and host.role == "network" and host.role_guessed and not _NETWORK_NAME.search(host.name)
        else host
        for host in hosts
    ]


def underlays(host: Host) -> set[str]:
    """Name the bridges by which the tunnels' outer packets leave: they hold the host's tunnel address, or are made to.

    A live source tells who holds the address. Else it is told by the form that "Userspace tunneling" of Open vSwitch's
    documentation has: a bridge of the userspace datapath with a NIC, which no agent controls, beside tunnels.
    """
    joined = joined_bridges(host)
    tunnels = _has_userspace_tunnels(host)
    return {
        bridge.name
        for bridge in host.bridges
        if bridge.role in ("other", "provider")
        and not joined.get(bridge.name)
        and (_holds_address(host, bridge) or (tunnels and _may_hold_tunnels(bridge) and not _is_mapped(host, bridge)))
    }


def _holds_address(host: Host, bridge: Bridge) -> bool:
    if not host.underlay:
        return False
    own = {port.name for port in bridge.ports if is_local(bridge, port) or any(map(_is_internal, port.interfaces))}
    return any(device.name in own for device in host.underlay)


def _may_hold_tunnels(bridge: Bridge) -> bool:
    """Whether it is a bridge of the userspace datapath that nothing controls, with a NIC."""
    if bridge.datapath_type != "netdev" or bridge.controllers or bridge.fail_mode == "secure":
        return False
    interfaces = interfaces_of(bridge)
    return any(map(looks_like_nic, interfaces)) and not any(is_service(i) or is_tunnel(i) for i in interfaces)


def _is_internal(interface: Interface) -> bool:
    return interface.type == "internal"


def interfaces_of(bridge: Bridge) -> list[Interface]:
    """Return the interfaces of all ports of `bridge`."""
    return [interface for port in bridge.ports for interface in port.interfaces]


def joined_bridges(host: Host) -> dict[str, set[str]]:
    """Give, for each bridge, the other bridges that a patch port or an int-/phy- veth pair leads to."""
    at: dict[str, str] = {}
    wires: list[tuple[str, Interface]] = []
    for bridge in host.bridges:
        for port in bridge.ports:
            for interface in port.interfaces:
                if is_patch(interface) or is_veth_end(interface):
                    at[interface.name] = bridge.name
                    wires.append((bridge.name, interface))
    joined: dict[str, set[str]] = {}
    for name, interface in wires:
        peer = at.get(peer_name(interface) or "")
        if peer is not None and peer != name:
            joined.setdefault(name, set()).add(peer)
            joined.setdefault(peer, set()).add(name)
    return joined


def peer_name(interface: Interface) -> str | None:
    """Name the interface at the other end of a patch port, or of an int-/phy- veth pair; None for all others."""
    if is_patch(interface):
        return interface.options.get("peer")
    if is_veth_end(interface):
        return {"int": "phy", "phy": "int"}[interface.name[:3]] + interface.name[3:]
    return None


def is_ovn(host: Host) -> bool:
    """Say whether OVN wired this host: its tunnels and patch ports have names of their own."""
    return any(
        (is_tunnel(i) and OVN_TUNNEL.fullmatch(i.name)) or (is_patch(i) and OVN_PATCH.fullmatch(i.name))
        for bridge in host.bridges
        for port in bridge.ports
        for i in port.interfaces
    )


def _integration(host: Host) -> str | None:
    """Name the bridge that workloads plug into."""
    names = {bridge.name for bridge in host.bridges}
    if "br-int" in names:
        return "br-int"
    for bridge in host.bridges:
        interfaces = interfaces_of(bridge)
        if bridge.name.startswith("br-int") or any(i.name == "patch-tun" and is_patch(i) for i in interfaces):
            return bridge.name
        if any(is_tunnel(i) and OVN_TUNNEL.fullmatch(i.name) for i in interfaces):
            return bridge.name
        multipeer = any(is_tunnel(i) and i.options.get("remote_ip") == "flow" for i in interfaces)
        if multipeer and any(is_workload(i) for i in interfaces):
            return bridge.name
    return None


def _bridge_role(
    host: Host,
    bridge: Bridge,
    integration: str | None,
    joined: dict[str, set[str]],
    has_patch_tun: bool,
    in_userspace: bool,
) -> BridgeRole:
    if bridge.name == integration:
        return "integration"
    interfaces = interfaces_of(bridge)
    is_joined = integration is not None and integration in joined.get(bridge.name, ())
    if bridge.name == "br-tun" or (any(map(is_tunnel, interfaces)) and (is_joined or has_patch_tun)):
        return "tunnel"
    if any(i.name == "patch-int" and is_patch(i) for i in interfaces):
        return "tunnel"  # of Neutron (`tun_peer_patch_port`), however it is named, and before it has any tunnel
    if _TRUNK.fullmatch(bridge.name):  # Neutron: one virtual machine's trunk
        return "other"
    if is_joined or _PROVIDER.fullmatch(bridge.name) or any(i.name.startswith("qg-") for i in interfaces):
        return "provider"
    if (
        integration is not None
        and any(map(looks_like_nic, interfaces))
        and not _serves_the_host(host, bridge, in_userspace)
    ):
        return "provider"
    return "other"


def _serves_the_host(host: Host, bridge: Bridge, in_userspace: bool) -> bool:
    """Say whether a bridge with a NIC, joined to no other, carries the host's own addresses rather than a network.

    It does when it has internal ports besides its own (VLANs of the host), and it may in the userspace datapath, where
    tunnels leave through a bridge with the underlay NIC and the tunnel address (OVS, "Userspace tunneling").
    """
    if any(
        i.type == "internal" and not is_local(bridge, port) and not is_service(i)
        for port in bridge.ports
        for i in port.interfaces
    ):
        return True
    return in_userspace and _may_hold_tunnels(bridge) and not _is_mapped(host, bridge)


def _is_mapped(host: Host, bridge: Bridge) -> bool:
    return bridge.name in (host.bridge_mappings or {}).values()


def _has_userspace_tunnels(host: Host) -> bool:
    return any(_is_for_tunnels(bridge) for bridge in host.bridges if bridge.datapath_type == "netdev")


def _is_for_tunnels(bridge: Bridge) -> bool:
    return bridge.name == "br-tun" or any(
        is_tunnel(i) or (i.name == "patch-int" and is_patch(i)) for i in interfaces_of(bridge)
    )


def _host_role(host: Host) -> tuple[HostRole, bool]:
    """Return the role, and whether it is a guess: nothing is plugged in that would tell it."""
    interfaces = [interface for bridge in host.bridges for interface in interfaces_of(bridge)]
    workloads = any(map(is_workload, interfaces))
    services = _has_services(interfaces) or bool(host.gateways)
    if workloads:
        return ("all-in-one" if services else "compute"), False
    if services:
        return "network", False
    if any(i.name == "antrea-gw0" for i in interfaces):
        return "compute", False
    if not any(bridge.role == "integration" for bridge in host.bridges):
        return "unknown", False
    joined = joined_bridges(host)
    outside = any(bridge.role == "provider" and joined.get(bridge.name) for bridge in host.bridges)
    if is_ovn(host):
        return ("gateway" if outside else "unknown"), False
    if outside:  # a compute node with provider networks and no instance yet looks the same: then its name decides
        return ("compute" if _COMPUTE_NAME.search(host.name) else "network"), True
    return ("compute", True) if any(bridge.role == "tunnel" for bridge in host.bridges) else ("unknown", False)


def _has_services(interfaces: list[Interface]) -> bool:
    """Say whether networks are served here. With distributed routers (fg-), every compute node has qr- ports."""
    distributed = any(i.name.startswith("fg-") for i in interfaces)
    return any(is_service(i) and (not distributed or i.name.startswith(("sg-", "tap"))) for i in interfaces)
