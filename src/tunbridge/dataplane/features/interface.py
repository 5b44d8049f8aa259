"""An interface of a router, on this host."""

from msgspec import Struct

from tunbridge.dataplane import flow, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import uplink
from tunbridge.dataplane.flow import Action, goto
from tunbridge.dataplane.view import Network, Port, Source, Subnet, View

ETHERNET = 14
"""Bytes of an Ethernet header."""


class Interface(Struct, frozen=True):
    """A port of a router, its network with the local VLAN, and its addresses with their subnets."""

    port: Port
    network: Network
    vlan: int
    addresses: tuple[tuple[str, Subnet], ...]

    @property
    def versions(self) -> set[int]:
        """IP versions that it has an address of."""
        return {subnet.ip_version for _, subnet in self.addresses}


def find(context: Context, port_id: str) -> Interface | None:
    """The interface that a port is; None where it cannot be had, and a note of what a host lacks."""
    port = context.view.port(port_id)
    network = None if port is None else context.network(port.network_id)
    if port is None or network is None or not port.admin_state_up or not network.admin_state_up:
        return None
    if (obstacle := uplink.obstacle(context, network)) is not None:
        context.note(f"network {network.id} cannot be reached from here: {obstacle}")
        return None
    subnets = [(ip.ip_address, context.view.subnet(ip.subnet_id)) for ip in port.fixed_ips]
    known = tuple((address, subnet) for address, subnet in subnets if subnet is not None)
    return Interface(port, network, context.vlan(network.id, unwritten=True), known)


def into(interface: Interface, widest: int) -> list[Action]:
    """The actions that lead into the interface's network, with a look at the size of what comes from a wider one."""
    mtu = interface.network.mtu
    check = [flow.check_larger(mtu + ETHERNET, pipeline.TOO_BIG)] if widest > mtu else []
    return [flow.load(pipeline.NETWORK, interface.vlan), *check, goto(pipeline.NEXT_HOP)]


def on_network(view: Source | View, network_id: str) -> list[Port]:
    """The ports of routers on a network."""
    routers = (view.router(id) for id in sorted(view.network_routers(network_id)))
    ports = (view.port(id) for router in routers if router is not None for id in router.interfaces)
    return [port for port in ports if port is not None and port.network_id == network_id]
