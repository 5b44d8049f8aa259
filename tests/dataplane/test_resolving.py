"""Requests that a host answers, or sends to the one who does: ARP, neighbour discovery, DHCP, router, names."""

import re

import pytest

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.world import AddressPair, Delivery, World
from tunbridge.dataplane import addresses, pipeline
from tunbridge.dataplane.features import services
from tunbridge.dataplane.responders import Kind

BROADCAST, SOLICITED = "ff:ff:ff:ff:ff:ff", "33:33:ff:00:00:03"
MAC = "fa:16:3e:00:00:{:02x}"


@pytest.fixture(scope="module")
def world(make_lasting_world: MakeWorld) -> World:
    return make(make_lasting_world)


@pytest.fixture
def own_world(make_world: MakeWorld) -> World:
    """One that a test may change."""
    return make(make_world)


def make(make_world: MakeWorld) -> World:
    world = make_world("a", "b")
    world.network("n")
    world.subnet("s4", "n", "10.0.0.0/24", "10.0.0.254")
    world.subnet(
        "s6", "n", "2001:db8::/64", "2001:db8::fe", ipv6_ra_mode="dhcpv6-stateful", ipv6_address_mode="dhcpv6-stateful"
    )
    world.port("p1", "n", "a", "10.0.0.1", "2001:db8::1")
    world.port("p2", "n", "a", "10.0.0.2", "2001:db8::2")
    world.port("p3", "n", "b", "10.0.0.3", "2001:db8::3")
    world.port("unbound", "n", None, "10.0.0.4")
    world.run()
    return world


def arp(target: str, dst: str = BROADCAST) -> str:
    return f"arp,dl_src={MAC.format(1)},dl_dst={dst},arp_op=1,arp_spa=10.0.0.1,arp_sha={MAC.format(1)},arp_tpa={target}"


def solicit(target: str) -> str:
    where = f"dl_src={MAC.format(1)},dl_dst={SOLICITED},ipv6_src=2001:db8::1,ipv6_dst=ff02::1:ff00:3"
    return f"icmp6,{where},icmp_type=135,icmp_code=0,nd_target={target},nd_sll={MAC.format(1)}"


def to_agent(world: World, packet: str) -> tuple[Kind | None, bool]:
    """(What the agent is asked, whether a meter is passed); nothing else may happen to the packet."""
    text = world.dummy.trace(world.hosts["a"].bridges["br-int"], f"in_port=11,{packet}")
    actions = re.search(r"^Datapath actions: (.*)$", text, re.M)
    userdata = re.search(r"controller\(id=29794,userdata=([0-9a-f]+)\)", text)
    assert actions is not None
    assert not re.search(r"(^|,)\d+(,|$)", actions[1]), "a copy leaves by a port"
    return services.kind_of(bytes.fromhex(userdata[1])) if userdata else None, actions[1].startswith("meter(")


def test_arp_for_a_port_on_another_host_is_answered_here(world: World) -> None:
    (answer,) = world.send("p1", arp("10.0.0.3"))
    assert (answer.host, answer.device) == ("a", "p1")
    assert f"eth(src={MAC.format(3)},dst={MAC.format(1)})" in answer.changes
    assert f"arp(sip=10.0.0.3,tip=10.0.0.1,op=2,sha={MAC.format(3)},tha={MAC.format(1)})" in answer.changes


def test_arp_for_a_local_port_goes_to_its_owner_alone(world: World) -> None:
    assert world.send("p1", arp("10.0.0.2")) == {Delivery("a", "p2", None, f"eth(dst={MAC.format(2)})")}


def test_a_probe_for_the_own_address_is_not_answered(world: World) -> None:
    probe = arp("10.0.0.1").replace("arp_spa=10.0.0.1", "arp_spa=0.0.0.0")
    assert world.send("p1", probe) == set()


def test_an_announcement_of_the_own_address_is_flooded(world: World) -> None:
    assert world.send("p1", arp("10.0.0.1")) == {Delivery("a", "p2"), Delivery("b", "p3")}


