"""Who may: Neutron's default rules, decided for a caller and the thing that a request is about.

Declarations name the rules (`model.who.Who`); nothing overrides them.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET, Field, Resource
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import Forbidden, no_such_resource
from tunbridge.rules.request import Values


class Target(msgspec.Struct, frozen=True):
    """What rules look at in the thing that a request is about."""

    project_id: str | None
    network_project_id: str | None = None
    group_project_id: str | None = None
    shared: bool = False
    """It, or the network that it is on, is shared with the caller's project."""
    external: bool = False
    """It, or the network that it is on, is external for the caller's project."""
    device_owner: str = ""


Rule = Callable[[Caller, Target], bool]
_COMPUTE_OWNERS = ("compute:", "baremetal:", "manila:")


def _in_project(role: str) -> Rule:
    return lambda c, t: role in c.roles and c.project_id is not None and c.project_id == t.project_id


def _in_network_project(role: str) -> Rule:
    return lambda c, t: role in c.roles and c.project_id is not None and c.project_id == t.network_project_id


def _in_group_project(role: str) -> Rule:
    return lambda c, t: role in c.roles and c.project_id is not None and c.project_id == t.group_project_id


def _role(role: str) -> Rule:
    return lambda c, _: role in c.roles


def _shared(_caller: Caller, target: Target) -> bool:
    return target.shared


def _shared_with_member(caller: Caller, target: Target) -> bool:
    """Neutron lets anybody make ports on a shared network, readers too; a reader makes nothing here."""
    return target.shared and "member" in caller.roles


def _external(_caller: Caller, target: Target) -> bool:
    return target.external


def _no_instance(caller: Caller, target: Target) -> bool:
    """Members delete ports; those that an instance uses only through its service, which shows a token of its own."""
    if target.device_owner.startswith(_COMPUTE_OWNERS) and "service" not in caller.service_roles:
        return False
    return _in_project("member")(caller, target) or _in_network_project("member")(caller, target)


def _any_of(*rules: Rule) -> Rule:
    return lambda caller, target: any(rule(caller, target) for rule in rules)


_ADMIN, _SERVICE, _ADVSVC = _role("admin"), _role("service"), _role("advsvc")
_READS, _WRITES = _in_project("reader"), _in_project("member")
_NET_READS, _NET_WRITES = _in_network_project("reader"), _in_network_project("member")
RULES: dict[Who, Rule] = {
    Who.ANYBODY: lambda _c, _t: True,
    Who.NOBODY: lambda _c, _t: False,
    Who.READER: _any_of(_ADMIN, _role("reader")),
    Who.ADMIN: _ADMIN,
    Who.SERVICE: _any_of(_ADMIN, _SERVICE),
    Who.SERVICE_ONLY: _SERVICE,
    Who.ADMIN_OR_MEMBER: _any_of(_ADMIN, _WRITES),
    Who.ADMIN_OR_MANAGER: _any_of(_ADMIN, _in_project("manager")),
    Who.ADMIN_OR_READER: _any_of(_ADMIN, _READS),
    Who.SHARED: _any_of(_ADMIN, _shared),
    Who.READER_OR_SHARED: _any_of(_ADMIN, _READS, _shared),
    Who.NETWORK_READER: _any_of(_ADMIN, _SERVICE, _ADVSVC, _READS, _external, _shared),
    Who.NETWORK_TAGS_READER: _any_of(_ADMIN, _ADVSVC, _READS, _external, _shared),
    Who.ADMIN_OR_NET_OWNER: _any_of(_ADMIN, _NET_WRITES),
    Who.ADMIN_OR_NET_OWNER_READER: _any_of(_ADMIN, _NET_READS),
    Who.ADMIN_OR_NET_OR_OWNER: _any_of(_ADMIN, _NET_WRITES, _WRITES),
    Who.SUBNET_READER: _any_of(_ADMIN, _SERVICE, _READS, _NET_READS, _external, _shared),
    Who.SUBNET_TAGS_READER: _any_of(_ADMIN, _READS, _NET_READS, _external, _shared),
    Who.MEMBER_OR_SERVICE: _any_of(_ADMIN, _SERVICE, _WRITES),
    Who.MEMBER_OR_ADVSVC: _any_of(_ADMIN, _ADVSVC, _WRITES),
    Who.NET_OWNER_OR_SERVICE: _any_of(_ADMIN, _SERVICE, _NET_WRITES),
    Who.NET_OWNER_OR_SERVICE_OR_SHARED: _any_of(_ADMIN, _SERVICE, _NET_WRITES, _shared_with_member),
    Who.NET_MANAGER_OR_SERVICE: _any_of(_ADMIN, _SERVICE, _in_network_project("manager")),
    Who.NET_OWNER_FOR_NETWORK_DEVICE: _any_of(_ADMIN, _SERVICE, _NET_WRITES),
    Who.PORT_READER: _any_of(_ADMIN, _SERVICE, _READS, _NET_READS),
    Who.PORT_TAGS_READER: _any_of(_ADMIN, _ADVSVC, _READS, _NET_READS),
    Who.PORT_TAGS_DELETER: _any_of(_ADMIN, _ADVSVC, _WRITES, _NET_WRITES),
    Who.PORT_DELETER: _any_of(_ADMIN, _SERVICE, _no_instance),
    Who.DATA_PLANE_INTEGRATOR: _any_of(_ADMIN, _role("data_plane_integrator")),
    Who.ADMIN_OR_GROUP_OWNER: _any_of(_ADMIN, _in_group_project("member")),
    Who.ADMIN_OR_GROUP_READER: _any_of(_ADMIN, _in_group_project("reader")),
    Who.RBAC_TARGET: _ADMIN,
}
_ASKS: dict[Who, Callable[[Any], bool]] = {
    Who.NET_OWNER_FOR_NETWORK_DEVICE: lambda value: isinstance(value, str) and value.startswith("network:"),
    Who.RBAC_TARGET: lambda value: value == "*",
}
"""Rules that ask only for some values of a field."""


