"""A sosreport, as a folder or as its archive: the files of it that tell a host, and what the host is called.

An archive comes from elsewhere, and may be made to harm. Nothing of it is written to disk; its members are looked at in
their order, by name, and only regular files are read, each and all together up to a limit. In a folder, no link is
followed out of it.
"""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from tunbridge.errors import TunbridgeError
from tunbridge.inspect.content import MAX_BYTES, Reading, SourceError, read_content
from tunbridge.inspect.machine import with_answers
from tunbridge.inspect.mappings import FILES
from tunbridge.inspect.model import Host
from tunbridge.inspect.records import with_records

MAX_SECONDS = 600
"""For unpacking one archive."""
_STEP = 2**26
"""Bytes that are skipped between two looks at the clock."""
MAX_ARCHIVE = 32 * 2**30
"""Bytes that an archive may unpack to, all together: what is longer is a bomb, or no report."""

_SHOWN = re.compile(r"sos_commands/openvswitch/ovs-vsctl(?:_-t_\d+)?_show")
_DATABASE = re.compile(r"(?:etc/openvswitch|var/lib/openvswitch|var/lib/openvswitch/etc)/conf\.db")
_LISTED = re.compile(r"sos_commands/openvswitch/ovs-vsctl(?:_-t_\d+)?_list_(interface|bridge|open_vswitch)", re.I)
_MAC_TABLE = re.compile(r"sos_commands/openvswitch/ovs-appctl_fdb\.stats-show_[^/]+")
_ADDRESSES = re.compile(r"sos_commands/networking/ip(?:_-d)?_addr(?:ess)?")
_NAME = re.compile(r"(?:sos_commands/(?:host|general)/)?hostname|etc/hostname")
_CONFIGURATION = re.compile("|".join(map(re.escape, FILES)))
_WANTED = (_SHOWN, _DATABASE, _LISTED, _MAC_TABLE, _ADDRESSES, _NAME, _CONFIGURATION)
_DIRECTORIES = (
    "sos_commands/openvswitch", "etc/openvswitch", "var/lib/openvswitch", "var/lib/openvswitch/etc",
    "sos_commands/networking", "sos_commands/host", "sos_commands/general", "etc", ".",
    *dict.fromkeys(name.rpartition("/")[0] for name in FILES),
)  # fmt: skip
_PACKED: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\xfd7zXZ\x00": lambda file: cast(BinaryIO, lzma.LZMAFile(file)),  # noqa: SIM115 - its user closes it
    b"\x1f\x8b": lambda file: cast(BinaryIO, gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: cast(BinaryIO, bz2.BZ2File(file)),
}
"""How a packed file begins -> what unpacks it."""


def is_archive(head: bytes) -> bool:
    """Say whether a file that begins with `head` (512 bytes) is a tar archive, packed or not."""
    return any(map(head.startswith, _PACKED)) or head[257:262] == b"ustar"


def read_folder(folder: Path, name: str | None) -> Reading:
    """Read the report in a folder. Raises TunbridgeError, also when it is none."""
    found: dict[str, bytes] = {}
    root = folder.resolve()
    for directory in _DIRECTORIES:
        try:
            for path in sorted((folder / directory).iterdir()):
                at = path.relative_to(folder).as_posix()
                if _wanted(at) and path.is_file() and path.resolve().is_relative_to(root):
                    with path.open("rb") as file:
                        found[at] = _limited(file.read(MAX_BYTES + 1), path)
        except FileNotFoundError:
            continue
        except OSError as e:
            raise SourceError(f"{folder}: {directory} cannot be read: {e.strerror or e}") from e
    return _host(found, str(folder), name)


