"""Subnets: their prefix, gateway and pools; given by a cidr, or cut out of a subnet pool."""

import ipaddress
from typing import Any

import msgspec

from tunbridge.model.resource import UNSET
from tunbridge.rules import ipam, peer_routes, rbac, subnet_segments, subnetpools
from tunbridge.rules.base import Rules
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import BadRequest, Conflict, invalid, no_such_resource
from tunbridge.rules.ipam import Pool
from tunbridge.rules.networks import AUTO_DELETED, check_mtu, given
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

AUTO_MODES = ("slaac", "dhcpv6-stateless")
"""IPv6 address modes in which hosts make their addresses of their MACs."""
ROUTER_OWNER = "network:router"


def is_auto_address(subnet: Any) -> bool:
    """Say whether hosts make their own addresses on a subnet; takes a row or a body."""
    read = subnet.get if isinstance(subnet, dict) else lambda name: getattr(subnet, name)
    return given(read("ipv6_address_mode")) in AUTO_MODES or given(read("ipv6_ra_mode")) in AUTO_MODES


def pools_of(row: Row) -> list[Pool]:
    """Give the allocation pools of a subnet's row."""
    return [_pool(pool) for pool in msgspec.json.decode(row.allocation_pools)]


class SubnetRules(Rules):
    """The rules of subnets."""

    name = "Subnet"

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a subnet. Raises NetworkingError."""
        values = dict(values)
        network = self._network(txn, request, values)
        prefixlen, cidr = given(values.pop("prefixlen", None)), given(values.get("cidr"))
        if prefixlen is not None and cidr:
            raise bad_subnets("cidr and prefixlen must not be supplied together")
        pool = self._pool(txn, request, values, cidr)
        if pool is None and not cidr:
            raise bad_subnets("a subnetpool must be specified in the absence of a cidr")
        if pool is not None and not cidr and given(values.get("allocation_pools")):
            raise bad_subnets("allocation_pools allowed only for specific subnet requests.")
        self._check(request, values, cidr, "new subnet")
        check_mtu(network.id, network.mtu, [values["ip_version"]])
        named = bool(cidr)
        if pool is not None:
            cidr = str(subnetpools.allocate(txn, pool, values, cidr, prefixlen))
        net = ipam.network(cidr)
        if net.prefixlen == 0:
            raise invalid("0 is not allowed as CIDR prefix length")
        self._check_neighbours(txn, network, net, pool)
        subnet_segments.check_new(txn, network, values, _neighbours(txn, network).kinds)
        gateway = self._gateway(net, values, named)
        found = self._pools(net, gateway, given(values.get("allocation_pools")))
        values |= {
            "cidr": str(net),
            "gateway_ip": None if gateway is None else str(gateway),
            "allocation_pools": _bodies(found),
            "subnetpool_id": None if pool is None else pool.id,
            "host_routes": given(values.get("host_routes")) or [],
            "dns_nameservers": given(values.get("dns_nameservers")) or [],
            "service_types": given(values.get("service_types")) or [],
        }
        peer_routes.complete(txn, network.id, values)
        # Also the lock against another subnet with the same addresses on the same network.
        self.others["network"].touch(txn, request.unconditional, network, {})
        id = self.insert(txn, request, values)
        if True in _neighbours(txn, network).kinds:
            peer_routes.spread(self, txn, request, network.id)
        if is_auto_address(values):
            self.others["port"].subnet_added(txn, request, txn.get("Subnet", id))  # type: ignore[attr-defined]
        elif network.router_external:
            self.others["router"].subnet_added(txn, request, txn.get("Subnet", id))  # type: ignore[attr-defined]
        return id

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a subnet. Raises NetworkingError."""
        values = dict(values)
        if "service_types" in values:
            values["service_types"] = values["service_types"] or []  # Neutron's check passes whatever is false
        merged = {"ip_version": row.ip_version, **values}
        self._check(request, merged, None, row.id, row)
        net = ipam.network(row.cidr)
        gateway = values.get("gateway_ip", row.gateway_ip)
        if "gateway_ip" in values and values["gateway_ip"] != row.gateway_ip:
            self._check_gateway_is_free(txn, row)
            if values["gateway_ip"] is not None:
                self._check_gateway(net, ipaddress.ip_address(values["gateway_ip"]))
        if values.get("allocation_pools") is not None:
            found = self._checked_pools(net, values["allocation_pools"])
            values["allocation_pools"] = _bodies(found)
        else:
            values.pop("allocation_pools", None)
            found = pools_of(row)
        if gateway is not None and ("gateway_ip" in values or "allocation_pools" in values):
            _check_gateway_out_of(found, ipaddress.ip_address(gateway))
        network = self.others["network"].get(txn, row.network_id)
        if values.get("segment_id", row.segment_id) != row.segment_id:
            subnet_segments.check_changed(txn, network, row, values["segment_id"])
            # The network shows whether it is routed; also the lock against another subnet or segment.
            self.others["network"].touch(txn, request.unconditional, network, {})
        peer_routes.complete(txn, network.id, values, row)
        self.save(txn, request, row, values)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a subnet, unless ports have addresses of it. Raises Neutron's SubnetInUse."""
        automatic = is_auto_address(row)
        for address in txn.find("Address", "subnet", row.id):
            for port in txn.find("Port", "addresses", address.id):
                serves = port.device_owner in AUTO_DELETED
                if port.device_owner.startswith(ROUTER_OWNER) or not (automatic or serves):
                    raise subnet_in_use(row.id)
                rest = tuple(id for id in port.addresses if id != address.id)
                self.others["port"].touch(txn, request.unconditional, port, {"addresses": rest})
                # By name: the database would count it as a use of the subnet still, though it goes by itself.
                txn.delete("Address", address.id)
        network = txn.get("Network", row.network_id)
        if network is not None:
            self.others["network"].touch(txn, request.unconditional, network, {})
        self.remove(txn, request, row)
        peer_routes.spread(self, txn, request, row.network_id, gone=row.cidr)

    def computed(self, reader: Reader, row: Row) -> Values:
        """Give what the network says."""
        network = reader.get("Network", row.network_id)
        return {"router:external": network is not None and network.router_external}

    def shared_with(self, reader: Reader, row: Row, project: str | None) -> bool:
        """Say whether a project may use the subnet: as its network."""
        network = reader.get("Network", row.network_id)
        return network is not None and self.others["network"].shared_with(reader, network, project)

    def candidates(self, reader: Reader, caller: Caller) -> list[Row] | None:
        """Give the subnets of a caller's project, and those of networks that it may see."""
        networks = self.others["network"].candidates(reader, caller)
        if networks is None:
            return None
        found = {row.id: row for row in reader.find("Subnet", "project_id", caller.project_id)}
        for network in networks:
            found.update((row.id, row) for row in reader.find("Subnet", "network_id", network.id))
        return list(found.values())

    def external_for(self, reader: Reader, row: Row, project: str | None) -> bool:
        """Say whether the subnet's network is external for a project."""
        network = reader.get("Network", row.network_id)
        return network is not None and self.others["network"].external_for(reader, network, project)

    def network_project(self, reader: Reader, row: Row) -> str | None:
        """Give the owner of the subnet's network."""
        network = reader.get("Network", row.network_id)
        return None if network is None else str(network.project_id)

    # Parts of a create

    def _network(self, txn: Txn, request: Request, values: Values) -> Row:
        network = self.others["network"].get(txn, values["network_id"])
        caller = request.caller
        rules = self.others["network"]
        if caller.is_admin or "service" in caller.roles or network.project_id == values["project_id"]:
            return network
        if rbac.lets_use(txn, rules, network, caller.project_id):
            return network
        raise no_such_resource()

    def _pool(self, txn: Txn, request: Request, values: Values, cidr: str | None) -> Row | None:
        wanted, default = given(values.get("subnetpool_id")), given(values.pop("use_default_subnetpool", None))
        if wanted and default:
            raise bad_subnets("subnetpool_id and use_default_subnetpool cannot both be specified")
        if wanted == "prefix_delegation":
            raise bad_subnets("prefix delegation is not offered")
        if wanted:
            row = self.others["subnetpool"].get(txn, wanted)
            if not self._may_use(txn, request, row):
                raise self.others["subnetpool"].absent(wanted)
        elif default:
            version = ipam.network(cidr).version if cidr else given(values.get("ip_version"))
            if version is None:
                raise bad_subnets("ip_version must be specified in the absence of cidr and subnetpool_id")
            row = subnetpools.default_pool(txn, version)
            if row is None or not self._may_use(txn, request, row):
                raise bad_subnets(f"No default subnetpool found for IPv{version}")
        else:
            return None
        if given(values.get("ip_version")) is None:
            values["ip_version"] = row.ip_version
        elif values["ip_version"] != row.ip_version:
            message = f"Cannot allocate IPv{values['ip_version']} subnet from IPv{row.ip_version} subnet pool"
            raise bad_subnets(message)
        return row

    def _may_use(self, txn: Txn, request: Request, pool: Row) -> bool:
        caller = request.caller
        if caller.is_admin or pool.project_id == caller.project_id:
            return True
        return rbac.lets_use(txn, self.others["subnetpool"], pool, caller.project_id)

    def _check_neighbours(self, txn: Txn, network: Row, net: ipam.Network, pool: Row | None) -> None:
        there = _neighbours(txn, network)
        if there.nets.overlaps(net):
            raise invalid(f"Requested subnet with cidr: {net} for network: {network.id} overlaps with another subnet")
        scope = None if pool is None else pool.address_scope_id
        for pool_id in there.pools[net.version]:
            its = None if pool_id is None else txn.get("Subnetpool", pool_id)
            its_scope = None if its is None else its.address_scope_id
            if pool is not None and its_scope != scope and its_scope is not None:
                raise subnetpools.scope_affinity()
            if (its_scope is None or pool is None) and pool_id != (None if pool is None else pool.id):
                message = "Subnets hosted on the same network must be allocated from the same subnet pool."
                raise BadRequest("NetworkSubnetPoolAffinityError", message)
        there.add(net, None if pool is None else pool.id)

    def _gateway(self, net: ipam.Network, values: Values, named: bool) -> ipam.Address | None:
        wanted = values.get("gateway_ip", UNSET)
        if wanted is None:
            return None
        if wanted is UNSET:
            # IPv6's first address is that of the routers (RFC 4291, 2.6.1), which Neutron gives a subnet whose prefix
            # was named; one that was cut from a pool has the second.
            second = (net.version == 4 or not named) and net.num_addresses > 1
            return net.network_address + 1 if second else net.network_address
        gateway = ipaddress.ip_address(wanted)
        self._check_gateway(net, gateway)
        return gateway

    def _pools(self, net: ipam.Network, gateway: ipam.Address | None, wanted: Any) -> list[Pool]:
        if not wanted:
            return ipam.default_pools(net, gateway)
        found = self._checked_pools(net, wanted)
        if gateway is not None:
            _check_gateway_out_of(found, gateway)
        return found

    # Checks

    def _check(self, request: Request, values: Values, cidr: str | None, id: str, row: Row | None = None) -> None:
        version = values["ip_version"]
        net = ipam.network(cidr) if cidr else None
        if net is not None:
            _check_version(version, cidr, "cidr")
            if net.version == 6 and net.network_address == ipaddress.ip_address("::"):
                raise invalid("IPv6 subnet '::' is not supported")
        net = net or (ipam.network(row.cidr) if row is not None else None)
        if net is not None and given(values.get("enable_dhcp")) and not (row is not None and row.enable_dhcp):
            _check_dhcp(net)
        if given(values.get("gateway_ip")):
            _check_version(version, values["gateway_ip"], "gateway_ip")
        self._check_dns(request, values, version, id)
        self._check_routes(request, values, version, id)
        _check_modes(values, version, row, cidr)

    @staticmethod
    def _check_gateway(net: ipam.Network, gateway: ipam.Address) -> None:
        if gateway in net and net.version == 4 and gateway in (net.network_address, net.broadcast_address):
            raise invalid("Gateway is not valid on subnet")

    @staticmethod
    def _check_dns(request: Request, values: Values, version: int, id: str) -> None:
        servers = given(values.get("dns_nameservers")) or []
        most = request.settings.max_dns_nameservers
        if len(servers) > most:
            message = f"Unable to complete operation for {id}. The number of DNS nameservers exceeds the limit {most}."
            raise BadRequest("DNSNameServersExhausted", message)
        for server in servers:
            _check_version(version, server, "dns_nameserver")

    @staticmethod
    def _check_routes(request: Request, values: Values, version: int, id: str) -> None:
        routes = given(values.get("host_routes")) or []
        most = request.settings.max_subnet_host_routes
        if len(routes) > most:
            message = f"Unable to complete operation for {id}. The number of host routes exceeds the limit {most}."
            raise BadRequest("HostRoutesExhausted", message)
        for route in routes:
            _check_version(version, route["destination"], "destination")
            _check_version(version, route["nexthop"], "nexthop")

    @staticmethod
    def _checked_pools(net: ipam.Network, wanted: list[dict[str, str]]) -> list[Pool]:
        found = [_pool(pool) for pool in wanted]
        whole = ipam.usable(net)
        for pool in found:
            alike = pool.first.version == pool.last.version
            if not alike or int(pool.last) < int(pool.first):
                raise _invalid_pool(_bodies([pool])[0])
            if pool.first.version != net.version:
                raise _invalid_pool(pool)
            if not (whole.holds(pool.first) and whole.holds(pool.last)):
                message = f"The allocation pool {pool} spans beyond the subnet cidr {net}."
                raise BadRequest("OutOfBoundsAllocationPool", message)
        twice = ipam.overlapping(found)
        if twice is not None:
            message = f"Found overlapping allocation pools: {twice[0]} {twice[1]} for subnet {net}."
            raise Conflict("OverlappingAllocationPools", message)
        return found

    @staticmethod
    def _check_gateway_is_free(txn: Txn, row: Row) -> None:
        """Refuse to move a gateway that a router has."""
        if row.gateway_ip is None:
            return
        address = txn.find_unique("Address", ("subnet", "ip_address"), (row.id, row.gateway_ip))
        for port in [] if address is None else txn.find("Port", "addresses", address.id):
            if port.device_owner.startswith(ROUTER_OWNER):
                message = f"Current gateway ip {row.gateway_ip} already in use by port {port.id}. Unable to update."
                raise Conflict("GatewayIpInUse", message)


