"""The last resort of the text pen: where no frame fits, an indented list with the same names and signs."""

from collections.abc import Iterator

from rich.text import Text

from tunbridge.inspect.draw.marks import Mark
from tunbridge.inspect.draw.safe import shorten
from tunbridge.inspect.draw.views import BridgeView, HostView, PortView, Scene
from tunbridge.inspect.translation import say

_STYLE = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def lines(scene: Scene, width: int) -> list[Text]:
    """Write the scene as a list, each line at most `width` cells."""
    found = []
    for depth, text, mark in _entries(scene):
        indent = " " * min(depth * 2, max(0, width // 3))
        sign = f"{sign_of(mark.severity, scene.glyphs.is_ascii)} " if mark else ""
        line = shorten(f"{indent}{sign}{text}", width, scene.glyphs.ellipsis).rstrip()
        found.append(Text(line, _STYLE[mark.severity] if mark and mark.is_wrong else "", end="", no_wrap=True))
    return found


def sign_of(severity: str, is_ascii: bool) -> str:
    """Give the sign of a severity."""
    if severity == "error":
        return "X" if is_ascii else "✗"
    return "!" if severity == "warning" else "i"


def _entries(scene: Scene) -> Iterator[tuple[int, str, Mark | None]]:
    for host in scene.hosts:
        yield 0, host.name, host.mark
        yield from _host(host)
    for line in scene.legend:
        yield 0, f"{line.code}: {'; '.join(line.items(scene.glyphs.is_ascii))}", Mark(line.severity, line.number)
        if sentence := line.sentence(scene.glyphs.is_ascii):
            yield 1, sentence, None
    for exception in scene.exceptions:
        yield 0, f"{exception.what}: {exception.who}", None


def _host(host: HostView) -> Iterator[tuple[int, str, Mark | None]]:
    if not host.known:
        yield 1, say("not given"), None
    if host.count > 1 and host.words:
        yield 1, host.words[0].text, None
    for name in host.members[:24]:
        yield 1, name, None
    for bridge in host.roots:
        yield from _bridge(bridge, 1)


def _bridge(bridge: BridgeView, depth: int) -> Iterator[tuple[int, str, Mark | None]]:
    yield depth, bridge.name, bridge.mark
    patches = [port for pair in bridge.pairs for port in (pair.lower, pair.upper)]
    for port in (*patches, *bridge.loose, *bridge.stubs, *bridge.tunnels, *bridge.nics, *bridge.workloads):
        yield depth + 1, _port(port), port.mark
    for child in bridge.children:
        yield from _bridge(child, depth + 1)


def _port(port: PortView) -> str:
    return f"{port.name} {port.note}".rstrip()
