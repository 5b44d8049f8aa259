"""RBAC policies: which other projects may use a network, group, scope, subnet pool or QoS policy."""

from tunbridge.model import device_owners
from tunbridge.rules import quota
from tunbridge.rules.base import Rules
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import BadRequest, Conflict, NotFound, invalid
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

TABLE = "Rbac_Policy"
SHARED, EXTERNAL = "access_as_shared", "access_as_external"
ACTIONS = {
    "network": (SHARED, EXTERNAL),
    "security_group": (SHARED,),
    "address_scope": (SHARED,),
    "subnetpool": (SHARED,),
    "address_group": (SHARED,),
    "qos_policy": (SHARED,),
}
_RESOURCES = {"qos_policy": "policy"}
"""Kinds that are not named as their resource."""
ANY = "*"
QUOTA = "rbac_policy"
_NOT_EXTERNAL = {"router_external": False, "is_default": False}
"""Columns of a network that no policy makes external any more."""


USES = {
    "network": (("Port", "network_id"), ("Subnet", "network_id")),
    "security_group": (("Port", "security_groups"),),
    "address_scope": (("Subnetpool", "address_scope_id"),),
    "subnetpool": (("Subnet", "subnetpool_id"),),
    "address_group": (("Security_Group_Rule", "remote_address_group_id"),),
    "qos_policy": (
        ("Port", "qos_policy_id"),
        ("Network", "qos_policy_id"),
        ("Floating_Ip", "qos_policy_id"),
        ("Router", "gateway_qos_policy_id"),
    ),
}
"""What uses a thing of each kind: tables, and their columns that name it."""


def kind_of(rules: Rules) -> str:
    """Give what policies about these things name as their kind."""
    name = rules.resource.name
    return next((kind for kind, resource in _RESOURCES.items() if resource == name), name)


def _rows(reader: Reader, object_type: str, object_id: str, action: str) -> list[Row]:
    found = reader.find(TABLE, "object_id", object_id)
    return [row for row in found if row.object_type == object_type and row.action == action]


def is_shared(reader: Reader, object_type: str, id: str, project: str | None, action: str = SHARED) -> bool:
    """Say whether a policy lets a project use a thing."""
    return any(row.target_project in (ANY, project) for row in _rows(reader, object_type, id, action))


def seen_by(reader: Reader, rules: Rules, caller: Caller) -> list[Row] | None:
    """Give a project's things of a kind, and those of others that a policy lets it use; None for who sees all."""
    if caller.project_id is None or not caller.roles.isdisjoint(("service", "advsvc")):
        return None
    found = {row.id: row for row in reader.find(rules.table, "project_id", caller.project_id)}
    for target in (caller.project_id, ANY):
        for policy in reader.find(TABLE, "target_project", target):
            row = reader.get(rules.table, policy.object_id) if policy.object_type == kind_of(rules) else None
            if row is not None:
                found[row.id] = row
    return list(found.values())


class SharedRules(Rules):
    """Rules of things that policies share with other projects."""

    def shared_with(self, reader: Reader, row: Row, project: str | None) -> bool:
        """Whether a project may use a thing of another one."""
        return is_shared(reader, kind_of(self), row.id, project)

    def candidates(self, reader: Reader, caller: Caller) -> list[Row] | None:
        """Return the things of a caller's project and those that are shared with it."""
        return seen_by(reader, self, caller)


def lets_use(txn: Txn, rules: Rules, row: Row, project: str | None) -> bool:
    """Say whether a policy lets a project use a thing; if one is taken away meanwhile, all is built again."""
    shared = rules.shared_with(txn, row, project)
    if shared:
        txn.verify(rules.table, row.id, "shares")
    return shared


def share(txn: Txn, request: Request, rules: Rules, id: str, owner: str, action: str = SHARED) -> None:
    """Let all projects use a thing."""
    values = {"object_type": kind_of(rules), "object_id": id, "action": action, "target_project": ANY}
    quota.count(txn, request, owner, QUOTA)
    txn.insert(TABLE, {"project_id": owner, **values})
    _note(txn, rules, id)


