"""Cuts connections that are no longer allowed, when a rule, a member, a group or an address was taken away.

The flows that refuse new packets are in the bridges before: then the connections of the addresses concerned are read
from the datapath, each is held against the rules of now, and those that no rule allows any more are deleted, and no
other. A deleted connection's next packet is new, and is refused, from either end (features/severed.py).
"""

import asyncio
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tunbridge.agent.acknowledged import Acknowledged
from tunbridge.agent.severed import LIMIT, SeveredFlows
from tunbridge.dataplane import names
from tunbridge.dataplane.conntrack import Connection, Cut
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.features import severed
from tunbridge.dataplane.flows import Flow
from tunbridge.log import Log
from tunbridge.openvswitch import ofctl, unixctl
from tunbridge.openvswitch.ofctl import OfctlError

TIMEOUT_S = 10.0
BATCH = 100
"""So many are asked to be deleted within TIMEOUT_S."""
MANY = 20
"""So many connections to one service are deleted at once."""
APART = 1000
"""So many have a flow each that keeps them from coming back; more to one service have one for each client, or one for
all: it concerns whoever of these has a connection to it that conntrack does not know, until nobody has sent there for
long.
"""
ATTEMPTS, TOGETHER, AGAIN_S = 8, 4, 0.2
"""So often connections are read, judged and deleted, the first times many at once; with pauses that get longer."""
_WITH_PORTS = frozenset({6, 17, 132})
_FIELDS = re.compile(r"(\w+)=([^,()]+)")
_LINE = re.compile(r"^(?P<protocol>\w+),orig=\((?P<orig>[^)]*)\),reply=\((?P<reply>[^)]*)\)(?P<rest>.*)$")
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132, "udplite": 136, "dccp": 33, "igmp": 2}


def parse(text: str) -> list[Connection]:
    """Read what `dpctl/dump-conntrack` prints (ovs-dpctl(8)); lines of other forms are left out."""
    return [found for line in text.splitlines() if (found := _parse(line)) is not None]


def _parse(line: str) -> Connection | None:
    match = _LINE.match(line.strip())
    if match is None:
        return None
    orig, reply, rest = (dict(_FIELDS.findall(match[part])) for part in ("orig", "reply", "rest"))
    protocol = match["protocol"]
    number = _PROTOCOLS.get(protocol) or (int(protocol) if protocol.isdecimal() else None)
    if number is None or "src" not in orig or "dst" not in orig:
        return None
    icmp = "type" in orig
    return Connection(
        zone=int(rest.get("zone", "0")),
        mark=int(rest.get("mark", "0"), 0),
        protocol=number,
        src=orig["src"],
        dst=orig["dst"],
        src_port=int(orig["type" if icmp else "sport"]) if icmp or "sport" in orig else None,
        dst_port=int(orig["code" if icmp else "dport"]) if icmp or "dport" in orig else None,
        icmp_id=int(orig["id"]) if "id" in orig else None,
        reply_src=reply.get("src"),
        reply_dst=reply.get("dst"),
        reply_src_port=int(reply["sport"]) if "sport" in reply else None,
    )


def tuple_of(connection: Connection) -> str:
    """The connection as `dpctl/flush-conntrack` takes it."""
    version = "6" if ":" in connection.src else ""
    fields = [
        f"ct_ipv6_src={connection.src}" if version else f"ct_nw_src={connection.src}",
        f"ct_ipv6_dst={connection.dst}" if version else f"ct_nw_dst={connection.dst}",
        f"ct_nw_proto={connection.protocol}",
    ]
    if connection.icmp_id is not None:
        fields += [
            f"icmp_id={connection.icmp_id}", f"icmp_type={connection.src_port}", f"icmp_code={connection.dst_port}",
        ]  # fmt: skip
    elif connection.src_port is not None:
        fields += [f"ct_tp_src={connection.src_port}", f"ct_tp_dst={connection.dst_port}"]
    return ",".join(fields)


class Grouped(NamedTuple):
    """Connections to delete: many to one service together, where all that are known to it are to go; others alone."""

    services: list[list[Connection]]
    single: list[Connection]

    @classmethod
    def of(cls, gone: Sequence[Connection], known: Sequence[Connection] | None) -> "Grouped":
        """Those that are `gone` of all that are `known`; None: each alone."""
        by_service: dict[tuple[int, str, int | None], list[Connection]] = {}
        for c in gone:
            by_service.setdefault(_service(c), []).append(c)
        going = set(map(id, gone))
        kept = {_service(c) for c in known or () if id(c) not in going}
        found = cls([], [])
        for service, those in by_service.items():
            together = known is not None and len(those) >= MANY and service[0] in _WITH_PORTS and service not in kept
            if together:
                found.services.append(those)
            else:
                found.single.extend(those)
        return found

    def flushes(self) -> list[str]:
        """What `dpctl/flush-conntrack` takes. One after the other a busy Open vSwitch needs a second for some hundreds;
        before 3.1 it refuses anything else.
        """
        services = [_service_text(*_service(those[0])) for those in self.services]
        return [*services, *(tuple_of(c) for c in self.single if severed.can_be_deleted(c))]

    def severing(self) -> list[Flow]:
        """The flows that keep them from being made anew."""
        flows = [flow for those in self.services if len(those) > APART for flow in severed.compute_service(those)]
        each = [c for those in self.services if len(those) <= APART for c in those] + self.single
        return flows + [flow for connection in each[-LIMIT:] for flow in severed.compute(connection)]