def _neighbours(txn: Txn, network: Row) -> "_Neighbours":
    return txn.kept(("subnets", network.id), lambda: _Neighbours(txn, network.id))


class _Neighbours:
    """The subnets of one network, as far as a further one has to agree with them."""

    def __init__(self, reader: Reader, network_id: str) -> None:
        self.nets = ipam.Apart(())
        self.pools: dict[int, dict[str | None, None]] = {4: {}, 6: {}}
        """Subnet pools that they are of (None: of none), by IP version."""
        self.kinds: set[bool] = set()
        """Whether they are on segments."""
        for row in reader.find("Subnet", "network_id", network_id):
            self.add(ipam.network(row.cidr), row.subnetpool_id)
            self.kinds |= subnet_segments.kinds_of(row.service_types, row.segment_id)

    def add(self, net: ipam.Network, pool_id: str | None) -> None:
        """Take another one in."""
        self.nets.add(net)
        self.pools[net.version].setdefault(pool_id)


def _invalid_pool(pool: Any) -> BadRequest:
    return BadRequest("InvalidAllocationPool", f"The allocation pool {pool} is not valid.")


def _pool(body: dict[str, str]) -> Pool:
    return Pool(ipaddress.ip_address(body["start"]), ipaddress.ip_address(body["end"]))


