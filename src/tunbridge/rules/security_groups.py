"""Security groups, their rules, the templates of the rules that new groups begin with, and address groups."""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tunbridge.model.policy_rules import Who
from tunbridge.model.protocols import ICMP, IPV6_ONLY, LEGACY_IPV6_ICMP, PORT_PROTOCOLS, number, spellings
from tunbridge.model.resources.address_group import MAX_ADDRESSES
from tunbridge.model.resources.security_group import PARENT
from tunbridge.rules import default_statefulness, ipam, locks, logs, rbac
from tunbridge.rules.base import Action, Rules
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import BadRequest, Conflict, NotFound, invalid, no_such_resource
from tunbridge.rules.networks import given
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ONE_ADDRESS = re.compile(rf"(?:{_BYTE}\.){{3}}{_BYTE}/32")
"""What large address groups are made of, and is in its one spelling already."""
RULES = "Security_Group_Rule"
TEMPLATES = "Default_Security_Group_Rule"
MATCH = (
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "remote_ip_prefix",
    "remote_group_id",
    "remote_address_group_id",
)
"""What a rule and its template have alike."""
_SEEDED = "default security group rules are there"


def seed(txn: Txn, request: Request) -> None:
    """Give a new database Neutron's templates: egress, and in default groups ingress from the group itself."""
    if txn.find_unique("Guard", ("name",), (_SEEDED,)) is not None:
        return
    txn.insert("Guard", {"name": _SEEDED, "uses": 1})
    for ethertype in ("IPv4", "IPv6"):
        for direction, remote, in_others in (("egress", None, True), ("ingress", PARENT, False)):
            txn.insert(
                TEMPLATES,
                {
                    "direction": direction,
                    "ethertype": ethertype,
                    "remote_group_id": remote,
                    "description": f"Legacy default SG rule for {direction} traffic",
                    "used_in_default_sg": True,
                    "used_in_non_default_sg": in_others,
                    "created_at": request.timestamp,
                    "updated_at": request.timestamp,
                },
            )


class SecurityGroupRules(rbac.SharedRules):
    """The rules of security groups."""

    name = "Security group"

    def absent(self, id: str) -> Exception:
        """Give Neutron's SecurityGroupNotFound."""
        return NotFound("SecurityGroupNotFound", f"Security group {id} does not exist")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a group with the rules of the templates. Raises NetworkingError."""
        self.default(txn, request, values["project_id"])
        if given(values.get("stateful")) is None:
            values = {**values, "stateful": default_statefulness.of(txn, values["project_id"])}
        return self._make(txn, request, values, is_default=False)

    def default(self, txn: Txn, request: Request, project: str) -> str:
        """Give a project's default group, made if it is not there yet."""
        row = txn.find_unique("Default_Security_Group", ("project_id",), (project,))
        if row is not None:
            return str(row.security_group)
        values = {
            "name": "default",
            "description": "Default security group",
            "project_id": project,
            "stateful": True,
        }
        id = self._make(txn, request, values, is_default=True)
        txn.insert("Default_Security_Group", {"project_id": project, "security_group": id})
        return id

    def _make(self, txn: Txn, request: Request, values: Values, is_default: bool) -> str:
        id = self.insert(txn, request, values)
        rules = self.others["security_group_rule"]
        for template in txn.all(TEMPLATES):
            if not (template.used_in_default_sg if is_default else template.used_in_non_default_sg):
                continue
            match = {name: getattr(template, name) for name in MATCH}
            if _absent_remote(txn, match) is not None:
                continue  # it was removed after the template was made
            if match["remote_group_id"] == PARENT:
                match["remote_group_id"] = id
            rule = {**match, "project_id": values["project_id"], "security_group_id": id, "description": ""}
            rules.insert(txn, request, rule, normalized_cidr=_normalized(match["remote_ip_prefix"]))
        return id

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a group. Raises NetworkingError."""
        if "stateful" in values and values["stateful"] != row.stateful:
            if txn.count("Port", "security_groups", row.id):
                raise group_in_use(row.id)
            txn.verify_rows("Port", "security_groups", row.id)
        if "name" in values and _is_default(txn, row):
            raise Conflict("SecurityGroupCannotUpdateDefault", "Updating default security group not allowed.")
        self.save(txn, request, row, values)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a group that no port and no other group's rule uses. Raises NetworkingError."""
        if txn.count("Port", "security_groups", row.id):
            raise group_in_use(row.id)
        default = txn.find_unique("Default_Security_Group", ("project_id",), (row.project_id,))
        if default is not None and default.security_group == row.id:
            if not request.caller.is_admin:
                message = "Insufficient rights for removing default security group."
                raise Conflict("SecurityGroupCannotRemoveDefault", message)
            txn.delete("Default_Security_Group", default.id)
        rules = self.others["security_group_rule"]
        plain = request.unconditional
        # Rules of other groups that let this one in go with it, as in Neutron.
        gone = {r.id: r for c in ("security_group_id", "remote_group_id") for r in txn.find(RULES, c, row.id)}
        for rule in gone.values():
            rules.remove(txn, plain, rule)
            if rule.security_group_id != row.id:
                self.touch(txn, plain, self.get(txn, rule.security_group_id), {})
        rbac.forget(txn, request, self, row)
        logs.remove_of(txn, "resource_id", row.id)
        self.remove(txn, request, row)

    def prepare(
        self, reader: Reader, request: Request, filters: Mapping[str, Sequence[Any]]
    ) -> Callable[[Txn], object] | None:
        """Make a project's default group before its groups are listed: the caller's, or whose an admin asks for."""
        asked = filters.get("project_id") if request.caller.is_admin else None
        project = str(asked[0]) if asked else request.caller.project_id
        if not project:
            return None
        if reader.find_unique("Default_Security_Group", ("project_id",), (project,)) is not None:
            return None
        return lambda txn: self.default(txn, request, project)

    def computed(self, reader: Reader, row: Row) -> Values:
        """Give the group's rules."""
        rules = self.others["security_group_rule"]
        found = []
        for rule in reader.find(RULES, "security_group_id", row.id):
            body = rules.body(reader, rule)
            body["tenant_id"] = body["project_id"]
            found.append(body)
        return {"security_group_rules": found}


