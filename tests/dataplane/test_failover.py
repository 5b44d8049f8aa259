"""Gateways that move: who has a router's address, who is ready to have it, and what goes by whom."""

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_gateways import BLUE, PEER, PEER_MAC, REMOTE, WIRE, inside, introduce, mac, outside
from tests.dataplane.world import OUTSIDE, World

ASKED = Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=PEER_MAC, psrc=PEER, pdst=f"{WIRE}.10")


def cloud(make_world: MakeWorld, gateway: str = "b", standbys: tuple[str, ...] = ("c",)) -> World:
    """A VM of blue on each host, and a router whose gateway is on b, or on c when b is dead."""
    world = make_world("a", "b", "c")
    world.network("blue", "vxlan", 100)
    world.network("ext", "flat", None, external=True)
    world.subnet("blue4", "blue", f"{BLUE}.0/24", f"{BLUE}.254")
    world.subnet("ext4", "ext", f"{WIRE}.0/24", PEER, enable_dhcp=False)
    for number, host in enumerate(world.hosts, 1):
        world.port(f"b{number}", "blue", host, f"{BLUE}.{number}")
    world.router("r", ("blue", "blue4", f"{BLUE}.254"))
    move(world, gateway, *standbys)
    know_peer(world)
    return world


def know_peer(world: World) -> None:
    """The hosts know the physical router: what they have learned goes when a test installs flows."""
    for host in world.hosts:
        introduce(world, host)


def move(world: World, gateway: str, *standbys: str) -> None:
    world.gateway("r", "ext", "ext4", f"{WIRE}.10", gateway, standbys=standbys)
    world.run()


def lost(world: World, name: str) -> None:
    """A host is dead, as the others see it; and it reaches nobody."""
    for host in world.hosts.values():
        host.dead = frozenset(set(world.hosts) - {host.name}) if host.name == name else frozenset({name})
        host.is_cut_off = host.name == name
    world.run()


def answering(world: World) -> set[str]:
    """Hosts that answer the wire for the router's address."""
    return {host for host in world.hosts if OUTSIDE in world.exchange_outside(host, ASKED)}


def left_by(world: World, port: str) -> set[str]:
    """Hosts by which a packet from a VM goes outside."""
    know_peer(world)
    packet = f"udp,dl_src={mac(world, port)},dl_dst={mac(world, 'r-blue')},nw_ttl=64,nw_dst={REMOTE}"
    source = world.rows.ports[port].fixed_ips[0].ip_address
    return {got.host for got in world.send(port, f"{packet},nw_src={source}") if got.device == OUTSIDE}


def test_one_host_answers_and_all_send_by_it(make_world: MakeWorld) -> None:
    world = cloud(make_world)
    assert answering(world) == {"b"}
    assert {host for port in ("b1", "b2", "b3") for host in left_by(world, port)} == {"b"}
    assert [name for name, host in world.hosts.items() if host.desired.claims] == ["b"]


def test_the_next_hop_is_asked_for_where_the_gateway_is_and_may_come(make_world: MakeWorld) -> None:
    world = cloud(make_world)
    expected: dict[str, set[tuple[str, str]]] = {"a": set(), "b": {("ext", PEER)}, "c": {("ext", PEER)}}
    assert {name: set(host.desired.next_hops_outside) for name, host in world.hosts.items()} == expected


def test_a_dead_host_is_replaced_by_who_is_ready_and_comes_back(make_world: MakeWorld) -> None:
    world = cloud(make_world)
    lost(world, "b")
    assert answering(world) == {"c"}
    assert left_by(world, "b1") == left_by(world, "b3") == {"c"}
    assert [name for name, host in world.hosts.items() if host.desired.claims] == ["c"]
    for host in world.hosts.values():
        host.dead, host.is_cut_off = frozenset(), False
    world.run()
    assert answering(world) == {"b"}
    assert left_by(world, "b1") == {"b"}


def test_without_anybody_to_take_over_nothing_changes(make_world: MakeWorld) -> None:
    world = cloud(make_world, standbys=())
    lost(world, "b")
    assert answering(world) == {"b"}
    assert not any(host.desired.watched for host in world.hosts.values())


def test_hosts_watch_those_that_have_gateways_or_take_over(make_world: MakeWorld) -> None:
    world = cloud(make_world)
    assert all(set(host.desired.watched) == {"b", "c"} for host in world.hosts.values())


def test_who_is_ready_translates_what_others_send_it_before_it_has_the_address_and_after(
    make_world: MakeWorld,
) -> None:
    """So it does not matter which host hears first of a planned move."""
    world = cloud(make_world)
    macs = f"dl_src={mac(world, 'b1')},dl_dst={mac(world, 'r-blue')}"
    packet = f"tun_id=0x64,in_port=2,udp,{macs},nw_src={BLUE}.1,nw_dst={REMOTE},nw_ttl=64,tp_src=1000,tp_dst=53"
    for first, second in (("b", "c"), ("c", "b")):
        move(world, first, second)
        for host in (first, second):
            know_peer(world)
            came = list(world.hosts[host].trace("br-tun", packet, ()))
            assert {(got.host, got.device) for got in came} == {(host, OUTSIDE)}


def test_who_is_ready_lets_nothing_out_in_place_of_a_host_that_is_well(make_world: MakeWorld) -> None:
    """It does not reach that host, and nor does who sends to it: but the router's address is there."""
    world = cloud(make_world)
    world.hosts["c"].vouched = world.hosts["a"].dead = frozenset({"b"})
    world.run()
    assert answering(world) == {"b"}
    assert left_by(world, "b1") == set()


def test_an_answer_that_comes_to_who_had_the_address_still_reaches_its_vm(make_world: MakeWorld) -> None:
    world = cloud(make_world)
    got = world.exchange("b2", inside(world, "b2", REMOTE) / UDP(sport=1000, dport=53))[OUTSIDE][0]
    move(world, "c", "b")
    assert answering(world) == {"c"}
    back = outside(world, "r-gw", REMOTE, f"{WIRE}.10") / UDP(sport=53, dport=got[UDP].sport)
    assert world.exchange_outside("b", back)["b2"][0][IP].dst == f"{BLUE}.2"


def test_a_central_floating_ip_goes_along(make_world: MakeWorld) -> None:
    world = cloud(make_world)
    known = world.rows.known_hosts["a"]
    world.rows.known_hosts["a"] = type(known)(host="a", tunnel_ip=known.tunnel_ip)  # without the bridge
    world.hosts["a"].physnet = None
    world.touch({("host", "a")})
    world.floating("f", "ext", f"{WIRE}.50", "r", "b1")
    world.run()
    asked = Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=PEER_MAC, psrc=PEER, pdst=f"{WIRE}.50")
    assert [host for host in ("b", "c") if world.exchange_outside(host, asked)] == ["b"]
    lost(world, "b")
    assert [host for host in ("b", "c") if world.exchange_outside(host, asked)] == ["c"]
