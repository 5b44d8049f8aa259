"""While very many connections are judged, the agent goes on answering."""

import asyncio
import itertools
import logging
from collections.abc import Sequence

from tests.dataplane.test_desired import cloud, local, started
from tunbridge.agent.conntrack import Cutter
from tunbridge.dataplane.conntrack import Cut, Prefixes
from tunbridge.log import Log

LINE = (
    "tcp,orig=(src=10.9.{}.{},dst=10.0.0.1,sport=4000,dport=80),"
    "reply=(src=10.0.0.1,dst=10.9.{}.{},sport=80,dport=4000),zone=1,mark=0,protoinfo=(state=ESTABLISHED)"
)
"""To an address of port 1, from the time before the host had filters: nobody was checked, and it stays."""


class Busy(Cutter):
    """Open vSwitch answers with very many connections. Counts the loop's turns from then on."""

    dump = "\n".join(LINE.format(a, b, a, b) for a, b in itertools.product(range(80), range(250)))
    turns = 0
    asked: tuple[tuple[str, ...], ...] = ()

    async def _ask(self, questions: Sequence[tuple[str, ...]]) -> list[str | None]:
        self.turns = 0
        self.asked += tuple(questions)
        return [self.dump if question[0] == "dpctl/dump-conntrack" else "" for question in questions]

    async def turn(self) -> None:
        while True:
            self.turns += 1
            await asyncio.sleep(0)


def test_the_loop_goes_on_while_twenty_thousand_connections_are_judged() -> None:
    desired, _ = started(cloud(4, 2), local(1, 2))
    cutter = Busy("/nowhere", Log(logging.getLogger("test")))

    async def cut() -> None:
        turning = asyncio.create_task(cutter.turn())
        await cutter.cut([Cut(1, "10.0.0.1")], desired)
        turning.cancel()

    asyncio.run(cut())
    assert cutter.turns > 10


def test_the_connections_of_several_zones_are_read_once() -> None:
    """As at each start of the agent; the kernel's datapath looks at all connections, whichever zone is asked for."""
    desired, _ = started(cloud(4, 2), local(1, 2))
    for zones in ((1,), (1, 2, 3)):
        cutter = Busy("/nowhere", Log(logging.getLogger("test")))
        cutter.dump = "\n".join(
            LINE.format(1, 1, 1, 1).replace("zone=1", f"zone={n}").replace("k=0", "k=2") for n in (1, 2, 4)
        )
        asyncio.run(cutter.cut([Cut(zone, None) for zone in zones], desired))
        dumps = [question[1:] for question in cutter.asked if question[0] == "dpctl/dump-conntrack"]
        assert dumps == [("zone=1",) if len(zones) == 1 else ()]
        cut = {question[1] for question in cutter.asked if question[0] == "dpctl/flush-conntrack"}
        assert cut == {f"zone={zone}" for zone in zones if zone != 3}


def test_an_address_is_found_by_itself_and_by_its_prefixes() -> None:
    found = Prefixes()
    for prefix in ("10.0.0.1", "10.0.0.0/24", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1/128"):
        found.add(prefix, prefix)
    assert set(found.of("10.0.0.1")) == {"10.0.0.1", "10.0.0.0/24", "0.0.0.0/0"}
    assert set(found.of("192.0.2.1")) == {"0.0.0.0/0"}
    assert set(found.of("2001:db8::1")) == {"2001:db8::/32", "2001:db8::1/128"}
    assert not found.holds("2001:db9::1")
