"""A kernel of its own for a test: User Mode Linux, which has the openvswitch module that this machine may lack."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MODULES = Path("/usr/lib/uml/modules")
PACKAGES = {"linux.uml": "user-mode-linux", "depmod": "kmod", "ovs-vswitchd": "openvswitch-switch"}
BOOT_S = 250


def missing() -> str | None:
    if os.geteuid() != 0:
        return "needs root: Open vSwitch is started in a kernel that shares this machine's files"
    for command, package in PACKAGES.items():
        if shutil.which(command) is None:
            return f"{command} is not installed (package {package})"
    return None


def boot(init: Path, folder: Path, seconds: float = BOOT_S, **given: str) -> dict[str, str]:
    """Boot a kernel with `init` as its first process, and give what that printed: `--- name` begins a section.

    The init finds TB_PYTHON, TB_MODULES (for `modprobe -d`) and what was given as TB_<NAME> in its environment. It ends
    with the section `end`, within so many seconds. Skips the test where such a kernel cannot run, or fails it in CI.
    """
    reason = missing()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    version = next(MODULES.iterdir()).name
    # modprobe wants an index beside the modules, and the package's folder is not ours to write to.
    shutil.copytree(MODULES / version, folder / "index" / "lib" / "modules" / version)
    subprocess.run(["depmod", "-b", folder / "index", version], check=True)
    argv = [
        "linux.uml", f"umid={folder.name}-{os.getpid()}", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw",
        "mem=768M", f"init={init}", "con=null", "con0=fd:0,fd:1", "quiet", f"TB_PYTHON={sys.executable}",
        f"TB_MODULES={folder}/index", *(f"TB_{name.upper()}={value}" for name, value in given.items()),
    ]  # fmt: skip
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
    )
    found: dict[str, str] = {}
    name = "kernel"
    for line in done.stdout.splitlines():
        if line.startswith("--- "):
            name = line.removeprefix("--- ").strip()
        found[name] = found.get(name, "") + line.rstrip("\r") + "\n"
    assert "end" in found, f"the kernel did not come to its end:\n{done.stdout[-3000:]}"
    return {name: text.partition("\n")[2] for name, text in found.items()}
