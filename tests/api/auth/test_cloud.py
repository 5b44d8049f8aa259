"""The client of `tunbridge port` and `lab vm`: it finds a cloud as `openstack` does, in each mode of the server."""

from pathlib import Path

import pytest

from tests.api.auth.server import Running, running
from tunbridge.api.auth.clouds import write_clouds_yaml
from tunbridge.api.auth.config import AuthConfig, Mode
from tunbridge.api.auth.users import DEFAULT_PROJECT
from tunbridge.cloud import CloudError, NotFoundError, connect


def environ(server: Running) -> dict[str, str]:
    return {"OS_CLIENT_CONFIG_FILE": str(write_clouds_yaml(server.config, server.url))}


@pytest.mark.parametrize("mode", ["none", "http_basic", "builtin"])
def test_the_servers_clouds_yaml_is_enough(tmp_path: Path, mode: Mode) -> None:
    with running(AuthConfig(mode=mode, directory=str(tmp_path / "auth"))) as server:
        cloud = connect("tunbridge", environ(server))
        assert cloud.list("networks") == []
        with pytest.raises(NotFoundError, match="no network 'blue'"):
            cloud.find("networks", "blue")
        cloud.close()


def test_variables_are_enough_too(server: Running) -> None:
    found = {
        "OS_AUTH_URL": f"{server.url}/identity", "OS_USERNAME": "admin", "OS_PASSWORD": server.password,
        "OS_PROJECT_NAME": DEFAULT_PROJECT, "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
    }  # fmt: skip
    assert connect(None, found).list("networks") == []
    with pytest.raises(CloudError, match="401"):
        connect(None, {**found, "OS_PASSWORD": "wrong"})


def test_what_is_missing_is_named(tmp_path: Path, server: Running) -> None:
    with pytest.raises(CloudError, match="no cloud is named: --os-cloud"):
        connect(None, {})
    with pytest.raises(CloudError, match="has no cloud 'other'; it has tunbridge"):
        connect("other", environ(server))
    with pytest.raises(CloudError, match="there is no clouds"):
        connect("x", {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "none.yaml")})
    (tmp_path / "bad.yaml").write_text("clouds: [")
    with pytest.raises(CloudError, match="yaml: cannot be read"):
        connect("x", {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "bad.yaml")})
    nowhere = {"OS_AUTH_TYPE": "none", "OS_ENDPOINT": "http://127.0.0.1:1"}
    with pytest.raises(CloudError, match="cannot be reached"):
        connect(None, nowhere).list("networks")
