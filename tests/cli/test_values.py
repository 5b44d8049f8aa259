"""Values that commands read by themselves come out as Typer would have read them, which is left to the others."""

import os
import shlex
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from tests.cli.test_main import EXAMPLES, ROOT
from tunbridge.cli.app import App

OTHERS = {"pydantic", "httpx"}
SAY_WHAT_IS_LOADED = """
import sys
from tunbridge.cli.main import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["draw", *EXAMPLES, "--width", "120"],
        ["draw", EXAMPLES[0], "-f", "json", "-o", os.devnull],
        ["check", *EXAMPLES, "--ignore", "tunnel-one-way"],
        ["lab", "inspect", "--name", "nosuchlab"],
        ["--color", "never", "--version"],
    ],
    ids=" ".join,
)
def test_usual_commands_start_without_what_takes_long_to_load(arguments: list[str]) -> None:
    argv = [sys.executable, "-c", SAY_WHAT_IS_LOADED, *arguments]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    loaded = {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}
    assert "typer" in loaded, done.stderr
    assert not loaded & OTHERS


class Colour(StrEnum):
    red = "red"
    deep_blue = "deep-blue"


app = App()


@app.command()
def everything(
    files: Annotated[list[str] | None, typer.Argument()] = None,
    where: Path | None = None,
    number: int = 3,
    port: Annotated[int | None, typer.Option(min=1, max=65535)] = None,
    scale: Annotated[float, typer.Option(min=0.5)] = 2,
    colour: Colour = Colour.red,
    colours: Annotated[list[Colour] | None, typer.Option()] = None,
    word: str = "",
    some: Annotated[list[str] | None, typer.Option()] = None,
    readable: Annotated[Path | None, typer.Option(exists=True)] = None,
    flag: bool = False,
) -> None:
    """Take a value of each kind."""
    outcome.update(locals())


outcome: dict[str, Any] = {}


def read(arguments: list[str]) -> object:
    outcome.clear()
    try:
        get_command(app)(arguments, standalone_mode=False)
    except Exception as e:
        return str(e)
    return [(name, type(value), value) for name, value in outcome.items()]


@pytest.mark.parametrize(
    "line",
    [
        "", "a b", "--where /tmp/nowhere", "--where .", "--where ''",
        "--number 12", "--number -1", "--number x", "--number ١٢", "--number ' 7'",
        "--port 22", "--port 0", "--port 65536", "--scale 0.1", "--scale 1", "--scale 1.5", "--colour deep-blue",
        "--colour deep_blue", "--colour RED", "--colour none", "--colours red --colours deep-blue",
        "--word x", "--word ''",
        "--some a --some b", "--readable /nowhere", "--readable .", "--flag", "--nonsense",
    ],
)  # fmt: skip
def test_a_value_is_what_typer_makes_of_it(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = read(shlex.split(line))
    monkeypatch.setattr("tunbridge.cli.app.light", lambda parameter: parameter)
    assert ours == read(shlex.split(line))
