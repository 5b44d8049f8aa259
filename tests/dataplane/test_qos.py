"""Which packets a QoS policy limits and marks."""

import re
from typing import Any

import pytest
from msgspec.structs import replace
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_gateways import introduce, site
from tests.dataplane.test_gateways import mac as mac_of
from tests.dataplane.test_switching import broadcast, mac, udp
from tests.dataplane.world import Binding, Delivery, World
from tunbridge.dataplane.contribution import Meter
from tunbridge.dataplane.features import flood, qos
from tunbridge.dataplane.identifiers import Identifiers
from tunbridge.dataplane.view import Limits, QosPolicy, Rate

METER = Delivery("a", "meter")
SLOW = Limits(bandwidth=Rate(5_000, 400), packets=Rate(1_000, 50))


def put(world: World, id: str, **more: Any) -> None:
    world.rows.qos_policies[id] = QosPolicy(id=id, **more)
    world.touch({("qos-policy", id)})


def two(make_world: MakeWorld, **of_first: Any) -> World:
    """Two ports of a network on host a, and one on b."""
    world = make_world("a", "b")
    world.network("n")
    world.port("n1", "n", "a", "10.0.0.1", **of_first)
    world.port("n2", "n", "a", "10.0.0.2")
    world.port("n3", "n", "b", "10.0.0.3")
    return world


def meter(id: str, what: str) -> int:
    """The number of a meter, where no other has taken it."""
    return Identifiers().meter(id, what)


def meters(world: World, host: str = "a") -> dict[int, Meter]:
    return {n: m for n, m in world.hosts[host].desired.meters("br-int").items() if n >= 100_000}


def datapath(world: World, port: str, packet: str) -> str:
    host = world.hosts["a"]
    text = world.dummy.trace(host.bridges["br-int"], f"in_port={host.workloads[port].ofport},{packet}")
    return " | ".join(re.findall(r"^Datapath actions: (.*)$", text, re.M))


def test_what_a_port_sends_passes_its_meters_and_nobody_elses_does(make_world: MakeWorld) -> None:
    world = two(make_world, qos_policy_id="q")
    put(world, "q", sent=SLOW)
    world.run()
    assert set(meters(world).values()) == {
        Meter(meter("n1", qos.SENT_PACKETS), 1_000, 50, "pktps"),
        Meter(meter("n1", qos.SENT_BANDWIDTH), 5_000, 400, "kbps"),
    }  # fmt: skip
    assert world.send("n1", udp(1, 2)) == {METER, Delivery("a", "n2")}
    assert len(re.findall(r"meter\(", datapath(world, "n1", udp(1, 2)))) == 2
    assert world.send("n1", udp(1, 3)) == {METER, Delivery("b", "n3")}
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "n1")}
    assert world.send("n3", udp(3, 1)) == {Delivery("a", "n1")}


def test_what_a_port_receives_passes_its_meters(make_world: MakeWorld) -> None:
    world = two(make_world, qos_policy_id="q")
    put(world, "q", received=SLOW)
    world.run()
    assert world.send("n1", udp(1, 2)) == {Delivery("a", "n2")}
    assert world.send("n2", udp(2, 1)) == {METER, Delivery("a", "n1")}
    assert world.send("n3", udp(3, 1)) == {METER, Delivery("a", "n1")}
    assert world.send("n2", udp(2, 3)) == {Delivery("b", "n3")}


def test_a_meter_that_drops_a_broadcast_for_one_port_drops_it_for_no_other(make_world: MakeWorld) -> None:
    world = two(make_world)
    for number, policy in ((4, "slow"), (5, "fast"), (6, "slow")):
        world.port(f"n{number}", "n", "a", f"10.0.0.{number}", qos_policy_id=policy)
    put(world, "slow", received=Limits(bandwidth=Rate(8, 8)))
    put(world, "fast", received=Limits(bandwidth=Rate(1000, 800)))
    world.run()
    packets = [
        Ether(src=mac(2), dst="ff:ff:ff:ff:ff:ff") / IP(src="10.0.0.2", dst="10.0.0.255") / UDP(dport=9) / (b"x" * 900)
        for _ in range(4)
    ]
    received = {port: len(found) for port, found in world.exchange("n2", *packets).items()}
    assert received == {"n1": 4, "n4": 1, "n5": 4, "n6": 1}  # 8 kbit are one packet of 942 bytes


def test_broadcasts_to_very_many_ports_with_limits_reach_them_uncounted(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flood, "METERED_COPIES", 1)
    world = two(make_world, qos_policy_id="q")
    put(world, "q", received=SLOW)
    world.run()
    assert world.send("n2", broadcast(2)) == {METER, Delivery("a", "n1"), Delivery("b", "n3")}
    world.port("n4", "n", "a", "10.0.0.4", qos_policy_id="q")
    world.run()
    assert world.send("n2", broadcast(2)) == {Delivery("a", "n1"), Delivery("a", "n4"), Delivery("b", "n3")}
    assert METER in world.send("n2", udp(2, 1))


