"""Many people change few things at the same time on two servers: no answer is a failure, and no promise is broken."""

import random
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.crowd import at_once, check_rows, no_failure, two_servers
from tests.api.serving import Cloud, User, path_of

Pair = tuple[Cloud, Cloud]
CLIENTS = 12
STEPS = 60
QUOTAS = "{ network = 12, subnet = 30, port = 60, security_group = 12, security_group_rule = -1, rbac_policy = 20 }"
KINDS = ("network", "subnet", "port", "security_group", "rbac_policy")
CIDRS = (
    {"ip_version": 4, "cidr": "10.0.0.0/26"},
    {"ip_version": 4, "cidr": "10.0.0.32/27"},
    {"ip_version": 6, "cidr": "fd00:1::/64", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"},
    {"ip_version": 6, "cidr": "fd00:2::/64", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"},
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with two_servers(tmp_path_factory.mktemp("chaos"), networking={"default_quotas": QUOTAS}) as clouds:
        yield clouds


class Client:
    """Somebody who does one random thing after the other; `there` is what all of them have made."""

    def __init__(self, user: User, seed: int, there: dict[str, set[str]], lock: threading.Lock) -> None:
        self.user = user
        self.random = random.Random(seed)
        self.there = there
        self.lock = lock
        self.replies: list[httpx.Response] = []

    def pick(self, kind: str) -> str:
        with self.lock:
            found = sorted(self.there[kind])
        return self.random.choice(found) if found else "9c2d1c5e-0000-4000-8000-000000000000"

    def run(self) -> list[httpx.Response]:
        steps = [self.create, self.create, self.delete, self.delete, self.change_port, self.change_network, self.look]
        for _ in range(STEPS):
            self.random.choice(steps)()
        return self.replies

    def did(self, reply: httpx.Response) -> httpx.Response:
        self.replies.append(reply)
        return reply

    def create(self) -> None:
        kind = self.random.choice((*KINDS, "port", "port"))
        reply = self.did(self.user.post(path_of(kind), {kind: self.new(kind)}))
        if reply.status_code == 201:
            with self.lock:
                self.there[kind].add(reply.json()[kind]["id"])
        elif reply.status_code == 404:
            # What was made is never said to be absent, also when somebody has deleted it already.
            assert reply.json()["NeutronError"]["type"] in ("NetworkNotFound", "SecurityGroupNotFound"), reply.text
            assert kind not in ("network", "security_group"), reply.text

    def new(self, kind: str) -> dict[str, Any]:
        network = self.pick("network")
        if kind == "subnet":
            return {"network_id": network, **self.random.choice(CIDRS)}
        if kind == "port":
            groups = {"security_groups": [self.pick("security_group")]} if self.random.random() < 0.3 else {}
            owner = {"device_owner": "network:dhcp"} if self.random.random() < 0.2 else groups
            return {"network_id": network, **owner}
        if kind == "rbac_policy":
            shared = self.random.choice(("network", "security_group"))
            body = {"object_type": shared, "object_id": self.pick(shared), "action": "access_as_shared"}
            return {**body, "target_tenant": self.user.project_id}
        return {"name": "one"}

    def delete(self) -> None:
        kind = self.random.choice(KINDS)
        id = self.pick(kind)
        if self.did(self.user.delete(f"{path_of(kind)}/{id}")).status_code == 204:
            with self.lock:
                self.there[kind].discard(id)

    def change_port(self) -> None:
        port = self.pick("port")
        changes: dict[str, Any] = self.random.choice(
            (
                {"fixed_ips": [{"subnet_id": self.pick("subnet")}]},
                {"fixed_ips": []},
                {"security_groups": [self.pick("security_group")]},
                {"device_id": "server", "device_owner": "compute:nova"},
            )
        )
        self.did(self.user.put(f"/ports/{port}", {"port": changes}))

    def change_network(self) -> None:
        changes: dict[str, Any] = self.random.choice(({"shared": True}, {"shared": False}, {"name": "another"}))
        self.did(self.user.put(f"/networks/{self.pick('network')}", {"network": changes}))

    def look(self) -> None:
        kind = self.random.choice(KINDS)
        self.did(self.user.get(path_of(kind)))


@pytest.mark.parametrize("seed", range(2))
def test_whatever_many_do_at_once_nothing_fails_and_nothing_breaks(pair: Pair, seed: int) -> None:
    there: dict[str, set[str]] = {kind: set() for kind in KINDS}
    lock = threading.Lock()
    clients = [Client(pair[n % 2].user(), seed * CLIENTS + n, there, lock) for n in range(CLIENTS)]
    try:
        replies = [reply for found in at_once(lambda client: client.run(), clients, CLIENTS) for reply in found]
        no_failure(replies)
        assert sum(reply.status_code in (201, 204) for reply in replies) > STEPS
        check_rows(pair[0].database)
    finally:
        left = remove_all(pair[0].user())
    assert left == []


def remove_all(admin: User) -> list[str]:
    """Remove everything, in an order in which nothing is used any more; give what could not be removed."""
    left = []
    for kind in ("rbac_policy", "port", "network", "security_group"):
        for one in admin.list(kind):
            reply = admin.delete(f"{path_of(kind)}/{one['id']}")
            if reply.status_code not in (204, 404) and one.get("name") != "default":
                left.append(reply.text)
    return left
