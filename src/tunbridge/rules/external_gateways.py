"""Gateways of a router to several external networks, or to one by several addresses. Texts are Neutron's.

The first one is the router's `external_gateway_info`, with what is said of the router as a whole: `enable_snat`, and
the QoS policy of its addresses. All of them are on one host.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from tunbridge.model import convert, device_owners
from tunbridge.model.gateway_order import MOST
from tunbridge.model.resource import UNSET
from tunbridge.model.resources.router import GATEWAY as INFO
from tunbridge.model.validators import InvalidError, plain
from tunbridge.rules import gateway_hosts, ndp_proxies, qos
from tunbridge.rules.errors import BadRequest, Conflict, http_bad_request
from tunbridge.rules.port_addresses import fixed_ips
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.router_parts import (
    bad_router,
    check_one_segment,
    check_overlap,
    extra_routes,
    gateways_of,
    make_port,
    remove_port,
    subnets_of,
    trusted,
)
from tunbridge.rules.subnets import is_auto_address

FIELD = "external_gateways"


def read(body: Values) -> list[Values] | None:
    """Give the gateways of an action's body; None where it names none. Raises BadRequest."""
    router = body.get("router")
    if not isinstance(router, dict):
        raise http_bad_request("Unable to find 'router' in request body")
    given = router.get(FIELD)
    if not given:  # openstackclient sends an empty dictionary
        return None if FIELD not in router else []
    if not isinstance(given, list):
        raise _invalid(f"'{given}' is not a list")
    if len(given) > MOST:
        raise _invalid(f"{len(given)} items are more than {MOST}")
    found = []
    for one in given:
        if not isinstance(one, dict) or not one:
            raise _invalid(f"'{one}' is not a dictionary")
        value = convert.to_gateway(one)
        try:
            reason = INFO.refuse(value)
        except InvalidError as e:
            reason = e.reason
        if reason is not None:
            raise _invalid(reason)
        found.append(value)
    return found


def _invalid(reason: str) -> BadRequest:
    return http_bad_request(f"Invalid input for {FIELD}. Reason: {reason}.")


def shown(reader: Reader, router: Row) -> list[Values]:
    """Give the gateways of a router as its body has them."""
    return [
        {"network_id": port.network_id, "external_fixed_ips": fixed_ips(reader, port.addresses)}
        for port in _ports(reader, router)
    ]


def in_order(ports: Sequence[str]) -> Values:
    """The columns of a router that name the ports of its gateways."""
    further = msgspec.json.encode(list(ports[1:])).decode()
    return {"gateway_port": ports[0] if ports else None, "further_gateways": further}


def placed(txn: Txn, request: Request, router: Row, ports: Sequence[str]) -> Values:
    """The columns of a router that name the ports of its gateways, and the hosts that have them."""
    columns = in_order(ports)
    if not ports:
        return columns | gateway_hosts.NONE
    after = msgspec.structs.replace(router, **columns)
    return columns | gateway_hosts.choose(txn, request, after, gateway_hosts.externals(txn, after))


def leave(
    rules: Any, txn: Txn, request: Request, router: Row, gone: Collection[str], kept: Collection[str],
    to: Collection[str] = (),
) -> None:  # fmt: skip
    """Remove ports of gateways, unless something needs them. Raises Conflict.

    `kept`: those that stay. `to`: networks that there will be a gateway to, besides.
    """
    ports = [port for id in gone if (port := txn.get("Port", id)) is not None]
    reached = {port.network_id for id in kept if (port := txn.get("Port", id)) is not None} | set(to)
    if router.gateway_port in gone:
        ndp_proxies.check_no_gateway(txn, router)
    if ports:
        txn.verify_rows("Floating_Ip", "router_id", router.id)
    needed = {row.floating_network_id for row in txn.find("Floating_Ip", "router_id", router.id)} - reached
    for port in ports:
        if port.network_id in needed:
            message = (
                f"Gateway cannot be updated for router {router.id}, since a gateway to external network"
                f" {port.network_id} is required by one or more floating IPs."
            )
            raise Conflict("RouterExternalGatewayInUseByFloatingIp", message)
        remove_port(rules, txn, request, port)


# The actions


