"""The flows of one bridge: what is wanted against what is there, one bundle for the difference, nobody else's touched.

    unknown --connected, dumped, bundle--> clean --new wanted flows, somebody's change--> pending --bundle--> clean
       ^                                     |
       +----- connection lost, too many changes to tell ---------------------------------------+
A bridge that does not answer stays unknown, and is tried again. Each bridge has a task of its own: one that is slow or
down keeps nobody else waiting. Until everything that this host needs of the central database is known, nothing is
deleted: flows of a former run go on forwarding.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from tunbridge.agent.saved import SavedFlows
from tunbridge.dataplane import flows, names, pipeline
from tunbridge.dataplane.contribution import Meter
from tunbridge.dataplane.desired import Owner
from tunbridge.dataplane.flows import Flow, FlowError, FlowKey
from tunbridge.log import Log
from tunbridge.openvswitch import ofctl, openflow
from tunbridge.openvswitch.ofctl import OfctlError, UnreachableError
from tunbridge.openvswitch.openflow import Add, Delete, Event, FlowChanged, PacketIn, Refused, Suspect, Switch
from tunbridge.openvswitch.rows import BridgeRow

RETRY_S, SLOW_RETRY_S, PATIENCE_S = 0.05, 0.25, 5.0
"""Between two attempts to reach a bridge: short at first, since vswitchd is mostly back at once."""
ERROR_RETRY_S = 1.0
METER_TRIES = 20
"""How often flows are written anew when their meter is gone, before they count as refused."""
_NO_METER = "OFPMMFC_INVALID_METER"
_METER = re.compile(r"\bmeter:(\d+)")
GATHER_S = 0.002
LOOK_S = 5.0
"""Between two looks at a bridge of an Open vSwitch before 3.0, which does not report changes of flows."""


class Hooks(Struct, frozen=True):
    """What a bridge asks of the engine, and tells it."""

    wanted: Callable[[str], Mapping[FlowKey, Flow]]
    meters: Callable[[str], Mapping[int, Meter]]
    owner: Callable[[str, FlowKey], Owner | None]
    """Who alone wants a flow: what Open vSwitch refuses of one owner keeps nobody else waiting."""
    may_sweep: Callable[[], bool]
    """Whether flows of ours that nobody wants may be deleted."""
    may_restore: Callable[[str], bool]
    """Whether Open vSwitch has emptied the bridge by now, if it was going to."""
    slow_s: Callable[[], float]
    """How long to wait before a repair: longer while another process keeps undoing them."""
    drifted: Callable[[], None]
    """Another process changed flows of ours."""
    changed: Callable[[str, int, int, bool], None]
    """Bridge, flows added, flows deleted, and whether it was a repair of what another process did."""
    refused: Callable[[str, Sequence[Refused]], None]
    settled: Callable[[str], None]
    lost: Callable[[str], None]
    """What is wanted could not be put into the bridge for `PATIENCE_S`; told again at each further attempt."""
    packet_in: Callable[[PacketIn], None]
    dumped: Callable[[str, Sequence[Flow]], Sequence[Flow]]
    """Bridge and all its flows; gives those that age and have to be added before any other."""


class _MeterGoneError(Exception):
    """A meter that flows need is not there: everything has to be looked at anew."""


class BridgeFlows:
    """Keeps the flows and meters of one bridge. `run` is its task; `update` and `suspect` tell it what to look at."""

    def __init__(self, name: str, rundir: str, saved: SavedFlows, log: Log, hooks: Hooks) -> None:
        self.name = name
        self.task: asyncio.Task[None] | None = None
        self.down: str | None = None
        """Why the bridge's management socket did not answer at the last attempt."""
        self.error: str | None = None
        """Why the last attempt failed."""
        self.count = 0
        """How many flows of ours are in it, as last verified."""
        self.done = 0
        """The generation of wanted flows that is in the bridge."""
        self._generation = 0
        self._rundir = rundir
        self._saved = saved
        self._log = log
        self._hooks = hooks
        # Only br-int sends packets here; another bridge's handling of fragments is its operator's.
        fragments = openflow.NX_MATCH if name == names.INTEGRATION_BRIDGE else None
        self._switch = Switch(
            rundir, name, self._event, lambda text: log.warning("OpenFlow", told=text), fragments=fragments
        )
        self._there: dict[FlowKey, Flow] = {}
        """Flows of ours that are in the bridge, as last read, written or told; without actions where these are not
        known. What is there as it is wanted is not written again: it would count as a younger flow."""
        self._meters_there: dict[int, openflow.Meter | str] = {}
        self._swept = False
        """Whether nothing of a former run is left that nobody wants."""
        self._meanwhile: list[FlowChanged] = []
        """What others changed while the bridge was read: it may not be in what was read."""
        self._unknown = True
        self._pending: set[FlowKey] = set()
        self._meters: set[int] = set()
        self._meterless = 0
        """How often in a row a flow was refused for a meter that was believed to be there."""
        self._drifted = False
        self._busy = True
        """Whether an attempt is under way."""
        self._wake = asyncio.Event()
        self._wake.set()
        self._failed_since: float | None = None

    @property
    def lost(self) -> bool:
        """Whether the bridge could not be brought in order for so long that its flows count as missing."""
        since = self._failed_since
        return since is not None and asyncio.get_running_loop().time() - since >= PATIENCE_S

    @property
    def idle(self) -> bool:
        """Whether the bridge is known to have what is wanted."""
        return not (self._unknown or self._pending or self._meters or self._busy)

    def why_lost(self, row: BridgeRow | None) -> str:
        """Why its flows are missing, and where to look. `row`: of the bridge."""
        device = None if row is None else row.device_error
        told = self.down or self.error or "a meter that they need is not there"
        more = f"ovs-vswitchd.log says more of {self.name}" if device is None else f"Open vSwitch says: {device}"
        return f"{told}; {more}"

    def update(self, generation: int, keys: Iterable[FlowKey] = (), meters: Iterable[int] = ()) -> None:
        """Note keys of flows and numbers of meters for which something else is wanted now."""
        self._generation = generation
        self._pending.update(keys)
        self._meters.update(meters)
        self._wake.set()

    def suspect(self) -> None:
        """Note that anything may have changed."""
        self._unknown = True
        self._wake.set()

    def packet_out(self, data: bytes, out: int | str, in_port: int | None = None) -> None:
        """Send a packet out of a port, or through actions; lost when the bridge is not connected."""
        if not self._switch.connected:
            return
        if in_port is None:
            self._switch.packet_out(data, out)
        else:
            self._switch.packet_out(data, out, in_port)

    def _event(self, event: Event) -> None:
        if isinstance(event, PacketIn):
            self._hooks.packet_in(event)
            return
        if isinstance(event, FlowChanged):
            self._flow_changed(event)
        else:  # Suspect, Disconnected
            self._unknown = True
            self._drifted = self._drifted or isinstance(event, Suspect)
        if self._drifted:
            self._hooks.drifted()
        self._wake.set()

    def _flow_changed(self, event: FlowChanged) -> None:
        self._meanwhile.append(event)
        key = self._note(event)
        wanted = self._hooks.wanted(self.name).get(key)
        if wanted is not None or key in self._there:
            self._pending.add(key)
            self._drifted = True
        if wanted is not None and event.kind == "removed" and "meter:" in wanted.actions:
            self._unknown = True  # a deleted meter takes its flows with it, and is not reported itself

    def _note(self, event: FlowChanged) -> FlowKey:
        """Take into `_there` what another process did."""
        key = (event.table, event.priority, event.match)
        if event.kind != "removed" and flows.is_ours(event.cookie):
            self._there[key] = Flow(table=key[0], priority=key[1], match=key[2], actions="", cookie=event.cookie)
        else:
            self._there.pop(key, None)
        return key

    async def run(self) -> None:
        """Bring the bridge in order whenever something changed, until cancelled."""
        try:
            while True:
                await self._woken()
                self._wake.clear()
                await self._attempt()
        finally:
            self._switch.close()

    async def _woken(self) -> None:
        if self._switch.monitor == "flows" or not self._switch.connected:
            await self._wake.wait()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._wake.wait()
                return
        self._unknown = True

    async def _attempt(self) -> None:
        self._busy = True
        try:
            done = await self._work()
            self._busy = False
        except UnreachableError as e:
            self.down = str(e)
            self._failed()
            await self._again(SLOW_RETRY_S if self.lost else RETRY_S)
            return
        except _MeterGoneError:
            self._failed()
            await self._again(RETRY_S)
            return
        except (OfctlError, OSError) as e:  # OSError: saved flows cannot be read
            if str(e) != self.error:
                self._log.error("flows not written, tried again", bridge=self.name, error=str(e))
            self.error = str(e)
            self._unknown = True
            self._failed()
            await self._again(ERROR_RETRY_S)
            return
        self.error = None
        self._failed_since = None
        if not done:
            await self._again(RETRY_S)
        elif self.idle:
            self._hooks.settled(self.name)

    def _failed(self) -> None:
        self._failed_since = self._failed_since or asyncio.get_running_loop().time()
        if self.lost:
            self._hooks.lost(self.name)

    async def _again(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        self._wake.set()

    async def _work(self) -> bool:
        """One pass. False when it has to be tried again soon. Raises OfctlError, OSError."""
        if self._drifted:  # what was changed at once is reported piece by piece: it is repaired at once
            await asyncio.sleep(self._hooks.slow_s() or GATHER_S)
        if not self._switch.connected:
            self._unknown = True
            await self._switch.connect()
            self.down = None
        waiting = self.name in self._saved.bridges()
        if waiting and not self._hooks.may_restore(self.name):
            return False
        if self._unknown or waiting:
            await self._synchronize(waiting)
        else:
            await self._apply_pending()
        return True

    async def _synchronize(self, waiting: bool) -> None:
        """Compare everything with a dump."""
        self._unknown = False
        generation, drifted = self._generation, self._drifted
        self._pending.clear()
        self._meters.clear()
        self._drifted = False
        self._meanwhile.clear()
        try:
            present = await self._switch.dump()
            there = flows.parse_dump(present.flows)
            wanted = self._hooks.wanted(self.name)
            change = flows.difference(wanted, there, self._load() if waiting else ())
            self._there = {f.key: f for f in there if f.ours}
            used = _used(self._there.values())
            self._meters_there = {n: m for n, m in present.meters.items() if _is_ours(n, m, used)}
            for event in self._meanwhile:
                self._note(event)
            await self._add_aging(self._hooks.dumped(self.name, there))
            sweep = self._swept = self._hooks.may_sweep()
            meters = self._hooks.meters(self.name)
            changed = {n: m for n, m in meters.items() if present.meters.get(n) != _openflow(m)}
            gone = self._meters_there.keys() - meters.keys() if sweep else ()
            await self._write(change.add, change.delete if sweep else (), changed | dict.fromkeys(gone), drifted)
        except BaseException:
            self._unknown = True
            raise
        if waiting:
            self._saved.done(self.name)
        self.count = len(wanted)
        self.done = generation

    async def _apply_pending(self) -> None:
        generation, drifted = self._generation, self._drifted
        keys, self._pending = self._pending, set()
        numbers, self._meters = self._meters, set()
        self._drifted = False
        wanted, meters = self._hooks.wanted(self.name), self._hooks.meters(self.name)
        sweep = self._hooks.may_sweep()
        if sweep and not self._swept:
            keys |= self._there.keys() - wanted.keys()
            numbers |= self._meters_there.keys() - meters.keys()
        add = [f for key in keys if (f := wanted.get(key)) is not None and self._there.get(key) != f]
        delete = [self._there[key] for key in keys if key not in wanted and key in self._there]
        changed = {n: m for n in numbers if (m := meters.get(n)) and self._meters_there.get(n) != _openflow(m)}
        gone = [n for n in numbers if n not in meters]
        self._swept = sweep or (self._swept and not delete and not gone)
        try:
            all_meters = changed | dict.fromkeys(gone if sweep else ())
            await self._write(add, delete if sweep else (), all_meters, drifted)
        except BaseException:
            self._unknown = True
            raise
        self.count = len(wanted)
        self.done = generation

    async def _write(
        self, add: Sequence[Flow], delete: Sequence[Flow], meters: Mapping[int, Meter | None], drifted: bool
    ) -> None:
        foreign = [f for f in add if not f.ours]
        mine = [f for f in add if f.ours]
        if mine or delete or meters:
            gone = [Delete(f.table, f.priority, f.match, f.cookie) for f in delete]
            made = [Add(f, self._hooks.owner(self.name, f.key)) for f in mine]
            wanted = {n: None if m is None else _openflow(m) for n, m in meters.items()}
            self._expect(mine, delete, wanted)  # before: what others do meanwhile comes on top
            refused = await self._switch.apply([*gone, *made], wanted)
            if refused:
                self._not_there(refused)
                if _lacks_a_meter(refused) and self._meterless < METER_TRIES:
                    self._meterless += 1
                    raise _MeterGoneError
                self._hooks.refused(self.name, refused)
            self._meterless = 0
        if add or delete:
            self._hooks.changed(self.name, len(add), len(delete), drifted)
        if foreign:
            await self._restore(foreign)

    def _expect(self, add: Iterable[Flow], delete: Iterable[Flow], meters: Mapping[int, openflow.Meter | None]) -> None:
        for flow in delete:
            self._there.pop(flow.key, None)
        self._there.update((f.key, f) for f in add)
        for number, meter in meters.items():
            if meter is None:
                self._meters_there.pop(number, None)
            else:
                self._meters_there[number] = meter

    def _not_there(self, refused: Iterable[Refused]) -> None:
        for one in refused:
            for change in (one.change, *one.left_out):
                if isinstance(change, Add):
                    self._there.pop((change.flow.table, change.flow.priority, change.flow.match), None)
                elif isinstance(change, tuple):
                    self._meters_there.pop(change[1], None)

    async def _add_aging(self, some: Sequence[Flow]) -> None:
        if not some:
            return
        try:
            await self._bundle(some)
        except UnreachableError:
            raise
        except OfctlError as e:
            self._log.warning("connections that were cut may be made anew", bridge=self.name, error=str(e))

    # Flows of the operator, kept on disk while Open vSwitch empties an adopted bridge

    def _load(self) -> list[Flow]:
        """The saved flows; a file that was damaged must not keep our own flows from being installed."""
        try:
            return self._saved.load(self.name)
        except FlowError as e:
            path = self._saved.put_aside(self.name)
            self._log.error("saved flows unreadable", bridge=self.name, error=str(e), kept=str(path))
            return []

    async def _restore(self, foreign: Sequence[Flow]) -> None:
        """All saved flows at once, or one at a time: one that is refused must not keep the others out."""
        with contextlib.suppress(OfctlError):
            await self._bundle(foreign)
            return
        refused = []
        for flow in foreign:
            try:
                await self._bundle([flow])
            except UnreachableError:
                raise
            except OfctlError as e:
                self._log.error("saved flow refused", bridge=self.name, flow=flow.dump_line(), error=str(e))
                refused.append(flow)
        if refused:
            self._log.error("refused flows kept", bridge=self.name, file=str(self._saved.refused(self.name, refused)))

    async def _bundle(self, some: Sequence[Flow]) -> None:
        text = "".join(f"{flow.add_line()}\n" for flow in some)
        await asyncio.to_thread(ofctl.bundle, self._rundir, self.name, text)


def _lacks_a_meter(refused: Iterable[Refused]) -> bool:
    """Whether a flow was refused for a meter that is not there, though nobody refused the meter.

    Somebody has deleted it, which is not reported, or a new vswitchd has not got it yet.
    """
    meters = {one.change[1] for one in refused if isinstance(one.change, tuple) and one.change[0] == "meter"}
    lacking = [one.change.flow for one in refused if isinstance(one.change, Add) and one.error == _NO_METER]
    return any(isinstance(flow, Flow) and not _used([flow]) & meters for flow in lacking)


def _is_ours(number: int, meter: openflow.Meter | str, used: Collection[int]) -> bool:
    """Whether a meter is one that we make: meters have no cookie.

    One for requests to the agent is known by its number and rate; one of a QoS policy or a log, which may have any
    rate, by its number and a flow of ours that uses it.
    """
    if number >= pipeline.QOS_METERS or pipeline.UNTRANSLATED_METER <= number < pipeline.PATCH_METERS:
        return number in used
    if number >= pipeline.METADATA_METERS:
        return meter == openflow.Meter(pipeline.METADATA_PPS, pipeline.METADATA_BURST)
    return number >= pipeline.PATCH_METERS and meter == openflow.Meter(pipeline.WORKLOAD_PPS, pipeline.WORKLOAD_BURST)


def _used(there: Iterable[Flow]) -> set[int]:
    """The meters that flows use."""
    return {int(number) for f in there for number in _METER.findall(f.actions)}


def _openflow(meter: Meter) -> openflow.Meter:
    return openflow.Meter(meter.rate, meter.burst, meter.unit)
