"""Local IPs: one address that is on each host a port of that host. Real packets, real conntrack."""

import pytest
from scapy.layers.inet import ICMP, IP, UDP, IPerror, UDPerror
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_switching import udp
from tests.dataplane.world import Delivery, World
from tunbridge.dataplane.conntrack import Connection
from tunbridge.dataplane.view import LocalIp

ADDRESS = "10.0.0.100"
BROADCAST = "ff:ff:ff:ff:ff:ff"


def site(make_world: MakeWorld, secure: bool = True, has_owner: bool = False) -> World:
    """On a: a client, two servers; on b: a client, a server; on c: a client, who has nobody. `has_owner`: on c too."""
    world = make_world("a", "b", "c")
    world.network("n", segment=20)
    for number, (name, host) in enumerate(
        (("ask-a", "a"), ("serve-a", "a"), ("more-a", "a"), ("ask-b", "b"), ("serve-b", "b"), ("ask-c", "c")), 1
    ):
        world.port(name, "n", host, f"10.0.0.{number}", port_security_enabled=secure)
    if has_owner:
        world.port("owner", "n", "c", ADDRESS, port_security_enabled=secure)
    have(world, "serve-a", "serve-b")
    return world


def have(world: World, *ports: str, translated: bool = True) -> None:
    """Lead the Local IP to these ports."""
    world.rows.local_addresses = {
        id: (LocalIp(id="local", address=ADDRESS, fixed_ip=fixed(world, id), is_translated=translated),) for id in ports
    }
    world.touch({("local-ips", id) for id in world.rows.ports})
    world.run()


def fixed(world: World, port: str) -> str:
    return world.rows.ports[port].fixed_ips[0].ip_address


def packet(world: World, source: str, target: str, to: str, sport: int = 1000, dport: int = 53) -> Packet:
    """From a port to an address; `to`: the port whose MAC address it is sent to."""
    ether = Ether(src=world.rows.ports[source].mac_address, dst=world.rows.ports[to].mac_address)
    return ether / IP(src=fixed(world, source), dst=target) / UDP(sport=sport, dport=dport) / b"word"


def answer(world: World, got: Packet, source: str, to: str) -> Packet:
    return packet(world, source, got[IP].src, to, sport=got[UDP].dport, dport=got[UDP].sport)


def only(found: dict[str, list[Packet]], where: str) -> Packet:
    assert list(found) == [where], found
    (got,) = found[where]
    return got


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("host", ["a", "b"])
def test_a_client_reaches_the_server_of_its_host_and_is_answered_from_the_local_ip(
    make_world: MakeWorld, host: str, secure: bool
) -> None:
    world = site(make_world, secure)
    client, server = f"ask-{host}", f"serve-{host}"
    question = ARP(op=1, hwsrc=world.rows.ports[client].mac_address, psrc=fixed(world, client), pdst=ADDRESS)
    told = only(world.exchange(client, Ether(src=question.hwsrc, dst=BROADCAST) / question), client)
    assert (told[ARP].op, told[ARP].psrc, told[ARP].hwsrc) == (2, ADDRESS, world.rows.ports[server].mac_address)
    for _ in range(2):
        got = only(world.exchange(client, packet(world, client, ADDRESS, server)), server)
        assert (got[IP].src, got[IP].dst, got[UDP].dport) == (fixed(world, client), fixed(world, server), 53)
        back = only(world.exchange(server, answer(world, got, server, client)), client)
        assert (back[IP].src, back[IP].dst, back[UDP].sport) == (ADDRESS, fixed(world, client), 53)
        assert bytes(back[UDP].payload).startswith(b"word")


def test_the_servers_own_address_is_answered_from_itself(make_world: MakeWorld) -> None:
    world = site(make_world)
    got = only(world.exchange("ask-a", packet(world, "ask-a", ADDRESS, "serve-a")), "serve-a")
    direct = packet(world, "ask-a", fixed(world, "serve-a"), "serve-a", sport=1001, dport=53)
    straight = only(world.exchange("ask-a", direct), "serve-a")
    for one, source in ((got, ADDRESS), (straight, fixed(world, "serve-a"))):
        back = only(world.exchange("serve-a", answer(world, one, "serve-a", "ask-a")), "ask-a")
        assert back[IP].src == source


