"""What the flows, meters and ports of this host shall be, kept up to date by what changed.

Each owner (feature, id) is computed by its feature from what it reads: rows of the central database, the local state,
facts that other owners state. A changed row makes its readers dirty; `run` computes these, and whoever reads facts that
changed by it, in the order of the features, until nothing is dirty. An owner exists while another wants it; the root is
the owner of the base flows. So the result depends on what there is now, and never on how it came about, except for the
local VLANs, which stay.

    rows, local state ──touch, set_local──> dirty owners ──compute──> contributions ──merge──> flows ──> Delta
                                                 ^                        │
                                                 └──── children, facts ───┘

An owner whose flow collides with another's (merged.py) or was refused by Open vSwitch, or whose data its feature cannot
read, is left out with all its flows and named as a problem; the others stand.
"""

import heapq
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import cast

from msgspec import Struct

from tunbridge.dataplane import conntrack
from tunbridge.dataplane.conntrack import Cut
from tunbridge.dataplane.contribution import (
    FREE_VLANS,
    Claim,
    Context,
    Contribution,
    Group,
    Meter,
    Owner,
    Permit,
    PortSettings,
    PortState,
    Queue,
)
from tunbridge.dataplane.features import FEATURES, metering, policy, qos
from tunbridge.dataplane.features.metering import Counted
from tunbridge.dataplane.flows import Flow, FlowKey
from tunbridge.dataplane.identifiers import Identifiers
from tunbridge.dataplane.local import Local, LocalView, Workload
from tunbridge.dataplane.merged import Merged
from tunbridge.dataplane.problems import Code, Problem
from tunbridge.dataplane.view import Key, Rule, Source, View

__all__ = ["Cut", "Delta", "Desired", "Group", "Local", "Meter", "Owner", "PortSettings", "PortState", "Workload"]

