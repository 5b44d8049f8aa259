"""Where the agent learns of the other hosts. A static list now; a database can take its place behind `PeerSource`."""

from collections.abc import Sequence
from typing import Any, Protocol

from tunbridge.agent.config import Peer


class PeerSource(Protocol):
    """A source of peers that may change at any time. Like everything in the loop: run, then wait."""

    def run(self) -> bool:
        """Process what came; True when the peers changed since the last call."""

    def peers(self) -> Sequence[Peer]:
        """Give the hosts to have tunnels to."""

    def wait(self, poller: Any) -> None:
        """Arrange that `poller` wakes when there is something for `run()`."""


class StaticPeers:
    """The list of the configuration file; `replace` takes the one of a file that was read again."""

    def __init__(self, peers: Sequence[Peer]) -> None:
        self._peers = tuple(peers)
        self._changed = False

    def replace(self, peers: Sequence[Peer]) -> None:
        """Take another list."""
        self._changed = self._changed or tuple(peers) != self._peers
        self._peers = tuple(peers)

    def run(self) -> bool:
        """Tell once whether the list was replaced by a different one."""
        changed, self._changed = self._changed, False
        return changed

    def peers(self) -> Sequence[Peer]:
        """Give the list."""
        return self._peers

    def wait(self, poller: Any) -> None:
        """Nothing to wait for: it changes only by `replace`."""
