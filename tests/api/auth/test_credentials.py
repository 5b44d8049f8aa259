"""Application credentials: one's own, with no more than one has, ended when they are deleted or expire."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.auth.conftest import MEMBER_PASSWORD
from tests.api.auth.server import Running


def path(server: Running, token: str) -> str:
    user = server.get("/identity/v3/auth/tokens", token, **{"X-Subject-Token": token}).json()["token"]["user"]["id"]
    return f"/identity/v3/users/{user}/application_credentials"


def create(server: Running, token: str, **body: Any) -> httpx.Response:
    sent = {"application_credential": body}
    return server.http.post(path(server, token), json=sent, headers={"X-Auth-Token": token})


def login(server: Running, **shown: Any) -> httpx.Response:
    identity = {"methods": ["application_credential"], "application_credential": shown}
    return server.post_auth({"identity": identity})


@pytest.fixture
def mia(server: Running) -> str:
    return server.token("mia", MEMBER_PASSWORD)


def test_it_logs_in_by_id_or_by_name_and_user_with_the_roles_given(server: Running, mia: str) -> None:
    made = create(server, mia, name="a", roles=[{"name": "reader"}]).json()["application_credential"]
    user = {"name": "mia", "domain": {"id": "default"}}
    for shown in ({"id": made["id"]}, {"name": "a", "user": user}):
        token = login(server, **shown, secret=made["secret"]).json()["token"]
        assert (token["project"]["name"], [role["name"] for role in token["roles"]]) == ("demo", ["reader"])
    assert login(server, id=made["id"], secret="wrong").status_code == 401
    assert made["secret"] not in (server.directory / "users.json").read_text()


def test_it_has_no_more_than_its_maker_and_goes_no_further(server: Running, mia: str) -> None:
    assert create(server, mia, name="b", roles=[{"name": "admin"}]).status_code == 400
    made = create(server, mia, name="b").json()["application_credential"]
    token = login(server, id=made["id"], secret=made["secret"]).headers["X-Subject-Token"]
    rescope = {"identity": {"methods": ["token"], "token": {"id": token}}, "scope": {"unscoped": {}}}
    assert server.post_auth(rescope).status_code == 403
    assert create(server, token, name="c").status_code == 403  # else it would outlive its deletion
    headers = {"X-Auth-Token": token}
    assert server.http.delete(f"{path(server, mia)}/{made['id']}", headers=headers).status_code == 403


def test_nobody_else_makes_or_sees_it(server: Running, mia: str) -> None:
    admin = server.token()
    body = {"application_credential": {"name": "d"}}
    assert server.http.post(path(server, mia), json=body, headers={"X-Auth-Token": admin}).status_code == 403
    assert server.get(path(server, admin), mia).status_code == 403


def test_one_name_is_one_credential(server: Running, mia: str) -> None:
    assert create(server, mia, name="twice").status_code == 201
    assert create(server, mia, name="twice").status_code == 409


def test_a_token_lasts_no_longer_than_the_credential(server: Running, mia: str) -> None:
    end = datetime.now(UTC) + timedelta(seconds=90)
    made = create(server, mia, name="short", expires_at=f"{end:%Y-%m-%dT%H:%M:%S}").json()["application_credential"]
    token = login(server, id=made["id"], secret=made["secret"]).json()["token"]
    assert token["expires_at"] == f"{end:%Y-%m-%dT%H:%M:%S}.000000Z"
    assert create(server, mia, name="past", expires_at="2020-01-01T00:00:00").status_code == 400


def test_what_is_deleted_ends_with_its_tokens(server: Running, mia: str) -> None:
    made = create(server, mia, name="gone").json()["application_credential"]
    token = login(server, id=made["id"], secret=made["secret"]).headers["X-Subject-Token"]
    assert server.who(X_Auth_Token=token).status_code == 200
    one = f"{path(server, mia)}/{made['id']}"
    assert server.http.delete(one, headers={"X-Auth-Token": mia}).status_code == 204
    assert server.who(X_Auth_Token=token).status_code == 401
    assert login(server, id=made["id"], secret=made["secret"]).status_code == 401
    assert server.get(one, mia).status_code == 404
