"""Run OpenStack's own tests of the Networking API: python -m tests.api.suites, or `make suites`; docs/suites.md."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.api.suites import cloud, configuration

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
    """Run what was asked for; fail where a test does."""
    asked = _asked()
    asked.out.mkdir(parents=True, exist_ok=True)
    subprocess.run([ROOT / "tools" / "service.sh", "suites"], check=True)
    with tempfile.TemporaryDirectory(prefix="suites") as made, cloud.running(Path(made)) as target:
        folder = Path(made)
        configuration.write(folder, target)
        if asked.shell:
            print(f"cd {folder}; the environment is that of the tests; the end of this shell is the end of the cloud")
            return subprocess.run([os.environ.get("SHELL", "bash")], env=_environment(folder), cwd=folder).returncode
        results = [_run(folder, asked.out, suite, asked.tests) for suite in asked.suite or SUITES]
    print("\n".join(results))
    return 0 if all(", 0 failed" in line for line in results) else 1


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
        "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "",
        "TEMPEST_CONFIG": str(folder / "tempest.conf"),
        "OS_CLOUD": "devstack-admin",
        "OS_TEST_TIMEOUT": "600",
    }


def _run(folder: Path, out: Path, suite: str, tests: str | None) -> str:
    """Run a suite; give its figures in a line."""
    (packages,) = VENV.glob("lib/python*/site-packages")
    repository = folder / f"stestr-{suite}"
    stestr = [VENV / "bin" / "stestr", "--test-path", packages / SUITES[suite], "--top-dir", packages]
    stestr += ["--repo-url", repository]
    repository.mkdir()
    wanted = [tests] if tests else []
    subprocess.run([*stestr, "run", "--serial", *wanted], cwd=folder, env=_environment(folder), check=False)
    last = subprocess.run([*stestr, "last", "--subunit"], cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    reader = [VENV / "bin" / "python", Path(__file__).with_name("results.py")]
    lines = subprocess.run(reader, input=last, stdout=subprocess.PIPE, check=True).stdout
    (out / f"{suite}.jsonl").write_bytes(lines)
    found = [json.loads(line) for line in lines.splitlines()]
    for line in _told(found):
        print(line)
    return _figures(suite, found)


def _told(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say which tests failed."""
    for test in found:
        if test["status"] in BAD:
            last = [text.strip().splitlines()[-1] for text in test["said"].values() if text.strip()]
            yield f"{test['status']} {test['test']}: {' / '.join(last)}"


def _figures(suite: str, found: Sequence[dict[str, Any]]) -> str:
    counts = Counter("fail" if test["status"] in BAD else test["status"] for test in found)
    seconds = sum(test["seconds"] or 0 for test in found)
    return (
        f"{suite}: {counts['success']} passed, {counts['skip']} skipped, {counts['fail']} failed"
        f"{'' if found else ' (no test was found)'}, {seconds:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
