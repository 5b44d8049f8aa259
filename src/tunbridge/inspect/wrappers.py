"""What programs put around the output of a command, taken off: HTML, a prefix on each line, Ansible's lists, notes.

Everything is decided by line, or by what most lines have in common; each line keeps its number in the source.
"""

import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

_STRAIGHT = str.maketrans("“”„‟″«»‘’", '"""""""\'\'')
_CURLY = frozenset("“”„‟″«»‘’")
_ENTITY = re.compile(r"&(?:quot|amp|lt|gt|nbsp|apos|ldquo|rdquo|#\d{1,6}|#x[0-9A-Fa-f]{1,6});")
_BREAK = re.compile(r"<(?:br|/p|/div|/pre|/tr|/li)\b[^<>]{0,500}>", re.I)
_TAG = re.compile(
    r"</?(?:a|article|b|blockquote|body|br|code|div|em|font|h[1-6]|head|html|i|kbd|li|mark|ol|p|pre|s|samp|section|span"
    r"|strong|table|tbody|td|th|tr|tt|u|ul)\b[^<>]{0,500}>"
    r"|\[/?(?:code|pre|quote)\b[^\[\]]{0,100}\]|\{(?:code|noformat)\b[^{}]{0,100}\}",  # of forums, and of Jira
    re.I,
)
_QUOTED_OR_TAG = re.compile(rf'("(?:[^"\\\n]|\\.)*+")|({_BREAK.pattern})|{_TAG.pattern}', re.I)
_STRUCTURE = re.compile(
    r"\s*(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\s*$"
    r"|(?:Bridge|Port|Interface|Manager|Controller)\s+[\w\"']"
    r"|(?:is_connected|fail_mode|datapath_type|tag|trunks|type|options|error|ovs_version|bfd_status):(?:\s|$))"
)
_NOTE = re.compile(
    r'((?:[^"#<←⇐\n]|"(?:[^"\\\n]|\\.)*+")*?)\s+(?:<\d+>|#+\s.*|<[-=<]+.*|[←⇐].*|//\s.*|--\s.*|!+\s*|\([^"]*\))$'
)
_MARKDOWN = re.compile(r'("(?:[^"\\\n]|\\.)*+")|\*\*|`')
_LIKE_YAML_KEYS = ("Bridge:", "Port:", "Interface:", "Manager:", "Controller:")
_LIKE_YAML = re.compile(r"\s*(?:-\s+)?(Bridge|Port|Interface|Manager|Controller):\s+(\S.*)$")
_SIGNS = (*"<&“”„‟″«»‘’'`#←⇐(!", "//", "--", "**", "[code", "[/code", "{code", "{noformat", *_LIKE_YAML_KEYS)
"""What only a line has that something was put around."""
_ODD = re.compile("|".join(map(re.escape, _SIGNS)))
_HOST = r"(?P<host>[A-Za-z0-9][\w.-]{0,252})"
_STAMP = r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?"
_PREFIXES = (
    re.compile(rf"[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d {_HOST} [\w./-]+(?:\[\d+\])?: ?"),  # syslog
    re.compile(rf"{_STAMP}(?: {_HOST} [\w./-]+(?:\[\d+\])?:)? ?"),  # CI, journald
    re.compile(r"\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]? ?"),
    re.compile(r" {0,5}\d{1,6}(?:\t|: ?|\| ?)"),  # cat -n, grep -n
    re.compile(rf"{_HOST}: ?"),  # pdsh, clush, dsh
)
_SAMPLE = 400
"""Lines that are looked at to see whether all have a prefix."""
_ITEM = re.compile(r"""\s*(?:-\s+)?(?P<quote>["'])(?P<body>.*)(?P=quote),?\s*$""")
_LIST = re.compile(r'"(?:[^"\\]|\\.)*+"')
_LINES_KEY = re.compile(r"""["']?(?:stdout_lines["']?\s*:\s*|msg["']?\s*:\s*(?=\[))(?P<rest>.*)$""")
_OUTPUT_KEY = re.compile(r"""\s*["']?(?:stdout|msg)["']?\s*:\s*"(?P<body>(?:[^"\\]|\\.)*+)",?\s*$""")
_RESULT = re.compile(r"""stdout|["']msg["']\s*:""")
"""What only results of Ansible have."""
_IN_ONE_LINE = re.compile(rf"(?P<head>{_HOST} \| \w+ \| rc=\d+ \| )\(stdout\) ?(?P<body>.*)$")
_JSON_LINE = re.compile(
    rf"(?P<head>(?:{_HOST} \| \w+|(?:ok|changed): \[[^\]]{{1,253}}\](?: => \([^()]*\))?)) => (?P<json>\{{.+\}})$"
)


