"""Routers: their gateway to an external network and their extra routes. Interfaces: router_interfaces.py."""

import ipaddress
from typing import Any

import msgspec

from tunbridge.model import device_owners
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import MAX_ITEMS, UNSET
from tunbridge.model.resources.router import GATEWAY_PARTS
from tunbridge.model.validators import InvalidError, addresses, plain
from tunbridge.rules import (
    external_gateways,
    flavors,
    gateway_hosts,
    hosts,
    ipam,
    ndp_proxies,
    qos,
    router_interfaces,
)
from tunbridge.rules.base import Action, Rules
from tunbridge.rules.errors import BadRequest, Conflict, NotFound, http_bad_request
from tunbridge.rules.networks import given
from tunbridge.rules.port_addresses import fixed_ips
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.router_parts import (
    addresses_of,
    bad_router,
    check_one_segment,
    check_overlap,
    external_network,
    extra_routes,
    gateways_of,
    make_port,
    ports_of,
    subnets_of,
    trusted,
)

_GATEWAY_INFO, _ECMP = "external_gateway_info", "enable_default_route_ecmp"
_KINDS = {"distributed": "the 'distributed'", "ha": "HA"}
"""What an admin may say of how a router is carried out, and how Neutron's errors name it."""
Routes = list[dict[str, str]]


