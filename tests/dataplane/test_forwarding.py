"""Port forwardings: ports of a floating IP that lead to VMs behind a router. Real packets, real conntrack."""

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror, UDPerror
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_gateways import BLUE, PEER, PEER_MAC, REMOTE, WIRE, inside, introduce, outside, site
from tests.dataplane.world import OUTSIDE, World
from tunbridge.dataplane.conntrack import Connection
from tunbridge.dataplane.features import qos
from tunbridge.dataplane.identifiers import Identifiers
from tunbridge.dataplane.view import Limits, PortForwarding, QosPolicy, Rate, Rule
from tunbridge.openvswitch import ofctl

ADDRESS = f"{WIRE}.101"


def to(port: str, first: int, inner: int, last: int | None = None, protocol: int = 6, **more: bool) -> PortForwarding:
    """A forwarding of ports to a VM, whose name ends in the last byte of its address."""
    return PortForwarding(
        id=f"{port}-{protocol}-{first}", port_id=port, fixed_ip=f"{BLUE}.{port[1:]}", protocol=protocol,
        first=first, last=last or first, inner=inner, **more,
    )  # fmt: skip


def forwarding(make_world: MakeWorld, *forwardings: PortForwarding, snat: bool = True, **more: str) -> World:
    world = site(make_world, snat=snat, **more)
    world.forward("f1", "ext", ADDRESS, "r", *forwardings)
    world.run()
    introduce(world)
    world.hosts["a"].all_received()
    return world


def knock(world: World, port: int, protocol: Callable[..., Packet] = TCP, source: str = REMOTE) -> dict[str, Packet]:
    """A packet from outside to a port of the floating IP; what each VM and the outside got."""
    packet = outside(world, "f1", source, ADDRESS) / protocol(sport=4000, dport=port) / b"hello"
    return {name: found[-1] for name, found in world.exchange_outside("a", packet).items()}


def test_a_port_leads_to_a_vm_and_its_answer_comes_from_the_floating_ip(make_world: MakeWorld) -> None:
    world = forwarding(make_world, to("b1", 2222, 22), to("b2", 80, 80), to("b2", 80, 8080, protocol=17))
    for port, vm, inner, protocol in ((2222, "b1", 22, TCP), (80, "b2", 80, TCP), (80, "b2", 8080, UDP)):
        got = knock(world, port, protocol)
        assert set(got) == {vm}
        packet = got[vm]
        assert (packet[IP].src, packet[IP].dst, packet[protocol].dport) == (REMOTE, f"{BLUE}.{vm[1:]}", inner)
        answer = inside(world, vm, REMOTE) / protocol(sport=inner, dport=4000) / b"answer"
        (reply,) = world.exchange(vm, answer)[OUTSIDE]
        assert (reply[IP].src, reply[protocol].sport, reply[Ether].dst) == (ADDRESS, port, PEER_MAC)


def test_what_leads_nowhere_is_refused(make_world: MakeWorld) -> None:
    world = forwarding(make_world, to("b1", 2222, 22))
    assert knock(world, 2223) == {}
    assert knock(world, 2222, UDP) == {}
    assert set(knock(world, 2222)) == {"b1"}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (to("b1", 8000, 8000, 8099), {8000: 8000, 8050: 8050, 8099: 8099}),
        (to("b1", 8000, 80, 8099), {8000: 80, 8050: 130, 8099: 179}),
        (to("b1", 8000, 80, 8099, one_to_one=False), {8000: 80, 8050: 80, 8099: 80}),
    ],
)
def test_ranges(make_world: MakeWorld, one: PortForwarding, expected: dict[int, int]) -> None:
    world = forwarding(make_world, one)
    for port, inner in expected.items():
        assert knock(world, port)["b1"][TCP].dport == inner
    for port in (7999, 8100):
        assert knock(world, port) == {}


def test_a_range_that_is_not_shifted_is_a_few_flows(make_world: MakeWorld) -> None:
    world = forwarding(make_world, to("b1", 1024, 1024))
    before = len(world.hosts["a"].desired.flows("br-int"))
    world.forward("f1", "ext", ADDRESS, "r", to("b1", 1024, 1024, 65535))
    world.run()
    assert len(world.hosts["a"].desired.flows("br-int")) - before <= 18