class SourceLine(NamedTuple):
    """A line with its number in the source."""

    number: int
    text: str


def bare_lines(raw: list[str]) -> list[SourceLine]:
    """Give the lines without what was put around them. Linear in their length."""
    lines = list(map(SourceLine, range(1, len(raw) + 1), raw))
    sample = raw[:_SAMPLE]
    text = "\n".join(raw)
    if _RESULT.search(text):
        lines = list(_of_ansible(lines))
    elif (prefix := _common_prefix(sample) or _same_prefix(sample)) is not None:
        lines = list(_without_prefix(lines, prefix))
    if any(sign in text for sign in _SIGNS):
        lines = [bare for line in lines for bare in (_cleaned(line) if _ODD.search(line.text) else (line,))]
    return lines


def _cleaned(line: SourceLine) -> Iterable[SourceLine]:
    text = line.text
    if ("<" in text or "[" in text or "{" in text) and _TAG.search(text):
        if _STRUCTURE.match(text):  # what stands in its quotes is meant
            text = _QUOTED_OR_TAG.sub(lambda m: m[1] or ("\n" if m[2] else ""), text)
        else:
            text = _TAG.sub("", _BREAK.sub("\n", text))
        return [SourceLine(line.number, _plain(part)) for part in text.split("\n")]
    return (SourceLine(line.number, _plain(text)),)


def _plain(text: str) -> str:
    """Undo entities and curly quotes, where no straight quote says that they are meant; take notes off."""
    if '"' not in text:
        for _ in range(2):  # a page that shows a page escapes twice
            if "&" in text and _ENTITY.search(text):
                text = html.unescape(text)
        if not _CURLY.isdisjoint(text):
            text = text.translate(_STRAIGHT)
    if ("**" in text or "`" in text) and _STRUCTURE.match(bare := _MARKDOWN.sub(lambda m: m[1] or "", text)):
        text = bare
    if "'" in text and '"' not in text and _STRUCTURE.match(text):
        text = text.replace("'", '"')
    if _STRUCTURE.match(text) and (note := _NOTE.match(text[:2000])):
        text = note[1]
    if ":" in text and (found := _LIKE_YAML.match(text)):
        text = f"{found[1]} {found[2]}"
    return text


def _common_prefix(sample: list[str]) -> re.Pattern[str] | None:
    """Return the prefix that (nearly) all lines have, if what is behind it is the output that is wanted."""
    filled = [line for line in sample if line.strip()]
    if len(filled) < 3:
        return None
    for prefix in _PREFIXES:
        found = [match.end() for line in filled if (match := prefix.match(line))]
        if len(found) < 0.9 * len(filled):
            continue
        rest = [line[match.end() :] for line in filled if (match := prefix.match(line))]
        if any(re.match(r"\s*(?:Bridge|Port)\s", text) for text in rest) and sum(
            _STRUCTURE.match(text) is not None for text in rest
        ) >= 0.5 * len(rest):
            return prefix
    return None


_INNER = re.compile(_STRUCTURE.pattern.removeprefix(r"\s*"))


def _same_prefix(sample: list[str]) -> re.Pattern[str] | None:
    """Return what stands before nearly all lines and differs in its digits only: `12 | `, `[web] out: `, a border."""
    filled = [line for line in sample if line.strip()]
    shapes: Counter[str] = Counter()
    for line in filled:
        found = _INNER.search(line[:400])
        before = line[: found.start()].rstrip() if found is not None else ""
        if before and len(before) <= 200 and '"' not in before and "'" not in before:
            shapes[re.sub(r"\d+", "0", before.lstrip())] += 1
    shape, count = shapes.most_common(1)[0] if shapes else ("", 0)
    if count < max(3, 0.8 * len(filled)) or shape == ">":
        return None
    pattern = r"\d+".join(map(re.escape, shape.split("0")))
    return re.compile(rf"\s*{pattern}[ \t]?")


_BORDER = re.compile(r"\s*[|│┃]\s*$")


def _without_prefix(lines: list[SourceLine], prefix: re.Pattern[str]) -> Iterator[SourceLine]:
    """Take the prefix off; where it names hosts, their lines are put together, each after a heading with the name."""
    by_host: dict[str, list[SourceLine]] = {}
    for line in lines:
        match = prefix.match(line.text)
        host = (match.groupdict().get("host") or "") if match else ""
        text = _BORDER.sub("", line.text[match.end() :]) if match else line.text
        by_host.setdefault(host, []).append(SourceLine(line.number, text))
    for host, own in by_host.items():
        if host:
            yield SourceLine(own[0].number, f"{host} | CHANGED")
        yield from own


