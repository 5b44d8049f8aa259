"""A host that hears of changes only knows the same as one that starts fresh, whatever happens to rows and links."""

import asyncio
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.agent.clouds import Api, cloud, config_of, host, until
from tests.api.serving import Cloud
from tests.database.members import Member, member
from tunbridge import log
from tunbridge.agent.central import Central, Remembered, here
from tunbridge.dataplane.view import Key, QosPolicy
from tunbridge.model import catalog

STEPS = 60


def read(central: Central, key: Key) -> Any:
    """Give what the source says of a key."""
    kind, id = key
    source = central.source
    match kind:
        case "network-ports":
            return sorted(source.network_ports(id))
        case "network-subnets":
            return sorted(source.network_subnets(id))
        case "group-members":
            return sorted(source.group_members(id))
        case "address-group":
            return sorted(source.address_group(id))
        case "hosts":
            return sorted(source.hosts())
        case "qos-policy":
            return source.qos_policy(id)
    return getattr(source, kind)(id)


def nothing(key: Key) -> Any:
    """Give what the source says of a key that has never been touched."""
    if key[0] == "qos-policy":
        return QosPolicy(id=key[1])
    return None if key[0] in ("port", "network", "subnet", "group", "host") else []


def everything(central: Central) -> dict[Key, Any]:
    """Read all that a host needs, as one that computes its flows for the first time does."""
    source, me = central.source, central._config.host
    keys: set[Key] = {("hosts", ""), *(("host", name) for name in source.hosts())}
    local = {row.id for row in central._store.all("Port") if (p := source.port(row.id)) and p.binding(me)}
    ports = [port for id in local | set(central._plugged) if (port := source.port(id)) is not None]
    keys |= {("qos-policy", port.qos_policy_id) for port in ports if port.qos_policy_id is not None}
    for network in {port.network_id for port in ports}:
        row = source.network(network)
        if row is not None and row.qos_policy_id is not None:
            keys.add(("qos-policy", row.qos_policy_id))
        keys |= {("network", network), ("network-ports", network), ("network-subnets", network)}
        keys |= {("port", id) for id in source.network_ports(network)}
        keys |= {("subnet", id) for id in source.network_subnets(network)}
    for group in {id for port in ports for id in port.security_groups}:
        found = source.group(group)
        assert found is not None, "a group of a local port is missing"
        keys.add(("group", group))
        for rule in found.rules:
            if rule.remote_group_id is not None:
                keys.add(("group-members", rule.remote_group_id))
                keys |= {("port", id) for id in source.group_members(rule.remote_group_id)}
            if rule.remote_address_group_id is not None:
                keys.add(("address-group", rule.remote_address_group_id))
    return {key: read(central, key) for key in keys}