def _note(txn: Txn, rules: Rules, id: str) -> None:
    """Have the thing's row changed by each policy that comes or goes: who decides without knowing of it tries again."""
    txn.add(rules.table, id, "shares", 1)


def _drop(txn: Txn, request: Request, policy: Row) -> None:
    quota.give_back(txn, request, policy.project_id, QUOTA)
    txn.delete(TABLE, policy.id)


def insert_shared(rules: Rules, txn: Txn, request: Request, values: Values) -> str:
    """Add a row, shared with all projects where `shared` says so."""
    id = rules.insert(txn, request, values)
    if values.get("shared") is True:
        share(txn, request, rules, id, values["project_id"])
    return id


def set_shared(txn: Txn, request: Request, rules: Rules, row: Row, wanted: bool) -> bool:
    """Do what `shared` in an update says: a policy for all projects, or none; tells if it changed anything.

    Raises NetworkingError.
    """
    there = [p for p in _rows(txn, kind_of(rules), row.id, SHARED) if p.target_project == ANY]
    if wanted and not there:
        share(txn, request, rules, row.id, row.project_id)
    for policy in [] if wanted else there:
        _check_unused(txn, rules, policy)
        _drop(txn, request, policy)
    return wanted != bool(there)


def set_external(txn: Txn, request: Request, rules: Rules, row: Row, wanted: bool) -> None:
    """Make a network external for all projects, or for none."""
    there = _rows(txn, "network", row.id, EXTERNAL)
    if wanted and not any(p.target_project == ANY for p in there):
        share(txn, request, rules, row.id, row.project_id, EXTERNAL)
    for policy in [] if wanted else there:
        _drop(txn, request, policy)


def forget(txn: Txn, request: Request, rules: Rules, row: Row) -> None:
    """Remove all policies of a thing that goes."""
    for policy in txn.find(TABLE, "object_id", row.id):
        _drop(txn, request, policy)
    txn.verify(rules.table, row.id, "shares")


def _check_unused(txn: Txn, rules: Rules, policy: Row, target: str | None = None) -> None:
    """Refuse to take away what other projects rely on, or begin to just now; `target` gets it instead.

    Raises Neutron's RbacPolicyInUse.
    """
    if policy.action == EXTERNAL:
        _check_gateways(txn, rules, policy, target)
        return
    for table, column in USES[policy.object_type]:
        txn.verify_rows(table, column, policy.object_id)
    _note(txn, rules, policy.object_id)
    user = _user(txn, policy)
    if user is not None:
        raise _in_use(policy.object_id, f"{policy.object_type} {policy.object_id} is used by project {user}")


def _check_gateways(txn: Txn, rules: Rules, policy: Row, target: str | None) -> None:
    """Refuse while a project's router has its gateway there by this policy alone."""
    txn.verify_rows("Port", "network_id", policy.object_id)
    _note(txn, rules, policy.object_id)
    others = {p.target_project for p in _rows(txn, "network", policy.object_id, EXTERNAL) if p.id != policy.id}
    others |= {target} - {None}
    for port in txn.find("Port", "network_id", policy.object_id):
        router = txn.get("Router", port.device_id) if port.device_owner == device_owners.ROUTER_GATEWAY else None
        if router is None or not others.isdisjoint((ANY, router.project_id)):
            continue
        if policy.target_project in (ANY, router.project_id):
            details = "There are routers attached to this network that depend on this policy for access."
            raise _in_use(policy.object_id, details)


def _user(txn: Txn, policy: Row) -> str | None:
    """Give a project that needs a policy: that uses the thing, and may by no other policy."""
    id, kind = policy.object_id, policy.object_type
    users = [row.project_id for table, column in USES[kind] for row in txn.find(table, column, id)]
    others = [row for row in _rows(txn, kind, id, SHARED) if row.id != policy.id]
    for user in users:
        if user in (policy.project_id, "") or policy.target_project not in (ANY, user):
            continue
        if not any(row.target_project in (ANY, user) for row in others):
            return str(user)
    return None


