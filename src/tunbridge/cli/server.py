"""`tunbridge server`: the Networking API."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_CONFIG = Path("/etc/tunbridge/server.toml")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "server",
        help="Serve OpenStack's Networking API v2.0, with a database of its own or a shared one.",
        epilog=(
            "Settings are in docs/server.md; each is also an environment variable, TUNBRIDGE_SERVER_KEY."
            " SIGTERM ends it once the requests under way are answered."
        ),
    )(server)


def server(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", metavar="FILE", help=f"TOML configuration. (default: {DEFAULT_CONFIG}, if it is there)"
        ),
    ] = None,
    listen: Annotated[
        list[str] | None, typer.Option("--listen", metavar="ADDRESS", help="HOST:PORT, [IPv6]:PORT or unix:PATH.")
    ] = None,
    database: Annotated[
        list[str] | None,
        typer.Option(
            "--database", metavar="REMOTE", help="A member of the central database; else one of its own runs."
        ),
    ] = None,
) -> None:
    """Serve until SIGTERM."""
    # Late: the other commands start faster without these.
    import uvloop

    from tunbridge.agent.log import configure
    from tunbridge.api import config as configuration
    from tunbridge.api.server import run

    path = config if config is not None else (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    given = {"listen": listen, "database": database}
    settings = configuration.load(path, options={name: value for name, value in given.items() if value})
    log = configure(settings.log_format, settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(settings, log))
