"""The user's guide shows what the commands really print."""

import os
import subprocess
import sys
from pathlib import Path

from tests.api.day import central
from tests.api.day.guide import PAGE, masked, replayed
from tests.api.day.people import cheapened
from tests.api.day.steps import Day
from tests.api.serving import PASSWORD, Cloud, serving


def add_user(cloud: Cloud, arguments: list[str]) -> None:
    argv = [sys.executable, "-m", "tunbridge", *arguments, "--directory", str(cloud.folder / "auth")]
    subprocess.run(argv, input=f"{PASSWORD}\n", check=True, capture_output=True, text=True)
    cheapened(cloud)


def test_each_command_prints_what_the_page_says(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    with serving(tmp_path, no_people=True, preview=False) as cloud:
        central.register(cloud)
        cheapened(cloud)
        file = {"OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml), "OS_CLOUD": "tunbridge"}
        mia = file | {"OS_USERNAME": "mia", "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": "demo"}
        otto = file | {"OS_USERNAME": "otto", "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": "other"}
        day = Day({"admin": file, "mia": mia, "otto": otto})
        try:
            now = replayed(page, day.run, lambda arguments: add_user(cloud, arguments))
        finally:
            day.close()
    if os.environ.get("TUNBRIDGE_WRITE_GUIDE"):
        PAGE.write_text(now, encoding="utf-8")
    assert masked(now) == masked(page)