def test_an_error_of_the_server_is_of_the_connection_to_the_local_ip(make_world: MakeWorld) -> None:
    world = site(make_world)
    got = only(world.exchange("ask-a", packet(world, "ask-a", ADDRESS, "serve-a")), "serve-a")
    ether = Ether(src=got[Ether].dst, dst=got[Ether].src)
    error = ether / IP(src=got[IP].dst, dst=got[IP].src) / ICMP(type=3, code=3) / bytes(got[IP])[:28]
    told = only(world.exchange("serve-a", error), "ask-a")
    assert (told[IP].src, told[IPerror].dst, told[UDPerror].dport) == (ADDRESS, ADDRESS, 53)


def test_without_a_server_of_its_own_a_host_sends_on_to_who_has_the_address(make_world: MakeWorld) -> None:
    world = site(make_world, has_owner=True)
    got = only(world.exchange("ask-c", packet(world, "ask-c", ADDRESS, "owner")), "owner")
    assert got[IP].dst == ADDRESS
    assert Delivery("c", "owner") in world.send("serve-a", udp(2, 100)), "the server itself reaches the owner"
    have(world, "serve-b")
    assert {d[:2] for d in world.send("ask-a", udp(1, 100))} == {("c", "owner")}


def test_of_two_servers_on_a_host_one_has_it_and_the_other_takes_over(make_world: MakeWorld) -> None:
    world = site(make_world)
    have(world, "serve-a", "more-a")
    asked = packet(world, "ask-a", ADDRESS, "serve-a")
    assert set(world.exchange("ask-a", asked)) == {"more-a"}, "the one with the lower id"
    have(world, "serve-a")
    assert not world.hosts["a"].desired.judge().allowed(known(world, "more-a")), "the connection is cut"
    assert world.hosts["a"].desired.judge().allowed(known(world, "serve-a"))
    other = packet(world, "ask-a", ADDRESS, "serve-a", sport=1001, dport=53)
    assert set(world.exchange("ask-a", other)) == {"serve-a"}


def known(world: World, server: str) -> Connection:
    """A connection to the Local IP as conntrack lists it, which leads to a server."""
    (zone,) = {cut.zone for cut in world.hosts["a"].desired.zones() if cut.zone >= 0x1000}
    client = fixed(world, "ask-a")
    return Connection(
        zone=zone, protocol=17, src=client, dst=ADDRESS, reply_src=fixed(world, server), reply_dst=client
    )  # fmt: skip


def test_passed_through_a_packet_keeps_its_address(make_world: MakeWorld) -> None:
    world = site(make_world, secure=False)
    have(world, "serve-a", translated=False)
    got = only(world.exchange("ask-a", packet(world, "ask-a", ADDRESS, "more-a")), "serve-a")
    assert got[IP].dst == ADDRESS
    assert not any("nat(" in flow.actions for flow in world.hosts["a"].desired.flows("br-int").values())


def test_nothing_is_left_of_one_that_is_gone(make_world: MakeWorld) -> None:
    world = site(make_world)
    assert any("nat(" in flow.actions for flow in world.hosts["a"].desired.flows("br-int").values())
    before = {name: {*host.desired.flows("br-int")} for name, host in world.hosts.items()}
    have(world)
    for name, host in world.hosts.items():
        left = before[name] - {*host.desired.flows("br-int")}
        assert len(left) == {"a": 7, "b": 7, "c": 0}[name]
        assert not any(cut.zone >= 0x1000 for cut in host.desired.zones())


def test_only_what_goes_to_it_and_comes_from_it_on_its_host_is_looked_up_once_more(make_world: MakeWorld) -> None:
    world = site(make_world)

    def lookups(port: str, sender: int, target: int) -> int:
        host = world.hosts[port[-1]]
        text = world.dummy.trace(
            host.bridges["br-int"], f"in_port={host.workloads[port].ofport},{udp(sender, target)}", "trk,est"
        )
        return text.count("resume conntrack")

    assert lookups("ask-a", 1, 3) == 1
    assert lookups("serve-a", 2, 4) == 1, "to another host"
    assert lookups("serve-a", 2, 1) == 2
    assert lookups("ask-a", 1, 100) == 2
