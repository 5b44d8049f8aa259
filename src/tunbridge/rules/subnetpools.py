"""Subnet pools and address scopes: prefixes that subnets are cut out of, and where these must not overlap."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET
from tunbridge.rules import ipam, locks, rbac
from tunbridge.rules.base import Action
from tunbridge.rules.errors import BadRequest, Conflict, Forbidden, invalid
from tunbridge.rules.networks import given
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

BITS = {4: 32, 6: 128}
DEFAULT_MIN_PREFIXLEN = {4: 8, 6: 64}
QUOTA_UNIT = {4: 32, 6: 64}
"""Length of the prefix that quotas of a pool count: addresses for IPv4, /64 networks for IPv6."""


def prefixes_of(row: Row) -> list[ipam.Network]:
    """Give the prefixes of a pool's row."""
    return [ipam.network(prefix) for prefix in row.prefixes]


def default_pool(reader: Reader, version: int) -> Row | None:
    """Give the default pool of an IP version."""
    return next((row for row in reader.all("Subnetpool") if row.is_default and row.ip_version == version), None)


def allocate(txn: Txn, pool: Row, values: Values, cidr: str | None, prefixlen: int | None) -> ipam.Network:
    """Take a network out of a pool: this one, or any of this size. Raises NetworkingError."""
    wanted = None if cidr is None else ipam.network(cidr)
    size = wanted.prefixlen if wanted is not None else prefixlen if prefixlen is not None else pool.default_prefixlen
    _check_size(pool, size)
    state: _Pool = txn.kept(("subnetpool", pool.id), lambda: _Pool(txn, pool))
    project = values["project_id"]
    share = 2.0 ** (QUOTA_UNIT[pool.ip_version] - size)
    if pool.default_quota and state.used[project] + share > pool.default_quota:
        raise Conflict("SubnetPoolQuotaExceeded", "Per-project subnet pool prefix quota exceeded.")
    free = state.free
    if wanted is not None:
        if not ipam.inside(free, wanted):
            raise _not_allocated("Cannot allocate requested subnet from the available set of prefixes")
        found = wanted
    else:
        cut = ipam.cut(free, size)
        if cut is None:
            raise _not_allocated(f"Insufficient prefix space to allocate subnet size /{size}")
        found = cut
    locks.lock(txn, f"subnetpool {pool.id}")
    txn.exists("Subnetpool", pool.id)
    state.free = ipam.available(free, [found])
    state.used[project] += share
    return found


class _Pool:
    """What is free of a pool, and how much of it each project has, in units of its quota."""

    def __init__(self, reader: Reader, pool: Row) -> None:
        subnets = [(row.project_id, ipam.network(row.cidr)) for row in reader.find("Subnet", "subnetpool_id", pool.id)]
        self.free = ipam.available(prefixes_of(pool), (net for _, net in subnets))
        self.used: defaultdict[str, float] = defaultdict(float)
        for project, net in subnets:
            self.used[project] += 2.0 ** (QUOTA_UNIT[pool.ip_version] - net.prefixlen)


def _check_size(pool: Row, size: int) -> None:
    if size > pool.max_prefixlen:
        message = (
            f"Unable to allocate subnet with prefix length {size}, maximum allowed prefix is {pool.max_prefixlen}."
        )
        raise BadRequest("MaxPrefixSubnetAllocationError", message)
    if size < pool.min_prefixlen:
        message = (
            f"Unable to allocate subnet with prefix length {size}, minimum allowed prefix is {pool.min_prefixlen}."
        )
        raise BadRequest("MinPrefixSubnetAllocationError", message)


def _not_allocated(reason: str) -> Conflict:
    # Neutron answers 500 here, which tells a client that the server is broken; it is the pool that is full.
    return Conflict("SubnetAllocationError", f"Failed to allocate subnet: {reason}.")


def scope_affinity() -> BadRequest:
    """Give the error for subnets of one network in different address scopes."""
    message = (
        "Subnets of the same address family hosted on the same network must all participate in the same address scope."
    )
    return BadRequest("NetworkAddressScopeAffinityError", message)


LENGTHS = ("min_prefixlen", "max_prefixlen", "default_prefixlen")
MAX_PREFIXES = 1000
"""Of a pool, and of one request: to take one address out of a large prefix leaves a hundred."""


