"""Which packets reach the metadata service, of which networks, and what becomes of others sent to its addresses."""

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_switching import BROADCAST, mac
from tests.dataplane.world import Delivery, World
from tunbridge.dataplane import pipeline
from tunbridge.dataplane.addresses import METADATA_ADDRESS, METADATA_ADDRESSES6, METADATA_MAC
from tunbridge.dataplane.features import services
from tunbridge.dataplane.features.port_security import link_local
from tunbridge.dataplane.responders import Kind

AGENT = {Delivery("a", "agent"), Delivery("a", "meter")}
ROUTER_MAC = "fa:16:3e:99:99:99"


def two_networks(make_world: MakeWorld) -> World:
    """Two networks with equal addresses: n has no router and no subnet, m a flat one; a port without security."""
    world = make_world("a", "b")
    world.network("n", segment=100)
    world.network("m", "flat", None)
    world.port("n1", "n", "a", "10.0.0.1")
    world.port("m1", "m", "a", "10.0.0.1")
    world.port("n2", "n", "a", "10.0.0.2", port_security_enabled=False)
    world.port("n3", "n", "b", "10.0.0.3")
    world.run()
    return world


def tcp(source: int = 1, target: str = ROUTER_MAC, port: int = 80, nw_src: str | None = None) -> str:
    head = f"tcp,dl_src={mac(source)},dl_dst={target},nw_src={nw_src or f'10.0.0.{source}'}"
    return f"{head},nw_dst={METADATA_ADDRESS},tp_src=4000,tp_dst={port}"


def tcp6(address: str, target: str = METADATA_MAC) -> str:
    head = f"tcp6,dl_src={mac(1)},dl_dst={target},ipv6_src={link_local(mac(1))},ipv6_dst={address}"
    return f"{head},tp_src=4000,tp_dst=80"


@pytest.mark.parametrize("port", ["n1", "m1"])
def test_requests_of_every_network_come_to_the_agent_whatever_router_they_are_sent_to(
    make_world: MakeWorld, port: str
) -> None:
    world = two_networks(make_world)
    for target in (ROUTER_MAC, METADATA_MAC, BROADCAST):
        assert world.send(port, tcp(target=target)) == AGENT
    for address in METADATA_ADDRESSES6:
        assert world.send(port, tcp6(address)) == AGENT
        assert world.send(port, tcp6(address, ROUTER_MAC)) == AGENT


def test_each_port_has_a_meter_of_its_own_and_the_agent_is_told_the_service(make_world: MakeWorld) -> None:
    world = two_networks(make_world)
    host = world.hosts["a"]
    numbers = {m for m in host.desired.meters("br-int") if 86_000 <= m < 100_000}
    assert numbers == {pipeline.METADATA_METERS + w.ofport for w in host.workloads.values()}
    text = world.dummy.trace(host.bridges["br-int"], f"in_port={host.workloads['n1'].ofport},{tcp()}")
    assert f"userdata={services.NUMBERS[Kind.metadata]:02x}" in text
    assert f"meter:{pipeline.METADATA_METERS + host.workloads['n1'].ofport}" in text


def test_security_groups_do_not_stand_in_the_way_and_port_security_does(make_world: MakeWorld) -> None:
    world = two_networks(make_world)
    world.group("none")
    world.port("n1", "n", "a", "10.0.0.1", security_groups=("none",))
    world.run()
    assert world.send("n1", tcp()) == AGENT
    assert world.send("n1", tcp(nw_src="10.0.0.2")) == set()
    assert world.send("n1", tcp(source=2)) == set()


def test_a_port_without_port_security_is_told_by_its_port(make_world: MakeWorld) -> None:
    world = two_networks(make_world)
    assert world.send("n2", tcp(2)) == AGENT
    assert world.send("n2", tcp(1)) == AGENT  # with another VM's address: the packet-in names the port


