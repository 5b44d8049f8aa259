"""`tunbridge agent`: the loop on a host, or its plan."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tunbridge.cli import terminal

if TYPE_CHECKING:
    from tunbridge.agent.config import AgentConfig
    from tunbridge.agent.plan import Plan

DEFAULT_CONFIG = Path("/etc/tunbridge/agent.toml")
EXIT_PROBLEMS, EXIT_CHANGES = 1, 3


class PlanFormat(StrEnum):
    """How a plan is printed."""

    text = "text"
    json = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "agent",
        help="Wire this host's Open vSwitch and keep it so: br-int, br-tun, tunnels to the peers, provider bridges.",
        epilog=(
            "Settings are in docs/agent.md; each is also an environment variable, TUNBRIDGE_AGENT_KEY. SIGHUP reads"
            " the file again, SIGTERM stops and leaves the host's network as it is."
            " Exit status of --plan: 0 nothing to do, 3 changes to make, 1 something cannot be done (and is told)."
        ),
    )(agent)


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help=f"TOML configuration. (default: {DEFAULT_CONFIG}, if it is there)"
    ),
]


def agent(
    config: ConfigFile = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would change, and change nothing.")] = False,
    form: Annotated[PlanFormat, typer.Option("--format", "-f", help="Of --plan.")] = PlanFormat.text,
) -> None:
    """Run the agent in the foreground, or print its plan."""
    # Late: the other commands need neither netlink nor the OVSDB client, and start faster without.
    from tunbridge.agent import config as configuration

    path = config_path(config)
    settings = configuration.load(path)
    if plan:
        raise typer.Exit(_plan(settings, form))
    import asyncio

    from tunbridge.agent import log
    from tunbridge.agent.engine import serve

    logger = log.configure(settings.log_format, settings.log_level)
    asyncio.run(serve(settings, logger, lambda: configuration.load(path)))


def config_path(given: Path | None) -> Path | None:
    """Give the configuration file: the one that was named, else the usual one if it is there."""
    return given if given is not None else (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)


def _plan(settings: "AgentConfig", form: PlanFormat) -> int:
    from tunbridge.agent import plan as planning

    made = planning.make(settings)
    if form is PlanFormat.json:
        typer.echo(msgspec.json.format(msgspec.json.encode(made), indent=2).decode())
    else:
        _print(made)
    return EXIT_PROBLEMS if made.problems else 0 if made.empty else EXIT_CHANGES


def _print(made: "Plan") -> None:
    out = terminal.console()
    for text in made.changes:
        out.print(terminal.printable(f"+ {text}"))
    for flow_plan in made.flows:
        out.print(f"+ flows of {flow_plan.bridge}: add {len(flow_plan.add)}, delete {len(flow_plan.delete)}")
        for sign, lines in (("+", flow_plan.add), ("-", flow_plan.delete)):
            for line in lines:
                out.print(terminal.printable(f"    {sign} {line}"))
    for note in made.notes:
        out.print(terminal.printable(f"! {note}"))
    for problem in made.problems:
        terminal.error(f"{problem.subject} {problem.message}")
    if made.empty and not made.problems:
        out.print("nothing to do: this host is as its configuration says")
