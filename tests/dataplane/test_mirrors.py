"""Copies of a port's packets: to whom they go, with which tunnel id, and that nothing else changes."""

from typing import Any

import pytest
from scapy.layers.l2 import Dot1Q, Ether

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_switching import broadcast, mac, udp
from tests.dataplane.test_trunks import real, tagged
from tests.dataplane.world import Delivery, World
from tunbridge.dataplane import names
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.view import Limits, Mirror, QosPolicy, Rate

GRE, ERSPAN = names.mirror_port("gre", "198.51.100.9"), names.mirror_port("erspan", "2001:db8::9")
COPY = Delivery("a", GRE)


def mirrored(make_world: MakeWorld, *mirrors: Mirror, **of_port: Any) -> World:
    """On a: p, which has mirrors, and n2; on b: n3."""
    world = make_world("a", "b")
    world.network("n", segment=20)
    world.port("p", "n", "a", "10.0.0.1", **of_port)
    world.port("n2", "n", "a", "10.0.0.2")
    world.port("n3", "n", "b", "10.0.0.3")
    for name in (GRE, ERSPAN):
        world.hosts["a"].add_device(name)
    have(world, *mirrors)
    return world


def have(world: World, *mirrors: Mirror) -> None:
    world.rows.mirrored = mirrors
    world.touch({("mirrors", id) for id in world.rows.ports})
    world.run()


def gre(port: str = "p", **ids: int) -> Mirror:
    return Mirror(id="gre", port_id=port, kind="gre", remote_ip="198.51.100.9", **ids)


def test_what_is_sent_and_what_is_received_is_copied_as_asked(make_world: MakeWorld) -> None:
    world = mirrored(make_world, gre(sent=5))
    assert world.send("p", udp(1, 2)) == {COPY, Delivery("a", "n2")}
    assert world.send("p", udp(1, 3)) == {COPY, Delivery("b", "n3")}
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "p")}
    have(world, gre(received=5))
    assert world.send("p", udp(1, 2)) == {Delivery("a", "n2")}
    for sender in (2, 3):
        assert world.send(f"n{sender}", udp(sender, 1)) == {COPY, Delivery("a", "p")}
    have(world)
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "p")}


@pytest.mark.parametrize("kind", ["vxlan", "gre"])
def test_no_copy_is_taken_for_a_packet_of_another_network(make_world: MakeWorld, kind: str) -> None:
    """Its id is that of m, and the collector a host which has m."""
    world = make_world("a", "b", tunnel_types=[kind])
    for id, segment in (("n", 20), ("m", 30)):
        world.network(id, kind, segment=segment)
    world.port("p", "n", "a", "10.0.0.1")
    world.port("n2", "n", "a", "10.0.0.2")
    world.port("m3", "m", "b", "10.0.0.3")
    collector = world.hosts["b"].tunnel_ip
    device = names.mirror_port("gre", collector)
    world.hosts["a"].add_device(device)
    have(world, Mirror(id="gre", port_id="p", kind="gre", remote_ip=collector, sent=30, received=30))
    copies = {Delivery("a", device)} if kind == "vxlan" else set()
    assert world.send("p", udp(1, 2)) == {Delivery("a", "n2"), *copies}
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "p"), *copies}


def test_a_broadcast_is_received_once_and_not_by_its_sender(make_world: MakeWorld) -> None:
    world = mirrored(make_world, gre(received=5))
    packet = broadcast(2)
    assert world.send("n2", packet) == {COPY, Delivery("a", "p"), Delivery("b", "n3")}
    assert world.send("p", broadcast(1)) == {Delivery("a", "n2"), Delivery("b", "n3")}


