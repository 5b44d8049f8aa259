"""What this host says of its ports in the central database: ACTIVE when the bridges have acknowledged their flows.

    plugged --known, wanted flows computed--> expected (generation N) --its bridges have N--> ACTIVE
    unplugged, disabled, not known --> DOWN     not bound --> BUILD     its flows were refused --> ERROR
    ACTIVE --flows missing, cannot be put back--> DOWN --its bridges have them again--> ACTIVE
A status is written after the acknowledgement and never before. A port's bridges are br-int and the one by which its
network leaves the host: another one that does not answer concerns it not.
"""

from collections.abc import Callable, Collection, Mapping

from tunbridge.agent.acknowledged import Acknowledged
from tunbridge.dataplane import names
from tunbridge.dataplane.desired import PortState

_STATUS = {"wired": "ACTIVE", "unbound": "BUILD", "down": "DOWN", "error": "ERROR"}


class PortStatus:
    """Statuses that wait for an acknowledgement, and those that were reported."""

    def __init__(self, report: Callable[[Mapping[str, str]], None]) -> None:
        self._report = report
        self._waiting = Acknowledged[str]()
        self._states: Mapping[str, PortState] = {}
        self._true: dict[str, PortState] = {}
        """As acknowledged last."""
        self._lost: frozenset[str] = frozenset()
        self.reported: dict[str, str] = {}
        """Port id -> status, as last reported."""

    def expect(self, generation: int, states: Mapping[str, PortState]) -> None:
        """Note what is true of all ports of this host once their bridges have this generation of flows."""
        if states is self._states:
            return
        for id in self._states.keys() | states.keys():
            state = states.get(id)
            if state != self._states.get(id):
                self._waiting.expect(generation, id, None if state is None else state.bridge)
        self._states = states

    def acknowledged(self, done: Mapping[str, int], lost: Collection[str]) -> bool:
        """Report what has become true, and whether that was something.

        `done`: bridge -> the generation of flows that it has. `lost`: bridges whose flows are missing and cannot be put
        back: ports that need them do not forward until these are acknowledged again.
        """
        taken, lost = self._waiting.take(done), frozenset(lost)
        if not (taken or lost or self._lost):
            return False
        self._lost = lost
        for id in taken:
            if (state := self._states.get(id)) is None:
                self._true.pop(id, None)
            else:
                self._true[id] = state
        statuses = {id: _STATUS[state.status] for id, state in self._true.items()}
        if lost:  # also of ports that a former run has reported
            statuses |= {id: "DOWN" for id, state in self._states.items() if self._is_lost(state)}
        return self._tell(statuses)

    def waits_for(self, id: str) -> str | None:
        """Why a port is not ACTIVE though its flows are wanted; None when it is, or when its state says why."""
        state = self._states.get(id)
        if state is None or state.status != "wired" or self.reported.get(id) == "ACTIVE":
            return None
        missing = sorted(self._lost.intersection(_bridges(state)))
        return f"its flows are missing in {' and '.join(missing or _bridges(state))}"

    def _is_lost(self, state: PortState) -> bool:
        return state.status == "wired" and not self._lost.isdisjoint(_bridges(state))

    def _tell(self, statuses: dict[str, str]) -> bool:
        if statuses == self.reported:
            return False
        self.reported = statuses
        self._report(statuses)
        return True


def _bridges(state: PortState) -> list[str]:
    """The bridges without which a port forwards nothing."""
    return [names.INTEGRATION_BRIDGE, *([] if state.bridge is None else [state.bridge])]
