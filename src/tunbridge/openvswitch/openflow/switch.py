"""One bridge, over its management socket: what changes its tables, what it tells, and packets in both directions.

    disconnected --connect()--> connected --vswitchd goes, no answer in 30 s--> disconnected (event Disconnected)

Changes go as one atomic bundle: all or none. Where the bridge refuses one, its owner's changes are left out and the
others are sent again. Our own changes come back in the flow monitor as their transaction ids only (OpenFlow 1.4.1,
section 7.3.5.17), and are not reported; except that OVS deletes the flows of a deleted group in our name as well.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from tunbridge.openvswitch import ofctl
from tunbridge.openvswitch.ofctl import OfctlError, UnreachableError
from tunbridge.openvswitch.openflow import messages, translate
from tunbridge.openvswitch.openflow.channel import Channel, RequestError
from tunbridge.openvswitch.openflow.events import (
    Add,
    Delete,
    Disconnected,
    Event,
    FlowEdit,
    Meter,
    Refused,
    Suspect,
    Tables,
)  # fmt: skip
from tunbridge.openvswitch.openflow.fields import UnknownError
from tunbridge.openvswitch.openflow.match import encode
from tunbridge.openvswitch.openflow.wire import (
    EXPERIMENTER,
    FLOW_MOD,
    GROUP_MOD,
    METER_MOD,
    MULTIPART_FLOW_MONITOR,
    MULTIPART_GROUP_DESC,
    MULTIPART_METER_CONFIG,
    MULTIPART_REPLY,
    NXT_SET_CONTROLLER_ID,
    NXT_SET_PACKET_IN_FORMAT,
    PORTS,
    message,
    nicira,
)  # fmt: skip

CONTROLLER_ID = 0x7462
"""What flows name in `controller(id=29794)`, so that their packets come to this connection and to no other."""
NX_MATCH = 3
"""Fragments are matched as what they are, with `ip_frag` (ovs-ofctl(8), set-frags)."""
_PACKET_IN2 = 2
_SLICE = 128
"""Messages that are encoded before the event loop gets its turn."""
_TRIES = 8
"""Bundles tried with one owner less each; then every owner gets a bundle of its own."""


class _Item(Struct):
    """One message of a bundle."""

    what: FlowEdit | tuple[str, int]
    kind: int
    body: bytes
    group: str | None = None
    owner: Hashable = None


class Switch:
    """A bridge. `events` is called in the event loop with what it tells; `log` with what was not expected."""

    def __init__(
        self,
        rundir: str,
        bridge: str,
        events: Callable[[Event], None],
        log: Callable[[str], None],
        controller_id: int = CONTROLLER_ID,
        fragments: int | None = 0,
    ) -> None:
        """`fragments`: how flows see fragments, 3 as what they are (nx-match); None: no packets come from this bridge,
        and its setting, which is the operator's, stays.
        """
        self.bridge = bridge
        self.monitor: Literal["flows", "none"] = "none"
        """Whether changes by others are reported: not by Open vSwitch before 3.0, where one has to look."""
        self._rundir = rundir
        self._events = events
        self._log = log
        self._controller_id = controller_id
        self._fragments = fragments
        self._channel: Channel | None = None
        self._paused = False
        self._busy = asyncio.Lock()
        self._bundles = 0

    @property
    def connected(self) -> bool:
        return self._channel is not None and not self._channel.closed

    async def connect(self) -> None:
        """Connect, and ask for packets and for changes of flows. Raises UnreachableError."""
        self.close()
        path = ofctl.management_socket(self._rundir, self.bridge)
        channel = await Channel.open(path, self.bridge, self._take, self._lost, self._log)
        try:
            await self._ask(channel)
        except BaseException:
            channel.close()
            raise
        self._channel = channel

    async def _ask(self, channel: Channel) -> None:
        """Ask for packets of our controller id, and for changes of flows."""
        self._paused = False
        xids = channel.xids(5)
        wanted = [messages.flow_monitor(xids[4])]
        if self._fragments is not None:
            wanted += [
                messages.whole_packets(xids[0], self._fragments),
                messages.asynchronous(xids[1]),
                nicira(NXT_SET_PACKET_IN_FORMAT, struct.pack("!I", _PACKET_IN2), xids[2]),
                nicira(NXT_SET_CONTROLLER_ID, struct.pack("!6xH", self._controller_id), xids[3]),
            ]
        with channel.tracking(xids) as errors:
            await channel.send(b"".join(wanted))
            await channel.barrier()
            self.monitor = "none" if xids[4] in errors else "flows"
            for xid in xids[:4]:
                if xid in errors:
                    self._log(f"{self.bridge}: packets will not come here: {errors[xid]}")

    def close(self) -> None:
        """Close the connection; it is not reported as lost."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _lost(self, reason: str) -> None:
        if self._channel is not None:
            self._channel = None
            self._events(Disconnected(self.bridge, reason))

    def _open(self) -> Channel:
        if self._channel is None:
            raise UnreachableError(f"{self.bridge}: no connection to vswitchd")
        return self._channel

    def _take(self, kind: int, body: bytes, _xid: int) -> None:
        if kind == MULTIPART_REPLY and body[:2] == struct.pack("!H", MULTIPART_FLOW_MONITOR):
            self._take_updates(body)
        elif kind == EXPERIMENTER and (packet := messages.packet_in(self.bridge, body)) is not None:
            self._events(packet)

    def _take_updates(self, body: bytes) -> None:
        """While the monitor is paused, and in what it sends to catch up, our own changes are not told from others'."""
        for update in messages.flow_updates(self.bridge, body):
            if update == "paused":
                self._paused = True
            elif update == "resumed":
                self._paused = False
                self._events(Suspect(self.bridge, "more changes at once than the flow monitor holds"))
            elif isinstance(update, UnknownError):
                self._events(Suspect(self.bridge, f"a flow that cannot be read here changed: {update}"))
            elif not isinstance(update, str) and not self._paused:
                self._events(update)

    async def barrier(self) -> None:
        """Wait until the bridge has dealt with all that was sent to it. Raises UnreachableError."""
        await self._open().barrier()

    def packet_out(self, data: bytes, out: int | str, in_port: int = PORTS["CONTROLLER"]) -> None:
        """Send a packet to a port, or through actions; lost without a connection, as packets may be."""
        if self._channel is not None:
            actions = out if isinstance(out, str) else _RESERVED.get(out, f"output:{out}")
            self._channel.offer(messages.packet_out(data, actions, in_port, self._channel.xids(1)[0]))

    async def dump(self) -> Tables:
        """Read all flows, groups and meters. Raises OfctlError, UnreachableError.

        `ovs-ofctl` is a process of 10 ms or more, so it runs only where there is something that it has to put in words.
        """
        channel = self._open()
        try:
            meters = messages.meters(await channel.multipart(MULTIPART_METER_CONFIG, messages.ALL_METERS))
            groups = await channel.multipart(MULTIPART_GROUP_DESC)
        except (RequestError, ValueError, struct.error) as e:
            raise OfctlError(f"{self.bridge}: meters and groups cannot be read: {e}") from e
        described = await ofctl.command_async(self._rundir, self.bridge, "dump-groups") if groups else ""
        flows = await ofctl.command_async(self._rundir, self.bridge, "dump-flows", "--no-stats", "--no-names")
        return Tables(flows, _groups(described), meters)

    async def apply(
        self,
        changes: Sequence[FlowEdit],
        meters: Mapping[int, Meter | None] | None = None,
        groups: Mapping[int, str | None] | None = None,
    ) -> list[Refused]:
        """Make the changes in one step, and give what the bridge refused. None deletes a meter or group.

        A group is text as in `Tables`: `type=select,bucket=weight:100,actions=output:1,bucket=…`.

        Meters cannot be in a bundle: they are added before, and deleted after it. Groups can. A change without an
        owner is refused alone. Raises UnreachableError: then nothing is known, and all has to be read again.
        """
        meters, groups = meters or {}, groups or {}
        async with self._busy:
            added = {number: meter for number, meter in meters.items() if meter is not None}
            items, refused = await self._items(changes, groups)
            refused += await self._apply(items, added)
            refused += await self._delete_meters([number for number, m in meters.items() if m is None])
            return refused

    async def _items(
        self, changes: Sequence[FlowEdit], groups: Mapping[int, str | None]
    ) -> tuple[list[_Item], list[Refused]]:
        """Encode groups to add, flows to delete, flows to add, groups to delete, in this order."""
        items = [_Item(("group", n), GROUP_MOD, b"", group) for n, group in groups.items() if group is not None]
        for kind in (Delete, Add):
            items += [
                _Item(change, FLOW_MOD, b"", owner=change.owner) for change in changes if isinstance(change, kind)
            ]
            await asyncio.sleep(0)
        items += [_Item(("group", n), GROUP_MOD, b"") for n, group in groups.items() if group is None]
        rare: list[int] = []
        for at, item in enumerate(items):
            try:
                item.body = _encoded(item)
            except (ValueError, OverflowError, struct.error):
                rare.append(at)
            if at % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
        return _without(items, await _translate(items, rare))

    async def _apply(self, items: list[_Item], meters: Mapping[int, Meter]) -> list[Refused]:
        refused: list[Refused] = []
        if meters and (not items or len(meters) > _SLICE):
            refused += await self._add_meters(meters)
            meters = {}
        for _ in range(_TRIES):
            if not items:
                return refused
            errors = await self._bundle(items, meters, refused)
            meters = {}
            if not errors:
                return refused
            items, out = _without(items, errors)
            refused += out
        for owned in _by_owner(items):
            refused += _without(owned, await self._bundle(owned, {}, refused))[1]
        return refused

    async def _bundle(
        self, items: Sequence[_Item], meters: Mapping[int, Meter], refused: list[Refused]
    ) -> dict[int, str]:
        """Try the items as one bundle. Gives errors by position; then nothing was changed.

        Every message is checked when it is added; the first that fails at the commit is told as well. Meters go along
        before it, so that they take no round trip of their own; those that are refused are put into `refused`.
        """
        channel = self._open()
        self._bundles += 1
        all_xids = channel.xids(len(meters) + len(items) + 2)
        number, xids = self._bundles & 0xFFFFFFFF, all_xids[len(meters) :]
        with channel.tracking(all_xids) as errors:
            before = [
                message(METER_MOD, messages.meter_mod(messages.METER_ADD, n, m), xid)
                for (n, m), xid in zip(meters.items(), all_xids, strict=False)
            ]
            await channel.send_all(_in_bundle(number, items, xids, b"".join(before)))
            told = {n: errors.pop(xid) for n, xid in zip(meters, all_xids, strict=False) if xid in errors}
            if xids[0] in errors:
                raise OfctlError(f"{self.bridge}: no bundle: {errors[xids[0]]}")
            commit = messages.DISCARD if errors else messages.COMMIT
            try:
                await channel.request(messages.bundle_control(number, commit, xids[-1]), xids[-1])
            except RequestError as e:
                if not errors:
                    raise OfctlError(f"{self.bridge}: bundle refused: {e}") from e
            found = {xid - xids[1]: error for xid, error in errors.items()}
        refused += await self._settle_meters(meters, told)
        return found

    async def _add_meters(self, meters: Mapping[int, Meter]) -> list[Refused]:
        add = messages.METER_ADD
        errors = await self._meter_mods([(number, messages.meter_mod(add, number, m)) for number, m in meters.items()])
        return await self._settle_meters(meters, errors)

    async def _settle_meters(self, meters: Mapping[int, Meter], errors: dict[int, str]) -> list[Refused]:
        """Modify those that could not be added since they are there; gives what was refused."""
        modify = messages.METER_MODIFY
        there = [number for number, error in errors.items() if error == "OFPMMFC_METER_EXISTS"]
        errors |= dict.fromkeys(there, "")
        errors |= await self._meter_mods([(n, messages.meter_mod(modify, n, meters[n])) for n in there])
        return [Refused(("meter", number), error) for number, error in errors.items() if error]

    async def _delete_meters(self, numbers: Iterable[int]) -> list[Refused]:
        delete = messages.METER_DELETE
        errors = await self._meter_mods([(number, messages.meter_mod(delete, number, None)) for number in numbers])
        return [Refused(("meter", n), error) for n, error in errors.items() if error != "OFPMMFC_UNKNOWN_METER"]

    async def _meter_mods(self, mods: Sequence[tuple[int, bytes]]) -> dict[int, str]:
        """Send meter mods, and give the errors by meter."""
        if not mods:
            return {}
        channel = self._open()
        xids = channel.xids(len(mods))
        with channel.tracking(xids) as errors:
            parts = [message(METER_MOD, body, xid) for (_, body), xid in zip(mods, xids, strict=True)]
            await channel.send_all(_joined(parts))
            return {mods[xid - xids[0]][0]: error for xid, error in errors.items()}


