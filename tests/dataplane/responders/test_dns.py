"""DNS, asked and read by scapy."""

import struct
from typing import Any

import pytest
from msgspec.structs import replace
from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRROPT
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.dataplane.responders.subjects import MAC, NETWORK, PORT, SETTINGS, V4, V6, subject, with_zone
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.responders import Forward, Kind, MalformedError, Settings, Subject, Zones, answer, dns, names
from tunbridge.dataplane.view import FixedIp, port_keys

SERVER_MAC = "fa:16:3f:01:02:03"
WEB = replace(
    PORT,
    id="w",
    dns_name="Web",
    dns_domain="apps.example.",
    fixed_ips=(FixedIp("4", "10.0.0.7"), FixedIp("6", "2001:db8::7")),
)
WHO = with_zone(subject(network={"dns_domain": "example.org."}), WEB)
FORWARDS = Settings(forward=True)


def query(name: str, kind: str | int = "A", ip: Packet | None = None, **more: Any) -> Packet:
    ip = ip or IP(src="10.0.0.5", dst="10.0.0.1")
    asked = DNS(id=77, rd=1, qd=DNSQR(qname=name, qtype=kind, qclass=more.pop("qclass", 1)), **more)
    return Ether(src=MAC, dst=SERVER_MAC) / ip / UDP(sport=4567, dport=53) / asked


def ask(packet: Packet | bytes, settings: Settings = SETTINGS, who: Subject = WHO) -> Packet:
    (frame,) = answer(Kind.dns, bytes(packet), who, settings)
    assert isinstance(frame, bytes)
    return Ether(frame)


def texts(reply: Packet) -> list[str]:
    return sorted(r.rdata if isinstance(r.rdata, str) else r.rdata.decode() for r in reply[DNS].an)


@pytest.mark.parametrize(
    "name",
    [
        "web.openstacklocal",
        "WEB.OpenStackLocal",
        "web",
        "web.example.org",
        "web.apps.example",
        "host-10-0-0-7",
        "host-10-0-0-7.openstacklocal",
    ],
)
def test_a_port_is_found_by_its_names(name: str) -> None:
    reply = ask(query(name))
    assert (reply[DNS].rcode, reply[DNS].aa, reply[DNS].ra, reply[DNS].id) == (0, 1, 1, 77)
    assert texts(reply) == ["10.0.0.7"] and reply[DNS].qd[0].qname == f"{name}.".encode()
    assert (reply.src, reply.dst, reply[IP].src, reply[IP].dst) == (SERVER_MAC, MAC, "10.0.0.1", "10.0.0.5")
    assert (reply[UDP].sport, reply[UDP].dport) == (53, 4567)


def test_ipv6_addresses_over_ipv6() -> None:
    reply = ask(query("web.openstacklocal", "AAAA", IPv6(src="2001:db8::5", dst="2001:db8::1")))
    assert texts(reply) == ["2001:db8::7"] and reply[IPv6].src == "2001:db8::1"


def test_a_port_without_a_name_has_neutrons() -> None:
    assert texts(ask(query("host-10-0-0-5.openstacklocal"))) == ["10.0.0.5"]
    assert texts(ask(query("host-2001-db8--5.openstacklocal", "AAAA"))) == ["2001:db8::5"]
    assert texts(ask(query("5.0.0.10.in-addr.arpa", "PTR"))) == ["host-10-0-0-5.openstacklocal."]


def test_a_domain_with_keywords_is_none_that_hosts_know() -> None:
    network = replace(NETWORK, dns_domain="<user_name>.example.org.")
    zone = names.build(network, [replace(WEB, dns_domain="<project_id>.example.")], "openstacklocal")
    assert zone.domains == frozenset()
    assert {"web", "web.openstacklocal"} < set(zone.addresses) and not any("<" in name for name in zone.addresses)
    assert names.network_domain(network) is None


def test_reverse_names() -> None:
    assert texts(ask(query("7.0.0.10.in-addr.arpa", "PTR"))) == ["web.openstacklocal."]
    digits = ".".join(reversed("20010db8" + "0" * 23 + "7"))
    assert texts(ask(query(f"{digits}.ip6.arpa", "PTR"))) == ["web.openstacklocal."]
    assert ask(query("99.0.0.10.in-addr.arpa", "PTR"))[DNS].rcode == 3


