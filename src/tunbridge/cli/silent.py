"""Next hops that do not answer, as agents say that can be asked here: of this machine, and of labs of namespaces."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from tunbridge.inspect.model import Host

_AGENT = "tunbridge-agent"
"""Beside the folder of Open vSwitch's sockets: the agent's (`run_dir`)."""


def with_silent(hosts: "Sequence[Host]") -> "list[Host]":
    """Give the hosts with the next hops that their agents say do not answer; unchanged where no agent answers."""
    return [_asked(host) for host in hosts]


def _asked(host: "Host") -> "Host":
    kind, _, path = (host.source or "").partition(":")
    folder = Path(path).parent.parent / _AGENT
    if kind != "unix" or not folder.is_dir():
        return host
    from msgspec.structs import replace

    from tunbridge.agent.status import answer
    from tunbridge.inspect.model import NextHop

    try:
        told = answer.ask(str(folder)).status
    except TunbridgeError:
        return host
    return replace(host, silent_next_hops=[NextHop(address=h.address, network=h.network_id) for h in told.silent])
