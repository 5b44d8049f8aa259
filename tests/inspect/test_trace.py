"""Traces that real hosts printed, read; and a packet that is followed through hosts whose answers are given here."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from scapy.layers.inet import IP
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

from tests.inspect.test_reader import COMPUTE, NETWORK
from tests.inspect.test_reader import read as read_dump
from tunbridge.inspect.model import Bridge, Document, Host, Interface, Port
from tunbridge.inspect.trace.actions import Outer, copies
from tunbridge.inspect.trace.endpoints import ApiPort, Endpoint, EndpointError, NoDirectory, find
from tunbridge.inspect.trace.follow import MAX_HOSTS, Place, ends, follow
from tunbridge.inspect.trace.frame import frame
from tunbridge.inspect.trace.packet import PacketError, Protocol, flow, header, made, popped, pushed, split
from tunbridge.inspect.trace.report import trace_of
from tunbridge.inspect.trace.text import NO_MATCH, read
from tunbridge.inspect.trace.words import to_text
from tunbridge.inspect.understand import understand

TRACES = Path(__file__).parent / "traces"
VM_PORT = "b2c15a59-dddf-4be9-ad94-9794de27e512"
SENT = made("icmp", "fa:16:3e:00:00:01", "fa:16:3e:00:00:02", "10.1.0.1", "10.1.0.2")


@pytest.mark.parametrize("datapath", ["userspace", "kernel"])
def test_a_recorded_trace_has_its_rounds_tables_and_the_tunnel(datapath: str) -> None:
    """From `ofproto/trace --names` of Open vSwitch 3.1: a VM of one host pings one of another."""
    first, second = read((TRACES / f"{datapath}.txt").read_text())
    assert [(step.bridge, step.table) for step in first.steps] == [
        ("br-int", table) for table in (0, 24, 25, 26, 60, 65, 70)
    ]
    assert [copy.kind for copy in first.copies] == ["recirculated"]
    tables = [(step.bridge, step.table) for step in second.steps if step.bridge != "br-phy"]
    assert tables[:3] == [("br-int", 71), ("br-int", 72), ("br-int", 73)]
    assert tables[-3:] == [("br-tun", 0), ("br-tun", 2), ("br-tun", 20)]
    assert (second.zone, second.state) == ("1", "new|trk")
    [copy] = second.copies
    assert copy.kind == "tunnel"
    assert copy.outer is not None
    assert copy.outer.type == "vxlan"
    assert (copy.outer.source, copy.outer.destination) in {("10.0.0.25", "10.0.0.27"), ("10.0.0.21", "10.0.0.22")}
    assert copy.outer.key is not None
    assert copy.packet["icmp_type"] == "8"
    assert not [name for name in copy.packet if name.startswith(("reg", "ct_", "in_port", "recirc"))]


def test_a_step_has_its_flow_and_what_it_does() -> None:
    rules = next(s for one in read((TRACES / "userspace.txt").read_text()) for s in one.steps if s.table == 72)
    assert rules.match.startswith("ip,reg5=0x")
    assert rules.priority == 77
    assert rules.cookie >> 48 == 0x7462
    assert rules.does == ("load:0x1->NXM_NX_REG3[0]",)


def test_the_round_after_conntrack_is_in_the_bridge_that_asked_although_the_heading_names_another() -> None:
    text = """Flow: ip,in_port=1,dl_src=fa:16:3e:00:00:01

bridge("br-tun")
----------------
 0. in_port=1, priority 1, cookie 0x1
    output:2

bridge("br-int")
----------------
70. ip, priority 10, cookie 0x1
    ct(table=71,zone=1)
     -> A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table 71.

Final flow: unchanged
Datapath actions: ct(zone=1),recirc(0x4)

===============================================================================
recirc(0x4) - resume conntrack with default ct_state=trk|new (use --ct-next to customize)
===============================================================================

Flow: recirc_id=0x4,ct_state=new|trk,ct_zone=1,eth,ip,in_port=1

bridge("br-tun")
----------------
    thaw
        Resuming from table 71
71. No match.
    drop

