"""The client of `tunbridge port` and `lab vm`: it finds a cloud as `openstack` does, in each mode of the server."""

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests import certificates
from tests.api.auth.server import Running, running
from tunbridge.api.auth.clouds import write_clouds_yaml
from tunbridge.api.auth.config import AuthConfig, Mode
from tunbridge.api.auth.users import DEFAULT_PROJECT
from tunbridge.cloud import Cloud, CloudError, NotFoundError, connect


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


class _Service(BaseHTTPRequestHandler):
    """A Keystone whose catalog has `endpoint`, and a Networking API that wants its token."""

    endpoint = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        one = {"interface": "public", "url": self.endpoint}
        self._answer(201, {"token": {"catalog": [{"type": "network", "endpoints": [one]}]}})

    def do_GET(self) -> None:
        self._answer(200 if self.headers["X-Auth-Token"] == "right" else 401, {"networks": [{"name": "blue"}]})

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Subject-Token", "right")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def keystone_and_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a Keystone without TLS; the Networking API of its catalog has TLS, and a certificate of nobody's."""
    made = certificates.make(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made / "stranger.pem", made / "stranger-key.pem")
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), _Service) as plain,
        ThreadingHTTPServer(("127.0.0.1", 0), _Service) as tls,
    ):
        tls.socket = context.wrap_socket(tls.socket, server_side=True)
        monkeypatch.setattr(_Service, "endpoint", f"https://127.0.0.1:{tls.server_port}")
        for server in (plain, tls):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{plain.server_port}"
        plain.shutdown()
        tls.shutdown()


def test_certificates_are_checked_where_only_the_login_is_without_tls(keystone_and_tls: str) -> None:
    auth = {"auth_url": keystone_and_tls, "username": "mia", "password": "secret"}
    with Cloud({"auth": auth, "verify": False}) as unchecked:
        assert unchecked.list("networks") == [{"name": "blue"}]
    with Cloud({"auth": auth}) as checked, pytest.raises(CloudError, match=r"cannot be reached.*certificate"):
        checked.list("networks")
    no_login = {"auth": {**auth, "endpoint": unchecked.url}, "auth_type": "none"}
    with Cloud(no_login) as alone, pytest.raises(CloudError, match=r"cannot be reached.*certificate"):
        alone.list("networks")