def test_the_receivers_rules_hold(make_world: MakeWorld) -> None:
    world = forwarding(make_world, to("b1", 2222, 22), to("b1", 2223, 23))
    ssh = Rule(id="ssh", direction="ingress", ip_version=4, protocol=6, port_min=22, port_max=22)
    world.group("ssh", ssh)
    world.port("b1", "blue", "a", f"{BLUE}.1", security_groups=("ssh",))
    world.run()
    assert set(knock(world, 2222)) == {"b1"}
    assert knock(world, 2223) == {}


def test_the_address_answers_arp_and_ping(make_world: MakeWorld) -> None:
    world = forwarding(make_world, to("b1", 2222, 22))
    asked = Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=PEER_MAC, psrc=PEER, pdst=ADDRESS)
    echo = outside(world, "f1", REMOTE, ADDRESS) / ICMP(id=7, seq=1)
    told, answered = world.exchange_outside("a", asked, echo)[OUTSIDE]
    assert (told[ARP].op, told[ARP].psrc, told[ARP].hwsrc) == (2, ADDRESS, world.rows.ports["f1"].mac_address)
    assert (answered[ICMP].type, answered[IP].src) == (0, ADDRESS)


@pytest.mark.parametrize("vm", ["b1", "b2"])
def test_vms_of_the_router_reach_it_also_the_one_that_it_leads_to(make_world: MakeWorld, vm: str) -> None:
    world = forwarding(make_world, to("b1", 2222, 22))
    call = inside(world, vm, ADDRESS) / TCP(sport=5000, dport=2222)
    (arrived,) = world.exchange(vm, call)["b1"]
    assert (arrived[IP].src, arrived[IP].dst, arrived[TCP].dport) == (f"{WIRE}.10", f"{BLUE}.1", 22)
    answer = inside(world, "b1", arrived[IP].src) / TCP(sport=22, dport=arrived[TCP].sport, flags="SA")
    (reply,) = world.exchange("b1", answer)[vm]
    assert (reply[IP].src, reply[TCP].sport, reply[TCP].dport) == (ADDRESS, 2222, 5000)


def test_without_snat_answers_come_from_the_floating_ip_all_the_same(make_world: MakeWorld) -> None:
    world = forwarding(make_world, to("b1", 2222, 22), snat=False)
    assert set(knock(world, 2222)) == {"b1"}
    answer = inside(world, "b1", REMOTE) / TCP(sport=22, dport=4000, flags="SA")
    (reply,) = world.exchange("b1", answer)[OUTSIDE]
    assert (reply[IP].src, reply[TCP].sport) == (ADDRESS, 2222)
    own = inside(world, "b1", REMOTE) / TCP(sport=5000, dport=80)
    (out,) = world.exchange("b1", own)[OUTSIDE]
    assert out[IP].src == f"{BLUE}.1"


@pytest.mark.parametrize(
    ("one", "inner", "outer"),
    [
        (to("b1", 2222, 22), 22, 2222),
        (to("b1", 8000, 8000, 8099), 8050, 8050),
        (to("b1", 8000, 80, 8099), 130, 8050),
        (to("b1", 2222, 22, one_to_one=False), 22, 2222),
    ],
)
def test_the_vm_may_be_the_first_that_sends_in_a_connection_which_its_gateway_host_does_not_know(
    make_world: MakeWorld, one: PortForwarding, inner: int, outer: int
) -> None:
    """That host has taken over."""
    world = forwarding(make_world, one)
    for flags in ("A", "PA"):
        answer = inside(world, "b1", REMOTE) / TCP(sport=inner, dport=4000, flags=flags) / b"answer"
        (reply,) = world.exchange("b1", answer)[OUTSIDE]
        assert (reply[IP].src, reply[TCP].sport, reply[TCP].dport) == (ADDRESS, outer, 4000)
        asked = outside(world, "f1", REMOTE, ADDRESS) / TCP(sport=4000, dport=outer, flags="A") / b"go on"
        (got,) = world.exchange_outside("a", asked)["b1"]
        assert (got[IP].src, got[IP].dst, got[TCP].dport) == (REMOTE, f"{BLUE}.1", inner)
    begun = inside(world, "b1", REMOTE) / TCP(sport=inner, dport=4001, flags="S")
    (own,) = world.exchange("b1", begun)[OUTSIDE]
    assert own[IP].src == f"{WIRE}.10"
    back = outside(world, "r-gw", REMOTE, f"{WIRE}.10") / TCP(sport=4001, dport=own[TCP].sport, flags="SA")
    assert set(world.exchange_outside("a", back)) == {"b1"}
    more = inside(world, "b1", REMOTE) / TCP(sport=inner, dport=4001, flags="A")
    (own,) = world.exchange("b1", more)[OUTSIDE]
    assert own[IP].src == f"{WIRE}.10"


