"""`pip install tunbridge` without extras looks at pasted hosts, and says which extra another command needs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.packaging import core_only

ROOT = Path(__file__).resolve().parents[2]
DUMPS = ("examples/compute0.txt", "network0=examples/network.txt")


def core(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "tests.packaging.core_only", *words]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("words", "status", "printed"),
    [
        (["draw", *DUMPS], 0, "br-int"),
        (["draw", "-f", "svg", *DUMPS], 0, "<svg"),
        (["draw", "-f", "html", *DUMPS], 0, "<!DOCTYPE html>"),
        (["draw", "-f", "json", *DUMPS], 0, '"hosts"'),
        (["explain", *DUMPS], 0, "From a VM on compute0"),
        (["check", *DUMPS], 0, "2 hosts checked: nothing found"),
        (["diff", DUMPS[0], DUMPS[0]], 0, "no difference"),
    ],
)
def test_the_core_draws_explains_checks_and_compares(words: list[str], status: int, printed: str) -> None:
    done = core(*words)
    assert (done.returncode, done.stderr) == (status, "")
    assert printed in done.stdout


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (["server"], "server"),
        (["--color", "never", "server"], "server"),
        (["port", "plug", "x", "--device", "y"], "agent"),
        (["draw", "unix:/x"], None),
        (["trace", "compute0:tap0", "10.0.0.1", *DUMPS], None),
    ],
)
def test_what_is_missing_is_named_with_the_extra_that_has_it(words: list[str], extra: str | None) -> None:
    done = core(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    if extra is not None:
        assert f"pip install 'tunbridge[{extra}]'" in done.stderr


def test_each_dependency_that_is_not_of_the_core_is_absent_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {part for name in ("agent", "server") for part in project["optional-dependencies"][name]}
    modules = {"argon2-cffi": "argon2", "pyjwt": "jwt", "pyyaml": "yaml", "prometheus-client": "prometheus_client"}
    named = {re.split("[^a-z0-9-]", requirement)[0] for requirement in extras}
    assert {modules.get(name, name) for name in named} <= core_only.ABSENT
