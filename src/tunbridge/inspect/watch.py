"""Sources that tell when they change: one OVSDB monitor on each (over ssh the one of its `ovsdb-client`), no polling.

    connecting --monitor--> followed --an update, 0.1 s--> read as a whole, shown if it differs
                                     --connection lost--> shown as it was, with the reason; connecting again

An update only says that something is new; what is new is read as it always is, so that there is one way of reading.
What changes by itself (counters every 5 s, MAC tables) is not followed, and is no difference.
"""

import asyncio
import contextlib
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tunbridge.database.session import Session, SessionError, connect
from tunbridge.errors import TunbridgeError
from tunbridge.inspect import ssh
from tunbridge.inspect.model import Bridge, Host, Port
from tunbridge.inspect.sources import Source
from tunbridge.openvswitch import tls
from tunbridge.openvswitch.read_ovsdb import COLUMNS, DATABASE

SETTLE_S = 0.1
"""A transaction is often followed by what Open vSwitch makes of it."""
_PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Between attempts to connect."""
_CHUNK = 1 << 16
_UNWATCHED = frozenset(("_uuid", "statistics"))


class Update(Struct, frozen=True):
    """All hosts as they are now, the labels of the sources that changed, and why others cannot be followed."""

    hosts: list[Host]
    changed: list[str]
    unreachable: dict[str, str]


Show = Callable[[Update], None]


class _Followed:
    """One source, as it was read last."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.hosts: list[Host] = []
        self.unread: str | None = None
        """Why it could not be read; what it was before is kept."""
        self.lost: str | None = None
        """Why its database does not tell of changes."""
        self.failures = 0
        """Attempts to follow it since it was last followed."""
        self.told: tuple[list[Host], str | None] | None = None

    @property
    def problem(self) -> str | None:
        return self.unread or self.lost

    async def read(self) -> None:
        try:
            reading = await asyncio.to_thread(self.source.read)
        except TunbridgeError as e:
            self.unread = str(e)
        else:
            self.hosts = reading.hosts
            self.unread = str(reading.problems[0]) if reading.problems else None


async def follow(sources: Sequence[Source], show: Show) -> None:
    """Show all sources, and again whenever one changes, until cancelled."""
    await _Watch(sources, show).run()


class _Watch:
    def __init__(self, sources: Sequence[Source], show: Show) -> None:
        self._followed = [_Followed(source) for source in sources]
        self._show = show
        self._pending: dict[_Followed, None] = {}
        self._stirred = asyncio.Event()

    async def run(self) -> None:
        await asyncio.gather(*(one.read() for one in self._followed))
        self._tell()
        async with asyncio.TaskGroup() as tasks:
            for one in self._followed:
                if one.source.remote is not None:
                    tasks.create_task(self._keep_following(one, one.source.remote))
            while True:
                await self._stirred.wait()
                await asyncio.sleep(SETTLE_S)
                self._stirred.clear()
                pending, self._pending = list(self._pending), {}
                await asyncio.gather(*(one.read() for one in pending))
                self._tell()

    def _tell(self) -> None:
        """Show what there is, if any of it differs from what was shown before."""
        changed = []
        for one in self._followed:
            now = (essence(one.hosts), one.problem)
            if now != one.told:
                one.told = now
                changed.append(one.source.label)
        if changed:
            problems = {one.source.label: one.problem for one in self._followed if one.problem is not None}
            self._show(Update([host for one in self._followed for host in one.hosts], changed, problems))

    def _stir(self, one: _Followed) -> None:
        self._pending[one] = None
        self._stirred.set()

    async def _keep_following(self, one: _Followed, remote: str) -> None:
        while True:
            try:
                await (self._over_ssh if remote.startswith(ssh.PREFIX) else self._over_ovsdb)(one, remote)
            except (SessionError, TunbridgeError, OSError) as e:
                one.lost = str(e)
            self._stir(one)
            await asyncio.sleep(_PAUSES_S[min(one.failures, len(_PAUSES_S) - 1)])
            one.failures += 1

    def _begun(self, one: _Followed) -> None:
        """From now on its database tells of changes; of what was before, reading tells."""
        one.failures, one.lost = 0, None
        self._stir(one)

    async def _over_ovsdb(self, one: _Followed, remote: str) -> None:
        session = await connect(remote, tls.used() if remote.startswith("ssl:") else None)
        try:
            schema = _result(await session.request("get_schema", [DATABASE]), session)
            wanted = {table: {"columns": columns} for table, columns in _followed_columns(schema).items()}
            session.notified = lambda _method, _params: self._stir(one)
            _result(await session.request("monitor", [DATABASE, None, wanted]), session)
            self._begun(one)
            one.lost = await asyncio.shield(session.lost)
        finally:
            session.close("no longer followed")

    async def _over_ssh(self, one: _Followed, remote: str) -> None:
        schema = await asyncio.to_thread(ssh.read_schema, remote)
        line = ssh.monitor_line(remote, _followed_columns(schema))
        client = await asyncio.create_subprocess_exec(
            *line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert client.stdout is not None
        begun, said = False, b""
        try:
            while chunk := await client.stdout.read(_CHUNK):
                said = chunk[-_CHUNK // 16 :]
                if begun:
                    self._stir(one)
                elif chunk.startswith(b"{"):  # and no message of why it cannot
                    begun = True
                    self._begun(one)
        finally:
            with contextlib.suppress(ProcessLookupError):
                client.terminate()
            status = await client.wait()
        lines = said.decode("utf-8", "replace").strip().splitlines()
        one.lost = f"{remote}: {lines[-1] if lines and not begun else f'ssh ended with status {status}'}"


def _followed_columns(schema: Any) -> dict[str, list[str]]:
    """Give the columns to be told of, by table: those that the database has."""
    tables = schema["tables"]
    return {
        table: [c for c in columns if c not in _UNWATCHED and c in tables[table]["columns"]]
        for table, columns in COLUMNS.items()
    }


def _result(message: Any, session: Session) -> Any:
    if message.error is not None:
        raise SessionError(f"{session.remote}: {message.error}")
    return msgspec.json.decode(message.result)


def essence(hosts: Sequence[Host]) -> list[Host]:
    """Give hosts without what changes by itself."""
    return [replace(host, bridges=[_bridge(bridge) for bridge in host.bridges]) for host in hosts]


def _bridge(bridge: Bridge) -> Bridge:
    return replace(bridge, mac_table_used=None, ports=[_port(port) for port in bridge.ports])


def _port(port: Port) -> Port:
    return replace(port, interfaces=[replace(interface, statistics=None) for interface in port.interfaces])
