"""Who may: Neutron's default rules, decided for a caller and the thing that a request is about.

Declarations name the rules (`model.who.Who`); nothing overrides them.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from tunbridge.model.resource import UNSET, Resource
from tunbridge.model.who import Who
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import Forbidden, NetworkingError, no_such_resource
from tunbridge.rules.request import Values


class Target(msgspec.Struct, frozen=True):
    """What rules look at in the thing that a request is about."""

    project_id: str | None
    network_project_id: str | None = None
    shared: bool = False
    """It is shared with the caller's project."""
    external: bool = False
    """It is a network that is external for the caller's project."""


Rule = Callable[[Caller, Target], bool]


def _in_project(role: str) -> Rule:
    return lambda c, t: role in c.roles and c.project_id is not None and c.project_id == t.project_id


def _in_network_project(role: str) -> Rule:
    return lambda c, t: role in c.roles and c.project_id is not None and c.project_id == t.network_project_id


def _admin(caller: Caller, _target: Target) -> bool:
    return caller.is_admin


def _service(caller: Caller, _target: Target) -> bool:
    return "service" in caller.roles


def _shared(_caller: Caller, target: Target) -> bool:
    return target.shared


def _any_of(*rules: Rule) -> Rule:
    return lambda caller, target: any(rule(caller, target) for rule in rules)


RULES: dict[Who, Rule] = {
    Who.ANYBODY: lambda _c, _t: True,
    Who.NOBODY: lambda _c, _t: False,
    Who.ADMIN: _admin,
    Who.SERVICE: _any_of(_admin, _service),
    Who.ADMIN_OR_MEMBER: _any_of(_admin, _in_project("member")),
    Who.ADMIN_OR_MANAGER: _any_of(_admin, _in_project("manager")),
    Who.ADMIN_OR_READER: _any_of(_admin, _in_project("reader")),
    Who.ADMIN_OR_NET_OWNER: _any_of(_admin, _in_network_project("member")),
    Who.ADMIN_OR_NET_OWNER_READER: _any_of(_admin, _in_network_project("reader")),
    Who.ADMIN_OR_NET_OR_OWNER: _any_of(_admin, _in_network_project("member"), _in_project("member")),
    Who.SHARED: _any_of(_admin, _shared),
}


def may(who: Who | None, caller: Caller, target: Target) -> bool:
    """Say whether a rule lets a caller do its thing; None is a rule that asks nothing more."""
    return who is None or RULES[who](caller, target)


def may_see(resource: Resource, caller: Caller, target: Target) -> bool:
    """Say whether a thing is there at all for a caller."""
    return may(resource.get_by, caller, target)


def enforce_create(resource: Resource, caller: Caller, target: Target, values: Values) -> None:
    """Refuse a create that policy does not let happen. Raises Forbidden."""
    explicit = [f for f in resource.fields if values.get(f.name, UNSET) is not UNSET and values[f.name] != f.default]
    denied = not may(resource.create_by, caller, target)
    denied |= any(not may(field.create_by, caller, target) for field in explicit)
    if denied:
        raise forbidden(f"create_{resource.name}", (f.name for f in explicit if f.create_by is not None))


def enforce_update(resource: Resource, caller: Caller, target: Target, values: Values) -> None:
    """Refuse an update that policy does not let happen. Raises Forbidden, NotFound for what is not to be known of."""
    changed = [field for field in resource.fields if field.name in values]
    denied = not may(resource.update_by, caller, target)
    denied |= any(not may(field.update_by, caller, target) for field in changed)
    if denied:
        raise _hidden_or(
            resource, caller, target, f"update_{resource.name}", (f.name for f in changed if f.update_by is not None)
        )


def enforce_delete(resource: Resource, caller: Caller, target: Target) -> None:
    """Refuse a delete that policy does not let happen. Raises Forbidden, NotFound for what is not to be known of."""
    if not may(resource.delete_by, caller, target):
        raise _hidden_or(resource, caller, target, f"delete_{resource.name}", ())


def enforce_action(resource: Resource, caller: Caller, target: Target, action: str, who: Who) -> None:
    """Refuse an action that policy does not let happen. Raises Forbidden, NotFound for what is not to be known of."""
    if not may(who, caller, target):
        raise _hidden_or(resource, caller, target, action, ())


def _hidden_or(
    resource: Resource, caller: Caller, target: Target, action: str, fields: Iterable[str]
) -> NetworkingError:
    return forbidden(action, fields) if may_see(resource, caller, target) else no_such_resource()


def forbidden(action: str, fields: Iterable[str] = ()) -> Forbidden:
    """Give the error for an action, with the fields that have rules of their own."""
    rules = [f"rule:{action}", *(f"rule:{action}:{name}" for name in fields)]
    text = rules[0] if len(rules) == 1 else f"({' and '.join(rules)})"
    return Forbidden("PolicyNotAuthorized", f"{text} is disallowed by policy")


class Visibility:
    """Which fields of a resource are not for a caller; worked out once for each kind of caller and relation."""

    def __init__(self, resource: Resource) -> None:
        self._ruled = tuple((f.name, f.seen_by) for f in resource.fields if f.visible and f.seen_by is not None)
        self._known: dict[Any, frozenset[str]] = {}

    def hidden(self, caller: Caller, target: Target) -> frozenset[str]:
        """Give the names of the fields that the caller may not see."""
        if not self._ruled or caller.is_admin:
            return frozenset()
        own = caller.project_id == target.project_id
        key = (caller.roles, own, caller.project_id == target.network_project_id, target.shared)
        if key not in self._known:
            self._known[key] = frozenset(name for name, who in self._ruled if not may(who, caller, target))
        return self._known[key]
