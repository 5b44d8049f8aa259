"""What a workload may send: its own addresses and its allowed address pairs."""

import pytest

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.world import AddressPair, Delivery, World

OWN, OTHER, VIRTUAL = "fa:16:3e:00:00:01", "fa:16:3e:00:00:02", "00:00:5e:00:01:01"
BROADCAST, ALL_NODES = "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"
LINK_LOCAL = "fe80::f816:3eff:fe00:1"
OUT = {Delivery("a", "p2")}


@pytest.fixture(scope="module")
def world(make_lasting_world: MakeWorld) -> World:
    return make(make_lasting_world)


@pytest.fixture
def own_world(make_world: MakeWorld) -> World:
    """One that a test may change."""
    return make(make_world)


def make(make_world: MakeWorld) -> World:
    """A network that is flooded, so that nothing but port security decides."""
    world = make_world("a")
    world.network("n", "local", None)
    pairs = (AddressPair(OWN, "10.0.0.100"), AddressPair(VIRTUAL, "10.9.0.0/24"), AddressPair(OWN, "2001:db8:9::/64"))
    world.port("p1", "n", "a", "10.0.0.1", "2001:db8::1", allowed_address_pairs=pairs)
    world.port("p2", "n", "a", "10.0.0.2", port_security_enabled=False)
    world.run()
    return world


def ip(source: str, mac: str = OWN) -> str:
    return f"udp,dl_src={mac},dl_dst={BROADCAST},nw_src={source},nw_dst=10.0.0.255,tp_src=5000,tp_dst=5000"


def ipv6(source: str, mac: str = OWN) -> str:
    return f"udp6,dl_src={mac},dl_dst={ALL_NODES},ipv6_src={source},ipv6_dst=ff02::1,tp_src=5000,tp_dst=5000"


def arp(source: str, sha: str = OWN, mac: str = OWN, operation: int = 1) -> str:
    who = f"arp_spa={source},arp_sha={sha},arp_tpa=10.0.0.77"
    return f"arp,dl_src={mac},dl_dst={BROADCAST},arp_op={operation},{who}"


def nd(kind: int, target: str, source: str, option: str = "") -> str:
    where = f"dl_src={OWN},dl_dst={ALL_NODES},ipv6_src={source},ipv6_dst=ff02::1"
    return f"icmp6,{where},icmp_type={kind},icmp_code=0,nd_target={target}{option}"


def icmp6(kind: int, source: str) -> str:
    return f"icmp6,dl_src={OWN},dl_dst={ALL_NODES},ipv6_src={source},ipv6_dst=ff02::1,icmp_type={kind},icmp_code=0"


