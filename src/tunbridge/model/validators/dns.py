"""Checks of DNS names (RFC 952, RFC 1123 section 2.1, RFC 1034 for the last dot). The reasons are Neutron's."""

import re
from typing import Any

from tunbridge.model.validators.base import Check
from tunbridge.model.validators.plain import refuse_string

MAX_NAME = 255
_LABEL = re.compile(r"[a-z0-9-]{1,63}|<project_id>|<project_name>|<user_name>|<user_id>")


def _refuse_format(value: Any) -> str | None:
    if not value:
        return None
    if not isinstance(value, str):
        return f"'{value}' is not a valid string"
    reason = _refuse_labels(value[:-1] if value.endswith(".") else value)
    return f"'{value}' not a valid PQDN or FQDN. Reason: {reason}" if reason else None


def _refuse_labels(name: str) -> str | None:
    if len(name) > MAX_NAME:
        return f"'{name}' exceeds the {MAX_NAME} character FQDN limit"
    labels = name.split(".")
    for label in labels:
        if not label:
            return "Encountered an empty component"
        if label.startswith("-") or label.endswith("-"):
            return f"Name '{label}' must not start or end with a hyphen"
        if not _LABEL.fullmatch(label):
            return f"Name '{label}' must be 1-63 characters long, each of which can only be alphanumeric or a hyphen"
    if len(labels) > 1 and labels[-1].isascii() and labels[-1].isdigit():
        return f"TLD '{labels[-1]}' must not be all numeric"
    return None


def _refuse_domain(value: Any) -> str | None:
    if value and isinstance(value, str) and not value.endswith("."):
        return refuse_string(value) or f"'{value}' is not a FQDN"
    return _refuse_part(value, "sub-domain", 2)


def _refuse_floating(value: Any) -> str | None:
    if isinstance(value, str) and value.endswith("."):
        return refuse_string(value) or f"'{value}' is a FQDN. It should be a relative domain name"
    return _refuse_part(value, "domain name", 3)


def _refuse_part(value: Any, added: str, room: int) -> str | None:
    """Refuse what is no name, or leaves no `room` for the part that will be `added` to it."""
    reason = refuse_string(value)
    if reason or not value:
        return reason
    reason = _refuse_format(value)
    if reason is None and len(value) > MAX_NAME - room:
        return (
            f"'{value}' contains {len(value)} characters. Adding a {added} will cause it to exceed the maximum length "
            f"of a FQDN of '{MAX_NAME}'"
        )
    return reason


host_name = Check("type:dns_host_name", _refuse_format, {"type": "string", "maxLength": MAX_NAME + len(".")})
"""A port's name. How it goes with the server's own domain is for rules."""
floating_name = Check(
    "type:fip_dns_host_name",
    _refuse_floating,
    {"type": "string", "maxLength": MAX_NAME - 3, "pattern": r"^$|[^.]$"},
)
"""A floating IP's name."""
domain_name = Check(
    "type:dns_domain_name",
    _refuse_domain,
    {"type": "string", "maxLength": MAX_NAME - 2, "pattern": r"^$|\.$"},
)
