"""What our small Keystone answers has the form of what a real one answers to the same request."""

from typing import Any

import httpx
import pytest

from tests import certificates
from tests.api.auth.conftest import MEMBER_PASSWORD
from tests.api.auth.keystone_service import TIMEOUT_S, KeystoneService
from tests.api.auth.server import Running

Login = dict[str, Any]
DEFAULT = {"id": "default"}


def form(value: Any) -> Any:
    """Reduce an answer to names and types: what differs from run to run is gone."""
    if isinstance(value, dict):
        return {key: form(inner) for key, inner in sorted(value.items()) if key not in LEFT_OUT}
    if isinstance(value, list):
        return [form(value[0])] if value else []
    return type(value).__name__


LEFT_OUT = {"catalog", "description", "email", "default_project_id"}
"""Their services differ; the others are null or absent in one and text in the other, as the user was made."""


def password(name: str, secret: str, scope: Any = None, **user: Any) -> Login:
    shown = {"name": name, "domain": DEFAULT, "password": secret} | user
    auth: Login = {"identity": {"methods": ["password"], "password": {"user": shown}}}
    return {"auth": auth | ({"scope": scope} if scope is not None else {})}


def both(server: Running, keystone: KeystoneService, make: Any) -> list[httpx.Response]:
    """Send each its own version of a request."""
    theirs = httpx.post(
        f"{keystone.url}/v3/auth/tokens",
        json=make("admin", keystone.password),
        timeout=TIMEOUT_S,
        verify=certificates.NONE,
    )
    ours = server.http.post("/identity/v3/auth/tokens", json=make("admin", server.password))
    return [ours, theirs]


PROJECT = {"project": {"name": "admin", "domain": DEFAULT}}


@pytest.mark.parametrize(
    "make",
    [
        lambda name, secret: password(name, secret, PROJECT),
        lambda name, secret: password(name, secret, {"system": {"all": True}}),
        lambda name, secret: password(name, secret, "unscoped"),
        lambda name, _: password(name, "wrong", PROJECT),
        lambda name, secret: password(name, secret, {"project": {"name": "none", "domain": DEFAULT}}),
        lambda name, secret: password(name, secret, {"domain": DEFAULT}),
        lambda name, secret: password(name, secret, domain={"name": "Elsewhere"}),
        lambda _n, _s: {"auth": {"identity": {"methods": ["token"], "token": {"id": "nonsense"}}}},
        lambda _n, _s: {"auth": {"identity": {"methods": ["pigeon"], "pigeon": {}}}},
        lambda _n, _s: {"auth": {"identity": {}}},
        lambda _n, _s: {"auth": 1},
        lambda _n, _s: {},
    ],
    ids=[
        "project",
        "system",
        "unscoped",
        "wrong password",
        "no such project",
        "a domain",
        "no such domain",
        "no such token",
        "no such method",
        "no method",
        "no object",
        "nothing",
    ],
)
def test_logins(server: Running, keystone: KeystoneService, make: Any) -> None:
    ours, theirs = both(server, keystone, make)
    assert ours.status_code == theirs.status_code, theirs.text
    assert form(ours.json()) == form(theirs.json())
    for header in ("Vary", "Content-Type"):
        assert ours.headers[header] == theirs.headers[header]
    assert ("X-Subject-Token" in ours.headers, "WWW-Authenticate" in ours.headers) == (
        "X-Subject-Token" in theirs.headers,
        "WWW-Authenticate" in theirs.headers,
    )
    if ours.status_code == 401:
        assert ours.json()["error"]["message"] == theirs.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/v3",
        "/v3/projects",
        "/v3/projects?name=demo",
        "/v3/projects/nothing",
        "/v3/users",
        "/v3/users?name=mia&enabled=true",
        "/v3/users/nobody",
        "/v3/roles",
        "/v3/roles?name=member",
        "/v3/domains",
        "/v3/domains/default",
        "/v3/role_assignments",
        "/v3/role_assignments?include_names",
        "/v3/auth/projects",
        "/v3/auth/system",
        "/v3/nothing",
    ],
)
def test_what_an_admin_reads(server: Running, keystone: KeystoneService, path: str) -> None:
    ours = server.get(f"/identity{path}", server_token(server))
    theirs = httpx.get(
        keystone.url + path,
        headers={"X-Auth-Token": keystone.admin_token()},
        timeout=TIMEOUT_S,
        verify=certificates.NONE,
    )
    assert ours.status_code == theirs.status_code, theirs.text
    if ours.status_code < 400 or path != "/v3/nothing":  # where nothing is, theirs is a page of its web server
        assert form(ours.json()) == form(theirs.json())


@pytest.mark.parametrize(
    "path", ["/v3/users", "/v3/projects", "/v3/roles", "/v3/role_assignments", "/v3/auth/projects"]
)
def test_what_a_member_may_read(server: Running, keystone: KeystoneService, path: str) -> None:
    ours = server.get(f"/identity{path}", server.token("mia", MEMBER_PASSWORD))
    token = keystone.token("mia", "miamia", "demo")
    theirs = httpx.get(
        keystone.url + path, headers={"X-Auth-Token": token}, timeout=TIMEOUT_S, verify=certificates.NONE
    )
    assert ours.status_code == theirs.status_code, theirs.text
    if ours.status_code == 403:
        assert ours.json()["error"]["message"] == theirs.json()["error"]["message"]


def server_token(server: Running) -> str:
    """Give the first user's token, got once: each login takes its time."""
    known = _TOKENS.get(server.url)
    if known is None:
        known = _TOKENS[server.url] = server.token()
    return known


_TOKENS: dict[str, str] = {}