def _bodies(found: list[Pool]) -> list[dict[str, str]]:
    return [{"start": str(pool.first), "end": str(pool.last)} for pool in found]


def _check_version(version: int, address: str | None, name: str) -> None:
    if ipaddress.ip_interface(address or "").version != version:
        raise invalid(f"{name} '{address}' does not match the ip_version '{version}'")


def _check_dhcp(net: ipam.Network) -> None:
    if net.prefixlen > (30 if net.version == 4 else 126):
        raise invalid("Subnet has a prefix length that is incompatible with DHCP service enabled")
    if net.is_multicast:
        raise invalid("Multicast IP subnet is not supported if enable_dhcp is True")
    if net.is_loopback:
        raise invalid("Loopback IP subnet is not supported if enable_dhcp is True")
    if net.version == 4 and int(net.network_address) == 0:
        raise invalid("First IP '0.0.0.0' of network is not supported if enable_dhcp is True.")


def _check_modes(values: Values, version: int, row: Row | None, cidr: str | None) -> None:
    modes = {name: given(values.get(name)) for name in ("ipv6_ra_mode", "ipv6_address_mode")}
    ra, address = modes["ipv6_ra_mode"], modes["ipv6_address_mode"]
    if version == 4:
        for name, mode in modes.items():
            if mode:
                raise invalid(f"{name} is not valid when ip_version is 4")
        return
    if row is not None:
        if values.get("enable_dhcp", True) is False and (row.ipv6_ra_mode or row.ipv6_address_mode):
            raise invalid("Cannot disable enable_dhcp with ipv6 attributes set")
        return
    if (ra or address) and not values.get("enable_dhcp"):
        raise invalid("ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False")
    if ra and address and ra != address:
        raise invalid(
            f"ipv6_ra_mode set to '{ra}' with ipv6_address_mode set to '{address}' is not valid. If both attributes are"
            " set, they must be the same value"
        )
    if cidr and is_auto_address(values) and ipam.network(cidr).prefixlen != 64:
        raise invalid(
            f"Invalid CIDR {cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the"
            " prefix to be /64"
        )


def _check_gateway_out_of(found: list[Pool], gateway: ipam.Address) -> None:
    for pool in found:
        if pool.holds(gateway):
            message = f"Gateway ip {gateway} conflicts with allocation pool {pool}."
            raise Conflict("GatewayConflictWithAllocationPools", message)


def bad_subnets(message: str) -> BadRequest:
    """Give Neutron's error for a subnet's request that contradicts itself."""
    return BadRequest("BadRequest", f"Bad subnets request: {message}.")


def subnet_in_use(id: str) -> Conflict:
    """Give the error for a subnet with addresses in use."""
    reason = "One or more ports have an IP allocation from this subnet"
    return Conflict("SubnetInUse", f"Unable to complete operation on subnet {id}: {reason}.")
