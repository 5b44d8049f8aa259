"""Tag and other_config of ports: written where they differ; what was right is not looked at until it changes."""

from msgspec.structs import replace

from tunbridge.dataplane.contribution import PortSettings
from tunbridge.dataplane.port_settings import Checked
from tunbridge.openvswitch.rows import BridgeRow, InterfaceRow, PortRow, Snapshot

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


def steered(hint: str | None, recorded: str | None, there: str | None) -> list[object]:
    """What is written to the interface of a port that is right but for this."""

    def with_key(key: str, value: str | None) -> dict[str, str]:
        return {} if value is None else {key: value}

    interface = InterfaceRow(uuid="i", name="tap0", other_config=with_key("tx-steering", there))
    port = replace(
        RIGHT, interfaces=(interface,), other_config={**RIGHT.other_config, **with_key("tx_steering", recorded)}
    )
    wanted = replace(BLUE, other_config={**BLUE.other_config, **with_key("tx_steering", hint)})
    return [
        one["mutations"]
        for one in Checked().difference(snapshot(port), {"tap0": wanted})
        if one["table"] == "Interface"
    ]


def test_a_hint_is_set_on_the_interface_and_taken_away_with_it() -> None:
    delete = ["other_config", "delete", ["set", ["tx-steering"]]]
    assert steered("hash", None, None) == [[delete, ["other_config", "insert", ["map", [["tx-steering", "hash"]]]]]]
    assert steered("hash", "hash", "thread") == steered("hash", None, None)
    assert steered("hash", "hash", "hash") == []
    assert steered(None, "hash", "hash") == [[delete]]


def test_an_operators_own_steering_stays() -> None:
    assert steered(None, None, "thread") == []