def test_copies_carry_the_id_of_their_direction_and_of_their_mirror(make_world: MakeWorld) -> None:
    other = Mirror(id="span", port_id="p", kind="erspan", remote_ip="2001:db8::9", sent=9, received=9)
    world = mirrored(make_world, gre(sent=5, received=6), other)
    flows = world.hosts["a"].desired.flows("br-int").values()
    ofports = world.hosts["a"].ofports["br-int"]

    def copies(table: int) -> list[Flow]:
        return [flow for flow in flows if flow.table == table and "clone" in flow.actions]

    span = f"clone(set_field:0x9->tun_id,set_field:0x9->tun_erspan_idx,output:{ofports[ERSPAN]})"
    (sent,), (received,) = copies(18), copies(101)
    assert sent.actions == f"clone(set_field:0x5->tun_id,output:{ofports[GRE]}),{span},resubmit(,20)"
    assert received.actions == f"clone(set_field:0x6->tun_id,output:{ofports[GRE]}),{span},output:NXM_NX_REG7[]"


def test_what_port_security_and_groups_drop_was_sent_but_not_received(make_world: MakeWorld) -> None:
    world = mirrored(make_world, gre(sent=5, received=6), security_groups=("closed",))
    world.group("closed")
    world.run()
    assert world.send("p", udp(2, 3), "trk,new") == {COPY}
    assert world.send("n2", udp(2, 1), "trk,new") == set()


@pytest.mark.parametrize("limits", [Limits(Rate(1000, 800), None), Limits(None, Rate(10, 5))])
def test_what_is_received_is_copied_after_its_limit(make_world: MakeWorld, limits: Limits) -> None:
    world = mirrored(make_world, gre(sent=5, received=6), qos_policy_id="q")
    world.rows.qos_policies["q"] = QosPolicy(id="q", sent=limits, received=limits)
    world.touch({("qos-policy", "q")})
    world.run()
    meter = Delivery("a", "meter")
    assert world.send("p", udp(1, 2)) == {COPY, meter, Delivery("a", "n2")}
    assert world.send("n2", udp(2, 1)) == {COPY, meter, Delivery("a", "p")}
    assert world.send("n2", broadcast(2)) == {COPY, meter, Delivery("a", "p"), Delivery("b", "n3")}


@pytest.mark.parametrize("policy", [None, "q"])
def test_a_sub_ports_packets_are_copied_without_its_tag_and_its_parents_are_not(
    make_world: MakeWorld, policy: str | None
) -> None:
    world = mirrored(make_world)
    world.network("m", segment=30)
    world.rows.qos_policies["q"] = QosPolicy(id="q", received=Limits(Rate(1000, 800), None))
    world.port(
        "red", "m", "a", "10.0.0.1", plugged=False, trunk_parent="p", trunk_vlan=101, mac_address=mac(1),
        qos_policy_id=policy,
    )  # fmt: skip
    world.port("m2", "m", "a", "10.0.0.2", mac_address=mac(2))
    have(world, gre("red", sent=5, received=6))
    assert world.send("p", tagged(101, udp(1, 2))) == {COPY, Delivery("a", "m2")}
    assert {COPY, Delivery("a", "p", 101)} <= world.send("m2", udp(2, 1))
    assert {COPY, Delivery("a", "p", 101)} <= world.send("m2", broadcast(2))
    assert world.send("p", udp(1, 2)) == {Delivery("a", "n2")}
    (copy,) = world.exchange("m2", real(2, 1))[GRE]
    assert (copy[Ether].dst, Dot1Q in copy) == (mac(1), False)


def test_without_the_port_to_the_collector_packets_go_their_way(make_world: MakeWorld) -> None:
    world = mirrored(make_world, Mirror(id="x", port_id="p", kind="gre", remote_ip="198.51.100.1", sent=1, received=1))
    assert world.send("p", udp(1, 2)) == {Delivery("a", "n2")}
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "p")}


def test_what_comes_from_a_collector_goes_nowhere(make_world: MakeWorld) -> None:
    world = mirrored(make_world, gre(sent=5, received=6))
    number = world.hosts["a"].ofports["br-int"][GRE]
    assert not list(world.hosts["a"].trace("br-int", f"in_port={number},{udp(2, 1)}", ()))
