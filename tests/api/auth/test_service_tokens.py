"""X-Service-Token: a service that acts for a user shows a token of its own beside the user's (keystonemiddleware)."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.api.auth.conftest import MEMBER_PASSWORD
from tests.api.auth.keystone_service import SHORT_S, KeystoneService
from tests.api.auth.server import Running, running
from tunbridge.api.auth.base import EXPIRED_WINDOW_S
from tunbridge.api.auth.config import AuthConfig, KeystoneConfig
from tunbridge.api.auth.passwords import hashed
from tunbridge.api.auth.tokens import InvalidTokenError, Tokens
from tunbridge.api.auth.users import add_user, edit

PASSWORD = "a password of nova"


@pytest.fixture(scope="module")
def nova(server: Running) -> str:
    """Give the token of a service user."""
    with edit(server.directory) as users:
        add_user(users, "nova", hashed(PASSWORD), "service", "service")
    return server.token("nova", PASSWORD)


def mia(server: Running) -> str:
    return server.token("mia", MEMBER_PASSWORD)


def expired(server: Running, token: str, seconds: float) -> str:
    """Give the same token as if it had ended so long ago."""
    claims = jwt.decode(token, options={"verify_signature": False})
    key = bytes.fromhex((server.directory / "token.key").read_text())
    return jwt.encode({**claims, "exp": int(time.time() - seconds)}, key, "HS256")


def test_the_caller_is_the_user_and_brings_the_roles_of_the_service(server: Running, nova: str) -> None:
    caller = server.who(X_Auth_Token=mia(server), X_Service_Token=nova).json()["caller"]
    assert (caller["user_name"], set(caller["roles"])) == ("mia", {"member", "reader"})
    assert caller["service_roles"] == ["service"]
    assert server.who(X_Auth_Token=mia(server)).json()["caller"]["service_roles"] == []


def test_a_service_token_that_is_not_valid_is_refused_whoever_the_user_is(server: Running, nova: str) -> None:
    own = mia(server)
    for bad in ("nonsense", expired(server, nova, 1), own, server.token()):  # the last two are no service's
        reply = server.who(X_Auth_Token=own, X_Service_Token=bad)
        assert reply.status_code == 401
        assert reply.headers["WWW-Authenticate"].startswith("Keystone uri=")
    assert server.who(X_Service_Token=nova).status_code == 401


def test_an_expired_user_token_counts_for_two_days_beside_a_service_token(server: Running, nova: str) -> None:
    own = mia(server)
    for late, status in ((1, 200), (EXPIRED_WINDOW_S - 60, 200), (EXPIRED_WINDOW_S + 1, 401)):
        assert server.who(X_Auth_Token=expired(server, own, late), X_Service_Token=nova).status_code == status
        assert server.who(X_Auth_Token=expired(server, own, late)).status_code == 401


def test_no_service_token_brings_a_revoked_token_back_also_after_a_restart(server: Running, nova: str) -> None:
    own = mia(server)
    late = expired(server, own, 5)
    headers = {"X-Auth-Token": server.token(), "X-Subject-Token": own}
    assert server.http.delete("/identity/v3/auth/tokens", headers=headers).status_code == 204
    assert server.who(X_Auth_Token=late, X_Service_Token=nova).status_code == 401
    claims = jwt.decode(own, options={"verify_signature": False})
    restarted = Tokens(server.directory, lambda: claims["exp"] + 10.0)
    with pytest.raises(InvalidTokenError):
        restarted.read(own, expired_too=True)


def test_a_service_validates_an_expired_token_as_with_keystone(server: Running, nova: str) -> None:
    late = expired(server, mia(server), 5)
    path = "/identity/v3/auth/tokens"
    assert server.get(path, nova, **{"X-Subject-Token": late}).status_code == 404
    reply = server.get(f"{path}?allow_expired=1", nova, **{"X-Subject-Token": late})
    assert (reply.status_code, reply.json()["token"]["user"]["name"]) == (200, "mia")


@pytest.fixture
def by_keystone(keystone: KeystoneService, tmp_path: Path) -> Iterator[Running]:
    """Run a server in mode `keystone`, which knows the user `tunbridge` as a service."""
    secret = tmp_path / "password"
    secret.write_text("tunbridgetunbridge\n")
    settings: dict[str, Any] = {"auth_url": keystone.url, "username": "tunbridge", "password_file": str(secret)}
    config = AuthConfig(mode="keystone", directory=str(tmp_path / "auth"), keystone=KeystoneConfig(**settings))
    with running(config) as ran:
        yield ran


def test_a_real_keystone_vouches_for_both_tokens(by_keystone: Running, keystone: KeystoneService) -> None:
    own, service = keystone.token("mia", "miamia", "demo"), keystone.token("tunbridge", "tunbridgetunbridge", "service")
    caller = by_keystone.who(X_Auth_Token=own, X_Service_Token=service).json()["caller"]
    assert (caller["user_name"], caller["service_roles"]) == ("mia", ["service"])
    assert by_keystone.who(X_Auth_Token=own, X_Service_Token=own).status_code == 401
    assert by_keystone.who(X_Auth_Token=own, X_Service_Token="gAAAAABnothing").status_code == 401
    assert by_keystone.who(X_Auth_Token=own).json()["caller"]["service_roles"] == []


def test_a_token_that_keystone_let_expire_counts_beside_a_service_token(
    by_keystone: Running, keystone: KeystoneService
) -> None:
    service = keystone.token("tunbridge", "tunbridgetunbridge", "service")
    with keystone.short_lived_tokens():
        own = keystone.token("mia", "miamia", "demo")
        time.sleep(SHORT_S + 0.1)
        assert by_keystone.who(X_Auth_Token=own).status_code == 401
        assert by_keystone.who(X_Auth_Token=own, X_Service_Token=service).status_code == 200
