"""Read what `ovs-vsctl show` prints, as people paste it: Open vSwitch 1.x to 3.x, any number of hosts in one text.

Pastes lose their indentation, get wrapped by terminals and carry prompts along, so nothing here depends on columns.
A line is understood by its keyword (`Bridge`, `Port`, `Interface`, `Manager`, `Controller`) or its key (`tag:` belongs
to the port, `options:` to the interface ...), and it belongs to the object of that kind that was begun last:

    outside --UUID, Bridge, Manager, or a Port with its Interface--> inside a host
    inside  --ovs_version, or a shell prompt--> outside, where anything may stand
    inside  --a sentence--> suspended: only another Bridge of the same host may follow

Inside a host, what is neither such a line nor `key: value` is an error. What was cut off or left out (no UUID, no
`ovs_version`, `...`, a line that breaks off) is kept in `Host.missing_parts`: half a host must not pass for a whole
one.
"""

import re

from tunbridge.errors import TunbridgeError
from tunbridge.inspect.drafts import KEYS, HostDraft
from tunbridge.inspect.model import Host
from tunbridge.inspect.names import distinguish, stem
from tunbridge.inspect.pasted import (
    LogicalLine,
    asks_for_show,
    heading_file,
    is_closed,
    is_prompt,
    logical_lines,
    named_by_prompt,
    unquoted,
)
from tunbridge.inspect.printed import read_printed
from tunbridge.inspect.values import BadValueError, string
from tunbridge.inspect.wrappers import named_alone, named_by_heading

_KINDS = ("Bridge", "Port", "Interface", "Manager", "Controller")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OBJECT = re.compile(r'(Bridge|Port|Interface|Manager|Controller)\s+("(?:[^"\\]|\\.)*"|[^\s"“”{}\[\]]+)$', re.DOTALL)
_ATTRIBUTE = re.compile(r"([A-Za-z_][\w-]*):(?:\s+(.*))?$", re.DOTALL)
_IGNORABLE = re.compile(r"[\s*_=~`|+-]+|#.*")
_CUT = r"(?:snip\w*|omit\w*|truncated|elided|skipped|cut|more|abridged)"
_ELISION = re.compile(
    r"[\W_]*(?:\.{2,}|…)[\W_]*"  # ... and […]
    rf"|(?:[\[({{<~=*#-]|\.{{2,}}|…).{{0,80}}\b{_CUT}\b.{{0,80}}"  # <output omitted>, ---snip---, --More--(42%)
    r"|(?:\.{2,}|…).{0,80}|.{0,80}(?:\.{3}|…)"  # ... 150 ports like this
    r"|(?:[-=~]\s*){3,}|(?:\*\s*){3,}"  # a rule between what was copied
    r"|[\[({<][^\[\](){}<>]{3,80}[\])}>]"  # <other taps>
    r"|lines \d+-\d+.{0,40}",  # the status line of less
    re.I,
)
_SENTENCE_WORDS = 3
"""A line of so many words, or of one, that is not of the format is text around the output; one of two is a mistake."""


MAX_LINES = 1_000_000
"""Lines of one source: about 250,000 ports. Reading and checking them took 14 s of CPU on a busy machine, 0.63 GB."""
MAX_LINE = 1 << 20
"""Characters of one line: a source with a longer one is no dump."""


class ReadError(TunbridgeError):
    """The text is no dump, or breaks off its grammar: names the source, the line and what was expected there."""


class NoDumpError(ReadError):
    """No host begins anywhere in the text: it is something else."""


def read_show(text: str, *, source: str, name: str | None = None) -> list[Host]:
    """Read every host of `text`, with the line numbers (from 1) that state each thing.

    A host is called `name`, else as its shell prompt says, else by the stem of `source`, else by its UUID; hosts that
    would be called the same are numbered. What the text does not say is None; `is_connected`, which Open vSwitch
    prints only when true, is then False. Raises ReadError.
    """
    _bound(text, source)
    printed = read_printed(text)
    hosts = read_lines(text, source, name) if printed is None else [draft.done(source, name) for draft in printed]
    if not hosts:
        raise _no_dump(text, source)
    return distinguish(hosts)


