"""SOURCE strings, as given on the command line, to hosts.

    FILE             the output of `ovs-vsctl show` of one host or several, a JSON document of ours, a database file
                     (conf.db), or the tables that `ovs-vsctl --format=json list` prints
    REPORT           a sosreport, its folder or its archive
    FOLDER           all of these that are in it
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
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tunbridge.errors import TunbridgeError
from tunbridge.inspect import sosreport, ssh
from tunbridge.inspect.content import MAX_BYTES, Reading, SourceError, read_content
from tunbridge.inspect.draw.names import natural
from tunbridge.inspect.live import read_live
from tunbridge.inspect.model import Host
from tunbridge.inspect.reader import NoDumpError
from tunbridge.openvswitch.read_ovsdb import TIMEOUT

STDIN = "standard input"
AT_ONCE = 16
"""Sources that are read at the same time."""

REFRESH = 5.5
"""Seconds after which Open vSwitch has written into its database whether a controller is connected: every 5 s."""
_ASK_AGAIN = 0.5

Told = Callable[[str], None]
LabResolver = Callable[[str], Mapping[str, str]]
"""Lab name ("" for the default one) -> host name -> OVSDB remote. Raises TunbridgeError when there is no such lab."""

_LIVE = re.compile(r"(?:unix|tcp|ssl):.")
_NAMED = re.compile(r"(?P<name>[^/=:]+)=(?P<source>.+)", re.DOTALL)


def local_ovsdb(environ: Mapping[str, str] = os.environ) -> str:
    """Give the remote that `ovs-vsctl` uses when none is named: `db.sock` in `OVS_RUNDIR`."""
    return f"unix:{environ.get('OVS_RUNDIR') or '/var/run/openvswitch'}/db.sock"


def read_sources(
    sources: Sequence[str],
    lab: LabResolver,
    timeout: float | None = None,
    told: Told = lambda _source: None,
    confirm: bool = False,
) -> Reading:
    """Read every source, several at a time; with none, the local OVSDB. Gives the hosts in the order of the sources.

    `timeout`: seconds for each live source, instead of those of its kind. `told(source)` is called when one has been
    read, or cannot be. With `confirm`, a live source that says that a controller is not connected is read again until
    it says otherwise or has had the time to (REFRESH). Raises nothing: what failed is in `problems`.
    """
    parts = taken_apart(sources, lab, timeout)
    hosts: list[Host] = []
    problems: list[TunbridgeError] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(_read, part, told, confirm) for part in parts]
        for future in futures:
            reading = future.result()
            hosts.extend(reading.hosts)
            problems.extend(reading.problems)
    return Reading(hosts, problems)


def is_live(source: str) -> bool:
    """Say whether a source is a running Open vSwitch, and not a file of what one was."""
    target = split_name(source)[1]
    named = target.startswith(("lab:", ssh.PREFIX)) or (_LIVE.match(target) and not Path(target).exists())
    return not target or bool(named)


class Source(NamedTuple):
    """Something to read by itself: a source, or one host of a lab."""

    label: str
    read: Callable[[], Reading]
    """Raises TunbridgeError."""
    remote: str | None = None
    """Where its OVSDB answers, also `ssh:…`, if it does."""


def _read(source: Source, told: Told, confirm: bool) -> Reading:
    try:
        reading = source.read()
        return _confirmed(source, reading) if confirm and source.remote is not None else reading
    except TunbridgeError as e:
        return Reading([], [e])
    finally:
        told(source.label)


def _confirmed(source: Source, reading: Reading) -> Reading:
    """Ask again while a controller is said to be away: the column is as old as its last refresh."""
    deadline = time.monotonic() + REFRESH
    while any(map(_lacks_controller, reading.hosts)) and time.monotonic() < deadline:
        time.sleep(_ASK_AGAIN)
        reading = source.read()
    return reading


def _lacks_controller(host: Host) -> bool:
    return any(
        controller.is_connected is False and not controller.target.startswith(("ptcp:", "pssl:", "punix:"))
        for bridge in host.bridges
        for controller in bridge.controllers
    )


def taken_apart(sources: Sequence[str], lab: LabResolver, timeout: float | None = None) -> list[Source]:
    """Give what is to be read for these sources; see `read_sources`."""
    return [one for source in sources or [""] for one in _parts(source, lab, timeout)]


def _parts(whole: str, lab: LabResolver, timeout: float | None) -> list[Source]:
    name, source = split_name(whole)
    if not source:
        return [Source(local_ovsdb(), lambda: Reading([_local(timeout)]), local_ovsdb())]
    if source.startswith("lab:"):
        return _lab(source.removeprefix("lab:"), lab, timeout)
    if source.startswith(ssh.PREFIX):
        return [Source(source, lambda: Reading([ssh.read_ssh(source, name, timeout or ssh.TIMEOUT)]), source)]
    if _LIVE.match(source) and not Path(source).exists():
        return [Source(source, lambda: Reading([read_live(source, name, timeout or TIMEOUT)]), source)]
    return [Source(source, lambda: _file(source, name))]


def _file(source: str, name: str | None) -> Reading:
    """Read a file, standard input, or the folder or archive of a sosreport."""
    path = Path(source)
    if source != "-" and (path / "sos_commands").is_dir():
        return sosreport.read_folder(path, name)
    if source != "-" and path.is_dir():
        return _folder(path, name)
    if source != "-" and path.is_file() and sosreport.is_archive(_head(path)):
        return sosreport.read_archive(path, name)
    return read_content(_bytes(source), STDIN if source == "-" else source, name)


def _folder(folder: Path, name: str | None) -> Reading:
    """Read everything in a folder, sosreports too; what is no source is passed over if anything else is one."""
    try:
        entries = sorted(
            (path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda path: natural(path.name)
        )
    except OSError as e:
        raise SourceError(f"{folder}: cannot be read: {e.strerror}") from e
    hosts: list[Host] = []
    problems: list[TunbridgeError] = []
    passed: list[str] = []
    for entry in entries:
        if entry.is_dir() and not (entry / "sos_commands").is_dir():
            continue
        try:
            reading = _file(str(entry), name)
        except NoDumpError:
            passed.append(entry.name)
        except TunbridgeError as e:
            problems.append(e)
        else:
            hosts += (host for host in reading.hosts if host.bridges or host.managers or host.ovs_version)
            problems += reading.problems
    if not hosts and not problems:
        found = f"none of its files is a source ({', '.join(passed[:3])} ...)" if passed else "there is no file in it"
        raise SourceError(f"{folder}: a folder, and {found}: expected outputs of `ovs-vsctl show`, or a sosreport")
    return Reading(hosts, problems)


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


def _local(timeout: float | None) -> Host:
    remote = local_ovsdb()
    try:
        return read_live(remote, None, timeout or TIMEOUT)
    except TunbridgeError as e:
        raise SourceError(
            f"{e}. With no SOURCE, the local Open vSwitch is read; give a file with the output of `ovs-vsctl show`, "
            "`-` for standard input, lab:, or unix:PATH"
        ) from e


def _lab(name: str, lab: LabResolver, timeout: float | None) -> list[Source]:
    def failed(error: TunbridgeError) -> Reading:
        raise error

    def read(host: str, remote: str) -> Reading:
        try:
            return Reading([read_live(remote, host, timeout or TIMEOUT)])
        except TunbridgeError as e:
            raise SourceError(f"lab:{name}: {host}: {e}") from e

    try:
        found = lab(name)
    except TunbridgeError as e:
        return [Source(f"lab:{name}", partial(failed, e))]
    return [Source(f"lab:{name}: {host}", partial(read, host, remote), remote) for host, remote in found.items()]


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
