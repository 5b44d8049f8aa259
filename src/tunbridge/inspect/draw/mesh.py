"""The tunnels between many hosts as one thing: how many, whether each host has one to each other, and which do not fit.

The cost is linear in the tunnels; in a mesh of 500 hosts these are 124,750.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tunbridge.inspect.draw.names import ranges
from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.draw.views import Exceptional, Glyphs
from tunbridge.inspect.model import Document, Link
from tunbridge.inspect.translation import say

MAX_LINES = 12
"""More exceptions than this are counted; `check` names each."""

_FULL = 0.95
"""The part of all pairs that must have a tunnel for it to be a mesh from which some are missing."""

_Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Mesh:
    """What is told of the overlay: a few words, and its exceptions."""

    words: str
    exceptions: list[Exceptional]


def mesh(document: Document, glyphs: Glyphs) -> Mesh:
    """Look at the tunnels between hosts that were given."""
    known = {host.name for host in document.hosts if host.known}
    found: dict[_Pair, str] = {}
    for link in document.links:
        if link.kind == "tunnel" and link.b is not None and link.b.host in known and link.a.host != link.b.host:
            pair, state = _state(link)
            if found.get(pair, "ok") == "ok":
                found[pair] = state
    hosts = {name: index for index, name in enumerate(host.name for host in document.hosts if host.known)}
    ends = sorted({name for pair in found for name in pair}, key=lambda name: hosts.get(name, 0))
    possible = len(ends) * (len(ends) - 1) // 2
    is_full = len(ends) > 2 and len(found) >= possible * _FULL
    wrong = {pair: state for pair, state in found.items() if state != "ok"}
    if is_full and len(found) < possible:
        wrong |= dict.fromkeys(_missing(ends, found), "missing")
    words = say("{count} tunnels", count=len(found))
    if is_full:
        words = say("full mesh of {hosts} hosts, {count} tunnels", hosts=len(ends), count=possible)
    if wrong:
        words += say(", all but {count} in order", count=len(wrong))
    return Mesh(words if found else "", _exceptions(wrong, glyphs))


def _state(link: Link) -> tuple[_Pair, str]:
    """Give the pair, always in the same order, and the state; one-way tells by ">" or "<" which way there is."""
    far = link.b.host if link.b else ""
    pair = (link.a.host, far) if link.a.host < far else (far, link.a.host)
    if link.state == "one-way":
        return pair, "one-way>" if pair[0] == link.a.host else "one-way<"
    return pair, link.state if link.state == "broken" else "ok"


def _missing(ends: list[str], found: dict[_Pair, str]) -> Iterable[_Pair]:
    for index, a in enumerate(ends):
        for b in ends[index + 1 :]:
            pair = (a, b) if a < b else (b, a)
            if pair not in found:
                yield pair


def _exceptions(wrong: dict[_Pair, str], glyphs: Glyphs) -> list[Exceptional]:
    """Name them: a host with many of one kind is one line, the others are a line each."""
    lines: list[Exceptional] = []
    left = 0
    for what in ("broken", "one-way", "missing"):
        pairs = {pair: state for pair, state in wrong.items() if state.startswith(what)}
        counts = Counter(name for pair in pairs for name in pair)
        hosts: dict[str, dict[_Pair, str]] = {name: {} for name, _ in counts.most_common()}
        for pair, state in pairs.items():
            hosts[max(pair, key=lambda name: counts[name])][pair] = state
        for host, mine in hosts.items():
            if mine and len(lines) < MAX_LINES:
                lines += _of_host(what, host, mine, glyphs)
            else:
                left += len(mine)
    more = [Exceptional(say("more"), say("{count} tunnels; `check` names them", count=left), "info")] if left else []
    return lines + more


def _of_host(what: str, host: str, mine: dict[_Pair, str], glyphs: Glyphs) -> list[Exceptional]:
    ways: dict[str, list[str]] = defaultdict(list)
    for pair, state in mine.items():
        first = pair[0] == host
        way = "-" if what != "one-way" else glyphs.arrow if (state == "one-way>") == first else glyphs.back
        ways[way].append(visible(pair[1] if first else pair[0], glyphs.is_ascii))
    severity = "warning" if what == "missing" else "error"
    name = visible(host, glyphs.is_ascii)
    return [
        Exceptional(f"{what} tunnel{'s' * (len(others) > 1)}", f"{name} {way} {ranges(others)}", severity)
        for way, others in ways.items()
    ]
