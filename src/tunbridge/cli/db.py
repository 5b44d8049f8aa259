"""`tunbridge db`: the central database as an operator handles it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tunbridge.cli import terminal
from tunbridge.cli.app import App
from tunbridge.configuration import SERVER_CONFIG, server_config
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from tunbridge.api.config import ServerConfig
    from tunbridge.database.upkeep import Checked
    from tunbridge.openvswitch.tls import Files

EXIT_PROBLEMS, EXIT_CHANGES = 1, 3
T = TypeVar("T")

app = App(
    help="The central database: make it, convert it to a newer version, copy it, verify it.",
    no_args_is_help=True,
    epilog=(
        "The database is that of the server's configuration: `database` names one that runs elsewhere, else it is the "
        "one in `state_dir`, which is started for the time if no server runs. docs/database.md tells more."
    ),
)

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help=f"The server's configuration. (default: {SERVER_CONFIG}, if there)"
    ),
]
Remotes = Annotated[
    list[str] | None,
    typer.Option("--database", metavar="REMOTE", help="A member of a running database; repeatable."),
]
Local = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", help="Its address in its cluster, ssl:IP:PORT or tcp:IP:PORT. (default: alone, no address)"
    ),
]


@app.command()
def create(
    config: ConfigFile = None,
    local: Local = None,
    join: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Make a further member of the cluster of this member; repeatable."),
    ] = None,
) -> None:
    """Make an empty database in the server's `state_dir`, or a member that joins a cluster; needs --local then.

    `tunbridge server` makes one by itself when there is none.
    """
    from tunbridge.database import files
    from tunbridge.model import catalog

    files.require_programs()
    path = _place(config)
    if join and local is None:
        raise typer.BadParameter("--join needs --local: the address at which the other members reach this one")
    if join:
        files.join(path, str(local), join)
    else:
        files.create(path, catalog.tables(), local or files.LOCAL)
    _say(f"{path}: made")


@app.command()
def upgrade(
    config: ConfigFile = None,
    database: Remotes = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would be added, and change nothing.")] = False,
) -> None:
    """Convert to this version, while servers and hosts go on: tables and columns are added, nothing is removed."""
    from tunbridge.database import upkeep
    from tunbridge.model import catalog

    done = _with(config, database, lambda remotes, tls: upkeep.upgrade(remotes, tls, catalog.tables(), plan))
    if not done.added:
        _say(f"nothing to do: version {done.old} of the schema has all that this version needs")
        return
    _say(f"version {done.old} -> {done.new}")
    for name in done.added:
        _say(f"+ {name}")
    if plan:
        raise typer.Exit(EXIT_CHANGES)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; must not be there yet.")],
    config: ConfigFile = None,
    database: Remotes = None,
) -> None:
    """Copy all rows, as they are at one moment, into a file, and verify it. Servers and hosts go on."""
    from tunbridge.database import upkeep

    contents = _with(config, database, lambda remotes, tls: upkeep.backup(remotes, tls, file))
    _say(f"{file}: {sum(contents.rows.values())} rows, verified")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` made.")],
    config: ConfigFile = None,
    local: Local = None,
) -> None:
    """Make the database in the server's `state_dir` of a copy; there must be none (move the old one away first).

    All rows keep their ids. It is a new cluster: other members have to join anew.
    """
    from tunbridge.database import files, records

    files.require_programs()
    contents = records.verify(file)
    path = _place(config)
    files.restore(path, file, local or files.LOCAL)
    _say(f"{path}: made of {file}, {sum(contents.rows.values())} rows")


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A copy, or a database that is not running.")
    ] = None,
    config: ConfigFile = None,
    database: Remotes = None,
) -> None:
    """Verify that all is there and fits together; prints how many rows each table has. Exit status 1: it does not."""
    from tunbridge.database import files, upkeep
    from tunbridge.model import catalog

    if file is not None:
        files.require_programs()
        found = upkeep.check_file(file, catalog.tables())
    else:
        found = _with(config, database, lambda remotes, tls: upkeep.check(remotes, tls, catalog.tables()))
    _report(found)


def _report(found: "Checked") -> None:
    _say(f"version {found.version or '?'} of the schema")
    width = max(map(len, found.rows), default=0)
    for table, number in sorted(found.rows.items()):
        _say(f"  {table:<{width}}  {number}")
    for problem in found.problems:
        terminal.error(problem)
    if found.problems:
        raise typer.Exit(EXIT_PROBLEMS)
    _say("nothing is wrong")


def _say(text: str) -> None:
    terminal.console().print(terminal.printable(text))


def _settings(config: Path | None) -> "ServerConfig":
    from tunbridge.api import config as configuration

    return configuration.load(server_config(config))


def _place(config: Path | None) -> Path:
    """Give the file of the server's own database, with its folder made."""
    folder = Path(_settings(config).state_dir)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise TunbridgeError(f"{folder}: {e.strerror}") from e
    return folder / "db"


def _with(config: Path | None, given: list[str] | None, act: Callable[[list[str], "Files | None"], Awaitable[T]]) -> T:
    """Do something with the running database: the one that was given, that of the configuration, or our own."""

    from tunbridge import log

    async def run() -> T:
        settings = _settings(config)
        log.configure(settings.log_format, "error")  # what goes wrong is said once, in words
        remotes = given or settings.database
        if remotes:
            return await act(remotes, _tls(settings, remotes))
        async with _own(settings) as remote:
            return await act([remote], None)

    return asyncio.run(run())


@asynccontextmanager
async def _own(settings: "ServerConfig") -> AsyncIterator[str]:
    """Give the server's own database: as the server serves it, or served by us for the time."""
    from tunbridge.database.server import Embedded, InUseError

    state, run = Path(settings.state_dir), Path(settings.run_dir)
    if not (state / "db").exists():
        raise TunbridgeError(f"{state}: there is no database; `tunbridge db create` makes one")
    served = Embedded(state, run, ())
    try:
        await served.start()
    except InUseError as e:
        yield e.remote
        return
    try:
        yield served.remote
    finally:
        await served.close()


def _tls(settings: "ServerConfig", remotes: list[str]) -> "Files | None":
    """Give the files for `ssl:` remotes: those of the configuration, else of the options that all commands have."""
    if not any(remote.startswith("ssl:") for remote in remotes):
        return None
    from tunbridge.openvswitch import tls

    given = settings.database_tls
    if given is not None:
        return tls.Files(Path(given.private_key), Path(given.certificate), Path(given.ca_certificate))
    return tls.used()
