"""Keeps the flows of the bridges: wanted against present, one bundle for the difference, nobody else's flow touched.

Per bridge:
    unknown --dump, bundle--> clean --flow monitor, new wanted flows, bridge came back--> unknown
Without an answer from vswitchd a bridge stays unknown, and the caller comes back.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tunbridge.agent.log import Log
from tunbridge.agent.record import Record
from tunbridge.agent.saved import SavedFlows
from tunbridge.dataplane import changes, flows, names
from tunbridge.dataplane.features import base
from tunbridge.dataplane.flows import Flow, FlowError, FlowKey
from tunbridge.dataplane.host import WantedHost
from tunbridge.openvswitch import ofctl
from tunbridge.openvswitch.ofctl import OfctlError, UnreachableError
from tunbridge.openvswitch.rows import BridgeRow, Snapshot

Wanted = dict[FlowKey, Flow]


def wanted_flows(host: WantedHost, bridge: BridgeRow) -> Wanted:
    """Compute the flows of one bridge with the port numbers that it has now."""
    ofports = bridge.ofports()
    if bridge.name == names.INTEGRATION_BRIDGE:
        return flows.merge(base.integration(ofports, host.provider_bridges))
    if bridge.name == names.TUNNEL_BRIDGE:
        return flows.merge(base.tunnel(ofports, host.tunnel_type, host.tunnel_ports))
    if bridge.name in host.provider_bridges:
        return flows.merge(base.provider(ofports, bridge.name))
    return {}  # given back to the operator: none of ours


class FlowKeeper:
    """The flows of all bridges of this host."""

    def __init__(self, rundir: str, state_dir: Path, log: Log, record: Record) -> None:
        self.rundir = rundir
        self.saved = SavedFlows(state_dir)
        self.repairs = 0
        """Bundles sent so far."""
        self.counts: dict[str, int] = {}
        """Bridge -> how many flows of ours are in it, as last verified."""
        self._log = log
        self._record = record
        self._clean: dict[str, Wanted] = {}
        self.down: set[str] = set()
        """Bridges whose socket did not answer: asked again by a bare connect, not by a whole ovs-ofctl."""

    def suspect(self, bridges: Iterable[str]) -> None:
        """Note that the flows of these bridges may have changed."""
        for bridge in bridges:
            self._clean.pop(bridge, None)

    def suspect_all(self) -> None:
        """Note that any flow may have changed."""
        self._clean.clear()

    def save(self, bridge: str) -> int:
        """Save the operator's flows of a bridge that is going to be emptied. Gives how many. Raises OfctlError."""
        try:
            dump = ofctl.dump_flows(self.rundir, bridge)
        except UnreachableError:
            return 0  # flow tables live in vswitchd: without it there is nothing to lose
        foreign = flows.foreign_flows(flows.parse_dump(dump))
        self.saved.save(bridge, foreign)
        self.suspect([bridge])
        return len(foreign)

    def run(self, host: WantedHost, now: Snapshot) -> bool:
        """Bring every bridge to its wanted flows. False when one has to be tried again soon.

        Raises OfctlError, after the other bridges were done.
        """
        waiting = self.saved.bridges()
        bridges = [row.name for row in changes.usable(host, now)]
        bridges += [name for name in waiting if name not in bridges]
        done, failed = True, None
        for name in bridges:
            try:
                done = self._bridge(host, now, name, name in waiting) and done
            except UnreachableError:
                self.down.add(name)
                done = False
            except OfctlError as e:
                failed = e
        if failed is not None:
            raise failed
        return done

    def _bridge(self, host: WantedHost, now: Snapshot, name: str, waiting: bool) -> bool:
        row = now.bridges.get(name)
        if row is None:
            if waiting:
                self.saved.done(name)  # the bridge was deleted meanwhile, with its flows
            return True
        wanted = wanted_flows(host, row)
        if not waiting and self._clean.get(name) == wanted:
            return True
        if waiting and now.cur_cfg < now.next_cfg:
            return False  # it may be emptied yet
        if name in self.down and not ofctl.answers(self.rundir, name):
            return False
        self.down.discard(name)
        self._apply(name, wanted, self._load(name) if waiting else [])
        self._clean[name] = wanted
        self.counts[name] = len(wanted)
        if waiting:
            self.saved.done(name)
        return True

    def _load(self, name: str) -> list[Flow]:
        """Give the saved flows; a file that was damaged must not keep our own flows from being installed."""
        try:
            return self.saved.load(name)
        except FlowError as e:
            path = self.saved.put_aside(name)
            self._log.error("saved flows unreadable", bridge=name, error=str(e), kept=str(path))
            return []

    def _apply(self, name: str, wanted: Wanted, foreign: Sequence[Flow]) -> None:
        present = flows.parse_dump(ofctl.dump_flows(self.rundir, name))
        change = flows.difference(wanted, present, foreign)
        if not change:
            return
        try:
            ofctl.bundle(self.rundir, name, change.bundle())
        except OfctlError:
            if not foreign:
                raise
            self._apply_apart(name, wanted, present, foreign)
        self.repairs += 1
        self._record.flows(name, len(change.add), len(change.delete))
        self._log.info("flows", bridge=name, added=len(change.add), deleted=len(change.delete))

    def _apply_apart(self, name: str, wanted: Wanted, present: Sequence[Flow], foreign: Sequence[Flow]) -> None:
        """Ours first, then one saved flow at a time: one that is refused must not keep the others out."""
        ours = flows.difference(wanted, present)
        if ours:
            ofctl.bundle(self.rundir, name, ours.bundle())
        refused = []
        for flow in flows.difference(wanted, present, foreign).add:
            if not flow.ours:
                try:
                    ofctl.bundle(self.rundir, name, f"{flow.add_line()}\n")
                except OfctlError as e:
                    self._log.error("saved flow refused", bridge=name, flow=flow.dump_line(), error=str(e))
                    refused.append(flow)
        if refused:
            self._log.error("refused flows kept", bridge=name, file=str(self.saved.refused(name, refused)))


def preview(rundir: str, host: WantedHost, now: Snapshot) -> Mapping[str, flows.FlowDifference]:
    """Tell what would change in the flows of the bridges that we work with. Raises OfctlError."""
    found = {}
    for row in changes.usable(host, now):
        with contextlib.suppress(UnreachableError):
            present = flows.parse_dump(ofctl.dump_flows(rundir, row.name))
            found[row.name] = flows.difference(wanted_flows(host, row), present)
    return found
