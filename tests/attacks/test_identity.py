"""Who says who they are, from where, and until when: proxies, guessed passwords, times, revoking, names of hosts."""

import asyncio
import io
import json
from typing import Any

import httpx
import pytest

from tests.api.crowd import at_once
from tests.api.serving import PASSWORD, Cloud, User, error
from tests.attacks.conftest import PROXY
from tests.attacks.test_http import send, status
from tunbridge.api.addresses import Proxies, bucket, is_host
from tunbridge.api.auth import passwords
from tunbridge.api.auth.base import TooManyAttemptsError
from tunbridge.api.auth.identity.token_body import moment
from tunbridge.api.auth.passwords import FREE_FAILURES, Verifier
from tunbridge.configuration import ConfigurationError
from tunbridge.log import configure, silence

TOKENS = "/identity/v3/auth/tokens"


def login(cloud: Cloud, name: str, password: str, source: str = "127.0.0.1", **headers: str | bytes) -> httpx.Response:
    user = {"name": name, "domain": {"id": "default"}, "password": password}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=source), timeout=60) as client:
        return client.post(cloud.url + TOKENS, json=body, headers=[*headers.items()])  # type: ignore[arg-type] # httpx takes bytes too


def forwarded(number: int) -> dict[str, str]:
    return {"X-Forwarded-For": f"203.0.113.{number}", "X-Forwarded-Proto": "https"}


def test_only_a_trusted_proxy_says_for_whom_it_asks(cloud: Cloud) -> None:
    """Anybody else, on loopback too, is at one address, whatever it says."""

    def guess(number: int, source: str = "127.0.0.1") -> int:
        return login(cloud, f"nobody-{source}", "x", source, **forwarded(number)).status_code

    assert 429 in at_once(guess, range(FREE_FAILURES + 2))
    assert set(at_once(lambda number: guess(number, PROXY), range(FREE_FAILURES + 2))) == {401}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=PROXY)) as proxy:
        link = proxy.get(cloud.url, headers=forwarded(1)).json()["versions"][0]["links"][0]["href"]
    assert link.startswith("https://")
    link = cloud.http.get(cloud.url, headers=forwarded(1)).json()["versions"][0]["links"][0]["href"]
    assert link.startswith("http://")


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("10.0.0.5", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.5", ["evil", "192.0.2.1"], "192.0.2.1"),
        ("10.0.0.5", ["192.0.2.1", "10.0.0.6"], "192.0.2.1"),
        ("10.0.0.5", ["192.0.2.1, evil\x85"], "10.0.0.5"),
        ("10.0.0.5", ["192.0.2.1, evil, 10.0.0.6"], "10.0.0.6"),
        ("10.0.0.5", [], "10.0.0.5"),
        ("::ffff:10.0.0.5", ["2001:db8::1"], "2001:db8::1"),
        ("192.0.2.9", ["192.0.2.1"], "192.0.2.9"),
        (None, ["192.0.2.1"], "192.0.2.1"),
    ],
)
def test_the_client_is_the_last_one_that_a_trusted_proxy_saw(
    peer: str | None, said: list[str], client: str | None
) -> None:
    assert Proxies(["10.0.0.0/24", "unix"]).client(peer, said) == client
    assert Proxies([]).client(peer, said) == peer


def test_a_setting_that_names_no_proxy_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'lb[.]example[.]org' is not an address"):
        Proxies(["lb.example.org"])