def test_every_port_of_tcp_comes_to_the_agent_which_refuses_those_that_are_closed(make_world: MakeWorld) -> None:
    world = two_networks(make_world)
    assert world.send("n1", tcp(port=443)) == AGENT


def test_nothing_sent_to_its_addresses_leaves_the_host(make_world: MakeWorld) -> None:
    world = two_networks(make_world)
    other = f"udp,dl_src={mac(1)},dl_dst={ROUTER_MAC},nw_src=10.0.0.1,nw_dst={METADATA_ADDRESS},tp_src=5,tp_dst=5"
    assert world.send("m1", other) == set()
    assert world.send("m1", f"ip,dl_src={mac(1)},dl_dst={METADATA_MAC},nw_src=10.0.0.1,nw_dst=8.8.8.8") == set()


def test_arp_and_ping_are_answered_by_flows(make_world: MakeWorld) -> None:
    world = two_networks(make_world)
    asked = Ether(src=mac(1), dst=BROADCAST) / ARP(hwsrc=mac(1), psrc="10.0.0.1", pdst=METADATA_ADDRESS)
    echo = Ether(src=mac(1), dst=METADATA_MAC) / IP(src="10.0.0.1", dst=METADATA_ADDRESS) / ICMP(id=7, seq=1) / b"hi"
    for port in ("n1", "m1"):
        told, answered = world.exchange(port, asked, echo)[port]
        assert (told[ARP].op, told[ARP].hwsrc, told[ARP].psrc) == (2, METADATA_MAC, METADATA_ADDRESS)
        assert (answered[IP].src, answered[ICMP].type, answered[Ether].dst) == (METADATA_ADDRESS, 0, mac(1))
        assert bytes(answered[ICMP].payload) == b"hi"


def test_it_answers_a_ping_by_ipv6(make_world: MakeWorld) -> None:
    world = two_networks(make_world)
    own = link_local(mac(1))
    for address in METADATA_ADDRESSES6:
        echo = Ether(src=mac(1), dst=METADATA_MAC) / IPv6(src=own, dst=address) / ICMPv6EchoRequest(data=b"hi")
        (answered,) = world.exchange("n1", echo)["n1"]
        assert (answered[IPv6].src, answered[IPv6].dst) == (address, own)
        assert answered[ICMPv6EchoReply].data == b"hi"


def test_neighbour_solicitations_for_it_come_to_the_agent(make_world: MakeWorld) -> None:
    world = two_networks(make_world)
    for address in METADATA_ADDRESSES6:
        asked = (
            f"icmp6,dl_src={mac(1)},dl_dst=33:33:ff:00:00:01,ipv6_src={link_local(mac(1))},ipv6_dst=ff02::1:ff00:1"
            f",nw_ttl=255,icmp_type=135,nd_target={address},nd_sll={mac(1)}"
        )
        assert world.send("n1", asked) == AGENT


def test_a_host_without_the_service_has_none_of_its_flows(make_world: MakeWorld) -> None:
    world = make_world("a", "b")
    host = world.hosts["a"]
    host.metadata = False
    world.network("n", segment=100)
    world.port("n1", "n", "a", "10.0.0.1")
    world.run()
    assert not [f for f in host.desired.flows("br-int").values() if f.cookie == pipeline.cookie("metadata")]
    assert not [m for m in host.desired.meters("br-int") if 86_000 <= m < 100_000]
    assert world.send("n1", tcp()).isdisjoint(AGENT)


def test_the_flows_go_with_the_port(make_world: MakeWorld) -> None:
    world = two_networks(make_world)
    host = world.hosts["a"]
    before = len(host.desired.flows("br-int"))
    world.port("n9", "n", "a", "10.0.0.9")
    world.run()
    host.unplug("n9")
    world.delete_port("n9")
    world.run()
    assert len(host.desired.flows("br-int")) == before
    assert len([m for m in host.desired.meters("br-int") if 86_000 <= m < 100_000]) == 3