class SecurityGroupRuleRules(Rules):
    """The rules of security group rules."""

    name = "Security group rule"

    def absent(self, id: str) -> Exception:
        """Give Neutron's SecurityGroupRuleNotFound."""
        return NotFound("SecurityGroupRuleNotFound", f"Security group rule {id} does not exist")

    def hidden(self, _id: str) -> Exception:
        """Give the error that Neutron has for a rule of another project."""
        return no_such_resource()

    def check_parent(self, reader: Reader, values: Values, _caller: Caller) -> None:
        """Refuse a rule of a group that is not there. Raises NotFound."""
        id = values["security_group_id"]
        if reader.get("Security_Group", id) is None:
            raise self.others["security_group"].absent(id)

    def prepare(
        self, reader: Reader, request: Request, filters: Mapping[str, Sequence[Any]]
    ) -> Callable[[Txn], object] | None:
        """Make a project's default group before its rules are listed."""
        return self.others["security_group"].prepare(reader, request, filters)

    def check_together(self, things: list[Values]) -> None:
        """Refuse rules of several groups, or the same twice, in one request. Raises BadRequest, Conflict."""
        if len({values["security_group_id"] for values in things}) > 1:
            message = "Only allowed to update rules for one security profile at a time"
            raise BadRequest("SecurityGroupNotSingleGroupRules", message)
        alike = {_key(values) for values in things}
        if len(alike) < len(things):
            raise Conflict("DuplicateSecurityGroupRuleInPost", "Duplicate Security Group Rule in POST.")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a rule. Raises NetworkingError."""
        values = dict(values)
        check_match(values)
        groups = self.others["security_group"]
        group = groups.get(txn, values["security_group_id"])
        if values.get("remote_group_id") is not None:
            self._reach(txn, request, groups, values["remote_group_id"])
        if values.get("remote_address_group_id") is not None:
            self._reach(txn, request, self.others["address_group"], values["remote_address_group_id"])
        there: dict[Any, str] = txn.kept(("rules", group.id), lambda: _rules_of(txn, group.id))
        wanted = _key(values)
        if wanted in there:
            message = f"Security group rule already exists. Rule id is {there[wanted]}."
            raise Conflict("SecurityGroupRuleExists", message)
        plain = request.unconditional
        # Also the lock against a second rule that is the same.
        groups.touch(txn, plain, group, {})
        id = self.insert(txn, request, values, normalized_cidr=_normalized(values.get("remote_ip_prefix")))
        there[wanted] = id
        return id

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a rule."""
        groups = self.others["security_group"]
        group = txn.get("Security_Group", row.security_group_id)
        if group is not None:
            plain = request.unconditional
            groups.touch(txn, plain, group, {})
        self.remove(txn, request, row)

    def computed(self, reader: Reader, row: Row) -> Values:
        """Say whether the rule's group is its project's default one."""
        group = reader.get("Security_Group", row.security_group_id)
        return {"belongs_to_default_sg": group is not None and _is_default(reader, group)}

    def group_project(self, reader: Reader, row: Row) -> str | None:
        """Give the owner of the rule's group."""
        group = reader.get("Security_Group", row.security_group_id)
        return None if group is None else str(group.project_id)

    @staticmethod
    def _reach(txn: Txn, request: Request, rules: Rules, id: str) -> None:
        row = rules.get(txn, id)
        caller: Caller = request.caller
        if caller.is_admin or row.project_id == caller.project_id:
            return
        if not rbac.lets_use(txn, rules, row, caller.project_id):
            raise rules.absent(id)