@pytest.mark.parametrize("target", ["10.0.0.99", "10.0.0.4"])
def test_arp_for_an_unknown_address_is_flooded(world: World, target: str) -> None:
    assert world.send("p1", arp(target)) == {Delivery("a", "p2"), Delivery("b", "p3")}


@pytest.mark.parametrize("dst", [BROADCAST, addresses.service_mac("s4")])  # Linux asks again by unicast
def test_arp_for_the_dhcp_address_is_answered_with_its_service_mac(world: World, dst: str) -> None:
    (answer,) = world.send("p1", arp("10.0.0.254", dst))
    assert answer.device == "p1"
    assert f"sip=10.0.0.254,tip=10.0.0.1,op=2,sha={addresses.service_mac('s4')}" in answer.changes


def test_arp_for_a_gateway_that_a_port_owns_is_that_ports(own_world: World) -> None:
    own_world.port("router", "n", "b", "10.0.0.254")
    own_world.run()
    (answer,) = own_world.send("p1", arp("10.0.0.254"))
    assert f"sha={MAC.format(254)}" in answer.changes


def test_an_address_that_another_port_may_take_is_not_answered_for(own_world: World) -> None:
    pairs = (AddressPair(MAC.format(2), "10.0.0.3"),)
    own_world.port("p2", "n", "a", "10.0.0.2", allowed_address_pairs=pairs)
    own_world.run()
    assert own_world.send("p1", arp("10.0.0.3")) == {Delivery("a", "p2"), Delivery("b", "p3")}


def test_a_solicitation_goes_to_the_owner_alone(world: World) -> None:
    assert {(d.host, d.device) for d in world.send("p1", solicit("2001:db8::2"))} == {("a", "p2")}
    assert {(d.host, d.device) for d in world.send("p1", solicit("2001:db8::3"))} == {("b", "p3")}


def test_a_solicitation_for_an_unknown_address_is_flooded(world: World) -> None:
    assert world.send("p1", solicit("2001:db8::99")) == {Delivery("a", "p2"), Delivery("b", "p3")}


def test_in_provider_networks_arp_and_nd_are_flooded(make_world: MakeWorld) -> None:
    world = make_world("a")
    world.network("v", "vlan", 300)
    world.port("p1", "v", "a", "10.0.0.1", "2001:db8::1")
    world.port("p2", "v", "a", "10.0.0.2", "2001:db8::2")
    world.run()
    outside = {Delivery("a", "eth0", 300), Delivery("a", "ex", 300)}
    assert world.send("p1", arp("10.0.0.2")) == outside | {Delivery("a", "p2")}
    assert world.send("p1", solicit("2001:db8::2")) == outside | {Delivery("a", "p2")}


def dhcp(source: str, target: str, dst: str = BROADCAST) -> str:
    return f"udp,dl_src={MAC.format(1)},dl_dst={dst},nw_src={source},nw_dst={target},tp_src=68,tp_dst=67"


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (dhcp("0.0.0.0", "255.255.255.255"), Kind.dhcp4),
        (dhcp("10.0.0.1", "255.255.255.255"), Kind.dhcp4),
        (dhcp("10.0.0.1", "10.0.0.254", addresses.service_mac("s4")), Kind.dhcp4),
        # From an address that the port has no more: to be told so, as by no other server.
        (dhcp("10.0.0.77", "10.0.0.254", addresses.service_mac("s4")), Kind.dhcp4),
        (dhcp("10.0.0.77", "255.255.255.255"), Kind.dhcp4),
        (dhcp("10.0.0.77", "10.0.0.2", MAC.format(2)), Kind.dhcp4),
        (
            f"udp6,dl_src={MAC.format(1)},dl_dst=33:33:00:01:00:02,ipv6_src=fe80::f816:3eff:fe00:1,ipv6_dst=ff02::1:2,"
            "tp_src=546,tp_dst=547",
            Kind.dhcp6,
        ),
        (
            f"icmp6,dl_src={MAC.format(1)},dl_dst=33:33:00:00:00:02,ipv6_src=fe80::f816:3eff:fe00:1,ipv6_dst=ff02::2,"
            "icmp_type=133,icmp_code=0",
            Kind.router,
        ),
        (
            f"icmp6,dl_src={MAC.format(1)},dl_dst=33:33:00:00:00:02,ipv6_src=::,ipv6_dst=ff02::2,icmp_type=133",
            Kind.router,
        ),
        (
            f"udp,dl_src={MAC.format(1)},dl_dst={addresses.service_mac('s4')},nw_src=10.0.0.1,nw_dst=10.0.0.254,"
            "tp_src=40000,tp_dst=53",
            Kind.dns,
        ),
        (solicit("2001:db8::fe"), Kind.neighbour),
        (solicit(addresses.service_link_local("n")), Kind.neighbour),
    ],
)
def test_requests_reach_the_agent_by_the_ports_meter_and_nobody_else(world: World, packet: str, kind: Kind) -> None:
    assert to_agent(world, packet) == (kind, True)