def add(rules: Any, txn: Txn, request: Request, router: Row, gateways: list[Values] | None) -> None:
    """Give a router more gateways. Raises NetworkingError."""
    if gateways:
        plan: _Plan = [(port, None) for port in _ports(txn, router)]
        _arrange(rules, txn, request, router, [*plan, *((None, info) for info in gateways)])


def update(rules: Any, txn: Txn, request: Request, router: Row, gateways: list[Values] | None) -> None:
    """Give a router these gateways and no others; those that it has already stay. Raises NetworkingError."""
    if gateways is None:
        return
    there = _ports(txn, router)
    plan: _Plan = []
    for info in gateways:
        port = _found(router, txn, there, info)
        there = [one for one in there if one is not port]
        plan.append((port, info))
    for place, (found, said) in enumerate(plan):
        same = [one for one in there if said is not None and one.network_id == said["network_id"]]
        if found is None and same:  # it gets other addresses
            there.remove(same[0])
            plan[place] = (same[0], said)
    _arrange(rules, txn, request, router, plan)


def remove(rules: Any, txn: Txn, request: Request, router: Row, gateways: list[Values] | None) -> None:
    """Take gateways away from a router. Raises NetworkingError."""
    if not gateways:
        return
    there = _ports(txn, router)
    if not there:
        raise _cannot("UnableToRemoveGateways", "remove extra gateways from a", router, "it has no external gateways")
    for info in gateways:
        rules.outside(txn, request, info["network_id"], info.get("external_fixed_ips") or [])
        port = _found(router, txn, there, info)
        if port is None:
            raise _no_match(router, f"it has no such gateway to network {info['network_id']}")
        there = [one for one in there if one is not port]
    _arrange(rules, txn, request, router, [(port, None) for port in there])


ACTIONS: dict[str, Callable[[Any, Txn, Request, Row, list[Values] | None], None]] = {
    "add_external_gateways": add,
    "update_external_gateways": update,
    "remove_external_gateways": remove,
}


# Parts

_Plan = list[tuple[Row | None, Values | None]]
"""Gateways as they shall be, in order: the port of one that is there, and what a request says of it."""


def _arrange(rules: Any, txn: Txn, request: Request, router: Row, plan: _Plan) -> None:
    """Make a router's gateways as planned. Raises NetworkingError."""
    rules.check_revision(request, router)
    if len(plan) > MOST:
        raise bad_router(f"Router {router.id} would have more than {MOST} external gateways")
    columns = _of_router(rules, txn, request, router, plan)
    infos = [(port, info) for port, info in plan if info is not None]
    networks = [_network(rules, txn, request, port, info) for port, info in infos]
    kept = [port.id for port, _ in plan if port is not None]
    gone = [id for id in gateways_of(router) if id not in kept]
    leave(rules, txn, request, router, gone, kept, [network.id for network in networks])
    if router.gateway_port in gone:
        columns |= ndp_proxies.NONE
    ports: list[str] = []
    for port, info in plan:
        before = msgspec.structs.replace(router, **in_order([*ports, *(id for id in kept if id not in ports)]))
        ports.append(_one(rules, txn, request, before, port, info))
    external = [subnet for port in ports for subnet in _subnets(txn, port)]
    own = [port for id in (*router.interfaces, *ports) if (port := txn.get("Port", id)) is not None]
    rules.check_routes(txn, extra_routes(router), own, external)
    if ports and router.gateway_port == ports[0]:
        ndp_proxies.check_kept(txn, router)
    rules.touch(txn, request, router, columns | placed(txn, request, router, ports))


def _of_router(rules: Any, txn: Txn, request: Request, router: Row, plan: _Plan) -> Values:
    """The columns that the first gateway says something of; others may say nothing else. Raises NetworkingError."""
    columns: Values = {}
    if not plan:
        return {"enable_snat": True, **rules.gateway_policy(txn, request, router, {})}
    port, first = plan[0]
    if first is not None:
        columns["enable_snat"] = plain.as_boolean(first.get("enable_snat", True))
        columns |= rules.gateway_policy(txn, request, router, first)
    elif port is None or port.id != router.gateway_port:
        columns |= rules.gateway_policy(txn, request, router, {})
    snat = columns.get("enable_snat", router.enable_snat)
    for _, info in plan[1:]:
        if info is not None and plain.as_boolean(info.get("enable_snat", snat)) is not snat:
            raise bad_router("enable_snat of a further gateway cannot differ from that of the first one")
        if info is not None and info.get(qos.FIELD) not in (None, columns.get(qos.GATEWAY_FIELD)):
            raise bad_router("A QoS policy is only for the first gateway")
    return columns


