"""NDP proxies: IPv6 addresses behind a router that its gateway answers for outside. Texts are Neutron's.

A router with `enable_ndp_proxy` lets in from outside only what goes to these addresses. Hosts read them in the column
`ndp_addresses` of the router.
"""

import ipaddress
from typing import Any

from tunbridge.rules import ipam
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, NetworkingError, NotFound
from tunbridge.rules.port_addresses import fixed_ips
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

TABLE, FLAG = "Ndp_Proxy", "enable_ndp_proxy"
NONE: dict[str, Any] = {FLAG: None}
"""The columns of a router without a gateway."""


class NdpProxyRules(Rules):
    """The rules of NDP proxies."""

    def absent(self, id: str) -> Exception:
        """Give Neutron's NDPProxyNotFound."""
        return NotFound("NDPProxyNotFound", f"Ndp proxy {id} could not be found.")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Answer for an address of a port. Raises NetworkingError."""
        port = self._port(txn, request, values["port_id"])
        router = self._router(txn, request, port, values["router_id"])
        inside = [one for one in txn.find("Port", "network_id", port.network_id) if one.id in router.interfaces]
        if not inside:
            raise _unreachable(port, router.id)
        if not is_enabled(router):
            message = (
                f"The enable_ndp_proxy parameter of router {router.id} must be set as True while create ndp proxy entry"
                " on it."
            )
            raise Conflict("RouterNDPProxyNotEnable", message)
        address = _address(txn, port, router, inside, values["ip_address"])
        self._check_scopes(txn, router, port)
        if txn.find_unique(TABLE, ("router_id", "ip_address"), (router.id, address)) is not None:
            raise _duplicate(router, address)
        txn.verify("Port", port.id, "addresses")
        _tell(txn, router, {*router.ndp_addresses, address})
        return self.insert(txn, request, {**values, "ip_address": address})

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Answer for an address no more."""
        router: Row = txn.get("Router", row.router_id)
        _tell(txn, router, {*router.ndp_addresses} - {row.ip_address})
        self.remove(txn, request, row)

    def leave(self, txn: Txn, request: Request, port: Row, kept: frozenset[str] = frozenset()) -> None:
        """Remove those for addresses of a port that it will not have; `kept`: those that it will."""
        txn.verify_rows(TABLE, "port_id", port.id)
        for row in txn.find(TABLE, "port_id", port.id):
            if row.ip_address not in kept:
                self.delete(txn, request.unconditional, row)

    # Parts

    def _port(self, txn: Txn, request: Request, id: str) -> Row:
        ports: Any = self.others["port"]
        port, caller = ports.get(txn, id), request.caller
        if not caller.is_admin and caller.project_id not in (port.project_id, ports.network_project(txn, port)):
            raise ports.absent(id)
        return port

    def _router(self, txn: Txn, request: Request, port: Row, id: str) -> Row:
        router, caller = self.others["router"].row(txn, id), request.caller
        if router is None or not (caller.is_admin or router.project_id == caller.project_id):
            raise _unreachable(port, id)  # none that the port is behind, as far as the caller knows
        return router

    def _check_scopes(self, txn: Txn, router: Row, port: Row) -> None:
        networks: Any = self.others["network"]
        gateway: Row = txn.get("Port", router.gateway_port)
        outer, inner = (
            networks.computed(txn, networks.get(txn, one.network_id))["ipv6_address_scope"] for one in (gateway, port)
        )
        if outer != inner:
            message = (
                f"The IPv6 address scope {outer} of external network conflict with internal network's IPv6 address"
                f" scope {inner}."
            )
            raise Conflict("AddressScopeConflict", message)


def is_enabled(router: Row) -> bool:
    """Whether a router has NDP proxies: never without a gateway."""
    return bool(router.gateway_port and router.enable_ndp_proxy)


def check_enable(rules: Rules, txn: Txn, router: Row, is_new: bool) -> None:
    """Refuse a gateway that cannot answer for IPv6 addresses. Raises Conflict."""
    networks: Any = rules.others["network"]
    port = None if router.gateway_port is None else txn.get("Port", router.gateway_port)
    if port is None and is_new:
        raise _not_valid(router, "The request body not contain external gateway information")
    network = None if port is None else networks.get(txn, port.network_id)
    scope = None if network is None else networks.computed(txn, network)["ipv6_address_scope"]
    if is_new and network is not None and scope is None:
        raise _not_valid(
            router,
            f"The external network {network.id} don't support IPv6 ndp proxy, the network has no IPv6 subnets or has no"
            " IPv6 address scope",
        )
    if port is None or scope is None or not _has_ipv6(txn, port):
        raise _not_valid(
            router,
            "The router has no external gateway or the external gateway port has no IPv6 address or IPv6 address scope",
        )


