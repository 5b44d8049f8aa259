"""`make deb`: what is in the packages runs, and the man pages are whole."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(600)
ROOTLESS = "needs root: the packages are laid over this machine's files in a mount namespace"


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the packages and unpack them into one folder."""
    missing = [name for name in ("dpkg-deb", "lowdown") if shutil.which(name) is None]
    if os.environ.get("CI") == "true":
        assert not missing
    elif missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    work = tmp_path_factory.mktemp("deb")
    done = subprocess.run(
        ["tools/deb.sh", ".venv", str(work)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=550
    )
    assert done.returncode == 0, done.stderr
    for package in done.stdout.split():
        subprocess.run(["dpkg-deb", "-x", package, work / "root"], check=True)
        fields = subprocess.run(["dpkg-deb", "-f", package], capture_output=True, text=True, check=True).stdout
        assert "@" not in re.sub("<.*>", "", fields)
    assert [Path(p).name.partition("_")[0] for p in done.stdout.split()] == [
        "tunbridge", "tunbridge-agent", "tunbridge-server",
    ]  # fmt: skip
    return work / "root"


def inside(root: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script where the packages' files are in their places; nothing outside of it sees them."""
    if os.geteuid() != 0:
        pytest.skip(ROOTLESS)
    mount = f"mount -t overlay overlay -o lowerdir={root}/usr:/usr /usr"
    argv = ["unshare", "--mount", "sh", "-c", f"{mount} && cd / && {script}"]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_the_installed_command_runs_without_the_checkout(laid: Path) -> None:
    drawn = inside(laid, f"PATH=/usr/bin:/bin tunbridge draw {ROOT}/examples/compute0.txt")
    assert drawn.returncode == 0, drawn.stderr
    assert "br-int" in drawn.stdout
    plan = inside(laid, "/usr/bin/tunbridge agent --plan --config /dev/null")
    assert "local_ip" in plan.stderr, "the agent's libraries are there: it gets as far as its configuration"
    server = inside(laid, "/usr/bin/tunbridge server --config /nonexistent")
    assert "/nonexistent" in server.stderr


def test_units_start_what_is_installed_and_the_default_configuration_is_whole(laid: Path) -> None:
    for daemon in ("agent", "server"):
        unit = (laid / f"lib/systemd/system/tunbridge-{daemon}.service").read_text()
        program = re.findall(r"^ExecStart=(\S+)", unit, re.MULTILINE)[0]
        assert (laid / program.lstrip("/")).stat().st_mode & 0o111
        config = re.findall(r"^ExecStart=.* --config (\S+)", unit, re.MULTILINE)[0]
        assert (laid / config.lstrip("/")).is_file()


def test_man_pages_have_no_errors_and_tell_every_command(laid: Path) -> None:
    pages = sorted((laid / "usr/share/man").rglob("*.gz"))
    commands = set(re.findall(r"^## `tunbridge (\S+)`$", (ROOT / "docs/cli.md").read_text(), re.MULTILINE))
    assert {page.name.partition(".")[0] for page in pages} == {"tunbridge", *(f"tunbridge-{name}" for name in commands)}
    for page in pages:
        shown = subprocess.run(["man", "-l", str(page)], capture_output=True, text=True, check=False)
        assert shown.returncode == 0, shown.stderr
        assert "NAME" in shown.stdout
        assert "SYNOPSIS" in shown.stdout
        assert f"{page.name.partition('.')[0]} -" in " ".join(shown.stdout.split()).replace("‐ ", "")
