"""What a file holds, told by how it begins: the hosts of a text, a document, a database file or listed tables."""

import json
import re

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from tunbridge.errors import TunbridgeError
from tunbridge.inspect.live import host_of
from tunbridge.inspect.model import VERSION, Document, Host
from tunbridge.inspect.names import stem
from tunbridge.inspect.reader import NoDumpError, ReadError, read_show
from tunbridge.inspect.wrappers import SHOWN, outputs
from tunbridge.openvswitch import database_file, listed

_JSON = re.compile(r"\{(?!(?:noformat|code)\b)")
"""How an object of JSON begins; `{noformat}` of Jira does not."""

MAX_BYTES = 256 * 1024 * 1024
"""No dump is longer: a file that is, is something else."""


class SourceError(TunbridgeError):
    """A source cannot be read: names it, and says why and what would do."""


class Reading(Struct, frozen=True):
    """What was read, and what could not be."""

    hosts: list[Host] = field(default_factory=list)
    problems: list[TunbridgeError] = field(default_factory=list)


def read_content(data: bytes, label: str, name: str | None) -> Reading:
    """Give the hosts that `data` holds; `label` is the source that is cited. Raises TunbridgeError.

    A database file whose end is damaged gives its host as far as it goes, and a problem.
    """
    if database_file.is_database(data):
        return _database(data, label, name)
    text = _decoded(data)
    bare = text.strip("\ufeff \t\r\n")
    if _JSON.match(bare):
        if listed.is_listed(bare):
            return Reading([host_of(listed.parse_listed(bare, label), label, name)])
        if '"stdout' in bare or SHOWN.search(bare):
            return Reading(read_show(_outputs(bare), source=label, name=name))
        return Reading(_document(text, label, name))
    return Reading(read_show(text, source=label, name=name))


def _outputs(text: str) -> str:
    """Return the outputs in the JSON of Ansible or Salt, each after a heading with its host's name; else the text."""
    try:
        found = list(outputs(json.loads(text), ""))
    except (ValueError, RecursionError):
        return text
    return "\n".join(f"{host} | CHANGED\n{output}" if host else output for host, output in found) or text


def _database(data: bytes, label: str, name: str | None) -> Reading:
    tables, wrong = database_file.replay(data, label)
    host = host_of(tables, label, name, sorted(database_file.STATE_COLUMNS))
    if host.name == host.system_id and (called := _file_name(label)):
        host = replace(host, name=called)
    return Reading([host], [SourceError(f"{label}: {wrong}")] if wrong else [])


def _file_name(label: str) -> str:
    """Return the name that a database file's own name suggests; `conf.db` is what they all are called."""
    name = stem(label).removesuffix(".db")
    return "" if name == "conf" else name


def _decoded(data: bytes) -> str:
    """Decode a text by its byte order mark, else as UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # PowerShell redirects as UTF-16
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _document(text: str, source: str, name: str | None) -> list[Host]:
    """Take the given hosts of a document; what they hang together with is worked out anew."""
    try:
        document = msgspec.json.decode(text.lstrip("\ufeff").encode(), type=Document)
    except msgspec.DecodeError as e:
        kind = ReadError if '"hosts"' in text else NoDumpError
        raise kind(
            f"{source}, line 1: expected the output of `ovs-vsctl show`, or a JSON document of tunbridge: {e}"
        ) from e
    if document.version.partition(".")[0] != VERSION.partition(".")[0]:
        raise SourceError(f"{source}: a document of version {document.version}; this tunbridge reads {VERSION}")
    hosts = [host for host in document.hosts if host.known]
    if not hosts:
        raise NoDumpError(f"{source}, line 1: expected a document with hosts that were given; there are none")
    if name is not None:
        hosts = [replace(host, name=name) for host in hosts]
    return [host if host.source else replace(host, source=source) for host in hosts]