def test_a_port_s_own_broadcast_does_not_use_up_what_it_may_receive(make_world: MakeWorld) -> None:
    world = two(make_world, qos_policy_id="q")
    put(world, "q", received=SLOW)
    world.run()
    assert world.send("n1", broadcast(1)) == {Delivery("a", "n2"), Delivery("b", "n3")}
    assert world.send("n2", broadcast(2)) >= {METER, Delivery("a", "n1"), Delivery("b", "n3")}


def test_ip_packets_that_a_port_sends_are_marked(make_world: MakeWorld) -> None:
    world = two(make_world, qos_policy_id="q")
    put(world, "q", dscp=26)
    world.run()
    request = Ether(src=mac(1), dst=mac(2)) / ARP(op=2, psrc="10.0.0.1", hwsrc=mac(1), pdst="10.0.0.2", hwdst=mac(2))
    packet = Ether(src=mac(1), dst=mac(2)) / IP(src="10.0.0.1", dst="10.0.0.2", tos=0x03) / UDP(dport=9)
    arp, marked = world.exchange("n1", request, packet)["n2"]
    assert bytes(arp).startswith(bytes(request))
    assert marked[IP].tos == 26 << 2 | 0x03  # what it says about congestion (ECN) stays
    back = Ether(src=mac(2), dst=mac(1)) / IP(src="10.0.0.2", dst="10.0.0.1", tos=0x20) / UDP(dport=9)
    assert world.exchange("n2", back)["n1"][0][IP].tos == 0x20
    assert world.send("n3", "ipv6" + udp(3, 1)[3:].split(",nw_src")[0]) == set()  # no spoofed IPv6 by the way


def test_the_port_s_policy_counts_before_the_network_s(make_world: MakeWorld) -> None:
    world = two(make_world, qos_policy_id="q")
    put(world, "q", sent=Limits(bandwidth=Rate(1, 1)))
    put(world, "of the network", sent=Limits(bandwidth=Rate(2, 2)))
    world.network("n", qos_policy_id="of the network")
    world.run()
    assert {m.rate for m in meters(world).values()} == {1, 2}
    assert world.send("n2", udp(2, 1)) == {METER, Delivery("a", "n1")}
    put(world, "q")
    world.run()
    assert world.send("n1", udp(1, 2)) == {Delivery("a", "n2")}
    world.network("n")
    world.run()
    assert meters(world) == {}
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "n1")}


def test_a_network_s_policy_is_not_for_what_serves_it(make_world: MakeWorld) -> None:
    world = two(make_world, device_owner="network:dhcp")
    put(world, "q", sent=SLOW)
    world.network("n", qos_policy_id="q")
    world.run()
    assert world.send("n1", udp(1, 2)) == {Delivery("a", "n2")}
    world.port("n1", "n", "a", "10.0.0.1", device_owner="network:dhcp", qos_policy_id="q")
    world.run()
    assert world.send("n1", udp(1, 2)) == {METER, Delivery("a", "n2")}


def test_a_changed_limit_changes_a_meter_and_no_flow(make_world: MakeWorld) -> None:
    world = two(make_world, qos_policy_id="q")
    put(world, "q", sent=SLOW, received=SLOW)
    world.run()
    put(world, "q", sent=SLOW, received=Limits(bandwidth=Rate(9, 9), packets=SLOW.packets))
    assert world.hosts["a"].desired._readers["qos-policy", "q"] == {("qos", "n1")}, "the port itself is not looked at"
    delta = world.run()["a"]
    number = meter("n1", qos.RECEIVED_BANDWIDTH)
    assert (delta.flows, delta.meters) == ({}, {"br-int": {number: Meter(number, 9, 9, "kbps")}})


def test_a_port_whose_limits_are_refused_goes_on_without_them_and_it_is_told(make_world: MakeWorld) -> None:
    world = two(make_world, qos_policy_id="q")
    put(world, "q", sent=SLOW, received=SLOW, dscp=26)
    world.run()
    desired = world.hosts["a"].desired
    desired.refuse(("qos", "n1"), "OFPMMFC_OUT_OF_METERS")
    delta = world.run()["a"]
    assert [(problem.subject, problem.message) for problem in delta.problems] == [("qos n1", "OFPMMFC_OUT_OF_METERS")]
    assert desired.states["n1"].status == "wired"
    assert world.send("n1", udp(1, 2)) == {Delivery("a", "n2")}
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "n1")}
    assert world.send("n2", broadcast(2)) == {Delivery("a", "n1"), Delivery("b", "n3")}
    put(world, "q", sent=SLOW)
    world.run()
    assert world.send("n1", udp(1, 2)) == {METER, Delivery("a", "n2")}


def test_a_port_that_is_prepared_for_a_migration_has_its_limits_already(make_world: MakeWorld) -> None:
    world = two(make_world)
    moving = (Binding("b", "ACTIVE", "ovs"), Binding("a", "INACTIVE", "ovs"))
    world.port("n4", "n", "a", "10.0.0.4", bindings=moving, qos_policy_id="q")
    world.hosts["b"].plug("n4")
    put(world, "q", received=SLOW)
    world.run()
    assert len(meters(world, "a")) == len(meters(world, "b")) == 2
    assert world.send("n3", udp(3, 4)) == {Delivery("b", "meter"), Delivery("b", "n4")}


