"""DHCPv6: every message, made and read by scapy."""

import pytest
from msgspec.structs import replace
from scapy.layers.dhcp6 import (
    DUID_LL,
    USER_CLASS_DATA,
    DHCP6_Advertise,
    DHCP6_Confirm,
    DHCP6_Decline,
    DHCP6_InfoRequest,
    DHCP6_Rebind,
    DHCP6_RelayForward,
    DHCP6_Release,
    DHCP6_Renew,
    DHCP6_Reply,
    DHCP6_Request,
    DHCP6_Solicit,
    DHCP6OptBootFileUrl,
    DHCP6OptClientArchType,
    DHCP6OptClientFQDN,
    DHCP6OptClientId,
    DHCP6OptDNSDomains,
    DHCP6OptDNSServers,
    DHCP6OptIA_NA,
    DHCP6OptIA_PD,
    DHCP6OptIA_TA,
    DHCP6OptIAAddress,
    DHCP6OptInfoRefreshTime,
    DHCP6OptOptReq,
    DHCP6OptPref,
    DHCP6OptRapidCommit,
    DHCP6OptServerId,
    DHCP6OptStatusCode,
    DHCP6OptUserClass,
)
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.dataplane.responders.subjects import MAC, NETWORK, SETTINGS, SLAAC, V4, V6, subject, with_options
from tunbridge.dataplane.addresses import service_link_local, service_mac
from tunbridge.dataplane.responders import Kind, MalformedError, Settings, Subject, answer
from tunbridge.dataplane.view import FixedIp

CLIENT = "fe80::f816:3eff:fe00:5"
TO = "33:33:00:01:00:02"
"""Given, as scapy would ask this machine's network for the MAC address of one that is not multicast, for a second."""
US = DUID_LL(lladdr=service_mac(NETWORK.id))
ME = DHCP6OptClientId(duid=DUID_LL(lladdr=MAC))
SERVER = DHCP6OptServerId(duid=US)
ASKS = DHCP6OptOptReq(reqopts=[23, 24, 32, 59])


def ia(*addresses: str, iaid: int = 7) -> Packet:
    return DHCP6OptIA_NA(iaid=iaid, ianaopts=[DHCP6OptIAAddress(addr=a) for a in addresses])


def message(kind: type[Packet], *parts: Packet, dst: str = "ff02::1:2") -> bytes:
    found = Ether(src=MAC, dst=TO) / IPv6(src=CLIENT, dst=dst) / UDP(sport=546, dport=547)
    body: Packet = kind(trid=0x123456) if kind is not DHCP6_RelayForward else kind()
    for part in parts:
        body /= part.copy()
    return bytes(found / body)


def ask(packet: bytes, who: Subject | None = None, settings: Settings = SETTINGS) -> Packet | None:
    found = answer(Kind.dhcp6, packet, who or subject(), settings)
    if not found:
        return None
    (frame,) = found
    assert isinstance(frame, bytes)
    whole = Ether(frame)
    again = whole.copy()
    del again[UDP].chksum
    assert Ether(bytes(again))[UDP].chksum == whole[UDP].chksum
    assert (whole.src, whole.dst) == (service_mac(NETWORK.id), MAC)
    assert (whole[IPv6].src, whole[IPv6].dst) == (service_link_local(NETWORK.id), CLIENT)
    assert (whole[UDP].sport, whole[UDP].dport) == (547, 546)
    return whole


def given(reply: Packet | None) -> list[tuple[str, int, int]]:
    """The addresses of the first IA_NA with their lifetimes."""
    assert reply is not None
    return [(o.addr, o.preflft, o.validlft) for o in reply[DHCP6OptIA_NA].ianaopts if DHCP6OptIAAddress in o]


def status(reply: Packet | None) -> int:
    assert reply is not None
    code: int = reply[DHCP6OptStatusCode].statuscode
    return code


