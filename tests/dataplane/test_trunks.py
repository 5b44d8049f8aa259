"""Where packets of trunks go: a sub-port's carry its VLAN tag between the VM and br-int, and nowhere else."""

from collections.abc import Mapping
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_switching import broadcast, mac, udp
from tests.dataplane.world import Binding, Delivery, World
from tunbridge.agent.sub_ports import SubPorts
from tunbridge.dataplane import trunks
from tunbridge.dataplane.desired import Local, Workload
from tunbridge.dataplane.pipeline import FIRST_SUB_PORT, LAST_SUB_PORT
from tunbridge.dataplane.view import Limits, QosPolicy, Rate, Rule
from tunbridge.openvswitch import sub_ports

EVERYBODY = "ff:ff:ff:ff:ff:ff"


def trunk(make_world: MakeWorld, **of_red: Any) -> World:
    """On a: the trunk of port p, with sub-ports red (VLAN 101) and blue (102), and n2 beside red; on b: n3 as well."""
    world = make_world("a", "b")
    for id, segment in (("base", 10), ("n", 20), ("m", 30)):
        world.network(id, segment=segment)
    world.port("p", "base", "a", "10.0.9.9")
    world.port("red", "n", "a", "10.0.0.1", plugged=False, trunk_parent="p", trunk_vlan=101, **of_red)
    world.port("blue", "m", "a", "10.0.0.1", plugged=False, trunk_parent="p", trunk_vlan=102)
    world.port("n2", "n", "a", "10.0.0.2")
    world.port("n3", "n", "b", "10.0.0.3")
    world.run()
    return world


def tagged(vlan: int, packet: str) -> str:
    return f"dl_vlan={vlan},{packet}"


def real(source: int, target: int, *, vlan: int | None = None, ports: tuple[int, int] = (1, 2)) -> Packet:
    ether = Ether(src=mac(source), dst=mac(target))
    inner = IP(src=f"10.0.0.{source}", dst=f"10.0.0.{target}") / UDP(sport=ports[0], dport=ports[1]) / b"x"
    return ether / inner if vlan is None else ether / Dot1Q(vlan=vlan) / inner


def seen(packets: list[Packet]) -> list[tuple[int | None, str]]:
    """VLAN and destination MAC address of packets."""
    return [(p[Dot1Q].vlan if Dot1Q in p else None, p[Ether].dst) for p in packets]


def test_a_sub_port_sends_with_its_tag_into_its_own_network(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    assert world.send("p", tagged(101, udp(1, 2))) == {Delivery("a", "n2")}
    assert world.send("p", tagged(101, udp(1, 3))) == {Delivery("b", "n3")}
    assert world.send("p", tagged(102, udp(1, 2))) == set()  # its network has nobody else
    for vlan in (103, 4095):
        assert world.send("p", tagged(vlan, udp(1, 2))) == set()
    assert world.send("p", udp(1, 2)) == set()  # without a tag it is from p


def test_a_sub_port_receives_with_its_tag(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "p", 101)}
    assert world.send("n3", udp(3, 1)) == {Delivery("a", "p", 101)}
    got = world.exchange("n2", real(2, 1))
    assert {id: seen(packets) for id, packets in got.items()} == {"p": [(101, mac(1))]}


