"""Findings and codes as text for people. Everything that comes from a dump is made printable, and stays on its line."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from tunbridge.cli import terminal
from tunbridge.inspect.checks.registry import CODES
from tunbridge.inspect.model import Document, Finding

HOSTS_SHOWN = 6
"""Hosts that are named in a line; more are counted."""
SUBJECTS_SHOWN = 12
"""Equal findings whose subjects and lines are named; more are counted."""
STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}


def one_line(text: str) -> str:
    """Make a text of a dump printable, a line feed in it too."""
    return terminal.printable(text).replace("\n", "\\x0a")


def report(document: Document) -> Text:
    """Give all findings, what was not checked and why, and a last line that counts."""
    sources = {host.name: host.source for host in document.hosts}
    text = Text()
    for equal in _grouped(document.findings):
        _findings(text, equal, sources.get(equal[0].host))
    for codes, hosts, reason in _not_checked(document):
        text.append("not checked", style="dim").append(f" {codes}: {one_line(hosts)}: {one_line(reason)}\n")
    if document.findings or document.not_checked:
        text.append("\n")
    return text.append(_counts(document))


def _not_checked(document: Document) -> Iterator[tuple[str, str, str]]:
    """Give what was not checked, one line for each reason: the codes, the hosts, the reason."""
    by_host: dict[tuple[str, str], list[str]] = {}
    for entry in document.not_checked:
        by_host.setdefault((entry.reason, entry.host), []).append(entry.code)
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (reason, host), codes in by_host.items():
        alike.setdefault((reason, tuple(codes)), []).append(host)
    for (reason, of_hosts), hosts in alike.items():
        more = f" and {len(hosts) - HOSTS_SHOWN:,} more" if len(hosts) > HOSTS_SHOWN else ""
        yield ", ".join(of_hosts), ", ".join(hosts[:HOSTS_SHOWN]) + more, reason


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


def _findings(text: Text, equal: list[Finding], source: str | None) -> None:
    finding = equal[0]
    text.append(f"{finding.severity}", style=STYLES[finding.severity])
    text.append(f" {finding.code}: {one_line(finding.host)}: {one_line(finding.message)}\n")
    if equal[1:]:
        others = ", ".join(one_line(other.subject) for other in equal[1 : 1 + SUBJECTS_SHOWN])
        more = f" and {len(equal) - 1 - SUBJECTS_SHOWN:,} more" if len(equal) - 1 > SUBJECTS_SHOWN else ""
        text.append("  also: ", style="dim").append(f"{others}{more} ({len(equal):,} in all)\n")
    text.append("  fix: ", style="dim").append(one_line(finding.fix))
    text.append("; likewise for the others\n" if equal[1:] else "\n")
    if source is not None:
        text.append("  from: ", style="dim").append(f"{one_line(source)}{_lines(equal)}\n")


def _lines(equal: list[Finding]) -> str:
    lines = [str(finding.line) for finding in equal if finding.line is not None]
    more = ", ..." if len(lines) > SUBJECTS_SHOWN else ""
    return f", line{'s' * (len(lines) > 1)} {', '.join(lines[:SUBJECTS_SHOWN])}{more}" if lines else ""


def _counts(document: Document) -> str:
    hosts = sum(host.known for host in document.hosts)
    counts = Counter(finding.severity for finding in document.findings)
    words = [
        f"{counts['error']:,} error{'' if counts['error'] == 1 else 's'}",
        f"{counts['warning']:,} warning{'' if counts['warning'] == 1 else 's'}",
        f"{counts['info']:,} info",
    ]
    found = ", ".join(words) if document.findings else "nothing found"
    return f"{hosts:,} host{'' if hosts == 1 else 's'} checked: {found}\n"


def code_list() -> Text:
    """Give every code with its severity and its summary."""
    longest = max(map(len, CODES))
    text = Text()
    for entry in CODES.values():
        text.append(f"{entry.severity:<8}", style=STYLES[entry.severity])
        text.append(f"{entry.code:<{longest}}  {entry.summary}\n")
    return text


def explanation(code: str) -> Text:
    """Say what a code means, when it is not reported, and how to fix it."""
    entry = CODES[code]
    text = Text(entry.code, style="bold").append(f" ({entry.severity}): {entry.summary}\n", style="not bold")
    for title, paragraph in (("", entry.meaning), ("Not reported when ", entry.not_when), ("To fix: ", entry.fix)):
        text.append("\n").append(title, style="bold").append(paragraph + "\n")
    return text
