"""`tunbridge server`: the Networking API."""

from pathlib import Path
from typing import Annotated

import typer

from tunbridge.configuration import SERVER_CONFIG


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
            "--config", "-c", metavar="FILE", help=f"TOML configuration. (default: {SERVER_CONFIG}, if it is there)"
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
    from tunbridge.api import service  # late: the other commands start faster without it

    given = {"listen": listen, "database": database}
    service.run(config, {name: value for name, value in given.items() if value})
