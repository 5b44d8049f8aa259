"""Quality of service: policies, their rules, the types of rules, and what ports and networks may have.

A rule counts up the revision of its policy, as in Neutron; that is also the lock against a port that begins to use the
policy at the same time, which verifies the revision.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from tunbridge.model import device_owners
from tunbridge.model.resource import Field, Resource
from tunbridge.model.resources.qos import RULES
from tunbridge.model.validators.plain import MAX_INTEGER
from tunbridge.rules import allocations, bindings, qos_minimums, rbac
from tunbridge.rules.base import Rules
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import Conflict, Forbidden, NotFound, no_such_resource
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

POLICY, DEFAULT = "Qos_Policy", "Default_Qos_Policy"
FIELD = "qos_policy_id"
_CARRIED = "normal"
"""The VNIC type whose ports Open vSwitch carries."""
_USERS = (("port", "Port"), ("network", "Network"))
GATEWAY_FIELD = "gateway_qos_policy_id"
"""The column of a router that names the policy of its gateway's addresses."""
_ALL_USERS = (
    *((kind, table, FIELD) for kind, table in (*_USERS, ("fip", "Floating_Ip"))),
    ("router", "Router", GATEWAY_FIELD),
)
DEVICE_OWNERS = ("network:", "neutron:")
"""How owners of ports begin that a network's policy leaves out: routers, DHCP."""
_ROUTERS = ("network:router", "network:ha_router", device_owners.FLOATING_IP)
"""How owners of ports begin that are no workload of any host."""


def kind_of(rule: Resource) -> str:
    """Give the type of a rule, as `bandwidth_limit`."""
    return rule.name.removesuffix("_rule")


class QosPolicyRules(rbac.SharedRules):
    """The rules of QoS policies."""

    name = "QoS policy"

    def absent(self, id: str) -> Exception:
        """Give Neutron's QosPolicyNotFound."""
        return NotFound("QosPolicyNotFound", f"QoS policy {id} could not be found.")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a policy. Raises NetworkingError."""
        id = rbac.insert_shared(self, txn, request, values)
        if values.get("is_default"):
            self._set_default(txn, id, values["project_id"])
        return id

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a policy. Raises NetworkingError."""
        values = dict(values)
        self.check_revision(request, row)
        changed = "shared" in values and rbac.set_shared(txn, request, self, row, values.pop("shared"))
        if "is_default" in values:
            changed |= self._change_default(txn, row, values.pop("is_default"))
        self.save(txn, request, row, values)
        if changed and self.get(txn, row.id).revision_number == row.revision_number:
            self.touch(txn, request, row, {})

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a policy with its rules, unless something has it. Raises Neutron's QosPolicyInUse."""
        for kind, table, column in _ALL_USERS:
            for user in txn.find(table, column, row.id):
                message = f"QoS Policy {row.id} is used by {kind} {user.id}."
                raise Conflict("QosPolicyInUse", message)
        for rule in rules_of(txn, row.id):
            txn.delete(rule[0].table, rule[1].id)
        default = _default(txn, row.project_id)
        if default is not None and default.policy == row.id:
            txn.delete(DEFAULT, default.id)
        rbac.forget(txn, request, self, row)
        self.remove(txn, request, row)

    def computed(self, reader: Reader, row: Row) -> Values:
        """Give the policy's rules, and whether networks of its project are made with it."""
        found = []
        for rule, below in rules_of(reader, row.id):
            body = self.others[rule.name].body(reader, below)
            found.append({**body, FIELD: row.id, "type": kind_of(rule)})
        default = _default(reader, row.project_id)
        return {"rules": found, "is_default": default is not None and default.policy == row.id}

    def may_use(self, txn: Txn, request: Request, row: Row) -> bool:
        """Say whether the caller may give the policy to a port or network, or take it from one."""
        caller = request.caller
        if caller.is_admin or "service" in caller.roles or row.project_id == caller.project_id:
            return True
        return rbac.lets_use(txn, self, row, caller.project_id)

    @staticmethod
    def _set_default(txn: Txn, id: str, project: str) -> None:
        if _default(txn, project) is not None:
            message = f"A default QoS policy exists for project {project}."
            raise Conflict("QoSPolicyDefaultAlreadyExists", message)
        txn.insert(DEFAULT, {"project_id": project, "policy": id})

    def _change_default(self, txn: Txn, row: Row, wanted: bool) -> bool:
        """Make the policy its project's default one, or not any more; tells if it changed anything."""
        default = _default(txn, row.project_id)
        is_default = default is not None and default.policy == row.id
        if wanted and not is_default:
            self._set_default(txn, row.id, row.project_id)
        elif default is not None and is_default and not wanted:
            txn.delete(DEFAULT, default.id)
        return wanted != is_default


def _default(reader: Reader, project: str) -> Row | None:
    return reader.find_unique(DEFAULT, ("project_id",), (project,))


