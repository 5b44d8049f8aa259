"""What metering labels have counted on this host: read from the counters of flows, and added up.

A flow's counter begins again when the flow is made anew, as when Open vSwitch starts or a rule changes; what is told
only grows. So the growth of each counter is added to a sum, and sums and counters are kept in a file: what passed while
no agent ran is in the flows, and is added by the next one.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from tunbridge import files
from tunbridge.agent.config import AgentConfig
from tunbridge.agent.status.document import MeteredStatus
from tunbridge.dataplane import names, pipeline
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.features.external import ETHERNET
from tunbridge.dataplane.features.metering import Counted
from tunbridge.dataplane.flows import FlowKey
from tunbridge.dataplane.view import Source
from tunbridge.log import Log
from tunbridge.openvswitch import ofctl
from tunbridge.openvswitch.ofctl import OfctlError

READ_S = 5.0
"""Between two readings."""
KEEP_S = 60.0
"""Between two writings of the file; the agent's end is one more."""
_LINE = re.compile(rf"table={pipeline.COUNTED.number}, n_packets=(\d+), n_bytes=(\d+),.* priority=(\d+),(\S+) actions=")


class Count(Struct):
    """Packets, and bytes of their frames."""

    packets: int = 0
    bytes: int = 0

    def since(self, former: "Count") -> "Count":
        """What was added to a counter, which may have begun again."""
        if self.packets < former.packets or self.bytes < former.bytes:
            return self
        return Count(self.packets - former.packets, self.bytes - former.bytes)


def counters(text: str) -> dict[FlowKey, Count]:
    """The counters of table 63, as ovs-ofctl prints them."""
    table = pipeline.COUNTED.number
    return {(table, int(n), match): Count(int(packets), int(size)) for packets, size, n, match in _LINE.findall(text)}


class Kept(Struct):
    """The file: sums by "label direction router", and the counters that are in them, by the flow's match."""

    sums: dict[str, Count] = {}
    counters: dict[str, Count] = {}


class Metering:
    """Reads the counters as long as there are any. `run` is its task."""

    def __init__(
        self, desired: Desired, source: Source, config: AgentConfig, knows_all: Callable[[], bool], log: Log
    ) -> None:
        """`knows_all`: whether all rows that this host needs are there."""
        self.readings = 0
        """How many counters were found grown."""
        self._desired = desired
        self._source = source
        self._rundir = config.ovs_rundir
        self._path = Path(config.state_dir) / "metering.json"
        self._knows_all = knows_all
        self._log = log
        self._kept = Kept()
        self._is_written = True
        self._error = ""

    async def run(self) -> None:
        """Read, and keep what was read, until cancelled."""
        loop = asyncio.get_running_loop()
        self._load()
        written = loop.time()
        try:
            while True:
                await self.read()
                if loop.time() - written >= KEEP_S:
                    self._keep()
                    written = loop.time()
                await asyncio.sleep(READ_S)
        finally:
            self._keep()

    async def read(self) -> None:
        """Add what has been counted since the last time; nothing where Open vSwitch does not answer."""
        wanted = self._desired.metered()
        if wanted:
            table = f"table={pipeline.COUNTED.number}"
            with contextlib.suppress(OfctlError):
                bridge = names.INTEGRATION_BRIDGE
                self._take(
                    await ofctl.command_async(self._rundir, bridge, "dump-flows", "--no-names", arguments=[table]),
                    wanted,
                )
        if self._knows_all():
            self._forget()

    def status(self) -> list[MeteredStatus]:
        """What was counted so far, of routers and labels that are here."""
        found = []
        for name, count in sorted(self._kept.sums.items()):
            label_id, direction, router_id = name.split(" ")
            if (label := self._label(label_id, router_id)) is not None:
                found.append(
                    MeteredStatus(
                        label=label_id, name=label[0], project=label[1], router=router_id, direction=direction,
                        packets=count.packets, bytes=count.bytes - ETHERNET * count.packets,
                    )
                )  # fmt: skip
        return found

    def _label(self, id: str, router_id: str) -> tuple[str, str] | None:
        """The name of a label, and the project of a router that it counts for."""
        router = self._source.router(router_id)
        labels = () if router is None else self._source.metering_labels(router.project_id)
        return next(((one.name, router.project_id) for one in labels if router and one.id == id), None)

    def _take(self, text: str, wanted: Mapping[FlowKey, Counted]) -> None:
        there = {}
        for key, now in counters(text).items():
            counted, match = wanted.get(key), key[2]
            former = self._kept.counters.get(match)
            if counted is not None:
                there[match] = now
                self._add(counted, now.since(former or Count()))
            elif former is not None:  # of a router that the agent has not computed yet
                there[match] = former
        self._kept.counters = there

    def _add(self, counted: Counted, grown: Count) -> None:
        total = self._kept.sums.setdefault(f"{counted.label} {counted.direction} {counted.router}", Count())
        total.packets += grown.packets
        total.bytes += grown.bytes
        if grown.packets:
            self.readings += 1
            self._is_written = False

    def _forget(self) -> None:
        """Drop the sums of labels that are gone, and of routers that are not here any more."""
        for name in list(self._kept.sums):
            label, _, router = name.split(" ")
            if self._label(label, router) is None:
                del self._kept.sums[name]
                self._is_written = False

    def _load(self) -> None:
        try:
            self._kept = msgspec.json.decode(self._path.read_bytes(), type=Kept)
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError) as e:
            self._log.warning("what was metered before is not known", path=str(self._path), error=str(e))

    def _keep(self) -> None:
        if self._is_written:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            files.write_whole(self._path, msgspec.json.encode(self._kept))
            self._is_written, self._error = True, ""
        except OSError as e:
            if str(e) != self._error:
                self._log.warning("what was metered is kept in memory only", path=str(self._path), error=str(e))
            self._error = str(e)
