"""The body that describes a token, and the catalog in it."""

import uuid
from datetime import UTC, datetime
from typing import Any

from tunbridge.api.auth.sessions import TokenSession
from tunbridge.api.auth.users import DOMAIN_ID, DOMAIN_NAME, role_id

DOMAIN = {"id": DOMAIN_ID, "name": DOMAIN_NAME}
_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
_NAMESPACE = uuid.UUID("0b5f9f2e-43fa-4c0e-9d39-1d2f4f1c7d55")


def moment(seconds: float) -> str:
    """Give a time as Keystone writes it; one before 1970 or after 9999 as the nearest that can be written."""
    seconds = min(max(seconds, 0.0), _LAST)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def catalog(server: str, identity: str, region: str) -> list[dict[str, Any]]:
    """Give the two services there are. `server` and `identity` are their URLs."""
    return [
        _service("network", "neutron", server, region),
        _service("identity", "keystone", identity, region),
    ]


def _service(kind: str, name: str, url: str, region: str) -> dict[str, Any]:
    endpoints = [
        {"id": _id(kind, interface), "interface": interface, "region_id": region, "region": region, "url": url}
        for interface in ("public", "internal", "admin")
    ]
    return {"id": _id(kind), "type": kind, "name": name, "endpoints": endpoints}


def _id(*parts: str) -> str:
    return uuid.uuid5(_NAMESPACE, "/".join(parts)).hex


def token_body(session: TokenSession, services: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Describe a token; `services` None leaves the catalog out."""
    claims, project = session.claims, session.project
    token: dict[str, Any] = {
        "methods": claims.methods,
        "user": {
            "domain": DOMAIN,
            "id": session.user.id,
            "name": session.user.name,
            "password_expires_at": None,
        },
        "audit_ids": claims.audit_ids,
        "expires_at": moment(claims.exp),
        "issued_at": moment(claims.issued),
    }
    if project is not None:
        token["project"] = {"domain": DOMAIN, "id": project.id, "name": project.name}
        token["is_domain"] = False
    if claims.system:
        token["system"] = {"all": True}
    if session.credential is not None:
        token["application_credential"] = {
            "id": session.credential.id,
            "name": session.credential.name,
            "restricted": not session.credential.unrestricted,
        }
    if project is not None or claims.system:
        token["roles"] = [{"id": role_id(role), "name": role} for role in sorted(session.roles)]
        if services is not None:
            token["catalog"] = services
    return {"token": token}
