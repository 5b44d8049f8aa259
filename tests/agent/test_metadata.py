"""The metadata service in the agent: HTTP, what connections may hold, documents, boot configurations, settings."""

import asyncio
import base64
from collections.abc import Coroutine
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tunbridge.agent import config
from tunbridge.agent.central.boot_configs import KEPT, BootConfigs
from tunbridge.agent.cloud import BootConfig
from tunbridge.agent.config import MetadataConfig
from tunbridge.agent.endpoint import ALTOGETHER, PER_PORT, Caller, Endpoint
from tunbridge.agent.metadata import http, nova, service
from tunbridge.agent.metadata.http import HttpError, Request, Response
from tunbridge.agent.metadata.instance import Instance, network_data, read_instance
from tunbridge.agent.metadata.proxy import HttpService
from tunbridge.configuration import ConfigurationError
from tunbridge.database.errors import DatabaseUnavailable
from tunbridge.dataplane.local import Workload
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.responders.segments import ACK, FIN, RST, SYN, Segment, read_tcp
from tunbridge.dataplane.view import (
    Binding,
    FixedIp,
    FloatingIp,
    HostRoute,
    Network,
    Port,
    Router,
    Subnet,
)
from tunbridge.log import get as get_log

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGKqLsB1qkmHyOV2p7xh7xWdT9JHxvhVHcVwUuZ7kXq1 mia@example.com"
OTHER_KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDB mia@example.com"
WEB = Workload("web", "tap-web", 11)


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


# HTTP


def request(text: str, received: bytearray | None = None) -> Request | None:
    data = bytearray(text.replace("\n", "\r\n").encode())
    return http.take_request(data if received is None else received)


def test_requests_are_taken_one_after_the_other_however_they_arrive() -> None:
    text = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbodyGET /next HTTP/1.0\r\n\r\nrest"
    received, found = bytearray(), []
    for byte in text:
        received.append(byte)
        if (one := http.take_request(received)) is not None:
            found.append(one)
    assert [(r.method, r.target, r.path, r.body, r.keeps) for r in found] == [
        ("POST", "/a?b=c", "/a", b"body", True), ("GET", "/next", "/next", b"", False),
    ]  # fmt: skip
    assert received == b"rest"


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        ("GET / HTTP/1.1\n\n", True), ("GET / HTTP/1.1\nConnection: Close\n\n", False),
        ("GET / HTTP/1.0\n\n", False), ("GET / HTTP/1.0\nconnection: keep-alive\n\n", True),
    ],
)  # fmt: skip
def test_whether_a_connection_goes_on(head: str, keeps: bool) -> None:
    found = request(head)
    assert found is not None and found.keeps is keeps


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("get / HTTP/1.1\n\n", 400), ("GET  / HTTP/1.1\n\n", 400), ("GET http://x/ HTTP/1.1\n\n", 400),
        ("GET / HTTP/2.0\n\n", 400), ("GET / HTTP/1.1\nno field\n\n", 400), ("GET / HTTP/1.1\nA : b\n\n", 400),
        ("GET / HTTP/1.1\n folded\n\n", 400), ("POST / HTTP/1.1\nContent-Length: -1\n\n", 400),
        ("POST / HTTP/1.1\nContent-Length: 1\nContent-Length: 2\n\n", 400),
        ("POST / HTTP/1.1\nContent-Length: 65537\n\n", 413), ("POST / HTTP/1.1\nContent-Length: 99999999999\n\n", 413),
        ("POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n", 411), ("GET /" + "a" * 9000, 431),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused(text: str, status: int) -> None:
    with pytest.raises(HttpError) as refused:
        request(text)
    assert refused.value.status == status


# Connections