class DefaultSecurityGroupRuleRules(Rules):
    """The rules of templates."""

    def absent(self, id: str) -> Exception:
        """Give Neutron's DefaultSecurityGroupRuleNotFound."""
        return NotFound("DefaultSecurityGroupRuleNotFound", f"Default Security Group rule {id} does not exist")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a template. Raises NetworkingError."""
        values = dict(values)
        check_match(values)
        absent = _absent_remote(txn, values)
        if absent is not None:
            raise self.others[absent].absent(values[f"remote_{absent.removeprefix('security_')}_id"])
        wanted = _key(values)
        for row in txn.all(TEMPLATES):
            both = (values["used_in_default_sg"] and row.used_in_default_sg) or (
                values["used_in_non_default_sg"] and row.used_in_non_default_sg
            )
            if both and _key({name: getattr(row, name) for name in MATCH}) == wanted:
                message = f"Default Security group rule already exists. Rule id is {row.id}."
                raise Conflict("DefaultSecurityGroupRuleExists", message)
        locks.lock(txn, "default security group rules")
        return self.insert(txn, request, values)


def _wanted(body: Values) -> Values:
    group: Any = body.get("address_group", body)
    wanted = group.get("addresses") if isinstance(group, dict) else None
    if not isinstance(wanted, list) or not wanted or not all(isinstance(one, str) for one in wanted):
        raise invalid("addresses must be a list of addresses or prefixes")
    _limited(wanted)
    return {"addresses": _cidrs(wanted)}


def _limited(addresses: Sequence[str]) -> None:
    if len(addresses) > MAX_ADDRESSES:
        raise invalid(f"An address group has at most {MAX_ADDRESSES} addresses, these would be {len(addresses)}")


def _cidrs(wanted: list[str]) -> list[str]:
    """Give addresses in one spelling, each once. Raises BadRequest."""
    try:
        return list(dict.fromkeys(one if _ONE_ADDRESS.fullmatch(one) else str(ipam.network(one)) for one in wanted))
    except ValueError as e:
        raise BadRequest("InvalidInput", f"Invalid input for operation: {e}.") from None


class AddressGroupRules(rbac.SharedRules):
    """The rules of address groups."""

    name = "Address group"

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a group of addresses."""
        addresses = _cidrs(given(values.get("addresses")) or [])
        return self.insert(txn, request, {**values, "addresses": addresses}, revision_number=int(bool(addresses)))

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a group that no rule names. Raises Neutron's AddressGroupInUse."""
        if txn.count(RULES, "remote_address_group_id", row.id):
            message = f"Address group {row.id} is in use on one or more security group rules"
            raise Conflict("AddressGroupInUse", message)
        rbac.forget(txn, request, self, row)
        self.remove(txn, request, row)

    def add_addresses(self, txn: Txn, request: Request, row: Row, body: Values) -> None:
        """Add addresses. Raises Neutron's AddressesAlreadyExist."""
        wanted, own = body["addresses"], frozenset(row.addresses)
        there = [one for one in wanted if one in own]
        if there:
            message = f"Addresses {there} already exist in the address group {row.id}."
            raise BadRequest("AddressesAlreadyExist", message)
        _limited((*row.addresses, *wanted))
        self.change(txn, request, row, {"addresses": (*row.addresses, *wanted)})

    def remove_addresses(self, txn: Txn, request: Request, row: Row, body: Values) -> None:
        """Take addresses out. Raises Neutron's AddressesNotFound."""
        wanted, own = body["addresses"], frozenset(row.addresses)
        absent = [one for one in wanted if one not in own]
        if absent:
            message = f"Addresses {absent} not found in the address group {row.id}."
            raise NotFound("AddressesNotFound", message)
        gone = frozenset(wanted)
        self.change(txn, request, row, {"addresses": tuple(one for one in row.addresses if one not in gone)})

    actions = {  # noqa: RUF012 - annotated in the base class
        "add_addresses": Action(Who.ADMIN_OR_MEMBER, add_addresses, read=_wanted),
        "remove_addresses": Action(Who.ADMIN_OR_MEMBER, remove_addresses, read=_wanted),
    }


