"""What pasting does to text, undone: line ends, terminal escapes, wrapped lines, mail quotes, and shell prompts.

Line numbers stay those of the source, so that every statement can be traced to what the user sees in an editor.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tunbridge.inspect.wrappers import bare_lines, named_by_heading

MAX_WRAPPED = 64
"""Source lines that one line may have been wrapped into; what is not closed by then was cut, not wrapped."""
_FULL_LINE = 50
"""A name is taken to go on in the next line only when its own line is at least this long: no terminal is narrower."""

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()*+][0-9A-Za-z]|[@-Z\\^_=>])")
_PAGER = re.compile(r"-+ ?[Mm]ore ?-+(?:\(\d+%\))?[\x08 ]*\x08")
"""The mark of a pager that it took back itself: nothing is missing there."""
_NEWLINE = re.compile(r"\r*\n|\r")
_EDGE = " \t\r\n\v\f\xa0\u200b\u2060\ufeff\u3000\u2002\u2003\u2009\u202f\x00"
_SURROGATE = re.compile("[\ud800-\udfff]")

_STRUCTURE = re.compile(
    r"(?:Bridge|Port|Interface|Manager|Controller)\s+\S+$"
    r"|(?:Bridge|Port|Interface|Manager|Controller)\s+\""
    r"|(?:is_connected|fail_mode|datapath_type|tag|trunks|type|options|error|ovs_version|bfd_status):(?:\s|$)"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
)
_OPENING = re.compile(r"(?:Bridge|Port|Interface|Manager|Controller)\s+\"|[A-Za-z_][\w-]*:\s*[\"\[{]")
_QUOTED = r'"(?:[^"\\]++|\\.)*+"'
_CLOSED = re.compile(
    rf'[^"{{\[]*+(?:{_QUOTED}|\{{(?:[^"{{}}]++|{_QUOTED})*+\}}|\[[^\]"]*+\])$', re.DOTALL
)  # most lines
_BARE_NAME = re.compile(r"(?:Bridge|Port|Interface)\s+[A-Za-z_][\w.-]*$")
_REST_OF_NAME = re.compile(r"[\w.-]+$")

_NAME = r"(?P<host>[A-Za-z0-9][\w.-]*)"
_PROMPTS = tuple(
    re.compile(pattern + r"\s*(?P<command>.*)$")
    for pattern in (
        rf"(?:\([^()]*\)\s*)?\[[\w.\\$-]+@{_NAME}(?:[ :][^\]]*)?\]\s*[#$%>]",  # [root@compute0 ~]#
        rf"(?:\([^()]*\)\s*)?[\w.\\$-]+@{_NAME}(?::|\s)[^#$%>]*[#$%>]",  # root@compute0:~#
        rf"(?:\([^()]*\)\s*)?[\w.\\$-]+@{_NAME}[#$%>]",  # root@compute0#
        r"(?:mininet|containernet|mininet-wifi)>",
        rf"{_NAME}(?::\S*|\s+[~/]\S*)?\s?[#$%>](?=.*\bovs-vsctl\b)",  # compute0# ovs-vsctl show
        r"(?:\S+\s+)?[#$%>❯➜](?=.*\bovs-vsctl\b)",  # $ sudo ovs-vsctl show
        r"\$(?=\s)",
    )
)
_HEADING = re.compile(r"==> (?P<file>.+) <==$")
_SSH = re.compile(
    r"\bssh\s+(?:-[bcDEeFIiJLlmOopQRSWw]\s+\S+\s+|-\S+\s+)*(?:[\w.-]+@)?(?P<host>[A-Za-z0-9][\w.-]*)\s+.*\bovs-vsctl\b"
)
_NOT_HOSTS = frozenset(("sh", "bash", "zsh", "ash", "localhost", "mininet", "root", "user"))


class LogicalLine(NamedTuple):
    """One line as it was before it was wrapped, without white space around it; `number` is where it begins."""

    number: int
    text: str


def logical_lines(text: str) -> Iterator[LogicalLine]:
    """Give the lines of `text` that hold something, with wrapped ones joined. Linear in the length of `text`."""
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    if "\b" in text:
        text = _PAGER.sub("", text)
    if _SURROGATE.search(text):
        text = _SURROGATE.sub("\ufffd", text)
    lines = bare_lines(_NEWLINE.split(text) if "\r" in text else text.split("\n"))
    raw = [line.text for line in lines]
    index = 0
    while index < len(raw):
        line = raw[index].strip(_EDGE)
        at, index = index, index + 1
        if not line:
            continue
        if ('"' in line or "{" in line or "[" in line) and _OPENING.match(line) and not is_closed(line):
            line, index = _unwrap(raw, index)
        elif len(raw[at]) >= _FULL_LINE <= len(raw[at].rstrip()) and index < len(raw) and _BARE_NAME.match(line):
            rest = raw[index].strip(_EDGE)
            if _REST_OF_NAME.match(rest) and not _STRUCTURE.match(rest):
                line, index = line + rest, index + 1
        yield LogicalLine(lines[at].number, line)


def is_closed(line: str) -> bool:
    """Whether all quotes and brackets that `line` opens are closed."""
    if '"' not in line and "{" not in line and "[" not in line:
        return True
    return _CLOSED.match(line) is not None or _scan(line, "") == ""


def _scan(text: str, open_: str) -> str:
    """Follow quotes and brackets through `text`; give what is open at its end ("" for nothing, "{\"" for both)."""
    stack = open_
    skip = False
    for char in text:
        if skip:
            skip = False
        elif stack.endswith('"'):
            if char == "\\":
                skip = True
            elif char == '"':
                stack = stack[:-1]
        elif char == '"' or (char in "{[" and len(stack) < 4):
            stack += char
        elif char in "}]" and stack:
            stack = stack[:-1]
    return stack


def _unwrap(raw: list[str], index: int) -> tuple[str, int]:
    """Join line `index - 1` with the following ones until it is closed; leave it as it is when it never is."""
    first = raw[index - 1].strip(_EDGE)
    parts = [first]
    open_ = _scan(first, "")
    for position in range(index, min(index + MAX_WRAPPED, len(raw))):
        piece = raw[position].strip("\r\n")
        bare = piece.strip(_EDGE)
        if _STRUCTURE.match(bare) or is_prompt(bare):
            break
        if open_.endswith('"') and (piece[:1].isspace() or raw[position - 1].endswith(" ")):
            bare = " " + bare  # a word ended at the break, or the paste is indented: an error text reads either way
        parts.append(bare)
        open_ = _scan(bare, open_)
        if not open_:
            return "".join(parts), position + 1
    return first, index


def unquoted(line: str) -> str | None:
    """Take the marks of a mail's quotation off `line`; None when it has none."""
    return line.lstrip("> ").strip(_EDGE) or None if line.startswith(">") else None


