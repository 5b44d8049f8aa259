"""What a host knows of the central database: its own networks, whole before it is told, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from tests.agent.clouds import PROVIDERS, Api, Scene, config_of, host, until
from tests.api.serving import Cloud
from tunbridge import log
from tunbridge.agent.central import Central, here
from tunbridge.agent.central.followed import conditions
from tunbridge.agent.central.registration import AGENT_TYPE
from tunbridge.database.session import connect
from tunbridge.dataplane.view import FixedIp, Limits, Network, Port, QosPolicy, Rate, Subnet
from tunbridge.model import device_owners


def rows(central: Central, table: str) -> set[str]:
    return {row.id for row in central._store.all(table)}


def test_a_host_sees_its_networks_whole_and_no_other(play: Callable[[Scene], None]) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        async with host("one", made.database.remote) as one, host("two", made.database.remote) as two:
            blue, red = await api.network(name="blue"), await api.network("10.2.0.0/24", name="red")
            first = await api.port(blue, "one", name="a")
            await until(lambda: one.source.port(first["id"]), "the host is told of its port")
            other = await api.port(blue, "two")
            far = await api.port(red, "two")
            await until(lambda: one.source.port(other["id"]), "the port of its network on another host")
            # The port alone may come first: it is a member of the default group of a port there.
            await until(lambda: two.source.network(red["id"]), "the other network on the other host")
            await until(lambda: two.source.port(far["id"]), "and its port")
            port, network = one.source.port(first["id"]), one.source.network(blue["id"])
            assert isinstance(port, Port) and isinstance(network, Network)
            assert (port.mac_address, port.host) == (first["mac_address"], "one")
            assert port.fixed_ips == (FixedIp(blue["subnet"]["id"], first["fixed_ips"][0]["ip_address"]),)
            assert port.security_groups == tuple(first["security_groups"])
            assert (network.network_type, network.is_tunnelled, network.mtu) == ("vxlan", True, blue["mtu"])
            assert network.segmentation_id == blue["provider:segmentation_id"]
            subnet = one.source.subnet(blue["subnet"]["id"])
            assert isinstance(subnet, Subnet) and subnet.cidr == "10.1.0.0/24"
            assert set(one.source.network_ports(blue["id"])) == {first["id"], other["id"]}
            assert one.source.network_subnets(blue["id"]) == [subnet.id]
            assert set(one.source.hosts()) == {"two"} and one.tunnel_ips() == {"two": two._config.local_ip}
            # The default group names itself: its members are known on every network, the network red is not.
            group = one.source.group(first["security_groups"][0])
            assert group is not None and len(group.rules) == 4
            assert {rule.remote_group_id for rule in group.rules} == {group.id, None}
            assert set(one.source.group_members(group.id)) == {first["id"], other["id"], far["id"]}
            assert rows(one, "Network") == {blue["id"]} and rows(two, "Network") == {blue["id"], red["id"]}
            assert one.source.port(first["id"]) is port, "made once"
            # A host that comes now is never sent anything but the other hosts.
            seen: set[str] = set()
            three = Central(config_of("three", made.database.remote), log.get(), lambda: None)
            three._store.listen(lambda table, _old, _new: seen.add(table))
            running = asyncio.create_task(three.run())
            await until(lambda: three.complete, "all is there")
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert seen - {"Milestone"} == {"Host"}
            # The last port goes: so do the network and everything that came with it.
            await api.remove("port", first["id"])
            await until(lambda: not rows(one, "Network"), "the network is forgotten")
            tables = ("Subnet", "Port", "Port_Binding", "Security_Group", "Security_Group_Rule")
            assert {table: len(rows(one, table)) for table in tables} == dict.fromkeys(tables, 0)

    play(scene)


def test_a_host_has_what_routers_lead_to_and_of_external_networks_only_the_gateways(
    play: Callable[[Scene], None],
) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        async with host("one", made.database.remote) as one:
            blue, red = await api.network("10.1.0.0/24"), await api.network("10.2.0.0/24")
            green, apart = await api.network("10.3.0.0/24"), await api.network("10.4.0.0/24")
            outside = await api.network("198.51.100.0/24", **{"router:external": True})
            far = await api.port(red, "two")
            await api.port(apart, "two")
            gateway = {"network_id": outside["id"]}
            first = await api.create("router", external_gateway_info=gateway)
            second = await api.create("router")
            for router, networks in ((first, (blue, red)), (second, (green,))):
                for network in networks:
                    await api.act("router", router["id"], "add_router_interface", subnet_id=network["subnet"]["id"])
            # A second router goes on from red.
            way = await api.port(red)
            await api.act("router", second["id"], "add_router_interface", port_id=way["id"])
            await api.port(blue, "one")
            await api.create("floatingip", floating_network_id=outside["id"])
            reached = {blue["id"], red["id"], green["id"], outside["id"]}
            await until(lambda: rows(one, "Network") == reached, "the networks behind both routers")
            await until(lambda: one.source.port(far["id"]), "and the ports on them")
            assert set(one.source.network_routers(red["id"])) == {first["id"], second["id"]}
            router = one.source.router(first["id"])
            assert router is not None and set(router.networks) == {blue["id"], red["id"]}
            assert {one.source.port(id).device_owner for id in router.interfaces} == {"network:router_interface"}  # type: ignore[union-attr]
            assert one.source.network_ports(outside["id"]) == [router.gateway_port]
            assert rows(one, "Floating_Ip") == set()
            one.take_touched()
            await api.act("router", first["id"], "remove_router_interface", subnet_id=red["subnet"]["id"])
            left = {blue["id"], outside["id"]}
            await until(lambda: rows(one, "Network") == left, "what no router leads to any more is forgotten")
            concerned = {("router", first["id"]), ("network-routers", red["id"])}
            told: set[tuple[str, str]] = set()

            def are_told() -> bool:
                told.update(one.take_touched())
                return concerned <= told

            await until(are_told, "whom it concerns is told")
            await api.act("router", first["id"], "add_router_interface", subnet_id=red["subnet"]["id"])
            await until(lambda: rows(one, "Network") == reached, "and is there again")

    play(scene)


def seen(central: Central, router: str) -> dict[str, str | None]:
    """The floating IPs of a router whose own ports are known, with the ports that they lead to."""
    every = (central.source.floating_ip(id) for id in central.source.router_floating_ips(router))
    return {one.address: one.port_id for one in every if one is not None and central.source.port(one.id) is not None}


def test_a_gateway_host_has_its_routers_and_every_host_the_floating_ips_of_its_routers(
    play: Callable[[Scene], None],
) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        remote = made.database.remote
        async with (
            host("net", remote, providers=PROVIDERS) as net,
            host("one", remote) as one,
            host("two", remote) as two,
        ):
            flat = {"provider:network_type": "flat", "provider:physical_network": "physnet1", "router:external": True}
            outside = await api.network("198.51.100.0/24", **flat)
            blue = await api.network("10.1.0.0/24")
            router = (await api.create("router", external_gateway_info={"network_id": outside["id"]}))["id"]
            await api.act("router", router, "add_router_interface", subnet_id=blue["subnet"]["id"])
            await until(lambda: rows(net, "Network") == {blue["id"], outside["id"]}, "the router's networks")
            assert net.source.gateways("net") == [router]
            assert rows(one, "Router") == set()
            ports = [await api.port(blue, name) for name in ("one", "two")]
            made_of = [
                await api.create("floatingip", floating_network_id=outside["id"], port_id=port["id"]) for port in ports
            ]
            await until(lambda: len(net.source.router_floating_ips(router)) == 2, "both, on the gateway host")
            every = {floating["floating_ip_address"]: port["id"] for floating, port in zip(made_of, ports, strict=True)}
            everywhere = (net, one, two)
            await until(lambda: all(seen(host, router) == every for host in everywhere), "where they lead to")
            await api.update("floatingip", made_of[0]["id"], port_id=None)
            await until(lambda: all(len(seen(host, router)) == 1 for host in everywhere), "one is taken away")

    play(scene)


def test_a_host_of_many_networks_has_small_tables_in_whole_but_only_its_own_ports(
    play: Callable[[Scene], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here, "MANY", 1)

    async def scene(made: Cloud, api: Api) -> None:
        remote = made.database.remote
        async with host("one", remote) as one, host("two", remote, providers=PROVIDERS) as two:
            blue, red, green, black = [await api.network(f"10.{n}.0.0/24") for n in range(4)]
            there = await api.port(green, "two")
            await api.port(black, "two")
            first = await api.port(blue, "one", security_groups=[])
            await until(lambda: rows(one, "Network") == {blue["id"]}, "with one network only that")
            second = await api.port(red, "one", security_groups=[])
            every = {each["id"] for each in (blue, red, green, black)}
            await until(lambda: rows(one, "Network") == every, "with two all of them")
            flat = {"provider:network_type": "flat", "provider:physical_network": "physnet1", "router:external": True}
            outside = await api.network("198.51.100.0/24", **flat)
            router = (await api.create("router", external_gateway_info={"network_id": outside["id"]}))["id"]
            await api.act("router", router, "add_router_interface", subnet_id=green["subnet"]["id"])
            floating = await api.create("floatingip", floating_network_id=outside["id"], port_id=there["id"])
            await until(lambda: rows(one, "Floating_Ip") == {floating["id"]}, "what is another host's")
            await until(lambda: len(two.source.router_floating_ips(router)) == 1, "on the host that it is of")
            own = {first["id"], second["id"]}
            assert rows(one, "Router") == {router}

            def others() -> set[str]:
                return {row.device_owner for row in one._store.all("Port") if row.id not in own}

            await until(lambda: others() == set(device_owners.OUTSIDE), "of other networks gateways and floating IPs")
            asks = conditions(two._here)
            more = await api.create("floatingip", floating_network_id=outside["id"])
            await api.update("floatingip", more["id"], port_id=(await api.port(green, "two"))["id"])
            await until(lambda: len(two.source.router_floating_ips(router)) == 2, "one more")
            assert conditions(two._here) == asks, "for which nothing more is asked for"
            await api.remove("port", second["id"])
            await until(lambda: own & rows(one, "Port") == {first["id"]}, "the port is gone")
            assert rows(one, "Network") == {*every, outside["id"]}, "near the bound it stays as it is"
            await api.remove("port", first["id"])
            await until(lambda: not rows(one, "Network") and not rows(one, "Router"), "nothing is here")

    play(scene)


def test_changes_touch_what_they_concern(play: Callable[[Scene], None]) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        async with host("one", made.database.remote) as one:
            blue = await api.network()
            first, second = await api.port(blue, "one"), await api.port(blue)

            async def touched_by(act: Awaitable[Any], *expected: tuple[str, str]) -> set[tuple[str, str]]:
                await act
                found: set[tuple[str, str]] = set()

                def come() -> bool:
                    nonlocal found
                    found |= one.take_touched()
                    return set(expected) <= found

                await until(come, f"touched: {expected}")
                return found

            port = ("port", second["id"])
            await until(lambda: one.source.port(second["id"]), "both ports")
            one.take_touched()
            assert await touched_by(api.update("port", second["id"], admin_state_up=False), port) == {port}
            assert await touched_by(api.update("port", second["id"], **{"binding:host_id": "x"}), port) == {port}
            network = ("network", blue["id"])
            assert await touched_by(api.update("network", blue["id"], mtu=1300), network) == {network}
            await api.update("network", blue["id"], description="not of concern")
            keys = {port, ("network-ports", blue["id"]), ("group-members", first["security_groups"][0])}
            assert await touched_by(api.remove("port", second["id"]), *keys) == keys
            subnet = {("subnet", blue["subnet"]["id"])}
            assert await touched_by(api.update("subnet", blue["subnet"]["id"], gateway_ip=None), *subnet) == subnet

    play(scene)


def test_the_rules_of_a_policy_come_to_limits_that_open_vswitch_can_say(play: Callable[[Scene], None]) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        async def rule(policy: Any, kind: str, **values: Any) -> str:
            path = f"/qos/policies/{policy['id']}/{kind}_rules"
            reply = await asyncio.to_thread(made.user().post, path, {f"{kind}_rule": values})
            assert reply.status_code == 201, reply.text
            return f"{path}/{reply.json()[f'{kind}_rule']['id']}"

        async with host("one", made.database.remote) as one:
            gold, other = await api.create("policy"), await api.create("policy")
            await rule(gold, "bandwidth_limit", max_kbps=1001)
            received = await rule(gold, "bandwidth_limit", max_kbps=5, max_burst_kbps=7, direction="ingress")
            await rule(gold, "packet_rate_limit", max_kpps=2**31 - 1, max_burst_kpps=2, direction="ingress")
            await rule(other, "dscp_marking", dscp_mark=26)
            network = await api.network(qos_policy_id=other["id"])
            port = await api.port(network, "one", qos_policy_id=gold["id"])
            await until(lambda: one.source.port(port["id"]) and not one._withheld, "the port is told")
            packets = Rate(2**32 - 1, 2000)
            wanted = QosPolicy(
                id=gold["id"], sent=Limits(Rate(1001, 801)), received=Limits(Rate(5, 525), packets)
            )  # fmt: skip
            assert one.source.qos_policy(gold["id"]) == wanted, "whole when the port is told"
            assert one.source.qos_policy(other["id"]) == QosPolicy(id=other["id"], dscp=26)
            await until(lambda: not one._withheld, "all is told")
            one.take_touched()
            reply = await asyncio.to_thread(made.user().put, received, {"bandwidth_limit_rule": {"max_kbps": 0}})
            assert reply.status_code == 200, reply.text
            wanted = msgspec.structs.replace(wanted, received=Limits(None, packets))
            await until(lambda: one.source.qos_policy(gold["id"]) == wanted, "a limit of 0 is none")
            await until(lambda: not one._withheld, "told")
            assert one.take_touched() == {("qos-policy", gold["id"])}
            await api.update("port", port["id"], qos_policy_id=None)
            await until(lambda: not rows(one, "Qos_Bandwidth_Limit_Rule"), "rules that nothing here has are not kept")
            assert len(rows(one, "Qos_Dscp_Marking_Rule")) == 1

    play(scene)


def test_a_host_has_the_metering_labels_that_count_for_its_routers_alone(play: Callable[[Scene], None]) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        mara = Api(made.user("mara"))

        async def label(of: Api, **rules: str) -> str:
            id = str((await of.create("metering_label", shared=of is api))["id"])
            for direction, prefix in rules.items():
                values = {"metering_label_id": id, "direction": direction, "remote_ip_prefix": prefix}
                await of.create("metering_label_rule", **values)
            return id

        async with host("one", made.database.remote) as one:
            shared = await label(api, egress="2001:db8::/32")
            own = await label(mara, egress="10.1.0.5/24", ingress="10.1.0.5")
            blue = await mara.network()
            port = await api.port(blue, "one")
            await until(lambda: one.source.port(port["id"]), "the port")
            assert not rows(one, "Metering_Label"), "no router is here"
            router = await mara.create("router", name="counted")
            await mara.act("router", router["id"], "add_router_interface", subnet_id=blue["subnet"]["id"])
            project = made.user("mara").project_id
            both = {own, shared}
            await until(lambda: rows(one, "Metering_Label") == both and not one._withheld, "told with their rules")
            [found] = [found for found in one.source.metering_labels(project) if found.id == own]
            assert {(r.direction, r.ip_version, r.source, r.destination) for r in found.rules} == {
                ("egress", 4, "10.1.0.0/24", None), ("ingress", 4, None, "10.1.0.5"),
            }  # fmt: skip
            assert {found.id for found in one.source.metering_labels("other")} == {shared}
            one.take_touched()
            await mara.remove("metering_label", own)
            await until(lambda: {found.id for found in one.source.metering_labels(project)} == {shared}, "one is gone")
            await until(lambda: len(rows(one, "Metering_Label_Rule")) == 1, "and its rules with it")
            await until(lambda: ("metering", project) in one.take_touched(), "which is told")

    play(scene)


def test_a_port_with_another_group_is_told_together_with_the_groups_rules(play: Callable[[Scene], None]) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        async with host("one", made.database.remote) as one:
            blue, far = await api.network(), await api.network("10.9.0.0/24")
            port = await api.port(blue, "one")
            members = await api.create("security_group", name="members")
            web = await api.create("security_group", name="web")
            addresses = await api.create("address_group", name="a", addresses=["192.0.2.7/32", "198.51.100.0/24"])
            member = await api.port(far, security_groups=[members["id"]])
            of = {"security_group_id": web["id"], "direction": "ingress"}
            made_rules = [
                await api.create("security_group_rule", **of, remote_group_id=members["id"], protocol="tcp"),
                await api.create("security_group_rule", **of, remote_address_group_id=addresses["id"]),
                await api.create(
                    "security_group_rule", **of, ethertype="IPv6", protocol="icmp", remote_ip_prefix="2001:db8::7/64"
                ),
                await api.create(
                    "security_group_rule", **of, protocol="17", port_range_min=53, port_range_max=54,
                    remote_ip_prefix="0.0.0.0/0",
                ),
            ]  # fmt: skip
            await until(lambda: one.source.port(port["id"]), "the port")
            one.take_touched()
            await api.update("port", port["id"], security_groups=[web["id"]])
            seen = False
            async with asyncio.timeout(20):
                while not seen:
                    seen = ("port", port["id"]) in one.take_touched()
                    await asyncio.sleep(0)
            group = one.source.group(web["id"])
            assert group is not None
            rules = {rule.id: rule for rule in group.rules}
            by_group, by_addresses, icmp, dns = (rules[one["id"]] for one in made_rules)
            assert (by_group.protocol, by_group.remote_group_id, by_group.ip_version) == (6, members["id"], 4)
            assert (by_addresses.remote_address_group_id, by_addresses.protocol) == (addresses["id"], None)
            assert (icmp.protocol, icmp.ip_version, icmp.remote_ip_prefix) == (58, 6, "2001:db8::/64")
            assert (dns.protocol, dns.port_min, dns.port_max, dns.remote_ip_prefix) == (17, 53, 54, None)
            assert set(one.source.address_group(addresses["id"])) == {"192.0.2.7/32", "198.51.100.0/24"}
            assert one.source.group_members(members["id"]) == [member["id"]]
            found = one.source.port(member["id"])
            assert found is not None and found.fixed_ips[0].ip_address == member["fixed_ips"][0]["ip_address"]
            assert rows(one, "Network") == {blue["id"]}, "the member's network is of no concern"

    play(scene)


def test_a_plugged_id_is_asked_for_and_known_when_all_of_it_is_there(play: Callable[[Scene], None]) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        async with host("one", made.database.remote) as one:
            blue = await api.network()
            port = await api.port(blue)
            absent = "00000000-0000-4000-8000-000000000001"
            assert one.unknown({port["id"]})
            one.plugged({port["id"], absent, "not-a-uuid"})
            await until(lambda: not one.unknown({port["id"]}), "answered")
            assert not one.unknown({absent}) and one.source.port(absent) is None
            assert not one.unknown({"not-a-uuid"})
            assert one.source.network(blue["id"]) is not None and one.source.subnet(blue["subnet"]["id"]) is not None
            assert one.source.group(port["security_groups"][0]) is not None
            second = await api.port(blue)
            await until(lambda: one.source.port(second["id"]), "of a network that is here already")
            one.plugged({port["id"], second["id"], absent, "not-a-uuid"})
            assert not one.unknown({second["id"]}), "nothing has to be asked for"

    play(scene)


def statuses(made: Cloud, name: str) -> dict[str, str]:
    """Read the port statuses of a host by a client of our own."""

    async def read() -> dict[str, str]:
        session = await connect(made.database.remote)
        where = [["host", "==", name]]
        reply = await session.request(
            "transact", ["Tunbridge", {"op": "select", "table": "Port_Status", "where": where}]
        )
        session.close("done")
        return {row["port_id"]: row["status"] for row in msgspec.json.decode(reply.result)[0]["rows"]}

    return asyncio.run(read())


async def until_said(made: Cloud, name: str, expected: dict[str, str]) -> None:
    found: dict[str, str] = {}
    try:
        async with asyncio.timeout(20):
            while (found := await asyncio.to_thread(statuses, made, name)) != expected:
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{found} is there, not {expected}") from None


def test_statuses_are_those_of_the_ports_that_are_plugged_in(play: Callable[[Scene], None]) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        async with host("one", made.database.remote) as one:
            blue = await api.network()
            a, b = await api.port(blue, "one"), await api.port(blue, "one")
            one.plugged({a["id"], b["id"], "00000000-0000-4000-8000-000000000001"})
            await until_said(made, "one", {a["id"]: "BUILD", b["id"]: "BUILD"})
            one.report({a["id"]: "ACTIVE", b["id"]: "ERROR"})
            await until_said(made, "one", {a["id"]: "ACTIVE", b["id"]: "ERROR"})
            assert (await api.show("port", a["id"]))["status"] == "ACTIVE"
            assert (await api.show("port", b["id"]))["status"] == "ERROR"
            one.plugged({a["id"]})
            await until_said(made, "one", {a["id"]: "ACTIVE"})
            assert (await api.show("port", b["id"]))["status"] == "DOWN"
            # The database is killed and comes back; meanwhile the port was found not to work any more.
            await asyncio.to_thread(made.database.kill)
            one.report({a["id"]: "DOWN"})
            await asyncio.to_thread(made.database.start)
            await until_said(made, "one", {a["id"]: "DOWN"})
            # Deleting the agent deletes what it said; as it lives, it says it again.
            (agent,) = await asyncio.to_thread(made.user().list, "agent", agent_type=AGENT_TYPE)
            await api.remove("agent", agent["id"])
            await until_said(made, "one", {a["id"]: "DOWN"})
            await until(lambda: len(made.user().list("agent", agent_type=AGENT_TYPE)) == 1, "registered again")
            await api.remove("port", a["id"])
            await until_said(made, "one", {})

    play(scene)
