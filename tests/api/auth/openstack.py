"""The real `openstack` command, many commands in one process: starting it takes longer than what it does.

Run as a program: commands as JSON on standard input, their exit statuses and outputs on standard output.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def openstack(env: dict[str, str], *commands: str) -> list[tuple[int, str]]:
    """Run commands (words in a line); give the exit status of each and what it printed, errors too."""
    argv = [sys.executable, "-m", "tests.api.auth.openstack"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OS_")}
    ran = subprocess.run(
        argv,
        cwd=ROOT,
        env=clean | {"HOME": "/nonexistent"} | env,
        input=json.dumps(commands),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return [(status, output) for status, output in json.loads(ran.stdout)]


def _run() -> None:
    from openstackclient import shell

    answers = []
    for command in json.load(sys.stdin):
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            status = shell.main(command.split())
        answers.append((status, text.getvalue()))
    print(json.dumps(answers))


if __name__ == "__main__":
    _run()