def read_lines(text: str, source: str, name: str | None) -> list[Host]:
    """Read every host of `text` line by line, undoing what pasting did. Raises ReadError."""
    reader = _Reader(source, name)
    previous: LogicalLine | None = None
    for line in logical_lines(text):
        if previous is not None:
            reader.take(previous)
        previous = line
    if previous is not None:
        reader.take(previous, last=not text.endswith("\n"))
    return reader.finish()


def _bound(text: str, source: str) -> None:
    """Refuse what is too large to be a dump. Raises ReadError."""
    if text.count("\n") > MAX_LINES:
        raise ReadError(f"{source}: more than {MAX_LINES:,} lines: not the output of `ovs-vsctl show`")
    lengths = [*map(len, text.split("\n"))]
    if max(lengths) > MAX_LINE:
        number = next(number for number, length in enumerate(lengths, 1) if length > MAX_LINE)
        raise ReadError(
            f"{source}, line {number}: a line of more than {MAX_LINE:,} characters: not the output of `ovs-vsctl show`"
        )


def _is_sentence(line: str) -> bool:
    words = line.split()
    return len(words) != _SENTENCE_WORDS - 1 and not (words[0] in _KINDS and len(words) <= _SENTENCE_WORDS)


def _no_dump(text: str, source: str) -> ReadError:
    """Say why `text` holds no host: what the first line that says something is instead."""
    expected = "expected the output of `ovs-vsctl show`: a UUID, then `Bridge NAME`, `Port NAME` ..."
    first: LogicalLine | None = None
    for line in logical_lines(text):
        if re.match(r"(?:\S+/)?ovs-vsctl: ", line.text) or "command not found" in line.text:
            return ReadError(
                f"{source}, line {line.number}: {expected}, but the command failed there: {line.text[:200]}"
            )
        if re.match(r"_uuid\s*(?::|\s)|(?:Bridge|Interface|Port|Open_vSwitch) table$", line.text):
            return ReadError(
                f"{source}, line {line.number}: these are tables as ovs-vsctl list and ovsdb-client dump print them "
                "for people; with --format=json they are read"
            )
        if first is None and not is_prompt(line.text):
            first = line
    if first is None:
        return NoDumpError(f"{source}, line 1: {expected}; there is nothing")
    return NoDumpError(f"{source}, line {first.number}: {expected}; found {first.text[:60]!r}")


_RESULT_KEYS = frozenset(("ok", "changed", "fatal", "skipping", "UnitId"))
"""Words before a colon in headings: `ok: [NAME] => {`."""


