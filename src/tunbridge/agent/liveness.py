"""Which hosts are alive, as BFD over the tunnels tells: who has a router's gateway follows from it on every host.

    session up --no packet for three intervals, or the peer says that it must not be used--> dead, at once
    dead --session up and usable for HOLD_S without a break--> alive
    this host: all of several sessions lost, or a provider bridge has no link or lost its flows --> cut off: it gives up
      gateways, and says so in BFD (`cpath_down`); its vswitchd started anew --> cut off, until sessions were up for
      HOLD_S, or until none has come up for REJOIN_S

A session that has not come up yet says nothing at first: the other host may be about to begin. After NEVER_S it is as
one that is lost, or a host that starts while another one is dead would never know. For being cut off it does not count.
Sessions are those with hosts that have gateways, or take over, of routers that are here; such a host has them with all.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping

from tunbridge.database.transaction import Operation
from tunbridge.dataplane import names, operations
from tunbridge.dataplane.diff import ours
from tunbridge.openvswitch.rows import InterfaceRow, Snapshot

INTERVAL_MS, FEW, SLOW_INTERVAL_MS = 100, 25, 200
"""Between two BFD packets, and on a host with more than FEW sessions, which cost it CPU. Three that are lost end a
session (RFC 5880, 6.8.4, detect multiplier 3); the two ends use the longer interval. The operator may set one."""
HOLD_S = 3.0
"""How long a host has to be reached before it counts as alive again, and has its flows back."""
REJOIN_S = 6.0
NEVER_S = 10.0
"""How long a session may take to come up for the first time."""
_INTERVALS = ("min_rx", "min_tx")
_UNUSABLE = "cpath_down"


def enabled(sessions: int, interval: int | None = None) -> dict[str, str]:
    """What a tunnel has in `bfd` on a host with so many sessions; `interval`: the operator's, in milliseconds."""
    if interval is None:
        interval = INTERVAL_MS if sessions <= FEW else SLOW_INTERVAL_MS
    return {"enable": "true", **dict.fromkeys(_INTERVALS, str(interval))}


class _Held:
    """Something that is bad at once, and good again when it was so for a while."""

    def __init__(self) -> None:
        self.is_bad = False
        self._good_since: float | None = None

    def look(self, bad: bool, now: float) -> float | None:
        """Take what is seen; gives the seconds after which to look again."""
        if bad:
            self.is_bad, self._good_since = True, None
        elif self.is_bad:
            self._good_since = now if self._good_since is None else self._good_since
            left = self._good_since + HOLD_S - now
            if left > 0:
                return left
            self.is_bad = False
        return None


