"""What this host says of its ports in the central database: ACTIVE when the bridges have acknowledged their flows.

    plugged --known, wanted flows computed--> expected (generation N) --every bridge has N--> ACTIVE
    unplugged, disabled, not known --> DOWN     not bound --> BUILD     its flows were refused --> ERROR
    ACTIVE --flows missing, cannot be put back--> DOWN --every bridge has them again--> ACTIVE
A status is written after the acknowledgement and never before.
"""

from collections.abc import Callable, Mapping

from tunbridge.agent.acknowledged import Acknowledged
from tunbridge.dataplane.desired import PortState

_STATUS = {"wired": "ACTIVE", "unbound": "BUILD", "down": "DOWN", "error": "ERROR"}


class PortStatus:
    """Statuses that wait for an acknowledgement, and those that were reported."""

    def __init__(self, report: Callable[[Mapping[str, str]], None]) -> None:
        self._report = report
        self._waiting = Acknowledged[dict[str, str]]()
        self._states: Mapping[str, PortState] = {}
        self._expected: dict[str, str] = {}
        self._true: dict[str, str] = {}
        """As acknowledged last."""
        self.reported: dict[str, str] = {}
        """Port id -> status, as last reported."""

    def expect(self, generation: int, states: Mapping[str, PortState]) -> None:
        """Note what is true of all ports of this host once every bridge has this generation of flows."""
        if states is self._states:
            return
        self._states = states
        statuses = {id: _STATUS[state.status] for id, state in states.items()}
        if statuses != self._expected:
            self._expected = statuses
            self._waiting.expect(generation, statuses)

    def acknowledged(self, generation: int) -> None:
        """Report what has become true now that every bridge has this generation of flows."""
        for statuses in self._waiting.take(generation):
            self._true = statuses
        self._tell(self._true)

    def retract(self) -> bool:
        """Take back what was said of ports that forward, until the next acknowledgement. False when nothing was."""
        return self._tell({id: "DOWN" if status == "ACTIVE" else status for id, status in self.reported.items()})

    def _tell(self, statuses: dict[str, str]) -> bool:
        if statuses is self.reported or statuses == self.reported:
            return False
        self.reported = statuses
        self._report(statuses)
        return True
