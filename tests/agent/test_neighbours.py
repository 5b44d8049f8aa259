"""Packets that wait for a neighbour: kept within bounds, sent on when it answers, and told of when it does not."""

import asyncio
from collections.abc import Callable, Coroutine
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import msgspec
import pytest

from tunbridge.agent import neighbours
from tunbridge.agent.neighbours import Neighbours
from tunbridge.agent.wires import Wires
from tunbridge.dataplane import pipeline
from tunbridge.dataplane.desired import Desired, Local
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.responders import MalformedError, arp, nd
from tunbridge.dataplane.view import FixedIp, HostRoute, Network, Port, Router, Subnet
from tunbridge.openvswitch.openflow import PacketIn

VLAN, PATCH = 7, 2
MAC = bytes.fromhex("020000000077")
Sent = list[tuple[Any, ...]]


class Scene:
    """A host with the flat network ext, and what it sends: questions on the wire, packets that go on, refusals."""

    def __init__(self) -> None:
        rows = Rows({}, {}, {}, {}, {}, {}, {}, {})
        rows.networks["ext"] = Network(id="ext", mtu=1500, network_type="flat", physical_network="physnet1")
        rows.subnets["ext4"] = Subnet(id="ext4", network_id="ext", ip_version=4, cidr="203.0.113.0/24")
        fixed = (FixedIp("ext4", "203.0.113.10"),)
        rows.ports["i"] = Port(id="i", network_id="ext", mac_address="fa:16:3e:00:00:01", fixed_ips=fixed)
        routes = (HostRoute("0.0.0.0/0", "203.0.113.1"),)
        rows.routers["r"] = Router(id="r", interfaces=("i",), networks=("ext",), routes=routes, gateway_host="h")
        self.rows = rows
        self.desired = Desired(rows)
        ofports = {"br-int": {"int-br-ex": PATCH, "patch-tun": 1}, "br-ex": {"phy-br-ex": 1}}
        self.desired.set_local(
            Local(
                host="h", tunnel_ip="192.0.2.1", ofports=ofports, providers={"physnet1": "br-ex"}, vlans={"ext": VLAN}
            )
        )  # fmt: skip
        self.desired.run()
        self.asked: Sent = []
        self.sent: Sent = []
        self.refused: list[PacketIn] = []
        wires = Wires(self.desired, rows, lambda *frame: self.asked.append(frame))
        self.neighbours = Neighbours(
            self.desired, wires, lambda *packet: self.sent.append(packet), self.refused.append, changed=self._changed
        )  # fmt: skip
        self.changes = 0

    def _changed(self) -> None:
        self.changes += 1

    def packet(self, target: str, number: int = 0, **registers: int) -> PacketIn:
        version6 = ":" in target
        head = b"\2" * 12 + (b"\x86\xdd" + b"\x60" + bytes(7) if version6 else b"\x08\x00" + b"\x45" + bytes(11))
        address = IPv6Address(target).packed if version6 else IPv4Address(target).packed
        data = head + bytes(16 if version6 else 4) + address + bytes([number])
        return _event(data, {"reg3": 0xB01, "reg6": self.desired.vlans["ext"], **registers})

    def reply(self, address: str) -> PacketIn:
        own = bytes.fromhex("020000000001")
        if ":" in address:
            data = nd.advertisement(
                nd.solicited(nd.solicitation(IPv6Address(address), own, IPv6Address("fe80::1")))[0],
                IPv6Address(address),
                MAC,
            )
        else:
            data = arp.announcement(IPv4Address(address), MAC)
            data = data[:21] + b"\2" + data[22:]  # a reply
        return _event(data, {"reg6": self.desired.vlans["ext"]})


def _event(data: bytes, fields: dict[str, int]) -> PacketIn:
    return PacketIn(
        bridge="br-int", in_port=11, table=96, cookie=0, reason="action", userdata=b"\x0b", data=data,
        total_len=len(data), fields=fields,
    )  # fmt: skip


Play = Callable[[Scene], Coroutine[Any, Any, None]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Play], None]:
    monkeypatch.setattr(neighbours, "ASK_S", 0.02)
    return lambda scene: asyncio.run(scene(Scene()))