def _is_default(reader: Reader, group: Row) -> bool:
    row = reader.find_unique("Default_Security_Group", ("project_id",), (group.project_id,))
    return row is not None and row.security_group == group.id


def _absent_remote(reader: Reader, match: Values) -> str | None:
    """Give the kind of thing that a template names and that is not there."""
    group, addresses = match.get("remote_group_id"), match.get("remote_address_group_id")
    if group and group != PARENT and reader.get("Security_Group", group) is None:
        return "security_group"
    if addresses and reader.get("Address_Group", addresses) is None:
        return "address_group"
    return None


def _rules_of(reader: Reader, group_id: str) -> dict[Any, str]:
    """Give the ids of a group's rules by what makes two rules the same."""
    rows = reader.find(RULES, "security_group_id", group_id)
    return {_key({name: getattr(row, name) for name in MATCH}): row.id for row in rows}


def _normalized(prefix: str | None) -> str | None:
    return None if not prefix else str(ipam.network(prefix))


def group_in_use(id: str) -> Conflict:
    """Give the error for a group that ports have."""
    return Conflict("SecurityGroupInUse", f"Security Group {id} in use.")


# What a rule may say


def check_match(values: Values) -> None:
    """Bring what a rule matches to one form, and refuse what contradicts itself. Raises BadRequest."""
    if values["ethertype"] == "IPv6":
        if values.get("protocol") in LEGACY_IPV6_ICMP:
            values["protocol"] = "ipv6-icmp"
        elif values.get("protocol") == str(ICMP[0]):
            values["protocol"] = str(ICMP[1])
    if (values.get("port_range_min"), values.get("port_range_max")) == (1, 65535):
        values["port_range_min"] = values["port_range_max"] = None
    _check_ports(values)
    prefix = values.get("remote_ip_prefix")
    if prefix:
        interface = ipaddress.ip_interface(prefix)
        values["remote_ip_prefix"] = str(interface) if "/" in str(prefix) else str(interface.network)
        if values["ethertype"] != f"IPv{interface.version}":
            message = f"Conflicting value ethertype {values['ethertype']} for CIDR {prefix}"
            raise BadRequest("SecurityGroupRuleParameterConflict", message)
    if values["ethertype"] == "IPv4" and values.get("protocol") in IPV6_ONLY:
        message = f"Invalid ethertype {values['ethertype']} for protocol {values['protocol']}."
        raise BadRequest("SecurityGroupEthertypeConflictWithProtocol", message)
    if sum(bool(values.get(name)) for name in ("remote_ip_prefix", "remote_group_id", "remote_address_group_id")) > 1:
        message = "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided."
        raise BadRequest("SecurityGroupMultipleRemoteEntites", message)


def _check_ports(values: Values) -> None:
    least, most = values.get("port_range_min"), values.get("port_range_max")
    if least is None and most is None:
        return
    if not values.get("protocol"):
        message = "Must also specify protocol if port range is given."
        raise BadRequest("SecurityGroupProtocolRequiredWithPorts", message)
    protocol = number(values["protocol"])
    if protocol in PORT_PROTOCOLS:
        if 0 in (least, most):
            raise BadRequest("SecurityGroupInvalidPortValue", "Invalid value for port 0")
        if least is None or most is None or least > most:
            message = "For TCP/UDP protocols, port_range_min must be <= port_range_max"
            raise BadRequest("SecurityGroupInvalidPortRange", message)
    elif protocol in ICMP:
        for name, field, value in (("port_range_min", "type", least), ("port_range_max", "code", most)):
            if value is not None and not 0 <= value <= 255:
                message = f"Invalid value for ICMP {field} ({name}) {value}. It must be 0 to 255."
                raise BadRequest("SecurityGroupInvalidIcmpValue", message)
        if least is None:
            message = f"ICMP code (port-range-max) {most} is provided but ICMP type (port-range-min) is missing."
            raise BadRequest("SecurityGroupMissingIcmpType", message)
    else:
        names = ", ".join(name.upper() for name in PORT_PROTOCOLS.values())
        message = f"Ports cannot be specified for protocol {protocol}. Ports are only supported for {names}."
        raise BadRequest("SecurityGroupInvalidProtocolForPort", message)


def _key(values: Values) -> tuple[Any, ...]:
    """Give what makes two rules the same: spellings of a protocol, and no prefix at all or the whole Internet."""
    prefix = values.get("remote_ip_prefix")
    return tuple(
        None
        if name == "remote_ip_prefix" and prefix in ("0.0.0.0/0", "::/0", None)
        else spellings(values.get(name), values.get("ethertype"))
        if name == "protocol"
        else values.get(name)
        for name in MATCH
    )
