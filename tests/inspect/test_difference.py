"""What counts as a difference between two documents, and what does not."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import msgspec
import pytest
from msgspec.structs import replace

from tests.inspect.hosts import bridge, change, compute, host, port, tunnel, two
from tests.inspect.showtext import show
from tunbridge.inspect.check import check
from tunbridge.inspect.difference import DocumentChange, difference, schema_text
from tunbridge.inspect.model import Bridge, Controller, Device, Host, Interface, Manager, Port
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.understand import understand

ROOT = Path(__file__).parents[2]
Hosts = Sequence[Host]


def changes(old: Hosts, new: Hosts) -> list[DocumentChange]:
    return difference(check(understand(old)), check(understand(new))).changes


def brief(old: Hosts, new: Hosts) -> list[tuple[Any, ...]]:
    return [(c.kind, c.what, c.name, c.attribute, c.old, c.new) for c in changes(old, new) if c.what != "finding"]


def changed_port(name: str, new: Port | None, bridge_name: str = "br-int") -> tuple[Hosts, Hosts]:
    old = two()
    return old, [change(old[0], bridge_name, name, new), old[1]]


def test_the_same_hosts_do_not_differ() -> None:
    assert changes(two(), two()) == []


def test_order_is_no_difference() -> None:
    def turned(whole: Host) -> Host:
        bridges = [replace(b, ports=b.ports[::-1]) for b in reversed(whole.bridges)]
        return replace(whole, bridges=bridges)

    assert changes(two(), [turned(whole) for whole in reversed(two())]) == []


@pytest.mark.parametrize("style", ["old", "new"])
def test_quoting_line_numbers_and_uuids_are_no_difference(style: Literal["old", "new"]) -> None:
    text = "\n\n" + show(two()[0], style).replace(str(two()[0].system_id), "00000000-0000-4000-8000-000000000001")
    assert changes([two()[0]], read_show(text, source="somewhere/compute0.txt")) == []


def test_one_host_on_each_side_is_compared_whatever_its_files_are_called() -> None:
    before = replace(two()[0], name="before")
    after = replace(change(before, "br-int", "tap1", port("tap1", tag=5)), name="after", system_id=None)
    (found,) = changes([before], [after])
    assert (found.kind, found.what, found.host, found.bridge, found.name) == (
        "added",
        "port",
        "after",
        "br-int",
        "tap1",
    )


def test_a_renamed_host_is_told_by_its_uuid() -> None:
    old = two()
    assert changes(old, [old[0], replace(old[1], name="network-1")]) == []


def test_hosts_come_and_go_as_a_whole() -> None:
    third = compute("compute9", "10.0.0.99", [])
    assert brief(two(), [*two(), third]) == [
        ("added", "host", "compute9", None, None, changes(two(), [*two(), third])[0].new)
    ]
    (gone,) = changes([*two(), third], two())
    assert (gone.kind, gone.what, gone.name, gone.new) == ("removed", "host", "compute9", None)
    assert gone.old["bridges"][0]["name"] == "br-int"


def test_a_bridge_comes_with_its_ports_in_one_change() -> None:
    old = two()
    new = [old[0], replace(old[1], bridges=[*old[1].bridges, bridge("br-x", port("eth7"), controller=False)])]
    (added, *_) = changes(old, new)
    assert (added.what, added.name) == ("bridge", "br-x")
    assert [p["name"] for p in added.new["ports"]] == ["br-x", "eth7"]
    assert {c.what for c in changes(old, new)} == {"bridge"}


def with_first_bridge(**fields: Any) -> tuple[Hosts, Hosts]:
    old = two()
    return old, [replace(old[0], bridges=[replace(old[0].bridges[0], **fields), *old[0].bridges[1:]]), old[1]]


AGENT = "tcp:127.0.0.1:6633"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"fail_mode": "standalone"}, ("changed", "bridge", "br-int", "fail_mode", "secure", "standalone")),
        ({"fail_mode": None}, ("changed", "bridge", "br-int", "fail_mode", "secure", None)),
        ({"datapath_type": "netdev"}, ("changed", "bridge", "br-int", "datapath_type", "system", "netdev")),
        (
            {"controllers": [Controller(target=AGENT, is_connected=False)]},
            ("changed", "controller", AGENT, "is_connected", True, False),
        ),
    ],
)
def test_attributes_of_a_bridge(fields: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert brief(*with_first_bridge(**fields)) == [expected]


def test_the_default_datapath_is_the_same_when_it_is_stated() -> None:
    assert changes(*with_first_bridge(datapath_type="system")) == []


def test_a_connection_that_is_not_known_is_no_change() -> None:
    assert changes(*with_first_bridge(controllers=[Controller(target=AGENT, is_connected=None)])) == []


def test_another_controller_and_manager() -> None:
    old, new = with_first_bridge(controllers=[Controller(target="tcp:10.0.0.1:6653", is_connected=True)])
    new = [replace(new[0], managers=[Manager(target="ssl:10.0.0.1:6640", is_connected=True)]), new[1]]
    assert [(c.kind, c.what, c.name) for c in changes(old, new)] == [
        ("removed", "manager", "ptcp:6640:127.0.0.1"),
        ("added", "manager", "ssl:10.0.0.1:6640"),
        ("removed", "controller", AGENT),
        ("added", "controller", "tcp:10.0.0.1:6653"),
    ]


def test_tag_trunks_and_type_of_a_port() -> None:
    old = [change(two()[0], "br-int", "tap1", Port(name="tap1", tag=1, interfaces=[Interface(name="tap1")]))]
    other = Port(name="tap1", tag=2, trunks=[4, 3], interfaces=[Interface(name="tap1", type="internal")])
    assert brief(old, [change(old[0], "br-int", "tap1", other)]) == [
        ("changed", "port", "tap1", "tag", 1, 2),
        ("changed", "port", "tap1", "trunks", [], [3, 4]),
        ("changed", "interface", "tap1", "type", "system", "internal"),
    ]


def test_the_order_of_trunks_is_no_difference() -> None:
    old = [change(two()[0], "br-int", "t", Port(name="t", trunks=[1, 2], interfaces=[Interface(name="t")]))]
    new = [change(old[0], "br-int", "t", Port(name="t", trunks=[2, 1], interfaces=[Interface(name="t")]))]
    assert changes(old, new) == []


def test_a_port_that_moved_to_another_bridge_is_one_change() -> None:
    old = [change(two()[0], "br-int", "eth5", port("eth5"))]
    new = [change(two()[0], "br-tun", "eth5", port("eth5"))]
    assert brief(old, new) == [("changed", "port", "eth5", "bridge", "br-int", "br-tun")]


def test_an_option_and_the_tunnel_and_the_finding_that_follow_from_it() -> None:
    name = "vxlan-0a00001b"
    old, new = changed_port(name, tunnel("10.0.0.25", "10.0.0.28", name=name), "br-tun")
    found = changes(old, new)
    assert found[0] == DocumentChange(
        kind="changed", what="interface", host="compute0", bridge="br-tun", name=name,
        attribute="options:remote_ip", old="10.0.0.27", new="10.0.0.28",
    )  # fmt: skip
    assert [(c.name, c.old, c.new) for c in found if c.what == "link"] == [
        ("vxlan compute0 - network0", "ok", "broken")
    ]
    assert "tunnel-address-mismatch" in {c.code for c in found if c.kind == "added" and c.what == "finding"}
    back = changes(new, old)
    assert {c.code for c in back if c.kind == "removed"} == {c.code for c in found if c.kind == "added"}


def test_members_of_a_bond() -> None:
    def bonded(*names: str) -> list[Host]:
        bond = Port(name="bond0", interfaces=[Interface(name=name) for name in names])
        return [change(two()[1], "br-ex", "bond0", bond)]

    assert [(c.kind, c.what, c.name) for c in changes(bonded("e0", "e1"), bonded("e0", "e2"))] == [
        ("removed", "interface", "e1"),
        ("added", "interface", "e2"),
    ]


def test_what_a_source_cannot_tell_is_no_difference() -> None:
    """A bond's mode is not in a text, an interface's error not in a database file."""

    def one(not_told: list[str], **fields: Any) -> list[Host]:
        members = [Interface(name="e0", error=fields.get("error")), Interface(name="e1")]
        bond = Port(name="bond0", bond_mode=fields.get("bond_mode"), interfaces=members)
        bridges = [Bridge(name="b", ports=[bond])]
        return [replace(host("h"), bridges=bridges, not_told=not_told)]

    known = one([], bond_mode="balance-slb", error="x")
    assert {c.attribute for c in changes(known, one([])) if c.what != "finding"} == {"bond_mode", "error"}
    assert not [c for c in changes(known, one(["bond_mode", "error"])) if c.what in ("port", "interface")]


def live(**fields: Any) -> list[Host]:
    """One host with a NIC, as a live source tells it."""
    bridges = [Bridge(name="br-ex", ports=[Port(name="eth1", interfaces=[Interface(name="eth1", **fields)])])]
    return [replace(host("h"), bridges=bridges)]


@pytest.mark.parametrize(
    ("attribute", "before", "after"),
    [("link_state", "up", "down"), ("admin_state", "up", "down"), ("mtu", 9000, 1500), ("lacp_current", True, False)],
)
def test_a_state_is_compared_where_both_sides_tell_it(attribute: str, before: Any, after: Any) -> None:
    found = brief(live(**{attribute: before}), live(**{attribute: after}))
    assert found == [("changed", "interface", "eth1", attribute, before, after)]
    assert brief(live(**{attribute: before}), live()) == brief(live(), live(**{attribute: after})) == []


def test_the_state_of_a_bfd_session_but_not_its_counts() -> None:
    up = {"state": "up", "flap_count": "1"}
    assert brief(live(bfd_status=up), live(bfd_status={**up, "flap_count": "3"})) == []
    assert brief(live(bfd_status=up), live(bfd_status={"state": "down"})) == [
        ("changed", "interface", "eth1", "bfd_status:state", "up", "down")
    ]


def test_drops_and_errors_that_grew_and_no_other_counters() -> None:
    old = {"rx_packets": 1, "rx_dropped": 5, "tx_errors": 3, "rx_errors": 9}
    new = {"rx_packets": 9, "rx_dropped": 7, "tx_errors": 3, "rx_errors": 0}
    assert brief(live(statistics=old), live(statistics=new)) == [
        ("changed", "interface", "eth1", "statistics:rx_dropped", 5, 7)
    ]
    assert brief(live(statistics=old), live(statistics=new, admin_state="down")) == []


def test_the_device_below_the_tunnels_and_what_is_set_for_the_host() -> None:
    def tunnelled(mtu: int, waits: bool) -> list[Host]:
        devices = [Device(name="eth0", addresses=["10.0.0.25"], mtu=mtu)]
        return [replace(two()[0], underlay=devices, flow_restore_wait=waits), two()[1]]

    assert brief(tunnelled(9000, False), tunnelled(1500, True)) == [
        ("changed", "host", "compute0", "flow_restore_wait", False, True),
        ("changed", "device", "eth0", "mtu", 9000, 1500),
    ]


def test_a_finding_that_one_side_could_not_have_is_no_difference() -> None:
    """With one of two hosts not given, a one-way tunnel cannot be told."""
    alone = [compute("compute0", "10.0.0.25", ["10.0.0.27"])]
    one_way = [*alone, compute("network0", "10.0.0.27", [])]
    assert {c.what for c in changes(alone, one_way)} == {"host"}


def test_a_difference_fits_its_committed_schema() -> None:
    path = ROOT / "docs" / "diff.schema.json"
    assert path.read_text() == schema_text()
    name = "vxlan-0a00001b"
    found = difference(*(check(understand(hosts)) for hosts in changed_port(name, None, "br-tun")))
    assert found.changes
    jsonschema.validate(msgspec.to_builtins(found), json.loads(path.read_text()), cls=jsonschema.Draft202012Validator)


@pytest.mark.timeout(60)  # what is not linear takes far longer
def test_a_thousand_hosts_that_are_the_same_have_no_difference() -> None:
    hosts = [compute(f"h{i}", f"10.9.{i // 250}.{i % 250}", ["10.0.0.1"]) for i in range(1000)]
    document = check(understand(hosts))
    assert difference(document, document).changes == []
