"""`tunbridge lab` as a user calls it, and what of a lab is left on this machine."""

import subprocess
import sys
from pathlib import Path

from tunbridge.lab.lab import ROOT

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = ("--like", "examples/compute0.txt", "network0=examples/network.txt")


def argv(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tunbridge", "lab", *arguments]


def lab(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv(*arguments), cwd=REPOSITORY, input=stdin, capture_output=True, text=True, check=False, env=environ or None
    )


def tunbridge(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Any other command."""
    return subprocess.run(
        [sys.executable, "-m", "tunbridge", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def traces(name: str) -> list[str]:
    """Everything that this machine has of a lab: folders, locks, namespaces, mounts, processes."""
    found = [str(p) for p in (ROOT / name, ROOT / f".{name}.lock") if p.exists()]
    found += [str(p) for p in Path("/run/netns").glob(f"tb-{name}.*")]
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f"tb-{name}." in line]
    return found + processes(name)


def processes(name: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"TUNBRIDGE_LAB={name}".encode() in environ or f"tb-{name}." in command:
            found.append(f"{folder.name}: {command}")
    return found
