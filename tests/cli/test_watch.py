"""`--watch`: what is shown follows the hosts by their databases' own word, until it is ended."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_see import COMPUTE, TUNBRIDGE, run
from tests.inspect.test_live import SCHEMA, Database, serving

pytestmark = pytest.mark.skipif(not SCHEMA.exists(), reason="Open vSwitch is not installed")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    folder = tmp_path / "ovs"
    folder.mkdir()
    with serving(folder, SCHEMA) as base:
        base.vsctl("add-br", "br-int", "--", "add-port", "br-int", "p1")
        yield base


class Watching:
    """A running command whose standard output is read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def change(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.line())
        return found

    def until(self, text: str) -> str:
        while True:
            line = self.line()
            assert line, f"ended before {text!r}"
            if text in line:
                return line

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@contextmanager
def watching(*arguments: str | Path) -> Iterator[Watching]:
    argv = [*TUNBRIDGE, *map(str, arguments)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        try:
            yield Watching(process)
        finally:
            process.kill()


def ports(document: dict[str, Any]) -> set[str]:
    return {port["name"] for host in document["hosts"] for bridge in host["bridges"] for port in bridge["ports"]}


def revive(database: Database) -> None:
    """Start a database's server that was killed."""
    database.run(
        "ovsdb-server", f"{database.folder}/conf.db", f"--remote=punix:{database.folder}/db.sock",
        f"--unixctl={database.folder}/ovsdb.ctl", "--no-chdir", "--detach", f"--pidfile={database.folder}/ovsdb.pid",
    )  # fmt: skip


def test_each_change_of_the_wiring_is_a_line_of_json_and_counters_are_none(database: Database) -> None:
    with watching("draw", "--watch", "-f", "json", f"h={database.remote}") as watch:
        first = watch.change()
        assert ports(first["document"]) == {"br-int", "p1"}
        assert first["unreachable"] == {}
        database.vsctl("add-port", "br-int", "p2")
        second = watch.change()
        assert ports(second["document"]) == {"br-int", "p1", "p2"}
        assert second["changed"] == [database.remote]
        for count in range(5):
            database.vsctl("set", "interface", "p1", f"statistics:rx_packets={count}")
        database.vsctl("del-port", "p2")
        assert ports(watch.change()["document"]) == {"br-int", "p1"}, "counters made no line before this one"
        assert watch.end() == 0


def test_a_database_that_goes_and_comes_back_is_told_and_followed_again(database: Database) -> None:
    pid = int((database.folder / "ovsdb.pid").read_text())
    with watching("draw", "--watch", "-f", "json", f"h={database.remote}", COMPUTE) as watch:
        assert watch.change()["unreachable"] == {}
        os.kill(pid, signal.SIGKILL)
        gone = watch.change()
        while database.remote not in gone["unreachable"]:
            gone = watch.change()
        assert "p1" in ports(gone["document"]), "shown as it was"
        revive(database)
        while watch.change()["unreachable"]:
            pass
        database.vsctl("add-port", "br-int", "p3")
        while "p3" not in ports(watch.change()["document"]):
            pass
        assert watch.end(signal.SIGTERM) == 0


def test_findings_that_come_and_go_are_told_and_the_status_is_that_of_the_last(database: Database) -> None:
    with watching("check", "--watch", f"h={database.remote}") as watch:
        watch.until(database.remote)
        database.vsctl(
            "add-port", "br-int", "patch-tun", "--", "set", "interface", "patch-tun", "type=patch",
            "options:peer=nowhere",
        )  # fmt: skip
        found = watch.until("patch-peer-missing")
        assert found.startswith("  found    error patch-peer-missing: h: ")
        database.vsctl("del-port", "patch-tun")
        assert watch.until("patch-peer-missing").startswith("  no more  error")
        assert watch.end() == 0
    with watching("check", "--watch", "-f", "json", f"h={database.remote}") as watch:
        assert "patch-peer-missing" not in [one["code"] for one in watch.change()["found"]]
        database.vsctl(
            "add-port", "br-int", "patch-tun", "--", "set", "interface", "patch-tun", "type=patch",
            "options:peer=nowhere",
        )  # fmt: skip
        change = watch.change()
        assert [one["code"] for one in change["found"]] == ["patch-peer-missing"]
        assert change["gone"] == []
        assert watch.end() == 1


def test_a_file_is_written_anew_and_whole(database: Database, tmp_path: Path) -> None:
    picture = tmp_path / "host.svg"
    with watching("draw", "--watch", "-o", picture, f"h={database.remote}"):
        until(lambda: picture.exists())
        assert "another" not in picture.read_text()
        database.vsctl("add-port", "br-int", "another")
        until(lambda: "another" in picture.read_text())
        assert picture.read_text().rstrip().endswith("</svg>")


def until(done: Any) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_on_a_terminal_the_picture_is_drawn_in_place_of_the_last(database: Database) -> None:
    ours, theirs = pty.openpty()
    argv = [*TUNBRIDGE, "draw", "-w", f"h={database.remote}"]
    with subprocess.Popen(argv, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        try:
            shown = read_until(ours, b"Ctrl-C ends")
            assert shown.startswith(b"\x1b[H\x1b[2J")
            database.vsctl("add-port", "br-int", "newest")
            again = read_until(ours, b"Ctrl-C ends")
            assert again.count(b"\x1b[H\x1b[2J") == 1
            assert b"newest" in again
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()
            os.close(ours)


def read_until(terminal: int, text: bytes) -> bytes:
    shown = b""
    while text not in shown:
        shown += os.read(terminal, 65536)
    return shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["draw", "--watch", str(COMPUTE)], "is not live: nothing will change there"),
        (["draw", "--watch", "/no/such/file"], "/no/such/file: cannot be read"),
        (["draw", "--watch", "-f", "svg", "unix:/x"], "--watch: svg goes to a file"),
        (["check", "--watch", "--counters", "5", "unix:/x"], "neither with --counters nor with -o"),
    ],
)
def test_what_cannot_be_watched_is_refused(arguments: list[str], told: str) -> None:
    done = run(*arguments)
    assert done.returncode in (1, 2)
    assert told in done.stderr
