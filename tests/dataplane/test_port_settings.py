"""Tag and other_config of ports: written where they differ; what was right is not looked at until it changes."""

from msgspec.structs import replace

from tunbridge.dataplane.contribution import PortSettings
from tunbridge.dataplane.port_settings import Checked
from tunbridge.openvswitch.rows import BridgeRow, PortRow, Snapshot

BLUE = PortSettings(tag=1, other_config={"net_uuid": "blue"})
RIGHT = PortRow(uuid="u", name="tap0", tag=1, other_config={"net_uuid": "blue", "of somebody": "else"})


def snapshot(*ports: PortRow) -> Snapshot:
    return Snapshot(uuid="o", bridges={"br-int": BridgeRow(uuid="b", name="br-int", ports=ports)})


def test_a_port_that_is_right_is_left_alone_and_one_that_is_not_is_written() -> None:
    checked = Checked()
    assert checked.difference(snapshot(RIGHT), {"tap0": BLUE}) == []
    assert len(checked.difference(snapshot(replace(RIGHT, tag=7)), {"tap0": BLUE})) == 1
    assert len(checked.difference(snapshot(replace(RIGHT, tag=7, other_config={})), {"tap0": BLUE})) == 2


def test_what_was_not_written_is_said_again() -> None:
    checked = Checked()
    wrong = snapshot(replace(RIGHT, tag=7))
    assert checked.difference(wrong, {"tap0": BLUE}) == checked.difference(wrong, {"tap0": BLUE}) != []


def test_a_changed_setting_of_an_unchanged_port_is_written() -> None:
    checked = Checked()
    now = snapshot(RIGHT)
    assert checked.difference(now, {"tap0": BLUE}) == []
    assert len(checked.difference(now, {"tap0": replace(BLUE, tag=2)})) == 1
    assert checked.difference(now, {"tap0": BLUE}) == []


def test_a_port_that_comes_to_be_wanted_later_is_written() -> None:
    checked = Checked()
    now = snapshot(replace(RIGHT, tag=None))
    assert checked.difference(now, {}) == []
    assert len(checked.difference(now, {"tap0": BLUE})) == 1