def test_broadcast_reaches_a_sub_port_with_its_tag_and_does_not_come_back(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    assert world.send("n2", broadcast(2)) == {Delivery("a", "p", 101), Delivery("b", "n3")}
    assert world.send("p", tagged(101, broadcast(1))) == {Delivery("a", "n2"), Delivery("b", "n3")}
    world.port("red2", "n", "a", "10.0.0.7", plugged=False, trunk_parent="p", trunk_vlan=107)
    world.run()
    outs = {Delivery("a", "n2"), Delivery("a", "p", 107), Delivery("b", "n3")}
    assert world.send("p", tagged(101, broadcast(1))) == outs


@pytest.mark.parametrize("secure", [True, False])
def test_two_sub_ports_of_a_trunk_on_one_network_reach_each_other(make_world: MakeWorld, secure: bool) -> None:
    world = trunk(make_world, port_security_enabled=secure)
    world.port("red2", "n", "a", "10.0.0.7", plugged=False, trunk_parent="p", trunk_vlan=107)
    world.run()
    assert world.send("p", tagged(101, udp(1, 7))) == {Delivery("a", "p", 107)}
    got = world.exchange("p", real(1, 7, vlan=101), real(7, 1, vlan=107))
    assert {id: seen(packets) for id, packets in got.items()} == {"p": [(107, mac(7)), (101, mac(1))]}


def test_a_sub_port_reaches_its_own_parent_on_the_parents_network(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    world.port("same", "base", "a", "10.0.9.8", plugged=False, trunk_parent="p", trunk_vlan=109)
    world.run()
    assert world.send("p", tagged(109, udp(8, 9, "10.0.9"))) == {Delivery("a", "p")}
    assert world.send("p", udp(9, 8, "10.0.9")) == {Delivery("a", "p", 109)}
    flooded = f"udp,dl_src={mac(9)},dl_dst={EVERYBODY},nw_src=10.0.9.9,nw_dst=10.0.9.255"
    assert world.send("p", flooded) == {Delivery("a", "p", 109)}


def test_the_parents_own_packets_have_no_tag(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    world.port("q", "base", "b", "10.0.9.5")
    world.run()
    assert world.send("p", udp(9, 5, "10.0.9")) == {Delivery("b", "q")}
    assert world.send("q", udp(5, 9, "10.0.9")) == {Delivery("a", "p")}


def test_a_sub_port_has_its_own_port_security(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    spoofed = f"udp,dl_src={mac(9)},dl_dst={mac(2)},nw_src=10.0.9.9,nw_dst=10.0.0.2"  # the parent's addresses
    assert world.send("p", tagged(101, spoofed)) == set()
    assert world.send("p", tagged(101, udp(2, 3))) == set()


def test_a_second_tag_goes_nowhere_even_without_port_security(make_world: MakeWorld) -> None:
    world = trunk(make_world, port_security_enabled=False)
    ether = Ether(src=mac(1), dst=mac(2))
    rest = IP(src="10.0.0.1", dst="10.0.0.2") / UDP()
    assert world.exchange("p", ether / Dot1Q(vlan=101) / Dot1Q(vlan=102) / rest) == {}
    assert world.exchange("p", ether / Dot1Q(vlan=101, type=0x88A8) / Dot1Q(vlan=5) / rest) == {}
    assert set(world.exchange("p", ether / Dot1Q(vlan=101) / rest)) == {"n2"}


def test_a_sub_port_has_its_own_groups(make_world: MakeWorld) -> None:
    world = trunk(make_world, security_groups=("closed",))
    world.group("closed", Rule(id="e", direction="egress", ip_version=4))
    world.run()
    assert world.send("n2", udp(2, 1), "trk,new") == set()
    assert world.send("p", tagged(101, udp(1, 2)), "trk,new") == {Delivery("a", "n2")}
    assert world.exchange("n2", real(2, 1, ports=(7, 8))) == {}
    assert set(world.exchange("p", real(1, 2, vlan=101, ports=(8, 7)))) == {"n2"}
    assert set(world.exchange("n2", real(2, 1, ports=(7, 8)))) == {"p"}  # the answer


def test_requests_of_a_sub_port_are_answered_with_its_tag(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    asked = Ether(src=mac(1), dst=EVERYBODY) / Dot1Q(vlan=101)
    arp = asked / ARP(op=1, hwsrc=mac(1), psrc="10.0.0.1", pdst="10.0.0.3")
    (reply,) = world.exchange("p", arp)["p"]
    assert (reply[Dot1Q].vlan, reply[ARP].op, reply[ARP].hwsrc, reply[ARP].psrc) == (101, 2, mac(3), "10.0.0.3")
    to_metadata = Ether(src=mac(1), dst="fa:16:3e:00:00:fe") / Dot1Q(vlan=101)
    (echo,) = world.exchange("p", to_metadata / IP(src="10.0.0.1", dst="169.254.169.254") / ICMP())["p"]
    assert (echo[Dot1Q].vlan, echo[ICMP].type, echo[IP].dst) == (101, 0, "10.0.0.1")


def test_a_dhcp_request_comes_to_the_agent_as_the_sub_ports_own(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    world.subnet("subnet", "n", "10.0.0.0/24", "10.0.0.254")
    world.run()
    number = world.hosts["a"].desired.local.workloads["red"].ofport  # type: ignore[union-attr]
    request = f"udp,dl_src={mac(1)},dl_dst={EVERYBODY},nw_src=0.0.0.0,nw_dst=255.255.255.255,tp_src=68,tp_dst=67"
    assert Delivery("a", "agent") in world.send("p", tagged(101, request))
    assert f"meter:{20_000 + number}" in str(dict(world.hosts["a"].desired.flows("br-int")))


@pytest.mark.parametrize("limits", [Limits(Rate(1000, 800), None), Limits(None, Rate(10, 5))])
def test_limits_are_of_the_sub_port_alone(make_world: MakeWorld, limits: Limits) -> None:
    world = trunk(make_world, qos_policy_id="q")
    world.rows.qos_policies["q"] = QosPolicy(id="q", sent=limits, received=limits)
    world.touch({("qos-policy", "q")})
    world.run()
    meter = Delivery("a", "meter")
    assert world.send("p", tagged(101, udp(1, 2))) == {meter, Delivery("a", "n2")}
    assert world.send("n2", udp(2, 1)) == {meter, Delivery("a", "p", 101)}
    assert meter in world.send("n2", broadcast(2))
    assert {id: seen(got) for id, got in world.exchange("n2", real(2, 1)).items()} == {"p": [(101, mac(1))]}
    assert meter not in world.send("p", tagged(102, udp(1, 2)))


def test_a_router_forwards_between_sub_ports_of_one_trunk(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    world.subnet("subnet", "n", "10.0.0.0/24", "10.0.0.254")
    world.subnet("other", "m", "10.1.0.0/24", "10.1.0.254")
    world.port("blue", "m", "a", "10.1.0.1", plugged=False, trunk_parent="p", trunk_vlan=102, mac_address=mac(11))
    world.router("r", ("n", "subnet", "10.0.0.254"), ("m", "other", "10.1.0.254"))
    world.run()
    gateway = next(p for p in world.rows.ports.values() if p.network_id == "n" and "10.0.0.254" in str(p.fixed_ips))
    packet = Ether(src=mac(1), dst=gateway.mac_address) / Dot1Q(vlan=101)
    got = world.exchange("p", packet / IP(src="10.0.0.1", dst="10.1.0.1") / UDP())
    assert {id: seen(packets) for id, packets in got.items()} == {"p": [(102, mac(11))]}
    (echo,) = world.exchange("p", packet / IP(src="10.0.0.1", dst="10.0.0.254") / ICMP())["p"]
    assert (echo[Dot1Q].vlan, echo[ICMP].type) == (101, 0)


def test_a_sub_port_that_is_removed_gets_nothing_and_the_others_stay(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    world.port("m2", "m", "a", "10.0.0.2")
    world.run()
    world.port("red", "n", None, "10.0.0.1", plugged=False)
    deltas = world.run()["a"].flows["br-int"]
    number = world.hosts["a"].desired.local.workloads["blue"].ofport  # type: ignore[union-attr]
    assert not [key for key in deltas if str(number) in key[2] or f"{number:#x}" in key[2]]
    assert world.send("p", tagged(101, udp(1, 2))) == set()
    assert world.send("n2", udp(2, 1)) == set()
    assert world.send("p", tagged(102, udp(1, 2))) == {Delivery("a", "m2")}


def test_a_sub_port_of_a_guest_that_is_on_its_way_here_receives_already(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    coming = {"bindings": (Binding("b", "ACTIVE", "ovs"), Binding("a", "INACTIVE", "ovs"))}
    world.port("red", "n", None, "10.0.0.1", plugged=False, trunk_parent="p", trunk_vlan=101, **coming)
    world.run()
    assert world.hosts["a"].desired.states["red"].status == "wired"
    assert Delivery("a", "p", 101) in world.send("n3", broadcast(3))
    assert world.send("n2", udp(2, 1)) == set()  # to b, where nothing is plugged in


def test_plain_ports_have_no_flow_more_for_trunks(make_world: MakeWorld) -> None:
    world = make_world("a")
    world.network("n")
    world.port("n1", "n", "a", "10.0.0.1")
    world.run()
    before = len(world.hosts["a"].desired.flows("br-int"))
    world.port("n2", "n", "a", "10.0.0.2")
    world.run()
    plain = len(world.hosts["a"].desired.flows("br-int")) - before
    world.port("n3", "n", "a", "10.0.0.3", plugged=False, trunk_parent="n1", trunk_vlan=5)
    world.run()
    assert len(world.hosts["a"].desired.flows("br-int")) - before - plain == plain + 3


# Numbers, and what is kept of them


def records(world: World) -> list[sub_ports.Record]:
    return list(sub_ports.records_of(world.hosts["a"].desired.ports["tap-p"].other_config["sub_ports"]))


def test_numbers_and_local_vlans_are_kept_in_the_parents_row(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    desired = world.hosts["a"].desired
    assert [(r.vlan, r.port_id, r.network_id, r.local_vlan) for r in records(world)] == [
        (101, "red", "n", desired.vlans["n"]), (102, "blue", "m", desired.vlans["m"]),
    ]  # fmt: skip
    assert all(FIRST_SUB_PORT <= r.number <= LAST_SUB_PORT for r in records(world))
    assert desired.ports["tap-p"].tag == desired.vlans["base"]
    world.port("red", "n", None, "10.0.0.1", plugged=False)
    world.run()
    assert [r.port_id for r in records(world)] == ["blue"]


def test_what_is_kept_is_read_back_and_nonsense_is_not() -> None:
    kept = [sub_ports.Record(102, "b", "m", 3, 0x8001), sub_ports.Record(101, "a", "n", 2, 0x8000)]
    assert list(sub_ports.records_of(sub_ports.text_of(kept))) == sorted(kept)
    assert list(sub_ports.records_of("101 =a,b,1,2 5=a,b,x,1 6=a,b,1 ٣=a,b,1,2 7=a,b,1,2")) == [
        sub_ports.Record(7, "a", "b", 1, 2)
    ]


def test_a_restarted_agent_gives_the_same_numbers_though_they_collide(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    first = {r.port_id: r.number for r in records(world)}
    there = world.hosts["a"].local()

    def numbered(local: Local, former: Mapping[str, int]) -> Mapping[str, Workload]:
        return trunks.plugged(local, trunks.wanted(local.workloads, world.rows), former)

    swapped = {"red": first["blue"], "blue": first["red"]}
    assert {id: w.ofport for id, w in numbered(there, swapped).items() if w.trunk} == {}
    alone = Local(host="a", tunnel_ip="192.0.2.1", workloads={"p": there.workloads["p"]})
    assert {id: w.ofport for id, w in numbered(alone, swapped).items()} == swapped
    both = dict.fromkeys(swapped, 0x9000)
    assert {w.ofport for w in numbered(alone, both).values()} == {0x9000, 0x9001}
    asked = Local(host="a", tunnel_ip="192.0.2.1", workloads=alone.workloads, ofports={"br-int": {"eth": first["red"]}})
    assert first["red"] not in {w.ofport for w in numbered(asked, first).values()}


def test_sub_ports_stay_while_rows_are_missing_and_go_with_their_parent(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    added = SubPorts(world.rows)
    alone = Local(host="a", tunnel_ip="192.0.2.1", workloads={"p": world.hosts["a"].workloads["p"]})
    whole = added(alone, complete=True)
    assert set(whole.workloads) == {"p", "red", "blue"}
    assert added(alone, complete=True) is whole
    world.rows.ports.clear()
    assert added(alone, complete=False).workloads == whole.workloads
    moved = Local(host="a", tunnel_ip="192.0.2.1", workloads={"p": Workload("p", "tap-p", 99)})
    assert set(added(moved, complete=False).workloads) == {"p"}
    assert set(added(alone, complete=True).workloads) == {"p"}


def test_a_port_that_is_plugged_in_by_itself_is_no_sub_port(make_world: MakeWorld) -> None:
    world = trunk(make_world)
    world.hosts["a"].plug("red")
    world.run()
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "red")}
    assert world.send("p", tagged(101, udp(1, 2))) == set()
