"""Packets that flows send to the agent: DHCP, router and neighbour solicitations, names, metadata.

They are answered at the VM's own host. The flow names the kind of answer in its userdata, and a meter of the port
limits them, so that a VM that floods harms only itself. A mistake in an answer is logged and counted, and ends nothing.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from tunbridge.agent.locations import Locations
from tunbridge.agent.name_server import NameServer
from tunbridge.agent.neighbours import Neighbours
from tunbridge.agent.refusals import Refusals
from tunbridge.agent.traffic_log import TrafficLog
from tunbridge.agent.vouching import Vouching
from tunbridge.agent.wires import Wires
from tunbridge.dataplane import names, responders
from tunbridge.dataplane.desired import Desired, Workload
from tunbridge.dataplane.features import services
from tunbridge.dataplane.responders import Forward, Kind, MalformedError, Settings
from tunbridge.dataplane.responders.headers import read_headers
from tunbridge.dataplane.view import Key, Location, Source, View
from tunbridge.log import Log
from tunbridge.openvswitch.openflow import PacketIn

TOLD_AGAIN_S = 60.0
"""Between two lines of the log about ports of the same router."""
NO_PORT = "a router's address has no port (ICMP: id) left for a new connection to its destination, which is dropped"
SPREAD = 0.25
"""Unsolicited advertisements are sent up to this part of the interval earlier (RFC 4861, 6.2.4)."""


class Send(Protocol):
    """Sends a frame out of an OpenFlow port of a bridge, or through actions as if it had come in by a port."""

    def __call__(self, bridge: str, data: bytes, out: int | str, in_port: int | None = None) -> None: ...


class PacketIns:
    """Answers packets. `touch` tells it of changed rows, `run` is its task."""

    def __init__(
        self,
        desired: Desired,
        source: Source,
        send: Send,
        log: Log,
        settings: Settings,
        resolvers: Iterable[str],
        locate: Callable[[Mapping[tuple[str, str], Location | None]], None],
        later: Callable[[float], None],
        traffic_log: TrafficLog,
    ) -> None:
        """`locate` says to the other hosts where addresses are that several ports may have; `later` has the engine look
        again after so many seconds.
        """
        self.counts: Counter[tuple[str, str]] = Counter()
        """(kind, result) -> packets: `answered`, `ignored`, `malformed`, `forwarded`, `failed`, or `logged`."""
        self._desired = desired
        self._source = source
        self._send = send
        self._log = log
        self._settings = settings
        self.name_server = NameServer(source, self._to_workload, log, settings, resolvers)
        self._workloads: Mapping[str, Workload] = {}
        self._by_ofport: dict[int, Workload] = {}
        self._advertised: dict[str, bytes | None] = {}
        """Port id -> the last unsolicited advertisement, None where its network has none."""
        self._prefixes: dict[str, frozenset[str]] = {}
        """Port id -> the IPv6 prefixes that it was told, of subnets that are there."""
        self._announced: dict[str, list[bytes]] = {}
        """Port id -> the last announcements of the routers on its network."""
        self._view = View(source)
        self._readers: dict[Key, set[str]] = {}
        """Row -> ports whose advertisement was made of it."""
        self.connections: dict[Kind, Callable[[bytes, Workload], bool]] = {Kind.dns_tcp: self.name_server.take_packet}
        """Who takes the packets of connections; of those to the metadata service where this host has it."""
        self._told_again_at: dict[int, float] = {}
        """Number of a router -> when it is logged again that its address has no port left."""
        self.wires = Wires(desired, source, send)
        self.vouching = Vouching(source, self.wires, later)
        self.neighbours = Neighbours(
            desired, self.wires, send, self._unreachable, self.vouching.heard, lambda: later(0.0)
        )
        self.locations = Locations(desired, source, send, locate)
        self._refusals = Refusals(desired, source, send)
        self._traffic_log = traffic_log

    def configure(self, settings: Settings, resolvers: Iterable[str]) -> None:
        """Answer by these settings from now on."""
        self._settings = settings
        self.name_server.configure(settings, resolvers)

    def touch(self, keys: Iterable[Key]) -> None:
        """Note rows that changed."""
        keys = set(keys)
        self.name_server.touch(keys)
        self.locations.touch(keys)
        for key in keys & self._readers.keys():
            for id in self._readers.pop(key):
                self._advertised.pop(id, None)

    def settled(self) -> None:
        """Take note of the workloads that are wired now, and tell those whose advertisement is new or has changed."""
        self.locations.settled()
        local = self._desired.local
        workloads = {} if local is None else local.workloads
        if self._workloads is workloads and len(self._advertised) == len(workloads):
            return
        if self._workloads is not workloads:
            self._workloads = workloads
            self._by_ofport = {w.ofport: w for w in workloads.values()}
        for id in self._advertised.keys() - workloads.keys():
            del self._advertised[id]
            self._announced.pop(id, None)
            self._prefixes.pop(id, None)
        for id in workloads.keys() - self._advertised.keys():
            self._advertise(workloads[id])

    async def run(self) -> None:
        """Advertise routers every so often, until cancelled."""
        while True:
            await asyncio.sleep(self._settings.ra_interval * random.uniform(1 - SPREAD, 1))  # noqa: S311 - no secret
            for workload in list(self._by_ofport.values()):
                if self._advertised.get(workload.port_id) is not None:
                    self._advertise(workload)
                    await asyncio.sleep(0)

    def _advertise(self, workload: Workload) -> None:
        state = self._desired.states.get(workload.port_id)
        if state is None or state.status != "wired":
            return
        try:
            self._view.take_reads()
            subject = responders.read_subject(self._view, workload.port_id)
            there = frozenset() if subject is None else frozenset(subnet.cidr for subnet in subject.subnets)
            former = self._prefixes.get(workload.port_id, frozenset())
            told = frozenset() if subject is None else responders.advertised_prefixes(subject)
            frame = None if subject is None else responders.advertise(subject, self._settings, former - there)
            routers = [] if subject is None else responders.announce_routers(subject)
        except Exception as e:
            self._failed(Kind.router, workload.port_id, e)
            return
        self._advertised[workload.port_id], self._prefixes[workload.port_id] = frame, told | (former & there)
        for key in self._view.take_reads():
            self._readers.setdefault(key, set()).add(workload.port_id)
        new = [one for one in routers if one not in self._announced.get(workload.port_id, ())]
        self._announced[workload.port_id] = routers
        for one in ([] if frame is None else [frame]) + new:
            self._send(names.INTEGRATION_BRIDGE, one, workload.ofport)

    def take(self, event: PacketIn) -> None:
        """Answer one packet."""
        kind = services.kind_of(event.userdata)
        if kind in (Kind.resolve, Kind.resolved, Kind.solicited):
            self._neighbour(kind, event)
            return
        workload = self._by_ofport.get(event.in_port)
        if workload is not None and kind is Kind.claimed:
            self._claimed(event, workload)
        elif workload is not None and kind in responders.CONNECTED:
            self._connected(kind, event, workload)
        elif kind in responders.LOGGED:
            self._note(kind, event)
        elif kind is Kind.no_port:
            self._untranslated(event)
        elif workload is not None and kind is not None:
            self._answer(kind, event, workload)
        elif kind in responders.TOLD:
            self._refuse(kind, event)
        else:
            self.counts["unknown", "ignored"] += 1

    def _note(self, kind: Kind, event: PacketIn) -> None:
        """Log what security groups did with a packet."""
        is_received = kind in (Kind.ingress_allowed, Kind.ingress_dropped)
        workload = self._by_ofport.get(event.fields.get("reg7", 0) if is_received else event.in_port)
        try:
            noted = workload is not None and self._traffic_log.note(kind, workload.port_id, event)
            self.counts[kind, "logged" if noted else "ignored"] += 1
        except MalformedError:
            self.counts[kind, "malformed"] += 1
        except Exception as e:
            self._failed(kind, "" if workload is None else workload.port_id, e)

    def _untranslated(self, event: PacketIn) -> None:
        """A router's address has no port left: counted, and logged once a minute for each router."""
        router, now = event.fields.get("reg1", 0), time.monotonic()
        try:
            if now >= self._told_again_at.get(router, 0.0):
                told = read_headers(event.data).told()
                self._told_again_at[router] = now + TOLD_AGAIN_S
                self._log.warning(NO_PORT, router=self._desired.router(router), **told)
            self.counts[Kind.no_port, "logged"] += 1
        except MalformedError:
            self.counts[Kind.no_port, "malformed"] += 1

    def _connected(self, kind: Kind, event: PacketIn, workload: Workload) -> None:
        """A packet of a connection with a service of this host."""
        take = self.connections.get(kind)
        try:
            taken = take is not None and take(event.data, workload)
        except MalformedError:
            self.counts[kind, "malformed"] += 1
        except Exception as e:  # whatever it is: the next packet is another one
            self._failed(kind, workload.port_id, e)
        else:
            self.counts[kind, "answered" if taken else "ignored"] += 1

    def _to_workload(self, frame: bytes, ofport: int) -> None:
        self._send(names.INTEGRATION_BRIDGE, frame, ofport)

    def _neighbour(self, kind: Kind, event: PacketIn) -> None:
        """A question about a neighbour of routers, or an answer to one."""
        take = {
            Kind.resolve: self.neighbours.resolve,
            Kind.resolved: self.neighbours.resolved,
            Kind.solicited: self._advertise_router,
        }[kind]
        try:
            self.counts[kind, "answered" if take(event) else "ignored"] += 1
        except MalformedError:
            self.counts[kind, "malformed"] += 1

    def _claimed(self, event: PacketIn, workload: Workload) -> None:
        """A workload has an address that others may have as well."""
        try:
            self.counts[Kind.claimed, "answered" if self.locations.heard(event, workload) else "ignored"] += 1
        except MalformedError:
            self.counts[Kind.claimed, "malformed"] += 1

    def _advertise_router(self, event: PacketIn) -> bool:
        frame = self.neighbours.solicited(event)
        network = self.wires.network_of(event.fields.get("reg6", 0))
        if frame is None or network is None:
            return False
        if event.in_port in self._by_ofport:
            self._send(event.bridge, frame, event.in_port)
        else:
            self.wires.send(network, frame)
        return True

    def _unreachable(self, event: PacketIn) -> None:
        """Tell the sender of a packet that its next hop does not answer."""
        workload = self._by_ofport.get(event.in_port)
        if workload is not None:
            self._answer(Kind.no_host, event, workload)
        else:
            self._refuse(Kind.no_host, event)

    def _refuse(self, kind: Kind, event: PacketIn) -> None:
        """Tell a sender that is no workload here."""
        try:
            self.counts[kind, "answered" if self._refusals.tell(kind, event) else "ignored"] += 1
        except MalformedError:
            self.counts[kind, "malformed"] += 1
        except Exception as e:
            self._failed(kind, f"router {event.fields.get('reg1', 0):#x}", e)

    def _answer(self, kind: Kind, event: PacketIn, workload: Workload) -> None:
        try:
            is_name = kind is Kind.dns
            id = workload.port_id
            subject = self.name_server.subject(id) if is_name else responders.read_subject(self._source, id)
            replies = [] if subject is None else responders.answer(kind, event.data, subject, self._settings)
        except MalformedError:
            self.counts[kind, "malformed"] += 1
            return
        except Exception as e:  # whatever it is: the next packet is another one
            self._failed(kind, workload.port_id, e)
            return
        for reply in replies:
            if isinstance(reply, Forward):
                self.counts[kind, "forwarded" if self.name_server.forward(reply, workload) else "failed"] += 1
            else:
                self.counts[kind, "answered"] += 1
                self._send(event.bridge, reply, event.in_port)
        if not replies:
            self.counts[kind, "ignored"] += 1

    def _failed(self, kind: Kind, port_id: str, error: Exception) -> None:
        self.counts[kind, "failed"] += 1
        self._log.error("a packet could not be answered", kind=str(kind), port=port_id, exc_info=error)