@pytest.mark.parametrize("name", ["no.openstacklocal", "a.web.openstacklocal", "nosuchhost"])
def test_what_is_not_there_in_our_domain_does_not_exist_and_that_holds_shortly(name: str) -> None:
    reply = ask(query(name), FORWARDS)
    assert (reply[DNS].rcode, reply[DNS].ancount, reply[DNS].nscount) == (3, 0, 1)
    assert reply[DNS].ns[0].minimum == 5 and reply[DNS].ns[0].rrname == b"openstacklocal."


@pytest.mark.parametrize(
    ("name", "kind"), [("web.openstacklocal", "MX"), ("openstacklocal", "A"), ("host-10-0-0-5", "AAAA")]
)
def test_a_name_that_has_nothing_of_the_type(name: str, kind: str) -> None:
    reply = ask(query(name, kind), FORWARDS)
    assert (reply[DNS].rcode, reply[DNS].ancount, reply[DNS].nscount) == (0, 0, 1)


@pytest.mark.parametrize(
    ("name", "kind", "qclass"), [("web", "ALL", 1), ("openstacklocal", "AXFR", 1), ("version.bind", "TXT", 3)]
)
def test_what_helps_attackers_is_refused(name: str, kind: str, qclass: int) -> None:
    assert ask(query(name, kind, qclass=qclass), FORWARDS)[DNS].rcode == 5


@pytest.mark.parametrize("name", ["www.debian.org", "www.example.org", "8.8.8.8.in-addr.arpa"])
def test_other_names_are_forwarded_or_refused(name: str) -> None:
    kind = "PTR" if name.endswith("arpa") else "A"
    (found,) = answer(Kind.dns, bytes(query(name, kind)), WHO, FORWARDS)
    assert isinstance(found, Forward)
    refused = 3 if name == "www.example.org" else 5  # of the network's own domain: nobody else is asked
    assert ask(query(name, kind))[DNS].rcode == refused


def test_a_question_goes_to_a_resolver_under_another_id_and_its_answer_back() -> None:
    (found,) = answer(Kind.dns, bytes(query("www.debian.org", ar=DNSRROPT(rclass=4096))), WHO, FORWARDS)
    assert isinstance(found, Forward)
    sent = DNS(found.question.ask(999))
    assert (sent.id, sent.rd, sent.qr, sent.qd[0].qname, sent.ar[0].rclass) == (999, 1, 0, b"www.debian.org.", 1232)
    came = DNS(id=999, qr=1, ra=1, qd=sent.qd[0], an=DNSRR(rrname="www.debian.org", rdata="192.0.2.1"))
    message = found.question.reply(999, bytes(came))
    assert message is not None
    reply = Ether(found.encode(message))
    assert reply[DNS].id == 77 and texts(reply) == ["192.0.2.1"] and reply[IP].src == "10.0.0.1"
    assert found.question.reply(998, bytes(came)) is None
    forged = DNS(
        id=999, qr=1, qd=DNSQR(qname="www.evil.example"), an=DNSRR(rrname="www.evil.example", rdata="192.0.2.1")
    )
    assert found.question.reply(999, bytes(forged)) is None and found.question.reply(999, b"\3") is None
    assert Ether(found.encode(found.question.fail()))[DNS].rcode == 2


def test_what_a_client_asks_about_dnssec_is_asked_of_the_resolver_too() -> None:
    """Without signatures a client that checks them takes every answer for forged."""
    for z, ad, cd in ((0x8000, 1, 0), (0x8000, 0, 1), (0, 0, 0)):
        (found,) = answer(Kind.dns, bytes(query("www.debian.org", ad=ad, cd=cd, ar=DNSRROPT(z=z))), WHO, FORWARDS)
        assert isinstance(found, Forward)
        sent = DNS(found.question.ask(1))
        assert (sent.ar[0].z, sent.ad, sent.cd) == (z, ad, cd)
        assert ask(query("web", ar=DNSRROPT(z=z)))[DNS].ar[0].z == z  # RFC 3225, 3