class SubnetpoolRules(rbac.SharedRules):
    """The rules of subnet pools."""

    name = "Subnet pool"

    def absent(self, id: str) -> Exception:
        """Give Neutron's SubnetPoolNotFound."""
        return super().absent(id)

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a pool. Raises NetworkingError."""
        values = dict(values)
        version = _version(values["prefixes"])
        values["prefixes"] = ipam.collapsed(values["prefixes"])
        values["ip_version"] = version
        least = given(values.get("min_prefixlen"))
        values["min_prefixlen"] = DEFAULT_MIN_PREFIXLEN[version] if least is None else int(least)
        most = given(values.get("max_prefixlen"))
        values["max_prefixlen"] = BITS[version] if most is None else int(most)
        default = given(values.get("default_prefixlen"))
        values["default_prefixlen"] = values["min_prefixlen"] if default is None else int(default)
        _check_bounds(values, version)
        if values.get("is_default"):
            self._check_default(txn, version)
        self._check_scope(txn, request, values, None)
        id = rbac.insert_shared(self, txn, request, values)
        if values.get("shared") is True:
            rbac.check_scope(txn, self.others["address_scope"], txn.get(self.table, id), rbac.ANY)
        return id

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a pool. Raises NetworkingError."""
        values = dict(values)
        if "prefixes" in values:
            wanted = values["prefixes"]
            if _version(wanted) != row.ip_version:
                raise BadRequest("PrefixVersionMismatch", "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.")
            if set(wanted) != set(row.prefixes):
                kept = [ipam.network(prefix) for prefix in ipam.collapsed(wanted)]
                if not ipam.inside(kept, *prefixes_of(row)):
                    message = "Illegal update to prefixes: Existing prefixes must be a subset of the new prefixes."
                    raise BadRequest("IllegalSubnetPoolPrefixUpdate", message)
            values["prefixes"] = ipam.collapsed(wanted)
        for name in LENGTHS:
            if name in values:
                values[name] = int(values[name])
        merged = {n: values.get(n, getattr(row, n)) for n in LENGTHS}
        _check_bounds(merged, row.ip_version)
        if values.get("is_default") and not row.is_default:
            self._check_default(txn, row.ip_version)
        if row.address_scope_id and not self._owns_scope(txn, request, row.address_scope_id):
            message = (
                f"Illegal subnetpool update : subnetpool {row.id} cannot be updated when associated with shared address"
                f" scope {row.address_scope_id}."
            )
            raise BadRequest("IllegalSubnetPoolUpdate", message)
        if "address_scope_id" in values or "prefixes" in values:
            whole = {
                "prefixes": values.get("prefixes", list(row.prefixes)),
                "address_scope_id": values.get("address_scope_id", row.address_scope_id),
                "ip_version": row.ip_version,
            }
            self._check_scope(txn, request, whole, row)
        self.save(txn, request, row, values)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a pool that has no subnets. Raises Neutron's SubnetPoolDeleteError."""
        if txn.count("Subnet", "subnetpool_id", row.id):
            message = "Unable to delete subnet pool: Subnet pool has existing allocations."
            raise BadRequest("SubnetPoolDeleteError", message)
        rbac.forget(txn, request, self, row)
        self.remove(txn, request, row)

    def computed(self, _reader: Reader, row: Row) -> Values:
        """Give prefix lengths as the text that Neutron has for them: clients parse it."""
        return {name: str(getattr(row, name)) for name in LENGTHS}

    # Prefix operations

    def add_prefixes(self, txn: Txn, request: Request, row: Row, body: Values) -> None:
        """Add prefixes to a pool. Raises NetworkingError."""
        wanted = _prefix_list(body)
        if _version(wanted) != row.ip_version:
            raise BadRequest("PrefixVersionMismatch", "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.")
        self.update(txn, request, row, {"prefixes": [*row.prefixes, *wanted]})

    def remove_prefixes(self, txn: Txn, request: Request, row: Row, body: Values) -> None:
        """Take prefixes that no subnet uses out of a pool. Raises NetworkingError."""
        gone = [ipam.network(prefix) for prefix in _prefix_list(body)]
        subnets = txn.find("Subnet", "subnetpool_id", row.id)
        if ipam.overlap((ipam.network(subnet.cidr) for subnet in subnets), gone):
            message = "Illegal update to prefixes: One or more the prefixes to be removed is in use by a subnet.."
            raise BadRequest("IllegalSubnetPoolPrefixUpdate", message)
        locks.lock(txn, f"subnetpool {row.id}")
        left = ipam.available(prefixes_of(row), gone)
        if not left:
            raise BadRequest("EmptySubnetPoolPrefixList", "Empty subnet pool prefix list.")
        _limited(left)
        self.change(txn, request, row, {"prefixes": tuple(ipam.collapsed(str(net) for net in left))})

    def onboard_network_subnets(self, txn: Txn, request: Request, row: Row, body: Values) -> list[Values]:
        """Take all subnets of a network, of the pool's IP version, into a pool, and give them. Raises NetworkingError.

        Their prefixes become the pool's; subnets of another pool leave that.
        """
        network = self._own_network(txn, request, body.get("network_id"))
        subnets = [one for one in txn.find("Subnet", "network_id", network.id) if one.ip_version == row.ip_version]
        there = [ipam.network(one.cidr) for one in txn.find("Subnet", "subnetpool_id", row.id)]
        for subnet in subnets:
            if ipam.overlap([ipam.network(subnet.cidr)], there):
                reason = (
                    f"Onboarding subnet {subnet.id}: {subnet.cidr} conflicts with allocated prefixes in subnet pool"
                    f" {row.id}"
                )
                raise BadRequest("IllegalSubnetPoolUpdate", f"Illegal subnetpool update : {reason}.")
        for pool_id in {row.id, *(one.subnetpool_id for one in subnets)} - {None}:
            locks.lock(txn, f"subnetpool {pool_id}")
        self.others["network"].touch(txn, request.unconditional, network, {})  # lets no subnet be made there meanwhile
        self.update(txn, request, row, {"prefixes": [*row.prefixes, *(one.cidr for one in subnets)]})
        for subnet in subnets:
            self.others["subnet"].change(txn, request.unconditional, subnet, {"subnetpool_id": row.id})
        return [{"id": one.id, "cidr": one.cidr} for one in subnets]

    def _own_network(self, txn: Txn, request: Request, id: Any) -> Row:
        """Give a network of the caller's project. Raises NetworkingError."""
        if not isinstance(id, str) or not id:
            raise invalid("network_id must be specified.")
        networks, caller = self.others["network"], request.caller
        network = networks.get(txn, id)
        if caller.is_admin or network.project_id == caller.project_id:
            return network
        project = caller.project_id
        if networks.shared_with(txn, network, project) or networks.external_for(txn, network, project):
            raise Forbidden("NotAuthorized", "Not authorized.")
        raise networks.absent(id)

    # Parts

    def _check_default(self, txn: Txn, version: int) -> None:
        if default_pool(txn, version) is not None:
            raise invalid(
                "A default subnetpool for this IP family has already been set. Only one default may exist per IP family"
            )
        locks.lock(txn, f"default subnetpool {version}")

    def _owns_scope(self, txn: Txn, request: Request, id: str) -> bool:
        scope = txn.get("Address_Scope", id)
        caller = request.caller
        return caller.is_admin or (scope is not None and scope.project_id == caller.project_id)

    def _check_scope(self, txn: Txn, request: Request, values: Values, row: Row | None) -> None:
        """Refuse a scope that the pool cannot be in, and keep others out while this is decided."""
        id = given(values.get("address_scope_id", UNSET))
        values["address_scope_id"] = id
        own = "new" if row is None else row.id
        if row is not None and row.address_scope_id != id:
            self._check_affinity(txn, row)
        if id is None:
            return
        scope = self.others["address_scope"].get(txn, id)
        caller = request.caller
        reachable = caller.is_admin or scope.project_id == caller.project_id
        if not (reachable or rbac.lets_use(txn, self.others["address_scope"], scope, caller.project_id)):
            raise self.others["address_scope"].absent(id)
        if scope.ip_version != values["ip_version"]:
            raise BadRequest(
                "IllegalSubnetPoolIpVersionAssociationToAddressScope",
                f"Illegal subnetpool association: subnetpool {own} cannot associate with address scope {id} because"
                f" subnetpool ip_version is not {scope.ip_version}.",
            )
        mine = [ipam.network(prefix) for prefix in values["prefixes"]]
        for other in txn.find("Subnetpool", "address_scope_id", id):
            if other.id != own and ipam.overlap(prefixes_of(other), mine):
                message = (
                    "Failed to associate address scope: subnetpools within an address scope must have unique prefixes."
                )
                raise Conflict("AddressScopePrefixConflict", message)
        locks.lock(txn, f"address scope {id}")

    @staticmethod
    def _check_affinity(txn: Txn, row: Row) -> None:
        for subnet in txn.find("Subnet", "subnetpool_id", row.id):
            for other in txn.find("Subnet", "network_id", subnet.network_id):
                if other.ip_version == row.ip_version and other.subnetpool_id != row.id:
                    raise scope_affinity()

    actions = {  # noqa: RUF012 - annotated in the base class
        "add_prefixes": Action(Who.ADMIN_OR_MEMBER, add_prefixes, fields=("prefixes",)),
        "onboard_network_subnets": Action(Who.ADMIN_OR_MEMBER, onboard_network_subnets, tells=True),
        "remove_prefixes": Action(Who.ADMIN_OR_MEMBER, remove_prefixes, fields=("prefixes",)),
    }


