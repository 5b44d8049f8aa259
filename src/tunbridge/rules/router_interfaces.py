"""Interfaces of routers: a subnet gets the router's port with its gateway's address, or a port is given to the router.

Every change of them counts up the router's revision, which is also the lock: of two that are made at once, one is
built again and sees the other.
"""

import ipaddress
from typing import Any

from tunbridge.model import device_owners
from tunbridge.model.validators import plain
from tunbridge.rules import ipam, ndp_proxies, port_forwardings, private_vlans, rbac
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, NotFound
from tunbridge.rules.port_addresses import fixed_ips
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.router_parts import (
    addresses_of,
    bad_router,
    check_one_segment,
    check_overlap,
    extra_routes,
    make_port,
    remove_port,
    subnets_of,
    trusted,
)
from tunbridge.rules.subnets import pools_of


def read_add(body: Values) -> Values:
    """Give what is to be added. Raises BadRequest."""
    found = read_remove(body)
    if len(found) == 2:
        raise bad_router("Cannot specify both subnet-id and port-id")
    return found


def read_remove(body: Values) -> Values:
    """Give what is to be removed. Raises BadRequest."""
    found: Values = {key: body[key] for key in ("port_id", "subnet_id") if key in body}
    if not found:
        raise bad_router("Either subnet_id or port_id must be specified")
    for value in found.values():
        reason = plain.uuid.refuse(value)
        if reason is not None:
            raise bad_router(reason)
    return found


def add(rules: Rules, txn: Txn, request: Request, router: Row, asked: Values) -> Values:
    """Add an interface. Raises NetworkingError."""
    if "port_id" in asked:
        port, subnets = _add_port(rules, txn, request, router, asked["port_id"])
    else:
        port, subnets = _add_subnet(rules, txn, request, router, asked["subnet_id"])
    _attach(rules, txn, request, router, {*router.interfaces, port.id})
    return _told(router, port, subnets[-1], subnets)


def remove(rules: Rules, txn: Txn, request: Request, router: Row, asked: Values) -> Values:
    """Take an interface away. Raises NetworkingError."""
    port, subnets = (_found_port if "port_id" in asked else _found_subnet)(rules, txn, router, asked)
    for subnet in subnets:
        _check_unused(txn, router, subnet)
    left = [a.id for a in addresses_of(txn, port) if a.subnet not in {subnet.id for subnet in subnets}]
    kept = set(router.interfaces)
    if left and "port_id" not in asked:
        for address in addresses_of(txn, port):
            if address.id not in left:
                txn.delete("Address", address.id)
        rules.others["port"].touch(txn, trusted(request), port, {"addresses": tuple(left)})
    else:
        remove_port(rules, txn, request, port)
        kept.discard(port.id)
    _attach(rules, txn, request, router, kept)
    return _told(router, port, subnets[0], subnets)


def _attach(rules: Rules, txn: Txn, request: Request, router: Row, ports: set[str]) -> None:
    networks = {port.network_id for id in ports if (port := txn.get("Port", id)) is not None}
    columns = {"interfaces": tuple(sorted(ports)), "networks": tuple(sorted(networks))}
    rules.touch(txn, request, router, columns)


def _told(router: Row, port: Row, subnet: Row, subnets: list[Row]) -> Values:
    return {
        "id": router.id,
        "project_id": port.project_id,
        "port_id": port.id,
        "network_id": port.network_id,
        "subnet_id": subnet.id,
        "subnet_ids": [one.id for one in subnets],
    }


# By subnet


def _add_subnet(rules: Rules, txn: Txn, request: Request, router: Row, id: str) -> tuple[Row, list[Row]]:
    subnet = rules.others["subnet"].visible(txn, request.caller, id)
    if not subnet.gateway_ip:
        raise bad_router("Subnet for router interface must have a gateway IP")
    _check_may_route(txn, request, subnet)
    check_one_segment(txn, subnet.network_id)
    _check_mode(subnet)
    check_overlap(txn, router, [subnet])
    wanted = {"subnet_id": subnet.id, "ip_address": subnet.gateway_ip}
    if subnet.ip_version == 6:
        port = _with_ipv6(txn, router, subnet.network_id)
        if port is not None:
            there = fixed_ips(txn, port.addresses)
            ports: Any = rules.others["port"]
            ports.move(txn, trusted(request), port, {"fixed_ips": [*there, wanted]})
            return txn.get("Port", port.id), [subnet]
    owned = {"project_id": router.project_id, "fixed_ips": [wanted]}
    made = make_port(rules, txn, request, subnet.network_id, device_owners.ROUTER_INTERFACE, router.id, **owned)
    return made, [subnet]


def _check_may_route(txn: Txn, request: Request, subnet: Row) -> None:
    """Refuse others' subnets, unless their network is shared with this very project: who shares with all says less."""
    caller = request.caller
    if caller.is_admin or subnet.project_id == caller.project_id:
        return
    policies = txn.find(rbac.TABLE, "object_id", subnet.network_id)
    named = any(p.action == rbac.SHARED and p.target_project == caller.project_id for p in policies)
    if not named:
        raise bad_router(
            f"Cannot add interface to router because subnet {subnet.id} is not owned by project making the request"
        )
    txn.verify("Network", subnet.network_id, "shares")


