"""The datapath that users run: a real kernel with openvswitch.ko (User Mode Linux), the agent in it unchanged."""

from pathlib import Path

import pytest

from tests.agent.hosts import NIC, PHYSNET, example, normalised
from tests.kernel import boot
from tunbridge.agent.config import AgentConfig, Peer
from tunbridge.lab.host import to_toml

INIT = Path(__file__).parent / "kernel" / "init.sh"


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run the host in a kernel once, and give what it printed, by section."""
    folder = tmp_path_factory.mktemp("kernel")
    config = AgentConfig(
        host="network0", local_ip="10.0.0.27", peers=[Peer(host="compute0", ip="10.0.0.25")], providers=PHYSNET,
        state_dir="/run/tunbridge",
    )  # fmt: skip
    (folder / "agent.toml").write_text(to_toml(config))
    return boot(INIT, folder, config=f"{folder}/agent.toml")


def test_the_host_looks_like_the_clouds_with_nothing_left_out(sections: dict[str, str]) -> None:
    assert "datapath_type" not in sections["show"]
    assert "br-phy" not in sections["show"]
    assert normalised(sections["show"]) == normalised(example("network.txt"))


def test_it_is_the_kernels_datapath(sections: dict[str, str]) -> None:
    assert "system@ovs-system" in sections["datapath"]
    assert "vxlan_sys_4789" in sections["datapath"]
    assert NIC in sections["datapath"]


def test_the_flows_are_those_of_the_userspace_datapath(sections: dict[str, str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "pipeline.md").read_text()
    told = {line for line in page.splitlines() if line.startswith(" cookie=")}
    assert told == {line for line in sections["flows"].splitlines() if line.startswith(" cookie=")}


def test_damage_is_mended(sections: dict[str, str]) -> None:
    mended = sections["mended"]
    assert "patch-tun" in mended.splitlines()
    assert 'in_port="patch-int" actions=resubmit(,2)' in mended
    assert "nothing to do: this host is as its configuration says" in mended
    assert "add patch port patch-tun" in sections["log"]
