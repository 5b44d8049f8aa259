"""What has not changed is not looked into again, and what is made of changes alone is what a fresh look finds."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tunbridge.agent.cloud import Alone
from tunbridge.agent.config import AgentConfig, Provider
from tunbridge.agent.wanted import LocalOf, host_spec
from tunbridge.agent.wiring import InOrder, Wanted
from tunbridge.dataplane import diff, host
from tunbridge.dataplane.contribution import PortSettings
from tunbridge.dataplane.nics import NicState
from tunbridge.dataplane.operations import CREATED
from tunbridge.dataplane.port_settings import Checked
from tunbridge.openvswitch.ours import ORIGIN, PHYSICAL_NETWORK
from tunbridge.openvswitch.rows import BridgeRow, ControllerRow, InterfaceRow, ManagerRow, PortRow, Snapshot, changed

NIC = "eth1"
CONFIG = AgentConfig(
    host="a", local_ip="192.0.2.1", manager=False, providers={"physnet1": Provider(bridge="br-ex", nics=[NIC])}
)
WANTED = host.wanted(host_spec(CONFIG, ["192.0.2.2"]))
NICS = {NIC: NicState(exists=True)}
_numbers = itertools.count()


def interface(name: str, **columns: object) -> InterfaceRow:
    return InterfaceRow(uuid=f"i{next(_numbers)}", name=name, **columns)  # type: ignore[arg-type]


def port(name: str, *interfaces: InterfaceRow, **columns: object) -> PortRow:
    made = interfaces or (interface(name, ofport=next(_numbers)),)
    return PortRow(uuid=f"p{next(_numbers)}", name=name, interfaces=made, **columns)  # type: ignore[arg-type]


def in_order() -> Snapshot:
    """A host as the agent has made it."""
    bridges = {}
    for bridge in WANTED.bridges:
        ours = {ORIGIN: CREATED}
        ports = [
            port(p.name, interface(p.name, type=p.type, options=p.options, ofport=next(_numbers)), external_ids=ours)
            for p in bridge.ports
        ]
        ports += [port(nic, external_ids=ours) for nic in bridge.nics]
        marks = {PHYSICAL_NETWORK: bridge.physical_network} if bridge.physical_network is not None else {}
        bridges[bridge.name] = BridgeRow(
            uuid=bridge.name, name=bridge.name, fail_mode="secure", external_ids=ours | marks, ports=tuple(ports),
            controllers=(ControllerRow(uuid="c", target=CONFIG.controller),),
            other_config={"disable-in-band": "true"},
        )  # fmt: skip
    return Snapshot(uuid="s", bridges=bridges)


def with_ports(now: Snapshot, bridge: str, *ports: PortRow) -> Snapshot:
    row = now.bridges[bridge]
    return replace(now, bridges={**now.bridges, bridge: replace(row, ports=(*row.ports, *ports))})


def without(now: Snapshot, bridge: str, name: str) -> Snapshot:
    row = now.bridges[bridge]
    left = tuple(each for each in row.ports if each.name != name)
    return replace(now, bridges={**now.bridges, bridge: replace(row, ports=left)})


def test_rows_that_come_and_go_are_told_and_others_are_not() -> None:
    one, two, three = port("one"), port("two"), port("three")
    before = (one, two)
    assert changed(before, before) == ((), ())
    assert changed(before, (three, two)) == ([one], [three])
    assert changed((), before)[0] == [] and set(map(id, changed((), before)[1])) == {id(one), id(two)}


def test_other_hosts_that_are_the_same_are_worked_out_once() -> None:
    wanted, alone, now = Wanted(), Alone(), in_order()
    first = wanted(CONFIG, {"192.0.2.2"}, alone, now)
    assert first == WANTED and wanted(CONFIG, {"192.0.2.2"}, alone, now) is first
    assert wanted(CONFIG, {"192.0.2.3"}, alone, now) == host.wanted(host_spec(CONFIG, ["192.0.2.3"]))
    assert wanted(replace(CONFIG, tunnel_types=("gre",)), {"192.0.2.3"}, alone, now).tunnel_types == ("gre",)
    alone.complete = False
    assert wanted(CONFIG, set(), alone, now) == WANTED, "the tunnels that are there stay"


def test_the_host_of_these_tests_is_in_order() -> None:
    assert diff.difference(WANTED, in_order(), NICS).changes == []


def test_ports_of_others_do_not_concern_the_wiring() -> None:
    now, seen = in_order(), InOrder()
    seen.note(WANTED, now, [])
    now = with_ports(now, "br-int", port("tap1", interface("tap1", external_ids={"iface-id": "x"})))
    assert seen.problems(WANTED, now) == []
    now = without(now, "br-int", "tap1")
    assert seen.problems(WANTED, now) == []


CONCERNS: dict[str, Callable[[Snapshot], Snapshot]] = {
    "a port of ours goes": lambda now: without(now, "br-int", "patch-tun"),
    "a wanted name is taken": lambda now: with_ports(now, "br-int", port(NIC)),
    "a NIC is in a bond": lambda now: with_ports(now, "br-int", port("bond0", interface(NIC), interface("eth2"))),
    "one of ours that is not wanted": lambda now: with_ports(now, "br-tun", port("x", external_ids={ORIGIN: CREATED})),
    "a column of a bridge": lambda now: replace(
        now, bridges={**now.bridges, "br-int": replace(now.bridges["br-int"], fail_mode=None)}
    ),
    "a bridge goes": lambda now: replace(now, bridges={n: b for n, b in now.bridges.items() if n != "br-ex"}),
    "a manager": lambda now: replace(now, managers=(ManagerRow(uuid="m", target="ptcp:6640"),)),
}


@pytest.mark.parametrize("what", CONCERNS)
def test_what_concerns_the_wiring_is_compared(what: str) -> None:
    now, seen = in_order(), InOrder()
    seen.note(WANTED, now, [])
    assert seen.problems(WANTED, CONCERNS[what](now)) is None


def test_other_wishes_and_a_comparison_that_left_something_to_do_are_compared() -> None:
    now, seen = in_order(), InOrder()
    assert seen.problems(WANTED, now) is None
    seen.note(WANTED, now, [])
    assert seen.problems(host.wanted(host_spec(CONFIG, [])), now) is None
    seen.forget()
    assert seen.problems(WANTED, now) is None


NAMES = ("tap1", "tap2", "patch-tun", "vxlan-c0000202", NIC, "bond0")


@given(st.data())
def test_whatever_happens_a_comparison_that_still_holds_is_what_a_new_one_finds(data: st.DataObject) -> None:
    now, seen = in_order(), InOrder()
    local_of, checked = LocalOf(), Checked()
    settings = {"tap1": PortSettings(7, {}), "tap2": PortSettings(8, {})}
    for _ in range(data.draw(st.integers(1, 8))):
        bridge, name = data.draw(st.sampled_from(["br-int", "br-tun", "br-ex"])), data.draw(st.sampled_from(NAMES))
        for each in now.bridges:
            now = without(now, each, name)  # names are unique in a database
        if data.draw(st.booleans()):
            ids = data.draw(st.sampled_from([{}, {ORIGIN: CREATED}]))
            inside = data.draw(st.sampled_from([{}, {"iface-id": "one"}, {"iface-id": "two"}]))
            number = data.draw(st.sampled_from([None, -1, *range(100, 104)]))
            row = port(name, interface(name, ofport=number, external_ids=inside), external_ids=ids)
            now = with_ports(now, bridge, replace(row, tag=data.draw(st.sampled_from([None, 7, 8]))))
        found = diff.difference(WANTED, now, NICS)
        if (problems := seen.problems(WANTED, now)) is not None:
            assert (found.changes, found.problems) == ([], problems)
        elif found.changes:
            seen.forget()
        else:
            seen.note(WANTED, now, found.problems)
        fresh = LocalOf()
        local, wanted = local_of(CONFIG, WANTED, now), fresh(CONFIG, WANTED, now)
        assert (local.ofports, local_of.coming) == (wanted.ofports, fresh.coming)
        assert local.workloads.keys() == wanted.workloads.keys()
        # Of two with one id, the one that was there first keeps it, which a fresh look cannot know.
        assert local.workloads == wanted.workloads or fresh.problems
        written = {str(operation) for operation in checked.difference(now, settings)}
        assert written == {str(operation) for operation in Checked().difference(now, settings)}
