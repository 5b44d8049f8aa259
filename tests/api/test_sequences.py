"""Random requests by several people, against a simple model of what is there and who may see it.

A seed gives one sequence. TUNBRIDGE_TEST_SEEDS and TUNBRIDGE_TEST_STEPS make the search longer.
"""

import ipaddress
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests.api.crowd import check_rows
from tests.api.serving import Cloud, User, path_of, serving

SEEDS = range(int(os.environ.get("TUNBRIDGE_TEST_SEEDS", "3")))
STEPS = int(os.environ.get("TUNBRIDGE_TEST_STEPS", "150"))
WRITERS = ("admin", "mia", "otto")
READERS = ("rita", "mara")
KINDS = ("network", "subnet", "port", "security_group", "address_scope", "subnetpool", "address_group")
SHAREABLE = ("network", "security_group", "address_scope", "subnetpool", "address_group")
DEVICES = ("server-1", "server-2", "")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    quotas = "{ network = 30, port = 60, security_group = 20, security_group_rule = -1 }"
    with serving(tmp_path_factory.mktemp("sequences"), networking={"default_quotas": quotas}) as cloud:
        yield cloud


@dataclass
class Thing:
    """What the model knows of a thing: who owns it, what it is on, and whose projects it is shared with."""

    id: str
    project: str
    network: str | None = None
    shared: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    """Of a port: the security groups that it was given."""
    base: str | None = None
    """What it is cut out of or belongs to: the pool of a subnet, the address scope of a pool."""
    device: str = ""
    """Of a port: what it is plugged into."""