def _network(rules: Any, txn: Txn, request: Request, port: Row | None, info: Values) -> Row:
    network: Row = rules.outside(txn, request, info["network_id"], info.get("external_fixed_ips") or [])
    if port is None:
        check_one_segment(txn, network.id)
    return network


def _one(rules: Any, txn: Txn, request: Request, router: Row, port: Row | None, info: Values | None) -> str:
    """Have one gateway as a request says. Raises NetworkingError."""
    wanted = [] if info is None else info.get("external_fixed_ips") or []
    if port is None:
        network = (info or {})["network_id"]
        check_overlap(txn, router, txn.find("Subnet", "network_id", network), outside=network)
        made: Row = make_port(
            rules, txn, request, network, device_owners.ROUTER_GATEWAY, router.id, fixed_ips=wanted or UNSET
        )
        return str(made.id)
    if wanted and differ(fixed_ips(txn, port.addresses), wanted):
        rules.others["port"].move(txn, trusted(request), port, {"fixed_ips": wanted})
    return str(port.id)


def subnet_added(rules: Any, txn: Txn, request: Request, subnet: Row) -> None:
    """Give gateways an address on a new subnet of their network, if they have none of its IP version.

    Addresses that are made of the MAC address do not count, and each subnet with such ones gives one by itself.
    """
    txn.verify_rows("Port", "network_id", subnet.network_id)  # a new port that did not see it is given one, too
    for port in txn.find("Port", "network_id", subnet.network_id):
        router = txn.get("Router", port.device_id) if port.device_owner == device_owners.ROUTER_GATEWAY else None
        there = fixed_ips(txn, port.addresses)
        counted = [one for one in subnets_of(txn, port) if not is_auto_address(one)]
        if router is None or len(counted) > 1 or any(one.ip_version == subnet.ip_version for one in counted):
            continue
        wanted = [*there, {"subnet_id": subnet.id}]
        rules.others["port"].move(txn, trusted(request), port, {"fixed_ips": wanted})
        rules.touch(txn, request.unconditional, router, {})


def differ(there: list[dict[str, str]], wanted: list[dict[str, str]]) -> bool:
    """Whether a gateway would get other addresses, as Neutron decides: by the subnets, then by the addresses named."""
    for key in ("subnet_id", "ip_address"):
        if {ip[key] for ip in there} != {ip[key] for ip in wanted if ip.get(key)}:
            return True
    return False


def _ports(reader: Reader, router: Row) -> list[Row]:
    return [port for id in gateways_of(router) if (port := reader.get("Port", id)) is not None]


def _subnets(reader: Reader, port: str) -> list[Row]:
    row = reader.get("Port", port)
    return [] if row is None else reader.find("Subnet", "network_id", row.network_id)


def _found(router: Row, reader: Reader, there: Sequence[Row], info: Values) -> Row | None:
    """The gateway that a request means: by its network, and by one of its addresses. Raises BadRequest."""
    ports = [port for port in there if port.network_id == info["network_id"]]
    named = info.get("external_fixed_ips") or []
    if not named:
        if len(ports) > 1:
            raise _no_match(
                router,
                f"multiple gateway ports are attached to the same network {info['network_id']} but external_fixed_ips"
                " parameter is not specified in the request",
            )
        return ports[0] if ports else None
    for port in ports:
        own = fixed_ips(reader, port.addresses)
        if any(_is_one_of(ip, own) for ip in named):
            return port
    return None


def _is_one_of(named: dict[str, str], own: list[dict[str, str]]) -> bool:
    """Whether an address that is named, or a subnet where none is, is one of a gateway's."""
    key = "ip_address" if named.get("ip_address") else "subnet_id"
    return any(ip[key] == named.get(key) for ip in own)


def _no_match(router: Row, reason: str) -> BadRequest:
    return _cannot(
        "UnableToMatchGateways", "match a requested gateway port to existing gateway ports for", router, reason
    )


def _cannot(name: str, what: str, router: Row, reason: str) -> BadRequest:
    return BadRequest(name, f"Unable to {what} router {router.id}: {reason}.")
