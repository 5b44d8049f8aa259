"""What routers, their interfaces, gateways and floating IPs share: ports made for them, subnets kept apart."""

from collections.abc import Iterable
from typing import Any

import msgspec

from tunbridge.model import device_owners
from tunbridge.model.gateway_order import gateway_ports
from tunbridge.rules import ipam, segments
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest
from tunbridge.rules.request import Reader, Request, Row, Txn

OWNERS = (device_owners.ROUTER_INTERFACE, *device_owners.OUTSIDE)
"""Device owners of the ports that only requests for routers and floating IPs make and remove."""


def bad_router(message: str) -> BadRequest:
    """Give Neutron's BadRequest for routers."""
    return BadRequest("BadRequest", f"Bad router request: {message}.")


def trusted(request: Request) -> Request:
    """Give the request as an admin's, and without its revision: for what goes along with the thing that it names."""
    caller = msgspec.structs.replace(request.caller, roles=request.caller.roles | {"admin"}, system=False)
    return Request(caller, request.settings, request.now, request.random)


def check_one_segment(txn: Txn, network_id: str) -> None:
    """Refuse a network of several segments: each host has one of them, and a router is on all hosts. Raises BadRequest.

    None comes meanwhile.
    """
    network = txn.get("Network", network_id)
    txn.verify("Network", network_id, "segment_rows")
    if network is not None and segments.several(network):
        raise bad_router(
            f"Network {network_id} has several segments, and a router of the cloud would reach one of them only: the"
            " routers of the physical network join them"
        )


def make_port(rules: Rules, txn: Txn, request: Request, network: str, owner: str, device: str, **values: Any) -> Row:
    """Make a port of a router; it counts, and is not refused for the quota. Raises NetworkingError."""
    ports: Any = rules.others["port"]
    wanted = {"project_id": "", "network_id": network, "device_owner": owner, "device_id": device, **values}
    return txn.get("Port", ports.create(txn, trusted(request), ports.with_defaults(wanted), limited=False))


def remove_port(rules: Rules, txn: Txn, request: Request, port: Row) -> None:
    """Remove a port of a router."""
    rules.others["port"].remove(txn, trusted(request), port)
    for address in port.addresses:
        txn.delete("Address", address)  # by name: else it counts as a use of its subnet


def subnets_of(reader: Reader, port: Row) -> list[Row]:
    """Give the subnets that a port has addresses of, in the order of its addresses."""
    rows = [reader.get("Address", id) for id in port.addresses]
    found = {row.subnet: reader.get("Subnet", row.subnet) for row in rows if row is not None}
    return [subnet for subnet in found.values() if subnet is not None]


def addresses_of(reader: Reader, port: Row) -> list[Row]:
    """Give the addresses of a port."""
    return [row for id in port.addresses if (row := reader.get("Address", id)) is not None]


def gateways_of(router: Row) -> tuple[str, ...]:
    """Give the ids of the ports of a router's gateways, the first one first."""
    return gateway_ports(router.gateway_port, router.further_gateways)


def ports_of(reader: Reader, router: Row) -> list[Row]:
    """Give the ports of a router: its interfaces and its gateways."""
    return [port for id in (*router.interfaces, *gateways_of(router)) if (port := reader.get("Port", id)) is not None]


def check_overlap(
    reader: Reader, router: Row, new: Iterable[Row], except_port: str = "", outside: str | None = None
) -> None:
    """Refuse subnets that a router has a port on, or that overlap with one of its others. Raises BadRequest.

    `outside`: the external network that they are of, where the router may have other gateways.
    """
    new = list(new)
    there: list[Row] = []
    for port in ports_of(reader, router):
        if port.id == except_port or (port.device_owner == device_owners.ROUTER_GATEWAY and port.network_id == outside):
            continue
        own = subnets_of(reader, port)
        twice = next((subnet for subnet in own if subnet.id in {one.id for one in new}), None)
        if twice is not None:
            raise bad_router(f"Router already has a port on subnet {twice.id}")
        # By its gateway a router reaches all subnets of the external network.
        there += (
            reader.find("Subnet", "network_id", port.network_id)
            if port.device_owner == device_owners.ROUTER_GATEWAY
            else own
        )
    for old in there:
        for subnet in new:
            if ipam.network(old.cidr).overlaps(ipam.network(subnet.cidr)):
                raise bad_router(
                    f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {old.cidr} of subnet {old.id}"
                )


def external_network(rules: Rules, txn: Txn, request: Request, id: str) -> Row:
    """Give a network for a gateway or floating IP, as far as the caller may know of it. Raises NotFound."""
    networks = rules.others["network"]
    network = networks.get(txn, id)
    project = request.caller.project_id
    seen = (
        request.caller.is_admin
        or network.project_id == project
        or networks.external_for(txn, network, project)
        or networks.shared_with(txn, network, project)
    )
    if not seen:
        raise networks.absent(id)
    txn.verify("Network", network.id, "router_external", "shares")
    return network


def extra_routes(router: Row) -> list[dict[str, str]]:
    """Give the extra routes of a router."""
    return msgspec.json.decode(router.routes or "[]") or []