@pytest.mark.parametrize("target", ["203.0.113.77", "2001:db8::77"])
def test_what_waits_goes_on_with_its_registers_when_the_neighbour_answers(
    play: Callable[[Play], None], target: str
) -> None:
    async def scene(host: Scene) -> None:
        first, second = host.packet(target, 1), host.packet(target, 2, reg1=5)
        assert host.neighbours.resolve(first)
        assert host.neighbours.resolve(second)
        await asyncio.sleep(0)
        assert len(host.asked) == 1
        bridge, frame, port = host.asked[0]
        assert (bridge, port, frame[12:16]) == ("br-int", PATCH, b"\x81\x00" + VLAN.to_bytes(2))
        assert host.neighbours.resolved(host.reply(target))
        assert [(data, in_port) for _, data, _, in_port in host.sent] == [(first.data, 11), (second.data, 11)]
        assert host.sent[1][2] == f"set_field:0x5->reg1,set_field:0x1->reg3,set_field:{VLAN:#x}->reg6,resubmit(,75)"
        await asyncio.sleep(0.1)
        assert host.refused == []

    play(scene)


def test_the_next_hop_is_asked_for_and_not_the_destination(play: Callable[[Play], None]) -> None:
    async def scene(host: Scene) -> None:
        assert host.neighbours.resolve(host.packet("198.51.100.7", reg2=_number(host, "203.0.113.1")))
        await asyncio.sleep(0)
        assert IPv4Address(host.asked[0][1][-4:]) == IPv4Address("203.0.113.1")
        assert host.neighbours.resolved(host.reply("203.0.113.1"))
        assert len(host.sent) == 1

    play(scene)


