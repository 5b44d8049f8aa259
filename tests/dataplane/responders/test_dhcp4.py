"""DHCPv4: every message, made and read by scapy."""

from typing import Any

import pytest
from msgspec.structs import replace
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.dataplane.responders.subjects import MAC, SETTINGS, V4, routes, subject, with_options
from tunbridge.dataplane.addresses import service_mac
from tunbridge.dataplane.responders import Kind, Settings, Subject, answer, problems
from tunbridge.dataplane.view import DhcpOption, FixedIp

ALL = [1, 3, 6, 12, 15, 26, 28, 66, 67, 119, 121, 150]
RAW = bytes.fromhex(MAC.replace(":", ""))
XID = 0x5A5A1234


def message(kind: str, *more: tuple[Any, ...], wants: list[int] | None = ALL, **fields: Any) -> bytes:
    """A client's message; BOOTP's fields by name, `src` and `dst` of IP."""
    ip = IP(src=fields.pop("src", "0.0.0.0"), dst=fields.pop("dst", "255.255.255.255"))
    listed = [] if wants is None else [("param_req_list", wants)]
    bootp = BOOTP(**{"chaddr": RAW + bytes(10), "xid": XID, **fields})
    frame = Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / ip / UDP(sport=68, dport=67) / bootp
    return bytes(frame / DHCP(options=[("message-type", kind), *more, *listed, "end"]))


def ask(packet: bytes, who: Subject | None = None, settings: Settings = SETTINGS) -> Ether | None:
    found = answer(Kind.dhcp4, packet, who or subject(), settings)
    if not found:
        return None
    (frame,) = found
    assert isinstance(frame, bytes)
    whole = Ether(frame)
    for layer in (IP, UDP):  # checksums are those that scapy makes
        sent = whole[layer].chksum
        again = whole.copy()
        del again[layer].chksum
        assert Ether(bytes(again))[layer].chksum == sent
    return whole


def options(reply: Ether | None) -> dict[str | int, Any]:
    assert reply is not None
    found: dict[str | int, Any] = {}
    for option in reply[DHCP].options:
        if isinstance(option, tuple):
            found[option[0]] = option[1] if len(option) == 2 else list(option[1:])
    return found


def test_an_offer_has_the_address_and_what_the_client_needs() -> None:
    reply = ask(message("discover"))
    assert reply is not None
    assert (reply.src, reply.dst) == (service_mac(V4.id), MAC)
    assert (reply[IP].src, reply[IP].dst) == ("10.0.0.1", "10.0.0.5")
    assert (reply[UDP].sport, reply[UDP].dport) == (67, 68)
    bootp = reply[BOOTP]
    assert (bootp.op, bootp.xid, bootp.yiaddr, bootp.siaddr, bootp.ciaddr) == (
        2,
        XID,
        "10.0.0.5",
        "10.0.0.1",
        "0.0.0.0",
    )
    assert bootp.chaddr[:6] == RAW and len(bytes(bootp)) >= 300
    found = options(reply)
    assert found["message-type"] == 2 and found["server_id"] == "10.0.0.1"
    assert (found["lease_time"], found["renewal_time"], found["rebinding_time"]) == (86400, 43200, 75600)
    assert found["subnet_mask"] == "255.255.255.0" and found["broadcast_address"] == "10.0.0.255"
    assert found["router"] == "10.0.0.1" and found["name_server"] == "10.0.0.1"
    assert found["interface-mtu"] == 1442
    assert found["hostname"] == b"host-10-0-0-5" and found["domain"] == b"openstacklocal"
    assert found[119] == b"\x0eopenstacklocal\x00"
    assert 121 not in found and "classless_static_routes" not in found


def test_the_client_that_chose_us_gets_what_it_was_offered() -> None:
    reply = ask(message("request", ("server_id", "10.0.0.1"), ("requested_addr", "10.0.0.5")))
    assert options(reply)["message-type"] == 5
    assert reply is not None and reply[BOOTP].yiaddr == "10.0.0.5"


