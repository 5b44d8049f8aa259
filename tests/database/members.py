"""Real ovsdb-servers for tests: a member of a cluster, started, killed and started again as a test wants it."""

import contextlib
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.database.tables import TABLES
from tunbridge.database import schema
from tunbridge.database.server import environment
from tunbridge.model.tables import Table


class Member:
    """A member of a cluster of one or more, in a folder of its own."""

    election_timer: str = "--election-timer=200"

    def __init__(
        self, folder: Path, tables: Sequence[Table] = TABLES, raft: str = "unix:raft", namespace: str | None = None
    ) -> None:
        """With a network namespace it runs in that, and is reached at port 6641 of the address in `raft`."""
        self.folder = folder
        self.raft = raft
        self.remote = f"unix:{folder}/sock"
        self._tables = tables
        self._prefix: list[str] = []
        self.listen: list[str] = []
        """Options for more places to listen at."""
        if namespace is not None:
            address = raft.split(":")[1]
            self.remote = f"tcp:{address}:6641"
            self._prefix = ["ip", "netns", "exec", namespace]
            self.listen = [f"--remote=ptcp:6641:{address}"]
        self.process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        (self.folder / "schema").write_bytes(schema.text_of(schema.schema_of(self._tables)))
        self._tool(self.election_timer, "create-cluster", "db", "schema", self.raft)

    def restore(self) -> None:
        """Make a new cluster of the rows of the one that has ended; they keep their ids."""
        self._tool("cluster-to-standalone", "standalone", "db")
        (self.folder / "db").unlink()
        self._tool(self.election_timer, "create-cluster", "db", "standalone", self.raft)

    def join(self, *others: str) -> None:
        self._tool("join-cluster", "db", schema.NAME, self.raft, *others)

    def create_standalone(self) -> None:
        (self.folder / "schema").write_bytes(schema.text_of(schema.schema_of(self._tables)))
        self._tool("create", "db", "schema")

    def _tool(self, *arguments: str) -> None:
        subprocess.run(["ovsdb-tool", *arguments], cwd=self.folder, check=True)

    def start(self) -> None:
        for name in ("sock", "ctl"):
            (self.folder / name).unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                *self._prefix,
                "ovsdb-server",
                "db",
                "--remote=punix:sock",
                *self.listen,
                f"--unixctl={self.folder}/ctl",
                "-vfile:off",
                "-vconsole:off",
            ],
            cwd=self.folder,
            env=environment(self.folder),
        )
        deadline = time.monotonic() + 60  # a large one is read for seconds, on a busy machine
        while not self._answers():
            assert self.process.poll() is None, "ovsdb-server ended"
            assert time.monotonic() < deadline, "ovsdb-server did not start"
            time.sleep(0.005)

    def _answers(self) -> bool:
        """Say whether it listens at both of its sockets: it makes the one for appctl last."""
        return all(self._listens_at(name) for name in ("sock", "ctl"))

    def _listens_at(self, name: str) -> bool:
        with socket.socket(socket.AF_UNIX) as sock, contextlib.suppress(OSError):
            sock.connect(str(self.folder / name))
            return True
        return False

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def appctl(self, *arguments: str) -> str:
        argv = ["ovs-appctl", "-t", f"{self.folder}/ctl", *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=10).stdout

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def member(tables: Sequence[Table] = TABLES) -> Iterator[Member]:
    """Give a running one-member cluster in a short-named folder; it is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="tbdb") as folder:
        made = Member(Path(folder), tables)
        made.create()
        made.start()
        try:
            yield made
        finally:
            made.stop()


@contextlib.contextmanager
def three_members(tables: Sequence[Table] = TABLES) -> Iterator[list[Member]]:
    """Give a running cluster of three on this machine."""
    with tempfile.TemporaryDirectory(prefix="tbdb") as folder, contextlib.ExitStack() as stack:
        members: list[Member] = []
        for number in range(3):
            place = Path(folder, str(number))
            place.mkdir()
            made = Member(place, tables, raft=f"unix:{place}/raft")
            stack.callback(made.stop)
            if number == 0:
                made.create()
            else:
                made.join(members[0].raft)
            made.start()
            members.append(made)
        for made in members[1:]:
            while "Status: cluster member" not in made.appctl("cluster/status", schema.NAME):
                time.sleep(0.01)
        yield members


def leader_of(members: Sequence[Member]) -> Member:
    """Give the running member that leads."""
    while True:
        for one in members:
            if one.process and "Role: leader" in one.appctl("cluster/status", schema.NAME):
                return one
        time.sleep(0.01)