class Liveness:
    """The tunnels of this host, as of the last `look`."""

    def __init__(self, later: Callable[[float], None], interval: int | None = None, type: str = "vxlan") -> None:
        """`later` has everything looked at again after so many seconds; `interval` as in `enabled`.

        `type`: of several tunnels to a host, the one of this type has the session.
        """
        self._type = type
        self._later = later
        self._interval = interval
        self._peers: dict[str, _Held] = {}
        self._since: dict[str, float] = {}
        """When the sessions that have not come up yet were seen first."""
        self._self = _Held()
        self._flaps: dict[str, int] = {}
        self._rejoining_until: float | None = None
        self._is_first = True
        self.dead: frozenset[str] = frozenset()
        """Tunnel addresses of hosts that were reached, and are not to be used now."""
        self.is_cut_off = False
        """Whether this host must not have gateways now."""
        self.is_unusable = False
        """Whether others are told so: while a provider bridge does not lead outside."""

    def look(self, now: Snapshot, nics: Mapping[str, Collection[str]], lost: bool = False) -> None:
        """Read the sessions; `nics`: the links of each provider bridge; `lost`: one of these has lost its flows."""
        moment = time.monotonic()
        sessions = {i.options.get("remote_ip", ""): i for i in _tunnels(now) if self._is_on(i)}
        self._restarted(sessions, moment)
        again = [self._look_at(ip, row, moment) for ip, row in sessions.items()]
        for ip in self._peers.keys() - sessions.keys():
            del self._peers[ip]
            self._since.pop(ip, None)
        self.dead = frozenset(ip for ip, held in self._peers.items() if held.is_bad)
        bridges = (now.bridges[name] for name in nics.keys() & now.bridges.keys())
        links = (i for bridge in bridges for p in bridge.ports for i in p.interfaces if i.name in nics[bridge.name])
        self.is_unusable = lost or any(link.link_state == "down" for link in links)
        known = [row for row in sessions.values() if _flaps(row) > 0]
        is_alone = len(known) > 1 and not any(_is_up(row) for row in known)
        is_rejoining = self._is_rejoining(sessions.values(), moment)
        again.append(self._self.look(self.is_unusable or is_alone or is_rejoining, moment))
        if is_rejoining and self._rejoining_until is not None:
            again.append(self._rejoining_until - moment)
        self.is_cut_off = self._self.is_bad
        if waits := [seconds for seconds in again if seconds is not None]:
            self._later(max(min(waits), 0.01))

    def _look_at(self, ip: str, row: InterfaceRow, moment: float) -> float | None:
        held = self._peers.setdefault(ip, _Held())
        if _flaps(row) or held.is_bad:
            self._since.pop(ip, None)
            return held.look(not _is_up(row), moment)
        left = self._since.setdefault(ip, moment) + NEVER_S - moment
        return left if left > 0 else held.look(True, moment)

    def _restarted(self, sessions: Mapping[str, InterfaceRow], moment: float) -> None:
        """Notice that vswitchd has started anew: what it knew of the sessions is gone."""
        flaps = {ip: _flaps(row) for ip, row in sessions.items()}
        fell = any(flaps[ip] < before for ip, before in self._flaps.items() if ip in flaps)
        unknown = self._is_first and bool(flaps) and not any(flaps.values())
        if fell or unknown:
            self._rejoining_until = moment + REJOIN_S
        self._flaps, self._is_first = flaps, False

    def _is_rejoining(self, sessions: Iterable[InterfaceRow], moment: float) -> bool:
        if self._rejoining_until is not None and (moment >= self._rejoining_until or any(map(_is_up, sessions))):
            self._rejoining_until = None
        return self._rejoining_until is not None

    def changes(self, now: Snapshot, watched: Collection[str]) -> list[Operation]:
        """The operations that give the tunnels to these addresses sessions, and take them from others."""
        found = []
        for interface in _tunnels(now):
            is_watched = interface.type == self._type and interface.options.get("remote_ip") in watched
            wanted = enabled(len(watched), self._interval) if is_watched else {}
            if wanted and self.is_unusable:
                wanted[_UNUSABLE] = "true"
            mine = interface.bfd.keys() - {_UNUSABLE} == {"enable", *_INTERVALS}
            if dict(interface.bfd) != wanted and (wanted or mine):
                where = operations.by_uuid(interface.uuid)
                found.append(operations.update("Interface", where, {"bfd": operations.map_of(wanted)}))
        return found

    def _is_on(self, row: InterfaceRow) -> bool:
        return row.type == self._type and row.bfd.get("enable") == "true"


def _tunnels(now: Snapshot) -> Iterable[InterfaceRow]:
    bridge = now.bridges.get(names.TUNNEL_BRIDGE)
    for port in bridge.ports if bridge is not None else ():
        if ours(port.external_ids) and "remote_ip" in port.interfaces[0].options:
            yield port.interfaces[0]


def _is_up(row: InterfaceRow) -> bool:
    """Whether packets may be sent there: the session is up, and the other end says nothing else."""
    return row.bfd_status.get("forwarding") == "true"


def _flaps(row: InterfaceRow) -> int:
    """How often it went up or down since vswitchd began with it."""
    return int(row.bfd_status.get("flap_count", "0"))
