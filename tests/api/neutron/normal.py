"""Answers in a form that two servers can share: ids, times, MACs, and addresses chosen at random get placeholders."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

import httpx

_UUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ| \d\d:\d\d:\d\d(?:\.\d+)?\b)")
_MAC = re.compile(r"\bfa:16:3e(?::[0-9a-f]{2}){3}\b")
_HOST = re.compile(r"\bhost-[0-9a-f]+(?:-[0-9a-f]*)+")
_IDS = re.compile(r"<\w+>(?:, ?<\w+>)+")
_CALLBACK = re.compile(r"(.*?)Callback neutron\.[\w.]+-\d+ failed with \"(.*?)\"(?:,Callback .*)?\.?", re.DOTALL)
"""Names inner functions of Neutron; what is in the quotes is for users."""
_REQUEST = re.compile(r"\breq-<id>")
UNORDERED = frozenset(
    {
        "security_group_rules",
        "security_groups",
        "subnets",
        "tags",
        "addresses",
        "allowed_address_pairs",
        "extra_dhcp_opts",
    }
)
"""Keys whose lists are sets; so are lists of things when no order was asked for."""
UNCOUNTED = frozenset({"revision_number"})
"""Neutron counts flushes of its database sessions there: only that the number grows means something."""


class Normal:
    """Puts the answers of one script into their normal form."""

    def __init__(self, script: str, projects: Mapping[str, str], url: str) -> None:
        self._script = script
        self._url = url
        self._known = {id: f"<{name}>" for name, id in projects.items()}

    def know(self, name: str, id: str) -> None:
        """Call an id by its name in the script."""
        self._known.setdefault(id, f"<{name}>")

    def answer(self, path: str, reply: httpx.Response) -> dict[str, Any]:
        """Give the body, and what of the headers belongs to the API."""
        if not reply.content:
            return {"body": None}
        if "json" not in reply.headers.get("Content-Type", ""):
            return {"text": self._text(reply.text)}
        body = self._value("", reply.json())
        if "sort_key=" not in path and "limit=" not in path:
            body = {key: _sorted(value) for key, value in body.items()} if isinstance(body, dict) else _sorted(body)
        return {"body": body}

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._text(k): self._value(k, v) for k, v in sorted(value.items())}
        if isinstance(value, list):
            values = [self._value(key, one) for one in value]
            return _sorted(values) if key in UNORDERED else values
        if key in UNCOUNTED:
            return "<number>"
        if key == "segmentation_id" and isinstance(value, int) and f'{key}": {value}' not in self._script:
            return "<number>"
        if key == "provider:segmentation_id" and isinstance(value, int) and not self._has(f'_id": {value}'):
            return "<number>"
        if not isinstance(value, str):
            return value
        if (
            key in ("ip_address", "floating_ip_address", "local_ip_address")
            and _is_address(value)
            and not self._names(value)
        ):
            return "<address>"
        return self._text(value)

    def _has(self, text: str) -> bool:
        """Say whether the script names a value: then it was not chosen at random."""
        return re.search(rf"(?<![\w.:]){re.escape(text)}(?![\w.:])", self._script) is not None

    def _names(self, address: str) -> bool:
        """Say whether the script asks for an address, or says in a name that it expects it."""
        return re.search(rf'"((floating_|local_)?ip_address|name)": "{re.escape(address)}"', self._script) is not None

    def _text(self, text: str) -> str:
        text = text.replace(self._url, "<url>")
        for id, name in self._known.items():
            if id:
                text = text.replace(id, name)
        text = _HOST.sub(lambda m: m[0] if self._has(m[0]) else "<host>", text)
        text = _MAC.sub(lambda m: m[0] if self._has(m[0]) else "<mac>", text)
        text = _UUID.sub(lambda m: m[0] if self._has(m[0]) else "<id>", text)
        text = _IDS.sub(lambda m: ",".join(sorted(m[0].replace(" ", "").split(","))), text)
        called = _CALLBACK.fullmatch(text)
        if called is not None:  # its text may begin again as the text around it
            before, inner = called.groups()
            text = f"{inner if inner.startswith(before) else before + inner}".rstrip(".") + "."
        return _REQUEST.sub("<request>", _TIME.sub("<time>", text))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _sorted(value: Any) -> Any:
    return sorted(value, key=repr) if isinstance(value, list) else value
