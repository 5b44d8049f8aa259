"""draw, explain and check as they are typed: what is printed, what is written, and the exit status."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from tunbridge.inspect.checks.registry import CODES
from tunbridge.inspect.document import schema

ROOT = Path(__file__).parents[2]
COMPUTE, NETWORK = ROOT / "examples" / "compute0.txt", ROOT / "examples" / "network.txt"
TUNBRIDGE = [sys.executable, "-m", "tunbridge"]


def run(*arguments: str | Path, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    return subprocess.run(
        [*TUNBRIDGE, *map(str, arguments)],
        input=stdin, capture_output=True, text=True, encoding="utf-8", timeout=60, env={**kept, **environ}, check=False,
    )  # fmt: skip


def damaged(folder: Path, old: str = "peer=patch-int", new: str = "peer=nowhere") -> Path:
    text = COMPUTE.read_text()
    assert old in text
    path = folder / "damaged.txt"
    path.write_text(text.replace(old, new))
    return path


def test_healthy_hosts_end_with_0() -> None:
    done = run("check", COMPUTE, NETWORK)
    assert (done.returncode, done.stderr) == (0, "")
    *unchecked, last = done.stdout.splitlines()
    assert last == "2 hosts checked: nothing found"
    (line,) = filter(None, unchecked)
    assert line.startswith("not checked nic-down, ") and ": compute0, network: `ovs-vsctl show` does not" in line


def test_an_error_ends_with_1_and_names_code_host_line_and_command(tmp_path: Path) -> None:
    done = run("check", damaged(tmp_path), NETWORK)
    assert done.returncode == 1
    assert "error patch-peer-missing: damaged: patch port patch-tun of br-int leads to nowhere" in done.stdout
    assert "fix: ovs-vsctl set interface patch-tun options:peer=patch-int" in done.stdout
    assert f"from: {tmp_path}/damaged.txt, line 14" in done.stdout
    assert done.stdout.endswith("2 hosts checked: 2 errors, 0 warnings, 0 info\n")


def test_equal_findings_of_a_host_are_one_entry(tmp_path: Path) -> None:
    ports = "".join(
        f"        Port tap{n}\n            tag: 1\n            Interface tap{n}\n"
        f'                error: "could not open network device tap{n} (No such device)"\n'
        for n in range(6)
    )
    path = tmp_path / "stale.txt"
    path.write_text(COMPUTE.read_text().replace("        Port patch-tun\n", ports + "        Port patch-tun\n"))
    done = run("check", path, NETWORK)
    entry = done.stdout[: done.stdout.index("not checked")].splitlines()
    assert len(entry) == 4 and entry[0].startswith("warning interface-error: stale: tap0 of br-int does not work")
    assert entry[1] == "  also: tap1, tap2, tap3, tap4, tap5 (6 in all)"
    assert entry[2] == "  fix: ovs-vsctl --if-exists del-port br-int tap0; likewise for the others"
    assert entry[3] == f"  from: {path}, lines 14, 18, 22, 26, 30, 34"
    assert done.stdout.endswith("2 hosts checked: 0 errors, 6 warnings, 0 info\n")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ([], 0),
        (["--fail-on", "warning"], 1),
        (["--fail-on", "info"], 1),
        (["--fail-on", "never"], 0),
        (["--fail-on", "warning", "--ignore", "controller-disconnected"], 0),
        (["--fail-on", "warning", "--ignore", "dead-vlan,controller-disconnected"], 0),
    ],
)
def test_fail_on_and_ignore(tmp_path: Path, options: list[str], status: int) -> None:
    text = re.sub(r"(Controller.*)\n +is_connected: true", r"\1", COMPUTE.read_text(), count=1)
    path = tmp_path / "c.txt"
    path.write_text(text)
    done = run("check", *options, path)
    assert done.returncode == status
    assert ("controller-disconnected" in done.stdout) is ("--ignore" not in options)


def test_unreadable_input_ends_with_2_and_the_others_are_shown(tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("7d7c87c8-560d-4138-8742-8f745aea968b\n    Bridge br-int\n        Prot x\n")
    for verb in ("check", "draw", "explain"):
        done = run(verb, bad, COMPUTE)
        assert done.returncode == 2
        assert f"{bad}, line 3: expected Bridge, Port" in done.stderr
        assert "compute0" in done.stdout or (verb == "check" and "1 host checked" in done.stdout)
    assert run("check", bad, damaged(tmp_path)).returncode == 2
    done = run("check", bad)
    assert done.returncode == 2 and done.stdout == ""


def test_no_source_is_the_local_ovsdb(tmp_path: Path) -> None:
    done = run("check", OVS_RUNDIR=str(tmp_path))
    assert done.returncode == 2 and f"unix:{tmp_path}/db.sock" in done.stderr and "Traceback" not in done.stderr


def test_standard_input_and_names() -> None:
    done = run("draw", "first=-", f"second={NETWORK}", stdin=COMPUTE.read_text())
    assert done.returncode == 0 and "first" in done.stdout and "second" in done.stdout


def test_the_json_document_is_the_same_for_all_three_and_fits_the_schema(tmp_path: Path) -> None:
    sources = (damaged(tmp_path), NETWORK)
    texts = [run(verb, "-f", "json", *sources).stdout for verb in ("draw", "explain", "check")]
    assert texts[0] == texts[1] == texts[2]
    document = json.loads(texts[0])
    jsonschema.validate(document, schema(), cls=jsonschema.Draft202012Validator)
    assert document["findings"] and document["links"] and document["paths"]
    again = tmp_path / "again.json"
    again.write_text(texts[0])
    assert run("check", "-f", "json", again).stdout == texts[0]


@pytest.mark.parametrize(
    ("name", "begins"), [("cloud.svg", "<"), ("cloud.json", "{"), ("cloud.txt", "╭"), ("cloud", "╭")]
)
def test_the_name_of_the_output_chooses_its_format(tmp_path: Path, name: str, begins: str) -> None:
    done = run("draw", "-o", tmp_path / name, COMPUTE, NETWORK)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_output_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")
    assert run("check", "-o", target, tmp_path / "missing.txt").returncode == 2
    assert target.read_text() == "old"
    done = run("draw", "-o", tmp_path / "no" / "such" / "folder.svg", COMPUTE)
    assert done.returncode == 2 and "cannot be written" in done.stderr and "Traceback" not in done.stderr
    target.chmod(0o640)
    assert run("check", "-o", target, COMPUTE, NETWORK).returncode == 0
    assert target.read_text().endswith("\n2 hosts checked: nothing found\n") and target.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


HOSTILE = r"evil\u001b[31m\u0007\u009b\u202e\nerror dead-vlan: x"


@pytest.mark.parametrize("verb", ["draw", "explain", "check"])
@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("color", ["always", "never"])
def test_control_characters_of_a_dump_never_reach_the_terminal(verb: str, form: str, color: str) -> None:
    text = f"""7d7c87c8-560d-4138-8742-8f745aea968b
    Manager "{HOSTILE}"
    Bridge "{HOSTILE}"
        Controller "tcp:{HOSTILE}"
        Port "{HOSTILE}"
            tag: 4095
            Interface "{HOSTILE}"
                type: patch
                options: {{peer="{HOSTILE}"}}
                error: "{HOSTILE}"
        Port v
            Interface v
                type: vxlan
                options: {{local_ip="{HOSTILE}", remote_ip="{HOSTILE}"}}
    ovs_version: "{HOSTILE}"