ROOT: Owner = ("base", "")
_RANK = {name: rank for rank, name in enumerate(FEATURES)}
_PORTS = ("port", "gateway", "floating", "tap", "tap flow")
"""Features whose owners have a state that is reported: ports of workloads, routers' outside, taps."""
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
        self._merged = Merged(self._records, lambda owner: (_RANK[owner[0]], owner))
        self._wanted = Counter({ROOT: 1})
        self._facts: dict[Key, Counter[Hashable]] = {}
        self._readers: dict[Key, set[Owner]] = {}
        self._permits: Counter[Permit] = Counter()
        self._claims: Counter[Claim] = Counter()
        self._queue: list[tuple[int, Owner]] = []
        self._dirty: set[Owner] = set()
        self._refused: dict[Owner, str] = {}
        self._failed: dict[Owner, str] = {}
        self._ports: dict[str, PortSettings] = {}
        self._queues: dict[Owner, Queue] = {}
        self._states: Mapping[str, PortState] = {}
        self._noted: dict[Owner, tuple[str, ...]] = {}
        self._touched_owners: set[Owner] = set()
        self._lost: set[Permit] = set()
        self._judge: conntrack.Judge | None = None
        self._metered: set[str] = set()
        """Routers with counters."""

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
        """Leave out an owner whose flow Open vSwitch refused, until what it is computed from changes.

        What all others stand on stays: the problem is told, and the rest forwards.
        """
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
        refused = {owner: reason for owner, reason in self._refused.items() if owner != ROOT}
        self._touched_owners |= self._merged.exclude({**self._failed, **refused})
        delta = Delta(
            flows=self._merged.changed_flows(), meters=self._merged.changed_meters(), groups={},
            ports=self._changed_ports(), states=self._states_now(), cuts=self._cuts(), problems=self._problems_now(),
        )  # fmt: skip
        self._touched_owners.clear()
        self._judge = None
        return delta

    def flows(self, bridge: str) -> Mapping[FlowKey, Flow]:
        """All flows of a bridge."""
        return self._merged.flows(bridge)

    def meters(self, bridge: str) -> Mapping[int, Meter]:
        """All meters of a bridge."""
        return self._merged.meters(bridge)

    def groups(self, bridge: str) -> Mapping[int, Group]:  # noqa: ARG002 no feature has groups yet
        """All OpenFlow groups of a bridge."""
        return {}

    @property
    def ports(self) -> Mapping[str, PortSettings]:
        """OVS port name -> its settings."""
        return self._ports

    @property
    def queues(self) -> Collection[Queue]:
        """The queues of NICs that are wanted."""
        return self._queues.values()

    @property
    def states(self) -> Mapping[str, PortState]:
        """Port id -> state, of every local workload."""
        return self._states

    @property
    def vlans(self) -> Mapping[str, int]:
        """Network id -> local VLAN."""
        return self._identifiers.vlans()

    @property
    def claims(self) -> Collection[Claim]:
        """The routers' addresses that are on this host in physical networks."""
        return self._claims.keys()

    def next_hop(self, number: int) -> tuple[str, str] | None:
        """The address and the network that a number of a next hop stands for."""
        found = self._identifiers.next_hop_of(number)
        if found is None:
            return None
        address, _, network = found.partition(" ")
        return address, network

    @property
    def watched(self) -> Collection[str]:
        """The hosts that have gateways, or take over, of routers that are here; none where nobody takes over."""
        return cast(Collection[str], self._facts.get(("gateway-hosts", ""), {}).keys())

    @property
    def next_hops_outside(self) -> Collection[tuple[str, str]]:
        """Network and address of those that this host's gateways send to, and those that may come to be here."""
        return cast(Collection[tuple[str, str]], self._facts.get(("next-hop-outside", ""), {}).keys())

    @property
    def alternatives(self) -> Collection[tuple[str, str]]:
        """Next hops outside, network and address, that this host leaves for another one when they do not answer."""
        return cast(Collection[tuple[str, str]], self._facts.get(("alternatives", ""), {}).keys())

    def metered(self) -> Mapping[FlowKey, Counted]:
        """The flows that count for metering labels, and what they count for."""
        keys = {key for id in self._metered for _, key in self._records["metering", id].flows}
        found = {key: metering.counted_by(self._identifiers, key) for key in keys}
        return {key: counted for key, counted in found.items() if counted is not None}

    def router(self, number: int) -> str | None:
        """The id of the router with a number."""
        return self._identifiers.router_of(number)

    def owners_of(self, bridge: str, key: FlowKey) -> list[Owner]:
        """Who wants a flow."""
        return self._merged.owners((bridge, key))

    def bridges(self) -> Collection[str]:
        """Bridges that have flows."""
        return self._merged.bridges

    @property
    def local(self) -> Local | None:
        """The local state, as last set."""
        return None if self._local is None else self._local.now

    def zones(self) -> list[Cut]:
        """Everything that conntrack knows here: to be judged once after a start, when all rows are there.

        What was taken away while no agent ran is found by that alone.
        """
        zones = {*self._identifiers.vlans().values(), *self._identifiers.nat_zones()}
        return [Cut(zone, None) for zone in sorted(zones)]

    def judge(self) -> conntrack.Judge:
        """Who says whether what is wanted now allows a connection, at the ends of it that were checked here."""
        if self._judge is None:
            self._judge = conntrack.Judge(self._permits)
        return self._judge

    def is_remote(self, rule: Rule, address: str) -> bool:
        """Whether an address is one of a rule's remote end."""
        return self.judge().holds(policy.remote_of(rule) or rule.remote_ip_prefix or "", address)

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
            self._release(owner)
        else:
            self._records[owner] = new
        if owner[0] == "metering":
            (self._metered.add if owner in self._records else self._metered.discard)(owner[1])
        self._touched_owners.add(owner)
        self._replace_reads(owner, old.reads, new.reads)
        self._replace_children(old.children, new.children)
        self._replace_facts(old.facts, new.facts)
        self._replace_permits(old.permits, new.permits)
        self._replace_claims(old.claims, new.claims)
        self._merged.replace(owner, old, new)
        if new.queue is not None:
            self._queues[owner] = new.queue
        elif old.queue is not None:
            del self._queues[owner]
        if old.port is not None and old.port != new.port:
            self._ports.pop(old.port[0], None)

    def _release(self, owner: Owner) -> None:
        """Give back the numbers that an owner had, which is no more."""
        feature, id = owner
        if feature == "network":
            self._identifiers.release_vlan(id)
            self.touch([FREE_VLANS])
        elif feature == "policy":
            self._identifiers.release_policy(id)
        elif feature in ("router", "local-ip"):
            self._identifiers.release_router(id)
        elif feature in ("qos", "floating", "gateway"):
            self._identifiers.release_meters(id, qos.LIMITS)
            self._identifiers.release_queue(id)

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

    def _replace_claims(self, old: set[Claim], new: set[Claim]) -> None:
        self._claims.update(new - old)
        for claim in old - new:
            self._claims[claim] -= 1
            if not self._claims[claim]:
                del self._claims[claim]

    # What changed

    def _changed_ports(self) -> dict[str, PortSettings]:
        changed: dict[str, PortSettings] = {}
        wanted = [self._records[o].port for o in self._touched_owners if o in self._records]
        for port in wanted:
            if port is not None and self._ports.get(port[0]) != port[1]:
                changed[port[0]] = self._ports[port[0]] = port[1]
        return changed

    def _states_now(self) -> Mapping[str, PortState]:
        """The states of all that has one; a new mapping when one has changed."""
        touched = {o[1]: self._state(o) for o in self._touched_owners if o[0] in _PORTS}
        if any(self._states.get(id) != state for id, state in touched.items()):
            merged = {**self._states, **touched}
            self._states = {id: state for id, state in merged.items() if state is not None}
        return self._states

    def _state(self, owner: Owner) -> PortState | None:
        record = self._records.get(owner)
        if record is None:
            return None
        if owner in self._merged.excluded:
            return PortState("error", self._merged.excluded[owner])
        if record.state is None:  # an address outside is only known of, and another host's
            return PortState("down", "not computed yet") if owner[0] == "port" else None
        return record.state[1]

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
        found = [(owner, reason) for owner, reason in self._merged.excluded.items()]
        found += [(ROOT, self._refused[ROOT])] if ROOT in self._refused else []
        found += [(owner, note) for owner, notes in self._noted.items() for note in notes]
        return [
            Problem(code=Code.NOT_CARRIED_OUT, subject=f"{o[0]} {o[1]}".rstrip(), message=m) for o, m in sorted(found)
        ]
