"""What is wanted of the host's wiring, and when it was last in order: worked out anew only for what concerns it.

Most events are other programs' ports and what Open vSwitch says of them. Beside a thousand ports, and with a thousand
other hosts, comparing the wiring costs more than all else that such an event causes.
"""

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from tunbridge.agent.cloud import Cloud
from tunbridge.agent.config import AgentConfig
from tunbridge.agent.wanted import destinations, wanted_host
from tunbridge.dataplane.diff import ours
from tunbridge.dataplane.host import WantedHost
from tunbridge.dataplane.problems import Problem
from tunbridge.openvswitch.ours import ORIGIN
from tunbridge.openvswitch.rows import BridgeRow, PortRow, Snapshot, changed


class Wanted:
    """Gives the same object as before while neither the configuration nor other hosts and collectors have changed."""

    def __init__(self) -> None:
        self._made: tuple[AgentConfig, object, WantedHost] | None = None

    def __call__(self, config: AgentConfig, remote_ips: set[str], cloud: Cloud, now: Snapshot | None) -> WantedHost:
        made, to = self._made, destinations(remote_ips, cloud, now)
        if made is None or made[0] is not config or made[1] != to:
            made = self._made = (config, to, wanted_host(config, remote_ips, cloud, now))
        return made[2]


class InOrder:
    """What was wanted and what there was when the wiring was last compared and nothing was left to do."""

    def __init__(self) -> None:
        self._wanted: WantedHost | None = None
        self._now: Snapshot | None = None
        self._names: Collection[str] = ()
        """Of bridges, ports and NICs that are wanted."""
        self._problems: list[Problem] = []

    def note(self, wanted: WantedHost, now: Snapshot, problems: list[Problem]) -> None:
        self._wanted, self._now, self._problems = wanted, now, problems
        self._names = {n for b in wanted.bridges for n in (b.name, *(p.name for p in b.ports), *b.nics)}

    def forget(self) -> None:
        """The next comparison has to be made."""
        self._wanted = None

    def problems(self, wanted: WantedHost, now: Snapshot) -> list[Problem] | None:
        """What stands in the way, as of the last comparison; None when it does not hold any more."""
        before = self._now
        if before is None or self._wanted != wanted or not self._is_as_before(before, now):
            return None
        self._now = now
        return self._problems

    def _is_as_before(self, before: Snapshot, now: Snapshot) -> bool:
        if (before.managers, before.uuid, before.bridges.keys()) != (now.managers, now.uuid, now.bridges.keys()):
            return False
        return all(self._is_unconcerned(row, now.bridges[name]) for name, row in before.bridges.items())

    def _is_unconcerned(self, before: BridgeRow, now: BridgeRow) -> bool:
        """Whether nothing changed in a bridge but ports of others, of names that we do not want."""
        if before is now:
            return True
        if ORIGIN not in now.external_ids or replace(before, ports=()) != replace(now, ports=()):
            return False
        gone, new = changed(before.ports, now.ports)
        return not any(self._is_wanted(port) for port in (*gone, *new))

    def _is_wanted(self, port: PortRow) -> bool:
        names: Iterable[str] = (port.name, *(interface.name for interface in port.interfaces))
        return ours(port.external_ids) or any(name in self._names for name in names)


def same_wiring(before: Snapshot, now: Snapshot) -> bool:
    """Whether bridges and managers are the same objects, so nothing of them has changed; nor what concerns them all."""
    return (
        before.managers == now.managers
        and before.other_config == now.other_config
        and before.uuid == now.uuid
        and before.bridges.keys() == now.bridges.keys()
        and all(row is now.bridges[name] for name, row in before.bridges.items())
    )