def may(who: Who | None, caller: Caller, target: Target) -> bool:
    """Say whether a rule lets a caller do its thing; None is a rule that asks nothing more.

    A token for the system is for no rule of Networking: all are for projects (oslo.policy's `enforce_scope`).
    """
    return who is None or (not caller.system and RULES[who](caller, target))


def may_set(who: Who | None, parts: Mapping[str, Who], caller: Caller, target: Target, value: Any) -> bool:
    """Say whether a caller may give a field this value, and each part of it."""
    asks = who is not None and (who not in _ASKS or _ASKS[who](value))
    if asks and not may(who, caller, target):
        return False
    entries = value if isinstance(value, list) else [value]
    keys = {key for entry in entries if isinstance(entry, dict) for key in entry}
    return all(may(rule, caller, target) for key, rule in parts.items() if key in keys)


def may_see(resource: Resource, caller: Caller, target: Target) -> bool:
    """Say whether a thing is there at all for a caller."""
    return may(resource.get_by, caller, target)


def enforce_create(resource: Resource, caller: Caller, target: Target, values: Values) -> None:
    """Refuse a create that policy does not let happen. Raises Forbidden."""
    explicit = [f for f in resource.fields if values.get(f.name, UNSET) is not UNSET and values[f.name] != f.default]
    denied = not may(resource.create_by, caller, target)
    denied |= any(
        not may_set(field.create_by, field.part_create_by, caller, target, values[field.name]) for field in explicit
    )
    if denied:
        ruled = [(f, f.part_create_by) for f in explicit if f.create_by is not None]
        raise forbidden(f"create_{_ruled(resource)}", _asked(ruled, values))


def _ruled(resource: Resource) -> str:
    """What rules call a resource: one that stands below another one by both names."""
    return resource.name if resource.parent is None else f"{resource.parent}_{resource.name}"


