"""The database or the server is killed in the middle of requests: acknowledged is there, and nothing is there twice."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.crowd import at_once, check_rows
from tests.api.serving import Cloud, User, serving

CLIENTS = 8
UNLIMITED = {"default_quotas": "{ network = -1 }"}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with serving(tmp_path, networking=UNLIMITED) as running:
        yield running


def creating(user: User, disturb: Callable[[threading.Event], None]) -> dict[str, int | None]:
    """Have clients create networks, each of a name of its own, while something happens; give status by name.

    None: there was no answer. `disturb` sets the event when the clients are to stop.
    """
    found: dict[str, int | None] = {}
    over = threading.Event()
    numbers = itertools.count()
    url = user.cloud.url

    def client(_number: int) -> None:
        while not over.is_set():
            name = f"n{next(numbers)}"
            headers = {"X-Auth-Token": user.token}
            try:
                reply = user.cloud.http.post(f"{url}/v2.0/networks", json={"network": {"name": name}}, headers=headers)
            except httpx.TransportError:
                found[name] = None
                return
            found[name] = reply.status_code
            assert reply.status_code == 201 or (reply.status_code == 503 and reply.headers["retry-after"]), reply.text

    def work(number: int) -> None:
        if number < CLIENTS:
            client(number)
            return
        try:
            wait_for(lambda: len(found) > 2 * CLIENTS)
            disturb(over)
        finally:
            over.set()

    at_once(work, range(CLIENTS + 1), CLIENTS + 1)
    return found


def wait_for(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)


def check_made(user: User, found: dict[str, int | None]) -> None:
    """Compare what is there with what clients were told."""
    there = Counter(network["name"] for network in user.list("network", fields="name"))
    assert [name for name, status in found.items() if status == 201 and there[name] != 1] == []
    assert [name for name, times in there.items() if times > 1] == []
    check_rows(user.cloud.database)


def test_a_killed_database_loses_nothing_and_makes_nothing_twice(cloud: Cloud) -> None:
    def kill_and_start(_over: threading.Event) -> None:
        for _ in range(5):
            cloud.database.kill()
            cloud.database.start()
            wait_for(lambda: cloud.http.get(f"{cloud.url}/readyz").status_code == 200)

    found = creating(cloud.user(), kill_and_start)
    assert None not in found.values()
    check_made(cloud.user(), found)


def test_while_there_is_no_database_clients_are_told_to_come_again_and_it_still_answers(cloud: Cloud) -> None:
    user = cloud.user()
    network = user.create("network", name="before")["id"]
    cloud.database.kill()
    for reply in (
        user.post("/networks", {"network": {"name": "refused"}}),
        user.delete(f"/networks/{network}"),
        user.get("/networks"),
    ):
        assert reply.status_code == 503
        assert int(reply.headers["retry-after"]) > 0
        assert reply.json()["NeutronError"]["type"] == "ServiceUnavailable"
    assert cloud.http.get(f"{cloud.url}/healthz").status_code == 200
    assert cloud.http.get(f"{cloud.url}/readyz").status_code == 503
    cloud.database.start()
    wait_for(lambda: cloud.http.get(f"{cloud.url}/readyz").status_code == 200)
    assert [one["name"] for one in user.list("network")] == ["before"]


def test_a_server_killed_in_the_middle_of_requests_has_kept_what_it_acknowledged(cloud: Cloud) -> None:
    user = cloud.user()

    def kill(_over: threading.Event) -> None:
        process = cloud.process
        assert process is not None
        process.kill()

    found = creating(user, kill)
    assert None in found.values()
    cloud.kill()
    cloud.start()
    check_made(cloud.user(), found)
