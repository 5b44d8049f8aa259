"""A host over ssh: the system's client runs one reading command there, and its tables are read as those of a file.

The command reads (`ovs-vsctl list`, `ip addr`, `ovs-appctl fdb/stats-show`), as who logs in, or else with `sudo -n`.
What the last two print is unknown where they do not work. Nothing is asked for on the terminal,
nothing is waited for without a limit, and what is no plain host name never reaches the client's command line.
"""

import re
import shlex
import subprocess

from msgspec.structs import replace

from tunbridge.inspect.content import MAX_BYTES, SourceError, read_content
from tunbridge.inspect.machine import with_answers
from tunbridge.inspect.model import Host
from tunbridge.openvswitch.read_ovsdb import COLUMNS

PREFIX = "ssh:"
TIMEOUT = 30.0
"""Seconds for one host, logging in included."""

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
    argv = ["ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", *port, "--", login, COMMAND]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except FileNotFoundError as e:
        raise SourceError(f"{source}: there is no ssh client on this machine (package openssh-client)") from e
    except subprocess.TimeoutExpired as e:
        raise SourceError(f"{source}: no answer in {timeout:g} s") from e
    if done.returncode != 0:
        said = done.stderr[-2000:].decode("utf-8", "replace").strip().splitlines()
        raise SourceError(f"{source}: {said[-1] if said else f'ssh ended with status {done.returncode}'}")
    if len(done.stdout) > MAX_BYTES:
        raise SourceError(f"{source}: an answer longer than {MAX_BYTES // 2**20} MiB")
    tables, _, rest = done.stdout.partition(f"\n{_DEVICES}\n".encode())
    devices, _, mac_tables = rest.decode("utf-8", "replace").partition(f"\n{_TABLES}\n")
    host = replace(read_content(tables, source, name).hosts[0], source=source)
    return with_answers(host, devices, mac_tables)
