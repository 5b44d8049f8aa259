"""A lab of namespaces on a kernel that has the openvswitch module: its datapath is used, all else is the same."""

import sys
from pathlib import Path

import pytest

from tests.agent.hosts import example, normalised
from tests.kernels import EVERY_KERNEL_TEST, TAKES_LONG, Kernels

pytestmark = [pytest.mark.ovs, pytest.mark.skipif(not EVERY_KERNEL_TEST, reason=TAKES_LONG)]
LAB = """
lab() { "$0" -m tunbridge lab "$@"; }
echo "--- up"
lab up --like examples/compute0.txt network0=examples/network.txt --out /run/out
for host in compute0 network0; do echo "--- $host"; lab exec $host -- ovs-vsctl show; done
echo "--- datapath"
lab exec network0 -- ovs-dpctl show
echo "--- address"
lab exec network0 -- ip -brief address show dev enunderlay0
echo "--- ping"
lab exec compute0 -- ping -c 2 -W 2 network0
echo "--- check"
"$0" -m tunbridge check lab:
echo "--- down"
lab down
echo "--- left"
ip netns
ls -d /run/tunbridge/lab/default
echo "--- end"
"""


@pytest.fixture(scope="module")
def sections(kernels: Kernels) -> dict[str, str]:
    """Make a lab in a kernel of its own, and give what was printed, by section."""
    root = str(Path(__file__).parents[2])
    printed = kernels.one_host().run("env", "-C", root, "bash", "-c", f"exec 2>&1; {LAB}", sys.executable).stdout
    found = {part.partition("\n")[0]: part.partition("\n")[2] for part in printed.split("--- ")[1:]}
    assert "end" in found, printed
    return found


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
    assert sections["check"].endswith("2 hosts checked: nothing found\n")


def test_down_leaves_nothing_in_that_kernel(sections: dict[str, str]) -> None:
    assert sections["down"] == "lab default: removed\n"
    assert sections["left"] == "ls: cannot access '/run/tunbridge/lab/default': No such file or directory\n"