@dataclass
class Model:
    """All things that should be there, by kind."""

    things: dict[str, dict[str, Thing]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    def sees(self, user: User, kind: str, thing: Thing) -> bool:
        if user.name == "admin" or thing.project == user.project_id:
            return True
        network = self.things["network"].get(thing.network or "")
        if kind == "subnet" and network is not None:
            return network.project == user.project_id or bool(network.shared & {user.project_id, "*"})
        if kind == "port" and network is not None:
            return network.project == user.project_id
        return bool(thing.shared & {user.project_id, "*"})

    def users_of(self, kind: str, thing: Thing) -> list[Thing]:
        """Give what keeps a thing from going."""
        ports = self.things["port"].values()
        if kind == "network":
            return [port for port in ports if port.network == thing.id]
        if kind == "security_group":
            return [port for port in ports if thing.id in port.groups]
        return [one for kind in ("subnet", "subnetpool") for one in self.things[kind].values() if one.base == thing.id]


class Sequence:
    """One sequence of requests."""

    def __init__(self, cloud: Cloud, seed: int) -> None:
        self.cloud = cloud
        self.random = random.Random(seed)
        self.model = Model()
        self.prefix = f"s{seed}-"
        self.told: list[str] = []

    def user(self, names: tuple[str, ...] = WRITERS) -> User:
        return self.cloud.user(self.random.choice(names))

    def somebody(self, thing: Thing) -> User:
        """Give anybody, but more often somebody to whom the thing belongs."""
        user = self.user((*WRITERS, *READERS))
        others = [self.cloud.user(name) for name in WRITERS if self.cloud.user(name).project_id == thing.project]
        return self.random.choice(others) if others and self.random.random() < 0.4 else user

    def may_change(self, user: User, thing: Thing) -> bool:
        """Say whether somebody may change or delete what they see, as owner or as admin."""
        return user.name == "admin" or (thing.project == user.project_id and user.name != "rita")

    def pick(self, kind: str) -> Thing | None:
        things = list(self.model.things[kind].values())
        return self.random.choice(things) if things else None

    def run(self, steps: int) -> None:
        actions: list[Callable[[], None]] = [
            self.create_network, self.create_subnet, self.create_port, self.create_port, self.create_group,
            self.create_rule, self.create_other, self.create_pool, self.move_pool, self.share, self.unshare,
            self.rename, self.delete, self.delete, self.share_with_all, self.guard_port, self.plug, self.look,
            self.look, self.compare, self.compare_devices,
        ]  # fmt: skip
        for _ in range(steps):
            self.random.choice(actions)()
        self.compare()

    def did(self, user: User, reply: httpx.Response, *expected: int) -> bool:
        """Note a reply; say whether it did what was asked."""
        self.told.append(
            f"{user.name} {reply.request.method} {reply.request.url} -> {reply.status_code} {reply.text[:200]}"
        )
        last = "\n".join(self.told[-12:])
        assert reply.status_code < 500, last
        assert not expected or reply.status_code in expected, last
        return reply.is_success

    def create(self, kind: str, user: User, **values: object) -> Thing | None:
        reply = user.post(path_of(kind), {kind: values})
        if not self.did(user, reply, 201, 400, 403, 404, 409):
            return None
        body = reply.json()[kind]
        thing = Thing(body["id"], body["project_id"], body.get("network_id"))
        self.model.things[kind][thing.id] = thing
        return thing

    # Steps

    def create_network(self) -> None:
        user = self.user()
        self.create("network", user, name=f"{self.prefix}net")

    def create_subnet(self) -> None:
        network = self.pick("network")
        if network is not None:
            user = self.user()
            net = ipaddress.ip_network(
                (f"10.{self.random.randrange(3)}.{self.random.randrange(0, 256, 64)}.0", 18), False
            )
            pool = self.pick("subnetpool") if self.random.random() < 0.4 else None
            place = {"cidr": str(net)} if pool is None else {"subnetpool_id": pool.id, "prefixlen": 26}
            made = self.create("subnet", user, network_id=network.id, ip_version=4, name=f"{self.prefix}sub", **place)
            assert made is None or user.name == "admin" or network.project == user.project_id, self.told[-1]
            if made is not None and pool is not None:
                assert self.model.sees(user, "subnetpool", pool), self.told[-1]
                made.base = pool.id

    def create_port(self) -> None:
        network = self.pick("network")
        if network is not None:
            user = self.user()
            made = self.create("port", user, network_id=network.id, name=f"{self.prefix}port")
            usable = user.name == "admin" or self.model.sees(user, "network", network)
            assert (made is None) or usable, self.told[-1]

    def create_group(self) -> None:
        self.create("security_group", self.user(), name=f"{self.prefix}group")

    def create_rule(self) -> None:
        group = self.pick("security_group")
        if group is not None:
            user = self.user()
            port = self.random.randrange(1, 9)
            values = {"direction": "ingress", "protocol": "tcp", "port_range_min": port, "port_range_max": port}
            rule = {"security_group_rule": {"security_group_id": group.id, **values}}
            if self.did(user, user.post("/security-group-rules", rule), 201, 403, 404, 409):
                assert user.name == "admin" or group.project == user.project_id, self.told[-1]

    def create_other(self) -> None:
        if self.random.random() < 0.5:
            self.create("address_group", self.user(), name=f"{self.prefix}group", addresses=["10.201.0.0/24"])
        else:
            self.create("address_scope", self.user(), name=f"{self.prefix}scope", ip_version=4)

    def create_pool(self) -> None:
        """Make a subnet pool, often in an address scope: only in one that its maker can see."""
        user, scope = self.user(), self.pick("address_scope")
        prefix = f"10.{self.random.randrange(200, 240)}.0.0/24"
        place = {} if scope is None else {"address_scope_id": scope.id}
        made = self.create("subnetpool", user, name=f"{self.prefix}pool", prefixes=[prefix], **place)
        if made is not None and scope is not None:
            assert self.model.sees(user, "address_scope", scope), self.told[-1]
            made.base = scope.id

    def move_pool(self) -> None:
        """Put a pool into an address scope, or into none."""
        pool, scope = self.pick("subnetpool"), self.pick("address_scope")
        if pool is not None:
            user = self.somebody(pool)
            target = scope if self.random.random() < 0.7 else None
            reply = user.put(
                f"/subnetpools/{pool.id}", {"subnetpool": {"address_scope_id": None if target is None else target.id}}
            )
            if self.did(user, reply, 200, 400, 403, 404, 409):
                assert self.may_change(user, pool), self.told[-1]
                assert target is None or self.model.sees(user, "address_scope", target), self.told[-1]
                pool.base = None if target is None else target.id

    def share(self) -> None:
        kind = self.random.choice(SHAREABLE)
        thing = self.pick(kind)
        if thing is not None:
            user, target = self.user(), self.user()
            body = {"object_type": kind, "object_id": thing.id, "action": "access_as_shared"}
            reply = user.post("/rbac-policies", {"rbac_policy": {**body, "target_tenant": target.project_id}})
            if self.did(user, reply, 201, 400, 403, 404, 409):
                assert user.name == "admin" or thing.project == user.project_id, self.told[-1]
                thing.shared.add(target.project_id)

    def unshare(self) -> None:
        thing = self.pick(self.random.choice(SHAREABLE))
        if thing is not None:
            user = self.user()
            for policy in user.list("rbac_policy", object_id=thing.id):
                reply = user.delete(f"/rbac-policies/{policy['id']}")
                if self.did(user, reply, 204, 404, 409):
                    thing.shared.discard(policy["target_tenant"])

    def share_with_all(self) -> None:
        """`shared` of a network: only admins may, and ports of others on it keep it shared."""
        network = self.pick("network")
        if network is not None:
            user, shared = self.somebody(network), self.random.random() < 0.5
            reply = user.put(f"/networks/{network.id}", {"network": {"shared": shared}})
            if self.did(user, reply, 200, 403, 404, 409):
                assert user.name == "admin", self.told[-1]
                (network.shared.add if shared else network.shared.discard)("*")

    def guard_port(self) -> None:
        """Give a port a security group: one that it has, or that its caller can see."""
        port, group = self.pick("port"), self.pick("security_group")
        if port is not None and group is not None:
            user = self.somebody(port)
            reply = user.put(f"/ports/{port.id}", {"port": {"security_groups": [group.id]}})
            if self.did(user, reply, 200, 403, 404, 409):
                assert group.id in port.groups or self.model.sees(user, "security_group", group), self.told[-1]
                port.groups = {group.id}

    def plug(self) -> None:
        """Move a port to another device."""
        port = self.pick("port")
        if port is not None:
            user, device = self.somebody(port), self.random.choice(DEVICES)
            changes = {"device_id": device, "device_owner": "compute:nova" if device else ""}
            reply = user.put(f"/ports/{port.id}", {"port": changes})
            if self.did(user, reply, 200, 403, 404):
                assert self.may_change(user, port), self.told[-1]
                port.device = device

    def rename(self) -> None:
        kind = self.random.choice(KINDS)
        thing = self.pick(kind)
        if thing is None:
            return
        user = self.somebody(thing)
        path, headers = f"{path_of(kind)}/{thing.id}", {}
        seen = user.get(path)
        if seen.is_success and "revision_number" in seen.json()[kind] and self.random.random() < 0.5:
            revision = seen.json()[kind]["revision_number"] + self.random.choice((0, 1))
            headers = {"If-Match": f"revision_number={revision}"}
        reply = user.put(path, {kind: {"name": f"{self.prefix}{len(self.told)}"}}, **headers)
        if not self.model.sees(user, kind, thing):
            assert reply.status_code == 404, f"{self.told[-3:]} {reply.text}"
        refused = (400,) if kind == "subnetpool" else ()  # it is in somebody else's address scope
        if self.did(user, reply, 200, 403, 404, 412, *refused) and headers:
            assert revision == seen.json()[kind]["revision_number"], self.told[-1]
            assert reply.json()[kind]["revision_number"] > revision

    def delete(self) -> None:
        kind = self.random.choice((*KINDS, "port"))
        thing = self.pick(kind)
        if thing is None:
            return
        user = self.somebody(thing)
        reply = user.delete(f"{path_of(kind)}/{thing.id}")
        used = self.model.users_of(kind, thing)
        if user.name == "admin" and kind != "subnet":  # the model does not know which ports have addresses of it
            assert reply.is_success == (not used), f"used by {used}: {reply.text}"
        if self.did(user, reply, 204, 400, 403, 404, 409):
            assert not used, f"used by {used}: {self.told[-1]}"
            network = self.model.things["network"].get(thing.network or "")
            on_own = network is not None and network.project == user.project_id and user.name != "rita"
            assert self.may_change(user, thing) or on_own, self.told[-1]
            self.model.things[kind].pop(thing.id)
            if kind == "network":
                subnets = self.model.things["subnet"]
                for id in [s.id for s in subnets.values() if s.network == thing.id]:
                    subnets.pop(id)

    def look(self) -> None:
        kind = self.random.choice(KINDS)
        thing = self.pick(kind)
        if thing is not None:
            user = self.somebody(thing)
            reply = user.get(f"{path_of(kind)}/{thing.id}")
            self.did(user, reply, 200 if self.model.sees(user, kind, thing) else 404)

    def compare(self) -> None:
        """Everybody sees in lists what the model says, and nothing else."""
        kind = self.random.choice(KINDS)
        user = self.user((*WRITERS, *READERS))
        listed = {one["id"] for one in user.list(kind) if one["name"].startswith(self.prefix)}
        wanted = {t.id for t in self.model.things[kind].values() if self.model.sees(user, kind, t)}
        assert listed == wanted, "\n".join(self.told[-12:])

    def compare_devices(self) -> None:
        """A list of a device's ports is that, for everybody."""
        user, device = self.user((*WRITERS, *READERS)), self.random.choice(DEVICES[:2])
        ports = user.list("port", device_id=device)
        listed = {one["id"] for one in ports if one["name"].startswith(self.prefix)}
        there = [port for port in self.model.things["port"].values() if port.device == device]
        assert listed == {port.id for port in there if self.model.sees(user, "port", port)}, "\n".join(self.told[-12:])

    def tidy(self) -> None:
        """Remove everything, in an order in which nothing is used any more."""
        admin = self.cloud.user()
        for kind in ("port", "subnet", "network", "security_group", "subnetpool", "address_scope", "address_group"):
            for thing in self.model.things[kind].values():
                self.did(admin, admin.delete(f"{path_of(kind)}/{thing.id}"), 204)


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_sees_what_policy_forbids_and_nothing_breaks(own: Cloud, seed: int) -> None:
    sequence = Sequence(own, seed)
    sequence.run(STEPS)
    check_rows(own.database)
    assert "older version" not in own.log, "copies for hosts are written with what they repeat"
    sequence.tidy()