class _Reader:
    """The state machine of the module's head: takes one line after the other, and gives the hosts at the end."""

    def __init__(self, source: str, name: str | None) -> None:
        self._source = source
        self._name = name
        self._hosts: list[HostDraft] = []
        self._host: HostDraft | None = None
        self._complete = False
        self._prompt_name: str | None = None
        self._held: tuple[str, int] | None = None
        """Name and line of a `Port 22` that is a port of a host without a head only if the next line confirms it."""
        self._alone: str | None = None
        """The name that stood alone on the line before: that of the host, if a UUID follows."""
        self._node: str | None = None
        """The name in a heading, for prompts after it that tell none (`oc debug node/NAME`, then `sh-4.4#`)."""
        self._sentence: LogicalLine | None = None
        """Text that stood inside the host: it has ended, unless another of its bridges follows."""

    def take(self, line: LogicalLine, last: bool = False) -> None:
        """Understand one line; the `last` one, without an end, may be cut anywhere. Raises ReadError."""
        if self._understood(line):
            self._alone = named_alone(line.text)
            return
        if not _IGNORABLE.fullmatch(line.text):
            self._alone = named_alone(line.text)
        again = unquoted(line.text)
        if again is not None and self._understood(LogicalLine(line.number, again)):
            return
        host = self._host
        if host is None or self._complete:
            return
        if last:
            host.missing["end"] = None
        elif _ELISION.fullmatch(line.text):
            host.leave_out()
        elif _IGNORABLE.fullmatch(line.text):
            return
        elif host.is_only_words:
            self._hosts.remove(host)  # a line of prose that happened to begin with "Bridge"
            self._host = None
        elif self._sentence is not None or _is_sentence(line.text):
            self._sentence = self._sentence or line
        else:
            raise self._error(line)

    def _error(self, line: LogicalLine) -> ReadError:
        return ReadError(
            f"{self._source}, line {line.number}: expected Bridge, Port, Interface, Manager or Controller and a "
            f"name, or `key: value`; found {line.text[:60]!r}"
        )

    def finish(self) -> list[Host]:
        """Give what was read; beside real hosts, bare names in prose are none."""
        if any(not host.is_only_words for host in self._hosts):
            self._hosts = [host for host in self._hosts if not host.is_only_words]
        return [host.done(self._source, self._name) for host in self._hosts]

    def _understood(self, line: LogicalLine) -> bool:
        text = line.text
        if match := _OBJECT.match(text):
            return self._object(match[1], string(match[2]), line)
        if match := _ATTRIBUTE.match(text):
            if match[1] in _RESULT_KEYS and named_by_heading(text):
                self._prompt(text)
                return True
            return self._attribute(match[1], match[2] or "", line)
        if _UUID.fullmatch(text):
            self._begin_host(text.lower(), line.number)
            return True
        if is_prompt(text):
            self._prompt(text)
            return True
        return False

    def _prompt(self, text: str) -> None:
        """What follows is no longer the host that was read, and the host that comes is called as the prompt says."""
        self._host, self._complete, self._held, self._sentence = None, False, None, None
        self._prompt_name = None
        if asks_for_show(text):
            file = heading_file(text)
            self._node = named_by_heading(text) or self._node
            self._prompt_name = stem(file) if file else named_by_prompt(text) or self._node

    def _begin_host(self, system_id: str | None, line: int) -> HostDraft:
        lines = {"name": line, "system_id": line} if system_id else {"name": line}
        self._host = HostDraft(system_id, self._prompt_name or (self._alone if system_id else None), lines)
        self._complete, self._prompt_name, self._held, self._sentence = False, None, None, None
        self._hosts.append(self._host)
        return self._host

    def _object(self, kind: str, name: str, line: LogicalLine) -> bool:
        host = self._host or self._resumed(kind)
        if host is None:
            if kind == "Port":
                self._held = (name, line.number)
                return True
            if kind == "Interface" or (kind != "Bridge" and ":" not in name):
                return True
            host = self._begin_host(None, line.number)
        elif kind == "Bridge" and name in host.bridge_names:
            host = self._begin_host(None, line.number)  # the next host, whose head was cut off
        self._continue(host, kind == "Bridge")
        if name.endswith(("...", "…")) or not is_closed(line.text):
            host.missing["middle"] = None
        host.begin(kind, name, line.number)
        return True

    def _continue(self, host: HostDraft, with_bridge: bool) -> None:
        """Go on with a host after text that stood inside it. Raises ReadError where it cannot be told how."""
        if self._sentence is None:
            return
        if not with_bridge:
            raise self._error(self._sentence)
        self._sentence = None
        host.missing["middle"] = None

    def _resumed(self, next_: str) -> HostDraft | None:
        """Begin a host whose head was cut off at the port that is held, if what comes `next_` belongs to a port."""
        held, self._held = self._held, None
        if held is None or next_ not in ("Interface", "tag", "trunks"):
            return None
        host = self._begin_host(None, held[1])
        host.begin("Port", *held)
        return host

    def _attribute(self, key: str, value: str, line: LogicalLine) -> bool:
        host = self._host or self._resumed(key)
        if host is None:
            return True
        if key in KEYS:
            self._continue(host, with_bridge=False)
            if not is_closed(line.text):
                host.missing["middle"] = None
        try:
            host.set(key, value, line.number)
        except BadValueError as e:
            raise ReadError(
                f"{self._source}, line {line.number}: expected `{key}: ` and {e}; found {value[:60]!r}"
            ) from None
        if key == "ovs_version":
            self._complete = True
        return True
