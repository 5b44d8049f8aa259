"""One server for all attacks: with a proxy that it trusts, quotas as they are, and few open files at its start."""

import resource
from collections.abc import Iterator

import pytest

from tests.api.serving import Cloud, serving

PROXY = "127.0.0.9"


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))
    try:
        with serving(tmp_path_factory.mktemp("http"), top=[f'trusted_proxies = ["{PROXY}"]']) as running:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            yield running
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