def is_prompt(line: str) -> bool:
    """Say whether `line` is a shell prompt, with or without a command, or a heading between outputs."""
    return _prompt(line) is not None or named_by_heading(line) is not None or _HEADING.match(line) is not None


def asks_for_show(line: str) -> bool:
    """Say whether what follows the prompt `line` should be the output of `ovs-vsctl show`."""
    if named_by_heading(line) or _HEADING.match(line):
        return True
    prompt = _prompt(line)
    return prompt is not None and re.search(r"\bovs-vsctl\b.*\bshow\b", prompt["command"]) is not None


def named_by_prompt(line: str) -> str | None:
    """Give the host's name that the prompt `line` shows: where `ssh` goes, else the machine of the prompt."""
    if name := named_by_heading(line):
        return name
    if match := _HEADING.match(line):
        return None
    prompt = _prompt(line)
    if prompt is None:
        return None
    if match := _SSH.search(prompt["command"]):
        return match["host"]
    name = prompt.groupdict().get("host")
    if not name or name.lower() in _NOT_HOSTS or re.fullmatch(r"(?:sh|bash)-[\d.]+", name):
        return None
    return name


def heading_file(line: str) -> str | None:
    """Give the file that a `head` or `tail` heading (`==> FILE <==`) announces."""
    match = _HEADING.match(line)
    return match["file"] if match else None


def _prompt(line: str) -> re.Match[str] | None:
    if (
        "#" not in line
        and "$" not in line
        and ">" not in line
        and "%" not in line
        and "❯" not in line
        and "➜" not in line
    ):
        return None
    line = line[:500].strip("*_` ")  # bold in Markdown
    for pattern in _PROMPTS:
        if match := pattern.match(line):
            return match
    return None
