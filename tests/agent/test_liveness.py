"""Who is dead and who is cut off, by what BFD says of the tunnels."""

from collections.abc import Mapping
from typing import Any

import pytest

from tunbridge.agent import liveness
from tunbridge.agent.liveness import FEW, HOLD_S, NEVER_S, REJOIN_S, Liveness, enabled
from tunbridge.dataplane.operations import CREATED
from tunbridge.openvswitch.ours import ORIGIN
from tunbridge.openvswitch.rows import BridgeRow, InterfaceRow, PortRow, Snapshot

ENABLED = enabled(2)
UP = {"forwarding": "true", "flap_count": "1", "state": "up"}
DOWN = {"forwarding": "false", "flap_count": "2", "state": "down"}
UNUSABLE = {"forwarding": "false", "flap_count": "2", "state": "up"}
NEVER = {"forwarding": "false", "flap_count": "0", "state": "down"}
B, C = "192.0.2.2", "192.0.2.3"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Scene:
    """A host with tunnels to two others, which it has sessions with."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.waits: list[float] = []
        self.liveness = Liveness(self.waits.append)

    def look(
        self, b: Mapping[str, str], c: Mapping[str, str], after: float = 0.0, link: str = "up", lost: bool = False
    ) -> frozenset[str]:
        self.clock.now += after
        self.liveness.look(snapshot({B: b, C: c}, link=link), {"br-ex": {"eth1"}}, lost)
        return self.liveness.dead


def snapshot(statuses: Mapping[str, Mapping[str, str]], bfd: Mapping[str, str] = ENABLED, link: str = "up") -> Snapshot:
    ports = [
        PortRow(
            uuid=ip, name=f"vxlan-{ip}", external_ids={ORIGIN: CREATED},
            interfaces=(
                InterfaceRow(
                    uuid=ip, name=f"vxlan-{ip}", type="vxlan", options={"remote_ip": ip}, bfd=bfd, bfd_status=s
                ),
            ),
        )
        for ip, s in statuses.items()
    ]  # fmt: skip
    nic = PortRow(uuid="n", name="eth1", interfaces=(InterfaceRow(uuid="n", name="eth1", link_state=link),))
    bridges = {"br-tun": tuple(ports), "br-ex": (nic,)}
    return Snapshot(uuid="s", bridges={name: BridgeRow(uuid=name, name=name, ports=p) for name, p in bridges.items()})


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    clock = Clock()
    monkeypatch.setattr(liveness, "time", clock)
    return Scene(clock)


@pytest.mark.parametrize("status", [DOWN, UNUSABLE])
def test_a_host_that_is_lost_or_says_that_it_is_of_no_use_is_dead_at_once(
    scene: Scene, status: Mapping[str, str]
) -> None:
    assert scene.look(UP, UP) == frozenset()
    assert scene.look(status, UP) == {B}
    assert not scene.liveness.is_cut_off
    assert scene.look(UP, UP, after=HOLD_S - 1) == {B}, "it is back just now"
    assert scene.waits[-1] == HOLD_S
    assert scene.look(status, UP, after=HOLD_S - 1) == {B}
    assert scene.look(UP, UP) == {B}
    assert scene.look(UP, UP, after=HOLD_S) == frozenset()


def test_a_session_that_has_not_come_up_says_nothing_until_it_should_have(scene: Scene) -> None:
    assert scene.look(UP, {}) == frozenset()
    assert scene.look(UP, NEVER, after=NEVER_S - 1) == frozenset()
    assert scene.waits[-1] == 1
    assert scene.look(UP, NEVER, after=1) == {C}
    assert not scene.liveness.is_cut_off
    assert scene.look(UP, UP) == {C}
    assert scene.look(UP, UP, after=HOLD_S) == frozenset()


def test_none_of_the_sessions_ever_came_up(scene: Scene) -> None:
    scene.look(NEVER, NEVER)
    assert scene.look(NEVER, NEVER, after=NEVER_S) == {B, C}
    scene.look(NEVER, NEVER, after=HOLD_S)
    assert not scene.liveness.is_cut_off, "nobody is known to be there"


def test_who_is_dead_stays_so_when_vswitchd_starts_anew(scene: Scene) -> None:
    scene.look(UP, UP)
    assert scene.look(DOWN, UP) == {B}
    assert scene.look(NEVER, NEVER, after=1) == {B}
    assert scene.look(NEVER, UP, after=HOLD_S) == {B}
    assert scene.look(UP, UP, after=1) == {B}
    assert scene.look(UP, UP, after=HOLD_S) == frozenset()


def test_a_host_that_loses_all_of_several_sessions_is_cut_off(scene: Scene) -> None:
    scene.look(UP, UP)
    scene.look(DOWN, UP)
    assert not scene.liveness.is_cut_off
    scene.look(DOWN, DOWN)
    assert scene.liveness.is_cut_off
    scene.look(UP, DOWN, after=1)
    assert scene.liveness.is_cut_off
    scene.look(UP, DOWN, after=HOLD_S)
    assert not scene.liveness.is_cut_off


def test_with_one_session_nobody_can_tell_whose_fault_it_is(scene: Scene) -> None:
    scene.look(UP, NEVER)
    assert scene.look(DOWN, NEVER) == {B}
    assert not scene.liveness.is_cut_off


@pytest.mark.parametrize("why", [{"link": "down"}, {"lost": True}])
def test_a_provider_bridge_that_leads_nowhere_is_told_to_the_others(scene: Scene, why: dict[str, Any]) -> None:
    scene.look(UP, UP)
    assert scene.liveness.changes(snapshot({B: UP, C: UP}), {B, C}) == []
    scene.look(UP, UP, **why)
    assert scene.liveness.is_cut_off
    told = scene.liveness.changes(snapshot({B: UP, C: UP}), {B, C})
    assert [operation["row"]["bfd"] for operation in told] == [
        ["map", [[key, value] for key, value in sorted({**ENABLED, "cpath_down": "true"}.items())]]
    ] * 2
    scene.look(UP, UP)
    assert scene.liveness.is_cut_off and not scene.liveness.is_unusable
    scene.look(UP, UP, after=HOLD_S)
    assert not scene.liveness.is_cut_off


def test_a_vswitchd_that_has_started_anew_waits_for_its_sessions(scene: Scene) -> None:
    scene.look(UP, UP)
    scene.look(NEVER, NEVER, after=5)
    assert scene.liveness.is_cut_off
    scene.look(UP, NEVER, after=1)
    assert scene.liveness.is_cut_off
    scene.look(UP, UP, after=HOLD_S)
    assert not scene.liveness.is_cut_off


def test_a_vswitchd_that_has_started_anew_does_not_wait_for_the_dead(scene: Scene) -> None:
    scene.look(NEVER, NEVER)  # the agent has started anew as well
    assert scene.liveness.is_cut_off
    scene.look(NEVER, NEVER, after=REJOIN_S)
    scene.look(NEVER, NEVER, after=HOLD_S)
    assert not scene.liveness.is_cut_off


def test_an_agent_that_starts_beside_a_running_vswitchd_takes_it_as_it_is(scene: Scene) -> None:
    assert scene.look(UP, DOWN) == {C}
    assert not scene.liveness.is_cut_off


def test_sessions_are_made_and_ended_with_those_that_are_watched(scene: Scene) -> None:
    none = snapshot({B: {}, C: {}}, bfd={})
    (made,) = scene.liveness.changes(none, {B})
    assert made["where"] == [["_uuid", "==", ["uuid", B]]]
    assert dict(made["row"]["bfd"][1]) == ENABLED == {"enable": "true", "min_rx": "100", "min_tx": "100"}
    (slower, _) = scene.liveness.changes(snapshot({B: UP, C: UP}), {B, C, *map(str, range(FEW))})
    assert dict(slower["row"]["bfd"][1]) == {"enable": "true", "min_rx": "200", "min_tx": "200"}
    (ended,) = scene.liveness.changes(snapshot({B: UP, C: UP}), {B})
    assert (ended["where"], ended["row"]["bfd"]) == ([["_uuid", "==", ["uuid", C]]], ["map", []])
    assert scene.liveness.changes(snapshot({B: UP, C: UP}, bfd={"enable": "true", "min_tx": "50"}), ()) == []


def test_of_several_tunnels_to_a_host_the_first_type_has_the_session() -> None:
    def seen(bfd: Mapping[str, str], status: Mapping[str, str]) -> Snapshot:
        ports = [
            PortRow(uuid=t, name=t, external_ids={ORIGIN: CREATED}, interfaces=(
                InterfaceRow(uuid=t, name=t, type=t, options={"remote_ip": B}, bfd=bfd, bfd_status=status),
            ))
            for t in ("vxlan", "geneve")
        ]  # fmt: skip
        return Snapshot(uuid="s", bridges={"br-tun": BridgeRow(uuid="t", name="br-tun", ports=tuple(ports))})

    held = Liveness(lambda _seconds: None, type="geneve")
    (made,) = held.changes(seen({}, {}), {B})
    assert (made["where"], made["row"]["bfd"][1] != []) == ([["_uuid", "==", ["uuid", "geneve"]]], True)
    (ended,) = held.changes(seen(ENABLED, UP), {B})  # the other type was the first one before
    assert (ended["where"], ended["row"]["bfd"]) == ([["_uuid", "==", ["uuid", "vxlan"]]], ["map", []])


def test_the_operator_may_set_the_interval_of_bfd() -> None:
    held = Liveness(lambda _seconds: None, interval=500)
    for watched in ({B}, {B, *map(str, range(FEW))}):
        (made,) = held.changes(snapshot({B: UP}), watched)
        assert dict(made["row"]["bfd"][1]) == {"enable": "true", "min_rx": "500", "min_tx": "500"}
