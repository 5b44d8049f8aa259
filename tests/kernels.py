"""Hosts that are kernels of their own (QEMU), for many tests: they are booted once, and made bare between tests.

After a test everything in the kernel ends but its init and sshd, the datapath goes, and so do all files of Open vSwitch
and of the agent. Addresses of the NICs go, and their routes with them; the NICs stay, as those of a machine do.
"""

import itertools
import os
import sys
from collections.abc import Sequence

import pytest

from tests.agent.hosts import PHYSNET
from tunbridge.lab import qemu_machine
from tunbridge.lab.host import Host
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import UNDERLAY_DEVICE, HostPlan, LabPlan, checked

EVERY_KERNEL_TEST = os.environ.get("TUNBRIDGE_KERNEL_TESTS") == "all"
TAKES_LONG = "takes minutes where kernels are emulated: make test-kernel"
_numbers = itertools.count()
_BARE = """
import glob, os, shutil, signal, subprocess
places = ("/etc/openvswitch", "/var/lib/openvswitch", "/var/log/openvswitch", "/etc/tunbridge", "/var/lib/tunbridge")
mounts = {line.split()[4] for line in open("/proc/self/mountinfo")}
for place in (*places, "/run"):
    assert place in mounts, place + " is not this host's own"
def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True).stdout
me = os.getpid()
for _ in range(3):
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            name = open(folder + "/comm").read().strip()
            if int(folder[6:]) != me and open(folder + "/cmdline").read() and name not in ("sh", "sshd", "sleep"):
                os.kill(int(folder[6:]), signal.SIGKILL)
        except OSError:
            pass
for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else ():
    run("ip", "netns", "del", name)
for datapath in run("ovs-dpctl", "dump-dps").split():
    run("ovs-dpctl", "del-dp", datapath)
gone = [path for place in (*places, "/run/openvswitch") for path in glob.glob(place + "/*")]
gone.remove("/etc/tunbridge/state")  # which is /var/lib/tunbridge
for path in [*gone, "/run/tunbridge-agent", "/run/agent.pid", *glob.glob("/run/notify*")]:
    if os.path.isdir(path) and not os.path.islink(path) and path not in mounts:
        shutil.rmtree(path)
    elif os.path.lexists(path) and path not in mounts:
        os.unlink(path)
for device in os.listdir("/sys/class/net"):
    if not os.path.exists(f"/sys/class/net/{device}/device"):
        run("ip", "link", "del", device)
    elif device != "mgmt":
        run("ip", "link", "set", device, "down")
        run("ip", "addr", "flush", "dev", device)
        run("ip", "link", "set", device, "up")
"""


class Kernels:
    """The lab of kernel hosts of the last test that asked for one; tests that want other hosts have it replaced."""

    def __init__(self) -> None:
        self._lab: Lab | None = None
        self._of: object = None

    def lab(self, hosts: Sequence[HostPlan], prefix_length: int) -> Lab:
        """Give a lab of bare hosts whose Open vSwitch runs. Skips, or fails in CI, where kernels cannot be booted."""
        require()
        of = (list(hosts), prefix_length)
        if self._lab is not None and self._of == of:
            for host in self._lab.hosts():
                if not host.machine.is_running():  # a test has killed it
                    break
                make_bare(host)
                host.start_ovs()
            else:
                return self._lab
        self.remove()
        made = Lab(f"k{os.getpid() % 100000}-{next(_numbers)}")
        self._lab, self._of = made, of
        plan = checked(LabPlan(name=made.name, hosts=list(hosts), prefix_length=prefix_length))
        made.up(plan, lambda _part, _what: None, agents=False, kind="vm")
        return made

    def one_host(self) -> Host:
        """Give a bare host, for what is about its kernel and not about the lab around it."""
        plan = HostPlan(name="network0", local_ip="10.0.0.27", providers=PHYSNET)
        return self.lab([plan], 24).host("network0")

    def remove(self) -> None:
        if self._lab is not None:
            self._lab.down()
        self._lab = None


def require() -> None:
    """Skip, or fail in CI, where kernels cannot be booted."""
    reason = "needs root" if os.geteuid() != 0 else qemu_machine.why_not()
    if reason is not None and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason is not None:
        pytest.skip(reason)


def make_bare(host: Host) -> None:
    """End what runs on a host, and take away what Open vSwitch, agent and test have left."""
    host.run(sys.executable, "-S", "-c", _BARE)
    assert host.pid("agent") is None and host.pid("ovs-vswitchd") is None
    assert "master" not in host.run("ip", "link", "show", UNDERLAY_DEVICE).stdout
