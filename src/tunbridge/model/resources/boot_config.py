"""Boot configurations: what the metadata service tells a port's VM besides what the port itself tells.

Tunbridge's own; a cloud with Nova has it in Nova.
"""

import base64
import binascii
import re
from typing import Any

from tunbridge.model import convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Field, Resource, json, ref, text
from tunbridge.model.resources import common
from tunbridge.model.validators import Check, containers, dns, plain

MOST_USER_DATA = 65535
"""Characters of base64, as in Nova."""
MOST_KEYS, KEY_LENGTH = 64, 16384
_KEY = re.compile(r"(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]{16,}={0,2}( [^\x00-\x1f\x7f]*)?")
"""A public key as OpenSSH writes it: type, base64, comment (sshd(8), AUTHORIZED_KEYS, without options)."""


def _refuse_key(value: Any) -> str | None:
    reason = plain.refuse_string(value, KEY_LENGTH)
    if reason is not None:
        return reason
    return None if _KEY.fullmatch(value) else f"'{value}' is not a public key in OpenSSH's form"


def _refuse_user_data(value: Any) -> str | None:
    reason = plain.refuse_string(value, MOST_USER_DATA)
    if reason is not None:
        return reason
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return "it is not base64"
    return None


PUBLIC_KEYS = containers.list_of(
    "", Check("", _refuse_key, {"type": "string", "maxLength": KEY_LENGTH, "pattern": f"^{_KEY.pattern}$"})
)
USER_DATA = Check(
    "", _refuse_user_data, {"type": "string", "maxLength": MOST_USER_DATA, "contentEncoding": "base64"}
)  # fmt: skip

BOOT_CONFIG = Resource(
    name="boot_config",
    collection="boot_configs",
    table="Boot_Config",
    extension="boot-config",
    fields=(
        common.ID,
        Field("port_id", plain.uuid, put=False, filter=True, sort=True, column=ref("port_id", "Port")),
        Field("hostname", dns.host_name, convert.to_lower, default="", column=text("hostname")),
        Field(
            "public_keys",
            PUBLIC_KEYS,
            convert.none_to_empty_list,
            default=[],
            most=MOST_KEYS,
            column=json("public_keys"),
        ),
        Field("user_data", USER_DATA, default="", column=text("user_data")),
        common.PROJECT,
        *common.STAMPS,
    ),
    indexes=(("port_id",),),
    create_by=Who.ADMIN_OR_MEMBER,
)
