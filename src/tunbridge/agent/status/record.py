"""What has happened since the agent started: plain counters, kept by the loop and read between its steps."""

from collections import Counter, deque
from collections.abc import Collection, Sequence

from tunbridge.agent.status.document import Counts, Histogram, Repair, utc_now
from tunbridge.dataplane.diff import Change

KEPT = 10
"""So many of the last repairs are told."""
BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
KINDS = ("manager", "bridge", "controller", "port", "flows")


def kind_of(change: Change) -> str:
    """Name what a change of the database is about, the largest thing first: a bridge is made with its controller."""
    touched = {o["table"] for o in change.operations}
    columns = {m[0] for o in change.operations for m in o.get("mutations", ())}
    if "manager_options" in columns:
        return "manager"
    if "bridges" in columns or any(o["op"] == "update" and o["table"] == "Bridge" for o in change.operations):
        return "bridge"
    if "controller" in columns or "Controller" in touched:
        return "controller"
    return "port" if "ports" in columns or touched & {"Port", "Interface"} else "bridge"


class Record:
    """The counters of one agent."""

    def __init__(self) -> None:
        self.passes = 0
        self.failed_passes = 0
        self.drift = 0
        self.openflow_reconnects = 0
        self.last: deque[Repair] = deque(maxlen=KEPT)
        self._repairs: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
        self._settled = False
        self._repaired = False
        self._converged = [0] * (len(BOUNDS_S) + 1)
        self._converged_sum = 0.0
        self._connected: set[str] = set()
        self._called: set[str] = set()

    def changed(self, changes: Sequence[Change]) -> None:
        """Count the changes of one transaction."""
        for change in changes:
            self._count(kind_of(change), change.text, change.drift)

    def flows(self, bridge: str, added: int, deleted: int, repair: bool) -> None:
        """Count what was written to one bridge. `repair`: another process had changed it."""
        self._count("flows", f"flows of {bridge}: {added} added, {deleted} deleted", repair)

    def _count(self, kind: str, what: str, drift: bool) -> None:
        if self._settled and drift:
            self.drift += 1
            self._settled = False
        self._repaired = True
        self._repairs[kind] += 1
        self.last.append(Repair(at=utc_now(), what=what))

    def expect(self) -> None:
        """Note that something else is wanted from now on: what is changed for it is no drift."""
        self._settled = False

    def in_sync(self, took_s: float) -> None:
        """Note that the host is in sync, so long after the event."""
        self._settled = True
        if self._repaired:
            self._repaired = False
            self._converged[sum(took_s > bound for bound in BOUNDS_S)] += 1
            self._converged_sum += took_s

    def channels(self, connected: Collection[str]) -> None:
        """Count the connections of bridges that had called before. `connected`: the datapath ids of now."""
        for datapath_id in set(connected) - self._connected:
            if datapath_id in self._called:
                self.openflow_reconnects += 1
            self._called.add(datapath_id)
        self._connected = set(connected)

    def counts(self, ovsdb_reconnects: int) -> Counts:
        """Give all of it as a value that does not change any more."""
        return Counts(
            passes=self.passes,
            failed_passes=self.failed_passes,
            repairs=dict(self._repairs),
            drift=self.drift,
            ovsdb_reconnects=ovsdb_reconnects,
            openflow_reconnects=self.openflow_reconnects,
            converged=Histogram(bounds=BOUNDS_S, counts=tuple(self._converged), sum=self._converged_sum),
        )
