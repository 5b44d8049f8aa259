"""Databases over TCP and TLS: a real ovsdb-server, with keys made for the test."""

import contextlib
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import certificates
from tests.cli.test_see import run
from tests.inspect.test_live import Database, database, fill, pytestmark  # noqa: F401 - a fixture, and a mark
from tunbridge.errors import TunbridgeError
from tunbridge.inspect.live import read_live
from tunbridge.openvswitch import tls


def port_of(base: Database, remote: str) -> str:
    """Have the server listen at a port that is free, and read from its log which one that is."""
    base.run("ovs-appctl", "-t", f"{base.folder}/ovsdb.ctl", "ovsdb-server/add-remote", remote)
    address = re.escape(remote.partition(":")[2])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = re.findall(rf"\|{address}: listening on port (\d+)", (base.folder / "ovsdb.log").read_text())
        if found:
            return str(found[-1])
        time.sleep(0.02)
    raise AssertionError(f"{remote}: ovsdb-server does not listen")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    return certificates.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def secured(database: Database, keys: Path) -> Iterator[tuple[Database, str]]:  # noqa: F811 - the fixture
    database.vsctl("set-ssl", f"{keys}/server-key.pem", f"{keys}/server.pem", f"{keys}/ca.pem")
    options = ("private_key", "certificate", "ca_cert")
    ctl = ("ovs-appctl", "-t", f"{database.folder}/ovsdb.ctl", "exit")
    database.run(*ctl)
    subprocess.run(
        [
            "ovsdb-server", str(database.folder / "conf.db"), f"--remote=punix:{database.folder}/db.sock",
            *(f"--{option.replace('_', '-')}=db:Open_vSwitch,SSL,{option}" for option in options),
            f"--unixctl={database.folder}/ovsdb.ctl", "--no-chdir", "--detach",
            f"--pidfile={database.folder}/ovsdb.pid", f"--log-file={database.folder}/ovsdb.log",
        ],
        env=database.environ, check=True, timeout=30, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield database, f"ssl:127.0.0.1:{port_of(database, 'pssl:0:127.0.0.1')}"
    finally:
        tls.use(tls.Files())


def files(keys: Path, who: str, ca: str = "ca") -> tls.Files:
    return tls.Files(keys / f"{who}-key.pem", keys / f"{who}.pem", keys / f"{ca}.pem")


def test_over_tcp_a_database_gives_the_same_host(database: Database) -> None:  # noqa: F811 - the fixture
    fill(database)
    remote = f"tcp:127.0.0.1:{port_of(database, 'ptcp:0:127.0.0.1')}"
    assert replace(read_live(remote, "h"), source=None) == replace(read_live(database.remote, "h"), source=None)
    done = run("draw", f"node={remote}")
    assert done.returncode == 0 and "node" in done.stdout and "br-int" in done.stdout


def test_nobody_at_a_port_is_an_error() -> None:
    with pytest.raises(TunbridgeError, match=r"tcp:127\.0\.0\.1:1: no OVSDB answers there: Connection refused"):
        read_live("tcp:127.0.0.1:1")


def test_over_tls_a_database_gives_the_same_host(secured: tuple[Database, str], keys: Path) -> None:
    base, remote = secured
    fill(base)
    tls.use(files(keys, "client"))
    assert replace(read_live(remote, "h"), source=None) == replace(read_live(base.remote, "h"), source=None)
    options = ("--private-key", keys / "client-key.pem", "--certificate", keys / "client.pem", "--ca-cert")
    done = run(*options, keys / "ca.pem", "draw", f"node={remote}")
    assert done.returncode == 0 and "node" in done.stdout and "br-int" in done.stdout


def test_a_server_that_our_authority_did_not_sign_is_refused(secured: tuple[Database, str], keys: Path) -> None:
    tls.use(files(keys, "client", ca="other"))
    with pytest.raises(TunbridgeError, match="is not signed by that of --ca-cert"):
        read_live(secured[1])


def test_a_client_that_the_server_does_not_trust_reads_nothing(secured: tuple[Database, str], keys: Path) -> None:
    tls.use(files(keys, "stranger"))
    with pytest.raises(TunbridgeError, match=re.escape(secured[1])):
        read_live(secured[1])


def test_files_for_tls_that_are_missing_are_named(keys: Path, tmp_path: Path) -> None:
    tls.use(tls.Files())
    with pytest.raises(TunbridgeError, match="--private-key was not given"):
        read_live("ssl:127.0.0.1:1")
    done = run("--private-key", tmp_path / "gone.pem", "check", "ssl:127.0.0.1:1")
    assert done.returncode == 2 and "gone.pem: cannot be read" in done.stderr
    (tmp_path / "no.pem").write_text("no key")
    bad = ("--private-key", tmp_path / "no.pem", "--certificate", tmp_path / "no.pem", "--ca-cert", keys / "ca.pem")
    done = run(*bad, "check", "ssl:127.0.0.1:1")
    assert done.returncode == 2 and "Traceback" not in done.stderr and "ssl:127.0.0.1:1" in done.stderr


@pytest.mark.parametrize("sent", [b"", b"[" + b"1," * 50_000], ids=["never begins", "never ends"])
def test_an_answer_that_never_comes_or_never_ends_is_given_up(sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            calling, _ = listening.accept()
            with calling, contextlib.suppress(OSError):
                calling.sendall(sent)
                while sent:
                    calling.sendall(b"1," * 50_000)
                calling.recv(1 << 20)
                calling.recv(1)  # until the other side gives up

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(TunbridgeError, match=r"in time|longer than"):
            read_live(f"tcp:127.0.0.1:{listening.getsockname()[1]}", timeout=1)
        thread.join(10)
        assert not thread.is_alive()
