"""Many equal things drawn as few: the first are kept, wrong ones before others, and the last one counts the rest."""

from collections.abc import Iterable

from tunbridge.inspect.draw.marks import Place, worst
from tunbridge.inspect.draw.views import HostView, Pair, PortKind, PortView
from tunbridge.inspect.model import LinkState
from tunbridge.inspect.translation import say

MAX_WIRES = 16
"""More patch pairs between two bridges, or patch ports of one bridge that lead to nothing, are folded."""


def places_of(views: Iterable[PortView] | Iterable[HostView]) -> tuple[Place, ...]:
    return tuple(place for view in views for place in view.places)


def fold(ports: list[PortView], limit: int, kind: PortKind) -> list[PortView]:
    """Keep `limit` chips at most: wrong ones are kept first, and the last chip counts those that are folded away."""
    if len(ports) <= limit:
        return ports
    order = sorted(range(len(ports)), key=lambda i: 0 if ports[i].mark else 1)
    kept = set(order[: limit - 1])
    hidden = [port for i, port in enumerate(ports) if i not in kept]
    mark = worst([port.mark for port in hidden if port.mark])
    more = PortView(
        say("+{count} more", count=sum(p.count for p in hidden)),
        kind,
        tip="\n".join(p.name for p in hidden[:40]),
        mark=mark,
        places=places_of(hidden),
    )
    return [port for i, port in enumerate(ports) if i in kept] + [more]


def fold_pairs(pairs: list[Pair]) -> list[Pair]:
    """Keep some patch pairs between two bridges, wrong ones first; the last one counts the others."""
    if len(pairs) <= MAX_WIRES:
        return pairs
    order = sorted(range(len(pairs)), key=lambda i: pairs[i].state == "ok")
    kept = set(order[: MAX_WIRES - 1])
    hidden = [pair for i, pair in enumerate(pairs) if i not in kept]
    (upper,), (lower,) = (fold(ports, 1, "patch") for ports in ([p.upper for p in hidden], [p.lower for p in hidden]))
    wrong: LinkState = next((pair.state for pair in hidden if pair.state != "ok"), "ok")
    return [pair for i, pair in enumerate(pairs) if i in kept] + [Pair(upper, lower, wrong)]