def read_archive(path: Path, name: str | None) -> Reading:
    """Read the report in an archive. Raises TunbridgeError, also when it is none."""
    found: dict[str, bytes] = {}
    try:
        with path.open("rb") as packed:
            head = packed.read(512)
            packed.seek(0)
            opener = next((opener for magic, opener in _PACKED.items() if head.startswith(magic)), lambda file: file)
            limited = cast(BinaryIO, _Limited(opener(packed), path))
            with tarfile.open(fileobj=limited, mode="r:") as archive:
                for member in archive:
                    at = _inside(member.name)
                    content = archive.extractfile(member) if member.isreg() and _wanted(at) else None
                    if content is not None:
                        found.setdefault(at, _limited(content.read(MAX_BYTES + 1), path))
                    archive.members.clear()  # type: ignore[attr-defined] # a report has 100,000; none is needed again
    except (OSError, EOFError, ValueError, tarfile.TarError, lzma.LZMAError, RecursionError) as e:
        raise SourceError(f"{path}: not a sosreport's archive, or a damaged one: {e}") from e
    return _host(found, str(path), name)


def _wanted(at: str) -> bool:
    return any(pattern.fullmatch(at) for pattern in _WANTED)


def _inside(name: str) -> str:
    """Give the place of a member in its report, without the report's own folder; none of one that leads out."""
    parts = PurePosixPath(name).parts
    return "" if ".." in parts or name.startswith("/") else "/".join(parts[1:])


def _limited(data: bytes, source: Path) -> bytes:
    if len(data) > MAX_BYTES:
        raise SourceError(f"{source}: a file in it is longer than {MAX_BYTES // 2**20} MiB")
    return data


class _Limited(io.RawIOBase):
    """A file that refuses to give very much, at once or in all."""

    def __init__(self, inner: BinaryIO, source: Path) -> None:
        self._inner = inner
        self._source = source
        self._deadline = time.monotonic() + MAX_SECONDS

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > MAX_BYTES + 1:
            raise SourceError(f"{self._source}: a header or file in it is longer than {MAX_BYTES // 2**20} MiB")
        self._check_time()
        return self._inner.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset > MAX_ARCHIVE:
            raise SourceError(f"{self._source}: unpacks to more than {MAX_ARCHIVE // 2**30} GiB")
        while self._inner.tell() + _STEP < offset:
            self._inner.seek(self._inner.tell() + _STEP)
            self._check_time()
        return self._inner.seek(offset, whence)

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise SourceError(
                f"{self._source}: unpacking takes more than {MAX_SECONDS} s: unpack it yourself and give its folder"
            )

    def tell(self) -> int:
        return self._inner.tell()


def _host(found: dict[str, bytes], label: str, name: str | None) -> Reading:
    """Give the host: by what `ovs-vsctl show` printed, which tells the state too, else by its database file."""
    called = name or next(filter(None, (_first_word(found[at]) for at in sorted(found) if _NAME.fullmatch(at))), None)
    reason: TunbridgeError | None = None
    for at in [*sorted(filter(_SHOWN.fullmatch, found)), *sorted(filter(_DATABASE.fullmatch, found))]:
        try:
            reading = read_content(found[at], f"{label}/{at}", called)
            return Reading([_with_state(host, found) for host in reading.hosts], reading.problems)
        except TunbridgeError as e:
            reason = reason or e  # a command that failed left its complaint; the database may still be there
    if reason is not None:
        raise reason
    raise SourceError(
        f"{label}: no sosreport with Open vSwitch in it: neither sos_commands/openvswitch/ovs-vsctl_-t_5_show nor "
        "etc/openvswitch/conf.db is there"
    )


def _with_state(host: Host, found: dict[str, bytes]) -> Host:
    """Add what the report's other commands told of the same host."""
    texts = {at: data.decode("utf-8", "replace") for at, data in found.items()}
    listed = {match[1].lower(): texts[at] for at in texts if (match := _LISTED.fullmatch(at))}
    host = with_records(host, *(listed.get(table, "") for table in ("interface", "bridge", "open_vswitch")))
    addresses = next((texts[at] for at in sorted(texts) if _ADDRESSES.fullmatch(at)), "")
    mac_tables = "\n".join(texts[at] for at in texts if _MAC_TABLE.fullmatch(at))
    return with_answers(host, addresses, mac_tables, (texts[name] for name in FILES if name in texts))


def _first_word(data: bytes) -> str | None:
    words = data[:1000].decode("utf-8", "replace").split()
    return words[0].partition(".")[0] if words else None