Final flow: unchanged
Datapath actions: drop
"""
    last = read(text)[-1]
    assert [(step.bridge, step.table, step.match) for step in last.steps] == [("br-int", 71, NO_MATCH)]
    assert last.copies == ()


@pytest.mark.parametrize(
    ("actions", "found"),
    [
        ("drop", []),
        ("tap1,tap2", [("output", "tap1"), ("output", "tap2")]),
        ("clone(pop_vlan,tap1),tap2", [("output", "tap1"), ("output", "tap2")]),
        ("meter(3),userspace(pid=0,controller(reason=1,dont_send=0),flow_sample())", [("controller", None)]),
        ("check_pkt_len(size=1400,gt(drop),le(tap1))", [("output", "tap1")]),
        ("check_pkt_len(size=1400,gt(drop),le(userspace(pid=0,controller(reason=1))))", [("controller", None)]),
        ("check_pkt_len(size=65535,gt(drop),le(meter(1),userspace(pid=0,controller(reason=1)))),tap1",
         [("noted", None), ("output", "tap1")]),
        ("clone(userspace(pid=0,controller(reason=1))),tap1", [("noted", None), ("output", "tap1")]),
        ("hash(l4(0)),recirc(0x7)", [("recirculated", None)]),
        ("set(tunnel(tun_id=0x1,src=1.1.1.1,dst=2.2.2.2,flags(key))),genev_sys_6081", [("tunnel", "genev_sys_6081")]),
        ("tnl_push(tnl_port(gre_sys),header(size=42,type=3,eth(dst=a,src=b),ipv4(src=1.1.1.1,dst=2.2.2.2),"
         "gre((flags=0x2000,proto=0x6558),key=0x9)),out_port(br-phy))", [("tunnel", None)]),
        ("tap1,tnl_push(tnl_port(gre_sys),header(size=42,type=3,eth(dst=a,src=b),ipv4(src=1.1.1.1,dst=2.2.2.2),"
         "gre((flags=0x2000,proto=0x6558),key=0x9)),out_port(br-phy))", [("output", "tap1"), ("tunnel", None)]),
    ],
)  # fmt: skip
def test_what_leaves_of_each_kind_of_action(actions: str, found: list[tuple[str, str | None]]) -> None:
    assert [(copy.kind, copy.port) for copy in copies(actions, SENT)] == found


def test_headers_change_for_what_comes_after_and_not_for_what_came_before() -> None:
    actions = (
        "tap0,set(eth(src=aa:aa:aa:aa:aa:aa)),set(ipv4(dst=9.9.9.9,ttl=63)),push_vlan(vid=7,pcp=0),tap1,pop_vlan,tap2"
    )
    before, tagged, untagged = (copy.packet for copy in copies(actions, SENT))
    assert before == SENT
    assert (tagged["dl_src"], tagged["nw_dst"], tagged["nw_ttl"], tagged["dl_vlan"]) == (
        "aa:aa:aa:aa:aa:aa", "9.9.9.9", "63", "7",
    )  # fmt: skip
    assert tagged["nw_src"] == SENT["nw_src"]
    assert untagged == {name: value for name, value in tagged.items() if name != "dl_vlan"}


def test_ipv6_and_arp_and_ports_are_made_as_they_are_sent() -> None:
    six = made("tcp", "02:00:00:00:00:01", "02:00:00:00:00:02", "2001:db8::1", "2001:db8::2", port=443)
    assert flow(six).startswith("tcp6,dl_src=02:00:00:00:00:01")
    assert six["tp_dst"] == "443"
    asked = made("arp", "02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "2001:db8::1", "2001:db8::12:3456")
    assert asked["ipv6_dst"] == "ff02::1:ff12:3456"
    assert asked["dl_dst"] == "33:33:ff:12:34:56"
    with pytest.raises(PacketError, match="an IPv4 and an IPv6 address"):
        made("icmp", "02:00:00:00:00:01", "02:00:00:00:00:02", "10.0.0.1", "2001:db8::1")


@given(st.lists(st.sampled_from(["a", "b(c,d)", '"e,f"', "g((h),i)", "j=1"]), max_size=8))
def test_splitting_and_joining_gives_the_same(parts: list[str]) -> None:
    assert list(split(",".join(parts))) == parts


@given(st.text(alphabet='() ,"=abc0123:\n.->_', max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    header(text)
    copies(text, SENT)
    read(text)


@pytest.mark.parametrize("protocol", ["icmp", "tcp", "udp", "arp"])
@pytest.mark.parametrize("ends", [("10.1.0.1", "10.1.0.2"), ("2001:db8::1", "2001:db8::2")])
def test_a_packet_below_two_tags_is_given_as_bytes(protocol: Protocol, ends: tuple[str, str]) -> None:
    macs = ("fa:16:3e:00:00:01", "fa:16:3e:00:00:02")
    sent = pushed(pushed(made(protocol, *macs, *ends, port=80), "7"), "300")
    assert popped(sent)["dl_vlan"] == "7"
    read = Ether(bytes.fromhex(frame(sent)))
    assert read.src == macs[0]
    assert [tag.vlan for tag in (read[Dot1Q], read[Dot1Q].payload)] == [300, 7]
    if ARP in read:
        assert (read[ARP].psrc, read[ARP].pdst, read[ARP].op, read[ARP].hwsrc) == (*ends, 1, macs[0])
        return
    inside = read[IP] if IP in read else read[IPv6]
    assert (inside.src, inside.ttl if IP in read else inside.hlim) == (ends[0], 255 if protocol == "arp" else 64)
    if IP in read:
        right = inside.copy()
        del right.chksum
        assert inside.chksum == IP(bytes(right)).chksum
    if protocol in ("tcp", "udp"):
        assert (inside.payload.sport, inside.payload.dport) == (50000, 80)
    if protocol == "tcp":
        assert inside.payload.flags == "S"
    if protocol == "arp":
        assert (inside[ICMPv6ND_NS].tgt, inside[ICMPv6NDOptSrcLLAddr].lladdr) == (ends[1], macs[0])


# From host to host

HOSTS: Document = understand([read_dump(COMPUTE), read_dump(NETWORK)])
ENCAPSULATED = "set(tunnel(tun_id=0x64,src={},dst={},ttl=64,tp_dst=4789,flags(df|key))),vxlan_sys_4789"


def answer(actions: str, packet: str = flow(SENT)) -> str:
    bridge = 'bridge("br-int")\n----------------\n 0. priority 1\n    output:1\n'
    return f'Flow: in_port="x",{packet}\n\n{bridge}\nDatapath actions: {actions}\n'


def start() -> Place:
    host = HOSTS.hosts[0]
    return Place(host=host.name, bridge="br-int", port="tap1")


def test_a_packet_comes_in_by_the_other_host_s_tunnel_with_its_key_and_outer_addresses() -> None:
    asked: list[tuple[str, str, str]] = []

    def ask(host: str, bridge: str, flow: str, _frame: str | None) -> str:
        asked.append((host, bridge, flow))
        return answer(ENCAPSULATED.format("10.0.0.25", "10.0.0.27") if len(asked) == 1 else "tap2")

    visit = follow(HOSTS, start(), SENT, ask)
    assert [(host, bridge) for host, bridge, _ in asked] == [
        (HOSTS.hosts[0].name, "br-int"),
        (HOSTS.hosts[1].name, "br-tun"),
    ]
    assert asked[1][2].startswith('in_port="vxlan-0a000019",tun_id=0x64,tun_src=10.0.0.25,tun_dst=10.0.0.27,icmp,')
    [(at, end)] = ends(visit)
    assert (at.at.host, end.kind, end.port) == (HOSTS.hosts[1].name, "delivered", "tap2")


@pytest.mark.parametrize(
    ("source", "destination", "reason"),
    [
        ("10.0.0.25", "10.0.0.99", "no host that was given has the tunnel address 10.0.0.99"),
        ("10.0.0.77", "10.0.0.27", "has no vxlan tunnel to 10.0.0.77"),
    ],
)
def test_a_tunnel_that_leads_nowhere_is_said(source: str, destination: str, reason: str) -> None:
    visit = follow(HOSTS, start(), SENT, lambda *_: answer(ENCAPSULATED.format(source, destination)))
    [(_, end)] = ends(visit)
    assert end.kind == "lost"
    assert end.outer == Outer(type="vxlan", source=source, destination=destination, key="0x64")
    assert reason in (end.reason or "")


def test_a_packet_that_goes_round_is_followed_no_further_than_so_many_hosts() -> None:
    asked: list[str] = []

    def ask(host: str, _bridge: str, _flow: str, _frame: str | None) -> str:
        asked.append(host)
        there = ("10.0.0.25", "10.0.0.27") if host == HOSTS.hosts[0].name else ("10.0.0.27", "10.0.0.25")
        return answer(ENCAPSULATED.format(*there))

    [(_, end)] = ends(follow(HOSTS, start(), SENT, ask))
    assert len(asked) == MAX_HOSTS
    assert "a loop" in (end.reason or "")


@pytest.mark.parametrize(
    ("mappings", "physical", "meets"),
    [
        (({"net": "br-eth1"}, {"net": "br-eth1"}), "net", True),
        (({"net": "br-eth1"}, {"other": "br-eth1"}), "net", False),
        (({"net": "br-eth1"}, None), "net", True),
        ((None, None), None, True),
    ],
)
def test_a_nic_leads_to_bridges_on_the_same_physical_network(
    mappings: tuple[dict[str, str] | None, dict[str, str] | None], physical: str | None, meets: bool
) -> None:
    """By the network's name where both hosts tell it, else by the name of the bridge, which is not called a network."""
    one = read_dump(NETWORK)
    hosts = [replace(one, name=name, system_id=name, bridge_mappings=m) for name, m in zip("ab", mappings, strict=True)]
    document = understand(hosts)

    def ask(host: str, _bridge: str, _flow: str, _frame: str | None) -> str:
        return answer("eno16777736" if host == "a" else "tap2")

    visit = follow(document, Place(host="a", bridge="br-eth1", port="phy-br-eth1"), SENT, ask)
    [branch] = visit.branches
    assert (branch.kind, branch.bridge, branch.physical) == ("outside", "br-eth1", physical)
    assert [further.at.host for further in branch.visits] == (["b"] if meets else [])
    trace = trace_of(Endpoint(label="x"), Endpoint(label="y"), SENT, visit)
    said = f"to the physical network {physical}" if physical else "to its physical network"
    assert f"out by the NIC eno16777736 of br-eth1, {said}" in to_text(trace, {}, lambda *_: None)


