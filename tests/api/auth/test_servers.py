"""Servers that share a directory, one after the other or side by side, know each other's tokens."""

from pathlib import Path

from tests.api.auth.server import running
from tunbridge.api.auth.base import EXPIRED_WINDOW_S
from tunbridge.api.auth.config import AuthConfig
from tunbridge.api.auth.tokens import Claims, Revoked, Tokens


def test_a_restart_keeps_users_passwords_and_tokens(tmp_path: Path) -> None:
    config = AuthConfig(directory=str(tmp_path / "auth"))
    with running(config) as server:
        password, token = server.password, server.token()
    with running(config) as server:
        assert server.password == password
        assert server.who(X_Auth_Token=token).status_code == 200
        assert "made the user admin" not in server.log.getvalue()


def test_a_token_revoked_on_one_server_ends_on_the_other(tmp_path: Path) -> None:
    config = AuthConfig(directory=str(tmp_path / "auth"))
    with running(config) as one, running(config) as other:
        token = one.token()
        assert other.who(X_Auth_Token=token).status_code == 200
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        assert one.http.delete("/identity/v3/auth/tokens", headers=headers).status_code == 204
        assert other.who(X_Auth_Token=token).status_code == 401
    with running(config) as later:
        assert later.who(X_Auth_Token=token).status_code == 401


def test_what_has_expired_is_dropped_from_the_list_at_a_start_and_the_rest_stays(tmp_path: Path) -> None:
    revoked = Revoked(tmp_path)
    revoked.add("old", 100)
    revoked.add("new", 300)
    # For so long a service token may vouch for an expired one, but never for a revoked one.
    Tokens(tmp_path, lambda: 200.0 + EXPIRED_WINDOW_S)
    assert (tmp_path / "revoked").read_text() == "new 300\n"
    assert "new" in revoked  # the one that had read the longer file goes on with the shorter
    revoked.add("newer", 400)
    assert "newer" in Revoked(tmp_path)


def test_a_known_token_is_decoded_once_and_still_ends(tmp_path: Path) -> None:
    now = [100.0]
    tokens = Tokens(tmp_path, lambda: now[0])
    claims = Claims(id="a", user="u", stamp="s", methods=["password"], roles=[], issued=100.0, exp=200)
    text = tokens.issue(claims)
    assert tokens.read(text) == claims
    assert tokens.read(text) is tokens.read(text)
