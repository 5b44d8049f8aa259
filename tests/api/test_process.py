"""The server as a process: TLS, Unix sockets, what it tells of itself, what its log holds, how it ends."""

import json
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.serving import PASSWORD, Cloud, error, serving
from tunbridge.lab.machine import wait_until


def test_every_answer_has_a_request_id_that_the_log_has_too(cloud: Cloud) -> None:
    reply = cloud.user().get("/networks", name="told-in-the-log")
    id = reply.headers["x-openstack-request-id"]
    assert id.startswith("req-")
    wait_until(lambda: id in cloud.log, "the request's line")  # it is written once the answer is sent
    line = next(line for line in cloud.log.splitlines() if id in line)
    assert "method=GET" in line
    assert "path=/v2.0/networks" in line
    assert "status=200" in line
    assert f"project={cloud.user().project_id}" in line


def test_no_secret_is_in_the_log(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    mia.list("network")
    for secret in (PASSWORD, cloud.admin_password, mia.token, cloud.user().token):
        assert secret not in cloud.log


def test_it_tells_that_it_answers_and_that_it_is_ready(cloud: Cloud) -> None:
    assert cloud.http.get(f"{cloud.url}/healthz").json() == {"status": "ok"}
    assert cloud.http.get(f"{cloud.url}/readyz").json() == {"status": "ready"}


def test_what_asks_all_the_time_whether_it_is_well_fills_no_log(cloud: Cloud) -> None:
    for page in ("/healthz", "/readyz", "/metrics"):
        assert cloud.http.get(cloud.url + page).status_code == 200
    id = cloud.user().get("/networks").headers["x-openstack-request-id"]
    wait_until(lambda: id in cloud.log, "a later request's line")
    assert not any(f"path={page} " in cloud.log for page in ("/healthz", "/metrics"))


def test_figures_for_prometheus_count_requests_by_what_they_were(cloud: Cloud) -> None:
    cloud.user().list("address_group")
    cloud.user().get("/made-up-by-a-client")
    text = cloud.http.get(f"{cloud.url}/metrics").text
    assert 'tunbridge_server_requests_total{collection="address_groups",method="GET",status="200"}' in text
    assert 'collection="other",method="GET",status="404"' in text
    assert "made-up" not in text
    assert "tunbridge_server_ready 1.0" in text
    assert 'tunbridge_server_rows{table="Network"}' in text


def test_versions_are_told_without_a_token(cloud: Cloud) -> None:
    (version,) = cloud.http.get(f"{cloud.url}/").json()["versions"]
    assert version["id"] == "v2.0"
    assert version["links"][0]["href"] == f"{cloud.url}/v2.0/"


def test_without_a_token_nothing_else_is_told(cloud: Cloud) -> None:
    for path in ("/v2.0/networks", "/v2.0/extensions", "/v2.0/", "/v2.0/no-such-thing"):
        reply = cloud.http.get(cloud.url + path)
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"].startswith("Keystone uri=")


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "OPTIONS"])
def test_a_method_that_is_not_there_is_refused(cloud: Cloud, method: str) -> None:
    assert cloud.user().request(method, "/networks").status_code == 405


def test_a_path_may_end_in_json(cloud: Cloud) -> None:
    network = cloud.user().create("network")["id"]
    assert cloud.user().get(f"/networks/{network}.json").json()["network"]["id"] == network
    assert cloud.user().get("/networks.json").status_code == 200


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Unable to find 'network' in request body"),
        (b"{", "Body contains invalid data"),
        (b"[]", "Body contains invalid data"),
        (b'{"network": "\xff"}', "Body contains invalid data"),
        (b"[" * 100_000, "Body contains invalid data"),
        (b"{}", "Unable to find 'network' in request body"),
        (b'{"networks": []}', "Resources required"),
        (b'{"subnet": {}}', "Unable to find 'network' in request body"),
        (b'{"network": []}', "Object 'network' contains invalid data"),
        (b'{"network": {"mtu": 1e400}}', None),
        (b'{"network": {"mtu": 99999999999999999999}}', None),
        (b'{"network": {"name": "\\u0000"}}', None),
        (b'{"network": {"nmae": "x"}}', "Unrecognized attribute(s) 'nmae'"),
    ],
)
def test_a_wrong_body_is_refused_in_neutrons_form(cloud: Cloud, body: bytes, told: str | None) -> None:
    status, _, message = error(cloud.user().request("POST", "/networks", content=body))
    assert status == 400
    assert told is None or message == told


def test_a_huge_body_is_refused_before_it_is_read(cloud: Cloud) -> None:
    reply = cloud.user().request("POST", "/networks", content=b"x" * (9 << 20))
    assert error(reply)[0] == 413


def test_a_client_that_sends_slowly_keeps_nobody_waiting(cloud: Cloud) -> None:
    host, port = cloud.url.removeprefix("http://").split(":")
    with httpx.Client() as other:
        slow = socket.create_connection((host, int(port)))
        slow.sendall(
            f"POST /v2.0/networks HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {cloud.user().token}\r\n"
            "Content-Length: 100\r\n\r\n{".encode()
        )
        assert other.get(f"{cloud.url}/healthz").status_code == 200
        assert cloud.user().get("/networks", limit=1).status_code == 200
        slow.close()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    key, crt = tmp_path / "key.pem", tmp_path / "crt.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(crt)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return key, crt


def test_the_api_speaks_tls_and_ends_when_it_is_told_to(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    key, crt = certificate
    trusting = {"verify": ssl.create_default_context(cafile=str(crt))}
    top = [f"tls = {{ certificate = '{crt}', private_key = '{key}' }}"]
    with serving(tmp_path, top=top, client=trusting) as cloud:
        assert cloud.url.startswith("https://127.0.0.1:")
        network = cloud.user("mia").create("network", name="blue")
        assert network["name"] == "blue"
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            httpx.get(f"{cloud.url}/healthz")
        process = cloud.process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_mode_none_serves_a_unix_socket_that_only_its_owner_may_use(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    transport = {"transport": httpx.HTTPTransport(uds=str(path))}
    settings: dict[str, Any] = {
        "listen": f"unix:{path}",
        "auth": ['mode = "none"'],
        "client": transport,
        "no_people": True,
    }
    with serving(tmp_path, **settings) as cloud:
        assert path.stat().st_mode & 0o777 == 0o600
        reply = cloud.http.post(f"{cloud.url}/v2.0/networks", content=json.dumps({"network": {"name": "blue"}}))
        assert reply.status_code == 201
        assert reply.json()["network"]["project_id"] == "admin"
