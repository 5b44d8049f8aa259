"""Reading, understanding and checking hosts: what the cost is, and that it is linear."""

import gc
import shutil
import time
from collections.abc import Callable, Iterator

from bench.figures import Figure, repeat
from tests.inspect.shapes import SHAPES
from tests.inspect.test_growth import VERBS
from tunbridge.inspect.check import check
from tunbridge.inspect.draw import svg, text
from tunbridge.inspect.draw.fleet import Grouping
from tunbridge.inspect.formats import dot, html, mermaid, png
from tunbridge.inspect.model import Document
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.understand import understand

TUNNELS = 10

FLEET = 500

_HOST = """\
00000000-0000-0000-0000-{number:012x}
    Manager "ptcp:6640:127.0.0.1"
        is_connected: true
    Bridge br-int
        Controller "tcp:127.0.0.1:6633"
            is_connected: true
        fail_mode: secure
        Port br-int
            Interface br-int
                type: internal
        Port patch-tun
            Interface patch-tun
                type: patch
                options: {{peer=patch-int}}
    Bridge br-tun
        Controller "tcp:127.0.0.1:6633"
            is_connected: true
        fail_mode: secure
        Port br-tun
            Interface br-tun
                type: internal
        Port patch-int
            Interface patch-int
                type: patch
                options: {{peer=patch-tun}}
{tunnels}    ovs_version: "2.11.0"
"""
_TUNNEL = """\
        Port "vxlan-{hex}"
            Interface "vxlan-{hex}"
                type: vxlan
                options: {{df_default="true", egress_pkt_mark="0", in_key=flow, local_ip="{local}", out_key=flow, \
remote_ip="{remote}"}}
"""


def _ip(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def dumps(hosts: int, tunnels: int = TUNNELS) -> list[str]:
    """Give the dumps of hosts that each have tunnels to their neighbours on a ring."""
    made = []
    for number in range(hosts):
        steps = [s for s in range(-(tunnels // 2), tunnels // 2 + 1) if s and hosts > 1]
        neighbours = sorted({(number + s) % hosts for s in steps} - {number})
        lines = "".join(_TUNNEL.format(hex=f"{10 << 24 | n:08x}", local=_ip(number), remote=_ip(n)) for n in neighbours)
        made.append(_HOST.format(number=number, tunnels=lines))
    return made


def _all(texts: list[str]) -> Document:
    hosts = [h for n, t in enumerate(texts) for h in read_show(t, source=f"host{n}.txt")]
    return check(understand(hosts))


def _ms(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def seeing(runs: int) -> Iterator[Figure]:
    """Read, understand and check 2, 100 and 1,000 hosts; draw 2, 20, 100, and 500 with a tunnel between any two."""
    for count in (2, 100, 1000):
        texts = dumps(count)
        document = _all(texts)
        assert document.findings == [], document.findings[0]
        lines = repeat(runs, lambda texts=texts: _ms(lambda: [t.splitlines() for t in texts]))  # type: ignore[misc]
        values = repeat(runs, lambda texts=texts: _ms(lambda: _all(texts)))  # type: ignore[misc]
        yield Figure(f"read and check {count} hosts", "ms", values, "splitting the same text into lines", lines)
    for count in (2, 20, 100):
        document = _all(dumps(count))
        lines = repeat(runs, lambda count=count: _ms(lambda: _all(dumps(count))))  # type: ignore[misc]
        for name, draw in (("text", lambda d: text.render(d, width=120)), ("SVG", svg.render)):
            values = repeat(runs, lambda document=document, draw=draw: _ms(lambda: draw(document)))  # type: ignore[misc]
            yield Figure(f"draw {count} hosts as {name}", "ms", values, "reading and checking them", lines)
    yield from _fleet(runs)
    yield from growth(runs)


GROWN = 10_000
"""Ports, bridges ... of the larger host, of which the smaller has half."""


def growth(runs: int) -> Iterator[Figure]:
    """CPU of 2n by CPU of n, for each verb and each way in which one host can be large: a square would give 4."""
    for shape, made in SHAPES.items():
        smaller, larger = made(GROWN // 2), made(GROWN)
        steps: dict[str, Callable[[str], Callable[[], object]]] = {
            "read and check": lambda text: lambda: _all([text]),
            **{verb: _shown(verb) for verb in VERBS},
        }
        for verb, prepared in steps.items():
            once, twice = prepared(smaller), prepared(larger)
            ratios = repeat(min(runs, 3), lambda once=once, twice=twice: _cpu(twice) / _cpu(once))  # type: ignore[misc]
            yield Figure(f"{verb}: {GROWN:,} by {GROWN // 2:,} {shape}", "ratio", ratios)


def _cpu(action: Callable[[], object]) -> float:
    """Return the least CPU of two runs, in seconds: other processes make it dearer, and nothing makes it cheaper.

    Python does not look for cycles meanwhile, as in the commands: what else this process holds would count.
    """

    def once() -> float:
        start = time.process_time()
        action()
        return time.process_time() - start

    gc.collect()
    gc.disable()
    try:
        return min(once(), once())
    finally:
        gc.enable()


def _shown(verb: str) -> Callable[[str], Callable[[], object]]:
    def prepared(source: str) -> Callable[[], object]:
        document = _all([source])
        return lambda: VERBS[verb](document)

    return prepared


def _fleet(runs: int) -> Iterator[Figure]:
    """Draw 500 hosts in a full mesh (124,750 tunnels), grouped: in each form, beside each host drawn on its own."""
    texts = dumps(FLEET, FLEET)
    start = time.perf_counter()
    document = _all(texts)
    values = [(time.perf_counter() - start) * 1000]
    lines = repeat(runs, lambda: _ms(lambda: [t.splitlines() for t in texts]))
    yield Figure(
        f"read and check {FLEET} hosts in a full mesh", "ms", values, "splitting the same text into lines", lines
    )
    assert len(document.links) == FLEET * (FLEET - 1) // 2 + FLEET
    pens: dict[str, tuple[Callable[[Grouping], object], bool]] = {
        "text": (lambda group: text.render(document, width=120, group=group), True),
        "SVG": (lambda group: svg.render(document, group=group), True),
        "HTML": (lambda group: html.render(document, group), False),
        "PNG": (lambda group: png.render(document, group), False),
        "Mermaid": (lambda group: mermaid.render(document, group), True),
        "dot": (lambda group: dot.render(document, group), True),
    }
    if shutil.which("rsvg-convert") is None:
        del pens["PNG"]
    for name, (draw, has_alone) in pens.items():
        values = repeat(runs, lambda draw=draw: _ms(lambda: draw("auto")))  # type: ignore[misc]
        alone = [_ms(lambda draw=draw: draw("never"))] if has_alone else []  # type: ignore[misc]
        yield Figure(f"draw {FLEET} hosts in a full mesh as {name}", "ms", values, "each host on its own", alone)
