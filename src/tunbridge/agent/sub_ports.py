"""The workloads of a host with the sub-ports of their trunks, which only the central database tells of.

While not all rows are there, sub-ports that were there stay, as long as their parents are plugged in.
"""

from collections.abc import Iterable, Mapping

import msgspec

from tunbridge.dataplane import trunks
from tunbridge.dataplane.local import Local, Trunked, Workload
from tunbridge.dataplane.view import Key, Source


class SubPorts:
    """Adds sub-ports to a `Local`; gives the same object as before while nothing has changed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._added: Mapping[str, Workload] = {}
        self._by_number: Mapping[int, Trunked] = {}
        self._numbers: Mapping[str, int] = {}
        self._made: tuple[Local, bool, Local] | None = None
        """The state without sub-ports, whether all rows were there, and the state with them."""
        self._wanted: tuple[Mapping[str, Workload], bool, trunks.Wanted] | None = None
        """Workloads, whether all rows were there, and the sub-ports: most changes of the state do not concern them."""

    def recover(self, numbers: Mapping[str, int]) -> None:
        """Keep the numbers that sub-ports had in a former run."""
        self._numbers = {**numbers, **self._numbers}

    def touch(self, keys: Iterable[Key]) -> bool:
        """Note rows that changed; gives whether sub-ports may be others."""
        if any(kind == "sub-ports" for kind, _ in keys):
            self._made = self._wanted = None
            return True
        return False

    def __call__(self, local: Local, complete: bool) -> Local:
        if self._made is None or self._made[0] is not local or self._made[1] is not complete:
            self._made = (local, complete, self._add(local, complete))
        return self._made[2]

    def _add(self, local: Local, complete: bool) -> Local:
        seen = self._wanted
        if seen is None or seen[0] is not local.workloads or seen[1] is not complete:
            seen = self._wanted = local.workloads, complete, trunks.wanted(local.workloads, self._source)
        found = dict(trunks.plugged(local, seen[2], self._numbers))
        if not complete:
            found = {**self._kept(local), **found}
        if found != self._added:
            self._added = found
            self._numbers = {**self._numbers, **{id: workload.ofport for id, workload in found.items()}}
            self._by_number = {w.ofport: w.trunk for w in found.values() if w.trunk is not None}
        if not found:
            return local
        return msgspec.structs.replace(local, workloads={**local.workloads, **self._added})

    def _kept(self, local: Local) -> dict[str, Workload]:
        there = {id: workload.ofport for id, workload in local.workloads.items()}
        return {
            id: workload
            for id, workload in self._added.items()
            if workload.trunk is not None and there.get(workload.trunk.parent) == workload.trunk.ofport
        }

    def by_number(self, number: int) -> Trunked | None:
        """How packets get to the sub-port with an OpenFlow port number."""
        return self._by_number.get(number)