class RouterRules(Rules):
    """The rules of routers."""

    name = "Router"
    first_revision = 1

    def absent(self, id: str) -> Exception:
        """Give Neutron's RouterNotFound."""
        return NotFound("RouterNotFound", f"Router {id} could not be found")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a router, with a gateway if one is asked for. Raises NetworkingError."""
        values = dict(values)
        info = given(values.pop(_GATEWAY_INFO, None))
        hosts.check_zones(txn, given(values.get("availability_zone_hints")) or [])
        if (flavor := values.get("flavor_id", UNSET)) is not UNSET:  # null is a flavor that is not there
            flavors.check(self.others["flavor"], txn, flavor)
        id = self.insert(txn, request, values, routes="[]", enable_snat=True)
        if info:
            self._set_gateway(txn, request, txn.get(self.table, id), info)
        if given(values.get(ndp_proxies.FLAG)):
            ndp_proxies.check_enable(self, txn, txn.get(self.table, id), is_new=True)
        return id

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a router. Raises NetworkingError."""
        values = dict(values)
        self.check_revision(request, row)
        _check_kind(row, values)
        if "routes" in values:
            self.check_routes(txn, values["routes"], ports_of(txn, row), [])
            row = self._rewrite(txn, request, row, {"routes": msgspec.json.encode(values.pop("routes")).decode()})
            request = request.unconditional
        if _GATEWAY_INFO in values:
            self._set_gateway(txn, request, row, values.pop(_GATEWAY_INFO))
            row, request = txn.get(self.table, row.id), request.unconditional
        if values.get(ndp_proxies.FLAG):
            ndp_proxies.check_enable(self, txn, row, is_new=False)
        more: Values = {}
        if "ha" in values and row.gateway_port:
            after = msgspec.structs.replace(row, ha=values["ha"])
            more = gateway_hosts.choose(txn, request, after, gateway_hosts.externals(txn, row))
        if values.get(_ECMP, UNSET) is None:
            del values[_ECMP]  # as in Neutron
        self.save(txn, request, row, values, **more)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a router that has no interfaces, with its gateway. Raises NetworkingError."""
        if row.interfaces:
            message = f"Router {row.id} has ports still attached: {', '.join(row.interfaces)}"
            raise Conflict("RouterInUse", message)
        external_gateways.leave(self, txn, request, row, gateways_of(row), ())
        txn.verify(self.table, row.id, "interfaces", "gateway_port", "further_gateways")
        helpers: Any = self.others["conntrack_helper"]
        helpers.leave(txn, row)
        self.remove(txn, request, row)

    def computed(self, reader: Reader, row: Row) -> Values:
        """Give the gateway as its port has it."""
        port = reader.get("Port", row.gateway_port) if row.gateway_port else None
        info = None
        if port is not None:
            info = {
                "network_id": port.network_id,
                "external_fixed_ips": fixed_ips(reader, port.addresses),
                "enable_snat": row.enable_snat,
            }
            if row.gateway_qos_policy_id is not None:  # as in Neutron, which says nothing where there is none
                info[qos.FIELD] = row.gateway_qos_policy_id
        zone = hosts.zone(reader, row.gateway_host) if row.gateway_host else None
        helpers: Any = self.others["conntrack_helper"]
        return {
            "status": "ACTIVE",
            ndp_proxies.FLAG: ndp_proxies.is_enabled(row),
            "conntrack_helpers": helpers.shown(reader, row),
            "availability_zones": [zone] if zone else [],
            _GATEWAY_INFO: info,
            external_gateways.FIELD: external_gateways.shown(reader, row),
            _ECMP: row.enable_default_route_ecmp is True,
            **{name: getattr(row, name) is not False for name in _KINDS},
        }

    def _rewrite(self, txn: Txn, request: Request, row: Row, columns: Values) -> Row:
        self.change(txn, request, row, columns)
        return txn.get(self.table, row.id)

    # The gateway

    def _set_gateway(self, txn: Txn, request: Request, row: Row, info: Values | None) -> None:
        """Give a router the first gateway that a request describes; nothing takes it away. Raises NetworkingError.

        Without it the next one is the first.
        """
        info = info or {}
        wanted, snat = info.get("external_fixed_ips") or [], plain.as_boolean(info.get("enable_snat", True))
        port = txn.get("Port", row.gateway_port) if row.gateway_port else None
        network = self.external(txn, request, row, info["network_id"], wanted) if info else None
        if network is not None and (port is None or port.network_id != network.id):
            check_one_segment(txn, network.id)
        columns: Values = {"enable_snat": snat, **self.gateway_policy(txn, request, row, info)}
        left = list(gateways_of(row))[1:]
        if port is not None and (network is None or port.network_id != network.id):
            external_gateways.leave(self, txn, request, row, [port.id], left)
            row, port = txn.get(self.table, row.id), None
            columns |= {"gateway_port": None, **gateway_hosts.NONE, **ndp_proxies.NONE}
        if network is not None and port is None:
            before = msgspec.structs.replace(row, **external_gateways.in_order(left))
            check_overlap(txn, before, txn.find("Subnet", "network_id", network.id), outside=network.id)
            made = make_port(
                self, txn, request, network.id, device_owners.ROUTER_GATEWAY, row.id, fixed_ips=wanted or UNSET
            )
            columns |= external_gateways.placed(txn, request, row, [made.id, *left])
            self.touch(txn, request, row, columns)
        elif port is None and left:
            kept = {"enable_snat": row.enable_snat, **external_gateways.placed(txn, request, row, left)}
            self.change(txn, request, row, columns | kept)
        elif port is not None and wanted and external_gateways.differ(fixed_ips(txn, port.addresses), wanted):
            ports: Any = self.others["port"]
            ports.move(txn, trusted(request), port, {"fixed_ips": wanted})
            ndp_proxies.check_kept(txn, row)
            self.touch(txn, request, row, columns)
        else:
            self.change(txn, request, row, columns)

    def gateway_policy(self, txn: Txn, request: Request, row: Row, info: Values) -> Values:
        """Give the column for a QoS policy that a request names, or that goes with the gateway."""
        if info and qos.FIELD not in info:
            return {}
        return {qos.GATEWAY_FIELD: qos.take(self, txn, request, info, row.gateway_qos_policy_id)}

    def external(self, txn: Txn, request: Request, row: Row, id: str, wanted: list[dict[str, str]]) -> Row:
        """Give the network of the first gateway to be. Raises NetworkingError."""
        network = self.outside(txn, request, id, wanted)
        others = [port for port in ports_of(txn, row) if port.id != row.gateway_port]
        self.check_routes(txn, extra_routes(row), others, txn.find("Subnet", "network_id", network.id))
        return network

    def outside(self, txn: Txn, request: Request, id: str, wanted: list[dict[str, str]]) -> Row:
        """Give a network for a gateway with these addresses. Raises NetworkingError."""
        network = external_network(self, txn, request, id)
        if not network.router_external:
            raise bad_router(f"Network {id} is not an external network")
        subnets = txn.find("Subnet", "network_id", network.id)
        gateways = {subnet.gateway_ip for subnet in subnets} - {None}
        for ip in wanted:
            if ip.get("ip_address") in gateways:
                raise bad_router(f"External IP {ip['ip_address']} is the same as the gateway IP")
        return network

    def subnet_added(self, txn: Txn, request: Request, subnet: Row) -> None:
        """Give the gateways of an external network an address on its first subnet of an IP version, as Neutron does."""
        external_gateways.subnet_added(self, txn, request, subnet)

    # Extra routes

    @staticmethod
    def check_routes(reader: Reader, routes: Routes, ports: list[Row], more: list[Row]) -> None:
        """Refuse a next hop that no subnet of the router has, or that is the router itself. Raises BadRequest."""
        subnets = [subnet for port in ports for subnet in subnets_of(reader, port)] + more
        nets = [ipam.network(subnet.cidr) for subnet in subnets]
        own = {address.ip_address for port in ports for address in addresses_of(reader, port)}
        for route in routes:
            hop = ipaddress.ip_address(route["nexthop"])
            if not any(hop in net for net in nets):
                raise _invalid_routes(routes, "the nexthop is not connected with router")
            if str(hop) in own:
                raise _invalid_routes(routes, "the nexthop is used by router")

    def add_routes(self, txn: Txn, request: Request, row: Row, routes: Routes) -> None:
        """Add extra routes to those that are there. Raises NetworkingError."""
        there = extra_routes(row)
        self.update(txn, request, row, {"routes": there + [one for one in routes if one not in there]})

    def remove_routes(self, txn: Txn, request: Request, row: Row, routes: Routes) -> None:
        """Remove extra routes; those that are not there need not be. Raises NetworkingError."""
        self.update(txn, request, row, {"routes": [one for one in extra_routes(row) if one not in routes]})

    actions = {  # noqa: RUF012 - annotated in the base class
        "add_router_interface": Action(
            Who.ADMIN_OR_MEMBER, router_interfaces.add, read=router_interfaces.read_add, tells=True
        ),
        "remove_router_interface": Action(
            Who.ADMIN_OR_MEMBER, router_interfaces.remove, read=router_interfaces.read_remove, tells=True
        ),
        **{
            name: Action(
                Who.ADMIN_OR_MEMBER,
                run,
                read=external_gateways.read,
                parts=GATEWAY_PARTS if run is not external_gateways.remove else {},
                extension="external-gateway-multihoming",
            )
            for name, run in external_gateways.ACTIONS.items()
        },
        "add_extraroutes": Action(Who.ADMIN_OR_MEMBER, add_routes, read=lambda body: _read_routes(body)),
        "remove_extraroutes": Action(Who.ADMIN_OR_MEMBER, remove_routes, read=lambda body: _read_routes(body)),
    }


def _check_kind(row: Row, values: Values) -> None:
    """Drop what of a router's kind stays as it is; refuse to change that of one that is not down. Raises BadRequest."""
    up = values.get("admin_state_up", row.admin_state_up)
    for name, told in _KINDS.items():
        wanted = values.get(name)
        if wanted is None or wanted is (getattr(row, name) is not False):
            values.pop(name, None)
        elif up or (name == "distributed" and row.admin_state_up):  # the latter has to be down before
            raise bad_router(
                f"Cannot change {told} attribute of active routers. Please set router admin_state_up to False prior to"
                " upgrade"
            )


def _invalid_routes(routes: Routes, reason: str) -> BadRequest:
    return BadRequest("InvalidRoutes", f"Invalid format for routes: {routes}, {reason}")


def _read_routes(body: Values) -> Any:
    """Give the routes of an action's body. Raises BadRequest."""
    router = body.get("router")
    routes = router.get("routes") if isinstance(router, dict) else None
    if isinstance(routes, list) and len(routes) > MAX_ITEMS:
        raise http_bad_request(f"Invalid input for routes. Reason: {len(routes)} items are more than {MAX_ITEMS}.")
    try:
        reason = addresses.host_routes.refuse(routes)
    except InvalidError as e:
        reason = e.reason
    if reason is not None:
        raise http_bad_request(f"Invalid input for routes. Reason: {reason}.")
    return routes