def test_what_a_router_forwards_to_and_from_a_port_counts(make_world: MakeWorld) -> None:
    world = two(make_world, qos_policy_id="q")
    world.network("m", segment=200)
    world.subnet("s", "n", "10.0.0.0/24")
    world.subnet("t", "m", "10.9.0.0/24")
    world.port("m1", "m", "a", "10.9.0.9")
    world.router("r", ("n", "s", "10.0.0.254"), ("m", "t", "10.9.0.254"))
    put(world, "q", sent=SLOW, received=Limits(packets=Rate(1000, 800)))
    world.run()
    macs = {network: world.rows.ports[f"r-{network}"].mac_address for network in ("n", "m")}
    packet = "udp,dl_src={},dl_dst={},nw_src={},nw_dst={},nw_ttl=64"
    sent = world.send("n1", packet.format(mac(1), macs["n"], "10.0.0.1", "10.9.0.9"))
    assert {got.device for got in sent} == {"meter", "m1"}
    received = world.send("m1", packet.format(mac(9), macs["m"], "10.9.0.9", "10.0.0.1"))
    assert {got.device for got in received} == {"meter", "n1"}


def test_meters_have_numbers_that_the_kernels_datapath_has_too_and_give_them_back() -> None:
    identifiers = Identifiers()
    numbers = {identifiers.meter(str(id), what) for id in range(500) for what in qos.LIMITS}
    assert len(numbers) == 2_000
    assert min(numbers) >= 100_000
    assert max(numbers) < 200_000
    for id in range(500):
        identifiers.release_meters(str(id), qos.LIMITS)
    assert {identifiers.meter(str(id), what) for id in range(500) for what in qos.LIMITS} == numbers


def test_a_floating_ip_passes_the_meters_of_its_policy_or_its_networks(make_world: MakeWorld) -> None:
    world = site(make_world, "a")
    world.floating("f1", "ext", "203.0.113.20", "r", "b1")
    limits = Limits(bandwidth=Rate(5_000, 400), packets=Rate(1_000, 50))  # a flow has one meter: that of bandwidth
    world.rows.qos_policies["gold"] = QosPolicy(id="gold", sent=limits, received=limits)

    def used(policy: str | None, of_network: str | None) -> set[int]:
        floating, network = world.rows.floating_ips["f1"], world.rows.networks["ext"]
        world.rows.floating_ips["f1"] = replace(floating, qos_policy_id=policy)
        world.rows.networks["ext"] = replace(network, qos_policy_id=of_network)
        world.touch({("floating", "f1"), ("network", "ext")})
        world.run()
        flows = world.hosts["a"].desired.flows("br-int").values()
        return {int(n) for f in flows for n in re.findall(r"meter:(1\d{5})", f.actions)}

    both = {meter("f1", qos.SENT_BANDWIDTH), meter("f1", qos.RECEIVED_BANDWIDTH)}
    assert used(None, None) == set()
    assert used("gold", None) == both
    assert used(None, "gold") == both
    introduce(world)
    packet = f"udp,dl_src={mac_of(world, 'b1')},dl_dst={mac_of(world, 'r-blue')},nw_src=10.0.1.1,nw_dst=198.51.100.7"
    host = world.hosts["a"]
    in_port = f"in_port={host.workloads['b1'].ofport}"
    text = world.dummy.trace(
        host.bridges["br-int"], f"{in_port},{packet},nw_ttl=9,tp_src=5,tp_dst=6", "trk,new", "trk,new"
    )
    assert f"meter:{meter('f1', qos.SENT_BANDWIDTH)}" in text
    assert used(None, None) == set()
    assert set(meters(world)) == set()


@pytest.mark.parametrize("snat", [True, False])
def test_what_goes_by_a_gateway_passes_the_meters_of_its_policy(make_world: MakeWorld, snat: bool) -> None:
    world = site(make_world, "a", snat=snat)
    limits = Limits(bandwidth=Rate(5_000, 400), packets=Rate(1_000, 50))
    world.rows.qos_policies["gold"] = QosPolicy(id="gold", sent=limits, received=limits)
    router = world.rows.routers["r"]
    world.rows.routers["r"] = replace(router, gateway_qos_policy_id="gold")
    world.touch({("router", "r")})
    world.run()
    assert set(meters(world)) == {meter("r-gw", qos.SENT_BANDWIDTH), meter("r-gw", qos.RECEIVED_BANDWIDTH)}
    flows = world.hosts["a"].desired.flows("br-int").values()
    sent = {66, 76} if snat else {76}  # IPv6 is not translated
    for what, tables in ((qos.SENT_BANDWIDTH, sent), (qos.RECEIVED_BANDWIDTH, {73})):
        using = [flow for flow in flows if f"meter:{meter('r-gw', what)}," in flow.actions]
        assert {flow.table for flow in using} == tables
        assert all(flow.actions.startswith("meter:") for flow in using)
    world.rows.routers["r"] = router
    world.touch({("router", "r")})
    world.run()
    assert set(meters(world)) == set()
