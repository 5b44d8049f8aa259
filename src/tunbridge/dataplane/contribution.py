"""What one owner wants: flows, meters, settings of a port, and what it tells other owners.

A feature computes the contribution of one owner (feature, id) through a `Context`, which notes what was read. Owners
reach each other in two ways only: an owner wants children to exist, and it states facts that other owners read.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from tunbridge.dataplane import flow, pipeline
from tunbridge.dataplane.flow import Action, Match
from tunbridge.dataplane.flows import Flow, FlowError, FlowKey
from tunbridge.dataplane.identifiers import ExhaustedError, Identifiers
from tunbridge.dataplane.local import LocalView
from tunbridge.dataplane.pipeline import Table
from tunbridge.dataplane.view import Key, Network, View
from tunbridge.openvswitch import sub_ports, vm_tags

Owner = tuple[str, str]
"""(feature, id)."""
Place = tuple[str, FlowKey]
"""Bridge and key of a flow."""
Claim = tuple[str, str, str]
"""Network, address, MAC address: a router's address that is on this host, and that the wire shall know of."""
Permit = tuple[str, ...]
"""Something that lets connections pass; when it goes, connections are judged anew. See conntrack.py."""


class Meter(Struct, frozen=True):
    """A meter that drops what exceeds `rate` (`unit` per second: packets, or kbit) after a burst of `burst`."""

    id: int
    rate: int
    burst: int
    unit: Literal["pktps", "kbps"] = "pktps"

    @property
    def text(self) -> str:
        """As `ovs-ofctl add-meter` takes it."""
        return f"meter={self.id},{self.unit},burst,band=type=drop,rate={self.rate},burst_size={self.burst}"


class Group(Struct, frozen=True):
    """An OpenFlow group, as text after `group_id=N,`."""

    id: int
    text: str


class Queue(Struct, frozen=True):
    """A queue of the NICs of a provider bridge: what is in it has at least `kbps` kbit/s of them."""

    bridge: str
    number: int
    kbps: int


class PortSettings(Struct, frozen=True):
    """What a workload's port has in OVSDB. Keys of SETTINGS that are not in `other_config` are removed there."""

    tag: int
    other_config: Mapping[str, str]


STEERING = "tx_steering"
"""What the agent has set as `other_config:tx-steering` of the port's interface: it takes away no other."""
SETTINGS = (
    "net_uuid",
    "network_type",
    "physical_network",
    "segmentation_id",
    "tag",
    sub_ports.KEY,
    vm_tags.KEY,
    STEERING,
)
"""The keys of `other_config` that Neutron's agent writes, and those of ours."""
FREE_VLANS: Key = ("identifiers", "vlans")
"""Touched when a local VLAN is given back."""
DEAD_VLAN = 4095
UNBOUND = PortSettings(DEAD_VLAN, {})


class PortState(Struct, frozen=True):
    """What became of a workload: `wired`, `unbound` (a server binds it to a host that says that it has it), `down`
    (nothing is wrong), or `error`.
    """

    status: str
    reason: str = ""
    bridge: str | None = None
    """Of a wired one: by which its packets leave the host, beside br-int."""


class Contribution(Struct):
    """Everything of one owner."""

    flows: dict[Place, Flow] = {}
    meters: dict[tuple[str, int], Meter] = {}
    children: set[Owner] = set()
    facts: set[tuple[Key, Hashable]] = set()
    permits: set[Permit] = set()
    claims: set[Claim] = set()
    reads: frozenset[Key] = frozenset()
    port: tuple[str, PortSettings] | None = None
    state: tuple[str, PortState] | None = None
    queue: Queue | None = None
    notes: tuple[str, ...] = ()


class Context:
    """What a feature computes with, for one owner."""

    def __init__(
        self,
        feature: str,
        view: View,
        local: LocalView,
        identifiers: Identifiers,
        facts: Callable[[Key], Collection[Hashable]],
    ) -> None:
        self.view = view
        self.local = local
        self.identifiers = identifiers
        self.contribution = Contribution()
        self._facts = facts
        self._reads: set[Key] = set()
        self._cookie = pipeline.cookie(feature)

    def finish(self) -> Contribution:
        """The contribution with everything that was read for it."""
        self.contribution.reads = frozenset(self._reads | self.view.take_reads() | self.local.take_reads())
        return self.contribution

    def vlan(self, network_id: str, unwritten: bool = False) -> int:
        """The network's local VLAN. Raises ExhaustedError; then the owner is computed again when one is given back."""
        try:
            return self.identifiers.vlan(network_id, unwritten)
        except ExhaustedError:
            self._reads.add(FREE_VLANS)
            raise

    def network(self, id: str) -> Network | None:
        """A network, by the segment by which this host has it; by the first, where it reaches none."""
        found = self.view.network(id)
        if found is None or not found.segments:
            return found
        return found.by(self.local.tunnel_types, self.local.providers)

    def facts(self, kind: str, subject: str) -> Collection[Hashable]:
        """What all owners together state about a subject."""
        self._reads.add((kind, subject))
        return self._facts((kind, subject))

    def state(self, kind: str, subject: str, value: Hashable = True) -> None:
        """State a fact for other owners."""
        self.contribution.facts.add(((kind, subject), value))

    def child(self, feature: str, id: str) -> None:
        """Want an owner to exist."""
        self.contribution.children.add((feature, id))

    def permit(self, *permit: str) -> None:
        self.contribution.permits.add(permit)

    def claim(self, network_id: str, address: str, mac: str) -> None:
        """Have an address in a physical network that another host may have had before."""
        self.contribution.claims.add((network_id, address, mac))

    def flow(self, bridge: str, table: Table, priority: int, match: Match, *actions: Action) -> None:
        """Want a flow. Conjunctions for one key are put together; raises FlowError when the key has another flow."""
        self.want(bridge, flow.make(table, priority, match, actions, self._cookie))

    def want(self, bridge: str, wanted: Flow) -> None:
        """Want a flow that is made already."""
        place = (bridge, wanted.key)
        former = self.contribution.flows.get(place)
        if former is not None and former != wanted:
            merged = merge([former, wanted])
            if merged is None:
                raise FlowError(f"{former.add_line()!r} and {wanted.add_line()!r} exclude each other")
            wanted = merged
        self.contribution.flows[place] = wanted

    def meter(self, bridge: str, meter: Meter) -> None:
        self.contribution.meters[bridge, meter.id] = meter

    def port(self, name: str, settings: PortSettings) -> None:
        """Settings of a workload's port."""
        self.contribution.port = (name, settings)

    def queue(self, queue: Queue) -> None:
        self.contribution.queue = queue

    def port_state(self, port_id: str, state: PortState) -> None:
        self.contribution.state = (port_id, state)

    def note(self, message: str) -> None:
        """Say what cannot be carried out; the rest of the owner stands."""
        self.contribution.notes = (*self.contribution.notes, message)


def merge(flows: Sequence[Flow]) -> Flow | None:
    """One flow for a key that several owners want; None when they exclude each other."""
    first = flows[0]
    if all(f == first for f in flows):
        return first
    if not all(f.actions.startswith("conjunction(") and f.cookie == first.cookie for f in flows):
        return None
    conjunctions = {c for f in flows for c in f.actions.removesuffix(")").split("),")}
    return Flow(
        table=first.table, priority=first.priority, match=first.match, cookie=first.cookie,
        actions="),".join(sorted(conjunctions)) + ")",
    )  # fmt: skip