def _service(c: Connection) -> tuple[int, str, int | None]:
    return c.protocol, c.dst, c.dst_port


def _service_text(protocol: int, address: str, port: int | None) -> str:
    where = f"ct_ipv6_dst={address}" if ":" in address else f"ct_nw_dst={address}"
    return f"{where},ct_nw_proto={protocol},ct_tp_dst={port}"


class Cutter:
    """Cuts that wait until br-int has acknowledged the flows that go with them: all that filters is there."""

    def __init__(self, rundir: str, log: Log) -> None:
        self.cut_so_far = 0
        self.severed = SeveredFlows()
        self._rundir = Path(rundir)
        self._log = log
        self._waiting = Acknowledged[Cut]()

    def expect(self, generation: int, cuts: Sequence[Cut]) -> None:
        """Note what is to be cut once br-int has this generation of flows."""
        for cut in cuts:
            self._waiting.expect(generation, cut)

    def acknowledged(self, done: Mapping[str, int]) -> list[Cut]:
        """What is to be cut now. `done`: bridge -> the generation of flows that it has."""
        return self._waiting.take(done)

    async def cut(self, cuts: Iterable[Cut], desired: Desired) -> None:
        """Delete the connections of these addresses that nothing allows any more."""
        await self._follow()
        zones = _by_zone(cuts)
        known = await self._connections(zones)
        for zone, wanted in zones.items():
            await self._cut_in(zone, wanted, known.get(zone, ()), desired)

    async def _cut_in(self, zone: int, wanted: Sequence[Cut], known: Sequence[Connection], desired: Desired) -> None:
        """Delete a zone's, and look again until none is left: Open vSwitch overlooks some where it deletes many."""
        found = 0
        for attempt in range(ATTEMPTS):
            gone = await asyncio.to_thread(desired.judge().no_longer_allowed, known, wanted)
            found = found or len(gone)
            if not gone:
                break
            grouped = await asyncio.to_thread(Grouped.of, gone, known if attempt < TOGETHER else None)
            await self._sever(grouped)
            if await self._flush(zone, grouped):
                gone = []
                break
            await asyncio.sleep(AGAIN_S * attempt)
            known = (await self._connections([zone])).get(zone, ())
        if found:
            self.cut_so_far += found - len(gone)
            self._log.info("connections cut", zone=zone, connections=found - len(gone), not_cut=len(gone))

    async def _flush(self, zone: int, grouped: Grouped) -> bool:
        """Delete connections; whether all are known to be deleted."""
        flushes = await asyncio.to_thread(grouped.flushes)
        answers: list[str | None] = []
        for at in range(0, len(flushes), BATCH):
            questions = [("dpctl/flush-conntrack", f"zone={zone}", one) for one in flushes[at : at + BATCH]]
            answers += await self._ask(questions)
        return not grouped.services and None not in answers

    async def _connections(self, zones: Collection[int]) -> dict[int, list[Connection]]:
        """By zone. Of several zones by one reading: the kernel's datapath reads all connections for each of them."""
        if len(zones) > 1:
            text = (await self._ask([("dpctl/dump-conntrack",)]))[0]
            if text is not None:
                return await asyncio.to_thread(_in_zones, text, zones)
            return {zone: known for one in zones for zone, known in (await self._connections([one])).items()}
        for attempt in range(ATTEMPTS):
            text = (await self._ask([("dpctl/dump-conntrack", *(f"zone={zone}" for zone in zones))]))[0]
            if text is not None:
                return await asyncio.to_thread(_in_zones, text, zones)
            await asyncio.sleep(AGAIN_S * attempt)
        self._log.warning("connections cannot be read, so none was cut", zones=",".join(map(str, zones)))
        return {}

    async def _sever(self, grouped: Grouped) -> None:
        flows = await asyncio.to_thread(grouped.severing)
        if not flows:
            return
        surplus = self.severed.add(flows)
        if too_many := len(surplus) + max(len(grouped.single) - LIMIT, 0):
            self._log.warning("too many connections were cut: the first may be made anew", connections=too_many)
        gone_again = {flow.key for flow in surplus}
        added = (flow.add_line() for flow in flows if flow.key not in gone_again)
        lines = "".join(f"{line}\n" for line in (*(flow.delete_line() for flow in surplus), *added))
        try:
            await asyncio.to_thread(ofctl.bundle, str(self._rundir), names.INTEGRATION_BRIDGE, lines)
        except OfctlError as e:
            self._log.warning("a connection that is cut may be made anew by its receiver", error=str(e))
        await self._follow()

    async def _follow(self) -> None:
        """Wait until the datapath does what the bridges' flows say."""
        await self._ask([("revalidator/wait",)])

    async def _ask(self, questions: Sequence[tuple[str, ...]]) -> list[str | None]:
        path = unixctl.control_socket(self._rundir, "ovs-vswitchd")
        if path is None:
            return [None] * len(questions)
        return await asyncio.to_thread(unixctl.ask, path, questions, TIMEOUT_S)


def _in_zones(text: str, zones: Collection[int]) -> dict[int, list[Connection]]:
    """In a thread, as what judges them: a busy host has very many, and workloads wait for answers meanwhile."""
    found: dict[int, list[Connection]] = {}
    for connection in parse(text):
        if connection.zone in zones:
            found.setdefault(connection.zone, []).append(connection)
    return found


def _by_zone(cuts: Iterable[Cut]) -> dict[int, list[Cut]]:
    found: dict[int, list[Cut]] = {}
    for cut in cuts:
        found.setdefault(cut.zone, []).append(cut)
    return found