def check_kept(txn: Txn, router: Row) -> None:
    """Refuse to take the IPv6 address from a gateway that answers for others. Raises Conflict."""
    if is_enabled(router) and not _has_ipv6(txn, txn.get("Port", router.gateway_port)):
        message = (
            f"Can't remove the IPv6 subnet from external gateway of router {router.id}, the IPv6 subnet in use by the"
            " router's ndp proxy."
        )
        raise Conflict("RouterIPv6GatewayInUse", message)


def check_no_gateway(txn: Txn, router: Row) -> None:
    """Refuse to remove a gateway that answers for addresses. Raises Conflict."""
    txn.verify_rows(TABLE, "router_id", router.id)
    if txn.count(TABLE, "router_id", router.id):
        message = (
            f"Unable to unset external gateway of router {router.id}, There are one or more ndp proxies still in use on"
            " the router."
        )
        raise Conflict("RouterGatewayInUseByNDPProxy", message)


def check_interface(txn: Txn, router: Row, subnet: Row) -> None:
    """Refuse to take away a subnet that has such addresses. Raises Conflict."""
    txn.verify_rows(TABLE, "router_id", router.id)
    net = ipam.network(subnet.cidr)
    if any(ipaddress.ip_address(row.ip_address) in net for row in txn.find(TABLE, "router_id", router.id)):
        message = (
            f"Unable to remove subnet {subnet.id} from router {router.id}, There are one or more ndp proxies still in"
            " use on the subnet."
        )
        raise Conflict("RouterInterfaceInUseByNDPProxy", message)


def _has_ipv6(reader: Reader, port: Row) -> bool:
    return any(":" in ip["ip_address"] for ip in fixed_ips(reader, port.addresses))


def _address(reader: Reader, port: Row, router: Row, inside: list[Row], wanted: str | None) -> str:
    """The address of a port that a router reaches. Raises NetworkingError."""
    own = {ip["ip_address"]: ip["subnet_id"] for ip in fixed_ips(reader, port.addresses) if ":" in ip["ip_address"]}
    if not own:
        message = f"Bad ndp_proxy request: Requested port {port.id} must allocate one IPv6 address at least."
        raise BadRequest("BadRequest", message)
    subnets = {ip["subnet_id"] for one in inside for ip in fixed_ips(reader, one.addresses)}
    if wanted is None:
        found = next((address for address, subnet in own.items() if subnet in subnets), None)
        if found is None:
            raise _unreachable(port, router.id)
        return found
    address = str(ipaddress.ip_address(wanted))
    if address not in own:
        raise _invalid(wanted, f"This address not belong to the port {port.id}")
    if own[address] not in subnets:
        raise _invalid(wanted, f"This address cannot reach the router {router.id}")
    return address


def _tell(txn: Txn, router: Row, addresses: set[str]) -> None:
    txn.verify("Router", router.id, FLAG, "gateway_port", "interfaces", "ndp_addresses")
    txn.update("Router", router.id, {"ndp_addresses": tuple(sorted(addresses))})


def _invalid(address: str, reason: str) -> NetworkingError:
    return BadRequest("InvalidAddress", f"The address {address} is invalid, reason: {reason}.")


def _unreachable(port: Row, router: str) -> Conflict:
    message = f"The port {port.id} cannot reach the router {router} by IPv6 subnet."
    return Conflict("PortUnreachableRouter", message)


def _duplicate(router: Row, address: str) -> Conflict:
    message = (
        "Failed to create a duplicate NDPProxy: for attribute(s) ['router_id', 'ip_address'] with value(s)"
        f" {router.id}, {address}"
    )
    return Conflict("NeutronDbObjectDuplicateEntry", message)


def _not_valid(router: Row, reason: str) -> Conflict:
    return Conflict("RouterGatewayNotValid", f"Can not enable ndp proxy on router {router.id}, {reason}.")
