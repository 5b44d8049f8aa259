"""The agent's figures on the kernel's datapath: this package's own measurements, run inside a kernel host.

Where that is emulated its processes are about ten times slower than here, by hand as by the agent: what to quote then
are the ratios.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench import agent
from bench.figures import Figure, as_json
from bench.hosts import kernel_host

INSIDE = "/run/figures.json"


def on_kernel(runs: int, repairs: int) -> Iterator[Figure]:
    """Boot, bare host to wired, each repair, and what the agent costs at rest."""
    with kernel_host() as (host, seconds, how):
        yield Figure(f"one kernel host booted, its Open vSwitch up ({how})", "s", [seconds])
        root = str(Path(__file__).parents[1])
        host.run("env", "-C", root, sys.executable, "-m", "bench.kernel", str(runs), str(repairs))
        found = json.loads(host.run("cat", INSIDE).stdout)
    for one in found:
        figure = Figure(*(one[name] for name in ("name", "unit", "values", "reference_name", "reference")))
        yield replace(figure, name=f"{figure.name}, kernel's datapath")


def main(runs: int, repairs: int) -> None:
    """Measure here, inside; to a file."""
    found = agent.wiring(runs) + agent.repairs(repairs) + agent.at_rest(20)
    Path(INSIDE).write_text(json.dumps(as_json(found)), encoding="utf-8")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
