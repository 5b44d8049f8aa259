"""The user's guide shows what the commands really print, on a cloud like that of `make up`."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.day.guide import PAGE, masked, replayed
from tests.api.day.steps import Day
from tests.api.serving import PASSWORD
from tests.lab.commands import EXAMPLES, REPOSITORY, lab
from tests.lab.test_server import free_port
from tunbridge.lab.lab import Lab
from tunbridge.lab.vm import CLOUD

pytestmark = pytest.mark.ovs


@pytest.fixture
def made_up(lab_name: Callable[[], str], tmp_path: Path) -> Iterator[Lab]:
    """What `make up` makes, but its VMs, under a name and an address of its own."""
    made = Lab(lab_name())
    listen = f"127.0.0.1:{free_port()}"
    up = lab("up", "--name", made.name, "--out", str(tmp_path), "--server", "--listen", listen, *EXAMPLES, **os.environ)
    assert up.returncode == 0, up.stdout + up.stderr
    yield made
    made.down()


class Root:
    """Runs `tunbridge` commands on the machine of a lab, by the page's words."""

    def __init__(self, lab: Lab, day: Day) -> None:
        self._lab, self._day = lab, day

    def __call__(self, arguments: list[str]) -> str:
        if arguments[:2] == ["lab", "vm"]:
            arguments = [*arguments[:3], "--name", self._lab.name, *arguments[3:]]
        assert self._lab.server is not None
        done = subprocess.run(
            [sys.executable, "-m", "tunbridge", *arguments],
            cwd=REPOSITORY, input=f"{PASSWORD}\n", capture_output=True, text=True, check=False,
            env=os.environ | {"TUNBRIDGE_AUTH_DIRECTORY": str(self._lab.server.clouds_yaml.parent)},
        )  # fmt: skip
        output = done.stdout + done.stderr
        if arguments[2:3] != ["exec"]:
            assert done.returncode == 0, output
        if arguments[2:3] == ["rm"]:
            self._wait_until_down(arguments[-1])
        return "" if arguments[0] == "user" else output

    def _wait_until_down(self, port: str) -> None:
        """As long as it takes to type the next command."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            _, status = self._day.run("admin", ["port", "show", port, "-f", "value", "-c", "status"])
            if status.strip() == "DOWN":
                return


def test_each_command_prints_what_the_page_says(made_up: Lab) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert made_up.server is not None
    file = {"OS_CLIENT_CONFIG_FILE": str(made_up.server.clouds_yaml), "OS_CLOUD": CLOUD}
    mia = file | {"OS_USERNAME": "mia", "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": "demo"}
    otto = file | {"OS_USERNAME": "otto", "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": "other"}
    day = Day({"admin": file, "mia": mia, "otto": otto})
    try:
        now = replayed(page, day.run, Root(made_up, day))
    finally:
        day.close()
    if os.environ.get("TUNBRIDGE_WRITE_GUIDE"):
        PAGE.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9696", now), encoding="utf-8")
    assert masked(now) == masked(page)
