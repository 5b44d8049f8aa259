"""One bridge over its management socket, on a real Open vSwitch."""

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.openvswitch.dummy import Dummy
from tunbridge.dataplane.flows import Flow, parse_dump
from tunbridge.openvswitch.ofctl import UnreachableError
from tunbridge.openvswitch.openflow import (
    Add,
    Delete,
    Disconnected,
    Event,
    FlowChanged,
    FlowEdit,
    Meter,
    PacketIn,
    Refused,
    Suspect,
    Switch,
    Tables,
    wire,
)  # fmt: skip

BAD = "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]"
"""Needs a match on ARP: without one Open vSwitch refuses it."""


class Ours:
    """A connected switch, and what it told."""

    def __init__(self, ovs: Dummy, bridge: str) -> None:
        self.events: list[Event] = []
        self.complaints: list[str] = []
        self.switch = Switch(ovs.rundir, bridge, self.events.append, self.complaints.append)

    async def flows(self) -> list[Flow]:
        return parse_dump((await self.switch.dump()).flows)

    async def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, f"waited in vain; events: {self.events[:5]}"
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def connected(ovs: Dummy, bridge: str) -> AsyncIterator[Ours]:
    ours = Ours(ovs, bridge)
    await ours.switch.connect()
    yield ours
    ours.switch.close()
    assert ours.complaints == []


def flow(number: int, actions: str = "output:1", matching: str = "") -> Flow:
    return Flow(table=5, priority=number, match=matching, actions=actions)


def delete(flow: Flow, cookie: int | None = None) -> Delete:
    return Delete(flow.table, flow.priority, flow.match, cookie)


