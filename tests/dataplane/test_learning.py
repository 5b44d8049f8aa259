"""MAC addresses that the database does not know: of ports without port security, and of allowed address pairs."""

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.world import AddressPair, Rule, World
from tunbridge.dataplane import pipeline

VIRTUAL, UNKNOWN, BROADCAST = "00:00:5e:00:01:01", "02:00:00:00:00:77", "ff:ff:ff:ff:ff:ff"


def mac(number: int) -> str:
    return f"fa:16:3e:00:00:{number:02x}"


def start(make_world: MakeWorld) -> World:
    """Ports 1 and 2 may take over a virtual router's address; 3 has no port security, 4 and 5 are ordinary."""
    world = make_world("a", "b")
    world.network("n")
    pair = (AddressPair(VIRTUAL, "10.0.0.100"),)
    world.group("web", Rule(id="w", direction="ingress", ip_version=4, protocol=17, port_min=80, port_max=80))
    world.port("p1", "n", "a", "10.0.0.1", allowed_address_pairs=pair)
    world.port("p2", "n", "a", "10.0.0.2", allowed_address_pairs=pair, security_groups=("web",))
    world.port("p3", "n", "a", "10.0.0.3", port_security_enabled=False)
    world.port("p4", "n", "a", "10.0.0.4")
    world.port("p5", "n", "b", "10.0.0.5")
    world.run()
    return world


def announce(mac: str, address: str) -> Packet:
    return Ether(src=mac, dst=BROADCAST) / ARP(op=1, hwsrc=mac, psrc=address, pdst=address)


def datagram(target: str, address: str, port: int = 80) -> Packet:
    return Ether(src=mac(4), dst=target) / IP(src="10.0.0.4", dst=address) / UDP(sport=1, dport=port)


def reach(world: World, port: str, *packets: Packet) -> set[str]:
    return set(world.exchange(port, *packets))


def test_an_unknown_address_reaches_those_who_may_have_it_until_it_is_seen(make_world: MakeWorld) -> None:
    world = start(make_world)
    assert reach(world, "p4", datagram(UNKNOWN, "10.0.0.77")) == {"p1", "p2", "p3"}
    world.exchange("p3", announce(UNKNOWN, "10.0.0.77"))
    assert reach(world, "p4", datagram(UNKNOWN, "10.0.0.77")) == {"p3"}


def test_a_virtual_address_moves_with_its_announcement(make_world: MakeWorld) -> None:
    world = start(make_world)
    world.exchange("p1", announce(VIRTUAL, "10.0.0.100"))
    assert reach(world, "p4", datagram(VIRTUAL, "10.0.0.100")) == {"p1"}
    world.exchange("p2", announce(VIRTUAL, "10.0.0.100"))
    assert reach(world, "p4", datagram(VIRTUAL, "10.0.0.100")) == {"p2"}


def test_a_learned_address_obeys_the_rules_of_its_port(make_world: MakeWorld) -> None:
    world = start(make_world)
    world.exchange("p2", announce(VIRTUAL, "10.0.0.100"))
    assert reach(world, "p4", datagram(VIRTUAL, "10.0.0.100", 81)) == set()


def test_nobody_can_take_an_address_that_the_database_knows(make_world: MakeWorld) -> None:
    world = start(make_world)
    world.exchange("p3", announce(mac(2), "10.0.0.2"))
    assert reach(world, "p4", datagram(mac(2), "10.0.0.2")) == {"p2"}


def test_only_ports_that_may_have_an_address_teach_it(make_world: MakeWorld) -> None:
    world = start(make_world)
    world.exchange("p4", announce(VIRTUAL, "10.0.0.100"))  # a spoofed one
    assert reach(world, "p4", datagram(VIRTUAL, "10.0.0.100")) == {"p1", "p2", "p3"}


def test_what_was_learned_is_not_ours_and_goes_with_the_network(make_world: MakeWorld) -> None:
    world = start(make_world)
    bridge = world.hosts["a"].bridges["br-int"]
    world.exchange("p1", announce(VIRTUAL, "10.0.0.100"))
    learned = [f for f in world.dummy.dump(bridge) if f.table == pipeline.LEARNED.number and f.priority]
    assert [f.match for f in learned] == [f"reg6=0x1,dl_dst={VIRTUAL}"]
    assert [f.ours for f in learned] == [False]
    wanted = world.hosts["a"].desired.flows("br-int").values()
    learner = next(f for f in wanted if f.table == pipeline.LEARN.number and "learn(" in f.actions)
    world.dummy.remove(bridge, learner)
    assert not [f for f in world.dummy.dump(bridge) if f.table == pipeline.LEARNED.number and f.priority]


def test_without_such_ports_nothing_is_learned(make_world: MakeWorld) -> None:
    world = make_world("a")
    world.network("n")
    world.port("p1", "n", "a", "10.0.0.1", allowed_address_pairs=(AddressPair(mac(1), "10.0.0.100"),))
    world.run()
    flows = [*world.hosts["a"].desired.flows("br-int").values(), *world.hosts["a"].desired.flows("br-tun").values()]
    assert not [f for f in flows if "learn(" in f.actions]


def test_addresses_behind_a_tunnel_are_learned_in_both_bridges(make_world: MakeWorld) -> None:
    world = start(make_world)
    arrives = f"tun_id=0x64,in_port=2,arp,dl_src={UNKNOWN},dl_dst={BROADCAST},arp_op=1,arp_spa=10.0.0.77"
    host = world.hosts["a"]
    text = world.dummy.appctl("ofproto/trace", host.bridges["br-tun"], arrives, "-generate")
    assert text.count("learn(") == 2
    (inside,) = [f for f in world.dummy.dump(host.bridges["br-int"]) if f.table == 79 and f.priority]
    (outside,) = [f for f in world.dummy.dump(host.bridges["br-tun"]) if f.table == 20 and f.priority == 1]
    assert UNKNOWN in inside.match
    assert UNKNOWN in outside.match
    # So a packet for it leaves by that tunnel alone, and reaches nobody here.
    assert {d.host for d in world.send("p4", f"udp,dl_src={mac(4)},dl_dst={UNKNOWN},nw_src=10.0.0.4")} <= {"b"}
