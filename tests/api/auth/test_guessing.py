"""Passwords are not guessed, and secrets stay where they are."""

import asyncio
import stat
import threading
from pathlib import Path

import httpx
import pytest

from tests.api.auth.conftest import MEMBER_PASSWORD
from tests.api.auth.server import Running
from tunbridge.api.auth import passwords
from tunbridge.api.auth.base import TooManyAttemptsError
from tunbridge.api.auth.files import PrivateFileError
from tunbridge.api.auth.passwords import FREE_FAILURES, LONGEST_WAIT, Verifier, hashed
from tunbridge.api.auth.tokens import Tokens
from tunbridge.api.auth.users import read

COST = passwords._hasher
"""As it is outside of tests."""
USER = {"name": "mia", "domain": {"id": "default"}, "password": MEMBER_PASSWORD}
BODY = {"auth": {"identity": {"methods": ["password"], "password": {"user": USER}}}}


def test_a_password_costs_what_rfc_9106_recommends_where_memory_is_scarce() -> None:
    assert COST.hash("any").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize("exists", [True, False], ids=["a user", "nobody"])
def test_after_five_wrong_passwords_the_next_has_to_wait_longer_and_longer(exists: bool) -> None:
    """Somebody who does not exist is treated as somebody who does."""
    stored = hashed("right") if exists else None
    now = 0.0
    verifier = Verifier(lambda: now)

    async def attempt(password: str, address: str = "192.0.2.1") -> bool:
        return await verifier.verify("mia", address, stored, password)

    async def guess() -> list[int]:
        nonlocal now
        waits: list[int] = []
        for _ in range(FREE_FAILURES):
            assert not await attempt("wrong")
        while not waits or waits[-1] < LONGEST_WAIT:
            with pytest.raises(TooManyAttemptsError) as refused:
                await attempt("right")  # not even tried
            waits.append(int(refused.value.headers["Retry-After"]))
            now += waits[-1]
            assert not await attempt("wrong")
        assert await attempt("right", "192.0.2.2") is exists  # others are not locked out
        return waits

    assert asyncio.run(guess()) == [1, 2, 4, 8, 16, 32, 60]
    verifier.close()


def test_guesses_at_once_are_no_more_than_guesses_one_by_one() -> None:
    verifier, stored = Verifier(lambda: 0.0), hashed("right")

    async def flood() -> list[object]:
        tries = [verifier.verify("mia", "192.0.2.1", stored, "wrong") for _ in range(20)]
        return list(await asyncio.gather(*tries, return_exceptions=True))

    answers = asyncio.run(flood())
    assert answers.count(False) == FREE_FAILURES
    verifier.close()


def test_right_passwords_at_once_are_all_right() -> None:
    verifier, stored = Verifier(), hashed("right")

    async def many() -> list[bool]:
        return await asyncio.gather(*[verifier.verify("mia", "192.0.2.1", stored, "right") for _ in range(8)])

    assert all(asyncio.run(many()))
    verifier.close()


def test_nobody_costs_the_same_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    real = passwords._matches

    def counting(stored: str, password: str) -> bool:
        compared.append(stored)
        return real(stored, password)

    monkeypatch.setattr(passwords, "_matches", counting)
    verifier = Verifier()
    assert not asyncio.run(verifier.verify("nobody", "", None, "any"))
    verifier.close()
    assert len(compared) == 1
    assert compared[0].split("$")[1:4] == hashed("right").split("$")[1:4]  # the same parameters


def test_a_locked_user_gets_429_over_http(server: Running) -> None:
    codes = [server.login("victim", f"wrong {number}").status_code for number in range(FREE_FAILURES + 1)]
    assert codes == [401] * FREE_FAILURES + [429]
    assert server.login("mia", MEMBER_PASSWORD).status_code == 201


def test_no_secret_is_in_the_log_or_in_an_error(server: Running) -> None:
    token = server.token("mia", MEMBER_PASSWORD)
    wrong = server.login("mia", "a secret with a typing error")
    shown = server.http.post("/identity/v3/auth/tokens", content=b'{"auth": "another secret"}')
    unknown = server.get("/identity/v3/auth/tokens", token, **{"X-Subject-Token": "somebody's token"})
    assert [reply.status_code for reply in (wrong, shown, unknown)] == [401, 400, 404]
    log = server.log.getvalue()
    assert "POST /identity/v3/auth/tokens" in log
    assert "token made" in log
    key = (server.directory / "token.key").read_text().strip()
    texts = [log, wrong.text, shown.text, unknown.text]
    for secret in (token, MEMBER_PASSWORD, server.password, "typing error", "another secret", "somebody's", key):
        assert [text for text in texts if secret in text] == []


def test_what_is_stored_is_the_owners_alone_and_holds_no_password(server: Running) -> None:
    for path in server.directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    stored = (server.directory / "users.json").read_text()
    assert MEMBER_PASSWORD not in stored
    assert server.password not in stored


@pytest.mark.parametrize("name", ["users.json", "token.key"])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("{}")
    path.chmod(0o640)
    with pytest.raises(PrivateFileError, match="chmod 600"):
        read(tmp_path) if name == "users.json" else Tokens(tmp_path)


def test_two_servers_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    keys = {Tokens(tmp_path)._key for _ in range(2)}
    assert len(keys) == 1


def test_a_password_that_is_being_compared_holds_nobody_up(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, done = threading.Event(), threading.Event()

    def slow(_stored: str, _password: str) -> bool:
        begun.set()
        return done.wait(30)

    monkeypatch.setattr(passwords, "_matches", slow)
    login = threading.Thread(target=httpx.post, args=[f"{server.url}/identity/v3/auth/tokens"], kwargs={"json": BODY})
    login.start()
    try:
        assert begun.wait(30)
        assert server.http.get("/identity/v3").status_code == 200
    finally:
        done.set()
        login.join()
