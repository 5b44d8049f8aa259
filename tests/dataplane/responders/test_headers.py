"""Headers of packets, held against scapy, and of anything that is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

from tunbridge.dataplane.responders.frames import MalformedError
from tunbridge.dataplane.responders.headers import Headers, read_headers
from tunbridge.dataplane.view import Rule

ETHER = Ether(src="fa:16:3e:00:00:01", dst="fa:16:3e:00:00:02")
PORTS6 = "2001:db8::1 2001:db8::2 src_port=5 dst_port=6"
V4, V6 = IP(src="10.0.0.1", dst="10.0.0.2"), IPv6(src="2001:db8::1", dst="2001:db8::2")


def read(packet: Packet) -> Headers:
    return read_headers(bytes(ETHER / packet))


@pytest.mark.parametrize(
    ("packet", "wanted"),
    [
        (V4 / TCP(sport=4000, dport=80), "tcp 10.0.0.1 10.0.0.2 src_port=4000 dst_port=80"),
        (V6 / UDP(sport=4000, dport=53), "udp 2001:db8::1 2001:db8::2 src_port=4000 dst_port=53"),
        (V4 / SCTP(sport=1, dport=2), "sctp 10.0.0.1 10.0.0.2 src_port=1 dst_port=2"),
        (V4 / ICMP(type=3, code=4), "icmp 10.0.0.1 10.0.0.2 icmp_type=3 icmp_code=4"),
        (V6 / ICMPv6EchoRequest(), "icmpv6 2001:db8::1 2001:db8::2 icmp_type=128 icmp_code=0"),
        (V6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / TCP(sport=5, dport=6), f"tcp {PORTS6}"),
        (V6 / IPv6ExtHdrFragment(offset=0, m=1) / UDP(sport=5, dport=6), f"udp {PORTS6}"),
        (V6 / IPv6ExtHdrFragment(offset=8, nh=17) / Raw(b"12345678"), "udp 2001:db8::1 2001:db8::2"),
        (IP(src="10.0.0.1", dst="10.0.0.2", frag=8, proto=17) / Raw(b"12345678"), "udp 10.0.0.1 10.0.0.2"),
        (IP(src="10.0.0.1", dst="10.0.0.2", proto=47) / Raw(b"1234"), "47 10.0.0.1 10.0.0.2"),
        (ARP(), "arp"),
    ],
)  # fmt: skip
def test_what_is_told(packet: Packet, wanted: str) -> None:
    told = dict(read(packet).told())
    assert (told.pop("eth_src"), told.pop("eth_dst")) == (ETHER.src, ETHER.dst)
    words = [str(told.pop(name)) for name in ("protocol", "src", "dst") if name in told]
    assert " ".join(words + [f"{name}={value}" for name, value in told.items()]) == wanted


def rule(version: int = 4, protocol: int | None = None, first: int | None = None, last: int | None = None) -> Rule:
    return Rule(id="", direction="egress", ip_version=version, protocol=protocol, port_min=first, port_max=last)


def test_which_rules_fit() -> None:
    web = read(V4 / TCP(sport=4000, dport=80))
    assert all(web.matches(r) for r in (rule(), rule(4, 6), rule(4, 6, 80, 80), rule(4, 6, 1, 80), rule(4, 6, 80)))
    assert not any(web.matches(r) for r in (rule(6), rule(4, 17), rule(4, 6, 81, 90), rule(4, 6, 4000, 4000)))
    echo = read(V6 / ICMPv6EchoRequest())
    assert all(echo.matches(r) for r in (rule(6, 58), rule(6, 1), rule(6, 58, 128), rule(6, 58, 128, 0)))
    assert not any(echo.matches(r) for r in (rule(6, 58, 129), rule(6, 58, 128, 1), rule(4, 1)))
    assert not read(ARP()).matches(rule())


@given(st.binary(max_size=120), st.sampled_from([b"\x08\x00", b"\x86\xdd", b"\x08\x06"]))
def test_whatever_comes_is_read_or_refused(data: bytes, ethertype: bytes) -> None:
    for frame in (data, bytes(12) + ethertype + data):
        try:
            read_headers(frame).told()
        except MalformedError:
            continue