def test_solicit_and_request_give_the_address_of_the_port() -> None:
    offered = ask(message(DHCP6_Solicit, ME, ia(), ASKS))
    assert offered is not None and offered[DHCP6_Advertise].trid == 0x123456
    assert given(offered) == [("2001:db8::5", 86400, 86400)]
    assert offered[DHCP6OptPref].prefval == 255
    assert bytes(offered[DHCP6OptServerId].duid) == bytes(US)
    assert bytes(offered[DHCP6OptClientId].duid) == bytes(ME.duid)
    got = ask(message(DHCP6_Request, ME, offered[DHCP6OptServerId].copy(), ia("2001:db8::5"), ASKS))
    assert got is not None and DHCP6_Reply in got and given(got) == [("2001:db8::5", 86400, 86400)]
    assert (got[DHCP6OptIA_NA].iaid, got[DHCP6OptIA_NA].T1, got[DHCP6OptIA_NA].T2) == (7, 43200, 69120)
    assert got[DHCP6OptDNSServers].dnsservers == ["2001:db8::1"]
    assert got[DHCP6OptDNSDomains].dnsdomains == ["openstacklocal."]


def test_rapid_commit_is_one_exchange() -> None:
    got = ask(message(DHCP6_Solicit, ME, ia(), DHCP6OptRapidCommit()))
    assert got is not None and DHCP6_Reply in got and DHCP6OptRapidCommit in got
    assert given(got) == [("2001:db8::5", 86400, 86400)]


@pytest.mark.parametrize(("kind", "named"), [(DHCP6_Renew, [SERVER]), (DHCP6_Rebind, [])])
def test_a_lease_is_extended_and_an_address_that_was_taken_away_ends(kind: type[Packet], named: list[Packet]) -> None:
    got = ask(message(kind, ME, *named, ia("2001:db8::5", "2001:db8::bad")))
    assert given(got) == [("2001:db8::5", 86400, 86400), ("2001:db8::bad", 0, 0)]


def test_confirm_tells_whether_addresses_are_on_this_link() -> None:
    assert status(ask(message(DHCP6_Confirm, ME, ia("2001:db8::77")))) == 0
    assert status(ask(message(DHCP6_Confirm, ME, ia("2001:db8:ffff::5")))) == 4
    assert ask(message(DHCP6_Confirm, ME, ia())) is None


@pytest.mark.parametrize("kind", [DHCP6_Release, DHCP6_Decline])
def test_giving_an_address_back_succeeds(kind: type[Packet]) -> None:
    assert status(ask(message(kind, ME, SERVER, ia("2001:db8::5")))) == 0


@pytest.mark.parametrize(
    "packet",
    [
        message(DHCP6_Solicit, ia()),
        message(DHCP6_Solicit, ME, SERVER, ia()),
        message(DHCP6_Request, ME, ia()),
        message(DHCP6_Request, ME, DHCP6OptServerId(duid=DUID_LL(lladdr="02:00:00:00:00:01")), ia()),
        message(DHCP6_Rebind, ME, SERVER, ia()),
        message(DHCP6_InfoRequest, ME, ia()),
        message(DHCP6_Solicit, ME, ia(), dst="2001:db8::1"),
    ],
    ids=["no-client", "server-named", "no-server", "other-server", "rebind-named", "info-with-ia", "unicast"],
)
def test_what_rfc_8415_has_discarded_gets_no_answer(packet: bytes) -> None:
    assert ask(packet) is None


def test_stateless_has_options_and_no_addresses() -> None:
    mode = "dhcpv6-stateless"
    who = subject(replace(V6, ipv6_ra_mode=mode, ipv6_address_mode=mode))
    got = ask(message(DHCP6_InfoRequest, ME, ASKS), who)
    assert got is not None and got[DHCP6OptDNSServers].dnsservers == ["2001:db8::1"]
    assert got[DHCP6OptInfoRefreshTime].reftime == 86400 and DHCP6OptIA_NA not in got
    offered = ask(message(DHCP6_Solicit, ME, ia()), who)
    assert given(offered) == [] and offered is not None
    assert offered[DHCP6OptIA_NA].ianaopts[0].statuscode == 2


