"""A full disk, a lost leader, a large snapshot: the server answers, and what it acknowledged is there."""

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from bench.many import fill
from tests.api.crowd import check_rows
from tests.api.serving import Cloud, serving
from tests.api.test_crashes import UNLIMITED, check_made, creating, wait_for
from tests.database.members import leader_of, three_members
from tests.database.test_connection import database
from tunbridge.model import catalog

PORTS = 6000
LEFT = 8 << 20
"""Bytes on the disk with which the server no longer writes: the last ones would stop its database."""


@pytest.fixture
def small_disk() -> Iterator[Path]:
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("needs root: it mounts a tmpfs")
        pytest.skip("needs root: it mounts a tmpfs")
    with tempfile.TemporaryDirectory(prefix="tbdb") as made:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", made], check=True)
        try:
            yield Path(made)
        finally:
            subprocess.run(["umount", "--lazy", made], check=True)


def test_on_a_full_disk_changes_are_refused_lists_are_answered_and_nothing_is_lost(
    small_disk: Path, tmp_path: Path
) -> None:
    with serving(tmp_path, networking=UNLIMITED, state_dir=str(small_disk), run_dir=str(small_disk / "run")) as cloud:
        user = cloud.user()
        before = user.create("network", name="before")["id"]
        rest = os.statvfs(small_disk)
        (small_disk / "somebody elses").write_bytes(b"x" * (rest.f_bavail * rest.f_frsize - LEFT))

        def refused() -> bool:
            return user.post("/networks", {"network": {"name": "maybe"}}).status_code == 503

        wait_for(refused)
        for reply in (
            user.post("/networks", {"network": {"name": "never"}}),
            user.put(f"/networks/{before}", {"network": {"name": "never"}}),
            user.delete(f"/networks/{before}"),
        ):
            assert (reply.status_code, reply.headers["retry-after"]) == (503, "1"), reply.text
        assert user.show("network", before)["name"] == "before"
        assert user.list("network", name="never") == []
        (small_disk / "somebody elses").unlink()
        wait_for(lambda: user.post("/networks", {"network": {"name": "after"}}).status_code == 201)
        assert user.list("network", name="after")
        cloud.kill()
        cloud.start()
        assert {one["name"] for one in cloud.user().list("network")} >= {"before", "after"}
        check_rows(cloud.database)


def test_three_members_go_on_when_the_leader_is_killed(tmp_path: Path) -> None:
    with three_members(catalog.tables()) as members:
        remotes = [one.remote for one in members]
        with serving(tmp_path, members[0], networking=UNLIMITED, remotes=remotes) as cloud:

            def kill_leaders(_over: threading.Event) -> None:
                for _ in range(2):
                    leader = leader_of(members)
                    leader.kill()
                    wait_for(lambda: cloud.http.get(f"{cloud.url}/readyz").status_code == 200)
                    leader.start()

            found = creating(cloud.user(), kill_leaders)
            assert None not in found.values()
            assert 201 in found.values()
            cloud.database = leader_of(members)
            check_made(cloud.user(), found)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run a server with a network of many ports."""
    with serving(tmp_path_factory.mktemp("large"), networking=UNLIMITED) as cloud:
        user = cloud.user()
        network = user.create("network", name="many")["id"]
        user.create("subnet", network_id=network, ip_version=4, cidr="10.9.0.0/16")
        first = user.create("port", network_id=network, name="p", fixed_ips=[{"ip_address": "10.9.0.9"}])
        asyncio.run(fill(cloud.database.remote, first["id"], PORTS - 1))
        yield cloud


def test_while_a_large_snapshot_is_loaded_it_answers_and_says_that_it_is_not_ready(large: Cloud) -> None:
    large.kill()
    answers: list[tuple[int, int]] = []
    over = threading.Event()

    def ask() -> None:
        with httpx.Client(timeout=60) as client:
            wait_for(lambda: bool(large.url) or over.is_set())
            while not over.is_set():
                answers.append(
                    (client.get(f"{large.url}/healthz").status_code, client.get(f"{large.url}/readyz").status_code)
                )

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        large.start()
    finally:
        over.set()
        asking.join()
    assert {health for health, _ in answers} == {200}
    assert (200, 503) in answers
    assert len(large.user().list("port", fields="id")) == PORTS


def test_requests_that_come_while_all_is_loaded_anew_are_answered_when_it_is_there(large: Cloud) -> None:
    user, loads = large.user(), figure(large, "loads")
    network = user.list("network")[0]["id"]
    large.database.kill()
    wait_for(lambda: large.http.get(f"{large.url}/readyz").status_code == 503)
    with asleep(large):
        large.database.start()
        asyncio.run(rename(large.database.remote, network, "meanwhile"))
        # Started again on a compacted file, it does not know what was changed last: nobody can resume.
        large.database.appctl("ovsdb-server/compact")
        large.database.kill()
        large.database.start()
    with ThreadPoolExecutor(1) as another:
        listed = another.submit(user.list, "network", name="meanwhile")
        during = 0
        while large.http.get(f"{large.url}/readyz").status_code == 503:
            during += large.http.get(f"{large.url}/healthz").status_code == 200
        assert [one["id"] for one in listed.result()] == [network]
    assert figure(large, "loads") == loads + 1
    assert during > 0
    assert len(user.list("port", fields="id")) == PORTS


@contextlib.contextmanager
def asleep(cloud: Cloud) -> Iterator[None]:
    """Stop the server's process for a while."""
    assert cloud.process is not None
    cloud.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        cloud.process.send_signal(signal.SIGCONT)


async def rename(remote: str, network: str, name: str) -> None:
    """Change a network past the server."""
    async with database(remote, tables=catalog.tables()) as another:
        await another.commit(lambda txn: txn.update("Network", network, {"name": name}))


def figure(cloud: Cloud, name: str) -> float:
    """Give a counter of the database's connection."""
    for line in cloud.http.get(f"{cloud.url}/metrics").text.splitlines():
        if line.startswith(f"tunbridge_server_database_{name}_total "):
            return float(line.split()[1])
    raise AssertionError(f"no figure {name}")