def enforce_update(resource: Resource, caller: Caller, target: Target, values: Values, absent: Exception) -> None:
    """Refuse an update that policy does not let happen. Raises Forbidden, `absent` for what is not to be known of."""
    changed = [field for field in resource.fields if field.name in values]
    denied = not may(resource.update_by, caller, target)
    denied |= any(
        not may_set(field.update_by, field.part_update_by, caller, target, values[field.name]) for field in changed
    )
    if denied and resource.hides_update and target.shared and not may_see(resource, caller, _unshared(target)):
        raise no_such_resource()
    if denied:
        raise _hidden_or(
            resource,
            caller,
            target,
            f"update_{_ruled(resource)}",
            _asked([(f, f.part_update_by) for f in changed if f.update_by is not None], values),
            absent,
        )


def enforce_delete(resource: Resource, caller: Caller, target: Target, absent: Exception) -> None:
    """Refuse a delete that policy does not let happen. Raises Forbidden, `absent` for what is not to be known of."""
    if not may(resource.delete_by, caller, target):
        raise _hidden_or(resource, caller, target, f"delete_{_ruled(resource)}", (), absent)


def enforce_tags(resource: Resource, caller: Caller, target: Target, verb: str, absent: Exception) -> None:
    """Refuse a change of tags that policy does not let happen. Raises Forbidden, `absent` for what is hidden."""
    who = next(field.update_by for field in resource.fields if field.name == "tags")
    if verb == "delete" and resource.name == "port":
        who = Who.PORT_TAGS_DELETER
    if not may(who, caller, target):
        raise _hidden_or(resource, caller, target, f"{verb}_{resource.name}:tags", (), absent)


def enforce_action(
    resource: Resource, caller: Caller, target: Target, action: str, who: Who, absent: Exception,
    parts: Mapping[str, Who] = MappingProxyType({}), given: Any = None,
) -> None:  # fmt: skip
    """Refuse an action that policy does not let happen. Raises Forbidden, `absent` for what is not to be known of.

    `parts`: who may give a key of the dictionaries in `given`.
    """
    if not may_set(who, parts, caller, target, given):
        raise _hidden_or(resource, caller, target, action, (), absent)


def _unshared(target: Target) -> Target:
    return msgspec.structs.replace(target, shared=False)


def _hidden_or(
    resource: Resource,
    caller: Caller,
    target: Target,
    action: str,
    fields: Iterable[tuple[str, list[str]]],
    absent: Exception,
) -> Exception:
    return forbidden(action, fields) if may_see(resource, caller, target) else absent


def _asked(ruled: Iterable[tuple[Field, Mapping[str, Who]]], values: Values) -> list[tuple[str, list[str]]]:
    """Give the fields that were given and have rules, with the keys of a dictionary that have rules of their own."""
    return [
        (
            field.name,
            [key for key in values[field.name] if key in parts] if isinstance(values[field.name], dict) else [],
        )
        for field, parts in ruled
    ]


def forbidden(action: str, fields: Iterable[tuple[str, list[str]]] = ()) -> Forbidden:
    """Give the error for an action, with the fields (and their parts) that have rules of their own."""
    rules = [f"rule:{action}"]
    for name, parts in fields:
        rule = f"rule:{action}:{name}"
        rules.append(f"({rule} and {_all(f'{rule}:{part}' for part in parts)})" if parts else rule)
    return Forbidden("PolicyNotAuthorized", f"{_all(rules)} is disallowed by policy")


def _all(rules: Iterable[str]) -> str:
    return functools.reduce(lambda left, right: f"({left} and {right})", rules)


class Visibility:
    """Which fields of a resource are not for a caller; worked out once for each kind of caller and relation."""

    def __init__(self, resource: Resource) -> None:
        self._ruled = tuple((f.name, f.seen_by) for f in resource.fields if f.visible and f.seen_by is not None)
        self._known: dict[Any, frozenset[str]] = {}

    def hidden(self, caller: Caller, target: Target) -> frozenset[str]:
        """Give the names of the fields that the caller may not see."""
        if not self._ruled:
            return frozenset()
        own = caller.project_id == target.project_id
        of_network = caller.project_id == target.network_project_id
        of_group = caller.project_id == target.group_project_id
        key = (caller.roles, own, of_network, of_group, target.shared, target.external)
        if key not in self._known:
            self._known[key] = frozenset(name for name, who in self._ruled if not may(who, caller, target))
        return self._known[key]
