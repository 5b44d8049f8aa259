"""A port that is plugged in without Nova is bound by the word of the host that has it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.agent.clouds import PROVIDERS, Api, Scene, cloud, host, until
from tests.api.crowd import two_servers
from tests.api.serving import Cloud


async def until_bound(api: Api, port: Any, name: str) -> Any:
    found: Any = None
    try:
        async with asyncio.timeout(20):
            while (found := await api.show("port", port["id"]))["binding:host_id"] != name:
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"bound to {found['binding:host_id']!r}, not to {name!r}") from None
    return found


async def stays(api: Api, port: Any, name: str) -> None:
    """Give a claim the time to be carried out, by a port that is bound by one meanwhile; then look."""
    await asyncio.sleep(0.5)
    assert (await api.show("port", port["id"]))["binding:host_id"] == name


def test_a_plugged_port_is_bound_and_active_and_stays_bound_when_it_is_unplugged(play: Callable[[Scene], None]) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        async with host("one", made.database.remote) as one, host("two", made.database.remote) as two:
            blue = await api.network()
            port = await api.port(blue)
            one.plugged({port["id"]})
            bound = await until_bound(api, port, "one")
            assert (bound["binding:vif_type"], bound["status"]) == ("ovs", "BUILD")
            assert bound["binding:vif_details"]["port_filter"] is True
            assert bound["revision_number"] > port["revision_number"]
            await until(lambda: one.source.port(port["id"]).host == "one", "the host is told")  # type: ignore[union-attr]
            one.report({port["id"]: "ACTIVE"})
            await api.until_status(port, "ACTIVE")
            # Unplugged here: it stays bound, and goes to whoever plugs it in next.
            one.plugged(set())
            await api.until_status(port, "DOWN")
            await stays(api, port, "one")
            two.plugged({port["id"]})
            await until_bound(api, port, "two")
            # Plugged in on both: it stays where it is, until it is there no more.
            one.plugged({port["id"]})
            await stays(api, port, "two")
            two.plugged(set())
            await until_bound(api, port, "one")

    play(scene)


def test_a_port_that_is_deleted_while_it_is_plugged_in_is_known_not_to_exist(play: Callable[[Scene], None]) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        async with host("one", made.database.remote) as one:
            blue = await api.network()
            port = await api.port(blue)
            one.plugged({port["id"]})
            await until_bound(api, port, "one")
            await api.remove("port", port["id"])
            await until(lambda: one.source.port(port["id"]) is None, "gone, and still plugged in")
            assert not one.unknown({port["id"]})

    play(scene)


def test_what_the_api_says_is_not_changed_by_claims(play: Callable[[Scene], None]) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        async with host("one", made.database.remote) as one, host("two", made.database.remote):
            blue = await api.network()
            elsewhere = await api.port(blue, "two")
            direct = await api.port(blue, **{"binding:vnic_type": "direct"})
            moving = await api.port(blue, "two", device_owner="compute:nova")
            reply = await asyncio.to_thread(
                made.user("nova").post, f"/ports/{moving['id']}/bindings", {"binding": {"host": "one"}}
            )
            assert reply.status_code == 201, reply.text
            claimed = await api.port(blue)
            one.plugged({elsewhere["id"], direct["id"], moving["id"], claimed["id"]})
            await until_bound(api, claimed, "one")
            await stays(api, elsewhere, "two")
            await stays(api, direct, "")
            await stays(api, moving, "two")
            # A claim that the API confirms is the API's from then on.
            await api.update("port", claimed["id"], **{"binding:host_id": "one"})
            async with host("three", made.database.remote) as three:
                three.plugged({claimed["id"]})
                one.plugged(set())
                await asyncio.sleep(0.5)
                await stays(api, claimed, "one")

    play(scene)


def test_a_claim_that_cannot_be_met_is_met_when_its_host_can(play: Callable[[Scene], None]) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        vlan = {"provider:network_type": "flat", "provider:physical_network": "physnet1"}
        async with host("one", made.database.remote) as one:
            outside = await api.network(**vlan)
            port = await api.port(outside)
            one.plugged({port["id"]})
            assert (await until_bound(api, port, "one"))["binding:vif_type"] == "binding_failed"
            config = one._config
            one.configure(
                type(config)(**{f: getattr(config, f) for f in config.__struct_fields__} | {"providers": PROVIDERS})
            )
            async with asyncio.timeout(20):
                while (await api.show("port", port["id"]))["binding:vif_type"] != "ovs":
                    await asyncio.sleep(0.02)

    play(scene)


def test_a_port_of_a_dead_host_goes_to_the_one_that_has_it_now(tmp_path: Path) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        blue = await api.network()
        port = await api.port(blue)
        async with host("one", made.database.remote) as one:
            one.plugged({port["id"]})
            await until_bound(api, port, "one")
        async with host("two", made.database.remote) as two:
            two.plugged({port["id"]})
            await until_bound(api, port, "two")

    with cloud(tmp_path, networking={"agent_down_time": 3}) as made:
        asyncio.run(scene(made, Api(made.user())))


def test_two_servers_bind_each_port_once_whoever_claims_and_whatever_the_api_does(tmp_path: Path) -> None:
    """Two hosts plug the same ports in at once, while the API binds some of them itself on both servers."""

    async def scene(clouds: tuple[Cloud, Cloud]) -> None:
        first, second = (Api(one.user()) for one in clouds)
        remote = clouds[0].database.remote
        async with host("one", remote) as one, host("two", remote) as two:
            blue = await first.network()
            ports = [await first.port(blue) for _ in range(40)]
            ids = {port["id"] for port in ports}
            given = ports[::4]

            async def bind_by_api() -> None:
                for number, port in enumerate(given):
                    await (first, second)[number % 2].update("port", port["id"], **{"binding:host_id": "elsewhere"})

            one.plugged(ids)
            two.plugged(ids)
            await bind_by_api()
            hosts = {}
            for port in ports:
                expected = {"elsewhere"} if port in given else {"one", "two"}
                async with asyncio.timeout(20):
                    while (now := await second.show("port", port["id"]))["binding:host_id"] not in expected:
                        await asyncio.sleep(0.02)
                hosts[port["id"]] = now["binding:host_id"]
                assert await first.show("port", port["id"]) == now
                # Bound once: made, bound by a claim, and at most once more by the API.
                assert now["revision_number"] <= (3 if port in given else 2)  # made with 1
            kept = {id for id, name in hosts.items() if name == "one"}
            one.plugged(ids - kept)
            for id in kept:
                await until_bound(first, {"id": id}, "two")

    networking = {"default_quotas": "{ network = -1 }"}
    with two_servers(tmp_path, networking=networking) as clouds:
        asyncio.run(scene(clouds))
