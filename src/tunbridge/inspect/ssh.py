"""A host over ssh: the system's client runs one reading command there, and its tables are read as those of a file.

The command reads (`ovs-vsctl list`, `ip addr`, `ovs-appctl fdb/stats-show`), as who logs in, or else with `sudo -n`.
What the last two print is unknown where they do not work. Nothing is asked for on the terminal,
nothing is waited for without a limit, and what is no plain host name never reaches the client's command line.
"""

import os
import re
import selectors
import shlex
import subprocess
import time

from msgspec.structs import replace

from tunbridge.inspect.content import MAX_BYTES, SourceError, read_content
from tunbridge.inspect.machine import with_answers
from tunbridge.inspect.model import Host
from tunbridge.openvswitch.read_ovsdb import COLUMNS

PREFIX = "ssh:"
TIMEOUT = 30.0
"""Seconds for one host, logging in included."""

_CHUNK = 1 << 18
_TARGET = re.compile(
    r"(?P<login>(?:[A-Za-z0-9_][\w.-]*@)?(?:[A-Za-z0-9_][\w.-]*|\[[0-9A-Fa-f:.]+(?:%\w+)?\]))(?::(?P<port>\d{1,5}))?",
    re.ASCII,
)
_LIST = f"ovs-vsctl --timeout=10 --format=json {' -- '.join(f'list {table}' for table in COLUMNS)}"
_DEVICES, _TABLES = "--- devices", "--- MAC tables"
"""Lines between the parts of the answer: no table in JSON holds a line feed."""
_SCRIPT = f"""{{ {_LIST} || sudo -n {_LIST}; }} && {{
echo; echo '{_DEVICES}'; ip -j addr || ip addr
echo; echo '{_TABLES}'; for b in $(ovs-vsctl list-br || sudo -n ovs-vsctl list-br); do
ovs-appctl --timeout=2 fdb/stats-show "$b" || sudo -n ovs-appctl --timeout=2 fdb/stats-show "$b"; done
true; }} 2>/dev/null"""
COMMAND = f"sh -c {shlex.quote(_SCRIPT)}"


def read_ssh(source: str, name: str | None, timeout: float = TIMEOUT) -> Host:
    """Read the host at `ssh:[USER@]HOST[:PORT]`, in `timeout` seconds. Raises TunbridgeError."""
    match = _TARGET.fullmatch(source.removeprefix(PREFIX))
    if match is None:
        raise SourceError(f"{source}: not of the form ssh:[USER@]HOST[:PORT], with a plain host name")
    port = ["-p", match["port"]] if match["port"] else []
    login = re.sub(r"[\[\]]", "", match["login"])
    connect = f"ConnectTimeout={max(1, min(10, int(timeout)))}"
    answer = _answer(["ssh", "-T", "-o", "BatchMode=yes", "-o", connect, *port, "--", login, COMMAND], source, timeout)
    tables, _, rest = answer.partition(f"\n{_DEVICES}\n".encode())
    devices, _, mac_tables = rest.decode("utf-8", "replace").partition(f"\n{_TABLES}\n")
    host = replace(read_content(tables, source, name).hosts[0], source=source)
    return with_answers(host, devices, mac_tables)


def _answer(argv: list[str], source: str, timeout: float) -> bytes:
    """Run the client and give what it printed. Raises SourceError; the client has ended then."""
    try:
        client = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except FileNotFoundError as e:
        raise SourceError(f"{source}: there is no ssh client on this machine (package openssh-client)") from e
    with client:
        try:
            printed, said = _read(client, source, timeout)
        except BaseException:
            client.kill()
            raise
    if client.returncode != 0:
        lines = said.decode("utf-8", "replace").strip().splitlines()
        raise SourceError(f"{source}: {lines[-1] if lines else f'ssh ended with status {client.returncode}'}")
    return printed


def _read(client: subprocess.Popen[bytes], source: str, timeout: float) -> tuple[bytes, bytes]:
    """Give all that it prints, and the end of what it says, until it ends: in time, and not without a limit."""
    assert client.stdout is not None and client.stderr is not None
    deadline = time.monotonic() + timeout
    printed, said = bytearray(), bytearray()
    with selectors.DefaultSelector() as waiting:
        waiting.register(client.stdout, selectors.EVENT_READ, printed)
        waiting.register(client.stderr, selectors.EVENT_READ, said)
        while waiting.get_map():
            ready = waiting.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise SourceError(f"{source}: no answer in {timeout:g} s")
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                key.data.extend(chunk)
                if not chunk:
                    waiting.unregister(key.fileobj)
            if len(printed) > MAX_BYTES:
                raise SourceError(f"{source}: an answer longer than {MAX_BYTES // 2**20} MiB")
            del said[:-2000]
    try:
        client.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as e:
        raise SourceError(f"{source}: no answer in {timeout:g} s") from e
    return bytes(printed), bytes(said)
