"""Flows of the operator, kept on disk while Open vSwitch empties the tables of an adopted bridge.

Open vSwitch drops every flow of a bridge, other people's too, when its fail mode changes and when its first controller
comes or its last one goes. So they are written here before, and the file goes when they are back: whenever the agent
dies in between, the next start finds the file and finishes.
"""

from collections.abc import Sequence
from pathlib import Path

from tunbridge import files
from tunbridge.dataplane.flows import Flow, FlowError, foreign_flows, parse_dump
from tunbridge.openvswitch import ofctl

_HEAD = "# Flows that Tunbridge restores into bridge {}; it removes this file when they are back.\n"


class SavedFlows:
    """One file a bridge, in a folder of the agent's state."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / "flows"

    def _path(self, bridge: str) -> Path:
        return self.folder / f"{bridge}.flows"

    def save(self, bridge: str, flows: Sequence[Flow]) -> None:
        """Write the flows, durably before this returns. Those that still wait from before are kept with them."""
        present = {f.key for f in flows}
        kept = [f for f in self.load(bridge) if f.key not in present]
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = "".join(f"{flow.dump_line()}\n" for flow in (*flows, *kept))
        files.write_whole(self._path(bridge), (_HEAD.format(bridge) + lines).encode())

    def save_from(self, rundir: str, bridge: str) -> int:
        """Save the operator's flows of a bridge that is going to be emptied; how many they are. Raises OfctlError."""
        try:
            dump = ofctl.dump_flows(rundir, bridge)
        except ofctl.UnreachableError:
            return 0  # flow tables live in vswitchd: without it there is nothing to lose
        foreign = foreign_flows(parse_dump(dump))
        self.save(bridge, foreign)
        return len(foreign)

    def bridges(self) -> list[str]:
        """Give the bridges that wait for their flows."""
        return sorted(p.stem for p in self.folder.glob("*.flows")) if self.folder.is_dir() else []

    def load(self, bridge: str) -> list[Flow]:
        """Give the saved flows of a bridge, none when nothing waits. Raises FlowError when the file was damaged."""
        try:
            text = self._path(bridge).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        try:
            return parse_dump("\n".join(line for line in text.splitlines() if not line.startswith("#")))
        except (FlowError, ValueError) as e:
            raise FlowError(f"{self._path(bridge)}: {e}") from e

    def done(self, bridge: str) -> None:
        """Forget the saved flows: they are back."""
        self._path(bridge).unlink(missing_ok=True)

    def refused(self, bridge: str, flows: Sequence[Flow]) -> Path:
        """Put aside flows that Open vSwitch no longer takes, for the operator to look at. Gives the file."""
        path = self._path(bridge).with_suffix(".refused")
        path.write_text("".join(f"{flow.dump_line()}\n" for flow in flows), encoding="utf-8")
        return path

    def put_aside(self, bridge: str) -> Path:
        """Rename a file that cannot be read, for the operator to look at. Gives its new name."""
        return self._path(bridge).rename(self._path(bridge).with_suffix(".unreadable"))
