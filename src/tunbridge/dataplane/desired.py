"""What the flows, meters and ports of this host shall be, kept up to date by what changed.

Each owner (feature, id) is computed by its feature from what it reads: rows of the central database, the local state,
facts that other owners state. A changed row makes its readers dirty; `run` computes these, and whoever reads facts that
changed by it, in the order of the features, until nothing is dirty. An owner exists while another wants it; the root is
the owner of the base flows. So the result depends on what there is now, and never on how it came about, except for the
local VLANs, which stay.

    rows, local state ──touch, set_local──> dirty owners ──compute──> contributions ──merge──> flows ──> Delta
                                                 ^                        │
                                                 └──── children, facts ───┘

Two owners that want different flows for one key exclude each other: the later one (by feature, then id) is left out
with all its flows and named as a problem; the others stand.
"""

import heapq
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

from msgspec import Struct

from tunbridge.dataplane import conntrack
from tunbridge.dataplane.changes import Problem
from tunbridge.dataplane.conntrack import Connection, Cut
from tunbridge.dataplane.contribution import (
    Context,
    Contribution,
    Group,
    Meter,
    Owner,
    Permit,
    Place,
    PortSettings,
    PortState,
    merge,
)
from tunbridge.dataplane.features import FEATURES
from tunbridge.dataplane.flows import Flow, FlowKey
from tunbridge.dataplane.identifiers import Identifiers
from tunbridge.dataplane.local import Local, LocalView, Workload
from tunbridge.dataplane.view import Key, Source, View

__all__ = ["Cut", "Delta", "Desired", "Group", "Local", "Meter", "Owner", "PortSettings", "PortState", "Workload"]

ROOT: Owner = ("base", "")
_RANK = {name: rank for rank, name in enumerate(FEATURES)}
_NOTHING = Contribution()


class Delta(Struct, kw_only=True):
    """What changed since the last run; None: to be deleted."""

    flows: Mapping[str, Mapping[FlowKey, Flow | None]]
    meters: Mapping[str, Mapping[int, Meter | None]]
    groups: Mapping[str, Mapping[int, Group | None]]
    ports: Mapping[str, PortSettings]
    """OVS port name -> its settings."""
    states: Mapping[str, PortState]
    """Port id -> state, of every local workload, changed or not."""
    cuts: Sequence[Cut]
    problems: Sequence[Problem]
    """All that stand now."""


