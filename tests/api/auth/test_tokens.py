"""Getting, changing, validating and revoking tokens of the mode `builtin`."""

import time
from typing import Any

import jwt
import pytest

from tests.api.auth.conftest import MEMBER_PASSWORD
from tests.api.auth.server import Running
from tunbridge.api.auth.passwords import hashed
from tunbridge.api.auth.tokens import InvalidTokenError, Tokens
from tunbridge.api.auth.users import add_user, edit, grant, new_stamp, remove_user, revoke

DEMO = {"project": {"name": "demo", "domain": {"name": "Default"}}}


def mia(**scope: Any) -> dict[str, Any]:
    return {"name": "mia", "password": MEMBER_PASSWORD, **scope}


def caller(server: Running, token: str) -> dict[str, Any]:
    reply = server.who(X_Auth_Token=token)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["caller"]
    return found


def by_token(token: str, **scope: Any) -> dict[str, Any]:
    return {"identity": {"methods": ["token"], "token": {"id": token}}, "scope": scope}


def test_a_token_is_for_the_project_asked_for_else_for_the_users_own(server: Running) -> None:
    other = {"project": {"name": "other", "domain": {"id": "default"}}}
    assert caller(server, server.token(**mia(**DEMO)))["project_name"] == "demo"
    assert caller(server, server.token(**mia()))["project_name"] == "demo"
    found = caller(server, server.token(**mia(**other)))
    assert (found["project_name"], found["roles"]) == ("other", ["reader"])
    assert caller(server, server.token(**mia(unscoped={})))["project_id"] is None


def test_a_token_for_the_system_is_for_those_with_a_role_there(server: Running) -> None:
    found = caller(server, server.token(system={"all": True}))
    assert (found["system"], found["project_id"], "admin" in found["roles"]) == (True, None, True)
    assert server.login(**mia(system={"all": True})).status_code == 401


def test_user_and_project_may_be_named_by_id(server: Running) -> None:
    body = server.login(**mia()).json()["token"]
    user = {"id": body["user"]["id"], "password": MEMBER_PASSWORD}
    identity = {"methods": ["password"], "password": {"user": user}}
    reply = server.post_auth({"identity": identity, "scope": {"project": {"id": body["project"]["id"]}}})
    assert (reply.status_code, reply.json()["token"]["project"]["name"]) == (201, "demo")


@pytest.mark.parametrize(
    "login",
    [
        mia(project={"name": "admin", "domain": {"id": "default"}}),
        mia(project={"name": "nothing", "domain": {"id": "default"}}),
        mia(project={"name": "demo", "domain": {"name": "Elsewhere"}}),
        mia(domain={"id": "default"}),
        {"name": "mia", "password": "wrong"},
        {"name": "nobody", "password": "wrong"},
    ],
    ids=["no role there", "no such project", "no such domain", "a domain", "wrong password", "no such user"],
)
def test_every_way_to_be_refused_looks_the_same(server: Running, login: dict[str, Any]) -> None:
    reply = server.login(**login)
    message = "The request you have made requires authentication."
    assert reply.json() == {"error": {"code": 401, "title": "Unauthorized", "message": message}}
    assert reply.headers["WWW-Authenticate"] == f'Keystone uri="{server.url}/identity/v3"'


def test_a_token_gets_a_token_for_another_project_that_lasts_no_longer(server: Running) -> None:
    first = server.login(**mia(unscoped={}))
    reply = server.post_auth(by_token(first.headers["X-Subject-Token"], **DEMO))
    old, new = first.json()["token"], reply.json()["token"]
    assert (reply.status_code, new["project"]["name"]) == (201, "demo")
    assert new["expires_at"] == old["expires_at"]
    assert new["audit_ids"][1] == old["audit_ids"][0]
    assert new["methods"] == ["password", "token"]
    assert server.post_auth(by_token("nonsense", **DEMO)).status_code == 404


def test_one_validates_and_revokes_ones_own_tokens_and_an_admin_those_of_others(server: Running) -> None:
    own, admins = server.token(**mia()), server.token()
    path = "/identity/v3/auth/tokens"
    assert server.get(path, own, **{"X-Subject-Token": own}).json()["token"]["user"]["name"] == "mia"
    assert server.get(path, own, **{"X-Subject-Token": admins}).status_code == 403
    assert server.http.head(path, headers={"X-Auth-Token": admins, "X-Subject-Token": own}).status_code == 200
    assert server.get(path, admins, **{"X-Subject-Token": "nonsense"}).status_code == 404
    assert server.http.delete(path, headers={"X-Auth-Token": admins, "X-Subject-Token": own}).status_code == 204
    assert server.who(X_Auth_Token=own).status_code == 401
    assert server.get(path, admins, **{"X-Subject-Token": own}).status_code == 404
    id = jwt.decode(own, options={"verify_signature": False})["id"]
    assert id in Tokens(server.directory).revoked  # as a server sees it that starts now


@pytest.mark.parametrize("forged", ["none", "other key", "no expiry"])
def test_a_forged_token_is_refused(server: Running, forged: str) -> None:
    claims = jwt.decode(server.token(), options={"verify_signature": False})
    key = bytes.fromhex((server.directory / "token.key").read_text())
    if forged == "none":
        token = jwt.encode(claims, "", "none")
    elif forged == "other key":
        token = jwt.encode(claims, bytes(32), "HS256")
    else:
        token = jwt.encode({k: v for k, v in claims.items() if k != "exp"}, key, "HS256")
    assert server.who(X_Auth_Token=token).status_code == 401
    assert caller(server, jwt.encode(claims, key, "HS256"))["user_name"] == "admin"


def test_a_token_expires_also_one_that_is_in_the_cache(server: Running) -> None:
    now = time.time()
    clock = [now]
    tokens = Tokens(server.directory, lambda: clock[0])
    text = server.token()
    expiry = tokens.read(text).exp
    assert abs(expiry - now - server.config.token_lifetime) < 60
    clock[0] = expiry
    with pytest.raises(InvalidTokenError):
        tokens.read(text)


def test_what_the_users_file_says_counts_at_once_also_for_old_tokens(server: Running) -> None:
    def change(what: Any, *arguments: Any) -> None:
        with edit(server.directory) as users:
            what(users, *arguments)

    def set_password(users: Any) -> None:
        user = users.user("tom")
        user.password_hash, user.stamp = hashed("another one"), new_stamp()

    change(add_user, "tom", hashed("first one"), "demo", "reader")
    change(grant, "tom", "demo", "member")
    token = server.token("tom", "first one")
    assert set(caller(server, token)["roles"]) == {"member", "reader"}
    change(revoke, "tom", "demo", "member")
    assert caller(server, token)["roles"] == ["reader"]
    change(set_password)
    assert server.who(X_Auth_Token=token).status_code == 401
    token = server.token("tom", "another one")
    assert caller(server, token)["user_name"] == "tom"
    change(remove_user, "tom")
    assert server.who(X_Auth_Token=token).status_code == 401
    assert server.login("tom", "another one").status_code == 401


def test_a_users_file_that_is_broken_by_hand_changes_nothing(server: Running) -> None:
    path = server.directory / "users.json"
    whole = path.read_text()
    try:
        path.write_text(whole[:50])
        assert server.login(**mia()).status_code == 201
        assert "the users file is not right" in server.log.getvalue()
    finally:
        path.write_text(whole)
    assert server.login(**mia()).status_code == 201
