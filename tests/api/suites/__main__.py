"""Run OpenStack's own tests of the Networking API: python -m tests.api.suites, or `make suites`; docs/suites.md."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.api.suites import cloud, configuration, forked
from tests.api.suites.known import KNOWN
from tunbridge.lab.machine import wait_until

ROOT = Path(__file__).parents[3]
VENV = ROOT / ".venv-suites"
SUITES = {
    "tempest": "tempest/api/network",
    "neutron": "neutron_tempest_plugin/api",
    "taas": "neutron_tempest_plugin/tap_as_a_service/api",
    "sdk": "openstack/tests/functional/network",
    "cli": "openstackclient/tests/functional/network",
}
"""Name -> folder with the tests, in the packages of .venv-suites."""
BAD = ("fail", "inprogress", "unknown")


def main() -> int:
    """Run what was asked for; fail where a test does of which it is not known why."""
    asked = _asked()
    asked.out.mkdir(parents=True, exist_ok=True)
    subprocess.run([ROOT / "tools" / "service.sh", "suites"], check=True)
    with tempfile.TemporaryDirectory(prefix="suites") as made, cloud.running(Path(made)) as target:
        folder = Path(made)
        configuration.write(folder, target)
        if asked.shell:
            print(f"cd {folder}; the environment is that of the tests; the end of this shell is the end of the cloud")
            return subprocess.run([os.environ.get("SHELL", "bash")], env=_environment(folder), cwd=folder).returncode
        good = [_run(folder, asked.out, suite, asked.tests) for suite in asked.suite or SUITES]
    return 0 if all(good) else 1


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.api.suites", description=__doc__)
    parser.add_argument("suite", nargs="*", help=f"which of {', '.join(SUITES)} (all)")
    parser.add_argument("--tests", metavar="REGEX", help="only tests whose id has this")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "suites", help="where results are kept")
    parser.add_argument("--shell", action="store_true", help="make the cloud, and a shell to run tests from by hand")
    asked = parser.parse_args()
    unknown = sorted(set(asked.suite) - set(SUITES))
    if unknown:
        parser.error(f"no suite {', '.join(unknown)}")
    return asked


def _environment(folder: Path) -> dict[str, str]:
    """Give what the tests find their cloud by; the commands that they call are those of .venv-suites."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    return clean | {
        "HOME": str(folder),
        "PATH": f"{folder / 'bin'}:{VENV / 'bin'}:{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "",
        "TEMPEST_CONFIG": str(folder / "tempest.conf"),
        "OS_CLOUD": "devstack-admin",
        "OS_TEST_TIMEOUT": "600",
    }


def _run(folder: Path, out: Path, suite: str, tests: str | None) -> bool:
    """Run a suite, and report."""
    (packages,) = VENV.glob("lib/python*/site-packages")
    repository = folder / f"stestr-{suite}"
    stestr: list[str | Path] = [VENV / "bin" / "stestr", "--test-path", packages / SUITES[suite], "--top-dir", packages]
    stestr += ["--repo-url", repository]
    repository.mkdir()
    wanted = [tests] if tests else []
    with _commands(folder) if suite == "cli" else contextlib.nullcontext():
        subprocess.run([*stestr, "run", "--serial", *wanted], cwd=folder, env=_environment(folder), check=False)
    last = subprocess.run([*stestr, "last", "--subunit"], cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    reader = [VENV / "bin" / "python", Path(__file__).with_name("results.py")]
    lines = subprocess.run(reader, input=last, stdout=subprocess.PIPE, check=True).stdout
    (out / f"{suite}.jsonl").write_bytes(lines)
    return _reported(suite, [json.loads(line) for line in lines.splitlines()])


@contextlib.contextmanager
def _commands(folder: Path) -> Iterator[None]:
    """Put an `openstack` that starts fast before the other one."""
    program = folder / "bin" / "openstack"
    program.parent.mkdir()
    argv = [VENV / "bin" / "python", Path(forked.__file__), folder / "openstack.sock", program]
    with subprocess.Popen(argv, env=_environment(folder), cwd=folder) as process:
        try:
            wait_until(program.exists, "the openstack command", 300)
            yield
        finally:
            process.terminate()


def _reported(suite: str, found: Sequence[dict[str, Any]]) -> bool:
    """Say which tests failed, and the figures; whether only those did of which it is known why."""
    failed = [test for test in found if test["status"] in BAD]
    for test in failed:
        last = [text.strip().splitlines()[-1] for text in test["said"].values() if text.strip()]
        why = f"as known: {KNOWN[test['test']]}" if test["test"] in KNOWN else f"NOT KNOWN: {' / '.join(last)}"
        print(f"{suite}: failed {test['test']}: {why}")
    for test in found:
        if test["status"] == "success" and test["test"] in KNOWN:
            print(f"{suite}: passed {test['test']}, which tests/api/suites/known.py has as failing")
    counts = Counter(test["status"] for test in found)
    seconds = sum(test["seconds"] or 0 for test in found)
    print(
        f"{suite}: {counts['success']} passed, {counts['skip']} skipped, {len(failed)} failed, {seconds:.0f} s",
        flush=True,
    )
    return bool(found) and all(test["test"] in KNOWN for test in failed)


if __name__ == "__main__":
    sys.exit(main())
