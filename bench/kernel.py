"""The agent's figures on the kernel's datapath: this package's own measurements, run inside User Mode Linux.

Processes there are many times slower than here (each system call goes through ptrace), by hand as by the agent: what to
quote are the ratios.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench import agent
from bench.figures import Figure, as_json
from tests import kernel

INIT = Path(__file__).parent / "kernel.sh"
LIMIT_S = 3600


def on_kernel(runs: int, repairs: int) -> Iterator[Figure]:
    """Bare host to wired, each repair, and what the agent costs at rest."""
    reason = kernel.missing()
    if reason is not None:
        raise SystemExit(f"bench: kernel: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder, "figures.json")
        kernel.boot(INIT, Path(folder), LIMIT_S, runs=str(runs), repairs=str(repairs), figures=str(figures))
        found = json.loads(figures.read_text())
    for one in found:
        figure = Figure(*(one[name] for name in ("name", "unit", "values", "reference_name", "reference")))
        yield replace(figure, name=f"{figure.name}, kernel's datapath")


def main() -> None:
    """Measure here, inside; to a file."""
    runs, repairs, to = int(os.environ["TB_RUNS"]), int(os.environ["TB_REPAIRS"]), Path(os.environ["TB_FIGURES"])
    found = agent.wiring(runs)
    print("wired", file=sys.stderr, flush=True)
    found += agent.repairs(repairs)
    print("repaired", file=sys.stderr, flush=True)
    found += agent.at_rest(20)
    to.write_text(json.dumps(as_json(found)))


if __name__ == "__main__":
    main()
