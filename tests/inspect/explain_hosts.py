"""Dumps for the tests of paths and explain, documents made from them, and what holds for every predicted path."""

import re
from pathlib import Path

from tunbridge.inspect.explain import predict
from tunbridge.inspect.model import Document, End, Hop
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.understand import understand
from tunbridge.inspect.wiring import Wiring

EXAMPLES = Path(__file__).parents[2] / "examples"
SEED_COMPUTE = (EXAMPLES / "compute0.txt").read_text(encoding="utf-8")
SEED_NETWORK = (EXAMPLES / "network.txt").read_text(encoding="utf-8")


def document(**dumps: str) -> Document:
    """Read and understand each dump; the host is called by its keyword, its source KEYWORD.txt."""
    hosts = [host for name, text in dumps.items() for host in read_show(text, source=f"{name}.txt", name=name)]
    return understand(hosts)


def without(dump: str, port: str) -> str:
    """Take a port and what belongs to it out of a dump."""
    shorter = re.sub(rf'        Port "?{re.escape(port)}"?\n(?:            .*\n)+', "", dump)
    assert shorter != dump, port
    return shorter


def assert_paths_hold(found: Document) -> None:
    """Check every path that is predicted: it is made of neighbours, begins where workloads are, ends where it says."""
    wiring = Wiring(found)
    hosts = {host.name: host for host in found.hosts}
    for path in predict(found).paths:
        for here, there in zip(path.hops, path.hops[1:], strict=False):
            assert _adjacent(found, here, there), (here, there)
        if path.hops:
            start = wiring.entrance(path.source)
            assert start is not None
            assert (path.hops[0].host, path.hops[0].bridge) == (path.source, start.name)
        if not path.complete:
            continue
        last = path.hops[-1]
        if path.kind == "overlay":
            assert path.destination is not None
            end = wiring.entrance(path.destination)
            assert end is not None
            assert (last.host, last.bridge) == (path.destination, end.name)
        else:
            nics = [link.a for link in found.links if link.kind == "physical" and link.state != "broken"]
            assert End(host=last.host, bridge=last.bridge, port=last.port) in nics
        assert all(hosts[hop.host].known for hop in path.hops)


def _adjacent(found: Document, here: Hop, there: Hop) -> bool:
    """In one bridge; joined by a link in order; at the two sides of a router; at two multi-peer overlay ports."""
    if (here.host, here.bridge) == (there.host, there.bridge):
        return True
    ends = [End(host=hop.host, bridge=hop.bridge, port=hop.port) for hop in (here, there)]
    if any(link.state == "ok" and [link.a, link.b] in (ends, ends[::-1]) for link in found.links):
        return True
    if here.host == there.host:
        return here.port.startswith(("qr-", "sg-")) and there.port.startswith(("qg-", "fg-"))
    flow = [link.a for link in found.links if link.remote_address == "flow" and link.b is None]
    return ends[0] in flow and ends[1] in flow
