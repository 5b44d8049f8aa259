"""Keeps in Placement and Nova what they are to know of routed networks: a provider and an aggregate for each segment.

What is there is asked for now and then (api/worker.py), by the aggregates, which are marked with the cloud's id.
"""

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec.structs import replace

from tunbridge.api.nova.aggregates import MARK, Aggregate, Aggregates
from tunbridge.api.placement import segments
from tunbridge.api.placement.client import Placement
from tunbridge.api.placement.segments import SegmentResources
from tunbridge.api.worker import Course, Words, Worker
from tunbridge.database.connection import Database
from tunbridge.rules import identity
from tunbridge.rules.qos_minimums import SERVER_PORT
from tunbridge.rules.request import Row

LOCK = "tunbridge_segments"
WORDS = Words(
    "Placement and Nova cannot be told of segments, tried again", "Placement and Nova are told of segments again"
)
AGAIN_S = 10.0
"""After so many seconds what failed is tried again."""
COMPARE_S = 600.0
"""So often all is looked at: others change aggregates, and Nova comes to know hosts."""


class _Item(NamedTuple):
    """What is to be looked at: a network, or a segment that is no more."""

    table: str
    id: str


class Services(NamedTuple):
    """What is told."""

    placement: Placement
    aggregates: Aggregates

    async def close(self) -> None:
        """Close the connections."""
        await self.placement.close()
        await self.aggregates.close()


class SegmentReporter:
    """What there is to tell Placement and Nova; to be made before the database is started."""

    def __init__(self, database: Database, services: Services, log: Any) -> None:
        self._course = Course[_Item](COMPARE_S)
        """Later: networks with hosts that Nova does not know."""
        self.worker = Worker(database, self, self._course, LOCK, AGAIN_S, WORDS, log)
        self._database = database
        self._placement, self._aggregates = services
        self._log = log
        self._cloud = ""
        self._there: dict[str, Aggregate] = {}
        """Segments' aggregates, as Nova has them."""
        self._told: dict[str, SegmentResources] = {}
        self._networks: dict[str, str] = {}
        """Segments that were told of -> their network."""

    def concerned(self, table: str, old: Row | None, new: Row | None) -> Iterable[_Item]:
        """Networks whose segments a change may be about."""
        return [_Item("Network", id) for id in self._concerned(table, old, new)]

    def _concerned(self, table: str, old: Row | None, new: Row | None) -> Iterable[str]:
        rows = [row for row in (old, new) if row is not None]
        if table == "Subnet":
            return [row.network_id for row in rows if row.segment_id]
        if table == "Port":
            counted = [row for row in rows if row.addresses and not row.device_owner.startswith(SERVER_PORT)]
            is_same = len(counted) == 2 and old is not None and new is not None and old.addresses == new.addresses
            return [] if is_same else [row.network_id for row in counted]
        if table == "Network":
            return [row.id for row in rows[:1] if len(row.segment_rows) > 0]
        if table == "Host" and (old is None or new is None or old.configurations != new.configurations):
            return self._routed()
        return []

    def _routed(self) -> set[str]:
        """The networks with subnets on segments."""
        return {subnet.network_id for subnet in self._database.store.all("Subnet") if subnet.segment_id}

    async def work(self) -> None:
        """Look at one that waits; when that fails, it waits behind the others."""
        item = self._course.take()
        try:
            await (self._tell(item) if item.table == "Network" else self._remove(item.id))
        except BaseException:
            self._course.add([item])
            raise

    async def compare(self) -> None:
        """Find out which segments they know, and look at all networks that have or had some."""
        store, routed, wanted = self._database.store, self._routed(), set()
        if not routed and identity.of(store) is None:
            return  # there never were any: nobody is asked, who may not even be there
        self._cloud = await self._database.commit(identity.ensure)
        found = {segments.named(one.name): one for one in await self._aggregates.all()}
        self._there = {segment: one for segment, one in found.items() if segment is not None}
        self._told.clear()
        for id in routed:
            self._course.add([_Item("Network", id)])
            network = store.get("Network", id)
            wanted |= {one.segment for one in segments.of_network(store, network)} if network is not None else set()
        for segment, aggregate in self._there.items():
            if segment not in wanted and aggregate.metadata.get(MARK) == self._cloud:
                self._course.add([_Item("Network_Segment", segment)])

    async def _tell(self, item: _Item) -> None:
        """Tell of the segments of a network, and forget those that it has no more."""
        store = self._database.store
        network = store.get("Network", item.id)
        wanted = [] if network is None else segments.of_network(store, network)
        if wanted and not self._cloud:
            await self.compare()
        self._course.later.pop(item, None)
        for one in wanted:
            self._networks[one.segment] = item.id
            if self._told.get(one.segment) != one:
                await self._ensure(item, one)
        kept = {one.segment for one in wanted}
        for segment in [segment for segment, of in self._networks.items() if of == item.id and segment not in kept]:
            await self._remove(segment)

    async def _ensure(self, item: _Item, wanted: SegmentResources) -> None:
        aggregate = self._there.get(wanted.segment)
        if aggregate is None:
            aggregate = await self._aggregates.make(wanted.name, self._cloud)
        elif aggregate.metadata.get(MARK) != self._cloud:
            aggregate = await self._aggregates.take(aggregate, self._cloud)
        self._there[wanted.segment] = aggregate
        await self._placement.tell_segment(wanted.segment, wanted.name, aggregate.uuid, wanted.inventories)
        there = set(aggregate.hosts)
        for host in sorted(there - wanted.hosts):
            await self._aggregates.remove_host(aggregate, host)
        added = {host for host in sorted(wanted.hosts - there) if await self._aggregates.add_host(aggregate, host)}
        there = (there & wanted.hosts) | added
        self._there[wanted.segment] = replace(aggregate, hosts=sorted(there))
        if there == wanted.hosts:
            self._told[wanted.segment] = wanted
            self._log.info("Placement and Nova were told of a segment", segment=wanted.segment, total=wanted.total)
        else:
            self._course.later[item] = time.monotonic() + AGAIN_S
            unknown = " ".join(sorted(wanted.hosts - there))
            self._log.debug("Nova does not know hosts of a segment yet", segment=wanted.segment, hosts=unknown)

    async def _remove(self, segment: str) -> None:
        """Remove a segment's provider, then the aggregate: while that is there, it is known that there was one."""
        await self._placement.remove_segment(segment)
        aggregate = self._there.get(segment)
        if aggregate is not None:
            await self._aggregates.delete(aggregate)
            del self._there[segment]
        self._told.pop(segment, None)
        self._networks.pop(segment, None)
        self._log.info("Placement and Nova forgot a segment", segment=segment)