class Story:
    """Random calls of the API, plugging and lost connections."""

    def __init__(self, made: Cloud, seed: int) -> None:
        self.cloud = made
        self.api = Api(made.user())
        self.dice = random.Random(seed)
        self.things: dict[str, list[Any]] = {}

    async def create(self, kind: str, **values: Any) -> None:
        self.things.setdefault(kind, []).append(await self.api.create(kind, **values))

    def any(self, kind: str) -> Any:
        return self.dice.choice(self.things[kind])

    async def begin(self) -> None:
        for number in range(3):
            await self.create("network")
            await self.create(
                "subnet", network_id=self.things["network"][-1]["id"], ip_version=4, cidr=f"10.{number}.0.0/24"
            )
            await self.create("security_group")
            await self.create("policy")
        await self.create("address_group", addresses=["192.0.2.0/24"])
        for _ in range(4):
            await self.create("port", network_id=self.any("network")["id"])

    async def rule(self, kind: str, policy: str) -> None:
        """Make a QoS rule, or remove the one that is there."""
        path = f"/qos/policies/{policy}/{kind}_rules"
        user = self.cloud.user()
        there = (await asyncio.to_thread(user.get, path)).json()[f"{kind}_rules"]
        for one in there:
            await asyncio.to_thread(user.delete, f"{path}/{one['id']}")
        values = {"max_kbps": self.dice.randrange(3)} if kind == "bandwidth_limit" else {"dscp_mark": 26}
        if not there:
            reply = await asyncio.to_thread(user.post, path, {f"{kind}_rule": values})
            assert reply.status_code == 201, reply.text

    async def step(self, central: Central) -> None:
        dice = self.dice
        port = self.any("port")["id"]
        policy = dice.choice([self.any("policy")["id"], self.any("policy")["id"], None])
        match dice.randrange(14):
            case 0 | 1:
                await self.create("port", network_id=self.any("network")["id"])
            case 2 if len(self.things["port"]) > 2:
                await self.api.remove("port", port)
                self.things["port"] = [one for one in self.things["port"] if one["id"] != port]
            case 3 | 4:
                await self.api.update("port", port, **{"binding:host_id": dice.choice(["one", "one", "two", ""])})
            case 5:
                groups = [one["id"] for one in dice.sample(self.things["security_group"], dice.randrange(3))]
                await self.api.update("port", port, security_groups=groups)
            case 6:
                remote: dict[str, str] = {"remote_group_id": self.any("security_group")["id"]}
                if dice.random() < 0.3:
                    remote = {"remote_address_group_id": self.any("address_group")["id"]}
                rule = {"direction": "ingress", "protocol": str(dice.randrange(1, 100)), **remote}
                await self.create("security_group_rule", security_group_id=self.any("security_group")["id"], **rule)
            case 7 if self.things.get("security_group_rule"):
                rule = self.things["security_group_rule"].pop(dice.randrange(len(self.things["security_group_rule"])))
                await self.api.remove("security_group_rule", rule["id"])
            case 8:
                ids = [one["id"] for one in self.things["port"]]
                central.plugged(dice.sample(ids, min(len(ids), dice.randrange(4))))
            case 9:
                await self.api.update("port", port, qos_policy_id=policy)
            case 10:
                await self.api.update("network", self.any("network")["id"], qos_policy_id=policy)
            case 11 | 12:
                await self.rule(dice.choice(["bandwidth_limit", "dscp_marking"]), self.any("policy")["id"])
            case _ if central.connected:
                session = await central._replica._link.session(10)
                await asyncio.sleep(dice.choice([0, 0.001]))
                session.close("the test cuts it")


@pytest.mark.parametrize(("seed", "many"), [(1, here.MANY), (2, 1)])
def test_what_is_heard_of_changes_is_what_a_fresh_start_finds(
    tmp_path: Path, seed: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here, "MANY", many)  # networks from which on small tables are followed in whole

    async def scene(made: Cloud) -> None:
        story = Story(made, seed)
        await story.begin()
        mirror: dict[Key, Any] = {}

        def take() -> None:
            mirror.update((key, read(one, key)) for key in one.take_touched())

        async with host("one", made.database.remote) as one, host("two", made.database.remote):
            for number in range(STEPS):
                await story.step(one)
                take()
                if number % 20 == 19:
                    await asyncio.sleep(0.3)  # for claims that are under way
                    async with host("one", made.database.remote) as fresh:
                        fresh.plugged(one._plugged)
                        await until(lambda: one.connected and not one._withheld, "nothing is under way")
                        await until(lambda: fresh._answered == one._plugged, "the fresh one, too")

                        def same(fresh: Central = fresh) -> bool:
                            take()
                            wanted = everything(fresh)
                            return {key: mirror.get(key, nothing(key)) for key in wanted} == wanted

                        await until(same, "the same as a fresh start", 10)
                        fresh.plugged(one._plugged)

    with cloud(tmp_path) as made:
        asyncio.run(scene(made))


