"""The stream of events: who hears what, in which order, and how a stream ends."""

import contextlib
import http.client
import json
import queue
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.serving import Cloud, User, error, serving
from tunbridge.api.events import MOST

PATIENCE_S = 20.0


class Follower:
    """Reads a stream in the background."""

    def __init__(self, cloud: Cloud, user: User, query: str = "") -> None:
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        where = urlsplit(cloud.url)
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        self._connection.request("GET", f"/v2.0/events{query}", headers={"X-Auth-Token": user.token})
        self._socket = self._connection.sock
        response = self._connection.getresponse()
        assert (response.status, response.headers["content-type"]) == (200, "text/event-stream")
        self._thread = threading.Thread(target=self._read, args=(response,), daemon=True)
        self._thread.start()
        assert self.next()["event_type"] == "stream.begin"

    def _read(self, response: http.client.HTTPResponse) -> None:
        name = ""
        with contextlib.suppress(OSError, http.client.HTTPException):
            for line in map(str.rstrip, map(bytes.decode, response)):
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    event = json.loads(line.removeprefix("data: "))
                    assert event["event_type"] == name
                    self.events.put(event)

    def next(self) -> dict[str, Any]:
        return self.events.get(timeout=PATIENCE_S)

    def until(self, kind: str) -> list[dict[str, Any]]:
        """The events up to the next one of a kind."""
        found = [self.next()]
        while found[-1]["event_type"] != kind:
            found.append(self.next())
        return found

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the server may have been first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_S)
        self._connection.close()


@contextlib.contextmanager
def following(cloud: Cloud, user: User, query: str = "") -> Iterator[Follower]:
    follower = Follower(cloud, user, query)
    try:
        yield follower
    finally:
        follower.close()


def test_what_a_member_does_comes_in_order_as_the_api_shows_it(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    with following(cloud, mia) as follower:
        network = mia.create("network", name="followed")
        mia.put(f"/networks/{network['id']}", {"network": {"name": "renamed"}})
        mia.remove("network", network["id"])
        events = follower.until("network.delete.end")
    about = [(e["event_type"], e["payload"]["network"]["name"]) for e in events if "network" in e["payload"]]
    assert about == [
        ("network.create.end", "followed"), ("network.update.end", "renamed"), ("network.delete.end", "renamed"),
    ]  # fmt: skip
    assert events[0]["payload"]["network"] == network


def test_a_subnet_and_a_port_are_told_with_what_they_change_beside_them(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    network = mia.create("network")
    with following(cloud, mia) as follower:
        subnet = mia.create("subnet", network_id=network["id"], ip_version=4, cidr="10.9.0.0/24")
        kinds = {e["event_type"]: e["payload"] for e in follower.until("network.update.end")}
        assert kinds["subnet.create.end"] == {"subnet": subnet}
        assert kinds["network.update.end"]["network"]["subnets"] == [subnet["id"]]
        port = mia.create("port", network_id=network["id"])
        (made,) = [e for e in follower.until("port.create.end") if e["event_type"] == "port.create.end"]
        assert made["payload"]["port"] == port
        mia.remove("port", port["id"])
        gone = follower.until("port.delete.end")[-1]["payload"]["port"]
        assert (gone["id"], gone["mac_address"]) == (port["id"], port["mac_address"])


def test_each_hears_only_of_what_they_may_see_and_as_they_may(cloud: Cloud) -> None:
    mia, otto, admin = cloud.user("mia"), cloud.user("otto"), cloud.user("admin")
    with following(cloud, otto) as others, following(cloud, admin) as all_of_it:
        hers = mia.create("network", name="hers")
        his = otto.create("network", name="his")
        assert others.until("network.create.end")[-1]["payload"]["network"]["id"] == his["id"]
        seen = all_of_it.until("network.create.end")[-1]["payload"]["network"]
        assert seen["id"] == hers["id"]
        assert "provider:network_type" in seen
        assert "provider:network_type" not in his


def test_only_what_was_asked_for_comes(cloud: Cloud) -> None:
    mia = cloud.user("mia")
    with following(cloud, mia, "?resource=subnet&resource=port") as follower:
        network = mia.create("network")
        mia.create("subnet", network_id=network["id"], ip_version=4, cidr="10.9.0.0/24")
        assert follower.next()["event_type"] == "subnet.create.end"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"resource": "ports"}, "resource=ports: it is one of "),
        ({"since": "1"}, "since is no parameter of a stream of events; resource is"),
    ],
)
def test_a_query_that_means_nothing_is_refused(cloud: Cloud, query: dict[str, str], words: str) -> None:
    status, _, message = error(cloud.user("mia").get("/events", **query))
    assert (status, words in message) == (400, True)


def test_without_a_token_nothing_is_told(cloud: Cloud) -> None:
    assert httpx.get(f"{cloud.url}/v2.0/events").status_code == 401
    assert cloud.user("mia").post("/events", {}).status_code in (404, 405)


def test_it_is_listed_as_an_extension(cloud: Cloud) -> None:
    assert cloud.user("mia").get("/extensions/event-stream").status_code == 200


def test_a_project_that_follows_by_very_many_streams_leaves_the_others_theirs(tmp_path: Path) -> None:
    with serving(tmp_path) as cloud, contextlib.ExitStack() as stack:
        mia, otto = cloud.user("mia"), cloud.user("otto")
        for _ in range(MOST):
            stack.enter_context(following(cloud, mia))
        status, _, message = error(mia.get("/events"))
        assert (status, "your project its share" in message) == (503, True)
        stack.enter_context(following(cloud, otto))


def test_a_server_that_ends_says_so_and_does_not_wait_for_its_followers(tmp_path: Path) -> None:
    with serving(tmp_path) as cloud, following(cloud, cloud.user("admin")) as follower:
        assert "tunbridge_server_event_streams 1.0" in cloud.http.get(f"{cloud.url}/metrics").text
        process = cloud.process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        assert follower.until("stream.end")[-1]["payload"] == {"reason": "the server ends"}
        assert process.wait(4) == 0
