"""While very many connections are judged, the agent goes on answering."""

import asyncio
import itertools
import logging
from collections.abc import Sequence

from tests.dataplane.test_desired import cloud, local, started
from tunbridge.agent.conntrack import Cutter, flushes_of, parse
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


class Overlooking(Busy):
    """Deletes but three of four connections to a service, as Open vSwitch 3.1 does, and is too late for some."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("/nowhere", Log(logging.getLogger("test")))
        self.lines = lines

    async def _ask(self, questions: Sequence[tuple[str, ...]]) -> list[str | None]:
        self.asked += tuple(questions)
        return [self._answer(*question) for question in questions]

    def _answer(self, method: str, *arguments: str) -> str | None:
        if method == "dpctl/dump-conntrack":
            return "\n".join(self.lines)
        if method == "dpctl/flush-conntrack":
            wanted = dict(one.split("=") for one in arguments[1].split(","))
            fits = [line for line in self.lines if f"(src={wanted.get('ct_nw_src', '')}" in line]
            if len(fits) == 1 and len(self.asked) % 3 == 0:
                return None
            gone = set(fits[: len(fits) * 3 // 4] if len(fits) > 1 else fits)
            self.lines = [line for line in self.lines if line not in gone]
        return ""


def test_what_open_vswitch_did_not_delete_is_deleted_again_until_none_is_left() -> None:
    desired, _ = started(cloud(4, 2), local(1, 2))
    lines = [LINE.format(1, n, 1, n).replace("mark=0", "mark=2") for n in range(250)]
    cutter = Overlooking(lines)
    asyncio.run(cutter.cut([Cut(1, "10.0.0.1")], desired))
    assert (cutter.lines, cutter.cut_so_far) == ([], 250)


def test_what_stays_to_the_same_service_is_not_deleted_with_the_rest() -> None:
    gone = parse("\n".join(LINE.format(1, n, 1, n) for n in range(100)))
    assert flushes_of(gone, gone) == ["ct_nw_dst=10.0.0.1,ct_nw_proto=6,ct_tp_dst=80"]
    assert len(flushes_of(gone[1:], gone)) == 99


def test_an_address_is_found_by_itself_and_by_its_prefixes() -> None:
    found = Prefixes()
    for prefix in ("10.0.0.1", "10.0.0.0/24", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1/128"):
        found.add(prefix, prefix)
    assert set(found.of("10.0.0.1")) == {"10.0.0.1", "10.0.0.0/24", "0.0.0.0/0"}
    assert set(found.of("192.0.2.1")) == {"0.0.0.0/0"}
    assert set(found.of("2001:db8::1")) == {"2001:db8::/32", "2001:db8::1/128"}
    assert not found.holds("2001:db9::1")
