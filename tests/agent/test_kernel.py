"""The datapath that users run: a real kernel with openvswitch.ko (User Mode Linux), the agent in it unchanged."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.hosts import NIC, PHYSNET, example, normalised
from tunbridge.agent.config import AgentConfig, Peer
from tunbridge.lab.host import to_toml

INIT = Path(__file__).parent / "kernel" / "init.sh"
MODULES = Path("/usr/lib/uml/modules")


def missing() -> str | None:
    if os.geteuid() != 0:
        return "needs root: Open vSwitch is started in a kernel that shares this machine's files"
    for command, package in (
        ("linux.uml", "user-mode-linux"),
        ("depmod", "kmod"),
        ("ovs-vswitchd", "openvswitch-switch"),
    ):
        if shutil.which(command) is None:
            return f"{command} is not installed (package {package})"
    return None


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Boot a kernel, run the host in it once, and give what it printed, by section."""
    reason = missing()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("kernel")
    version = next(MODULES.iterdir()).name
    # modprobe wants an index beside the modules, and the package's folder is not ours to write to.
    shutil.copytree(MODULES / version, folder / "index" / "lib" / "modules" / version)
    subprocess.run(["depmod", "-b", folder / "index", version], check=True)
    config = AgentConfig(
        host="network0", local_ip="10.0.0.27", peers=[Peer(host="compute0", ip="10.0.0.25")], providers=PHYSNET,
        state_dir="/run/tunbridge",
    )  # fmt: skip
    (folder / "agent.toml").write_text(to_toml(config))
    argv = [
        "linux.uml", f"umid={folder.name}-{os.getpid()}", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw",
        "mem=768M", f"init={INIT}", "con=null", "con0=fd:0,fd:1", "quiet", f"TB_PYTHON={sys.executable}",
        f"TB_MODULES={folder}/index", f"TB_CONFIG={folder}/agent.toml",
    ]  # fmt: skip
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=250, check=False
    )
    found: dict[str, str] = {}
    name = "kernel"
    for line in done.stdout.splitlines():
        if line.startswith("--- "):
            name = line.removeprefix("--- ").strip()
        found[name] = found.get(name, "") + line.rstrip("\r") + "\n"
    assert "end" in found, f"the kernel did not come to its end:\n{done.stdout[-3000:]}"
    return {name: text.partition("\n")[2] for name, text in found.items()}


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
