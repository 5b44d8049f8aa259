"""The command as a whole: help, version, completion, colour, errors."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

import tunbridge
from tunbridge.cli.main import app

ROOT = Path(__file__).parents[2]
EXAMPLES = ["examples/compute0.txt", "network0=examples/network.txt"]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    argv = [str(Path(sys.executable).with_name("tunbridge")), *arguments]
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, env={**clean, **environ}, check=False)


def commands(command: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command and group of commands, by the words that lead to it."""
    found = [path]
    for name, inner in getattr(command, "commands", {}).items():
        found += commands(inner, (*path, name))
    return found


@pytest.mark.parametrize("words", commands(get_command(app)), ids=" ".join)
def test_every_command_tells_what_it_is_for(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "100"})  # a process for each takes half a second
    assert done.exit_code == 0
    assert "Usage: " in done.stdout
    command: object = get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined] # a group, since more words follow
    assert isinstance(command, typer.core.TyperCommand | typer.core.TyperGroup)
    assert len(command.help or "") > 20
    for parameter in command.params:
        assert getattr(parameter, "help", "told by its name") or parameter.param_type_name == "argument", parameter.name


def test_the_version_is_printed() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"tunbridge {tunbridge.__version__}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_had_for_each_shell(shell: str) -> None:
    done = run("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode == 0
    assert "_TUNBRIDGE_COMPLETE" in done.stdout or "tunbridge" in done.stdout


def test_commands_and_codes_are_completed() -> None:
    def completed(line: str) -> str:
        return run(
            _TUNBRIDGE_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(line.split(" ")) - 1)
        ).stdout

    assert "explain" in completed("tunbridge ex").split()
    assert "tunnel-one-way" in completed("tunbridge check --ignore tunnel-o")


def test_a_wrong_command_is_a_usage_error() -> None:
    done = run("drow")
    assert done.returncode == 2
    assert "drow" in done.stderr


def test_an_error_is_one_line_without_a_traceback() -> None:
    done = run("draw", "nowhere.txt")
    assert done.returncode == 2
    assert done.stderr.startswith("tunbridge: error: nowhere.txt")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "environ", "coloured"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        ([], {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_is_where_it_is_wanted(options: list[str], environ: dict[str, str], coloured: bool) -> None:
    broken = "00000000-0000-0000-0000-000000000001\n Bridge br-int\n  Port p\n   tag: 4095\n   Interface p\n"
    argv = [sys.executable, "-m", "tunbridge", *options, "check", "-"]
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        argv,
        cwd=ROOT,
        input=broken,
        capture_output=True,
        text=True,
        env={**clean, **environ, "TERM": "xterm"},
        check=False,
    )
    assert done.returncode == 1
    assert bool(re.search(r"\x1b\[[\d;]*3[0-7]m", done.stdout)) == coloured


def test_a_reader_that_goes_away_is_no_error() -> None:
    argv = [sys.executable, "-m", "tunbridge", "explain", *EXAMPLES]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
    assert b"Traceback" not in errors
