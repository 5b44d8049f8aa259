"""Hosts that are kernels of their own, for many tests: booting takes 15 s, making a host bare again one.

After a test everything in the kernel ends but its init and sshd, the datapath goes, and so do all files of Open vSwitch
and of the agent. Addresses of the NICs go, and their routes with them; the NICs stay, as those of a machine do.
"""

import itertools
import os
import sys
from collections.abc import Sequence

import pytest

from tunbridge.lab import uml
from tunbridge.lab.host import Host
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import UNDERLAY_DEVICE, HostPlan, LabPlan, checked

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
    elif device != "vec0":
        run("ip", "addr", "flush", "dev", device)  # never down: its tap would go, and with it the wire
        run("ip", "link", "set", device, "up")
"""


class Kernels:
    """Labs by what their hosts are; each is booted once."""

    def __init__(self) -> None:
        self._labs: dict[object, Lab] = {}

    def lab(self, hosts: Sequence[HostPlan], prefix_length: int) -> Lab:
        """Give a lab of bare hosts whose Open vSwitch runs. Skips, or fails in CI, where kernels cannot be booted."""
        package = uml.missing()
        if package is not None:
            if os.environ.get("CI") == "true":
                pytest.fail(f"{package} is not installed")
            pytest.skip(f"{package} is not installed")
        key = repr((list(hosts), prefix_length))
        known = self._labs.get(key)
        if known is not None:
            for host in known.hosts():
                make_bare(host)
                host.start_ovs()
            return known
        made = Lab(f"k{os.getpid() % 100000}-{next(_numbers)}")
        self._labs[key] = made
        plan = checked(LabPlan(name=made.name, hosts=list(hosts), prefix_length=prefix_length))
        made.up(plan, lambda _part, _what: None, agents=False, kind="uml")
        return made

    def remove(self) -> None:
        for lab in self._labs.values():
            lab.down()
        self._labs.clear()


def make_bare(host: Host) -> None:
    """End what runs on a host, and take away what Open vSwitch, agent and test have left."""
    host.run(sys.executable, "-S", "-c", _BARE)
    assert host.pid("agent") is None and host.pid("ovs-vswitchd") is None
    assert "master" not in host.run("ip", "link", "show", UNDERLAY_DEVICE).stdout
