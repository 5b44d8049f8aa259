"""The flows that keep cut connections from being made anew are bounded, and a new vswitchd gets them again."""

from msgspec import structs

from tunbridge.agent.severed import SeveredFlows
from tunbridge.dataplane.conntrack import Connection
from tunbridge.dataplane.features import severed
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.pipeline import INGRESS_CHECKED

OURS = Flow(table=0, priority=0, actions="drop")
NOT_OURS = Flow(table=0, priority=7, actions="NORMAL", cookie=5)


def cut(number: int) -> Flow:
    """The flow for a connection to a web server here."""
    connection = Connection(
        zone=1, mark=INGRESS_CHECKED, protocol=6, src=f"10.0.{number >> 8}.{number & 255}", dst="10.1.0.1",
        src_port=4000, dst_port=80,
    )  # fmt: skip
    (flow,) = severed.compute(connection)
    return flow


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_only_a_bridge_without_any_flow_of_ours_gets_them_again() -> None:
    kept = SeveredFlows()
    flows = [cut(n) for n in range(3)]
    assert kept.add(flows) == []
    assert kept.seen([OURS, *flows[:1]]) == []  # the others have aged, or are on their way
    assert kept.seen([NOT_OURS]) == flows
    assert kept.seen([]) == flows


def test_those_of_a_former_run_are_known_from_the_bridge() -> None:
    as_dumped = [structs.replace(cut(n), extra="idle_timeout=7500") for n in range(3)]
    kept = SeveredFlows()
    learned = Flow(table=75, priority=1, match="reg6=0x1", actions="drop", cookie=as_dumped[0].cookie)
    assert kept.seen([OURS, *as_dumped, learned, NOT_OURS]) == []
    assert kept.seen([]) == [cut(n) for n in range(3)]


def test_of_too_many_the_oldest_give_way() -> None:
    kept = SeveredFlows(limit=10)
    assert kept.add(cut(n) for n in range(8)) == []
    assert kept.add(cut(n) for n in range(8, 13)) == [cut(0), cut(1), cut(2)]
    assert kept.add([cut(3)]) == []  # cut again: it is the newest now
    assert kept.add([cut(20)]) == [cut(4)]
    assert len(kept) == 10
    kept.seen([OURS, *(cut(n) for n in range(100, 200))])
    assert len(kept) == 10


def test_they_are_forgotten_when_open_vswitch_has_removed_them() -> None:
    clock = Clock()
    kept = SeveredFlows(clock=clock)
    kept.add([cut(1)])
    clock.now = severed.IDLE_S - 1
    kept.add([cut(2)])
    clock.now = severed.IDLE_S + 1
    assert kept.seen([]) == [cut(2)]