def test_a_gateways_next_hop_is_asked_before_a_packet_needs_it_and_kept(
    play: Callable[[Play], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "REFRESH_S", 0.05)

    async def scene(host: Scene) -> None:
        host.rows.subnets["ext4"] = msgspec.structs.replace(host.rows.subnets["ext4"], gateway_ip="203.0.113.1")
        host.rows.ports["g"] = Port(
            id="g", network_id="ext", mac_address="fa:16:3e:00:00:02", device_owner="network:router_gateway",
            fixed_ips=(FixedIp("ext4", "203.0.113.11"),), device_id="r2",
        )  # fmt: skip
        host.rows.routers["r2"] = Router(
            id="r2", networks=("ext",), gateway_port="g", gateway_host="elsewhere", gateway_standbys=("h",)
        )
        host.desired.touch({("router", "r2"), ("network-routers", "ext"), ("port", "g"), ("network-subnets", "ext")})
        host.desired.run()
        running = asyncio.create_task(host.neighbours.run())
        await asyncio.sleep(0.03)
        assert {str(IPv4Address(frame[-4:])) for _, frame, _ in host.asked} == {"203.0.113.1"}
        assert len(host.asked) == 1
        assert host.neighbours.resolved(host.reply("203.0.113.1"))
        await asyncio.sleep(0.1)
        assert 2 <= len(host.asked) <= 4, "each REFRESH_S"
        assert not host.neighbours.silent
        running.cancel()

    play(scene)


def test_of_several_next_hops_outside_one_that_answers_no_more_is_silent_soon(play: Callable[[Play], None]) -> None:
    """Nothing has to be sent to it for that."""

    async def scene(host: Scene) -> None:
        hops = {"203.0.113.1", "203.0.113.2"}
        host.rows.ports["g"] = Port(
            id="g", network_id="ext", mac_address="fa:16:3e:00:00:02", device_owner="network:router_gateway",
            fixed_ips=(FixedIp("ext4", "203.0.113.11"),), device_id="r2",
        )  # fmt: skip
        routes = tuple(HostRoute("198.51.100.0/24", hop) for hop in hops)
        host.rows.routers["r2"] = Router(id="r2", networks=("ext",), routes=routes, gateway_port="g", gateway_host="h")
        host.desired.touch({("router", "r2"), ("network-routers", "ext"), ("port", "g")})
        host.desired.run()
        assert {hop for _, hop in host.desired.alternatives} == hops
        watching = asyncio.create_task(host.neighbours.run())
        for _ in range(8):
            await asyncio.sleep(0.02)
            host.neighbours.resolved(host.reply("203.0.113.1"))
        asked = {str(IPv4Address(frame[-4:])) for _, frame, _ in host.asked}
        assert asked == hops
        assert host.neighbours.silent == {("ext", "203.0.113.2")} and host.changes == 1
        assert host.neighbours.resolved(host.reply("203.0.113.2"))
        assert host.neighbours.silent == frozenset() and host.changes == 2
        watching.cancel()
        host.rows.routers["r2"] = Router(id="r2", networks=("ext",), gateway_port="g", gateway_host="h")
        host.desired.touch({("router", "r2")})
        host.desired.run()
        assert not host.desired.alternatives

    play(scene)


def test_a_next_hop_that_does_not_answer_is_silent_until_it_does(play: Callable[[Play], None]) -> None:
    """A neighbour that is no next hop is not: nobody has another way to it."""

    async def scene(host: Scene) -> None:
        host.neighbours.resolve(host.packet("198.51.100.7", reg2=_number(host, "203.0.113.1")))
        host.neighbours.resolve(host.packet("203.0.113.77"))
        await asyncio.sleep(0.2)
        assert host.neighbours.silent == {("ext", "203.0.113.1")}
        assert host.changes == 1
        host.neighbours.resolved(host.reply("203.0.113.1"))
        assert host.neighbours.silent == frozenset()
        assert host.changes == 2

    play(scene)


def _number(host: Scene, address: str) -> int:
    """The number of a next hop, as a flow in table 74 loads it."""
    flows = host.desired.flows("br-int").values()
    found = next(f for f in flows if f.table == pipeline.ROUTES.number and "->reg2" in f.actions)
    number = int(found.actions.split("set_field:")[1].split("->")[0], 16)
    assert host.desired.next_hop(number) == (address, "ext")
    return number


def test_after_three_questions_the_sender_is_told(play: Callable[[Play], None]) -> None:
    async def scene(host: Scene) -> None:
        packet = host.packet("203.0.113.77")
        assert host.neighbours.resolve(packet)
        await asyncio.sleep(0.2)
        assert len(host.asked) == neighbours.ATTEMPTS
        assert host.refused == [packet]
        assert not host.neighbours.resolved(host.reply("203.0.113.77"))
        assert host.sent == []

    play(scene)


def test_what_is_kept_is_bounded(play: Callable[[Play], None]) -> None:
    async def scene(host: Scene) -> None:
        kept = [host.neighbours.resolve(host.packet("203.0.113.77")) for _ in range(neighbours.PER_NEIGHBOUR + 1)]
        assert kept == [True] * neighbours.PER_NEIGHBOUR + [False]
        others = [host.neighbours.resolve(host.packet(f"10.9.{n >> 8}.{n & 255}")) for n in range(300)]
        assert sum(others) == neighbours.NEIGHBOURS - 1

    play(scene)


def test_one_that_looks_for_very_many_leaves_the_others_theirs(play: Callable[[Play], None]) -> None:
    async def scene(host: Scene) -> None:
        for n in range(300):
            host.neighbours.resolve(host.packet(f"10.9.{n >> 8}.{n & 255}"))
        of_another = msgspec.structs.replace(host.packet("203.0.113.77"), in_port=12)
        assert host.neighbours.resolve(of_another)
        assert not host.neighbours.resolve(host.packet("10.10.0.1"))
        await asyncio.sleep(0.2)  # nobody has answered: all may ask again
        assert host.neighbours.resolve(host.packet("10.10.0.1"))

    play(scene)


def test_what_cannot_be_an_answer_is_malformed(play: Callable[[Play], None]) -> None:
    async def scene(host: Scene) -> None:
        for data in (b"", b"\2" * 60, host.reply("203.0.113.77").data[:41], host.reply("2001:db8::77").data[:70]):
            with pytest.raises(MalformedError):
                host.neighbours.resolved(_event(data, {"reg6": VLAN}))

    play(scene)
