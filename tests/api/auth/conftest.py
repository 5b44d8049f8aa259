"""A server with users of its own, shared by the tests of a module."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from tests.api.auth.server import Running, running
from tunbridge.api.auth import passwords
from tunbridge.api.auth.config import AuthConfig
from tunbridge.api.auth.passwords import hashed
from tunbridge.api.auth.users import add_user, edit, grant

MEMBER_PASSWORD = "correct horse battery"


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Hash passwords at the least cost: what a real one costs is a test of its own (test_guessing.py)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run a server in mode `builtin`: the first user, and `mia`, a member of `demo` and reader of `other`."""
    with running(AuthConfig(directory=str(tmp_path_factory.mktemp("auth")))) as ran:
        with edit(ran.directory) as users:
            add_user(users, "mia", hashed(MEMBER_PASSWORD), "demo", "member")
            grant(users, "mia", "other", "reader")
        yield ran
