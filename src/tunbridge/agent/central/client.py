"""`Central`: the central database as a host uses it.

    loading --rows that are wanted have come, and they want no others--> complete --rows want others--> (complete)
       ^                                                                    |
       +-------- all had to be loaded anew: the database was away for long, or is another one --------+

What changed is handed on only when all rows are there that belong with it: a port that gets another security group is
told together with the group's rules. While the connection is lost everything stays as it was.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path

from tunbridge.agent.central import registration, statuses
from tunbridge.agent.central.boot_configs import BootConfigs
from tunbridge.agent.central.followed import conditions, decides, touched
from tunbridge.agent.central.here import look
from tunbridge.agent.central.locations import Locations, Place
from tunbridge.agent.central.remembered import Remembered
from tunbridge.agent.central.source import CentralSource
from tunbridge.agent.central.tables import TABLES
from tunbridge.agent.cloud import BootConfig
from tunbridge.agent.config import AgentConfig
from tunbridge.database.conditions import Conditions
from tunbridge.database.errors import DatabaseError, DatabaseUnavailable
from tunbridge.database.replica import Replica
from tunbridge.database.rows import Row
from tunbridge.dataplane import view
from tunbridge.dataplane.view import Key
from tunbridge.log import Log
from tunbridge.openvswitch import tls

UNREPORTED = "BUILD"
"""Status of a port that is plugged in and of which the engine has not said anything yet."""
_RETRY_S = 1.0
_SPREAD_S = 0.01
"""For each host, over which registrations spread after a loss of the database: it commits some 100 in a second."""


class Central:
    """The rows that this host needs, and what it says of itself."""

    def __init__(
        self,
        config: AgentConfig,
        log: Log,
        changed: Callable[[], None],
        watch_only: bool = False,
        remembered: Remembered | None = None,
    ) -> None:
        """`changed` is called when there are touched keys, or `complete` or `unknown` may give other answers.

        With `watch_only` nothing is written: the host neither registers nor claims nor reports. Without `remembered`
        any database is believed at first.
        """
        self._watch_only = watch_only
        self.complete = False
        """Whether `source` has everything that this host needs. It stays so while the connection is lost; it ends
        when all rows have to be loaded anew, until they are there."""
        self._config = config
        self._log = log
        self._changed = changed
        self._replica = Replica(TABLES, self._moved)
        self._store = self._replica.store
        self._boot_configs = BootConfigs(self._replica.transact)
        self.source: view.Source = CentralSource(self._store, config.host)
        self._store.listen(self._row_changed)
        self._plugged: frozenset[str] = frozenset()
        self._here = look(self._store, config.host, ())
        self._here_changed = True
        self._conditions: Conditions = {}
        self._touched: set[Key] = set()
        """Handed on by `take_touched`."""
        self._withheld: set[Key] = set()
        """Touched, but rows that belong with it have not come yet."""
        self._answered: frozenset[str] = frozenset()
        self._existing: frozenset[str] = frozenset()
        """Of what is plugged in: what the database knew when it was complete last."""
        self._loads = 0
        self._remembered = remembered
        self._cluster = None if remembered is None else remembered.read()
        """Of the database that was believed last, if need be by a former run of the agent."""
        self._is_new = True
        """Whether no database has been believed since the agent started."""
        self._is_told = False
        """Whether the engine has said what is plugged in."""
        self._doubt: str | None = None
        self._reported: Mapping[str, str] = {}
        self._statuses = statuses.Statuses(config.host)
        self._locations = Locations(self._store, config.host)
        self._started = registration.timestamp()
        self._registered_on = 0
        """Number of the connection on which the host was registered last."""
        self._due = 0.0
        self._wake = asyncio.Event()
        self._settle()  # so that the first load is of what is needed, not of the whole cloud

    async def run(self) -> None:
        """Stay connected and registered, until cancelled. Raises RemoteError for a misspelt remote."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._replica.run(self._config.database, _tls(self._config)))
            if not self._watch_only:
                group.create_task(self._write())

    def configure(self, config: AgentConfig) -> None:
        """Take settings that were read again; the host's entry follows."""
        self._config = config
        self._register_soon()
        kept = self._remembered
        if self._doubt is not None and kept is not None and not kept.path.exists():
            self._log.warning("central database believed, as told", removed=str(kept.path))
            self._is_new, self._cluster = True, None
            self._settle()

    # What the engine reads

    @property
    def connected(self) -> bool:
        """Whether the rows are those of the database now."""
        return self._replica.connected

    @property
    def problem(self) -> str | None:
        """Why the rows may not be those of the database now, or are not believed."""
        return self._doubt or (None if self.connected else self._replica.problem)

    @property
    def reconnects(self) -> int:
        """How often a lost connection was made again."""
        return max(0, self._replica.connection - 1)

    @property
    def registered(self) -> bool:
        """Whether this connection's database has the host's entry."""
        return self._replica.reachable and self._registered_on == self._replica.connection

    def unknown(self, port_ids: Set[str]) -> Set[str]:
        """Those of plugged ids for which the answer is not there: no such port, or all that belongs to it."""
        return port_ids - self._answered if self._doubt is None else port_ids

    def take_touched(self) -> set[Key]:
        """Give the keys that were touched since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    @property
    def peers(self) -> dict[str, view.Host]:
        """The other hosts, by name."""
        found = ((name, self.source.host(name)) for name in self.source.hosts())
        return {name: host for name, host in found if host is not None}

    def tunnel_ips(self) -> dict[str, str]:
        """The tunnel addresses of the other hosts, by name."""
        return {name: host.tunnel_ip for name, host in self.peers.items() if host.tunnel_ip is not None}

    # What the engine says

    def plugged(self, port_ids: Iterable[str]) -> None:
        """Say which ids are plugged in here: they are asked for, and claimed when they are ports."""
        ids = frozenset(port_ids)
        if ids != self._plugged or not self._is_told:
            self._is_told = True
            self._plugged = ids
            self._here_changed = True
            self._settle(asked=True)
            self._tell_statuses()

    def report(self, statuses: Mapping[str, str]) -> None:
        """Say how the ports that are plugged in here are: ACTIVE, DOWN, BUILD or ERROR."""
        self._reported = dict(statuses)
        self._tell_statuses()

    async def boot_config(self, port_id: str) -> BootConfig:
        """The boot configuration of a port. Raises DatabaseError: it cannot be read now, and was not before."""
        return await self._boot_configs.read(port_id)

    def locate(self, changes: Mapping[Place, view.Location | None]) -> None:
        """Say where addresses are that several ports may have; None: not here any more."""
        self._locations.want(changes)
        self._wake.set()

    # Rows

    def _row_changed(self, table: str, old: Row | None, new: Row | None) -> None:
        self._withheld |= touched(table, old, new)
        if not self._here_changed:
            self._here_changed = decides(self._here, table, old, new)
        if table == "Host" and old is not None and new is None and old.host == self._config.host:
            self._statuses.forget()  # somebody deleted the agent, and what it had said with it
            self._register_soon()

    def _moved(self) -> None:
        """Rows, conditions or the connection changed."""
        if self._store.loads != self._loads:
            self._loads = self._store.loads
            self.complete = False
            self._here_changed = True
        self._settle()
        self._tell_statuses()
        if self._replica.resumed and self.connected:
            self._stay_registered()
        if not self.registered:
            self._wake.set()

    def _settle(self, asked: bool = False) -> None:
        """Ask for what is needed; hand on what changed if nothing else is needed.

        `asked`: the engine looks itself afterwards, whether the answer for what is plugged in is there.
        """
        if self._here_changed:
            self._here_changed = False
            self._here = look(self._store, self._config.host, self._plugged, self._here.are_many)
            found = conditions(self._here)
            if found != self._conditions:
                self._conditions = found
                self._replica.want(found)
        if not self._replica.settled:
            return
        existing = self._plugged & self._store.rows("Port").keys()
        if self._is_new and not self._is_told and self._is_another():
            return  # what is plugged in decides whether it is believed
        self._judge(existing)
        if self._doubt is not None:
            return
        news = bool(self._withheld) or not self.complete or (self._answered != self._plugged and not asked)
        self.complete, self._answered, self._existing = True, self._plugged, existing
        self._is_new = False
        self._remember()
        self._replica.expect(len(self._store.rows("Host")))
        self._touched |= self._withheld
        self._withheld.clear()
        if news:
            self._changed()

    def _remember(self) -> None:
        cluster = self._replica.cluster
        if cluster == self._cluster:
            return
        self._cluster = cluster
        if self._remembered is not None and not self._watch_only:
            try:
                self._remembered.write(cluster)
            except OSError as e:
                path = str(self._remembered.path)
                self._log.warning("a restarted agent will believe any database", path=path, error=str(e))

    def _is_another(self) -> bool:
        """Whether the database is not the one that was believed last, or cannot be told from another."""
        if self._is_new:
            return self._cluster is not None and self._replica.cluster != self._cluster
        return self._replica.cluster is None or self._replica.cluster != self._cluster

    def _judge(self, existing: frozenset[str]) -> None:
        """Do not believe another database than before when it knows nothing of what is plugged in here.

        Somebody may have started with an empty one, or restored the wrong copy: what works goes on working. Which one
        was believed is kept over restarts; then all that is plugged in counts, since nothing says what was known of it.
        """
        before = self._plugged if self._is_new else self._existing & self._plugged
        if not self.complete and self._is_another() and before and not existing:
            if self._doubt is None:
                path = None if self._remembered is None else self._remembered.path
                self._doubt = (
                    f"the database is another one than before, and knows none of the {len(before)} ports that are"
                    " plugged in here: nothing is changed until it knows one of them. If it is meant to be so:"
                    f" rm {path}, and have the agent reload (systemctl reload tunbridge-agent)"
                )
                self._log.warning("central database not believed", problem=self._doubt)
                self._changed()
            return
        self._doubt = None

    # Writing

    def _tell_statuses(self) -> None:
        if self._doubt is None:
            there = {id: self._reported.get(id, UNREPORTED) for id in self._existing & self._plugged}
            reported = self._reported.keys()
            beside = reported & self._here.gateways | reported & self._here.floating_ports
            for table in ("Tap_Flow", "Tap_Service"):
                beside |= reported & self._store.rows(table).keys()
            self._statuses.wanted = there | {id: self._reported[id] for id in beside}
        if not self._statuses.is_current:
            self._wake.set()

    def _register_soon(self) -> None:
        self._due = 0.0
        self._wake.set()

    def _stay_registered(self) -> None:
        """Go on as registered after a connection that was resumed.

        With a thousand hosts that come back at once, as many transactions at that moment would push out of the
        database's history what the last of them need to resume: they have a third of the interval for it.
        """
        connection = self._replica.connection
        is_new = 0 < self._registered_on < connection
        if is_new and self._store.find("Host", "host", self._config.host):
            self._registered_on = connection
            if self._due:
                interval = self._config.report_interval
                later = random.uniform(interval / 3, interval)  # noqa: S311 - no secret
                self._due = max(self._due, asyncio.get_running_loop().time() + later)
                self._wake.set()

    async def _write(self) -> None:
        """Write what is due, whenever there is something."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout_at(self._due if self.registered else None):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if not self._replica.reachable:
                continue
            try:
                if not self.registered or loop.time() >= self._due:
                    if not self.registered and self._registered_on:
                        crowd = len(self._store.rows("Host"))  # which are all back at this moment
                        await asyncio.sleep(random.uniform(0, _SPREAD_S * crowd))  # noqa: S311 - no secret
                    await self._register()
                if self.complete and self.connected:
                    await self._write_statuses()
                    await self._locations.write(self._replica.transact)
            except DatabaseUnavailable:
                self._statuses.forget()  # the next connection wakes us
            except DatabaseError as e:
                self._log.error("the central database refused what this host says of itself; tried again", error=str(e))
                self._statuses.forget()
                await asyncio.sleep(_RETRY_S)
                self._wake.set()

    async def _register(self) -> None:
        connection, config = self._replica.connection, self._config
        results = await self._replica.transact(registration.updates(config, self._started))
        if missing := registration.insertions(config, self._started, results):
            await self._replica.transact(missing)
        is_first = connection != self._registered_on
        if is_first:
            self._statuses.forget()
            self._registered_on = connection
            self._log.info("registered", host=config.host, database=",".join(config.database))
        if config is self._config:
            # Hosts that register in the same second must not send all their heartbeats in one.
            wait = random.uniform(0, config.report_interval) if is_first else config.report_interval  # noqa: S311 - no secret
            self._due = asyncio.get_running_loop().time() + wait

    async def _write_statuses(self) -> None:
        said = self._statuses
        while not said.is_current:
            if not said.is_known:
                (result,) = await self._replica.transact([said.selection()])
                said.read(result)
                continue
            now, operations = said.changes()
            said.done(now, operations, await self._replica.transact(operations))


def _tls(config: AgentConfig) -> tls.Files | None:
    files = config.database_tls
    if files is None:
        return None
    return tls.Files(Path(files.private_key), Path(files.certificate), Path(files.ca_certificate))