def test_the_client_that_chose_another_server_gets_no_answer() -> None:
    assert ask(message("request", ("server_id", "10.0.0.2"), ("requested_addr", "10.0.0.5"))) is None


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ([("server_id", "10.0.0.1"), ("requested_addr", "10.0.0.9")], {}),
        ([("requested_addr", "192.168.7.7")], {}),
        ([], {"ciaddr": "10.0.0.9", "src": "10.0.0.9", "dst": "10.0.0.1"}),
    ],
    ids=["selecting", "init-reboot", "renewing"],
)
def test_a_wrong_address_is_refused_by_broadcast(more: list[tuple[str, str]], fields: dict[str, Any]) -> None:
    reply = ask(message("request", *more, **fields))
    found = options(reply)
    assert reply is not None and found["message-type"] == 6 and found["server_id"] == "10.0.0.1"
    assert (reply.dst, reply[IP].dst) == ("ff:ff:ff:ff:ff:ff", "255.255.255.255")
    assert (reply[BOOTP].yiaddr, reply[BOOTP].ciaddr) == ("0.0.0.0", "0.0.0.0")
    assert "lease_time" not in found and b"is not an address of this port" in found["error_message"]


def test_after_a_reboot_the_old_address_is_confirmed() -> None:
    assert options(ask(message("request", ("requested_addr", "10.0.0.5"))))["message-type"] == 5


@pytest.mark.parametrize("to", ["10.0.0.1", "255.255.255.255"], ids=["renewing", "rebinding"])
def test_a_lease_is_renewed_to_the_address_that_the_client_has(to: str) -> None:
    reply = ask(message("request", ciaddr="10.0.0.5", src="10.0.0.5", dst=to))
    assert reply is not None and options(reply)["message-type"] == 5
    assert (reply.dst, reply[IP].dst) == (MAC, "10.0.0.5")
    assert (reply[BOOTP].ciaddr, reply[BOOTP].yiaddr) == ("10.0.0.5", "10.0.0.5")


def test_inform_gets_options_without_a_lease() -> None:
    reply = ask(message("inform", ciaddr="10.0.0.5", src="10.0.0.5"))
    found = options(reply)
    assert reply is not None and reply[IP].dst == "10.0.0.5" and reply[BOOTP].yiaddr == "0.0.0.0"
    assert found["message-type"] == 5 and found["name_server"] == "10.0.0.1"
    assert not {"lease_time", "renewal_time", "rebinding_time"} & found.keys()


def test_inform_from_an_address_of_another_network_gets_no_answer() -> None:
    assert ask(message("inform", ciaddr="192.168.7.7", src="192.168.7.7")) is None


@pytest.mark.parametrize("kind", ["decline", "release"])
def test_what_gives_an_address_back_gets_no_answer(kind: str) -> None:
    assert ask(message(kind, ("server_id", "10.0.0.1"), ("requested_addr", "10.0.0.5"), ciaddr="10.0.0.5")) is None


def test_relayed_requests_and_those_of_other_machines_get_no_answer() -> None:
    assert ask(message("discover", giaddr="10.0.0.7")) is None
    assert ask(message("discover", chaddr=b"\x02" * 6 + bytes(10))) is None


def test_a_port_without_an_address_with_dhcp_gets_no_answer() -> None:
    assert ask(message("discover"), subject(replace(V4, enable_dhcp=False))) is None
    assert ask(message("discover"), subject(fixed_ips=(FixedIp("6", "2001:db8::5"),))) is None


def test_the_broadcast_flag_is_obeyed() -> None:
    reply = ask(message("discover", flags="B"))
    assert reply is not None and (reply.dst, reply[IP].dst) == ("ff:ff:ff:ff:ff:ff", "255.255.255.255")


def test_rapid_commit_is_one_exchange() -> None:
    found = options(ask(message("discover", (80, b""))))
    assert found["message-type"] == 5 and found["rapid_commit"] == b""