class OnePort(NoDirectory):
    """An API that knows one port."""

    def ports(self, text: str) -> tuple[ApiPort, ...]:
        port = ApiPort(id=VM_PORT, name="vm0", mac="fa:16:3e:00:00:01", addresses=("10.0.0.5",), network="n")
        return (port,) if text in (VM_PORT, "vm0") else ()


def test_a_misspelled_end_is_told_the_ports_that_there_are_by_their_names() -> None:
    vm = Interface(name="tap1", external_ids={"iface-id": VM_PORT})
    host = Host(name="a", bridges=[Bridge(name="br-int", ports=[Port(name="tap1", interfaces=[vm])])])
    document = understand([host])
    assert find("vm0", document, OnePort()).label == "tap1"
    with pytest.raises(EndpointError, match=r"vm1: no port .* there are: vm0 \(a:tap1\)"):
        find("vm1", document, OnePort())


def test_ends_are_found_by_what_people_call_them() -> None:
    name = HOSTS.hosts[1].name
    nic = find(f"{name}:eno16777736", HOSTS, NoDirectory())
    assert nic.place == Place(host=name, bridge="br-eth1", port="eno16777736")
    assert nic.is_nic
    assert find("eno16777736", HOSTS, NoDirectory()) == nic
    assert find("198.51.100.7", HOSTS, NoDirectory()).place is None
    with pytest.raises(EndpointError, match=f"tap9: no port of these hosts.*{name}:eno16777736"):
        find("tap9", HOSTS, NoDirectory())
