"""A server with users of its own, shared by the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.api.auth import cheap
from tests.api.auth.server import Running, running
from tunbridge.api.auth.config import AuthConfig
from tunbridge.api.auth.passwords import hashed
from tunbridge.api.auth.users import add_user, edit, grant

MEMBER_PASSWORD = "correct horse battery"


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    with cheap.cheap_hashes():
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run a server in mode `builtin`: the first user, and `mia`, a member of `demo` and reader of `other`."""
    with running(AuthConfig(directory=str(tmp_path_factory.mktemp("auth")))) as ran:
        with edit(ran.directory) as users:
            add_user(users, "mia", hashed(MEMBER_PASSWORD), "demo", "member")
            grant(users, "mia", "other", "reader")
        yield ran