def test_a_client_gets_its_identifier_back() -> None:
    assert options(ask(message("discover", ("client_id", b"\xffme"))))["client_id"] == b"\xffme"


def test_a_second_address_of_the_port_is_given_to_who_asks_for_it() -> None:
    two = subject(fixed_ips=(FixedIp("4", "10.0.0.5"), FixedIp("4", "10.0.0.6")))
    reply = ask(message("discover", ("requested_addr", "10.0.0.6")), two)
    assert reply is not None and reply[BOOTP].yiaddr == "10.0.0.6"
    reply = ask(message("discover", ("requested_addr", "10.0.0.7")), two)
    assert reply is not None and reply[BOOTP].yiaddr == "10.0.0.5"


def test_only_what_is_asked_for_is_sent_but_for_lease_and_mtu() -> None:
    few = {"message-type", "server_id", "lease_time", "renewal_time", "rebinding_time", "interface-mtu", "subnet_mask"}
    assert options(ask(message("discover", wants=[1]))).keys() == few
    assert options(ask(message("discover", wants=None))).keys() > few | {"router", "hostname"}


def test_host_routes_come_with_the_default_route_before_them_and_the_networks_other_subnets() -> None:
    other = replace(V4, id="o", cidr="10.9.0.0/20", gateway_ip=None)
    mine = replace(V4, host_routes=routes(("192.168.0.0/16", "10.0.0.2"), ("172.16.5.4/32", "10.0.0.3")))
    found = options(ask(message("discover"), subject(mine, other)))
    expected = "0.0.0.0/0:10.0.0.1", "192.168.0.0/16:10.0.0.2", "172.16.5.4/32:10.0.0.3", "10.9.0.0/20:0.0.0.0"
    assert found["classless_static_routes"] == list(expected)
    assert found["router"] == "10.0.0.1"


def test_a_subnet_without_a_gateway_has_no_router_and_no_dns_of_its_own() -> None:
    reply = ask(message("discover"), subject(replace(V4, gateway_ip=None)))
    found = options(reply)
    assert found["server_id"] == "169.254.169.254" and not {"router", "name_server"} & found.keys()
    renewed = message("request", ciaddr="10.0.0.5", src="10.0.0.5")
    assert options(ask(renewed, subject(replace(V4, gateway_ip=None))))["message-type"] == 5


def test_the_metadata_service_is_on_the_link_where_no_router_of_the_cloud_takes_packets_to_it() -> None:
    def told(who: Subject) -> object:
        found = options(ask(message("discover"), who, replace(SETTINGS, metadata=True)))
        return found.get("classless_static_routes")

    bare = replace(V4, gateway_ip=None)
    assert told(subject(bare)) == ["169.254.169.254/32:0.0.0.0"]
    assert told(subject(V4)) == ["0.0.0.0/0:10.0.0.1", "169.254.169.254/32:0.0.0.0"]
    assert told(replace(subject(V4), routed=frozenset({V4.id}))) is None
    own = replace(bare, host_routes=routes(("169.254.169.254/32", "10.0.0.7")))
    assert told(subject(own)) == ["169.254.169.254/32:10.0.0.7"]


def test_a_host_route_to_everywhere_is_the_router_of_a_subnet_without_a_gateway() -> None:
    mine = replace(V4, gateway_ip=None, host_routes=routes(("0.0.0.0/0", "10.0.0.9")))
    assert options(ask(message("discover"), subject(mine)))["router"] == "10.0.0.9"


def test_name_servers_of_the_subnet_go_before_ours_and_zero_is_none() -> None:
    found = options(ask(message("discover"), subject(replace(V4, dns_nameservers=("9.9.9.9", "8.8.8.8")))))
    assert found["name_server"] == ["9.9.9.9", "8.8.8.8"]
    found = options(ask(message("discover"), subject(replace(V4, dns_nameservers=("0.0.0.0",)))))
    assert "name_server" not in found


