"""Port security, the groups of a port and its allowed address pairs, which depend on each other."""

from typing import Any

import msgspec

from tunbridge.model.convert import canonical_mac
from tunbridge.model.resource import UNSET
from tunbridge.rules import rbac
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict
from tunbridge.rules.networks import given
from tunbridge.rules.request import Request, Row, Txn, Values

_SPELLING = "mac_address_as_given"
"""Key of an address pair in the database: clients that compare (Terraform) want their own spelling back, hosts one."""


def settle(rules: Rules, txn: Txn, request: Request, values: Values, network: Row, row: Row | None = None) -> None:
    """See to what a port shall have, in `values`; `row` is the port as it is, None for a new one.

    Raises NetworkingError.
    """
    trusted = (values.get("device_owner") or "").startswith("network:")
    enabled = given(values.get("port_security_enabled"))
    if enabled is None:
        enabled = False if trusted else network.port_security_enabled
    values["port_security_enabled"] = enabled
    groups = given(values.get("security_groups", UNSET))
    if row is None and groups is None:
        wants_default = enabled and not trusted
        groups = [_default_group(rules, txn, request, values["project_id"])] if wants_default else []
    if groups and not enabled:
        raise _groups_without_security(row, groups)
    values["security_groups"] = groups or []
    _check_groups(rules.others["security_group"], txn, request, values["security_groups"], values["project_id"], row)
    pairs = given(values.get("allowed_address_pairs")) or []
    if pairs and not enabled:
        message = "Port Security must be enabled in order to have allowed address pairs on a port."
        raise Conflict("AddressPairAndPortSecurityRequired", message)
    values["allowed_address_pairs"] = _pairs(request, pairs, values["mac_address"])


def merged(row: Row, values: Values) -> Values:
    """Give what `settle` looks at: a port as it is, with what a request changes."""
    return {
        "project_id": row.project_id,
        "port_security_enabled": row.port_security_enabled,
        "security_groups": list(row.security_groups),
        "allowed_address_pairs": pairs_as_given(row),
        "mac_address": row.mac_address,
        "device_owner": row.device_owner,
        **values,
    }


def pairs_as_given(row: Row) -> list[dict[str, str]]:
    """Give a port's address pairs as they were asked for."""
    pairs = msgspec.json.decode(row.allowed_address_pairs or "[]")
    return [{"mac_address": p.get(_SPELLING, p["mac_address"]), "ip_address": p["ip_address"]} for p in pairs]


def _groups_without_security(row: Row | None, groups: list[str]) -> Conflict | BadRequest:
    if row is not None and set(groups) == set(row.security_groups):
        message = (
            "Port has security group associated. Cannot disable port security or IP address until security group is"
            " removed."
        )
        return Conflict("PortSecurityPortHasSecurityGroup", message)
    message = "Port security must be enabled and port must have an IP address in order to use security groups."
    return BadRequest("PortSecurityAndIPRequiredForSecurityGroups", message)


def _default_group(rules: Rules, txn: Txn, request: Request, project: str) -> str:
    groups: Any = rules.others["security_group"]
    return str(groups.default(txn, request, project))


def _check_groups(
    group_rules: Rules, txn: Txn, request: Request, ids: list[str], project: str, row: Row | None
) -> None:
    kept = set() if row is None else set(row.security_groups)
    found = []
    for id in dict.fromkeys(ids):
        group = group_rules.get(txn, id)
        mine = group.project_id in (project, request.caller.project_id) or request.caller.is_admin
        if id not in kept and not mine and not rbac.lets_use(txn, group_rules, group, request.caller.project_id):
            raise group_rules.absent(id)
        found.append(group)
    for group in found if len(found) > 1 else ():
        txn.verify("Security_Group", group.id, "stateful")
    if len({group.stateful for group in found}) > 1:
        reason = "Cannot apply both stateful and stateless security groups on the same port at the same time"
        raise Conflict("SecurityGroupConflict", f"Error {reason} while attempting the operation.")


def _pairs(request: Request, pairs: list[dict[str, str]], mac: str) -> list[dict[str, str]]:
    """Give address pairs with the port's own MAC where none is named. Raises NetworkingError."""
    most = request.settings.max_allowed_address_pair
    if len(pairs) > most:
        message = f"The number of allowed address pair exceeds the maximum {most}."
        raise BadRequest("AllowedAddressPairExhausted", message)
    found = []
    seen = set()
    for pair in pairs:
        given = pair.get("mac_address") or mac
        made = {"mac_address": canonical_mac(given), "ip_address": pair["ip_address"]}
        key = (made["mac_address"], made["ip_address"])
        if given != made["mac_address"]:
            made[_SPELLING] = given
        if key in seen:
            message = f"Request contains duplicate address pair: mac_address {key[0]} ip_address {key[1]}."
            raise BadRequest("DuplicateAddressPairInRequest", message)
        seen.add(key)
        found.append(made)
    return found