def _check_mode(subnet: Row) -> None:
    if subnet.ip_version == 6 and subnet.ipv6_ra_mode is None and subnet.ipv6_address_mode is not None:
        raise bad_router(
            f"IPv6 subnet {subnet.id} configured to receive RAs from an external router cannot be added to Neutron"
            " Router."
        )


def _with_ipv6(reader: Reader, router: Row, network: str) -> Row | None:
    """Give the router's interface on a network that has an IPv6 address."""
    for id in router.interfaces:
        port = reader.get("Port", id)
        if port is not None and port.network_id == network and _has_ipv6(reader, port):
            return port
    return None


def _has_ipv6(reader: Reader, port: Row) -> bool:
    return any(":" in address.ip_address for address in addresses_of(reader, port))


# By port


def _add_port(rules: Rules, txn: Txn, request: Request, router: Row, id: str) -> tuple[Row, list[Row]]:
    ports: Any = rules.others["port"]
    port = ports.get(txn, id)
    caller = request.caller
    if not caller.is_admin and caller.project_id not in (port.project_id, ports.network_project(txn, port)):
        raise ports.absent(id)
    if port.device_id:
        message = (
            f"Unable to complete operation on port {port.id} for network {port.network_id}. Port already has an"
            f" attached device {port.device_id}."
        )
        raise Conflict("PortInUse", message)
    subnets = subnets_of(txn, port)
    if not subnets:
        raise bad_router("Router port must have at least one fixed IP")
    check_one_segment(txn, port.network_id)
    for subnet in subnets:
        _check_mode(subnet)
    other = _with_ipv6(txn, router, port.network_id) if _has_ipv6(txn, port) else None
    if other is not None:
        raise bad_router(
            f"Router already contains IPv6 port {other.id} belonging to network id {port.network_id}. Only one IPv6"
            " port from the same network subnet can be connected to a router."
        )
    check_overlap(txn, router, subnets)
    if sum(subnet.ip_version == 4 for subnet in subnets) > 1:
        raise bad_router("Cannot have multiple IPv4 subnets on router port")
    _check_in_pools(txn, request, port)
    private_vlans.check_router(port.pvlan_type, port.id)
    owned = {"device_id": router.id, "device_owner": device_owners.ROUTER_INTERFACE}
    ports.touch(txn, trusted(request), port, owned)
    return txn.get("Port", port.id), subnets


def _check_in_pools(reader: Reader, request: Request, port: Row) -> None:
    if request.caller.is_admin:
        return
    for address in addresses_of(reader, port):
        subnet = reader.get("Subnet", address.subnet)
        if subnet is None or subnet.project_id == request.caller.project_id:
            continue
        if not any(pool.holds(ipaddress.ip_address(address.ip_address)) for pool in pools_of(subnet)):
            raise bad_router(
                f"Cannot add interface to router because specified port {port.id} has an IP address out of the"
                f" allocation pool of subnet {subnet.id}, which is not owned by the project making the request"
            )


# Taking away


def _found_port(_rules: Rules, txn: Txn, router: Row, asked: Values) -> tuple[Row, list[Row]]:
    port = txn.get("Port", asked["port_id"]) if asked["port_id"] in router.interfaces else None
    if port is None:
        message = f"Router {router.id} does not have an interface with id {asked['port_id']}"
        raise NotFound("RouterInterfaceNotFound", message)
    subnets = subnets_of(txn, port)
    if "subnet_id" in asked and asked["subnet_id"] not in {subnet.id for subnet in subnets}:
        message = f"Subnet on port {port.id} does not match the requested subnet {asked['subnet_id']}."
        raise BadRequest("SubnetMismatchForPort", message)
    return port, subnets


def _found_subnet(rules: Rules, txn: Txn, router: Row, asked: Values) -> tuple[Row, list[Row]]:
    subnet = rules.others["subnet"].get(txn, asked["subnet_id"])
    for id in router.interfaces:
        port = txn.get("Port", id)
        if port is not None and subnet.id in {one.id for one in subnets_of(txn, port)}:
            return port, [subnet]
    message = f"Router {router.id} has no interface on subnet {subnet.id}"
    raise NotFound("RouterInterfaceNotFoundForSubnet", message)


def _check_unused(txn: Txn, router: Row, subnet: Row) -> None:
    """Refuse while a floating IP or a route needs the interface. Raises Conflict."""
    needed = f"Router interface for subnet {subnet.id} on router {router.id} cannot be deleted, as it is required by"
    txn.verify_rows("Floating_Ip", "router_id", router.id)
    for floating in txn.find("Floating_Ip", "router_id", router.id):
        if port_forwardings.need_subnet(txn, floating, subnet):
            raise Conflict("RouterInterfaceInUseByFloatingIP", f"{needed} one or more floating IPs.")
        port = txn.get("Port", floating.port_id) if floating.port_id else None
        if port is None:
            continue
        if any(a.subnet == subnet.id and a.ip_address == floating.fixed_ip_address for a in addresses_of(txn, port)):
            raise Conflict("RouterInterfaceInUseByFloatingIP", f"{needed} one or more floating IPs.")
    ndp_proxies.check_interface(txn, router, subnet)
    net = ipam.network(subnet.cidr)
    if any(ipaddress.ip_address(route["nexthop"]) in net for route in extra_routes(router)):
        raise Conflict("RouterInterfaceInUseByRoute", f"{needed} one or more routes.")