_RESERVED = {number: name for name, number in PORTS.items()} | {PORTS["CONTROLLER"]: "CONTROLLER:65535"}


def _encoded(item: _Item) -> bytes:
    """Encode here. Raises UnknownError, and what else wrong text may: ovs-ofctl then says what is wrong with it."""
    change = item.what
    if isinstance(change, Add):
        return messages.flow_add(change.flow)
    if isinstance(change, Delete):
        return messages.flow_delete(change.table, change.priority, change.cookie, encode(change.match))
    command = messages.GROUP_DELETE if item.group is None else messages.GROUP_ADD_OR_MODIFY
    return messages.group_mod(command, change[1], item.group)


async def _translate(items: Sequence[_Item], rare: Sequence[int]) -> dict[int, str]:
    """Let ovs-ofctl encode the items at these positions; gives what it refuses, by position. Raises OfctlError."""
    errors: dict[int, str] = {}
    for kind, command in ((FLOW_MOD, "add-flows"), (GROUP_MOD, "add-groups")):
        of_kind = [at for at in rare if items[at].kind == kind]
        bodies = await translate.bodies(command, kind, [_line(items[at]) for at in of_kind]) if of_kind else []
        for at, body in zip(of_kind, bodies, strict=True):
            if isinstance(body, str):
                errors[at] = body
            else:
                items[at].body = _completed(items[at].what, body)
    return errors


