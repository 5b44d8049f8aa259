"""Hosts to measure on: labs of one bare host, removed at the end whatever happens."""

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import ovs.poller

from tests.agent.hosts import PHYSNET, Wired
from tunbridge.agent.config import Peer
from tunbridge.lab import qemu_machine
from tunbridge.lab.host import Host
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import HostPlan, LabPlan, checked
from tunbridge.openvswitch.ovsdb import LocalOvsdb
from tunbridge.openvswitch.rows import Snapshot

_numbers = itertools.count()
WAIT_S = 20.0


@contextlib.contextmanager
def bare_host(peers: int = 2) -> Iterator[Wired]:
    """Give a host on which Open vSwitch runs and nothing is configured; its agent knows so many peers."""
    lab = Lab(f"b{os.getpid() % 100000}x{next(_numbers)}")
    plans = [HostPlan(name="network0", local_ip="10.0.0.27", providers=PHYSNET)]
    try:
        lab.up(checked(LabPlan(name=lab.name, hosts=plans, prefix_length=24)), lambda _part, _what: None, agents=False)
        host = Wired(lab, "network0")
        host.configure(peers=[Peer(host=f"h{i}", ip=f"10.0.{1 + i // 200}.{1 + i % 200}") for i in range(peers)])
        yield host
    finally:
        lab.down()


@contextlib.contextmanager
def kernel_host() -> Iterator[tuple[Host, float, str]]:
    """Boot a kernel host on which Open vSwitch runs; with the seconds that this took, and how QEMU runs it."""
    lab = Lab(f"b{os.getpid() % 100000}x{next(_numbers)}")
    plan = checked(LabPlan(name=lab.name, hosts=[HostPlan(name="outer", local_ip="10.0.0.1")], prefix_length=24))
    _, how = qemu_machine.prepare(lambda _what: None)
    try:
        begun = time.monotonic()
        lab.up(plan, lambda _part, _what: None, agents=False, kind="vm")
        yield lab.host("outer"), time.monotonic() - begun, how.why
    finally:
        lab.down()


class Watch:
    """An own copy of a host's database, woken by its changes, to see when something has come about."""

    def __init__(self, host: Wired) -> None:
        self.copy = LocalOvsdb(f"unix:{host.host.folder}/openvswitch/db.sock")
        self.until(lambda _: True)

    def until(self, condition: Callable[[Snapshot], bool]) -> float:
        """Wait until the condition holds; give the moment (monotonic seconds) at which it was seen."""
        deadline = time.monotonic() + WAIT_S
        while True:
            self.copy.run()
            if self.copy.connected and condition(self.copy.snapshot()):
                return time.monotonic()
            if time.monotonic() > deadline:
                raise TimeoutError("what was waited for did not come about")
            poller = ovs.poller.Poller()
            self.copy.wait(poller)
            poller.timer_wait(100)
            poller.block()

    def now(self) -> Snapshot:
        self.copy.run()
        return self.copy.snapshot()

    def close(self) -> None:
        self.copy.close()


def cpu_seconds(pid: int) -> float:
    """Time that the threads of a process had a processor (schedstat: nanoseconds, where stat has only hundredths)."""
    times = [int(f.read_text().split()[0]) for f in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(times) / 1e9


def children_cpu_seconds(pid: int) -> float:
    """Time of the processes that it started and that have ended (proc(5): hundredths of a second)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes that it has started, theirs too, that still run."""
    below = [int(c) for f in Path(f"/proc/{pid}/task").glob("*/children") for c in f.read_text().split()]
    return below + [each for child in below for each in children(child)]


def memory_mb(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    line = next(s for s in Path(f"/proc/{pid}/status").read_text().splitlines() if s.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
