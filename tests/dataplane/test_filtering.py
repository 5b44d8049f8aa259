"""Security groups, by real packets through the datapath's own conntrack."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror, UDPerror, fragment
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether
from scapy.layers.sctp import SCTP, SCTPChunkInit
from scapy.packet import Packet, Raw

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.world import AddressPair, Delivery, Rule, World
from tunbridge.dataplane.conntrack import Connection, Cut
from tunbridge.dataplane.features import policy

ANYTHING_OUT = (Rule(id="e4", direction="egress", ip_version=4), Rule(id="e6", direction="egress", ip_version=6))


def ingress(protocol: int | None = None, first: int | None = None, last: int | None = None, **more: object) -> Rule:
    more.setdefault("ip_version", 4)
    id = f"{protocol}-{first}-{last}-{more}"
    return Rule(id=id, direction="ingress", protocol=protocol, port_min=first, port_max=last, **more)  # type: ignore[arg-type]


def mac(number: int) -> str:
    return f"fa:16:3e:00:00:{number:02x}"


def packet(source: int, target: int, *layers: Packet) -> Packet:
    made = Ether(src=mac(source), dst=mac(target)) / IP(src=f"10.0.0.{source}", dst=f"10.0.0.{target}")
    for layer in layers:
        made /= layer
    return made


def multicast(source: int, port: int) -> Packet:
    ip = IP(src=f"10.0.0.{source}", dst="239.1.1.1")
    return Ether(src=mac(source), dst="01:00:5e:01:01:01") / ip / UDP(sport=5000, dport=port) / b"x"


def syn(source: int, target: int, port: int, sport: int = 1000) -> Packet:
    return packet(source, target, TCP(sport=sport, dport=port, flags="S", seq=1))


def syn_ack(source: int, target: int, port: int, sport: int = 1000) -> Packet:
    return packet(source, target, TCP(sport=port, dport=sport, flags="SA", seq=1, ack=2))


def start(make_world: MakeWorld, *rules: Rule, stateful: bool = True) -> World:
    """Port 2 has the rules, port 1 has none for ingress, port 9 is open; all may send."""
    world = make_world("a")
    world.network("n")
    world.group("tested", *ANYTHING_OUT, *rules, stateful=stateful)
    world.group("closed", *ANYTHING_OUT)
    world.port("p1", "n", "a", "10.0.0.1", "2001:db8::1", security_groups=("closed",))
    world.port("p2", "n", "a", "10.0.0.2", "2001:db8::2", security_groups=("tested",))
    world.port("p9", "n", "a", "10.0.0.9")
    world.run()
    return world


def reach(world: World, port: str, *packets: Packet) -> set[str]:
    return set(world.exchange(port, *packets))


# Connections


def test_a_rule_lets_a_connection_in_and_its_replies_out_by_one_lookup(make_world: MakeWorld) -> None:
    world = start(make_world, ingress(6, 80, 80))
    assert reach(world, "p1", syn(1, 2, 80)) == {"p2"}
    assert reach(world, "p2", syn_ack(2, 1, 80)) == {"p1"}  # port 1 has no ingress rule
    assert reach(world, "p1", syn(1, 2, 81)) == set()
    assert "mark=3" in world.dummy.appctl("dpctl/dump-conntrack")
    assert world.dummy.appctl("dpctl/dump-flows").count("recirc(") > 0


def test_without_an_egress_rule_nothing_is_sent_and_replies_are(make_world: MakeWorld) -> None:
    world = start(make_world)
    world.group("tested", ingress(6, 80, 80))
    world.run()
    assert reach(world, "p2", syn(2, 9, 22)) == set()
    assert reach(world, "p9", syn(9, 2, 80)) == {"p2"}
    assert reach(world, "p2", syn_ack(2, 9, 80)) == {"p9"}


def test_without_groups_a_secured_port_is_closed(make_world: MakeWorld) -> None:
    world = start(make_world)
    world.port("p2", "n", "a", "10.0.0.2", security_groups=())
    world.run()
    assert reach(world, "p9", syn(9, 2, 80), packet(9, 2, ICMP())) == set()
    assert reach(world, "p2", syn(2, 9, 80)) == set()


def test_a_port_without_security_sends_to_filtered_ports_by_their_rules(make_world: MakeWorld) -> None:
    world = start(make_world, ingress(6, 80, 80))
    world.port("p9", "n", "a", "10.0.0.9", port_security_enabled=False)
    world.run()
    assert reach(world, "p9", syn(9, 2, 80)) == {"p2"}
    assert reach(world, "p2", syn_ack(2, 9, 80)) == {"p9"}
    assert reach(world, "p9", syn(9, 2, 22)) == set()


def test_equal_addresses_in_another_network_have_their_own_connections(make_world: MakeWorld) -> None:
    world = start(make_world)
    world.network("m", segment=200)
    world.port("m1", "m", "a", "10.0.0.1")
    world.port("m2", "m", "a", "10.0.0.2", security_groups=("closed",))
    world.run()
    assert reach(world, "p2", syn(2, 9, 80, 7)) == {"p9"}
    # What would be a reply in network n belongs to no connection of network m.
    world.port("m9", "m", "a", "10.0.0.9")
    world.run()
    assert reach(world, "m9", syn_ack(9, 2, 80, 7)) == set()
    assert reach(world, "p9", syn_ack(9, 2, 80, 7)) == {"p2"}


def test_a_known_connection_is_judged_where_its_receiver_was_not(make_world: MakeWorld) -> None:
    world = start(make_world)
    world.port("p2", "n", "a", "10.0.0.2", port_security_enabled=False)
    world.run()
    assert reach(world, "p1", syn(1, 2, 80)) == {"p2"}  # known by the egress of port 1 alone
    assert reach(world, "p2", syn_ack(2, 1, 80)) == {"p1"}
    world.port("p2", "n", "a", "10.0.0.2", security_groups=("tested",))
    world.run()
    more = packet(1, 2, TCP(sport=1000, dport=80, flags="A", seq=2, ack=2))
    assert reach(world, "p1", more) == set()
    world.group("tested", *ANYTHING_OUT, ingress(6, 80, 80))
    world.run()
    assert reach(world, "p1", more) == {"p2"}


# What rules match


@pytest.mark.parametrize(
    ("rule", "inside", "outside"),
    [
        (ingress(6), TCP(dport=1), UDP(dport=1)),
        (ingress(17, 500, 1500), UDP(dport=1500), UDP(dport=1501)),
        (ingress(17, 500, 1500), UDP(dport=500), UDP(dport=499)),
        (ingress(132, 7, 7), SCTP(dport=7) / SCTPChunkInit(), SCTP(dport=8) / SCTPChunkInit()),
        (ingress(1), ICMP(type=8), UDP()),
        (ingress(1, 8, 0), ICMP(type=8, code=0), ICMP(type=13, code=0)),
        (ingress(1, 13), ICMP(type=13, code=0), ICMP(type=8, code=0)),
        (ingress(None, remote_ip_prefix="10.0.0.9/32"), UDP(dport=1), None),
        (ingress(None, remote_ip_prefix="10.0.0.8/29"), UDP(dport=1), None),
        (ingress(None, remote_ip_prefix="0.0.0.0/0"), UDP(dport=1), None),
        (ingress(None, remote_ip_prefix="10.0.0.0/29"), None, UDP(dport=1)),
        (ingress(None, ip_version=6), None, UDP(dport=1)),
    ],
)
def test_what_a_rule_matches(make_world: MakeWorld, rule: Rule, inside: Packet | None, outside: Packet | None) -> None:
    world = start(make_world, rule)
    if inside is not None:
        assert reach(world, "p9", packet(9, 2, inside)) == {"p2"}
    if outside is not None:
        assert reach(world, "p9", packet(9, 2, outside)) == set()


def test_a_protocol_by_number(make_world: MakeWorld) -> None:
    world = start(make_world, ingress(47))
    gre = packet(9, 2, Raw(b"\0" * 20))
    gre[IP].proto = 47
    assert reach(world, "p9", gre) == {"p2"}
    gre[IP].proto = 50
    assert reach(world, "p9", gre) == set()


def test_icmpv6_echo_and_its_reply(make_world: MakeWorld) -> None:
    world = start(make_world, ingress(1, 128, ip_version=6))  # Neutron's API lets IPv6 rules say icmp
    world.group("closed", *ANYTHING_OUT)
    there = Ether(src=mac(1), dst=mac(2)) / IPv6(src="2001:db8::1", dst="2001:db8::2") / ICMPv6EchoRequest(id=7)
    back = Ether(src=mac(2), dst=mac(1)) / IPv6(src="2001:db8::2", dst="2001:db8::1") / ICMPv6EchoReply(id=7)
    assert reach(world, "p2", back) == set()
    assert reach(world, "p1", there) == {"p2"}
    assert reach(world, "p2", back) == {"p1"}


def test_errors_about_a_known_connection_pass_and_others_do_not(make_world: MakeWorld) -> None:
    world = start(make_world, ingress(17, 53, 53))
    question = packet(1, 2, UDP(sport=4000, dport=53), Raw(b"question"))
    error = packet(2, 1, ICMP(type=3, code=3), IPerror(bytes(question[IP])))
    assert reach(world, "p2", error) == set()
    assert reach(world, "p1", question) == {"p2"}
    assert reach(world, "p2", error) == {"p1"}
    assert UDPerror is not None


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_masked_ports_are_exactly_the_range(one: int, other: int) -> None:
    first, last = min(one, other), max(one, other)
    ranges = policy.masked(first, last)
    assert len(ranges) <= 30
    covered = sorted((value, value + 0xFFFF - mask) for value, mask in ranges)
    assert (covered[0][0], covered[-1][1]) == (first, last)
    assert all(end + 1 == begin for (_, end), (begin, _) in itertools.pairwise(covered))
    assert all(value & mask == value for value, mask in ranges)


# Remote groups and address groups


def test_members_of_a_remote_group_are_let_in_and_others_are_not(make_world: MakeWorld) -> None:
    world = start(make_world, ingress(6, 22, 23, remote_group_id="friends"))
    world.group("friends", *ANYTHING_OUT)
    world.port("p3", "n", "a", "10.0.0.3", security_groups=("friends",))
    world.run()
    assert reach(world, "p3", syn(3, 2, 22)) == {"p2"}
    assert reach(world, "p3", syn(3, 2, 24)) == set()
    assert reach(world, "p9", syn(9, 2, 22)) == set()
    world.port("p9", "n", "a", "10.0.0.9", security_groups=("friends", "open"))
    world.run()
    assert reach(world, "p9", syn(9, 2, 22)) == {"p2"}
    world.port("p3", "n", "a", "10.0.0.3")
    deltas = world.run()
    assert Cut(1, "10.0.0.3") in deltas["a"].cuts
    assert reach(world, "p3", syn(3, 2, 22, sport=2)) == set()


def test_allowed_address_pairs_are_addresses_of_a_member(make_world: MakeWorld) -> None:
    world = start(make_world, ingress(remote_group_id="friends"))
    world.group("friends", *ANYTHING_OUT)
    pairs = (AddressPair(mac(3), "10.0.1.0/24"),)
    world.port("p3", "n", "a", "10.0.0.3", security_groups=("friends",), allowed_address_pairs=pairs)
    world.run()
    virtual = Ether(src=mac(3), dst=mac(2)) / IP(src="10.0.1.77", dst="10.0.0.2") / UDP(dport=1)
    assert reach(world, "p3", virtual) == {"p2"}


def test_one_address_in_two_remote_ends_serves_both(make_world: MakeWorld) -> None:
    rules = (ingress(6, 80, 80, remote_group_id="friends"), ingress(17, remote_address_group_id="x"))
    world = start(make_world, *rules, ingress(6, 90, 90, remote_group_id="open"))
    world.address_group("x", "10.0.0.3", "10.7.0.0/16")
    world.group("friends", *ANYTHING_OUT)
    world.port("p3", "n", "a", "10.0.0.3", security_groups=("friends",))
    world.run()
    assert reach(world, "p3", syn(3, 2, 80)) == {"p2"}
    assert reach(world, "p3", packet(3, 2, UDP(dport=9))) == {"p2"}
    assert reach(world, "p3", syn(3, 2, 90)) == set()
    assert reach(world, "p9", syn(9, 2, 90)) == {"p2"}
    assert reach(world, "p9", packet(9, 2, UDP(dport=9))) == set()
    world.address_group("x", "10.7.0.0/16")
    world.run()
    assert reach(world, "p3", packet(3, 2, UDP(sport=3, dport=9))) == set()


def test_a_remote_group_limits_egress_too(make_world: MakeWorld) -> None:
    world = start(make_world)
    world.group("tested", Rule(id="e", direction="egress", ip_version=4, remote_group_id="open"))
    world.run()
    assert reach(world, "p2", syn(2, 9, 80)) == {"p9"}
    world.port("p9", "n", "a", "10.0.0.9", security_groups=("anything",))
    world.group("anything", *ANYTHING_OUT, ingress())
    world.run()
    assert reach(world, "p2", syn(2, 9, 80, sport=2)) == set()


# Stateless groups, multicast, fragments


def test_replies_of_stateless_groups_need_a_rule(make_world: MakeWorld) -> None:
    world = start(make_world, ingress(6, 80, 80), stateful=False)
    assert reach(world, "p9", syn(9, 2, 80)) == {"p2"}
    assert reach(world, "p2", syn(2, 9, 22)) == {"p9"}
    assert reach(world, "p9", syn_ack(9, 2, 22)) == set()
    world.group("tested", *ANYTHING_OUT, ingress(6, 1000, 1000), stateful=False)
    world.run()
    assert reach(world, "p9", syn_ack(9, 2, 22)) == {"p2"}


def test_multicast_obeys_the_rules_of_each_receiver_each_time(make_world: MakeWorld) -> None:
    world = start(make_world, ingress(17, 7000, 7000))
    world.port("p4", "n", "a", "10.0.0.4", port_security_enabled=False)
    world.port("p5", "n", "a", "10.0.0.5", security_groups=("tested",))
    world.run()
    for _ in range(3):
        assert reach(world, "p9", multicast(9, 7000)) == {"p2", "p4", "p5"}
        assert reach(world, "p9", multicast(9, 7001)) == {"p4"}


def test_each_receiver_is_given_one_copy(make_world: MakeWorld) -> None:
    world = start(make_world, ingress(17))
    given = world.exchange("p9", multicast(9, 7000))
    assert {port: len(packets) for port, packets in given.items()} == {"p2": 1}
    assert given["p2"][0][UDP].dport == 7000


def fragments(port: int) -> list[Packet]:
    whole = packet(9, 2, UDP(sport=1, dport=port), Raw(b"x" * 3000))
    return list(fragment(whole, 1400))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("stateful", [True, False])
def test_fragments_pass_with_their_first_one(make_world: MakeWorld, stateful: bool) -> None:
    world = start(make_world, ingress(17, 53, 53), stateful=stateful)
    allowed = fragments(53)
    assert len(allowed) == 3
    got = world.exchange("p9", *allowed)["p2"]
    assert sum(len(p[IP].payload) for p in got) == 3008
    # A later fragment by itself is of no use to its receiver; the first one is what rules judge.
    got = world.exchange("p9", *fragments(54)).get("p2", [])
    assert all(p[IP].frag for p in got)
    assert not got or not stateful


def test_neighbour_discovery_and_dhcp_replies_reach_a_closed_port(make_world: MakeWorld) -> None:
    world = start(make_world)
    for kind in (134, 135, 136):
        asked = f"icmp6,dl_src={mac(9)},dl_dst={mac(1)},ipv6_src=2001:db8::9,ipv6_dst=2001:db8::1,icmp_type={kind}"
        inside = set(world.hosts["a"].trace("br-tun", f"tun_id=0x64,in_port=1,{asked}", ()))
        assert inside <= {Delivery("a", "p1")}
    reply = f"udp,dl_src={mac(77)},dl_dst={mac(1)},nw_src=10.0.0.77,nw_dst=10.0.0.1,tp_src=67,tp_dst=68"
    assert world.send("p9", reply) == set()  # by port security of the sender


# Cutting


def test_a_removed_rule_ends_its_connections_and_no_other(make_world: MakeWorld) -> None:
    world = start(make_world, ingress(6, 80, 80), ingress(6, 22, 22))
    desired = world.hosts["a"].desired
    assert reach(world, "p1", syn(1, 2, 80), syn(1, 2, 22)) == {"p2"}
    assert reach(world, "p2", syn_ack(2, 1, 80), syn_ack(2, 1, 22)) == {"p1"}
    world.group("tested", *ANYTHING_OUT, ingress(6, 22, 22))
    cuts = world.run()["a"].cuts
    known = [
        Connection(zone=1, mark=3, protocol=6, src="10.0.0.1", dst="10.0.0.2", src_port=1000, dst_port=p)
        for p in (80, 22)
    ]
    assert all(any(cut.concerns(c) for cut in cuts) for c in known)
    assert [desired.judge().allowed(c) for c in known] == [False, True]
    for connection in known:
        if not desired.judge().allowed(connection):
            where = f"ct_nw_src={connection.src},ct_nw_dst={connection.dst},ct_nw_proto=6"
            ports = f"ct_tp_src={connection.src_port},ct_tp_dst={connection.dst_port}"
            world.dummy.appctl("dpctl/flush-conntrack", "zone=1", f"{where},{ports}")
    more = [packet(1, 2, TCP(sport=1000, dport=p, flags="A", seq=2, ack=2)) for p in (80, 22)]
    assert reach(world, "p1", more[0]) == set()
    assert reach(world, "p1", more[1]) == {"p2"}