def test_names_are_those_of_the_api() -> None:
    named = subject(dns_name="web.openstacklocal.", network={"dns_domain": "example.org."})
    found = options(ask(message("discover"), named))
    assert found["hostname"] == b"web" and found["domain"] == b"openstacklocal"
    assert found[119] == b"\x07example\x03org\x00\x0eopenstacklocal\x00"


def test_a_lease_may_last_for_ever() -> None:
    found = options(ask(message("discover"), settings=Settings(lease_time=-1)))
    assert (found["lease_time"], found["renewal_time"]) == (0xFFFFFFFF, 0xFFFFFFFF)


BOOT = (
    ("server-ip-address", "10.0.0.66"), ("66", "tftp.example"), ("tftp-server-address", "10.0.0.66"),
    ("bootfile-name", "undionly.kpxe"), ("tag:ipxe,bootfile-name", "http://10.0.0.66/boot.ipxe"),
    ("tag:!ipxe,tag:x86-64_EFI,67", "ipxe.efi"), ("tag:!ipxe,tag:arch11,67", "arm.efi"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("client", "file"),
    [
        ([(93, b"\0\0")], b"undionly.kpxe"),
        ([(93, b"\0\7")], b"ipxe.efi"),
        ([(93, b"\0\x0b")], b"arm.efi"),
        ([(93, b"\0\7"), (175, b"\1\1\1")], b"http://10.0.0.66/boot.ipxe"),
    ],
    ids=["bios", "uefi", "arm", "ipxe"],
)
def test_network_boot_depends_on_firmware(client: list[tuple[int, bytes]], file: bytes) -> None:
    reply = ask(message("discover", *client, (97, b"\0" + b"u" * 16)), with_options(*BOOT))
    found = options(reply)
    assert reply is not None and reply[BOOTP].siaddr == "10.0.0.66"
    assert found["boot-file-name"] == file and found["tftp_server_name"] == b"tftp.example"
    assert found["tftp_server_address"] == "10.0.0.66" and found["pxe_client_machine_identifier"] == b"\0" + b"u" * 16


def test_a_boot_file_that_is_not_asked_for_as_an_option_is_in_the_header() -> None:
    reply = ask(message("discover", wants=[1, 3]), with_options(*BOOT))
    assert reply is not None and "boot-file-name" not in options(reply)
    assert reply[BOOTP].file.rstrip(b"\0") == b"undionly.kpxe" and reply[BOOTP].sname.rstrip(b"\0") == b"tftp.example"


def test_http_boot_is_told_that_it_is_meant() -> None:
    http = ("vendor_class_id", b"HTTPClient:Arch:00016:UNDI:003001")
    reply = ask(message("discover", http), with_options(("67", "http://10.0.0.66/grub.efi")))
    assert options(reply)["vendor_class_id"] == b"HTTPClient"


@pytest.mark.parametrize(
    ("name", "value", "option", "expected"),
    [
        ("ntp-server", "10.0.0.8,10.0.0.9", "NTP_server", ["10.0.0.8", "10.0.0.9"]),
        ("42", "10.0.0.8", "NTP_server", "10.0.0.8"),
        ("mtu", "1400", "interface-mtu", 1400),
        ("domain-search", "a.example,b.example", 119, b"\1a\7example\0\1b\7example\0"),
        ("dns-server", "10.0.0.53", "name_server", "10.0.0.53"),
        ("classless-static-route", "10.2.0.0/16,10.0.0.4", "classless_static_routes", ["10.2.0.0/16:10.0.0.4"]),
        ("lease-time", "2h", "lease_time", 7200),
        ("224", "0xdeadbeef", 224, b"\xde\xad\xbe\xef"),
        ("225", "01:02:0f", 225, b"\1\2\x0f"),
        ("226", "10.0.0.8", 226, b"\x0a\0\0\x08"),
        ("227", "any text, with commas", 227, b"any text, with commas"),
        ("228", "300", 228, b"\1\x2c"),
        ("229", '"300"', 229, b"300"),
    ],
)
def test_options_of_a_port_have_the_types_of_dnsmasq(name: str, value: str, option: str | int, expected: Any) -> None:
    who = with_options((name, value))
    assert problems(who.port.extra_dhcp_opts) == ()
    assert options(ask(message("discover", wants=None), who))[option] == expected


@pytest.mark.parametrize("value", [None, ""])
def test_an_option_without_a_value_is_taken_out(value: str | None) -> None:
    assert "router" not in options(ask(message("discover"), with_options(("router", value))))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ntp-server", "tomorrow", "'tomorrow' is not an IPv4 address"),
        ("no-such", "1", "no option of this name is known"),
        ("53", "1", "the protocol's own"),
        ("mtu", "70000", "not a number of 2 bytes"),
        ("0", "1", "there is no such option"),
        ("classless-static-route", "10.0.0.0/8", "routes are pairs"),
        ("classless-static-route", "10.0.0.0/99,10.0.0.1", "not a valid netmask"),
        ("ipxe,67", "x", "must be tag:"),
    ],
)
def test_an_option_that_cannot_be_sent_is_told_and_harms_no_other(name: str, value: str, reason: str) -> None:
    who = with_options((name, value), ("tftp-server", "here"))
    (problem,) = problems(who.port.extra_dhcp_opts)
    assert reason in problem and name in problem
    found = options(ask(message("discover"), who))
    assert found["tftp_server_name"] == b"here" and found["router"] == "10.0.0.1"


