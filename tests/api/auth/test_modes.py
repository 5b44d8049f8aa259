"""The modes without tokens, the settings of all, and the clouds.yaml of each with the real client."""

import stat
from pathlib import Path

import httpx
import msgspec
import openstack as sdk
import pytest

from tests.api.auth.openstack import openstack
from tests.api.auth.server import Running, running
from tunbridge.api.auth.clouds import write_clouds_yaml
from tunbridge.api.auth.config import AuthConfig, AuthConfigError, KeystoneConfig, Mode, check, check_listen
from tunbridge.api.auth.passwords import hashed
from tunbridge.api.auth.users import add_user, edit, new_stamp


def clouds(server: Running) -> dict[str, str]:
    return {"OS_CLIENT_CONFIG_FILE": str(write_clouds_yaml(server.config, server.url)), "OS_CLOUD": "tunbridge"}


@pytest.mark.parametrize("mode", ["none", "http_basic"])
def test_the_openstack_command_works_with_the_clouds_yaml_alone(tmp_path: Path, mode: Mode) -> None:
    with running(AuthConfig(mode=mode, directory=str(tmp_path / "auth"))) as server:
        status, output = openstack(clouds(server), "network list")[0]
        assert status == 0, output


def test_without_authentication_everybody_is_admin_of_one_project(tmp_path: Path) -> None:
    with running(AuthConfig(mode="none", directory=str(tmp_path), none_project="solo")) as server:
        caller = server.who().json()["caller"]
    assert (caller["project_id"], "admin" in caller["roles"]) == ("solo", True)


def test_a_unix_socket_serves_where_no_address_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with (
        running(AuthConfig(directory=str(tmp_path / "auth")), uds=path) as server,
        httpx.Client(base_url="http://anything", transport=httpx.HTTPTransport(uds=str(path))) as client,
    ):
        user = {"name": "admin", "domain": {"id": "default"}, "password": server.password}
        identity = {"methods": ["password"], "password": {"user": user}}
        reply = client.post("/identity/v3/auth/tokens", json={"auth": {"identity": identity}})
    assert reply.status_code == 201
    assert reply.json()["token"]["catalog"][0]["endpoints"][0]["url"] == "http://anything"


def test_http_basic_takes_the_users_and_their_roles_from_the_file(tmp_path: Path) -> None:
    with running(AuthConfig(mode="http_basic", directory=str(tmp_path / "auth"))) as server:
        with edit(server.directory) as users:
            add_user(users, "mía", hashed("pass:with:colons"), "demo", "reader")
        answers = [server.http.get("/v2.0/networks", auth=("mía", "pass:with:colons")) for _ in range(2)]
        for answer in answers:
            caller = answer.json()["caller"]
            assert (caller["user_name"], caller["project_name"], caller["roles"]) == ("mía", "demo", ["reader"])
        refused = server.who()
        assert (refused.status_code, refused.headers["WWW-Authenticate"][:6]) == (401, "Basic ")
        for header in ("Basic", "Basic !!!", "Basic //79", "Basic bWlh", "Bearer x"):
            assert server.who(Authorization=header).status_code == 401, header
        with edit(server.directory) as users:  # another password, and what was remembered no longer counts
            users.user("mía").password_hash, users.user("mía").stamp = hashed("the next one"), new_stamp()
        assert server.http.get("/v2.0/networks", auth=("mía", "pass:with:colons")).status_code == 401
        assert "pass:with:colons" not in server.log.getvalue()


@pytest.mark.parametrize("address", ["127.0.0.1:9696", "[::1]:9696", "unix:/run/api.sock", "tcp:127.0.0.2:1", "::1"])
def test_no_authentication_is_for_this_host_only(address: str) -> None:
    check_listen(AuthConfig(mode="none"), [address])


@pytest.mark.parametrize("address", ["0.0.0.0:9696", "[::]:9696", "192.0.2.1:9696", ":9696", "localhost:9696", "*:1"])
def test_no_authentication_elsewhere_is_refused_and_says_what_to_do(address: str) -> None:
    with pytest.raises(AuthConfigError, match=r"listen on 127\.0\.0\.1"):
        check_listen(AuthConfig(mode="none"), ["127.0.0.1:9696", address])
    check_listen(AuthConfig(mode="builtin"), [address])


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "ldap"},
        {"tokenlifetime": 60},
        {"token_lifetime": 1},
        {"keystone": {"auth_url": "keystone.example"}},
        {"keystone": {"auth_url": "http://k", "password": "in the file"}},
    ],
)
def test_settings_that_are_wrong_or_unknown_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(settings, AuthConfig)


@pytest.mark.parametrize(
    "settings",
    [
        None,
        KeystoneConfig(auth_url="http://k"),
        KeystoneConfig(auth_url="http://k", username="u"),
        KeystoneConfig(auth_url="http://k", username="u", password_file="p", application_credential_id="i"),
    ],
)
def test_keystone_needs_one_whole_way_to_log_in(settings: KeystoneConfig | None) -> None:
    with pytest.raises(AuthConfigError, match="password_file"):
        check(AuthConfig(mode="keystone", keystone=settings))


def test_the_clouds_yaml_is_the_owners_alone_and_says_no_password_that_is_not_right(tmp_path: Path) -> None:
    config = AuthConfig(directory=str(tmp_path / "auth"), region='Region "One"\\')
    with running(config) as server:
        path = write_clouds_yaml(config, server.url)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        cloud = sdk.config.OpenStackConfig(config_files=[str(path)]).get_one("tunbridge")
        assert cloud.config["auth"]["password"] == server.password
        assert cloud.region_name == 'Region "One"\\'
        (config.path / "admin-password").unlink()
        assert "password" not in write_clouds_yaml(config, server.url).read_text()


def test_a_public_url_is_what_clients_are_told(tmp_path: Path) -> None:
    config = AuthConfig(directory=str(tmp_path / "auth"), public_url="https://net.example/cloud/")
    with running(config) as server:
        assert 'auth_url: "https://net.example/cloud/identity"' in write_clouds_yaml(config, server.url).read_text()
        catalog = server.login().json()["token"]["catalog"]
        version = server.http.get("/identity/v3").json()["version"]
    assert {e["url"] for s in catalog for e in s["endpoints"]} == {
        "https://net.example/cloud",
        "https://net.example/cloud/identity",
    }
    assert version["links"][0]["href"] == "https://net.example/cloud/identity/v3/"