@pytest.mark.parametrize("dns_nameservers", [(), ("10.0.0.254",)])
def test_names_are_left_to_the_resolver_that_a_subnet_names(own_world: World, dns_nameservers: tuple[str, ...]) -> None:
    own_world.subnet("s4", "n", "10.0.0.0/24", "10.0.0.254", dns_nameservers=dns_nameservers)
    own_world.port("resolver", "n", "a", "10.0.0.254", device_owner="network:router_interface")
    own_world.run()
    query = f"udp,dl_src={MAC.format(1)},dl_dst={MAC.format(254)},nw_src=10.0.0.1,nw_dst=10.0.0.254,tp_dst=53"
    if dns_nameservers:
        assert own_world.send("p1", query) == {Delivery("a", "resolver")}
    else:
        assert to_agent(own_world, query) == (Kind.dns, True)


def test_what_else_is_sent_to_the_dhcp_address_ends_there(world: World) -> None:
    packet = f"tcp,dl_src={MAC.format(1)},dl_dst={addresses.service_mac('s4')},nw_src=10.0.0.1,nw_dst=10.0.0.254"
    assert world.send("p1", packet) == set()


def test_without_dhcp_a_request_goes_to_the_network(own_world: World) -> None:
    own_world.subnet("s4", "n", "10.0.0.0/24", "10.0.0.254", enable_dhcp=False)
    own_world.run()
    assert own_world.send("p1", dhcp("0.0.0.0", "255.255.255.255")) == {Delivery("a", "p2"), Delivery("b", "p3")}


def test_without_dhcp_a_request_from_a_wrong_address_reaches_nobody_else_either(own_world: World) -> None:
    own_world.subnet("s4", "n", "10.0.0.0/24", "10.0.0.254", enable_dhcp=False)
    own_world.run()
    assert to_agent(own_world, dhcp("10.0.0.77", "255.255.255.255")) == (Kind.dhcp4, True)


def test_a_request_from_a_tunnel_is_answered_by_nobody_here(world: World) -> None:
    got = set(world.hosts["a"].trace("br-tun", f"tun_id=0x64,in_port=2,{dhcp('0.0.0.0', '255.255.255.255')}", ()))
    assert got == {Delivery("a", "p1"), Delivery("a", "p2")}


def test_each_port_has_its_own_meter_and_so_have_the_patches_that_questions_of_neighbours_come_from(
    world: World,
) -> None:
    meters = world.hosts["a"].desired.meters("br-int")
    patches = {pipeline.PATCH_METERS, pipeline.PATCH_METERS + 1}
    workloads = {
        start + ofport for start in (pipeline.WORKLOAD_METERS, pipeline.METADATA_METERS) for ofport in (11, 12)
    }
    of_the_host = {pipeline.TOLD_METER, pipeline.HOST_LOG_METER, pipeline.UNTRANSLATED_METER}
    assert set(meters) == patches | of_the_host | workloads
    assert "rate=100" in world.dummy.meters(world.hosts["a"].bridges["br-int"])