def test_options_of_the_other_ip_version_are_not_sent() -> None:
    who = subject(extra_dhcp_opts=(DhcpOption("42", "2001:db8::1", 6),))
    assert "NTP_server" not in options(ask(message("discover", wants=None), who))


def test_an_answer_fits_the_packets_that_the_client_takes() -> None:
    far = routes(*((f"10.{n}.0.0/24", "10.0.0.2") for n in range(1, 60)))
    who = subject(replace(V4, host_routes=far))
    small = ask(message("discover"), who)
    assert small is not None and len(bytes(small[IP])) <= 576
    assert "classless_static_routes" not in options(small) and "router" in options(small)
    large = ask(message("discover", ("max_dhcp_size", 1500)), who)
    assert large is not None and 576 < len(bytes(large[IP])) <= 1442
    parts = sizes(bytes(large[DHCP]))[121]
    assert parts == [255, 59 * 8 + 5 - 255]  # longer than 255 bytes: options that are put together (RFC 3396)


def test_what_does_not_fit_is_where_a_boot_file_and_a_server_would_be_named() -> None:
    """A network with many subnets, of which a client is told that they are on its link."""
    far = routes(*((f"10.{n}.0.0/24", "10.0.0.2") for n in range(1, 26)))
    who = subject(replace(V4, host_routes=far))
    reply, large = ask(message("discover"), who), ask(message("discover", ("max_dhcp_size", 1500)), who)
    assert reply is not None and large is not None and len(bytes(reply[IP])) <= 576
    own, there = sizes(bytes(reply[DHCP])), sizes(bytes(reply[BOOTP].file))
    assert (own[52], list(there), bytes(reply[BOOTP].sname)) == ([1], [119], bytes(64))
    assert own.keys() - {52} | there.keys() == sizes(bytes(large[DHCP])).keys()
    named = with_options(("bootfile-name", "pxelinux.0"), ("tftp-server", "10.0.0.9"))
    boot = ask(message("discover", wants=[1, 3, 119, 121]), replace(named, subnets=who.subnets))
    assert boot is not None and bytes(boot[BOOTP].file).startswith(b"pxelinux.0\0")
    assert bytes(boot[BOOTP].sname).startswith(b"10.0.0.9\0") and 52 not in sizes(bytes(boot[DHCP]))


def sizes(data: bytes) -> dict[int, list[int]]:
    """Number -> lengths of the options of that number, in their order."""
    found: dict[int, list[int]] = {}
    at = 4 if data.startswith(b"\x63\x82\x53\x63") else 0
    while data[at] != 255:
        found.setdefault(data[at], []).append(data[at + 1])
        at += 2 + data[at + 1]
    return found