class Desired:
    """The desired state of one host."""

    def __init__(self, source: Source) -> None:
        self._view = View(source)
        self._local: LocalView | None = None
        self._identifiers = Identifiers()
        self._records: dict[Owner, Contribution] = {}
        self._wanted = Counter({ROOT: 1})
        self._facts: dict[Key, Counter[Hashable]] = {}
        self._readers: dict[Key, set[Owner]] = {}
        self._permits: Counter[Permit] = Counter()
        self._queue: list[tuple[int, Owner]] = []
        self._dirty: set[Owner] = set()
        self._holders: dict[Place, Owner | tuple[Owner, ...]] = {}
        self._contested: set[Place] = set()
        self._refused: dict[Owner, str] = {}
        self._failed: dict[Owner, str] = {}
        self._excluded: dict[Owner, str] = {}
        self._flows: dict[str, dict[FlowKey, Flow]] = {}
        self._meters: dict[str, dict[int, Meter]] = {}
        self._ports: dict[str, PortSettings] = {}
        self._states: Mapping[str, PortState] = {}
        self._noted: dict[Owner, tuple[str, ...]] = {}
        self._touched: set[Place] = set()
        self._touched_meters: set[tuple[str, int]] = set()
        self._meter_owners: dict[tuple[str, int], dict[Owner, Meter]] = {}
        self._touched_owners: set[Owner] = set()
        self._lost: set[Permit] = set()
        self._judge: conntrack.Judge | None = None

    # Input

    def touch(self, keys: Iterable[Key]) -> None:
        """Note rows that changed."""
        for key in keys:
            for owner in self._readers.get(key, ()):
                self._mark(owner)

    def set_local(self, local: Local) -> None:
        """Take the local state. The first one brings the local VLANs that the ports have."""
        if self._local is None:
            self._local = LocalView(local)
            self._identifiers.recover(local.vlans)
            self._mark(ROOT)
        else:
            self.touch(self._local.replace(local))

    def refuse(self, owner: Owner, reason: str) -> None:
        """Leave out an owner whose flow Open vSwitch refused, until what it is computed from changes."""
        if owner in self._records:
            self._refused[owner] = reason
            self._touched_owners.add(owner)

    # Output

    def run(self) -> Delta:
        """Compute what is dirty, and give what changed since the last run. Without a local state: nothing."""
        while self._queue:
            _, owner = heapq.heappop(self._queue)
            self._dirty.discard(owner)
            self._replace(owner, self._compute(owner) if self._wanted[owner] else None)
        self._exclude()
        delta = Delta(
            flows=self._changed_flows(), meters=self._changed_meters(), groups={}, ports=self._changed_ports(),
            states=self._states_now(), cuts=self._cuts(), problems=self._problems_now(),
        )  # fmt: skip
        self._touched_owners.clear()
        self._judge = None
        return delta

    def flows(self, bridge: str) -> Mapping[FlowKey, Flow]:
        """All flows of a bridge."""
        return self._flows.get(bridge, {})

    def meters(self, bridge: str) -> Mapping[int, Meter]:
        """All meters of a bridge."""
        return self._meters.get(bridge, {})

    def groups(self, bridge: str) -> Mapping[int, Group]:  # noqa: ARG002 no feature has groups yet
        """All OpenFlow groups of a bridge."""
        return {}

    @property
    def ports(self) -> Mapping[str, PortSettings]:
        """OVS port name -> its settings."""
        return self._ports

    @property
    def states(self) -> Mapping[str, PortState]:
        """Port id -> state, of every local workload."""
        return self._states

    @property
    def vlans(self) -> Mapping[str, int]:
        """Network id -> local VLAN."""
        return self._identifiers.vlans()

    def owners_of(self, bridge: str, key: FlowKey) -> list[Owner]:
        """Who wants a flow."""
        return self._owners((bridge, key))

    def bridges(self) -> Collection[str]:
        """Bridges that have flows."""
        return self._flows.keys()

    @property
    def local(self) -> Local | None:
        """The local state, as last set."""
        return None if self._local is None else self._local.now

    def zones(self) -> list[Cut]:
        """Everything that conntrack knows here: to be judged once after a start, when all rows are there.

        What was taken away while no agent ran is found by that alone.
        """
        return [Cut(vlan, None) for vlan in sorted(self._identifiers.vlans().values())]

    def allows(self, connection: Connection) -> bool:
        """Whether what is wanted now allows a connection, at the ends of it that were checked here."""
        if self._judge is None:
            self._judge = conntrack.Judge(self._permits)
        return self._judge.allowed(connection)

    # Dirty owners

    def _mark(self, owner: Owner) -> None:
        if owner not in self._dirty:
            self._dirty.add(owner)
            heapq.heappush(self._queue, (_RANK[owner[0]], owner))

    def _compute(self, owner: Owner) -> Contribution:
        assert self._local is not None
        feature, id = owner
        self._refused.pop(owner, None)
        self._failed.pop(owner, None)
        context = Context(feature, self._view, self._local, self._identifiers, self._facts_of)
        try:
            FEATURES[feature](context, id)
        except Exception as e:  # one owner's data must not stop the host's other ports
            self._failed[owner] = str(e) or repr(e)
        return context.finish()

    def _facts_of(self, key: Key) -> Collection[Hashable]:
        return self._facts.get(key, {}).keys()

    def _replace(self, owner: Owner, new: Contribution | None) -> None:
        old = self._records.pop(owner, _NOTHING)
        if new is None:
            new = _NOTHING
            self._refused.pop(owner, None)
            self._failed.pop(owner, None)
            self._excluded.pop(owner, None)
            if owner[0] == "network":
                self._identifiers.release_vlan(owner[1])
        else:
            self._records[owner] = new
        self._touched_owners.add(owner)
        self._replace_reads(owner, old.reads, new.reads)
        self._replace_children(old.children, new.children)
        self._replace_facts(old.facts, new.facts)
        self._replace_permits(old.permits, new.permits)
        self._replace_flows(owner, old.flows, new.flows)
        self._replace_meters(owner, old.meters, new.meters)
        if old.port is not None and old.port != new.port:
            self._ports.pop(old.port[0], None)

    def _replace_reads(self, owner: Owner, old: frozenset[Key], new: frozenset[Key]) -> None:
        for key in old - new:
            readers = self._readers[key]
            readers.discard(owner)
            if not readers:
                del self._readers[key]
        for key in new - old:
            self._readers.setdefault(key, set()).add(owner)

    def _replace_children(self, old: set[Owner], new: set[Owner]) -> None:
        for child in new - old:
            self._wanted[child] += 1
            if self._wanted[child] == 1:
                self._mark(child)
        for child in old - new:
            self._wanted[child] -= 1
            if not self._wanted[child]:
                del self._wanted[child]
                self._mark(child)

    def _replace_facts(self, old: set[tuple[Key, Hashable]], new: set[tuple[Key, Hashable]]) -> None:
        for key, value in new - old:
            counts = self._facts.setdefault(key, Counter())
            counts[value] += 1
            if counts[value] == 1:
                self.touch([key])
        for key, value in old - new:
            counts = self._facts[key]
            counts[value] -= 1
            if not counts[value]:
                del counts[value]
                self.touch([key])
            if not counts:
                del self._facts[key]

    def _replace_permits(self, old: set[Permit], new: set[Permit]) -> None:
        self._permits.update(new - old)
        for permit in old - new:
            self._permits[permit] -= 1
            if not self._permits[permit]:
                del self._permits[permit]
                self._lost.add(permit)

    def _replace_flows(self, owner: Owner, old: dict[Place, Flow], new: dict[Place, Flow]) -> None:
        for place in new:
            if place not in old:
                self._hold(place, owner)
            if old.get(place) != new[place]:
                self._touched.add(place)
        for place in old.keys() - new.keys():
            self._release(place, owner)
            self._touched.add(place)

    def _hold(self, place: Place, owner: Owner) -> None:
        holders = self._holders.get(place)
        if holders is None:
            self._holders[place] = owner
        else:
            self._holders[place] = (*self._owners(place), owner)

    def _release(self, place: Place, owner: Owner) -> None:
        rest = [o for o in self._owners(place) if o != owner]
        if not rest:
            del self._holders[place]
        else:
            self._holders[place] = rest[0] if len(rest) == 1 else tuple(rest)

    def _owners(self, place: Place) -> list[Owner]:
        holders = self._holders.get(place)
        if holders is None:
            return []
        return [holders] if isinstance(holders[0], str) else list(holders)

    def _replace_meters(
        self, owner: Owner, old: dict[tuple[str, int], Meter], new: dict[tuple[str, int], Meter]
    ) -> None:
        for where in old.keys() | new.keys():
            if old.get(where) != new.get(where):
                self._touched_meters.add(where)
                holders = self._meter_owners.setdefault(where, {})
                if where in new:
                    holders[owner] = new[where]
                else:
                    del holders[owner]

    # Conflicts

    def _exclude(self) -> None:
        """Find the owners that are left out: refused ones, failed ones, and the later of two that collide."""
        for place in self._touched:
            owners = self._owners(place)
            contested = len(owners) > 1 and merge([self._records[o].flows[place] for o in owners]) is None
            (self._contested.add if contested else self._contested.discard)(place)
        excluded = {**self._failed, **self._refused}
        excluded |= self._collisions(excluded)
        for owner in excluded.keys() ^ self._excluded.keys():
            self._touched_owners.add(owner)
            self._touched.update(self._records.get(owner, _NOTHING).flows)
        self._excluded = excluded

    def _collisions(self, out: Mapping[Owner, str]) -> dict[Owner, str]:
        places: dict[Owner, list[Place]] = {}
        for place in self._contested:
            for owner in self._owners(place):
                places.setdefault(owner, []).append(place)
        taken: dict[Place, tuple[Owner, Flow]] = {}
        found: dict[Owner, str] = {}
        for owner in sorted(places.keys() - out.keys(), key=lambda o: (_RANK[o[0]], o)):
            wanted = self._records[owner].flows
            rivals = [taken[p] for p in places[owner] if p in taken and merge([taken[p][1], wanted[p]]) is None]
            if rivals:
                (feature, id), flow = rivals[0]
                found[owner] = f"collides with {feature} {id} on {flow.add_line().removeprefix('flow add ')}"
            else:
                taken |= {p: (owner, wanted[p]) for p in places[owner]}
        return found

    # What changed

    def _changed_flows(self) -> dict[str, dict[FlowKey, Flow | None]]:
        changed: dict[str, dict[FlowKey, Flow | None]] = {}
        for place in self._touched:
            bridge, key = place
            present = self._flows.setdefault(bridge, {})
            flows = [self._records[o].flows[place] for o in self._owners(place) if o not in self._excluded]
            wanted = merge(flows) if flows else None
            if present.get(key) != wanted:
                changed.setdefault(bridge, {})[key] = wanted
                if wanted is None:
                    del present[key]
                else:
                    present[key] = wanted
        self._touched.clear()
        return changed

    def _changed_meters(self) -> dict[str, dict[int, Meter | None]]:
        changed: dict[str, dict[int, Meter | None]] = {}
        for where in self._touched_meters:
            bridge, id = where
            present = self._meters.setdefault(bridge, {})
            holders = self._meter_owners[where]
            meter = holders[min(holders)] if holders else None
            if not holders:
                del self._meter_owners[where]
            if present.get(id) != meter:
                changed.setdefault(bridge, {})[id] = meter
                if meter is None:
                    del present[id]
                else:
                    present[id] = meter
        self._touched_meters.clear()
        return changed

    def _changed_ports(self) -> dict[str, PortSettings]:
        changed: dict[str, PortSettings] = {}
        wanted = [self._records[o].port for o in self._touched_owners if o in self._records]
        for port in wanted:
            if port is not None and self._ports.get(port[0]) != port[1]:
                changed[port[0]] = self._ports[port[0]] = port[1]
        return changed

    def _states_now(self) -> Mapping[str, PortState]:
        """The states of all ports; a new mapping when one has changed."""
        touched = {o[1]: self._state(o) for o in self._touched_owners if o[0] == "port"}
        if any(self._states.get(id) != state for id, state in touched.items()):
            merged = {**self._states, **touched}
            self._states = {id: state for id, state in merged.items() if state is not None}
        return self._states

    def _state(self, owner: Owner) -> PortState | None:
        record = self._records.get(owner)
        if record is None:
            return None
        if owner in self._excluded:
            return PortState("error", self._excluded[owner])
        return record.state[1] if record.state is not None else PortState("down", "not computed yet")

    def _cuts(self) -> list[Cut]:
        lost = [p for p in self._lost if not self._permits.get(p)]
        self._lost.clear()
        return conntrack.cuts(lost, self._permits)

    def _problems_now(self) -> list[Problem]:
        for owner in self._touched_owners:
            notes = self._records.get(owner, _NOTHING).notes
            if notes:
                self._noted[owner] = notes
            else:
                self._noted.pop(owner, None)
        found = [(owner, reason) for owner, reason in self._excluded.items()]
        found += [(owner, note) for owner, notes in self._noted.items() for note in notes]
        return [Problem(subject=f"{o[0]} {o[1]}".rstrip(), message=m) for o, m in sorted(found)]
