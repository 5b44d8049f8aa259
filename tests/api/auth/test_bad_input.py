"""Whatever is sent, the identity service answers with a 2xx or a 4xx in Keystone's form."""

from json import dumps
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.api.auth.server import Running

LOGIN = "/identity/v3/auth/tokens"
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
domain = st.none() | json | st.fixed_dictionaries({"id": st.sampled_from(["default", "x"]) | json})
named = json | st.fixed_dictionaries({}, optional={"id": json, "name": json, "domain": domain})
methods = st.lists(st.sampled_from(["token", "application_credential", "saml2"]) | json, max_size=3)
identity = st.fixed_dictionaries(
    {"methods": methods | json},
    optional={
        "password": json,
        "token": json | st.fixed_dictionaries({"id": json}),
        "application_credential": json,
    },
)
scope = json | st.fixed_dictionaries(
    {}, optional={"project": named, "system": json, "domain": domain, "unscoped": json}
)
bodies = json | st.fixed_dictionaries(
    {"auth": json | st.fixed_dictionaries({"identity": identity | json}, optional={"scope": scope})}
)
FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def admin(server: Running) -> str:
    """Give a token of the first user."""
    return server.token()


def check(reply: httpx.Response) -> None:
    assert reply.status_code < 500, reply.text
    if reply.status_code >= 400:
        error = reply.json()["error"]
        assert set(error) - {"identity"} == {"code", "title", "message"}
        assert error["code"] == reply.status_code


@FUZZ
@given(body=bodies)
def test_bodies_of_a_login(server: Running, body: Any) -> None:
    check(server.http.post(LOGIN, content=dumps(body).encode()))


@FUZZ
@given(raw=st.binary(max_size=200))
def test_bytes_that_are_not_json(server: Running, raw: bytes) -> None:
    check(server.http.post(LOGIN, content=raw))


@FUZZ
@given(scope=scope)
def test_scopes_asked_for_with_a_token(server: Running, admin: str, scope: Any) -> None:
    body = {"auth": {"identity": {"methods": ["token"], "token": {"id": admin}}, "scope": scope}}
    check(server.http.post(LOGIN, content=dumps(body).encode()))


@FUZZ
@example(place="projects", id="\n0", query={}, header=b"")
@given(
    place=st.sampled_from(["projects", "users", "roles", "domains", "users/x/application_credentials"]),
    id=st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=30),
    query=st.dictionaries(
        st.sampled_from(["name", "enabled", "domain_id", "user.id", "id"]),
        st.text(st.characters(blacklist_categories=["Cs"]), max_size=10),
        max_size=2,
    ),
    header=st.binary(max_size=40),
)
def test_paths_queries_and_tokens(
    server: Running, admin: str, place: str, id: str, query: dict[str, str], header: bytes
) -> None:
    path = f"/identity/v3/{place}/{quote(id, safe='')}"
    check(server.http.get(path, params=query, headers={"X-Auth-Token": admin}))
    check(server.http.get(f"/identity/v3/{place}", params=query, headers={"X-Auth-Token": admin}))
    printable = bytes(byte for byte in header if byte >= 0x20 and byte != 0x7F).strip()
    refused = server.http.get(path, headers={b"X-Auth-Token": printable})
    assert refused.status_code in (401, 404)  # an id with a slash in it is no page


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"[" * 60_000, 400),
        (b'{"auth": "' + b"x" * 70_000 + b'"}', 413),
        (b'{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "\\ud800"}}}}}', 400),
        (b"", 400),
    ],
    ids=["deep", "huge", "half a surrogate", "nothing"],
)
def test_bodies_that_are_too_much(server: Running, content: bytes, status: int) -> None:
    reply = server.http.post(LOGIN, content=content)
    check(reply)
    assert reply.status_code == status


@pytest.mark.parametrize("host", ["evil.example/<script>", "", "a b", "x" * 300, "[::1", "h:99999999"])
def test_a_host_that_is_none_is_not_repeated(server: Running, host: str) -> None:
    reply = server.http.get("/identity/v3", headers={"Host": host})
    if reply.status_code == 200:  # else the HTTP parser has refused it
        assert reply.json()["version"]["links"][0]["href"] == f"{server.url}/identity/v3/"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/identity/v4", 404), ("PUT", LOGIN, 405)])
def test_what_is_not_there_is_told_in_keystones_form(server: Running, method: str, path: str, status: int) -> None:
    reply = server.http.request(method, path)
    check(reply)
    assert reply.status_code == status
