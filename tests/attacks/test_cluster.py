"""A cluster of three whose leader is killed, stopped or cut off: the server goes on with the next one, nothing is lost.

Each member and the client has a network namespace of its own. The gaps without an acknowledged write are printed
(`pytest -s`); docs/database.md has what was measured.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.network import Network, network
from tests.database.members import Member
from tests.database.tables import TABLES
from tunbridge.database import files, schema
from tunbridge.database.connection import Database

ROUNDS = int(os.environ.get("TUNBRIDGE_ATTACKS", "1"))
CLIENT = 3


class Cluster:
    """Three members and a writer."""

    def __init__(self, folder: Path, net: Network) -> None:
        self.net = net
        self.members: list[Member] = []
        for number in range(3):
            place = folder / str(number)
            place.mkdir()
            raft = f"tcp:{net.address(number)}:6644"
            self.members.append(Member(place, TABLES, raft, namespace=net.names[number]))
        self.writer: subprocess.Popen[str] | None = None

    def start(self) -> None:
        first = self.members[0]
        files.create(first.folder / "db", TABLES, first.raft)
        first.start()
        for made in self.members[1:]:
            made.join(first.raft)
            made.start()
            wait_for(lambda made=made: "Status: cluster member" in made.appctl("cluster/status", schema.NAME))  # type: ignore[misc]
        argv = [sys.executable, "-m", "tests.attacks.writer", *(made.remote for made in self.members)]
        self.writer = subprocess.Popen(
            ["ip", "netns", "exec", self.net.names[CLIENT], *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.go_on(20)

    def go_on(self, writes: int) -> None:
        """Wait until so many more writes are acknowledged."""
        enough = self.say("count") + writes
        wait_for(lambda: self.say("count") >= enough)

    def say(self, word: str) -> Any:
        assert self.writer is not None
        assert self.writer.stdin is not None
        assert self.writer.stdout is not None
        self.writer.stdin.write(word + "\n")
        self.writer.stdin.flush()
        line = next(line for line in self.writer.stdout if line.startswith("{"))  # others are its log
        return json.loads(line)["said"]

    def leader(self) -> int:
        """Give the number of the member that leads in the newest term.

        One that was stopped or cut off believes for a while that it still leads, in an older term.
        """
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            statuses = [one.appctl("cluster/status", schema.NAME) if one.process else "" for one in self.members]
            terms = [int(found[1]) if (found := re.search(r"^Term: (\d+)$", said, re.M)) else -1 for said in statuses]
            for number, said in enumerate(statuses):
                if terms[number] == max(terms) and "Role: leader" in said:
                    return number
            time.sleep(0.01)
        raise AssertionError("no member leads")

    def close(self) -> None:
        if self.writer is not None:
            self.writer.kill()
            self.writer.wait()
        for made in self.members:
            made.stop()


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it does not come to be"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("needs root: it makes network namespaces")
        pytest.skip("needs root: it makes network namespaces")
    with tempfile.TemporaryDirectory(prefix="tbdb") as folder, network(4) as net, contextlib.ExitStack() as stack:
        made = Cluster(Path(folder), net)
        stack.callback(made.close)
        made.start()
        yield made


@contextlib.contextmanager
def killed(cluster: Cluster, number: int) -> Iterator[None]:
    cluster.members[number].kill()
    yield
    cluster.members[number].start()


@contextlib.contextmanager
def stopped(cluster: Cluster, number: int) -> Iterator[None]:
    process = cluster.members[number].process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def cut(cluster: Cluster, number: int) -> Iterator[None]:
    cluster.net.cut(number)
    try:
        yield
    finally:
        cluster.net.mend(number)


FAULTS = {"killed": killed, "stopped": stopped, "cut off": cut}


def test_the_next_leader_is_found_when_the_leader_is_killed_stopped_or_cut_off(cluster: Cluster) -> None:
    for fault in [*FAULTS] * ROUNDS:
        leader = cluster.leader()
        cluster.say("gap")
        with FAULTS[fault](cluster, leader):
            time.sleep(0.3)  # what is on its way comes in
            cluster.go_on(50)
            found = cluster.say("gap")
        print(f"{fault}: {found['seconds']:.2f} s, {found['reasons']}")
        if fault != "killed":
            assert any(reason.endswith(" leads") for reason in found["reasons"]), (
                "it was left because another one leads"
            )
        cluster.go_on(50)
    check(cluster)


def check(cluster: Cluster) -> None:
    """What was acknowledged is there, once; what is there was asked for."""
    acknowledged = cluster.say("end")
    leader = cluster.leader()

    async def names() -> list[str]:
        db = Database(TABLES)
        await db.start([f"unix:{cluster.members[leader].folder}/sock"])
        try:
            await db.wait_ready(20)
            return [row.name for row in db.store.all("Group")]
        finally:
            await db.close()

    there = Counter(asyncio.run(names()))
    assert not [name for name in acknowledged if not there[name]], "lost"
    assert not [name for name, times in there.items() if times > 1], "twice"