@pytest.mark.parametrize(
    "packet",
    [
        ip("10.0.0.1"), ip("10.0.0.100"), ip("10.9.0.7", VIRTUAL), ipv6("2001:db8::1"), ipv6(LINK_LOCAL),
        ipv6("2001:db8:9::77"), arp("10.0.0.1"), arp("10.0.0.100"), arp("0.0.0.0"), arp("10.9.0.7", VIRTUAL, VIRTUAL),
        arp("10.0.0.1", operation=2), nd(135, "2001:db8::9", LINK_LOCAL, f",nd_sll={OWN}"), nd(135, LINK_LOCAL, "::"),
        nd(136, "2001:db8::1", "2001:db8::1", f",nd_tll={OWN}"), nd(136, LINK_LOCAL, LINK_LOCAL), icmp6(133, "::"),
        icmp6(143, "::"), f"rarp,dl_src={OWN},dl_dst={BROADCAST},arp_op=3",
        f"udp,dl_src={OWN},dl_dst={BROADCAST},nw_src=0.0.0.0,nw_dst=255.255.255.255,tp_src=68,tp_dst=67",
    ],
)  # fmt: skip
def test_own_addresses_pass(world: World, packet: str) -> None:
    assert world.send("p1", packet) == OUT


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(ip("10.0.0.1", OTHER), id="mac"),
        pytest.param(ip("10.0.0.2"), id="ipv4"),
        pytest.param(ip("10.9.0.7"), id="pair's address with the wrong mac"),
        pytest.param(ip("10.0.0.1", VIRTUAL), id="pair's mac with the wrong address"),
        pytest.param(ip("0.0.0.0"), id="ipv4 unspecified"),
        pytest.param(ipv6("2001:db8::2"), id="ipv6"),
        pytest.param(ipv6("fe80::f816:3eff:fe00:2"), id="link-local"),
        pytest.param(arp("10.0.0.2"), id="arp spa"),
        pytest.param(arp("10.0.0.1", OTHER), id="arp sha"),
        pytest.param(arp("0.0.0.0", OTHER), id="arp probe"),
        pytest.param(arp("10.0.0.2", operation=2), id="arp reply"),
        pytest.param(nd(135, "2001:db8::9", "2001:db8::2"), id="ns source"),
        pytest.param(nd(135, "2001:db8::9", LINK_LOCAL, f",nd_sll={OTHER}"), id="ns source link-layer address"),
        pytest.param(nd(136, "2001:db8::2", "2001:db8::1", f",nd_tll={OWN}"), id="na target"),
        pytest.param(nd(136, "2001:db8::1", "2001:db8::1", f",nd_tll={OTHER}"), id="na target link-layer address"),
        pytest.param(icmp6(134, LINK_LOCAL), id="ra"),
        pytest.param(icmp6(137, LINK_LOCAL), id="redirect"),
        pytest.param(
            f"udp,dl_src={OWN},dl_dst={BROADCAST},nw_src=10.0.0.1,nw_dst=255.255.255.255,tp_src=67,tp_dst=68",
            id="dhcp reply",
        ),
        pytest.param(
            f"udp6,dl_src={OWN},dl_dst={ALL_NODES},ipv6_src={LINK_LOCAL},ipv6_dst=ff02::1,tp_src=547,tp_dst=546",
            id="dhcpv6 reply",
        ),
        pytest.param(f"dl_type=0x88cc,dl_src={OWN},dl_dst={BROADCAST}", id="other protocol"),
    ],
)
def test_spoofed_packets_are_dropped(world: World, packet: str) -> None:
    assert world.send("p1", packet) == set()


@pytest.mark.parametrize("packet", [ip("10.0.0.77", OTHER), arp("10.0.0.77", OTHER, OTHER), icmp6(134, LINK_LOCAL)])
def test_without_port_security_everything_passes(own_world: World, packet: str) -> None:
    # The receiver accepts everything too, so nothing but the sender's stage could stop it.
    own_world.port("p1", "n", "a", "10.0.0.1", port_security_enabled=False)
    own_world.run()
    assert own_world.send("p1", packet) == OUT


def test_ports_of_the_network_itself_are_trusted(own_world: World) -> None:
    own_world.port("p1", "n", "a", "10.0.0.1", device_owner="network:router_interface")
    own_world.run()
    assert own_world.send("p1", ip("10.0.0.77")) == OUT


def test_a_changed_address_is_allowed_and_the_old_one_no_longer(own_world: World) -> None:
    own_world.port("p1", "n", "a", "10.0.0.5", mac_address=OWN)
    own_world.run()
    assert own_world.send("p1", ip("10.0.0.5")) == OUT
    assert own_world.send("p1", ip("10.0.0.1")) == set()


def test_a_pair_of_any_address_allows_any_address(own_world: World) -> None:
    pairs = (AddressPair(OWN, "0.0.0.0/0"), AddressPair(OWN, "::/0"))
    own_world.port("p1", "n", "a", "10.0.0.1", allowed_address_pairs=pairs)
    own_world.run()
    assert own_world.send("p1", ip("172.16.0.1")) == OUT
    assert own_world.send("p1", ipv6("2001:db8:77::1")) == OUT
    assert own_world.send("p1", ip("172.16.0.1", OTHER)) == set()
