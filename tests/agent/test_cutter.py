"""While very many connections are judged, the agent goes on answering."""

import asyncio
import itertools
import logging
from collections.abc import Sequence

from tests.dataplane.test_desired import cloud, local, started
from tunbridge.agent.conntrack import APART, Cutter, Grouped, parse
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


class Overfull(Busy):
    """What there is altogether is more than Open vSwitch tells in time."""

    async def _ask(self, questions: Sequence[tuple[str, ...]]) -> list[str | None]:
        answers = await super()._ask(questions)
        return [None] if questions[0] == ("dpctl/dump-conntrack",) else answers


def test_where_all_zones_together_are_too_much_each_is_read() -> None:
    desired, _ = started(cloud(4, 2), local(1, 2))
    cutter = Overfull("/nowhere", Log(logging.getLogger("test")))
    cutter.dump = LINE.format(1, 1, 1, 1).replace("zone=1", "zone=2").replace("mark=0", "mark=2")
    asyncio.run(cutter.cut([Cut(1, None), Cut(2, None)], desired))
    assert cutter.cut_so_far == 1


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


def test_many_to_one_service_are_deleted_together_and_kept_from_coming_back_by_one_flow() -> None:
    """However many they are: flows for each are kept for some thousands only."""
    known = parse("\n".join(LINE.format(n >> 8, n & 255, 1, 1).replace("mark=0", "mark=2") for n in range(APART + 1)))
    assert len(Grouped.of(known[:APART], known[:APART]).severing()) == APART
    together = Grouped.of(known, known)
    assert together.flushes() == ["ct_nw_dst=10.0.0.1,ct_nw_proto=6,ct_tp_dst=80"]
    (flow,) = together.severing()
    assert (flow.table, flow.actions) == (71, "drop")
    assert flow.match == "ct_state=+new+trk,tcp,reg6=0x1,nw_src=10.0.0.1,tp_src=80,tcp_flags=-syn"


def test_many_of_few_clients_are_kept_from_coming_back_by_a_flow_for_each_client() -> None:
    lines = (LINE.format(1, n % 2, 1, n % 2).replace("mark=0", "mark=2") for n in range(APART + 1))
    known = parse("\n".join(line.replace("4000", str(4000 + n)) for n, line in enumerate(lines)))
    matches = {flow.match for flow in Grouped.of(known, known).severing()}
    service = "ct_state=+new+trk,tcp,reg6=0x1,nw_src=10.0.0.1,nw_dst=10.9.1.{},tp_src=80,tcp_flags=-syn"
    assert matches == {service.format(0), service.format(1)}


def test_what_stays_to_the_same_service_is_not_deleted_with_the_rest() -> None:
    known = parse("\n".join(LINE.format(1, n, 1, n).replace("mark=0", "mark=2") for n in range(100)))
    apart = Grouped.of(known[1:], known)
    assert len(apart.flushes()) == len(apart.severing()) == 99
    assert Grouped.of(known, None).services == []


def test_an_address_is_found_by_itself_and_by_its_prefixes() -> None:
    found = Prefixes()
    for prefix in ("10.0.0.1", "10.0.0.0/24", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1/128"):
        found.add(prefix, prefix)
    assert set(found.of("10.0.0.1")) == {"10.0.0.1", "10.0.0.0/24", "0.0.0.0/0"}
    assert set(found.of("192.0.2.1")) == {"0.0.0.0/0"}
    assert set(found.of("2001:db8::1")) == {"2001:db8::/32", "2001:db8::1/128"}
    assert not found.holds("2001:db9::1")