def rules_of(reader: Reader, policy: str) -> list[tuple[Resource, Row]]:
    """Give the rules of a policy, with what each is."""
    return [(rule, row) for rule in RULES for row in reader.find(rule.table, FIELD, policy)]


class QosRuleRules(Rules):
    """The rules of one kind of QoS rule, and of its alias."""

    above = FIELD

    def absent(self, id: str) -> Exception:
        """Give Neutron's QosRuleNotFound."""
        return self.absent_below(id, "")

    def absent_below(self, id: str, policy: str) -> Exception:
        """Give Neutron's QosRuleNotFound."""
        return NotFound("QosRuleNotFound", f"QoS rule {id} for policy {policy} could not be found.")

    def hidden(self, _id: str) -> Exception:
        """Give the error that Neutron has for a rule of another project."""
        return no_such_resource()

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a rule of the policy in `qos_policy_id`. Raises NetworkingError."""
        policy = self.others["policy"].get(txn, values[FIELD])
        self._check_fits(txn, policy, values)
        self._check_alone(txn, policy, values)
        _check_users(txn, policy, self._kind)
        self._check_unused(txn, policy)
        self._touch_policy(txn, request, policy)
        return self.insert(txn, request, values, qos_policy_id=policy.id, project_id=policy.project_id)

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a rule. Raises NetworkingError."""
        policy = self.others["policy"].get(txn, row.qos_policy_id)
        self._check_fits(txn, policy, {**_columns(row), **values}, row)
        self._check_alone(txn, policy, values, row)
        self._check_unused(txn, policy)
        self._touch_policy(txn, request, policy)
        self.save(txn, request.unconditional, row, values)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a rule."""
        policy = self.others["policy"].get(txn, row.qos_policy_id)
        self._check_unused(txn, policy)
        self._touch_policy(txn, request, policy)
        self.remove(txn, request.unconditional, row)

    @property
    def _kind(self) -> str:
        return kind_of(self.resource).removeprefix("alias_")

    def _check_fits(self, txn: Txn, policy: Row, wanted: Values, row: Row | None = None) -> None:
        """Refuse what does not go with the policy's other rules."""
        others = (
            (kind_of(rule), other) for rule, other in rules_of(txn, policy.id) if row is None or other.id != row.id
        )
        qos_minimums.check_fits(policy, self._kind, wanted, others)

    def _check_unused(self, txn: Txn, policy: Row) -> None:
        """Refuse to change a minimum that Placement knows of. Raises 501, as Neutron."""
        if self._kind in qos_minimums.KINDS:
            for _, table in _USERS:
                txn.verify_rows(table, FIELD, policy.id)
            qos_minimums.check_unused(txn, policy.id)

    def _touch_policy(self, txn: Txn, request: Request, policy: Row) -> None:
        self.others["policy"].touch(txn, request.unconditional, policy, {})

    def _check_alone(self, txn: Txn, policy: Row, values: Values, row: Row | None = None) -> None:
        """Refuse a second rule of this kind, in this direction if it has one. Raises Neutron's QoSRulesConflict."""
        for other in txn.find(self.table, FIELD, policy.id):
            if row is not None and other.id == row.id:
                continue
            direction = values.get("direction", getattr(row, "direction", None))
            if direction == getattr(other, "direction", None):
                message = (
                    f"Rule {self._kind} conflicts with rule {other.id} which already exists in QoS Policy {policy.id}."
                )
                raise Conflict("QoSRulesConflict", message)


def _columns(row: Row) -> Values:
    names = ("direction", "max_kbps", "min_kbps")
    return {name: getattr(row, name) for name in names if hasattr(row, name)}


def _check_users(txn: Txn, policy: Row, kind: str) -> None:
    """Refuse a rule that a port with the policy cannot have. Raises Neutron's QosRuleNotSupported."""
    for _, table in _USERS:
        txn.verify_rows(table, FIELD, policy.id)
    _check_ports(txn, txn.find("Port", FIELD, policy.id), kind)
    for network in txn.find("Network", FIELD, policy.id):
        _check_ports(txn, filter(has_networks_policy, txn.find("Port", "network_id", network.id)), kind)


def _check_ports(txn: Txn, ports: Iterable[Row], kind: str) -> None:
    for port in ports:
        row = bindings.active(txn, port)
        _check_carried(port.id, port.device_owner, _CARRIED if row is None else row.vnic_type, kind)


def check_ports(txn: Txn, policy: str, ports: Iterable[Row]) -> None:
    """Refuse a policy for a network that one of its ports cannot have. Raises Neutron's QosRuleNotSupported."""
    ports = list(filter(has_networks_policy, ports))
    for rule, _ in rules_of(txn, policy):
        _check_ports(txn, ports, kind_of(rule))
    txn.verify(POLICY, policy, "revision_number")


def has_networks_policy(port: Row) -> bool:
    """Whether the policy of its network is for the port: none of its own, and no part of the network itself."""
    return port.qos_policy_id is None and not port.device_owner.startswith(DEVICE_OWNERS)