def test_a_connection_that_the_vm_has_made_known_again_stays_as_long_as_its_forwarding(make_world: MakeWorld) -> None:
    world = forwarding(make_world, to("b1", 8000, 80, 8099), to("b1", 53, 53, protocol=17))
    desired = world.hosts["a"].desired
    zone, judge = max(cut.zone for cut in desired.zones()), desired.judge()

    def connection(port: int, protocol: int = 6, address: str = ADDRESS) -> Connection:
        return Connection(zone=zone, protocol=protocol, src=f"{BLUE}.1", dst=REMOTE, src_port=port, dst_port=4000,
                          reply_src=REMOTE, reply_dst=address)  # fmt: skip

    assert all(judge.allowed(connection(port)) for port in (80, 130, 179))
    assert not any(judge.allowed(connection(port)) for port in (79, 180))
    assert not judge.allowed(connection(80, protocol=17))
    assert not judge.allowed(connection(80, address=f"{WIRE}.102"))


def test_an_icmp_error_about_an_answer_reaches_the_vm(make_world: MakeWorld) -> None:
    world = forwarding(make_world, to("b1", 53, 5353, protocol=17))
    knock(world, 53, UDP)
    answer = inside(world, "b1", REMOTE) / UDP(sport=5353, dport=4000) / b"answer"
    (reply,) = world.exchange("b1", answer)[OUTSIDE]
    error = outside(world, "f1", PEER, ADDRESS) / ICMP(type=3, code=3) / reply[IP]
    (told,) = world.exchange_outside("a", error)["b1"]
    assert (told[IP].dst, told[IPerror].src, told[UDPerror].sport) == (f"{BLUE}.1", f"{BLUE}.1", 5353)


def test_it_is_on_the_gateway_host_alone(make_world: MakeWorld) -> None:
    world = site(make_world, "a", "b", gateway="b")
    world.forward("f1", "ext", ADDRESS, "r", to("b1", 2222, 22))
    world.run()
    flows = {name: [f for f in h.desired.flows("br-int").values() if ADDRESS in f.match + f.actions]
             for name, h in world.hosts.items()}  # fmt: skip
    assert not flows["a"] and flows["b"]
    assert world.hosts["b"].desired.states["f1"].status == "wired"
    old = world.rows.routers["r"]
    world.rows.routers["r"] = replace(old, gateway_host="a", gateway_standbys=())
    world.touch({("router", "r"), ("gateways", "a"), ("gateways", "b")})
    world.run()
    assert not [f for f in world.hosts["b"].desired.flows("br-int").values() if ADDRESS in f.match + f.actions]
    introduce(world)
    assert set(knock(world, 2222)) == {"b1"}


def test_a_host_that_stands_by_is_ready_and_does_not_answer_for_the_address(make_world: MakeWorld) -> None:
    world = site(make_world, "a", "b", gateway="b")
    old = world.rows.routers["r"]
    world.rows.routers["r"] = replace(old, gateway_standbys=("a",))
    world.touch({("router", "r")})
    world.forward("f1", "ext", ADDRESS, "r", to("b1", 2222, 22))
    world.run()
    for name, answers in (("a", False), ("b", True)):
        flows = [f for f in world.hosts[name].desired.flows("br-int").values() if ADDRESS in f.match]
        assert any("tp_dst=2222" in f.match for f in flows)
        assert any(f"arp_tpa={ADDRESS}" in f.match for f in flows) is answers
        assert ("f1" in world.hosts[name].desired.states) is answers