def test_information_needs_no_client_identifier() -> None:
    assert ask(message(DHCP6_InfoRequest, ASKS)) is not None


@pytest.mark.parametrize(
    ("ra_mode", "address_mode", "served"),
    [
        (None, None, True),
        (None, "dhcpv6-stateful", True),
        ("slaac", None, False),
        ("slaac", "slaac", False),
        (None, "slaac", False),
        ("dhcpv6-stateful", "dhcpv6-stateful", True),
        ("dhcpv6-stateful", None, False),
    ],
)
def test_the_subnets_modes_say_who_serves(ra_mode: str | None, address_mode: str | None, served: bool) -> None:
    who = subject(replace(V6, ipv6_ra_mode=ra_mode, ipv6_address_mode=address_mode))
    assert (ask(message(DHCP6_Solicit, ME, ia()), who) is not None) is served


def test_no_dhcp_no_answer() -> None:
    off = replace(V6, enable_dhcp=False, ipv6_ra_mode=None, ipv6_address_mode=None)
    assert ask(message(DHCP6_Solicit, ME, ia()), subject(V4, off)) is None


def test_all_addresses_are_in_the_first_association_and_prefixes_there_are_none() -> None:
    who = subject(
        V6, SLAAC, fixed_ips=(FixedIp("6", "2001:db8::5"), FixedIp("6", "2001:db8::6"), FixedIp("s", "2001:db8:1::5"))
    )
    got = ask(message(DHCP6_Solicit, ME, ia(), DHCP6OptIA_TA(iaid=1), DHCP6OptIA_PD(iaid=2)), who)
    assert [a for a, _, _ in given(got)] == ["2001:db8::5", "2001:db8::6"]
    assert got is not None and got[DHCP6OptIA_TA].iataopts[0].statuscode == 2
    assert got[DHCP6OptIA_PD].iapdopt[0].statuscode == 6


def test_only_what_is_asked_for_is_sent() -> None:
    got = ask(message(DHCP6_Solicit, ME, ia(), DHCP6OptOptReq(reqopts=[24])))
    assert got is not None and DHCP6OptDNSDomains in got and DHCP6OptDNSServers not in got


def test_a_client_that_tells_its_name_is_told_the_clouds() -> None:
    got = ask(message(DHCP6_Solicit, ME, ia(), DHCP6OptClientFQDN(flags=0, fqdn="mine.")), subject(dns_name="web"))
    assert got is not None and got[DHCP6OptClientFQDN].fqdn == b"web.openstacklocal."


@pytest.mark.parametrize(
    ("client", "url"),
    [
        ([DHCP6OptClientArchType(archtypes=[7])], b"tftp://[2001:db8::66]/ipxe.efi"),
        ([DHCP6OptUserClass(userclassdata=[USER_CLASS_DATA(data=b"iPXE")])], b"http://boot.example/boot.ipxe"),
    ],
    ids=["uefi", "ipxe"],
)
def test_network_boot_depends_on_firmware(client: list[Packet], url: bytes) -> None:
    boot = (
        ("tag:!ipxe6,tag:arch7,59", "tftp://[2001:db8::66]/ipxe.efi"),
        ("tag:ipxe6,bootfile-url", "http://boot.example/boot.ipxe"),
    )
    got = ask(message(DHCP6_Solicit, ME, ia(), ASKS, *client), with_options(*boot, version=6))
    assert got is not None and got[DHCP6OptBootFileUrl].optdata == url


def test_a_lease_may_last_for_ever() -> None:
    got = ask(message(DHCP6_Solicit, ME, ia()), settings=Settings(lease_time=-1))
    assert given(got) == [("2001:db8::5", 0xFFFFFFFF, 0xFFFFFFFF)]


def test_relays_get_no_answer() -> None:
    with pytest.raises(MalformedError):
        ask(message(DHCP6_RelayForward))
