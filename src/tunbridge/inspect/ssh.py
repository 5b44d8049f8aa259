"""A host over ssh: the system's client runs one reading command there, and its tables are read as those of a file.

The command reads (`ovs-vsctl list`, `ip addr`, `ovs-appctl fdb/stats-show`, the files of Neutron's agent), as who logs
in, or else with `sudo -n`. What all but the first print is unknown where they do not work. Nothing is asked for on
the terminal, nothing is waited for without a limit, and what is no plain host name never reaches the client's command
line.

To follow a host, `ovsdb-client monitor` runs there: on a terminal, so that it ends when ssh does.
"""

import os
import re
import selectors
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from tunbridge.inspect.content import MAX_BYTES, SourceError, read_content
from tunbridge.inspect.machine import with_answers
from tunbridge.inspect.mappings import FILES, MAX_FILE
from tunbridge.inspect.model import Host
from tunbridge.openvswitch.read_ovsdb import COLUMNS, DATABASE

PREFIX = "ssh:"
TIMEOUT = 30.0
"""Seconds for one host, logging in included."""

_CHUNK = 1 << 18
_TARGET = re.compile(
    r"(?P<login>(?:[A-Za-z0-9_][\w.-]*@)?(?:[A-Za-z0-9_][\w.-]*|\[[0-9A-Fa-f:.]+(?:%\w+)?\]))(?::(?P<port>\d{1,5}))?",
    re.ASCII,
)
_LIST = f"ovs-vsctl --timeout=10 --format=json {' -- '.join(f'list {table}' for table in COLUMNS)}"
_DEVICES, _TABLES, _CONFIGURATION = "--- devices", "--- MAC tables", "--- configuration"
"""Lines between the parts of the answer: no table in JSON holds a line feed."""
_SCRIPT = f"""{{ {_LIST} || sudo -n {_LIST}; }} && {{
echo; echo '{_DEVICES}'; ip -j addr || ip addr
echo; echo '{_TABLES}'; for b in $(ovs-vsctl list-br || sudo -n ovs-vsctl list-br); do
ovs-appctl --timeout=2 fdb/stats-show "$b" || sudo -n ovs-appctl --timeout=2 fdb/stats-show "$b"; done
for f in {" ".join(f"/{name}" for name in FILES)}; do
sudo -n test -e "$f" || test -e "$f" || continue; echo; echo '{_CONFIGURATION}'
head -c {MAX_FILE} "$f" || sudo -n head -c {MAX_FILE} "$f"; done
true; }} 2>/dev/null"""
_CLIENT = "ovsdb-client"
_AS_WHOM = f"if {_CLIENT} list-dbs >/dev/null 2>&1; then s=; else s='sudo -n'; fi"


def read_ssh(source: str, name: str | None, timeout: float = TIMEOUT) -> Host:
    """Read the host at `ssh:[USER@]HOST[:PORT]`, in `timeout` seconds. Raises TunbridgeError."""
    answer = _answer(_line(source, _SCRIPT, timeout), source, timeout)
    tables, _, rest = answer.partition(f"\n{_DEVICES}\n".encode())
    rest_text, *configurations = rest.decode("utf-8", "replace").split(f"\n{_CONFIGURATION}\n")
    devices, _, mac_tables = rest_text.partition(f"\n{_TABLES}\n")
    host = replace(read_content(tables, source, name).hosts[0], source=source)
    return with_answers(host, devices, mac_tables, configurations)


def read_schema(source: str, timeout: float = TIMEOUT) -> Any:
    """Read the schema of its database (RFC 7047, 3.2). Raises TunbridgeError."""
    answer = _answer(_line(source, f"{_AS_WHOM}; $s {_CLIENT} get-schema {DATABASE}", timeout), source, timeout)
    try:
        return msgspec.json.decode(answer)
    except msgspec.DecodeError as e:
        raise SourceError(f"{source}: its ovsdb-client prints no schema: {e}") from e


def run(source: str, argv: Sequence[str], timeout: float = TIMEOUT) -> str:
    """Run one reading command there, with `sudo -n` where it fails without. Raises SourceError with what it says."""
    line = shlex.join(argv)
    return _answer(_line(source, f"{line} 2>/dev/null || sudo -n {line}", timeout), source, timeout).decode(
        "utf-8", "replace"
    )


def monitor_line(source: str, columns: Mapping[str, Sequence[str]], timeout: float = TIMEOUT) -> list[str]:
    """Give the command line that prints JSON at first and whenever one of these columns changes, by table."""
    # One client follows one table; with the first that ends all do.
    monitor = f"$s {_CLIENT} --format=json monitor {DATABASE}"
    clients = [f"{{ {monitor} {table} {','.join(names)}; kill 0; }} &" for table, names in columns.items()]
    script = f"{_AS_WHOM}; {' '.join(clients)} wait"
    alive = ("LogLevel=ERROR", "ServerAliveInterval=5", "ServerAliveCountMax=3")
    return _line(source, script, timeout, "-tt", *(word for option in alive for word in ("-o", option)))


def _line(source: str, script: str, timeout: float, *options: str) -> list[str]:
    """Give the client's command line, which runs a script of sh there. Raises SourceError."""
    match = _TARGET.fullmatch(source.removeprefix(PREFIX))
    if match is None:
        raise SourceError(f"{source}: not of the form ssh:[USER@]HOST[:PORT], with a plain host name")
    port = ["-p", match["port"]] if match["port"] else []
    login = re.sub(r"[\[\]]", "", match["login"])
    connect = f"ConnectTimeout={max(1, min(10, int(timeout)))}"
    given = [*(options or ["-T"]), "-o", "BatchMode=yes", "-o", connect, *port]
    return ["ssh", *given, "--", login, f"sh -c {shlex.quote(script)}"]


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
            if not ready or time.monotonic() > deadline:
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
