"""What is wrong, and where: every finding becomes a numbered mark on what it is about, and a line of the legend.

Findings of one code share a number, so that twenty hosts with one problem make one line. What the document itself shows
to be wrong (an interface's error, a broken link) is marked too when nobody has run the checks.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice

from tunbridge.inspect.draw.names import ranges
from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.model import Document, End, Finding, Host, Link, Severity
from tunbridge.inspect.translation import say

_RANK: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}

SUBJECTS_SHOWN = 200
"""Subjects of one host that a line of the legend names; more are counted."""

Place = tuple[str, str | None, str | None]
"""(host, bridge or None, port or None), by name."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign on one thing: the worst of what was found there, the number of its legend line, and all of it in words."""

    severity: Severity
    number: int
    notes: tuple[str, ...] = ()

    @property
    def is_wrong(self) -> bool:
        """Tell a fault from a remark."""
        return self.severity != "info"


@dataclass(slots=True)
class LegendLine:
    """One kind of finding: its number, its code, and what it concerns, by host."""

    number: int
    severity: Severity
    code: str
    subjects: dict[str, dict[str, None]] = field(default_factory=dict)
    message: str = ""
    """What the first of them says."""

    def sentence(self, is_ascii: bool = False) -> str:
        """Give the message; of several findings, the first is an example."""
        several = sum(len(subjects) for subjects in self.subjects.values()) > 1
        text = visible(self.message, is_ascii)
        return f"for example: {text}" if several and text else text

    def items(self, is_ascii: bool = False) -> list[str]:
        """Give "subject, subject (host)" for each host, names made visible; hosts with the same subjects are one."""
        hosts: dict[str, list[str]] = {}
        for host, subjects in self.subjects.items():
            shown = [visible(subject, is_ascii) for subject in islice(subjects, SUBJECTS_SHOWN)]
            if len(subjects) > SUBJECTS_SHOWN:
                shown.append(say("+{count} more", count=len(subjects) - SUBJECTS_SHOWN))
            names = ", ".join(shown)
            hosts.setdefault(names, []).extend([visible(host, is_ascii)] if host else [])
        return [f"{names} ({ranges(of)})" if of else names for names, of in hosts.items()]


def worst(marks: list[Mark]) -> Mark | None:
    """Give one mark for several things drawn as one."""
    if not marks:
        return None
    first = min(marks, key=lambda mark: (_RANK[mark.severity], mark.number))
    notes = dict.fromkeys(note for mark in islice(marks, 1000) for note in mark.notes)
    return Mark(first.severity, first.number, tuple(notes)[:12])


class Marks:
    """All marks of one document."""

    def __init__(self, document: Document) -> None:
        self.legend: list[LegendLine] = []
        self._lines: dict[tuple[Severity, str], LegendLine] = {}
        self._at: dict[Place, list[Mark]] = defaultdict(list)
        self._hosts = {host.name: host for host in reversed(document.hosts)}
        self._names: dict[str, dict[str, list[Place]]] = {}
        self._by_host: dict[str, list[tuple[Place, Mark]]] | None = None
        self._culprits = {finding.host for finding in document.findings if finding.code == "tunnel-one-way"}
        for finding in document.findings:
            self._add_finding(finding)
        for host in document.hosts:
            self._add_errors(host)
        for link in document.links:
            if link.state in ("one-way", "broken"):
                self._add_link(link)

    def at(self, host: str, bridge: str | None = None, port: str | None = None) -> Mark | None:
        """Give the mark on that host, bridge or port itself."""
        return worst(self._at.get((host, bridge, port), []))

    def of(self, host: str) -> list[tuple[Place, Mark]]:
        """Give every mark of a host: where it is, and what."""
        if self._by_host is None:
            self._by_host = defaultdict(list)
            for place, marks in self._at.items():
                self._by_host[place[0]] += [(place, mark) for mark in marks]
        return self._by_host.get(host, [])

    def _add(self, places: list[Place], severity: Severity, code: str, subject: str, note: str) -> LegendLine:
        line = self._lines.get((severity, code))
        if line is None:
            line = self._lines[severity, code] = LegendLine(len(self.legend) + 1, severity, code)
            self.legend.append(line)
        line.subjects.setdefault(places[0][0] if places else "", {})[subject] = None
        for place in places:
            self._at[place].append(Mark(severity, line.number, (note,)))
        return line

    def _add_finding(self, finding: Finding) -> None:
        note = f"{finding.code}: {finding.message}" if finding.message else finding.code
        line = self._add(self.places(finding), finding.severity, finding.code, finding.subject, note)
        line.message = line.message or finding.message

    def places(self, finding: Finding) -> list[Place]:
        """Find what a finding is about: its subject is the name of a bridge, port or interface, or holds such names."""
        names = self._index(finding.host)
        if finding.subject in names:
            return names[finding.subject]
        parts = finding.subject
        for separator in ("/", ":", ",", "(", ")", "->", "<->", "→"):
            parts = parts.replace(separator, " ")
        found = [place for part in parts.split() for place in names.get(part, [])]
        ports = [place for place in found if place[2] is not None]
        return list(dict.fromkeys(ports or found)) or [(finding.host, None, None)]

    def _index(self, host: str) -> dict[str, list[Place]]:
        if host not in self._names:
            names: dict[str, list[Place]] = defaultdict(list)
            bridges = self._hosts[host].bridges if host in self._hosts else []
            for bridge in bridges:
                names[bridge.name].append((host, bridge.name, None))
            own = set(names)
            for bridge in bridges:
                for port in bridge.ports:
                    place = (host, bridge.name, port.name)
                    others = [i.name for i in port.interfaces if i.name != port.name]
                    for name in (port.name, *dict.fromkeys(others)):
                        if name not in own:
                            names[name].append(place)
            self._names[host] = dict(names)
        return self._names[host]

    def _add_errors(self, host: Host) -> None:
        for bridge in host.bridges:
            for port in bridge.ports:
                errors = [(i.name, i.error) for i in port.interfaces if i.error is not None]
                place = (host.name, bridge.name, port.name)
                if errors and not self._is_wrong(place):
                    for name, error in errors:
                        self._add([place], "error", "interface-error", name, error)

    def _add_link(self, link: Link) -> None:
        ends = [end for end in (link.a, link.b) if end is not None and end.port is not None]
        if link.b is not None and link.b.port is None and link.b.host in self._culprits:
            return  # one finding there says it, and the hosts at the other ends are in order
        if not any(self._is_wrong(_place(end)) for end in ends):
            words = {"patch": "patch port", "tunnel": "tunnel", "physical": "physical port"}
            code = f"{link.state} {words[link.kind]}"
            self._add([_place(link.a)], "error", code, link.a.port or link.a.host, code)

    def _is_wrong(self, place: Place) -> bool:
        return any(mark.is_wrong for mark in self._at.get(place, []))


def _place(end: End) -> Place:
    return (end.host, end.bridge, end.port)
