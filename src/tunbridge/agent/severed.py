"""The flows that keep cut connections from being made anew (features/severed.py), remembered: so that a new vswitchd
has them again before any flow that forwards.

    cut ──add──> remembered, in br-int ──LIMIT newer ones, IDLE_S──> forgotten
    br-int dumped, of a former run of the agent ──seen──> remembered
    br-int dumped, and has no flow of ours at all: vswitchd is a new one ──seen──> to be added again
Open vSwitch itself removes one that no packet has needed for `IDLE_S`.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from msgspec import structs

from tunbridge.dataplane.features import severed
from tunbridge.dataplane.flows import Flow, FlowKey

LIMIT = 4096
"""So many are kept; of more, the oldest give way: their connections may be made anew by the receiver."""


class SeveredFlows:
    """The flows of one bridge, oldest first."""

    def __init__(self, limit: int = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._flows: dict[FlowKey, tuple[float, Flow]] = {}

    def __len__(self) -> int:
        return len(self._flows)

    def add(self, flows: Iterable[Flow]) -> list[Flow]:
        """Remember flows; gives those that are too many and have to be removed."""
        now = self._clock()
        for flow in flows:
            self._flows.pop(flow.key, None)
            self._flows[flow.key] = (now, flow)
        self._forget_old(now)
        surplus = [flow for _, flow in self._flows.values()][: max(0, len(self._flows) - self._limit)]
        for flow in surplus:
            del self._flows[flow.key]
        return surplus

    def seen(self, there: Sequence[Flow]) -> list[Flow]:
        """Take a dump of the bridge; gives the flows that have to be added again."""
        self._forget_old(self._clock())
        if any(flow.ours for flow in there):
            unknown = [f for f in there if severed.is_one(f) and f.key not in self._flows]
            room = self._limit - len(self._flows)
            self.add(structs.replace(flow, extra=severed.AGING) for flow in unknown[:room])
            return []
        return [flow for _, flow in self._flows.values()]

    def _forget_old(self, now: float) -> None:
        for key in [key for key, (since, _) in self._flows.items() if now - since > severed.IDLE_S]:
            del self._flows[key]