"""
    done = run("--color", color, verb, "-f", form, "\x1b]0;owned\x07=-", stdin=text)
    out = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr) if color == "always" else done.stdout + done.stderr
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out)
    assert not re.search(r"(?m)^error dead-vlan: x", out)
    assert "evil" in out
    if form == "json":
        assert json.loads(done.stdout)["hosts"][0]["bridges"][0]["name"].startswith("evil\x1b[31m\x07\x9b\u202e\n")


def test_an_unreadable_source_s_name_is_made_printable_too() -> None:
    done = run("check", "\x1b[31mfile")
    assert done.returncode == 2 and "\x1b[31mfile" not in done.stderr


def test_codes_are_listed_and_explained() -> None:
    listed = run("check", "--list-codes")
    assert listed.returncode == 0
    assert [line.split()[1] for line in listed.stdout.splitlines()] == list(CODES)
    for code, entry in CODES.items():
        done = run("check", "--explain", code) if code in ("dead-vlan", "tunnel-one-way") else None
        assert done is None or (done.returncode == 0 and entry.meaning in done.stdout and entry.fix in done.stdout)


def test_an_unknown_code_is_refused_with_those_like_it() -> None:
    for option in ("--explain", "--ignore"):
        done = run("check", option, "tunnel-oneway", COMPUTE)
        assert done.returncode == 2 and "did you mean tunnel-one-way" in done.stderr


def test_the_explanation_is_there_in_two_languages() -> None:
    english, korean = (run("explain", "--lang", lang, COMPUTE, NETWORK).stdout for lang in ("en", "ko"))
    assert "integration bridge" in english and "통합 브리지" in korean and "compute0.txt" in korean


def test_ascii_holds_nothing_else_and_width_is_kept() -> None:
    done = run("draw", "--ascii", "--width", "100", COMPUTE, NETWORK)
    assert done.stdout.isascii() and max(map(len, done.stdout.splitlines())) <= 100


def test_a_terminal_that_lacks_the_characters_gets_ascii() -> None:
    done = run("draw", COMPUTE, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0 and done.stdout.isascii() and "br-int" in done.stdout


def test_no_color_is_respected() -> None:
    assert "\x1b[" in run("--color", "always", "check", "--list-codes").stdout
    assert "\x1b[" not in run("check", "--list-codes", NO_COLOR="1").stdout
    assert "\x1b[" not in run("--color", "never", "draw", COMPUTE).stdout


def test_help_shows_examples_and_exit_statuses() -> None:
    for verb in ("draw", "explain", "check"):
        done = run(verb, "--help", COLUMNS="200")
        assert done.returncode == 0 and f"tunbridge {verb}" in done.stdout and "lab:NAME" in done.stdout
    words = " ".join(run("check", "--help", COLUMNS="200").stdout.split())
    assert "2 a source could not be read" in words


def test_a_lab_that_is_not_there_names_those_that_are() -> None:
    done = run("check", "lab:no-such-lab")
    assert done.returncode == 2 and "lab:no-such-lab: no such lab" in done.stderr
    assert run("check", "lab:../../etc").returncode == 2


def complete(words: str) -> str:
    """What bash would offer for the last word."""
    script = "import os; from tunbridge.cli.main import app; app(prog_name='tunbridge')"
    environ = {
        **os.environ, "_TUNBRIDGE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))
    }  # fmt: skip
    return subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True).stdout


def test_codes_and_files_are_completed() -> None:
    assert complete("tunbridge check --explain dead").split() == ["dead-vlan"]
    assert str(COMPUTE) in complete(f"tunbridge draw {COMPUTE.parent}/comp")
    assert f"name={COMPUTE}" in complete(f"tunbridge draw name={COMPUTE.parent}/comp")
