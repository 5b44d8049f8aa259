"""Measure, print a table, and optionally write JSON."""

import compileall
import json
import os
import platform
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

import tunbridge
from bench import agent, attachments, kernel, packets, remote, restart, routers, scale, seeing, server
from bench.figures import Figure, as_json, as_line, console, table

SOURCES = Path(tunbridge.__file__).parent
PARTS = (
    "seeing",
    "ssh",
    "wiring",
    "repairs",
    "at-rest",
    "peers",
    "kernel",
    "restart",
    "server",
    "scale",
    "packets",
    "routers",
    "attachments",
)


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"Only this part, repeatable: {', '.join(PARTS)}.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few runs: to see that it works.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there too.")
    ] = None,
) -> None:
    """Measure Tunbridge on this machine; needs root but for `seeing`, `server`, `scale`. Quote medians and ratios."""
    wrong = set(only or ()) - set(PARTS)
    if wrong:
        raise typer.BadParameter(f"{', '.join(sorted(wrong))}: parts are {', '.join(PARTS)}")
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, _leave)
    compileall.compile_dir(SOURCES, quiet=1)  # so that what is measured starts as an installed package does
    parts = only or list(PARTS)
    console.print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} processors\n")
    found: list[Figure] = []
    for part in parts:
        measured = []
        with console.status(f"measuring: {part}"):
            for figure in _measure(part, quick):  # each is printed as it comes: what is interrupted has told something
                measured.append(figure)
                console.print(as_line(figure))
        console.print()
        console.print(table(measured))
        console.print()
        found += measured
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(found), indent=2) + "\n", encoding="utf-8")


def _leave(number: int, _frame: object) -> None:
    """End as an exception does, so that labs are removed: by itself Python dies of these signals at once."""
    sys.exit(128 + number)


def _measure(part: str, quick: bool) -> Iterable[Figure]:
    if part == "seeing":
        return seeing.seeing(2 if quick else 7)
    if part == "ssh":
        return remote.over_ssh(*((2, 5) if quick else (3, 50)))
    if part == "wiring":
        return agent.wiring(1 if quick else 7)
    if part == "repairs":
        return agent.repairs(2 if quick else 30)
    if part == "kernel":
        return kernel.on_kernel(*((1, 2) if quick else (3, 10)))
    if part == "at-rest":
        return agent.at_rest(5 if quick else 60)
    if part == "server":
        return server.server(*((20, 3000, 50) if quick else (400, 50_000, 1000)))
    if part == "scale":
        return scale.scale(*((50, 3) if quick else (1000, 10)))
    if part == "packets":
        return packets.packets(*((3, 20, 100, 20) if quick else (20, 100, 2000, 1000)))
    if part == "routers":
        return routers.routers(*(([20], 2) if quick else ([20, 500, 1000], 3)))
    if part == "attachments":
        return attachments.attachments(2 if quick else 4)
    if part == "restart":
        return restart.restarts(2 if quick else 5)
    return agent.peers([2, 50] if quick else [2, 50, 200])


if __name__ == "__main__":
    typer.run(main)
