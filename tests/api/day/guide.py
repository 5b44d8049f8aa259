"""docs/guide-openstack.md: its commands are run, and what they print is put below them.

Lines of a block that start with "$ openstack" are run, "$ export" and "$ unset" say as whom, "# tunbridge" is run by
root; all other lines are what was printed. TUNBRIDGE_WRITE_GUIDE=1 writes the page anew when its test runs.
"""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "guide-openstack.md"
_VARIES = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<project>"),
    (re.compile(r"fa:16:3e(:[0-9a-f]{2}){3}"), "<mac>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<server>"),
    (re.compile(r"10\.0\.7\.(?!0\b|1\b|2\b|20\b|254\b)\d+"), "<address>"),
    (re.compile(r"(?<=after )\d+\.\d s"), "<time>"),
    (re.compile(r"time[= ][\d.]+ ?ms"), "<time>"),
    (re.compile(r"= [\d./]+ ms"), "= <times>"),
    (re.compile(r"^\w+: port \w+; waiting for .*\n", re.MULTILINE), ""),
    (re.compile(r" {2,}|-{4,}"), "<width>"),
)
"""What is another on each run: also a line of progress that a fast host does not come to print."""
Run = Callable[[str, list[str]], tuple[int, str]]
"""Runs an `openstack` command as somebody."""
RunAsRoot = Callable[[list[str]], str]
"""Runs a `tunbridge` command, and gives what it prints."""


def replayed(page: str, run: Run, run_as_root: RunAsRoot) -> str:
    """Give the page with what its commands print now."""
    return "\n".join(_lines(page, run, run_as_root)) + "\n"


def _lines(page: str, run: Run, run_as_root: RunAsRoot) -> Iterator[str]:
    inside, who = False, "admin"
    for line in page.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside and not line.startswith(("$ ", "# ")):
            continue
        yield line
        if not inside:
            continue
        if line.startswith("# tunbridge "):
            yield from run_as_root(shlex.split(line)[2:]).rstrip().splitlines()
        elif line.startswith("$ export OS_USERNAME="):
            who = line.split("=")[1].split()[0]
        elif line.startswith("$ unset OS_USERNAME "):
            who = "admin"
        elif line.startswith("$ openstack "):
            _, output = run(who, shlex.split(line)[2:])
            yield from output.rstrip().splitlines()


def masked(page: str) -> list[str]:
    """Give the lines of a page without what is another on each day."""
    for pattern, name in _VARIES:
        page = pattern.sub(name, page)
    return page.splitlines()
