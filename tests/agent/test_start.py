"""What the agent loads when it starts as a service: a restart of every host at once should cost little."""

import subprocess
import sys

import pytest

FOR_PEOPLE = {"typer", "rich", "click", "httpx", "starlette", "uvicorn", "argon2", "prometheus_client", "yaml", "ovs"}


def test_the_agent_starts_without_what_only_other_commands_need() -> None:
    script = "import sys, tunbridge.__main__, tunbridge.agent.service; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "msgspec" in loaded
    assert not loaded & FOR_PEOPLE


@pytest.mark.parametrize("arguments", [["agent"], ["agent", "--config", "/nowhere"], ["agent", "-c", "/nowhere"]])
def test_a_wrong_configuration_is_one_line_however_the_agent_is_started(arguments: list[str]) -> None:
    argv = [sys.executable, "-m", "tunbridge", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("tunbridge: error: ")


def test_other_arguments_go_to_the_command_line() -> None:
    argv = [sys.executable, "-m", "tunbridge", "agent", "--nonsense"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Usage" in done.stderr
