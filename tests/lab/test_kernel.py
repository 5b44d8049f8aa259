"""The lab where the kernel has the openvswitch module (User Mode Linux): its datapath is used, all else is the same."""

from pathlib import Path

import pytest

from tests.agent.hosts import example, normalised
from tests.kernel import boot

pytestmark = pytest.mark.ovs


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return boot(Path(__file__).parent / "kernel" / "init.sh", tmp_path_factory.mktemp("lab-kernel"))


def test_up_takes_the_kernels_datapath_and_says_why(sections: dict[str, str]) -> None:
    assert "datapath system: the kernel has its openvswitch module loaded" in sections["up"]
    assert "system@ovs-system" in sections["datapath"]
    assert "vxlan_sys_4789" in sections["datapath"]


@pytest.mark.parametrize(("host", "dump"), [("compute0", "compute0.txt"), ("network0", "network.txt")])
def test_the_hosts_look_like_those_of_the_cloud(sections: dict[str, str], host: str, dump: str) -> None:
    assert "datapath_type" not in sections[host]
    assert "br-phy" not in sections[host]
    assert normalised(sections[host]) == normalised(example(dump))


def test_the_underlay_nic_has_the_tunnel_address_itself(sections: dict[str, str]) -> None:
    assert "10.0.0.27/24" in sections["address"]
    assert "64 bytes from network0" in sections["ping"]


def test_nothing_is_found_wrong(sections: dict[str, str]) -> None:
    assert sections["check"] == "2 hosts checked: nothing found\n"


def test_down_leaves_nothing_in_that_kernel(sections: dict[str, str]) -> None:
    assert sections["down"] == "lab default: removed\n"
    assert sections["left"] == "ls: cannot access '/run/tunbridge': No such file or directory\n"