def test_an_answer_that_is_too_long_is_cut_and_says_so() -> None:
    (found,) = answer(Kind.dns, bytes(query("www.debian.org")), WHO, FORWARDS)
    assert isinstance(found, Forward)
    many = DNS(
        id=1,
        qr=1,
        qd=DNSQR(qname="www.debian.org"),
        an=[DNSRR(rrname="www.debian.org", rdata=f"192.0.2.{n}") for n in range(60)],
    )
    cut = found.question.reply(1, bytes(many))
    assert cut is not None and DNS(cut).tc == 1 and DNS(cut).ancount == 0
    crowd = [replace(WEB, id=str(n), fixed_ips=(FixedIp("4", f"10.0.0.{n}"),)) for n in range(10, 70)]
    who = with_zone(subject(), *crowd)
    assert ask(query("web"), who=who)[DNS].tc == 1
    whole = ask(query("web", ar=DNSRROPT(rclass=4096)), who=who)
    assert (whole[DNS].tc, whole[DNS].ancount, whole[DNS].arcount) == (0, 60, 1)


def head(message: bytes | dns.Question | None) -> tuple[int, int, int]:
    """Whether it is truncated, its code and the number of its records (scapy reads no more than 100)."""
    assert isinstance(message, bytes)
    _, flags, _, records = struct.unpack_from("!4H", message)
    return flags >> 9 & 1, flags & 15, records


def test_over_tcp_an_answer_of_any_length_is_whole() -> None:
    crowd = [replace(WEB, id=str(n), fixed_ips=(FixedIp("4", f"10.0.{n >> 8}.{n & 255}"),)) for n in range(10, 2010)]
    own, other = bytes(query("web")[DNS]), bytes(query("www.debian.org")[DNS])
    assert head(dns.answer_message(own, with_zone(subject(), *crowd), SETTINGS, dns.LONGEST)) == (0, 0, 2000)
    found = dns.answer_message(other, WHO, FORWARDS, dns.LONGEST)
    assert isinstance(found, dns.Question)
    question = DNS(found.ask(1)).qd[0]
    many = DNS(id=1, qr=1, qd=question, an=[DNSRR(rrname="www.debian.org", rdata=f"192.0.2.{n}") for n in range(200)])
    assert head(found.reply(1, bytes(many))) == (0, 0, 200)
    assert head(dns.answer_message(other, WHO, SETTINGS, dns.LONGEST)) == (0, 5, 0)
    with pytest.raises(MalformedError):
        dns.answer_message(b"short", WHO, SETTINGS, dns.LONGEST)


def test_edns_of_a_version_that_nobody_has_is_told() -> None:
    reply = ask(query("web", ar=DNSRROPT(version=1)))
    assert reply[DNS].ar[0].extrcode == 1 and reply[DNS].rcode == 0


def test_questions_that_are_none() -> None:
    assert ask(query("web", opcode=5))[DNS].rcode == 4
    two = Ether(src=MAC) / IP(dst="10.0.0.1") / UDP(dport=53) / DNS(id=7, qd=[DNSQR(qname="a"), DNSQR(qname="b")])
    assert (ask(two)[DNS].rcode, ask(two)[DNS].id) == (1, 7)
    assert answer(Kind.dns, bytes(query("web", qr=1)), WHO, SETTINGS) == []


def test_a_zone_is_made_anew_only_when_something_of_it_has_changed() -> None:
    rows = Rows(networks={NETWORK.id: NETWORK}, ports={PORT.id: PORT})
    zones = Zones(rows, "openstacklocal")
    first = zones.zone(NETWORK.id)
    assert first is not None and "web" not in first.addresses
    zones.touch(port_keys(None, replace(WEB, network_id="another")))
    assert zones.zone(NETWORK.id) is first
    rows.ports[WEB.id] = WEB
    zones.touch(port_keys(None, WEB))
    second = zones.zone(NETWORK.id)
    assert second is not None and second.addresses["web"] == ("10.0.0.7", "2001:db8::7")
    assert zones.zone("nowhere") is None


def test_subnets_of_the_subject_are_those_whose_reverse_names_are_ours() -> None:
    (found,) = answer(Kind.dns, bytes(query("1.0.9.10.in-addr.arpa", "PTR")), replace(WHO, subnets=(V4, V6)), FORWARDS)
    assert isinstance(found, Forward)