def _check_carried(id: str, device_owner: str, vnic_type: str, kind: str) -> None:
    if vnic_type != _CARRIED or device_owner.startswith(_ROUTERS):
        raise Conflict("QosRuleNotSupported", f"Rule {kind} is not supported by port {id}")


def take(rules: Rules, txn: Txn, request: Request, values: Values, before: str | None = None) -> str | None:
    """Give the policy that a request names for a port or network, which the caller may use; None for none.

    `before` is the one that it had. Raises NetworkingError.
    """
    policies: Any = rules.others["policy"]
    wanted = values.get(FIELD)
    if wanted == before:
        return before
    if before is not None and not policies.may_use(txn, request, policies.get(txn, before)):
        message = f"Failed to remove provided policy {before} because you are not authorized."
        raise Forbidden("PolicyRemoveAuthorizationError", message)
    if wanted is not None and not policies.may_use(txn, request, policies.get(txn, wanted)):
        raise policies.absent(wanted)
    return None if wanted is None else str(wanted)


def default_of(reader: Reader, project: str) -> str | None:
    """Give the policy that networks of a project are made with when none is named."""
    row = _default(reader, project)
    return None if row is None else str(row.policy)


def check_port(txn: Txn, network: Row, values: Values, id: str, vnic_type: str) -> None:
    """Refuse rules on a port that is not carried by Open vSwitch. Raises Neutron's QosRuleNotSupported."""
    owner, policy = values.get("device_owner") or "", values.get(FIELD)
    if policy is None and not owner.startswith(DEVICE_OWNERS):
        policy = network.qos_policy_id
    if policy is None:
        return
    for rule, _ in rules_of(txn, policy):
        _check_carried(id, owner, vnic_type, kind_of(rule))
    txn.verify(POLICY, policy, "revision_number")


def check_binding(txn: Txn, network: Row, port: Row, vnic_type: str) -> None:
    """Refuse a binding that could not carry out the port's rules. Raises Neutron's QosRuleNotSupported."""
    check_port(txn, network, {FIELD: port.qos_policy_id, "device_owner": port.device_owner}, port.id, vnic_type)


def change(rules: Rules, txn: Txn, request: Request, network: Row, row: Row, values: Values) -> None:
    """See to the policy of a port where it, or what decides whether it can be carried out, changes."""
    vnic_type = "binding:vnic_type"
    if FIELD in values:
        take(rules, txn, request, values, row.qos_policy_id)
        of_network = network.qos_policy_id
        allocations.follow(txn, request, [row], row.qos_policy_id or of_network, values[FIELD] or of_network)
    if not {FIELD, vnic_type, "device_owner"}.isdisjoint(values):
        binding = bindings.active(txn, row)
        there = _CARRIED if binding is None else binding.vnic_type
        after = {FIELD: row.qos_policy_id, "device_owner": row.device_owner, **values}
        check_port(txn, network, after, row.id, values.get(vnic_type) or there)


class RuleType(msgspec.Struct, frozen=True):
    """A type of rules that hosts carry out."""

    id: str
    type: str
    drivers: tuple[Values, ...]


_RANGE = ("range", {"start": 0, "end": MAX_INTEGER})


class RuleTypeRules(Rules):
    """The rules of rule types: those of the kinds of rules that are offered."""

    name = "Rule type"
    cached = False

    def all(self, _reader: Reader) -> Collection[Row]:
        """Give all types."""
        return [self._type(rule) for rule in RULES]

    def row(self, reader: Reader, id: str) -> Row | None:
        """Give a type by its name."""
        return next((row for row in self.all(reader) if row.id == id), None)

    def body(self, _reader: Reader, row: Row) -> Values:
        """Give all that can be seen of a type."""
        return {"type": row.type, "drivers": row.drivers}

    def project(self, _row: Row) -> str | None:
        """Nobody owns a type."""
        return None

    @staticmethod
    def _type(rule: Resource) -> RuleType:
        parameters = [
            {"parameter_name": field.name, "parameter_type": kind, "parameter_values": values}
            for field in rule.fields
            if field.name != "id"
            for kind, values in [_parameter(field)]
        ]
        driver = {"name": "openvswitch", "supported_parameters": parameters}
        return RuleType(kind_of(rule), kind_of(rule), (driver,))


def _parameter(field: Field) -> tuple[str, Any]:
    """What kind of values a rule's parameter may have, and which."""
    choices = None if field.check is None else field.check.schema.get("enum")
    return _RANGE if choices is None else ("choices", choices)


def _any(_reader: Reader, _row: Row, _wanted: Sequence[Any], _caller: Caller) -> bool:
    """Every type that there is, hosts carry out: asking for all of them or for those carried out gives the same."""
    return True


RuleTypeRules.filters = {"all_rules": _any, "all_supported": _any}
