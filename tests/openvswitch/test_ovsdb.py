"""The copy of the local OVSDB: where it connects, and what it survives."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import ovs.poller
import pytest

from tests.dataplane.test_diff import Database
from tunbridge.openvswitch.errors import OvsdbError
from tunbridge.openvswitch.ovsdb import LocalOvsdb

PORT = 16640


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[list[Database]]:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(Database(tmp_path / name))
    yield made
    for database in made:
        database.close()


def pump(copy: LocalOvsdb, condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        copy.run()
        if condition():
            return True
        poller = ovs.poller.Poller()
        copy.wait(poller)
        poller.timer_wait(50)
        poller.block()
    return False


def appctl(database: Database, *arguments: str) -> None:
    folder = Path(database.remote.removeprefix("unix:")).parent
    subprocess.run(["ovs-appctl", "-t", folder / "ctl", *arguments], check=True, capture_output=True)


def test_it_starts_on_the_socket_moves_to_the_manager_and_falls_back(databases: list[Database]) -> None:
    one = databases[0]
    copy = LocalOvsdb(one.remote, f"tcp:127.0.0.1:{PORT}")
    assert pump(copy, lambda: copy.connected)
    assert not copy.on_manager
    appctl(one, "ovsdb-server/add-remote", f"ptcp:{PORT}:127.0.0.1")
    one.vsctl("set-manager", f"ptcp:{PORT}:127.0.0.1")
    assert pump(copy, lambda: copy.on_manager)
    appctl(one, "ovsdb-server/remove-remote", f"ptcp:{PORT}:127.0.0.1")
    assert pump(copy, lambda: copy.connected and not copy.on_manager)
    one.vsctl("add-br", "br-new")
    assert pump(copy, lambda: "br-new" in copy.snapshot().bridges)
    copy.close()


def test_another_database_at_the_managers_address_is_not_believed(databases: list[Database]) -> None:
    one, two = databases
    appctl(two, "ovsdb-server/add-remote", f"ptcp:{PORT + 1}:127.0.0.1")
    one.vsctl("set-manager", f"ptcp:{PORT + 1}:127.0.0.1")
    two.vsctl("add-br", "br-two")
    copy = LocalOvsdb(one.remote, f"tcp:127.0.0.1:{PORT + 1}")
    assert not pump(copy, lambda: copy.on_manager, seconds=2)
    assert copy.connected
    assert "br-two" not in copy.snapshot().bridges
    copy.close()


def test_without_a_server_there_is_no_copy_and_no_transaction(tmp_path: Path) -> None:
    copy = LocalOvsdb(f"unix:{tmp_path}/nowhere.sock")
    copy.run()
    assert not copy.connected
    with pytest.raises(OvsdbError, match=r"nowhere\.sock"):
        copy.snapshot()
    with pytest.raises(OvsdbError, match=r"nowhere\.sock"):
        copy.transact([], "test")


def test_a_server_that_dies_and_comes_back_is_found_again(databases: list[Database]) -> None:
    one = databases[0]
    assert pump(one.copy, lambda: one.copy.connected)
    one.process.kill()
    one.process.wait()
    assert pump(one.copy, lambda: not one.copy.connected)
    folder = Path(one.remote.removeprefix("unix:")).parent
    (folder / "db.sock").unlink()
    one.process = subprocess.Popen(
        ["ovsdb-server", folder / "conf.db", f"--remote=p{one.remote}", f"--unixctl={folder}/ctl2", "-voff"]
    )
    assert pump(one.copy, lambda: one.copy.connected)
    assert one.copy.reconnects == 1
