"""Restarts of `ovs-vswitchd` under a ping between workloads of two hosts: what each loses, planned and plain.

In namespaces the userspace datapath goes with vswitchd, so that is measured; and, where kernel hosts can be had, the
kernel's datapath, which stays.
"""

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import tests.agent.workloads as workloads
from bench.figures import Figure
from bench.hosts import kernel_host
from tunbridge.lab import qemu_machine

KINDS = ("planned", "plain")
_numbers = itertools.count()


def restarts(runs: int) -> Iterator[Figure]:
    """Packets lost of a ping every 10 ms; the reference is a plain restart, flows put back by hand at once."""
    yield _figure("userspace datapath", _here(runs))
    if qemu_machine.why_not() is None:
        yield _figure("kernel's datapath", _in_kernel(runs))


def _figure(where: str, lost: dict[str, list[float]]) -> Figure:
    name = f"tunbridge ovs restart, {where}"
    return Figure(name, "lost of a ping every 10 ms", lost["planned"], "a plain restart", lost["plain"])


def _here(runs: int) -> dict[str, list[float]]:
    pair = workloads.Pair(f"b{os.getpid() % 100000}r{next(_numbers)}")
    try:
        return {kind: [float(workloads.measure(pair, kind)[1]) for _ in range(runs)] for kind in KINDS}
    finally:
        pair.down()


def _in_kernel(runs: int) -> dict[str, list[float]]:
    """One kernel for all runs of all kinds."""
    root, kinds = str(Path(__file__).parents[1]), [kind for kind in KINDS for _ in range(runs)]
    with kernel_host() as (host, _, _):
        printed = host.run("env", "-C", root, sys.executable, "-m", "tests.agent.workloads", *kinds).stdout
    lost: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for line in printed.splitlines():
        kind, _, packets = line.split()
        lost[kind].append(float(packets))
    return lost
