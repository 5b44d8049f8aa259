"""SOURCE strings, as given on the command line, to hosts.

    FILE             the output of `ovs-vsctl show` of one host or several, a JSON document of ours, a database file
                     (conf.db), or the tables that `ovs-vsctl --format=json list` prints
    REPORT           a sosreport, its folder or its archive
    -                the same on standard input
    lab: lab:NAME    every host of a lab on this machine
    unix:PATH        the OVSDB that answers at a socket; also tcp:IP:PORT
    ssh:[USER@]HOST  the OVSDB of that host, read by ovs-vsctl there
    NAME=SOURCE      any of these, with a name for the host
    (none)           the local OVSDB, as ovs-vsctl does

Where labs keep their sockets is not known here: the caller passes a resolver. A source that cannot be read does not
keep the others from being shown.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tunbridge.errors import TunbridgeError
from tunbridge.inspect import sosreport, ssh
from tunbridge.inspect.content import MAX_BYTES, Reading, SourceError, read_content
from tunbridge.inspect.live import read_live
from tunbridge.inspect.model import Host

STDIN = "standard input"
SSH_AT_ONCE = 16
"""Hosts that are logged in to at the same time."""

LabResolver = Callable[[str], Mapping[str, str]]
"""Lab name ("" for the default one) -> host name -> OVSDB remote. Raises TunbridgeError when there is no such lab."""

_LIVE = re.compile(r"(?:unix|tcp|ssl):.")
_NAMED = re.compile(r"(?P<name>[^/=:]+)=(?P<source>.+)", re.DOTALL)


def local_ovsdb(environ: Mapping[str, str] = os.environ) -> str:
    """Give the remote that `ovs-vsctl` uses when none is named: `db.sock` in `OVS_RUNDIR`."""
    return f"unix:{environ.get('OVS_RUNDIR') or '/var/run/openvswitch'}/db.sock"


def read_sources(sources: Sequence[str], lab: LabResolver) -> Reading:
    """Read every source, in order; with none, the local OVSDB. Raises nothing: what failed is in `problems`."""
    hosts: list[Host] = []
    problems: list[TunbridgeError] = []
    with ThreadPoolExecutor(SSH_AT_ONCE) as pool:
        logins = {source: pool.submit(_over_ssh, source) for source in sources if _is_ssh(source)}
        for source in sources or [""]:
            try:
                hosts.extend([logins[source].result()] if source in logins else _read(source, lab, problems))
            except TunbridgeError as e:
                problems.append(e)
    return Reading(hosts, problems)


def _is_ssh(source: str) -> bool:
    return split_name(source)[1].startswith(ssh.PREFIX)


def _over_ssh(source: str) -> Host:
    name, target = split_name(source)
    return ssh.read_ssh(target, name)


def _read(source: str, lab: LabResolver, problems: list[TunbridgeError]) -> Iterable[Host]:
    if not source:
        return [_local()]
    name, source = split_name(source)
    if source.startswith("lab:"):
        return _lab(source.removeprefix("lab:"), lab, problems)
    if _LIVE.match(source) and not Path(source).exists():
        return [read_live(source, name)]
    reading = _file(source, name)
    problems.extend(reading.problems)
    return reading.hosts


def _file(source: str, name: str | None) -> Reading:
    """Read a file, standard input, or the folder or archive of a sosreport."""
    path = Path(source)
    if source != "-" and (path / "sos_commands").is_dir():
        return sosreport.read_folder(path, name)
    if source != "-" and path.is_file() and sosreport.is_archive(_head(path)):
        return sosreport.read_archive(path, name)
    return read_content(_bytes(source), STDIN if source == "-" else source, name)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError:
        return b""  # reading it as a whole will say why


def split_name(source: str) -> tuple[str | None, str]:
    """Take `NAME=` off a source. A file whose path holds `=` is itself when it exists."""
    match = _NAMED.match(source)
    if match is None or Path(source).exists():
        return None, source
    return match["name"], match["source"]


def _local() -> Host:
    remote = local_ovsdb()
    try:
        return read_live(remote)
    except TunbridgeError as e:
        raise SourceError(
            f"{e}. With no SOURCE, the local Open vSwitch is read; give a file with the output of `ovs-vsctl show`, "
            "`-` for standard input, lab:, or unix:PATH"
        ) from e


def _lab(name: str, lab: LabResolver, problems: list[TunbridgeError]) -> list[Host]:
    hosts = []
    for host, remote in lab(name).items():
        try:
            hosts.append(read_live(remote, host))
        except TunbridgeError as e:
            problems.append(SourceError(f"lab:{name}: {host}: {e}"))
    return hosts


def _bytes(source: str) -> bytes:
    """Read a file or standard input."""
    try:
        if source == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as e:
        reason = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
        raise SourceError(f"{source}: cannot be read: {reason}") from e
    if len(data) > MAX_BYTES:
        raise SourceError(f"{source}: longer than {MAX_BYTES // 2**20} MiB: not the output of `ovs-vsctl show`")
    return data
