"""What agent and server load when they start as services: a restart of every host at once should cost little."""

import subprocess
import sys

import pytest

FOR_OTHERS = {
    "typer", "rich", "click", "httpx", "starlette", "uvicorn", "argon2", "prometheus_client", "yaml", "ovs"
}  # fmt: skip
NOWHERE = ["--config", "/nowhere"]


def loaded(service: str) -> set[str]:
    script = f"import sys, tunbridge.__main__, {service}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_the_agent_starts_without_what_only_other_commands_need() -> None:
    found = loaded("tunbridge.agent.service")
    assert "msgspec" in found
    assert not found & FOR_OTHERS


def test_the_server_starts_without_the_command_line() -> None:
    found = loaded("tunbridge.api.service")
    assert "starlette" in found
    assert not found & {"typer", "rich"}  # uvicorn loads click


def test_the_server_starts_without_the_client_of_services_that_it_may_do_without() -> None:
    assert "httpx" not in loaded("tunbridge.api.service")


@pytest.mark.parametrize(
    "arguments",
    [["agent"], ["agent", *NOWHERE], ["agent", "-c", "/nowhere"], ["server", *NOWHERE], ["server", "-c", "/nowhere"]],
)
def test_a_wrong_configuration_is_one_line_however_the_service_is_started(arguments: list[str]) -> None:
    argv = [sys.executable, "-m", "tunbridge", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("tunbridge: error: ")


@pytest.mark.parametrize("service", ["agent", "server"])
def test_other_arguments_go_to_the_command_line(service: str) -> None:
    argv = [sys.executable, "-m", "tunbridge", service, "--nonsense"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Usage" in done.stderr
