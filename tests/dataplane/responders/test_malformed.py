"""Whatever a VM sends, a responder answers, keeps silent, or raises MalformedError."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dhcp6 import DHCP6_Confirm, DHCP6_Solicit
from scapy.layers.dns import DNSRROPT

from tests.dataplane.responders import test_dhcp4, test_dhcp6, test_dns, test_nd
from tests.dataplane.responders.subjects import SETTINGS, SLAAC, V4, V6, subject, with_zone
from tunbridge.dataplane.responders import Forward, Kind, MalformedError, Settings, answer

WHO = with_zone(subject(V4, V6, SLAAC))
VALID = {
    Kind.dhcp4: [
        test_dhcp4.message("discover", ("client_id", b"\xffme"), (93, b"\0\7"), ("max_dhcp_size", 1500)),
        test_dhcp4.message("request", ("server_id", "10.0.0.1"), ("requested_addr", "10.0.0.9")),
    ],
    Kind.dhcp6: [
        test_dhcp6.message(DHCP6_Solicit, test_dhcp6.ME, test_dhcp6.ia("2001:db8::5"), test_dhcp6.ASKS),
        test_dhcp6.message(DHCP6_Confirm, test_dhcp6.ME, test_dhcp6.ia("2001:db8::5")),
    ],
    Kind.router: [bytes(test_nd.solicitation())],
    Kind.neighbour: [bytes(test_nd.neighbour("2001:db8::1"))],
    Kind.dns: [
        bytes(test_dns.query("web.openstacklocal", ar=DNSRROPT())),
        bytes(test_dns.query("7.0.0.10.in-addr.arpa", "PTR")),
        bytes(test_dns.query("www.debian.org")),
    ],
}
CASES = st.sampled_from([(kind, packet) for kind, packets in VALID.items() for packet in packets])


def respond(kind: Kind, packet: bytes) -> None:
    with contextlib.suppress(MalformedError):
        for found in answer(kind, packet, WHO, Settings(forward=True)):
            if isinstance(found, Forward):
                found.question.ask(1)
                found.question.reply(1, packet[42:])
                found.encode(found.question.fail())


@settings(max_examples=500, deadline=None)
@given(CASES, st.data())
def test_a_packet_with_bytes_changed_cut_and_added(case: tuple[Kind, bytes], data: st.DataObject) -> None:
    kind, packet = case
    changed = bytearray(packet)
    for _ in range(data.draw(st.integers(0, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(changed)))
    respond(kind, bytes(changed[:end] if data.draw(st.booleans()) else changed) + data.draw(st.binary(max_size=8)))


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(VALID)), st.binary(max_size=400), st.data())
def test_anything_behind_valid_headers(kind: Kind, payload: bytes, data: st.DataObject) -> None:
    packet = VALID[kind][0]
    head = {Kind.dhcp4: 42, Kind.dhcp6: 62, Kind.router: 54, Kind.neighbour: 54, Kind.dns: 42}[kind]
    keep = data.draw(st.integers(head, len(packet)))
    whole = bytearray(packet[:keep] + payload)
    if kind in (Kind.dhcp4, Kind.dns):
        whole[16:18] = (len(whole) - 14).to_bytes(2, "big")
        whole[38:40] = (len(whole) - 34).to_bytes(2, "big")
    else:
        whole[18:20] = (len(whole) - 54).to_bytes(2, "big")
        if kind is Kind.dhcp6:
            whole[58:60] = (len(whole) - 54).to_bytes(2, "big")
    respond(kind, bytes(whole))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(VALID)), st.binary(max_size=80))
def test_anything_at_all(kind: Kind, packet: bytes) -> None:
    respond(kind, packet)


def test_the_unchanged_packets_are_answered() -> None:
    for kind, packets in VALID.items():
        for packet in packets:
            assert answer(kind, packet, WHO, SETTINGS)