class Line:
    """Segments of VMs to an endpoint, and what it sends."""

    def __init__(self, answer: Response | None = None) -> None:
        self.sent: list[tuple[int, Segment]] = []
        self.asked: list[tuple[Caller, str]] = []
        self.released = asyncio.Event()
        self.released.set()
        self._answer = answer or Response(200, b"told")
        self.service = HttpService(self._serve)
        self.endpoint = Endpoint(self.service, lambda frame, out: self.sent.append((out, read_tcp(frame))), get_log())

    async def _serve(self, caller: Caller, request: Request) -> Response:
        self.asked.append((caller, request.target))
        await self.released.wait()
        return self._answer

    def give(self, sport: int, flags: int, seq: int, payload: bytes = b"", ack: int = 0, ofport: int = 11) -> Segment:
        """Give a segment; the last one that is sent for it."""
        before = len(self.sent)
        packet = Segment(
            eth_dst=b"\2" * 6, eth_src=b"\4" * 6, src=ip_address("10.0.0.5"), dst=ip_address("169.254.169.254"),
            sport=sport, dport=80, seq=seq, ack=ack, flags=flags, window=60000, payload=payload,
        ).encode()  # fmt: skip
        self.endpoint.take(packet, Workload(f"vm{ofport}", f"tap{ofport}", ofport), 1442)
        assert all(out == ofport for out, _ in self.sent[before:])
        return self.sent[-1][1]

    def open(self, sport: int, ofport: int = 11) -> Segment:
        """Open a connection; the answer to the SYN."""
        answer = self.give(sport, SYN, 100, ofport=ofport)
        if answer.flags == SYN | ACK:
            self.give(sport, ACK, 101, ack=answer.seq + 1, ofport=ofport)
        return answer


GET = b"GET /x HTTP/1.1\r\n\r\n"


def test_a_request_is_answered_to_the_port_that_it_came_from_as_that_port_s() -> None:
    async def scene() -> None:
        line = Line()
        for ofport in (11, 12):  # equal addresses and TCP ports
            first = line.open(4000, ofport)
            line.give(4000, ACK, 101, GET, ack=first.seq + 1, ofport=ofport)
        for _ in range(3):
            await asyncio.sleep(0)
        assert line.asked == [(Caller("vm11", "10.0.0.5"), "/x"), (Caller("vm12", "10.0.0.5"), "/x")]
        told = [(out, s.payload) for out, s in line.sent if s.payload]
        assert [out for out, _ in told] == [11, 12]
        assert all(payload.endswith(b"\r\n\r\ntold") for _, payload in told)
        line.endpoint.close()

    run(scene())


def test_a_second_request_waits_for_the_first_answer() -> None:
    async def scene() -> None:
        line = Line()
        line.released.clear()
        first = line.open(4000)
        line.give(4000, ACK, 101, GET + GET, ack=first.seq + 1)
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(line.asked) == 1
        line.released.set()
        for _ in range(6):
            await asyncio.sleep(0)
        assert len(line.asked) == 2
        assert sum(s.payload.count(b"told") for _, s in line.sent) == 2
        line.endpoint.close()

    run(scene())


