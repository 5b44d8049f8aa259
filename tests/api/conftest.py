"""One server, and one Keystone, for all tests of the API that need no special one: each makes its own things in it."""

from collections.abc import Iterator

import pytest

from tests.api.auth.keystone_service import KeystoneService
from tests.api.serving import Cloud, serving


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run a server with all that is declared (`preview`), and quotas that tests do not reach by accident."""
    quotas = "{ network = -1, subnet = -1, port = -1, security_group = -1, security_group_rule = -1, rbac_policy = -1 }"
    with serving(tmp_path_factory.mktemp("cloud"), networking={"default_quotas": quotas}) as running:
        yield running


@pytest.fixture(scope="session")
def keystone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeystoneService]:
    """Run a real Keystone with `tunbridge`, a service user, and `mia`, a member of `demo`."""
    service = KeystoneService(tmp_path_factory.mktemp("keystone"))
    try:
        service.start()
        service.add_user("tunbridge", "service", "service")
        service.add_user("mia", "demo", "member")
        yield service
    finally:
        service.close()