def _of_ansible(lines: list[SourceLine]) -> Iterator[SourceLine]:
    """Give the items of `stdout_lines` as lines, and of what has no such list the text of `stdout`."""
    lines = [inner for line in lines for inner in _of_one_line(line)]
    has_lists = any(_LINES_KEY.search(line.text) for line in lines)
    inside = False
    for line in lines:
        found = _LINES_KEY.search(line.text)
        if found is not None:
            inside = True
            for item in _LIST.findall(found["rest"]):
                yield SourceLine(line.number, _string(item[1:-1]))
            continue
        output = _OUTPUT_KEY.match(line.text)
        if output is not None:
            if not has_lists:
                yield from (SourceLine(line.number, text) for text in _string(output["body"]).split("\n"))
            continue
        item = _ITEM.match(line.text) if inside else None
        if item is not None:
            body = _string(item["body"]) if item["quote"] == '"' else item["body"].replace("''", "'")
            yield SourceLine(line.number, body)
        elif inside and (bare := re.match(r"\s*- (\s*\S.*)$", line.text)):
            yield SourceLine(line.number, bare[1])
        else:
            if line.text.strip(" \t]},"):
                inside = False
            yield line


def _of_one_line(line: SourceLine) -> Iterator[SourceLine]:
    """Give the heading and the lines of a result that stands in one line, else the line."""
    text = line.text
    output: str | None = None
    if match := _IN_ONE_LINE.match(text):
        output = match["body"].replace("\\n", "\n")
    elif match := _JSON_LINE.match(text):
        try:
            output = next((text for _, text in outputs(json.loads(match["json"]), "")), None)
        except (ValueError, RecursionError):
            output = None
    if match is None or output is None:
        yield line
        return
    yield SourceLine(line.number, match["head"])
    yield from (SourceLine(line.number, inner) for inner in output.split("\n"))


def outputs(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Give host and output of every result in a JSON value; a host's name is the key under which its result stands."""
    if isinstance(value, dict):
        for key in ("stdout_lines", "stdout", "msg"):
            found = value.get(key)
            if isinstance(found, list):
                found = "\n".join(map(str, found))
            if isinstance(found, str):
                yield name, found
                return
        for key, inner in value.items():
            yield from outputs(inner, name if isinstance(inner, list) else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from outputs(inner, name)
    elif isinstance(value, str) and SHOWN.search(value):
        yield name, value


SHOWN = re.compile(r"(?:\n|\\n) {4}Bridge ")
"""What only the output of `ovs-vsctl show` has, also with its line ends escaped."""


def _string(body: str) -> str:
    try:
        return str(json.loads(f'"{body}"', strict=False))
    except ValueError:
        return body


_HEADINGS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_HOST} \| (?:CHANGED|SUCCESS|FAILED|UNREACHABLE)\b.*$",  # ansible, ad hoc
        rf"(?:ok|changed|fatal|skipping): \[{_HOST}(?: -> [^\]]+)?\].*$",  # ansible-playbook
        rf"-?\s*UnitId: *{_HOST}(?:/(?P<unit>\d+))?$",  # juju
        rf"\[\d+\] \d\d:\d\d:\d\d \[(?:SUCCESS|FAILURE)\] {_HOST}.*$",  # pssh
        rf"([=#*~+-])\1{{2,}} *{_HOST}:? *\1{{3,}}$",  # ===== NAME =====
        rf"(?:.*[#$>] *)?(?:oc|kubectl) debug (?:-\S+ )*node/{_HOST}.*$",
    )
)
_CUT_WORDS = frozenset(("snip", "snipped", "more", "omitted", "truncated", "cut", "skipped", "elided", "output"))
"""What stands between dashes where something was left out (`---snip---`), and is no host."""
_ALONE = re.compile(rf"{_HOST}(?::(?: \|[+-]?)?)?$")


def named_by_heading(line: str) -> str | None:
    """Return the host that a line between two outputs announces; None when it is no such line."""
    if len(line) > 300:
        return None
    for pattern in _HEADINGS:
        if match := pattern.match(line):
            if match["host"].lower() in _CUT_WORDS:
                return None
            unit = match.groupdict().get("unit")
            return f"{match['host']}-{unit}" if unit else match["host"]
    return None


def named_alone(line: str) -> str | None:
    """Return the name that stands alone on a line (salt's `NAME:`, clush's between two rules)."""
    match = _ALONE.match(line) if len(line) < 260 else None
    return match["host"] if match else None
