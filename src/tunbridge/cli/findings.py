"""Findings and codes as text for people. Everything that comes from a dump is made printable, and stays on its line."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from tunbridge.cli import terminal
from tunbridge.inspect import translation
from tunbridge.inspect.checks.registry import CODES
from tunbridge.inspect.draw.safe import cells
from tunbridge.inspect.explain.statement import Lang
from tunbridge.inspect.model import Document, Finding
from tunbridge.inspect.translation import say, speaking

HOSTS_SHOWN = 6
"""Hosts that are named in a line; more are counted."""
SUBJECTS_SHOWN = 12
"""Equal findings whose subjects and lines are named; more are counted."""
STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}


def one_line(text: str) -> str:
    """Make a text of a dump printable, a line feed in it too."""
    return terminal.printable(text).replace("\n", "\\x0a")


def report(document: Document, lang: Lang = "en") -> Text:
    """Give all findings, what was not checked and why, and a last line that counts."""
    sources = {host.name: host.source for host in document.hosts}
    text = Text()
    with speaking(lang):
        for equal in _grouped(document.findings):
            _findings(text, equal, sources.get(equal[0].host), lang)
        for codes, hosts, reason in _not_checked(document, lang):
            text.append(say("not checked"), style="dim").append(f" {codes}: {one_line(hosts)}: {one_line(reason)}\n")
        if document.findings or document.not_checked:
            text.append("\n")
        return text.append(_counts(document))


def _not_checked(document: Document, lang: Lang) -> Iterator[tuple[str, str, str]]:
    """Give what was not checked, one line for each reason: the codes, the hosts, the reason."""
    by_host: dict[tuple[str, str], list[str]] = {}
    for entry in document.not_checked:
        by_host.setdefault((translation.not_checked(entry, lang).reason, entry.host), []).append(entry.code)
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (reason, host), codes in by_host.items():
        alike.setdefault((reason, tuple(codes)), []).append(host)
    for (reason, of_hosts), hosts in alike.items():
        yield ", ".join(of_hosts), _listed(hosts, HOSTS_SHOWN), reason


def _listed(names: Sequence[str], most: int) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else say("{names} and {count} more", names=shown, count=len(names) - most)


def _grouped(findings: Sequence[Finding]) -> Iterable[list[Finding]]:
    """Put findings together that say the same of several subjects of one host."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        said = (_without(finding.subject, text) for text in (finding.message, finding.fix))
        groups.setdefault((finding.severity, finding.code, finding.host, *said), []).append(finding)
    return groups.values()


def _without(subject: str, text: str) -> str:
    """Return the text with its subject made the same as every other."""
    return text.replace(subject, "\\0") if subject else text


def _findings(text: Text, equal: list[Finding], source: str | None, lang: Lang) -> None:
    finding = translation.finding(equal[0], lang)
    text.append(say(finding.severity), style=STYLES[finding.severity])
    text.append(f" {finding.code}: {one_line(finding.host)}: {one_line(finding.message)}\n")
    if equal[1:]:
        names = _listed([one_line(other.subject) for other in equal[1:]], SUBJECTS_SHOWN)
        _labelled(text, say("also: {names} ({count} in all)", names=names, count=len(equal)))
    likewise = say("; likewise for the others") if equal[1:] else ""
    _labelled(text, say("fix: {fix}", fix=one_line(finding.fix)) + likewise)
    if source is not None:
        _labelled(text, say("from: {source}", source=one_line(source)) + _lines(equal))


def _labelled(text: Text, line: str) -> None:
    label, colon, rest = line.partition(":")
    text.append(f"  {label}{colon}", style="dim").append(f"{rest}\n")


def _lines(equal: list[Finding]) -> str:
    lines = [str(finding.line) for finding in equal if finding.line is not None]
    more = ", ..." if len(lines) > SUBJECTS_SHOWN else ""
    numbers = ", ".join(lines[:SUBJECTS_SHOWN]) + more
    return say(", lines {lines}" if len(lines) > 1 else ", line {lines}", lines=numbers) if lines else ""


def _counts(document: Document) -> str:
    hosts = sum(host.known for host in document.hosts)
    counts = Counter(finding.severity for finding in document.findings)
    errors, warnings = counts["error"], counts["warning"]
    words = [
        say("{count} error" if errors == 1 else "{count} errors", count=errors),
        say("{count} warning" if warnings == 1 else "{count} warnings", count=warnings),
        say("{count} info", count=counts["info"]),
    ]
    found = ", ".join(words) if document.findings else say("nothing found")
    return say("{hosts} host checked: {found}" if hosts == 1 else "{hosts} hosts checked: {found}", hosts=hosts,
               found=found) + "\n"  # fmt: skip


def code_list(lang: Lang = "en") -> Text:
    """Give every code with its severity and its summary."""
    longest = max(map(len, CODES))
    text = Text()
    with speaking(lang):
        for entry in CODES.values():
            severity = say(entry.severity)
            text.append(severity + " " * (8 - cells(severity)), style=STYLES[entry.severity])
            text.append(f"{entry.code:<{longest}}  {translation.code(entry, lang).summary}\n")
    return text


def explanation(code: str, lang: Lang = "en") -> Text:
    """Say what a code means, when it is not reported, and how to fix it."""
    entry = translation.code(CODES[code], lang)
    with speaking(lang):
        head = f" ({say(entry.severity)}): {entry.summary}\n"
        parts = (("", entry.meaning), (say("Not reported when "), entry.not_when), (say("To fix: "), entry.fix))
    text = Text(entry.code, style="bold").append(head, style="not bold")
    for title, paragraph in parts:
        text.append("\n").append(title, style="bold").append(paragraph + "\n")
    return text