def test_another_empty_database_is_not_believed_and_a_restored_one_is(tmp_path: Path) -> None:
    """Somebody starts the database anew, empty, at the same place; later the copy is restored."""

    async def scene(made: Cloud) -> None:
        api = Api(made.user())
        async with host("one", made.database.remote) as one:
            blue = await api.network()
            port = await api.port(blue, "one")
            one.plugged({port["id"]})
            one.report({port["id"]: "ACTIVE"})
            await api.until_status(port, "ACTIVE")
            await asyncio.to_thread(made.kill)
            await asyncio.to_thread(made.database.kill)
            folder = made.database.folder
            shutil.copy(folder / "db", folder / "copy")
            (folder / "db").unlink()
            made.database.create()
            one.take_touched()
            await asyncio.to_thread(made.database.start)
            await until(
                lambda: one.problem is not None and "another one" in one.problem, "tells that it is not believed"
            )
            assert not one.complete and one.take_touched() == set() and one.unknown({port["id"]})
            await until(lambda: one.registered, "registered in the new one all the same")
            # The copy comes back: nothing has changed, and the port's status is there.
            await asyncio.to_thread(made.database.kill)
            (folder / "db").unlink()
            shutil.copy(folder / "copy", folder / "db")
            await asyncio.to_thread(made.database.start)
            await until(lambda: one.complete and one.problem is None, "believed")
            found = one.source.port(port["id"])
            assert found is not None and found.host == "one"
            await asyncio.to_thread(made.start)
            await api.until_status(port, "ACTIVE")

    with cloud(tmp_path) as made:
        asyncio.run(scene(made))


def test_a_host_with_nothing_plugged_in_believes_an_empty_database() -> None:
    async def scene(made: Member) -> None:
        async with host("one", made.remote) as one:
            await asyncio.to_thread(made.kill)
            (made.folder / "db").unlink()
            made.create()
            await asyncio.to_thread(made.start)
            await until(lambda: one.registered, "registered anew")
            await until(lambda: one.complete and one.problem is None, "all is there")

    with member(catalog.tables()) as made:
        asyncio.run(scene(made))


def test_a_restarted_agent_does_not_believe_another_empty_database_until_it_is_told_to(tmp_path: Path) -> None:
    """The database is started anew, empty, while no agent runs: what works on the host goes on working."""
    remembered = Remembered(str(tmp_path / "state"))

    async def scene(made: Cloud) -> None:
        api = Api(made.user())
        port = await api.port(await api.network(), "one")
        async with host("one", made.database.remote, remembered=remembered) as one:
            one.plugged({port["id"]})
            await until(lambda: not one.unknown({port["id"]}), "the port is known")
        await asyncio.to_thread(made.kill)
        await asyncio.to_thread(made.database.kill)
        (made.database.folder / "db").unlink()
        made.database.create()
        await asyncio.to_thread(made.database.start)
        restarted = Central(config_of("one", made.database.remote), log.get(), lambda: None, remembered=remembered)
        running = asyncio.create_task(restarted.run())
        await until(lambda: restarted.connected, "connected")
        await asyncio.sleep(0.2)
        assert not restarted.complete, "what is plugged in has to be known first"
        restarted.plugged({port["id"]})
        await until(lambda: restarted.problem is not None and "another one" in restarted.problem, "told")
        assert not restarted.complete and restarted.unknown({port["id"]})
        restarted.configure(restarted._config)
        assert not restarted.complete
        remembered.path.unlink()
        restarted.configure(restarted._config)
        await until(lambda: restarted.complete and restarted.problem is None, "believed, as told")
        assert not restarted.unknown({port["id"]}) and restarted.source.port(port["id"]) is None
        assert remembered.read() is not None
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    with cloud(tmp_path) as made:
        asyncio.run(scene(made))


def test_a_restarted_agent_believes_the_same_database_though_its_ports_were_deleted(tmp_path: Path) -> None:
    remembered = Remembered(str(tmp_path / "state"))

    async def scene(made: Cloud) -> None:
        api = Api(made.user())
        port = await api.port(await api.network(), "one")
        async with host("one", made.database.remote, remembered=remembered) as one:
            one.plugged({port["id"]})
            await until(lambda: not one.unknown({port["id"]}), "the port is known")
        await api.remove("port", port["id"])
        async with host("one", made.database.remote, remembered=remembered) as one:
            one.plugged({port["id"]})
            await until(lambda: not one.unknown({port["id"]}), "answered")
            assert one.problem is None and one.source.port(port["id"]) is None

    with cloud(tmp_path) as made:
        asyncio.run(scene(made))
