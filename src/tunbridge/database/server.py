"""The embedded database: an `ovsdb-server` of our own, with a one-member cluster, started, watched and ended by us.

    STATE/db      the database file
    STATE/lock    held as long as a server uses it; holds its process id and remote
    RUN/          sockets and pid file; only our user may enter

It is a cluster of one member, not a standalone file: only then can clients resume after a lost connection, and more
members may join. Killed, it is started again; when its disk was full it stops serving for good (`Status: failed`), and
is started again as soon as there is room. It ends with us, also when we are killed.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tunbridge.database import files
from tunbridge.database.errors import DatabaseError
from tunbridge.database.schema import NAME
from tunbridge.database.session import SessionError, connect
from tunbridge.log import Log, get
from tunbridge.model.tables import Table

if TYPE_CHECKING:
    from tunbridge.openvswitch.tls import Files

MINIMUM_FREE = 16 << 20
"""Bytes: with less on the disk, nothing more is written, so that `ovsdb-server` does not fail."""
LONGEST_SOCKET = 107
"""Bytes of the path of a Unix socket (unix(7))."""
START_S = 60.0
"""A large database is read in some seconds."""
_WATCH_S = 0.5
_HANG_S = 1.2
"""Without an answer, and without using the processor, for so long: it hangs. One that computes is only busy."""
_STOP_S = 10.0
_PAUSES_S = (0.0, 0.2, 1.0, 5.0)
"""Before it is started again after the first, second ... failure in a row."""


class EmbeddedError(DatabaseError):
    """The embedded database cannot be used; the text says why."""


class InUseError(EmbeddedError):
    """Another process serves the database, at `remote`."""

    def __init__(self, state: Path, pid: str, remote: str) -> None:
        super().__init__(
            f"{state}: process {pid} serves the database in it; end it, or use it with --database {remote}, "
            "or give this server a folder of its own"
        )
        self.remote = remote


class Embedded:
    """One `ovsdb-server` process, kept running."""

    def __init__(
        self,
        state: Path,
        run: Path,
        tables: Sequence[Table],
        log: Log | None = None,
        listen: Sequence[str] = (),
        tls: "Files | None" = None,
    ) -> None:
        """Say where its file and its sockets are; `listen`: more remotes to listen at, such as `pssl:6642`."""
        self.path = state.absolute() / "db"
        self.remote = f"unix:{run.absolute()}/db.sock"
        self.writes_refused: Callable[[str | None], None] = lambda _reason: None
        """Called with a reason when the disk gets full, and with None when there is room again."""
        self._tables = tables
        self._listen = listen
        self._tls = tls
        self._state = state.absolute()
        self._run = run.absolute()
        self._log = log or get(__name__)
        self._lock: int | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._last_lines: deque[str] = deque(maxlen=5)
        self._tasks: list[asyncio.Task[None]] = []
        self._full = False

    @property
    def pid(self) -> int | None:
        """Give the process id of the running `ovsdb-server`."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Make the database if there is none, and serve it. Raises EmbeddedError."""
        files.require_programs()
        if len(os.fsencode(self.remote.removeprefix("unix:"))) > LONGEST_SOCKET:
            raise EmbeddedError(f"{self._run}: the path is too long for a Unix socket in it; use a shorter one")
        self._take_folder()
        try:
            await self._end_orphan()
            if not self.path.exists():
                await asyncio.to_thread(files.create, self.path, self._tables)
            await self._spawn()
        except BaseException:
            await self.close()
            raise
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._watch())]

    async def close(self) -> None:
        """End it, and let go of the folder."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._end()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_folder(self) -> None:
        try:
            self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._run.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._run.chmod(0o700)
            lock = os.open(self._state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as e:
            raise EmbeddedError(f"{e.filename}: the database cannot use it: {e.strerror}") from e
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid, _, remote = os.pread(lock, 1000, 0).decode().partition(" ")
            os.close(lock)
            raise InUseError(self._state, pid, remote) from None
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()} {self.remote}".encode(), 0)
        self._lock = lock

    async def _end_orphan(self) -> None:
        """End an `ovsdb-server` that a killed server of this folder has left; we hold the folder's lock."""
        try:
            pid = int((self._run / "ovsdb-server.pid").read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return
        if Path(os.fsdecode(command[0])).name != "ovsdb-server" or os.fsencode(self.path) not in command:
            return
        self._log.warning("ending the ovsdb-server that a killed server has left", pid=pid)
        with contextlib.suppress(OSError):  # it may be gone at any moment
            os.kill(pid, signal.SIGKILL)
            while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
                await asyncio.sleep(0.01)

    def _command(self) -> list[str]:
        # setpriv: the kernel ends it when we are gone, however we went.
        command = ["setpriv", "--pdeathsig", "KILL", "--", "ovsdb-server", str(self.path)]
        command += [f"--remote=p{self.remote}", *(f"--remote={remote}" for remote in self._listen)]
        command += [f"--unixctl={self._run}/ctl", f"--pidfile={self._run}/ovsdb-server.pid", "--no-chdir"]
        command += ["-vsyslog:off", "-vfile:off", "-vconsole:warn", "-vPATTERN:console:%c: %m"]
        if self._tls is not None and any(remote.startswith("pssl:") for remote in self._listen):
            command += [f"--private-key={self._tls.private_key}", f"--certificate={self._tls.certificate}"]
            command += [f"--ca-cert={self._tls.ca_cert}"]
        return command

    async def _spawn(self) -> None:
        """Start it, and wait until it answers."""
        (self._run / "db.sock").unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *self._command(),
            env=environment(self._run),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=lambda: os.umask(0o077),  # of its pid file too; uvloop takes no `umask`
            start_new_session=True,  # Ctrl-C in a terminal is for us; we end it when nothing needs it any more
        )
        reading = asyncio.create_task(self._pass_on(self._process))
        deadline = asyncio.get_running_loop().time() + START_S
        while not await self._answers():
            if self._process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                await self._end()
                await reading
                said = "; ".join(self._last_lines) or "it does not answer"
                raise EmbeddedError(f"{self.path}: ovsdb-server does not start: {said}")
            await asyncio.sleep(0.01)
        self._log.info("ovsdb-server runs", database=str(self.path), pid=self._process.pid)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_unix_connection(self.remote.removeprefix("unix:"))
        except OSError:
            return False
        writer.close()
        return True

    async def _pass_on(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            text = line.decode(errors="replace").strip()
            self._last_lines.append(text)
            ending = self._process is not process
            (self._log.info if ending else self._log.warning)("ovsdb-server", said=text)

    async def _keep(self) -> None:
        """Start it again whenever it ends."""
        failures = 0
        while True:
            if self._process is not None:
                status = await self._process.wait()
                self._log.warning("ovsdb-server ended", status=status)
                self._process = None
            await asyncio.sleep(_PAUSES_S[min(failures, len(_PAUSES_S) - 1)])
            try:
                await self._spawn()
                failures = 0
            except (EmbeddedError, OSError) as e:
                failures += 1
                self._log.warning("ovsdb-server cannot be started again", problem=str(e))

    async def _watch(self) -> None:
        """Look after the disk, and for a server that has failed on it."""
        while True:
            await asyncio.sleep(_WATCH_S)
            with contextlib.suppress(OSError):
                self._tell_room(shutil.disk_usage(self._state).free)
            process = self._process
            if process is None:
                continue
            wrong = await self._what_is_wrong(process.pid)
            if wrong is not None:
                self._log.warning(f"ovsdb-server {wrong}; starting it again", pid=process.pid)
                with contextlib.suppress(ProcessLookupError):
                    process.kill()

    def _tell_room(self, free: int) -> None:
        full = free < MINIMUM_FREE
        if full != self._full:
            self._full = full
            reason = f"the disk of {self._state} is full: {free >> 20} MiB are left, {MINIMUM_FREE >> 20} are needed"
            self._log.warning(reason if full else f"the disk of {self._state} has room again")
            self.writes_refused(reason if full else None)

    async def _what_is_wrong(self, pid: int) -> str | None:
        """Give for what reason it must be started again: its disk was full, or it hangs."""
        before = _processor_time(pid)
        try:
            async with asyncio.timeout(_HANG_S):
                failed = await self._has_failed()
        except TimeoutError:
            return "hangs" if before is not None and before == _processor_time(pid) else None
        return "failed on its disk" if failed and not self._full else None

    async def _has_failed(self) -> bool:
        try:
            session = await connect(f"unix:{self._run}/ctl")
            try:
                reply = await session.request("cluster/status", [NAME])
                return "\nStatus: failed" in msgspec.json.decode(reply.result, type=str)
            finally:
                session.close("asked")
        except (SessionError, msgspec.MsgspecError):
            return False

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                async with asyncio.timeout(_STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
        await process.wait()


def environment(folder: Path) -> dict[str, str]:
    """Give the variables of an `ovsdb-server`: where the relative address in its cluster leads; and huge pages.

    With many hosts it follows pointers through all rows most of the time, and waits for the memory (`perf`): in huge
    pages it finds them in a quarter less of it. glibc asks for those where the kernel gives them to who asks.
    """
    return {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", **os.environ, "OVS_RUNDIR": str(folder)}


def _processor_time(pid: int) -> tuple[str, str] | None:
    """Give what a process that sleeps or is stopped has used of the processor (proc_pid_stat(5)).

    None for one that runs, waits for its turn or for its disk: that is no hanging.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (fields[11], fields[12]) if fields[0] in "ST" else None
