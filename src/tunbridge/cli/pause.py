"""`tunbridge lab pause | resume`: stop an agent, damage its host, and see how fast the damage is repaired."""

import signal
import time
from typing import Annotated

import typer

from tunbridge.cli import terminal
from tunbridge.cli.lab import HostName, Name
from tunbridge.errors import TunbridgeError
from tunbridge.lab.host import Host
from tunbridge.lab.lab import Lab
from tunbridge.lab.namespaces import LabError

WATCH_S = 10.0
QUIET_S = 0.5


def register(app: typer.Typer) -> None:
    """Add the commands to `tunbridge lab`."""
    app.command("pause")(pause)
    app.command("resume", epilog="Exit status: 0 nothing is wrong any more, 1 something still is after 10 s.")(resume)


def _agent(host: Host) -> int:
    pid = host.pid("agent")
    if pid is None:
        raise LabError(f"{host.name}: its agent does not run; `tunbridge lab up` starts it")
    return pid


def pause(host: HostName, name: Name = "default") -> None:
    """Stop a host's agent, so that damage stays to be looked at with draw, explain and check."""
    found = Lab(name).host(host)
    found.machine.signal(_agent(found), signal.SIGSTOP)
    resume = f"tunbridge lab resume{Lab(name).option} {host}"
    terminal.console().print(f"{host}: the agent is paused; `{resume}` lets it go on")


def resume(
    host: HostName,
    name: Name = "default",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only wait; print nothing.")] = False,
) -> None:
    """Let a host's agent go on; print what it repairs and how long that takes."""
    found = Lab(name).host(host)
    log = found.folder / "log" / "agent.log"
    before = log.stat().st_size
    pid = _agent(found)
    damage = wrong = _errors(found)
    start = time.monotonic()
    found.machine.signal(pid, signal.SIGCONT)
    while wrong and (wrong := _errors(found)) and time.monotonic() - start < WATCH_S:
        time.sleep(0.002)
    took = time.monotonic() - start
    time.sleep(QUIET_S)  # for the last lines of the log
    if not quiet:
        with log.open("rb") as file:
            file.seek(before)
            log_text = terminal.printable(file.read().decode(errors="replace").rstrip("\n"))
        if log_text:
            terminal.console().print(log_text)
        if wrong:
            terminal.error(f"{host}: still wrong after {took:.0f} s: {', '.join(wrong)}")
        else:
            terminal.console().print(f"{host}: {outcome(damage, took)}")
    raise typer.Exit(1 if wrong else 0)


def outcome(damage: list[str], took: float) -> str:
    """Say how it ended well: what was wrong, and in how many seconds that was repaired."""
    if not damage:
        return "the agent goes on; `check` had found no error, so no time of a repair was taken"
    return f"repaired {took * 1000:.0f} ms after the agent went on: {', '.join(damage)}"


def _errors(host: Host) -> list[str]:
    """Codes of the errors that `check` finds on this host alone."""
    from tunbridge.inspect.check import check
    from tunbridge.inspect.live import read_live
    from tunbridge.inspect.understand import understand

    try:
        seen = read_live(f"unix:{host.folder}/openvswitch/db.sock", host.name)
    except TunbridgeError as e:
        return [str(e)]
    return [f"{f.code} {f.subject}" for f in check(understand([seen])).findings if f.severity == "error"]