def test_changes_are_made_and_read_back(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            assert await ours.switch.apply([Add(flow(1)), Add(flow(2))]) == []
            assert await ours.switch.apply([delete(flow(1)), Add(flow(2, "output:2")), Add(flow(3))]) == []
            assert set(await ours.flows()) == {flow(3), flow(2, "output:2")}

    asyncio.run(run())


def test_a_deletion_with_a_cookie_spares_what_another_has_put_there(ovs: Dummy, bridge: str) -> None:
    ovs.ofctl("add-flow", bridge, "cookie=0x7,table=5,priority=1,actions=drop")

    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            await ours.switch.apply([delete(flow(1), cookie=0x9)])
            assert len(await ours.flows()) == 1
            await ours.switch.apply([delete(flow(1), cookie=0x7)])
            assert await ours.flows() == []

    asyncio.run(run())


def test_one_refused_flow_of_a_hundred_is_named_and_the_others_are_applied(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            changes = [Add(flow(n, BAD if n == 50 else "output:1")) for n in range(1, 101)]
            assert await ours.switch.apply(changes) == [Refused(changes[49], "OFPBAC_MATCH_INCONSISTENT")]
            assert {f.priority for f in await ours.flows()} == set(range(1, 101)) - {50}
            assert ours.events == []

    asyncio.run(run())


def test_a_refused_flow_keeps_out_the_other_changes_of_its_owner(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            await ours.switch.apply([Add(flow(9))])
            good = [Add(flow(1), owner="good"), Add(flow(2), owner="good")]
            wrong = Add(flow(4, BAD), owner="bad")
            left = (Delete(5, 9, "", owner="bad"), Add(flow(3), owner="bad"))
            refused = await ours.switch.apply([wrong, *left, *good])
            assert refused == [Refused(wrong, "OFPBAC_MATCH_INCONSISTENT", left)]
            assert {f.priority for f in await ours.flows()} == {1, 2, 9}

    asyncio.run(run())


def test_flows_that_fail_only_at_the_commit_are_found_as_well(ovs: Dummy, bridge: str) -> None:
    """Whether two flows overlap, and whether a table is full, is known only when the bundle is carried out."""
    limit = ["--id=@t", "create", "flow_table", "flow_limit=2", "overflow_policy=refuse"]
    ovs.vsctl(*limit, "--", "set", "bridge", bridge, "flow_tables:7=@t")

    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            changes = [Add(Flow(table=7, priority=n, actions="drop")) for n in range(1, 21)]
            refused = await ours.switch.apply([*changes, Add(flow(1))])
            assert {r.error for r in refused} == {"OFPFMFC_TABLE_FULL"}
            assert [r.change for r in refused] == changes[2:]
            assert len(await ours.flows()) == 3

    asyncio.run(run())


def test_text_that_nobody_understands_is_refused_with_what_ovs_ofctl_says(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            changes: list[FlowEdit] = [Add(flow(1, "fly:away")), Add(flow(2)), Delete(5, 1, "no_such=1")]
            refused = await ours.switch.apply(changes)
            assert [r.change for r in refused] == [changes[2], changes[0]]
            assert "unknown action fly" in refused[1].error
            assert await ours.flows() == [flow(2)]

    asyncio.run(run())


def test_a_rare_action_goes_in_the_same_step_as_all_others(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            rare = Flow(table=5, priority=1, match="ip", actions="dec_ttl(1,2)", extra="idle_timeout=900")
            assert await ours.switch.apply([Add(rare), Add(flow(2))]) == []
            assert rare in await ours.flows()
            meta = Flow(table=5, priority=3, match="ip,tun_gbp_id=5", actions="drop")
            assert await ours.switch.apply([Add(meta), delete(rare)]) == []
            assert set(await ours.flows()) == {flow(2), meta}
            assert ours.events == []

    asyncio.run(run())


def test_changes_by_others_are_told_exactly(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            assert ours.switch.monitor == "flows"
            text = "ct_state=+est+trk,tcp,reg6=0x3,dl_vlan=5,dl_src=fa:16:3e:00:00:01,nw_src=10.0.0.0/8,tp_dst=80"
            ovs.ofctl("add-flow", bridge, f"cookie=0x11,table=5,priority=7,{text} actions=drop")
            ovs.ofctl("mod-flows", bridge, f"table=5,{text} actions=output:1")
            ovs.ofctl("del-flows", bridge, f"table=5,{text}")
            await ours.until(lambda: len(ours.events) >= 3)
            assert ours.events == [
                FlowChanged(bridge, kind, 5, 7, text, 0x11) for kind in ("added", "modified", "removed")
            ]

    asyncio.run(run())


def test_expired_flows_are_told(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            short = Flow(table=5, priority=1, actions="drop", extra="hard_timeout=1")
            await ours.switch.apply([Add(short)])
            await ours.until(lambda: bool(ours.events))
            assert ours.events == [FlowChanged(bridge, "removed", 5, 1, "", short.cookie)]

    asyncio.run(run())


def test_our_own_changes_are_not_told_even_thousands_at_once(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            many = [flow(1, "output:2", f"ip,nw_src=10.{n >> 8}.{n & 255}.1") for n in range(20_000)]
            await ours.switch.apply([Add(f) for f in many])
            await ours.switch.apply([*(delete(f) for f in many[:10_000]), Add(flow(2))], {4: Meter(9)}, {4: GROUP})
            await ours.switch.apply([], {4: None}, {4: None})
            ovs.ofctl("add-flow", bridge, "table=6,priority=3,actions=drop")
            await ours.until(lambda: bool(ours.events))
            assert ours.events == [FlowChanged(bridge, "added", 6, 3, "", 0)]
            assert len(await ours.flows()) == 10_002

    asyncio.run(run())


GROUP = "type=select,bucket=weight:100,actions=output:1,bucket=weight:50,watch_port:2,actions=output:2"


def test_more_changes_than_the_monitor_holds_make_the_bridge_suspect(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            lines = [f"table=5,priority=1,ip,nw_src=10.{n >> 8}.{n & 255}.1,actions=drop" for n in range(20_000)]
            ovs.ofctl("add-flows", bridge, "-", text="\n".join(lines))  # and the loop stands still so long
            await ours.until(lambda: any(isinstance(e, Suspect) for e in ours.events))
            assert ours.events[-1] == Suspect(bridge, "more changes at once than the flow monitor holds")
            assert len(await ours.flows()) == 20_000

    asyncio.run(run())


def test_meters_and_groups_are_added_changed_and_deleted(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            uses = Flow(table=5, priority=1, actions="meter:1,group:1")
            first, failover = "type=all,bucket=actions=output:1", "type=ff,bucket=watch_port:1,actions=drop"
            slow = Meter(1000, unit="kbps")
            apply = ours.switch.apply
            assert await apply([Add(uses)], {1: Meter(10, 5), 2: slow}, {1: first}) == []
            assert (await ours.switch.dump()).meters == {1: Meter(10, 5), 2: slow}
            assert await apply([], {1: Meter(20)}, {1: GROUP, 3: failover}) == []
            tables = await ours.switch.dump()
            assert tables.meters == {1: Meter(20), 2: slow}
            assert tables.groups == {1: GROUP, 3: failover}
            assert await apply([delete(uses)], {1: None, 2: None, 77: None}, {1: None, 3: None}) == []
            assert await ours.switch.dump() == Tables("", {}, {})

    asyncio.run(run())


def test_more_meters_than_one_message_holds_and_one_of_another_kind(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            mine = {number: Meter(number, 5) for number in range(1, 2501)}
            assert await ours.switch.apply([], mine) == []
            ovs.ofctl("add-meter", bridge, "meter=9999,kbps,stats,bands=type=drop,rate=1,type=drop,rate=2")
            meters = dict((await ours.switch.dump()).meters)
            assert isinstance(meters.pop(9999), str)
            assert meters == mine
            await ours.switch.apply([], dict.fromkeys([*mine, 9999]))

    asyncio.run(run())


def test_a_refused_meter_and_group_are_named(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            refused = await ours.switch.apply(
                [Add(flow(1))], {0xFFFFFF00: Meter(10)}, {1: "type=odd,bucket=actions=drop", 2: GROUP}
            )
            errors = {r.change: r.error for r in refused}
            assert errors.keys() == {("meter", 0xFFFFFF00), ("group", 1)}
            assert errors["meter", 0xFFFFFF00] == "OFPMMFC_INVALID_METER"
            assert (await ours.switch.dump()).groups == {2: GROUP}
            assert await ours.flows() == [flow(1)]

    asyncio.run(run())


def ethernet(last: int) -> bytes:
    return bytes.fromhex(f"ffffffffffff fa163e0000{last:02x} 88b5") + bytes(range(46))


def test_packets_come_with_cookie_userdata_and_registers(ovs: Dummy, bridge: str) -> None:
    actions = "set_field:0x5->reg5,set_field:0x7->reg7,controller(id=29794,userdata=01.02.ff)"
    sending = Flow(table=0, priority=1, match="in_port=1", actions=actions, cookie=0x7462_0000_0000_0009)

    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            await ours.switch.apply([Add(sending)])
            ovs.receive(f"{bridge}p1", ethernet(1))
            await ours.until(lambda: bool(ours.events))
            assert ours.events == [
                PacketIn(
                    bridge=bridge, in_port=1, table=0, cookie=sending.cookie, reason="action", userdata=b"\1\2\xff",
                    data=ethernet(1), total_len=60, fields={"reg5": 5, "reg7": 7},
                )
            ]  # fmt: skip

    asyncio.run(run())


def test_packets_for_other_controllers_do_not_come(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            await ours.switch.apply([
                Add(Flow(priority=1, match="in_port=1", actions="controller(id=7),CONTROLLER:65535")),
                Add(Flow(priority=1, match="in_port=2", actions="controller(id=29794)")),
            ])  # fmt: skip
            ovs.receive(f"{bridge}p1", ethernet(1))
            ovs.receive(f"{bridge}p2", ethernet(2))
            await ours.until(lambda: bool(ours.events))
            assert [(e.in_port, e.data) for e in ours.events if isinstance(e, PacketIn)] == [(2, ethernet(2))]

    asyncio.run(run())


def test_packets_go_out_at_ports_and_through_tables(ovs: Dummy, bridge: str) -> None:
    """Each comes back, by a flow that sends to the controller what comes from it."""

    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            back = "controller(id=29794)"
            await ours.switch.apply([Add(Flow(priority=1, match="in_port=CONTROLLER", actions=back))])
            await ours.switch.apply([Add(Flow(table=8, priority=1, match="in_port=3", actions=back))])
            ours.switch.packet_out(ethernet(1), wire.PORTS["TABLE"])
            ours.switch.packet_out(ethernet(2), "set_field:0x9->reg1,resubmit(,8)", in_port=3)
            ours.switch.packet_out(ethernet(3), 2)
            await ours.until(lambda: len(ours.events) >= 2)
            assert [(e.data, e.table, e.fields) for e in ours.events if isinstance(e, PacketIn)] == [
                (ethernet(1), 0, {}),
                (ethernet(2), 8, {"reg1": 9}),
            ]
            assert "tx pkts=1" in " ".join(ovs.ofctl("dump-ports", bridge, "2").split())

    asyncio.run(run())


def test_a_crash_of_vswitchd_is_told_and_the_next_connection_works(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        ours = Ours(ovs, bridge)
        await ours.switch.connect()
        await ours.switch.apply([Add(flow(1))])
        ovs.crash_vswitchd()
        await ours.until(lambda: bool(ours.events))
        assert isinstance(ours.events[0], Disconnected)
        assert not ours.switch.connected
        with pytest.raises(UnreachableError):
            await ours.switch.connect()
        with pytest.raises(UnreachableError):
            await ours.switch.apply([Add(flow(1))])
        ours.switch.packet_out(b"lost", 1)
        ovs.start_vswitchd()
        while not Path(ovs.rundir, f"{bridge}.mgmt").exists():
            await asyncio.sleep(0.01)
        await ours.switch.connect()
        assert await ours.switch.apply([Add(flow(2))]) == []
        assert await ours.flows() == [flow(2)]
        assert len(ours.events) == 1
        ours.switch.close()
        assert len(ours.events) == 1
        assert ours.complaints == []

    asyncio.run(run())


def test_a_crash_in_the_middle_of_a_large_bundle_is_told_to_who_waits(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        ours = Ours(ovs, bridge)
        await ours.switch.connect()
        many = [Add(flow(1, "output:2", f"ip,nw_src=10.{n >> 8}.{n & 255}.1")) for n in range(60_000)]
        applying = asyncio.ensure_future(ours.switch.apply(many))
        await asyncio.sleep(0.1)
        assert not applying.done()
        ovs.crash_vswitchd()
        with pytest.raises(UnreachableError):
            await applying
        assert len([e for e in ours.events if isinstance(e, Disconnected)]) == 1

    try:
        asyncio.run(run())
    finally:
        ovs.start_vswitchd()


def test_a_bridge_that_does_not_allow_openflow_1_4_is_told_as_such(ovs: Dummy, bridge: str) -> None:
    ovs.vsctl("set", "bridge", bridge, "protocols=OpenFlow10,OpenFlow13")

    async def run() -> None:
        with pytest.raises(UnreachableError, match="protocols"):
            await Ours(ovs, bridge).switch.connect()

    asyncio.run(run())


def test_nothing_blocks_the_event_loop_while_much_is_applied(ovs: Dummy, bridge: str) -> None:
    async def run() -> None:
        async with connected(ovs, bridge) as ours:
            many = [Add(flow(1, "output:2", f"ip,nw_src=10.{n >> 8}.{n & 255}.1")) for n in range(20_000)]
            turns = 0

            async def count() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            counting = asyncio.ensure_future(count())
            await ours.switch.apply(many)
            counting.cancel()
            assert turns > 2 * 20_000 / 128

    asyncio.run(run())


class Old:
    """The answers of an Open vSwitch before 3.0, which has no flow monitor of OpenFlow 1.4, on a socket."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                _, kind, length, xid = wire.HEADER.unpack(await reader.readexactly(8))
                body = await reader.readexactly(length - 8)
                if kind == wire.HELLO:
                    writer.write(wire.message(wire.HELLO, wire.HELLO_BODY))
                elif kind == wire.BARRIER_REQUEST:
                    writer.write(wire.message(wire.BARRIER_REPLY, b"", xid))
                elif kind == wire.MULTIPART_REQUEST:
                    bad_stat = struct.pack("!HH", 1, 2) + wire.message(kind, body, xid)[:64]
                    writer.write(wire.message(wire.ERROR, bad_stat, xid))
                    writer.write(wire.message(99, b"what is this?") + wire.message(wire.ECHO_REQUEST, b"hi", 7))
                elif kind == wire.ECHO_REPLY:
                    assert (body, xid) == (b"hi", 7)
                    self.echoed = True
        writer.close()


def test_without_a_flow_monitor_it_says_so_and_odd_messages_do_no_harm(tmp_path: Path) -> None:
    async def run() -> None:
        old = Old()
        async with await asyncio.start_unix_server(old.serve, str(tmp_path / "b.mgmt")):
            events: list[Event] = []
            switch = Switch(str(tmp_path), "b", events.append, pytest.fail)
            await switch.connect()
            assert switch.monitor == "none"
            await switch.barrier()
            assert switch.connected
            assert old.echoed
            switch.close()
            assert events == []

    asyncio.run(run())
