"""The real `openstack` command in a process that stays: starting it takes longer than most of what it does.

Run as a program: a command as JSON on each line of standard input, its outcome on standard output.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]


class Shell:
    """Runs one person's commands, one by one: within a process the client keeps who it is, and its connections."""

    def __init__(self, env: dict[str, str]) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.api.day.shell"],
            cwd=ROOT,
            env=clean | {"HOME": "/nonexistent"} | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End the process."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()

    def run(self, argv: list[str]) -> tuple[int, str]:
        """Run `openstack ARGV`; give its exit status and all that it printed, errors too."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        print(json.dumps(argv), file=stdin, flush=True)
        status, output = json.loads(stdout.readline())
        return status, output


def _serve() -> None:
    from openstackclient import shell

    for line in sys.stdin:
        print(json.dumps(_run(shell.main, json.loads(line))), flush=True)


def _run(main: Callable[[list[str]], int], argv: list[str]) -> tuple[int, str]:
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        try:
            status = main(argv)
        except SystemExit as e:  # argparse, for an option that it does not know
            status = int(e.code or 0)
    return status, text.getvalue()


if __name__ == "__main__":
    _serve()