def test_connections_are_judged_when_it_goes_or_leads_elsewhere(make_world: MakeWorld) -> None:
    world = forwarding(make_world, to("b1", 2222, 22, 2230))
    desired = world.hosts["a"].desired
    zone = max(cut.zone for cut in desired.zones())

    def connection(port: int, inner: int, target: str = f"{BLUE}.1") -> Connection:
        return Connection(
            zone=zone, protocol=6, src=REMOTE, dst=ADDRESS, src_port=4000, dst_port=port,
            reply_src=target, reply_dst=REMOTE, reply_src_port=inner,
        )  # fmt: skip

    assert desired.judge().allowed(connection(2222, 22)) and desired.judge().allowed(connection(2230, 30))
    assert not desired.judge().allowed(connection(2222, 23))
    assert not desired.judge().allowed(connection(2231, 31))
    assert not desired.judge().allowed(connection(2222, 22, f"{BLUE}.2"))
    world.forward("f1", "ext", ADDRESS, "r", to("b1", 2222, 23))
    delta = world.run()["a"]
    assert [(cut.zone, cut.address) for cut in delta.cuts] == [(zone, ADDRESS)]
    assert not desired.judge().allowed(connection(2222, 22)) and desired.judge().allowed(connection(2222, 23))
    world.forward("f1", "ext", ADDRESS, "r")
    world.run()
    assert not desired.judge().allowed(connection(2222, 23))
    assert not [f for f in desired.flows("br-int").values() if ADDRESS in f.match + f.actions]


@pytest.mark.parametrize("snat", [True, False])
def test_what_goes_by_forwarded_ports_passes_the_meters_of_their_floating_ip(make_world: MakeWorld, snat: bool) -> None:
    world = forwarding(make_world, to("b1", 2222, 22), snat=snat)
    limits = Limits(bandwidth=Rate(5_000, 4_000))
    world.rows.qos_policies |= {id: QosPolicy(id=id, sent=limits, received=limits) for id in ("gold", "gateway")}
    world.rows.floating_ips["f1"] = replace(world.rows.floating_ips["f1"], qos_policy_id="gold")
    world.rows.routers["r"] = replace(world.rows.routers["r"], gateway_qos_policy_id="gateway")
    world.touch({("floating", "f1"), ("router", "r")})
    world.run()
    introduce(world)
    world.hosts["a"].all_received()

    def passed() -> dict[tuple[str, str], int]:
        """Packets that meters have counted, by whose they are and what they limit."""
        text = ofctl.command(str(world.dummy.directory), world.hosts["a"].bridges["br-int"], "meter-stats")
        counts = {int(n): int(count) for n, count in re.findall(r"meter[:=](\d+).*?packet_in_count:(\d+)", text, re.S)}
        kinds = (qos.SENT_BANDWIDTH, qos.RECEIVED_BANDWIDTH)
        every = {(id, kind): counts[Identifiers().meter(id, kind)] for id in ("f1", "r-gw") for kind in kinds}
        return {whose: count for whose, count in every.items() if count}

    assert set(knock(world, 2222)) == {"b1"}
    assert passed() == {("f1", qos.RECEIVED_BANDWIDTH): 1}
    world.exchange("b1", inside(world, "b1", REMOTE) / TCP(sport=22, dport=4000, flags="SA"))
    assert passed() == {("f1", qos.RECEIVED_BANDWIDTH): 1, ("f1", qos.SENT_BANDWIDTH): 1}
    world.exchange("b1", inside(world, "b1", REMOTE) / TCP(sport=5000, dport=80))
    assert passed()["r-gw", qos.SENT_BANDWIDTH] == 1
    assert passed()["f1", qos.SENT_BANDWIDTH] == 1