def _line(item: _Item) -> str:
    """Give the text that ovs-ofctl encodes."""
    change = item.what
    if isinstance(change, Add):
        flow = change.flow
        extra = f"{flow.extra}," if flow.extra else ""
        head = f"cookie={flow.cookie:#x},{extra}table={flow.table},priority={flow.priority}"
        return f"{head},{flow.match} actions={flow.actions}"
    if isinstance(change, Delete):
        return f"{change.match} actions=drop"
    assert item.group is not None
    return f"group_id={change[1]},{item.group}"


def _completed(change: FlowEdit | tuple[str, int], body: bytes) -> bytes:
    """Make of what `add-flows` and `add-groups` send what was wanted."""
    if isinstance(change, Add):
        return body
    if isinstance(change, Delete):
        return messages.flow_delete(change.table, change.priority, change.cookie, messages.match_of(body))
    return messages.GROUP_ADD_OR_MODIFY.to_bytes(2) + body[2:]


def _without(items: Sequence[_Item], errors: Mapping[int, str]) -> tuple[list[_Item], list[Refused]]:
    """Take out the items that were refused, by position, and all others of their owners."""
    if not errors:
        return list(items), []
    owners = {items[at].owner for at in errors} - {None}
    kept = [item for at, item in enumerate(items) if at not in errors and item.owner not in owners]
    refused = []
    for at, error in sorted(errors.items()):
        owner = items[at].owner
        left_out: list[FlowEdit] = []
        if owner in owners:
            owners.discard(owner)
            left_out = [
                item.what
                for n, item in enumerate(items)
                if n not in errors and item.owner == owner and not isinstance(item.what, tuple)
            ]
        refused.append(Refused(items[at].what, error, tuple(left_out)))
    return kept, refused


def _by_owner(items: Iterable[_Item]) -> Iterable[list[_Item]]:
    found: dict[Hashable, list[_Item]] = {}
    for at, item in enumerate(items):
        found.setdefault(("alone", at) if item.owner is None else ("owner", item.owner), []).append(item)
    return found.values()


async def _in_bundle(number: int, items: Sequence[_Item], xids: range, before: bytes) -> AsyncIterator[bytes]:
    """Give a bundle without its end, in pieces; `before`: messages that go before it."""
    yield before + messages.bundle_control(number, messages.OPEN, xids[0])
    for start in range(0, len(items), _SLICE):
        part = items[start : start + _SLICE]
        first = xids[start + 1]
        yield b"".join([messages.bundle_add(number, i.kind, i.body, first + n) for n, i in enumerate(part)])
        await asyncio.sleep(0)


async def _joined(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    yield b"".join(parts)


def _groups(dump: str) -> dict[int, str]:
    """Read `dump-groups`: number -> the rest of its line."""
    words = (line.strip().removeprefix("group_id=").partition(",") for line in dump.splitlines() if "group_id=" in line)
    return {int(number): rest for number, _, rest in words}
