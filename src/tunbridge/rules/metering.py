"""Metering labels and their rules. Texts are Neutron's; its rules have no owner, ours have that of their label."""

import ipaddress
from typing import Any

from tunbridge.rules import quota
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, NetworkingError, NotFound
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

TABLE, LABEL = "Metering_Label_Rule", "metering_label_id"
REMOTE, SOURCE, DESTINATION = PREFIXES = ("remote_ip_prefix", "source_ip_prefix", "destination_ip_prefix")


class MeteringLabelRules(Rules):
    """The rules of labels."""

    def absent(self, id: str) -> Exception:
        """Give Neutron's MeteringLabelNotFound."""
        return _no_label(id)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a label, and its rules with it."""
        txn.verify_rows(TABLE, LABEL, row.id)
        rules = txn.find(TABLE, LABEL, row.id)
        for rule in rules:
            txn.delete(TABLE, rule.id)
        quota.give_back(txn, request, row.project_id, "metering_label_rule", len(rules))
        self.remove(txn, request, row)


class MeteringLabelRuleRules(Rules):
    """The rules of a label's rules."""

    def absent(self, id: str) -> Exception:
        """Give Neutron's MeteringLabelRuleNotFound."""
        return NotFound("MeteringLabelRuleNotFound", f"Metering label rule '{id}' does not exist.")

    def check_parent(self, reader: Reader, values: Values, _caller: Any) -> None:
        """Refuse a rule of a label that is not there. Raises NotFound."""
        if reader.get("Metering_Label", values[LABEL]) is None:
            raise _no_label(values[LABEL])

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a rule. Raises NetworkingError."""
        label = txn.get("Metering_Label", values[LABEL])
        if label is None or not (request.caller.is_admin or label.project_id == request.caller.project_id):
            raise _no_label(values[LABEL])
        given = {name: _network(name, values[name]) for name in PREFIXES if values.get(name)}
        _check(given)
        self._check_overlaps(txn, values, given)
        told = {name: given[name].with_prefixlen if name in given else None for name in PREFIXES}
        txn.exists("Metering_Label", label.id)
        return self.insert(txn, request, {**values, **told, "project_id": label.project_id})

    @staticmethod
    def _check_overlaps(txn: Txn, values: Values, given: dict[str, "_Interface"]) -> None:
        """Neutron refuses an overlap of `remote_ip_prefix` only."""
        if REMOTE not in given:
            return
        txn.verify_rows(TABLE, LABEL, values[LABEL])
        for other in txn.find(TABLE, LABEL, values[LABEL]):
            alike = (other.direction, other.excluded) == (values["direction"], values["excluded"])
            if alike and other.remote_ip_prefix and _overlap(other.remote_ip_prefix, given[REMOTE]):
                raise Conflict(
                    "MeteringLabelRuleOverlaps",
                    f"Metering label rule with remote_ip_prefix '{values[REMOTE]}' overlaps another.",
                )


_Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def _no_label(id: str) -> NotFound:
    return NotFound("MeteringLabelNotFound", f"Metering label '{id}' does not exist.")


def _invalid(message: str) -> NetworkingError:
    return BadRequest("Invalid", message)


def _network(name: str, text: str) -> _Interface:
    try:
        return ipaddress.ip_interface(text)
    except ValueError as e:
        raise _invalid(f"{name}: {text} is invalid [{e}].") from None


def _check(given: dict[str, _Interface]) -> None:
    if REMOTE in given and len(given) > 1:
        raise _invalid(
            "Cannot use 'remote-ip-prefix' in conjunction with 'source-ip-prefix' or 'destination-ip-prefix'."
        )
    if not given:
        raise _invalid(
            "You must define at least one of the following parameters 'remote_ip_prefix', or 'source_ip_prefix' or "
            "'destination_ip_prefix'."
        )
    if len({one.version for one in given.values()}) > 1:
        raise _invalid("'source_ip_prefix' and 'destination_ip_prefix' are of different IP versions.")


def _overlap(known: str, new: _Interface) -> bool:
    old = ipaddress.ip_interface(known).network
    return old.version == new.version and old.overlaps(new.network)
