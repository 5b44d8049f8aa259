"""A network of a VLAN and a tunnel: where packets go on hosts that have it by the one and by the other."""

import pytest
from msgspec.structs import replace

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.world import OUTSIDE, Delivery, World
from tunbridge.dataplane.responders.subject import read_subject
from tunbridge.dataplane.view import Segment

BROADCAST = "ff:ff:ff:ff:ff:ff"
MAC = "fa:16:3e:00:00:{:02x}"
VLAN, TUNNEL = Segment("vlan", "physnet1", 300), Segment("vxlan", None, 100)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Hosts a and b have it by the VLAN, c and d, which have no wire there, by the tunnel."""
    world = make_world("a", "b", "c", "d", apart=["c", "d"])
    world.network("n", "vlan", 300, segments=(VLAN, TUNNEL))
    world.subnet("subnet", "n", "10.0.0.0/24", "10.0.0.254")
    for number, host in enumerate("abcd", 1):
        world.port(f"p{host}", "n", host, f"10.0.0.{number}")
    world.run()
    return world


def arp(sender: int, target: int) -> str:
    own = f"dl_src={MAC.format(sender)},arp_spa=10.0.0.{sender},arp_sha={MAC.format(sender)}"
    return f"arp,dl_dst={BROADCAST},{own},arp_op=1,arp_tpa=10.0.0.{target}"


def ping(sender: int, target: int) -> str:
    ends = f"dl_src={MAC.format(sender)},dl_dst={MAC.format(target)},nw_src=10.0.0.{sender},nw_dst=10.0.0.{target}"
    return f"icmp,{ends},icmp_type=8"


def sent(world: World, port: str, packet: str) -> set[Delivery]:
    """Where it comes out; a provider bridge is itself a port, of the host's own."""
    return {delivery for delivery in world.send(port, packet) if delivery.device != "ex"}


def test_a_broadcast_stays_on_the_segment_of_its_host(world: World) -> None:
    assert sent(world, "pa", arp(1, 99)) == {Delivery("a", OUTSIDE, 300)}
    assert sent(world, "pc", arp(3, 99)) == {Delivery("d", "pd")}


def test_a_host_answers_only_for_what_it_reaches(world: World) -> None:
    assert {(d.host, d.device) for d in sent(world, "pc", arp(3, 4))} == {("c", "pc")}
    assert sent(world, "pc", arp(3, 1)) == {Delivery("d", "pd")}, "asked for as any machine that is not a port"


def test_packets_go_by_the_hosts_segment(world: World) -> None:
    assert sent(world, "pa", ping(1, 2)) == {Delivery("a", OUTSIDE, 300)}
    assert sent(world, "pc", ping(3, 4)) == {Delivery("d", "pd")}
    assert "pa" not in {d.device for d in world.send("pc", ping(3, 1))}


def test_a_host_that_loses_its_wire_goes_on_by_the_tunnel(world: World) -> None:
    world.hosts["a"].physnet = None
    world.rows.known_hosts["a"] = replace(world.rows.known_hosts["a"], physical_networks=())
    world.touch({("host", "a")})
    world.run()
    assert sent(world, "pa", arp(1, 99)) == {Delivery("c", "pc"), Delivery("d", "pd")}


def test_a_port_is_told_of_the_subnets_of_its_segment_only(world: World) -> None:
    world.subnet("subnet", "n", "10.0.0.0/24", "10.0.0.254", segment_id="one")
    world.subnet("other", "n", "10.1.0.0/24", "10.1.0.254", segment_id="two")
    world.subnet("service", "n", "10.2.0.0/24")
    subject = read_subject(world.rows, "pa")
    assert subject is not None
    assert {s.id for s in subject.subnets} == {"subnet", "service"}
