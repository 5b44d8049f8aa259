"""Mode `keystone`, against a real one."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.auth.keystone_service import TIMEOUT_S, KeystoneService
from tests.api.auth.openstack import openstack
from tests.api.auth.server import Running, running
from tests.api.nova_double import nova_double
from tunbridge.api.auth.clouds import write_clouds_yaml
from tunbridge.api.auth.config import AuthConfig, KeystoneConfig
from tunbridge.api.nova.client import Nova, NovaError, Told
from tunbridge.api.nova.config import NovaConfig
from tunbridge.api.nova.events import Event


@pytest.fixture
def settings(keystone: KeystoneService, tmp_path: Path) -> dict[str, Any]:
    """Give settings of the service user."""
    secret = tmp_path / "password"
    secret.write_text("tunbridgetunbridge\n")
    return {"auth_url": keystone.url, "username": "tunbridge", "password_file": str(secret)}


def config(tmp_path: Path, settings: dict[str, Any], **more: Any) -> AuthConfig:
    return AuthConfig(mode="keystone", directory=str(tmp_path / "auth"), keystone=KeystoneConfig(**settings | more))


@pytest.fixture
def server(tmp_path: Path, settings: dict[str, Any]) -> Iterator[Running]:
    with running(config(tmp_path, settings)) as ran:
        yield ran


def test_a_token_of_keystone_tells_user_project_and_roles(server: Running, keystone: KeystoneService) -> None:
    caller = server.who(X_Auth_Token=keystone.token("mia", "miamia", "demo")).json()["caller"]
    assert (caller["user_name"], caller["project_name"], caller["system"]) == ("mia", "demo", False)
    assert set(caller["roles"]) == {"member", "reader"}


def test_requests_at_once_with_one_token_are_one_question(server: Running, keystone: KeystoneService) -> None:
    token = keystone.token()
    before = keystone.validations()
    with ThreadPoolExecutor(16) as pool:
        codes = list(
            pool.map(
                lambda _: (
                    httpx.get(
                        f"{server.url}/v2.0/networks", headers={"X-Auth-Token": token}, timeout=TIMEOUT_S
                    ).status_code
                ),
                range(32),
            )
        )
    assert codes == [200] * 32
    assert keystone.validations() == before + 1


def test_a_token_that_is_none_is_refused_and_asked_about_once(server: Running, keystone: KeystoneService) -> None:
    before = keystone.validations()
    for _ in range(3):
        reply = server.who(X_Auth_Token="gAAAAABnothing")
        assert reply.status_code == 401
        assert reply.headers["WWW-Authenticate"] == f'Keystone uri="{keystone.url}"'
        assert reply.json()["error"]["title"] == "Unauthorized"
    assert keystone.validations() == before + 1
    assert server.who().status_code == 401


def test_a_revoked_token_ends_when_the_cache_does(
    tmp_path: Path, settings: dict[str, Any], keystone: KeystoneService
) -> None:
    token = keystone.token("mia", "miamia", "demo")
    with running(config(tmp_path, settings, cache_seconds=0)) as server:
        assert server.who(X_Auth_Token=token).status_code == 200
        keystone.admin("DELETE", "/auth/tokens", X_Subject_Token=token)
        assert server.who(X_Auth_Token=token).status_code == 401


def test_keystone_may_come_later_and_be_away_for_a_while(server: Running, keystone: KeystoneService) -> None:
    known, unknown = keystone.token(), keystone.token("mia", "miamia", "demo")
    keystone.stop()
    try:
        reply = server.who(X_Auth_Token=known)
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")
        keystone.start()
        assert server.who(X_Auth_Token=known).status_code == 200
        keystone.stop()
        assert server.who(X_Auth_Token=known).status_code == 200
        assert server.who(X_Auth_Token=unknown).status_code == 503
    finally:
        keystone.start()
    assert server.who(X_Auth_Token=unknown).status_code == 200
    assert server.log.getvalue().count("Keystone cannot be asked") == 2  # once for each time that it went


def test_the_service_user_logs_in_again_when_its_token_has_ended(server: Running, keystone: KeystoneService) -> None:
    assert server.who(X_Auth_Token=keystone.token()).status_code == 200
    keystone.replace_keys()
    assert server.who(X_Auth_Token=keystone.token()).status_code == 200


def credential(keystone: KeystoneService, user: str, project: str, **more: Any) -> Any:
    """Make an application credential of a user."""
    token = keystone.token(user, user + user, project)
    id = keystone.admin("GET", f"/users?name={user}")["users"][0]["id"]
    reply = httpx.post(
        f"{keystone.url}/v3/users/{id}/application_credentials",
        json={"application_credential": {"name": "made", **more}},
        headers={"X-Auth-Token": token},
        timeout=TIMEOUT_S,
    )
    assert reply.status_code == 201, reply.text
    return reply.json()["application_credential"]


def test_the_service_user_may_be_an_application_credential(tmp_path: Path, keystone: KeystoneService) -> None:
    made = credential(keystone, "tunbridge", "service")
    secret = tmp_path / "secret"
    secret.write_text(made["secret"])
    settings = {
        "auth_url": f"{keystone.url}/v3/",
        "application_credential_id": made["id"],
        "application_credential_secret_file": str(secret),
    }
    with running(config(tmp_path, settings)) as server:
        assert server.who(X_Auth_Token=keystone.token()).status_code == 200


def test_a_token_that_access_rules_narrow_is_refused_as_the_rules_are_not_checked(
    server: Running, keystone: KeystoneService
) -> None:
    rule = {"service": "network", "method": "GET", "path": "/v2.0/ports"}
    made = credential(keystone, "mia", "demo", access_rules=[rule])
    shown = {"id": made["id"], "secret": made["secret"]}
    auth = {"auth": {"identity": {"methods": ["application_credential"], "application_credential": shown}}}
    reply = httpx.post(f"{keystone.url}/v3/auth/tokens", json=auth, timeout=TIMEOUT_S)
    assert reply.status_code == 201
    assert server.who(X_Auth_Token=reply.headers["X-Subject-Token"]).status_code == 401


def test_the_openstack_command_works_with_the_clouds_yaml_and_a_user_of_keystone(server: Running) -> None:
    env = {
        "OS_CLIENT_CONFIG_FILE": str(write_clouds_yaml(server.config, server.url)),
        "OS_CLOUD": "tunbridge",
        "OS_USERNAME": "mia",
        "OS_PASSWORD": "miamia",
        "OS_PROJECT_NAME": "demo",
    }
    assert openstack(env, "network list")[0][0] == 0


def test_no_password_and_no_token_is_in_the_log(server: Running, keystone: KeystoneService) -> None:
    token = keystone.token()
    assert server.who(X_Auth_Token=token).status_code == 200
    assert "GET /v2.0/networks" in server.log.getvalue()
    assert token not in server.log.getvalue()
    assert "tunbridgetunbridge" not in server.log.getvalue()


def test_nova_is_found_in_the_catalog_and_told(settings: dict[str, Any], keystone: KeystoneService) -> None:
    with nova_double() as double:
        made = keystone.admin("POST", "/services", {"service": {"type": "compute", "name": "nova"}})["service"]
        for interface, url in (("public", "http://192.0.2.1/v2.1"), ("internal", f"{double.url}/v2.1/")):
            endpoint = {"service_id": made["id"], "interface": interface, "url": url, "region_id": "RegionOne"}
            keystone.admin("POST", "/endpoints", {"endpoint": endpoint})
        double.any_token = True
        event = Event(name="network-changed", server_uuid=str(uuid4()), tag=str(uuid4()))
        told = asyncio.run(_tell(NovaConfig(**settings, region="RegionOne"), event))
        assert [(one.name, one.code) for one in told] == [("network-changed", 200)]
        with pytest.raises(NovaError, match="no internal endpoint of type compute in region Elsewhere"):
            asyncio.run(_tell(NovaConfig(**settings, region="Elsewhere"), event))
        keystone.admin("DELETE", f"/services/{made['id']}")


async def _tell(config: NovaConfig, event: Event) -> list[Told]:
    nova = Nova(config)
    try:
        return await nova.send([event])
    finally:
        await nova.close()