def _in_use(id: str, details: str) -> Conflict:
    message = f"RBAC policy on object {id} cannot be removed because other objects depend on it.\nDetails: {details}"
    return Conflict("RbacPolicyInUse", message)


def _check_default(network: Row, policy: Row) -> None:
    """Refuse that the default external network is external only for some. Raises Neutron's RbacPolicyInUse."""
    if network.is_default and policy.action == EXTERNAL and policy.target_project == ANY:
        raise _in_use(network.id, "Default external networks must be shared to everyone.")


def check_scope(txn: Txn, scopes: Rules, pool: Row, target: str) -> None:
    """Refuse to let a project use a subnet pool whose address scope it may not use. Raises BadRequest."""
    if not pool.address_scope_id:
        return
    scope = scopes.get(txn, pool.address_scope_id)
    if target != scope.project_id and not lets_use(txn, scopes, scope, target):
        raise invalid(
            f"Failed to create RBAC policy on object {pool.id} because target project doesn't have access to"
            " associated address scope"
        )


class RbacPolicyRules(Rules):
    """The rules of RBAC policies."""

    name = "RBAC policy"

    def absent(self, id: str) -> Exception:
        """Give Neutron's RbacPolicyNotFound."""
        return NotFound("RbacPolicyNotFound", f"RBAC policy of type unknown with ID {id} not found")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a policy for a thing that the caller owns. Raises NetworkingError."""
        kind, id, action = values["object_type"], values["object_id"], values["action"]
        if kind not in ACTIONS:
            raise invalid(f"'{kind}' is not a valid RBAC object type, valid are {', '.join(sorted(ACTIONS))}")
        if action not in ACTIONS[kind]:
            raise BadRequest(
                "InvalidActionForType",
                f"Invalid action '{action}' for object type '{kind}'. Valid actions: {ACTIONS[kind]}",
            )
        rules = self._of(kind)
        row = rules.get(txn, id)
        caller = request.caller
        if not caller.is_admin and rules.project(row) != caller.project_id:
            if rules.shared_with(txn, row, caller.project_id) or rules.external_for(txn, row, caller.project_id):
                raise invalid("Only admins can manipulate policies on objects they do not own")
            raise rules.absent(id)
        if kind == "subnetpool":
            check_scope(txn, self.others["address_scope"], row, values["target_tenant"])
        key = (kind, id, action, values["target_tenant"])
        columns = ("object_type", "object_id", "action", "target_project")
        if txn.find_unique(TABLE, columns, key) is not None:
            raise Conflict("DuplicateRbacPolicy", "An RBAC policy already exists with those values.")
        _note(txn, rules, id)
        made = self.insert(txn, request, values)
        if kind == "network":
            rules.touch(txn, request.unconditional, row, {"router_external": True} if action == EXTERNAL else {})
        return made

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Let another project use the thing instead. Raises NetworkingError."""
        target = values.get("target_tenant", row.target_project)
        if target != row.target_project:
            rules = self._of(row.object_type)
            _check_unused(txn, rules, row, target)
            thing = rules.get(txn, row.object_id)
            if row.object_type == "subnetpool":
                check_scope(txn, self.others["address_scope"], thing, target)
            if row.object_type == "network":
                _check_default(thing, row)
                rules.touch(txn, request.unconditional, thing, {})
            key = (row.object_type, row.object_id, row.action, target)
            if txn.find_unique(TABLE, ("object_type", "object_id", "action", "target_project"), key) is not None:
                raise Conflict("DuplicateRbacPolicy", "An RBAC policy already exists with those values.")
        self.save(txn, request, row, values)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a policy that nobody relies on. Raises NetworkingError."""
        _check_unused(txn, self._of(row.object_type), row)
        network = txn.get("Network", row.object_id) if row.object_type == "network" else None
        if network is not None:
            _check_default(network, row)
        self.remove(txn, request, row)
        if network is not None:
            last = row.action == EXTERNAL and not _rows(txn, "network", row.object_id, EXTERNAL)
            self.others["network"].touch(txn, request.unconditional, network, _NOT_EXTERNAL if last else {})

    def _of(self, kind: str) -> Rules:
        return self.others[_RESOURCES.get(kind, kind)]