def _limited(prefixes: Sequence[object]) -> None:
    if len(prefixes) > MAX_PREFIXES:
        raise invalid(f"A subnet pool has at most {MAX_PREFIXES} prefixes, these would be {len(prefixes)}")


def _prefix_list(body: Values) -> list[str]:
    """Give the prefixes of an action's body. Raises BadRequest."""
    wanted: Any = body.get("prefixes")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(one, str) for one in wanted):
        raise invalid("prefixes must be a list of prefixes")
    _limited(wanted)
    try:
        return [str(ipam.network(one)) for one in wanted]
    except ValueError as e:
        raise invalid(str(e)) from None


def _version(prefixes: list[str]) -> int:
    _limited(prefixes)
    if not prefixes:
        raise BadRequest("EmptySubnetPoolPrefixList", "Empty subnet pool prefix list.")
    versions = {ipam.network(prefix).version for prefix in prefixes}
    if len(versions) > 1:
        raise BadRequest("PrefixVersionMismatch", "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.")
    return versions.pop()


def _check_bounds(values: Values, version: int) -> None:
    least, most, default = (values[f"{name}_prefixlen"] for name in ("min", "max", "default"))
    for wrong, one, other in (
        (least > most, ("min_prefixlen", least), ("max_prefixlen", most)),
        (most > BITS[version], ("max_prefixlen", most), ("ip_version_max", BITS[version])),
        (default < least, ("default_prefixlen", default), ("min_prefixlen", least)),
        (default > most, ("default_prefixlen", default), ("max_prefixlen", most)),
    ):
        if wrong:
            message = f"Illegal prefix bounds: {one[0]}={one[1]}, {other[0]}={other[1]}."
            raise BadRequest("IllegalSubnetPoolPrefixBounds", message)


class AddressScopeRules(rbac.SharedRules):
    """The rules of address scopes."""

    name = "Address scope"

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a scope. Raises NetworkingError."""
        return rbac.insert_shared(self, txn, request, values)

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a scope. Raises Neutron's AddressScopeUpdateError."""
        if "shared" in values:
            if not values["shared"] and rbac.is_shared(txn, "address_scope", row.id, rbac.ANY):
                message = f"Unable to update address scope {row.id} : Shared address scope can't be unshared."
                raise BadRequest("AddressScopeUpdateError", message)
            rbac.set_shared(txn, request, self, row, values["shared"])
        self.save(txn, request, row, values)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a scope without pools. Raises Neutron's AddressScopeInUse."""
        if txn.count("Subnetpool", "address_scope_id", row.id):
            raise Conflict(
                "AddressScopeInUse",
                f"Unable to complete operation on address scope {row.id}. There are one or more subnet pools in use on"
                " the address scope.",
            )
        rbac.forget(txn, request, self, row)
        self.remove(txn, request, row)
