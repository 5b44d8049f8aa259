"""Reading, understanding and checking hosts: what the cost is, and that it is linear."""

import time
from collections.abc import Callable, Iterator

from bench.figures import Figure, repeat
from tunbridge.inspect.check import check
from tunbridge.inspect.draw import svg, text
from tunbridge.inspect.model import Document
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.understand import understand

TUNNELS = 10

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
    """Read, understand and check 2, 100 and 1,000 hosts; draw 2, 20, 100."""
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
