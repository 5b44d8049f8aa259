from pathlib import Path

import pytest

from tunbridge.agent.saved import SavedFlows
from tunbridge.dataplane.flows import Flow, FlowError

ONE = Flow(priority=7, match="arp", actions="output:1", cookie=0x1, extra="idle_timeout=300,send_flow_rem")
OTHER = Flow(table=3, match="ip", actions="drop", cookie=0x2)


def test_saved_flows_survive_on_disk_until_they_are_back(tmp_path: Path) -> None:
    SavedFlows(tmp_path).save("br-eth1", [ONE, OTHER])
    saved = SavedFlows(tmp_path)
    assert saved.bridges() == ["br-eth1"]
    assert saved.load("br-eth1") == [ONE, OTHER]
    saved.done("br-eth1")
    assert saved.bridges() == []
    assert saved.load("br-eth1") == []


def test_a_second_save_keeps_what_still_waits(tmp_path: Path) -> None:
    saved = SavedFlows(tmp_path)
    saved.save("br-eth1", [ONE])
    newer = Flow(priority=7, match="arp", actions="drop", cookie=0x1)
    saved.save("br-eth1", [newer, OTHER])
    assert saved.load("br-eth1") == [newer, OTHER]
    saved.save("br-eth1", [])
    assert saved.load("br-eth1") == [newer, OTHER]


def test_a_bridge_without_flows_still_waits(tmp_path: Path) -> None:
    saved = SavedFlows(tmp_path)
    saved.save("br-eth1", [])
    assert saved.bridges() == ["br-eth1"]


def test_a_damaged_file_is_told_by_name(tmp_path: Path) -> None:
    saved = SavedFlows(tmp_path)
    saved.save("br-eth1", [ONE])
    (tmp_path / "flows" / "br-eth1.flows").write_text("garbage\n")
    with pytest.raises(FlowError, match=r"br-eth1\.flows"):
        saved.load("br-eth1")


def test_only_root_may_read_the_folder(tmp_path: Path) -> None:
    saved = SavedFlows(tmp_path)
    saved.save("br-eth1", [ONE])
    assert (tmp_path / "flows").stat().st_mode & 0o077 == 0