def test_connections_are_bounded_for_each_port_and_altogether() -> None:
    async def scene() -> None:
        line = Line()
        opened = [line.open(1000 + n).flags for n in range(PER_PORT + 3)]
        assert opened == [SYN | ACK] * PER_PORT + [RST | ACK] * 3
        for ofport in range(12, 12 + ALTOGETHER // PER_PORT):
            for n in range(PER_PORT):
                line.open(1000 + n, ofport)
        assert len(line.endpoint) == ALTOGETHER
        assert line.open(9000, 9999).flags == RST | ACK
        line.give(1000, RST, 101)
        assert line.open(9000, 9999).flags == SYN | ACK
        line.endpoint.close()

    run(scene())


async def _answered(line: Line, sport: int, ofport: int = 11, *, closes: bool) -> None:
    """A request and its answer, the end of both sides included; `closes`: the service is the first to close."""
    first = line.open(sport, ofport)
    request = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") if closes else GET
    line.give(sport, ACK, 101, request, ack=first.seq + 1, ofport=ofport)
    for _ in range(6):
        await asyncio.sleep(0)
    seq, last = 101 + len(request), line.sent[-1][1]
    if closes:
        assert last.flags & FIN
        line.give(sport, ACK | FIN, seq, ack=last.seq + last.length, ofport=ofport)
        return
    fin = line.give(sport, ACK | FIN, seq, ack=last.seq + last.length, ofport=ofport)
    assert fin.flags & FIN
    line.give(sport, ACK, seq + 1, ack=fin.seq + 1, ofport=ofport)


@pytest.mark.parametrize("closes", [True, False])
def test_a_vm_may_ask_as_often_as_it_likes_one_after_the_other(closes: bool) -> None:
    async def scene() -> None:
        line = Line()
        for n in range(3 * PER_PORT):
            await _answered(line, 1000 + n, closes=closes)
        assert len(line.endpoint) == (PER_PORT if closes else 0)
        line.endpoint.close()

    run(scene())


def test_ports_that_linger_are_taken_for_a_new_connection() -> None:
    async def scene() -> None:
        line = Line()
        await _answered(line, 1000, closes=True)
        await _answered(line, 1000, closes=True)
        assert len(line.endpoint) == 1
        for n in range(ALTOGETHER - 1):
            line.open(2000 + n % PER_PORT, 12 + n // PER_PORT)
        assert len(line.endpoint) == ALTOGETHER
        assert line.open(9000, 9999).flags == SYN | ACK  # the one that lingers gives way
        assert line.open(9001, 9999).flags == RST | ACK
        line.endpoint.close()

    run(scene())


def test_a_connection_that_is_not_known_is_reset_and_a_reset_is_not_answered() -> None:
    async def scene() -> None:
        line = Line()
        assert line.give(4000, ACK, 7, ack=99).flags == RST
        assert line.sent[-1][1].seq == 99
        line.give(4000, RST, 7)
        assert len(line.sent) == 1
        assert line.give(4001, FIN, 7).flags == RST | ACK

    run(scene())


def test_an_answer_that_fails_is_told_and_the_next_request_is_served() -> None:
    async def scene() -> None:
        line = Line()

        async def broken(_caller: Caller, _request: Request) -> Response:
            raise RuntimeError("a mistake")

        line.service._serve = broken
        first = line.open(4000)
        line.give(4000, ACK, 101, GET, ack=first.seq + 1)
        for _ in range(3):
            await asyncio.sleep(0)
        assert line.sent[-1][1].payload.startswith(b"HTTP/1.1 500 ")
        line.endpoint.close()

    run(scene())


# Documents


def rows() -> Rows:
    blue = Network(id="blue", mtu=1442, network_type="vxlan")
    red = Network(id="red", mtu=1500, network_type="vlan")
    auto = "dhcpv6-stateful"
    subnets = (
        Subnet(id="b4", network_id="blue", ip_version=4, cidr="10.0.0.0/24", gateway_ip="10.0.0.1",
               dns_nameservers=("9.9.9.9",)),
        Subnet(id="b6", network_id="blue", ip_version=6, cidr="2001:db8::/64", ipv6_address_mode=auto),
        Subnet(id="r4", network_id="red", ip_version=4, cidr="192.168.0.0/25", gateway_ip="192.168.0.1",
               enable_dhcp=False, host_routes=(HostRoute("172.16.0.0/12", "192.168.0.9"),)),
    )  # fmt: skip
    server = {"device_id": "server", "project_id": "p", "bindings": (Binding("h", "ACTIVE", "ovs"),)}
    ports = (
        Port(id="web", network_id="blue", mac_address="fa:16:3e:00:00:01", name="web",
             fixed_ips=(FixedIp("b4", "10.0.0.5"), FixedIp("b6", "2001:db8::5")), **server),  # type: ignore[arg-type]
        Port(id="second", network_id="red", mac_address="fa:16:3e:00:00:02",
             fixed_ips=(FixedIp("r4", "192.168.0.5"),), **server),  # type: ignore[arg-type]
        Port(id="thief", network_id="blue", mac_address="fa:16:3e:00:00:03", fixed_ips=(FixedIp("b4", "10.0.0.66"),),
             **{**server, "project_id": "another"}),  # type: ignore[arg-type]
        Port(id="i", network_id="blue", mac_address="fa:16:3e:00:00:09", fixed_ips=(FixedIp("b4", "10.0.0.1"),)),
    )  # fmt: skip
    router = Router(id="r", interfaces=("i",), networks=("blue",))
    floating = FloatingIp(id="f", address="203.0.113.7", router_id="r", port_id="web", fixed_ip="10.0.0.5")
    return Rows(
        networks={n.id: n for n in (blue, red)}, subnets={s.id: s for s in subnets}, ports={p.id: p for p in ports},
        routers={"r": router}, floating_ips={"f": floating},
    )  # fmt: skip


def instance(port: str = "web", **boot: Any) -> Instance:
    found = read_instance(rows(), port, BootConfig(**boot), ["web", "second", "thief"], "openstacklocal", None)
    assert found is not None
    return found


def get(of: Instance, path: str) -> bytes:
    found = service.answer(of, Request("GET", path, {}, b"", True))
    assert found.status == 200, path
    return found.body


def test_a_vm_is_the_ports_of_one_project_with_one_device_id() -> None:
    assert [s.port.id for s in instance().subjects] == ["web", "second"]
    assert [s.port.id for s in instance("thief").subjects] == ["thief"]


def test_the_openstack_documents() -> None:
    of = instance(public_keys=(KEY, OTHER_KEY), user_data=b"\0\xffany bytes")
    told = msgspec.json.decode(get(of, "/openstack/2018-08-27/meta_data.json"))
    assert (told["uuid"], told["name"], told["hostname"]) == ("server", "web", "host-10-0-0-5.openstacklocal")
    assert (told["project_id"], told["availability_zone"]) == ("p", "nova")
    assert told["public_keys"] == {"mia@example.com": KEY, "key1": OTHER_KEY}
    assert told["keys"][1] == {"name": "key1", "type": "ssh", "data": OTHER_KEY}
    seed = [msgspec.json.decode(get(of, "/openstack/latest/meta_data.json"))["random_seed"] for _ in range(2)]
    assert seed[0] != seed[1] and len(base64.b64decode(seed[0])) == 512
    assert get(of, "/openstack/latest/user_data") == b"\0\xffany bytes"
    assert get(of, "/openstack/latest/vendor_data.json") == b"{}"
    assert b"user_data" not in get(instance(), "/openstack/latest/")


def test_the_network_of_all_its_ports() -> None:
    told = network_data(instance())
    assert told["links"] == [
        {"id": "tapweb", "vif_id": "web", "type": "ovs", "mtu": 1442, "ethernet_mac_address": "fa:16:3e:00:00:01"},
        {"id": "tapsecond", "vif_id": "second", "type": "ovs", "mtu": 1500,
         "ethernet_mac_address": "fa:16:3e:00:00:02"},
    ]  # fmt: skip
    assert [(n["id"], n["link"], n["type"]) for n in told["networks"]] == [
        ("network0", "tapweb", "ipv4_dhcp"), ("network1", "tapweb", "ipv6_dhcpv6-stateful"),
        ("network2", "tapsecond", "ipv4"),
    ]  # fmt: skip
    fixed = told["networks"][2]
    assert (fixed["ip_address"], fixed["netmask"]) == ("192.168.0.5", "255.255.255.128")
    assert fixed["routes"] == [
        {"network": "172.16.0.0", "netmask": "255.240.0.0", "gateway": "192.168.0.9"},
        {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "192.168.0.1"},
    ]
    assert {"type": "dns", "address": "9.9.9.9"} in told["services"]


def test_the_ec2_documents() -> None:
    of = instance(hostname="web.example.com", public_keys=(KEY,), user_data=b"data")
    assert get(of, "/") == b"\n".join(v.encode() for v in service.EC2_VERSIONS)
    assert get(of, "/latest/") == b"meta-data/\nuser-data"
    listing = get(of, "/2009-04-04/meta-data/").decode().split("\n")
    assert {"instance-id", "local-ipv4", "public-keys/", "network/", "placement/"} <= set(listing)
    for path, value in {
        "instance-id": "server", "hostname": "web.example.com", "local-hostname": "web", "local-ipv4": "10.0.0.5",
        "public-ipv4": "203.0.113.7", "public-keys": "0=mia@example.com", "public-keys/0": "openssh-key",
        "public-keys/0/openssh-key": KEY, "placement/availability-zone": "nova", "mac": "fa:16:3e:00:00:01",
        "network/interfaces/macs/fa:16:3e:00:00:01/subnet-ipv4-cidr-block": "10.0.0.0/24",
        "network/interfaces/macs/fa:16:3e:00:00:01/ipv6s": "2001:db8::5",
    }.items():  # fmt: skip
        assert get(of, f"/latest/meta-data/{path}").decode() == value, path
    assert get(of, "/latest/user-data") == b"data"


@pytest.mark.parametrize(
    "path",
    ["/x", "/openstack/1999-01-01/meta_data.json", "/openstack/latest/x", "/openstack/latest/meta_data.json/x",
     "/latest/user-data", "/latest/x", "/latest/meta-data/x", "/latest/meta-data/hostname/x",
     "/latest/meta-data/public-keys/", "/../etc/passwd"],
)  # fmt: skip
def test_what_there_is_not(path: str) -> None:
    assert service.answer(instance(), Request("GET", path, {}, b"", True)).status == 404


# Boot configurations


def test_the_last_answer_counts_while_the_database_is_away() -> None:
    async def scene() -> None:
        row = {"hostname": "a", "public_keys": msgspec.json.encode([KEY]).decode(), "user_data": "aGk="}
        found: list[Any] = [[{"rows": [row]}], DatabaseUnavailable("away"), [{"rows": []}], DatabaseUnavailable("away")]

        async def transact(operations: Any) -> Any:
            assert operations[0]["where"] == [["port_id", "==", ["uuid", "p"]]]
            if isinstance(found[0], Exception):
                raise found.pop(0)
            return found.pop(0)

        configs = BootConfigs(transact)
        for _ in range(2):
            assert await configs.read("p") == BootConfig(hostname="a", public_keys=(KEY,), user_data=b"hi")
        for _ in range(2):
            assert await configs.read("p") == BootConfig()

    run(scene())


def test_what_is_kept_for_then_is_bounded_and_what_was_never_read_is_not_known() -> None:
    async def scene() -> None:
        away = False

        async def transact(_operations: Any) -> Any:
            if away:
                raise DatabaseUnavailable("away")
            return [{"rows": []}]

        configs = BootConfigs(transact)
        for number in range(KEPT + 1):
            await configs.read(str(number))
        away = True
        assert await configs.read("1") == BootConfig()
        with pytest.raises(DatabaseUnavailable):
            await configs.read("0")

    run(scene())


# Settings


def load(folder: Path, text: str) -> MetadataConfig:
    path = folder / "agent.toml"
    path.write_text(f'local_ip = "10.0.0.1"\n{text}')
    return config.load(path).metadata


def test_it_is_on_without_any_setting(tmp_path: Path) -> None:
    assert load(tmp_path, "") == MetadataConfig()
    assert MetadataConfig().enabled and MetadataConfig().nova_url is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('nova_url = "controller:8775"\nshared_secret_file = "/x"', "is not http://HOST:PORT"),
        ('nova_url = "http://user:secret@controller"\nshared_secret_file = "/x"', "is not http://HOST:PORT"),
        ('nova_url = "http://controller:8775"', "metadata.shared_secret_file: with nova_url it names the file"),
        ('secret = "x"', "secret"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load(tmp_path, f"[metadata]\n{text}")


def test_the_secret_is_read_from_its_file_and_never_told(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with pytest.raises(ConfigurationError, match="No such file"):
        nova.read_secret(str(path))
    path.write_text("\n")
    with pytest.raises(ConfigurationError, match="is empty"):
        nova.read_secret(str(path))
    path.write_text("the secret\n")
    assert nova.read_secret(str(path)) == b"the secret"


def test_the_signature_is_nova_s() -> None:
    """Value of `hmac.new(b"secret", b"6f2a3c1e-…", hashlib.sha256)`, made with `openssl dgst -sha256 -hmac secret`."""
    id = "6f2a3c1e-0000-4000-8000-000000000001"
    assert nova.signature(b"secret", id) == "3d8b63ebf348017e9dc4fa579c2e04e8677fd13677d0bee0e6a6f871b712f3ea"
