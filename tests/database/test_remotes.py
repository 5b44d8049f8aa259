"""Remotes of every kind: TCP, IPv6, TLS with certificates of both sides."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import certificates
from tests.database.tables import TABLES
from tests.database.test_connection import insert
from tunbridge.database.connection import Database
from tunbridge.database.errors import DatabaseUnavailable
from tunbridge.database.server import Embedded
from tunbridge.database.session import RemoteError
from tunbridge.openvswitch.tls import Files


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert shutil.which("openssl") is not None, "openssl is not installed"
    return certificates.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tbdb") as made:
        yield Path(made)


def files(keys: Path, name: str, ca: str = "ca") -> Files:
    return Files(keys / f"{name}-key.pem", keys / f"{name}.pem", keys / f"{ca}.pem")


def free_port(family: socket.AddressFamily, address: str) -> int:
    with socket.socket(family) as sock:
        sock.bind((address, 0))
        return int(sock.getsockname()[1])


async def works(remote: str, tls: Files | None = None, wait_s: float = 10) -> None:
    database = Database(TABLES)
    await database.start([remote], tls)
    try:
        await database.wait_ready(wait_s)
        await database.commit(insert("Group", name="x"))
    finally:
        await database.close()


def test_tcp_ipv6_and_tls_with_certificates_of_both_sides(folder: Path, keys: Path) -> None:
    four, six, tls = (
        free_port(socket.AF_INET, "127.0.0.1"),
        free_port(socket.AF_INET6, "::1"),
        free_port(socket.AF_INET, "127.0.0.1"),
    )
    listen = [f"ptcp:{four}:127.0.0.1", f"ptcp:{six}:[::1]", f"pssl:{tls}:127.0.0.1"]

    async def run() -> None:
        server = Embedded(folder, folder / "run", TABLES, listen=listen, tls=files(keys, "server"))
        await server.start()
        try:
            await works(f"tcp:127.0.0.1:{four}")
            await works(f"tcp:[::1]:{six}")
            await works(f"ssl:127.0.0.1:{tls}", files(keys, "client"))
            with pytest.raises(DatabaseUnavailable, match="certificate verify failed"):
                await works(f"ssl:127.0.0.1:{tls}", files(keys, "client", ca="other"), 0.3)
            with pytest.raises(DatabaseUnavailable):
                await works(f"ssl:127.0.0.1:{tls}", files(keys, "stranger"), 0.3)
            with pytest.raises(DatabaseUnavailable, match="needs a private key"):
                await works(f"ssl:127.0.0.1:{tls}", None, 0.3)
        finally:
            await server.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "remote", ["", "unix:", "tcp:host", "tcp::6641", "ssl:host:name", "http://host:1", "host:6641"]
)
def test_a_misspelt_remote_is_refused(remote: str) -> None:
    with pytest.raises(RemoteError, match="expected unix:PATH"):
        asyncio.run(works(remote))


def test_a_listener_that_fails_does_not_stop_the_updates(folder: Path) -> None:
    async def run() -> None:
        server = Embedded(folder, folder / "run", TABLES)
        await server.start()
        database = Database(TABLES)
        failures = 0

        def failing(_table: str, _old: object, _new: object) -> None:
            nonlocal failures
            failures += 1
            raise RuntimeError("a mistake in a listener")

        database.store.listen(failing)
        await database.start([server.remote])
        try:
            await database.wait_ready(5)
            id = await database.commit(insert("Group", name="x"))
            assert database.store.get("Group", id) is not None
            await database.commit(lambda txn: txn.delete("Group", id))
            assert failures == 2
            assert database.stats.reconnects == 0
        finally:
            await database.close()
            await server.close()

    asyncio.run(run())