def test_nobody_who_is_being_guessed_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else is tried, also where nothing is compared since too much waits."""
    now = 0.0
    verifier = Verifier(lambda: now)

    async def wrong(_stored: str | None, _password: str) -> bool:
        return False

    monkeypatch.setattr(verifier, "_compare", wrong)

    async def guess() -> None:
        nonlocal now
        for _ in range(FREE_FAILURES):
            assert not await verifier.verify("admin", "192.0.2.1", "hash", "guess")
        for number in range(12_000):
            assert not await verifier.verify(f"nobody-{number}", "192.0.2.1", None, "guess")
        with pytest.raises(TooManyAttemptsError):
            await verifier.verify("admin", "192.0.2.1", "hash", "guess")
        now += passwords.FORGET_AFTER + 1
        for number in range(2 * passwords._SWEEP_EVERY):
            assert not await verifier.verify(f"later-{number}", "192.0.2.1", None, "guess")
        assert len(verifier._failures) < 4 * passwords._SWEEP_EVERY, "what is forgiven goes"

    asyncio.run(guess())
    verifier.close()


def test_who_has_a_network_of_ipv6_has_one_address() -> None:
    assert bucket("2001:db8:1:2::5") == bucket("2001:db8:1:2:ffff::") != bucket("2001:db8:1:3::5")
    assert bucket("192.0.2.1") == "192.0.2.1"


def credentials(cloud: Cloud, user: User) -> tuple[str, dict[str, str]]:
    reply = cloud.http.get(cloud.url + TOKENS, headers={"X-Auth-Token": user.token, "X-Subject-Token": user.token})
    path = f"{cloud.url}/identity/v3/users/{reply.json()['token']['user']['id']}/application_credentials"
    return path, {"X-Auth-Token": user.token}


HOSTILE: list[dict[str, Any]] = [
    {"expires_at": "9999-12-31T23:59:59-12:00"},
    {"expires_at": "9999-12-31T23:59:59.999999"},
    {"expires_at": "0001-01-01T00:00:00+14:00"},
    {"expires_at": "2999-02-30T00:00:00"},
    {"expires_at": ""},
    {"description": "\u0000\u0085\u202e" * 100},
    {"description": "x" * 4096},
    {"secret": "\u0000"},
    {"name": "\ud800"},
    {"name": "\u0000"},
    {"roles": [{"name": "admin"}]},
    {"roles": [{"id": "x"}, {}]},
]


def test_what_is_stored_can_be_read_back_and_hides_nothing(cloud: Cloud) -> None:
    path, headers = credentials(cloud, cloud.user("mara"))
    made = set()
    for number, values in enumerate(HOSTILE):
        body = json.dumps({"application_credential": {"name": f"c{number}", **values}})
        reply = cloud.http.post(path, content=body, headers=headers)
        assert reply.status_code in (201, 400), reply.text
        if reply.status_code == 201:
            made.add(reply.json()["application_credential"]["id"])
            assert cloud.http.get(f"{path}/{max(made)}", headers=headers).status_code == 200
        listed = cloud.http.get(path, headers=headers)
        assert listed.status_code == 200, f"after {values}"
        assert {one["id"] for one in listed.json()["application_credentials"]} == made
    assert len(made) > 2


def test_every_time_can_be_written() -> None:
    assert moment(1e300) == moment(253402300800.0) == "9999-12-31T23:59:59.000000Z"
    assert moment(-1e300) == "1970-01-01T00:00:00.000000Z"


def test_a_service_looks_at_tokens_and_revokes_only_its_own(cloud: Cloud) -> None:
    nova, mia, admin = (
        User(cloud, name, project) for name, project in (("nova", "service"), ("mia", "demo"), ("admin", "admin"))
    )

    def ask(method: str, who: User, whose: User) -> int:
        headers = {"X-Auth-Token": who.token, "X-Subject-Token": whose.token}
        return cloud.http.request(method, cloud.url + TOKENS, headers=headers).status_code

    for whose in (mia, admin):
        assert ask("GET", nova, whose) == 200
        assert ask("DELETE", nova, whose) == 403
        assert ask("GET", whose, whose) == 200, "it goes on"
    assert ask("DELETE", mia, admin) == 403
    assert ask("DELETE", nova, nova) == 204
    assert ask("DELETE", admin, mia) == 204


@pytest.mark.parametrize("host", ['evil"><script>', "a b", "a/b", "x" * 300, "a:b", "[::1", "a@b", "h\xe9"])
def test_a_host_header_that_names_no_host_is_refused_and_never_repeated(cloud: Cloud, host: str) -> None:
    for path in ("/", "/v2.0/", "/identity/v3", "/docs"):
        found = send(cloud, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1"))
        assert status(found) == 400
        assert host.encode("latin-1") not in found
    assert not is_host(host)


def test_two_host_headers_are_refused_and_hosts_are_links(cloud: Cloud) -> None:
    found = send(cloud, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n")
    assert status(found) == 400
    for host in ("api.example.org:9696", "10.0.0.1", "[2001:db8::1]:80", "a_b"):
        found = send(cloud, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert f'"http://{host}/v2.0/"'.encode() in found


RAW = {"X-Forwarded-For": b"\x9b31m", "User-Agent": b"\x85"}


def test_nothing_in_the_log_is_obeyed_by_a_terminal(cloud: Cloud) -> None:
    for source in ("127.0.0.1", PROXY):
        login(cloud, "\x9b31m\x1b[2J\u202e", PASSWORD, source, **RAW)
    cloud.http.get(f"{cloud.url}/v2.0/%9b%1b%c2%85")
    assert not [char for char in cloud.log if not char.isprintable() and char != "\n"]


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_a_line_of_the_log_is_one_line_and_json_stays_json(form: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    monkeypatch.setattr("sys.stdout", text)
    evil = "a\n\x1b[2J\x7f\x85\x9b\u2028\u202e\u2066\ud800"
    try:
        configure(form, "info").info("seen", name=evil)
    finally:
        silence()
    (line,) = text.getvalue().splitlines()
    assert line.isprintable()
    if form == "json":
        assert json.loads(line)["name"] == evil


def test_errors_of_networking_have_their_form_for_a_bad_host(cloud: Cloud) -> None:
    reply = cloud.http.get(f"{cloud.url}/v2.0/networks", headers={"Host": "a b"})
    assert error(reply)[:2] == (400, "HTTPBadRequest")
