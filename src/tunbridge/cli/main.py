"""The `tunbridge` command: its sub-commands, its global options, and what an error looks like."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import tunbridge
from tunbridge.cli import (
    agent,
    boot_config,
    completion,
    db,
    diff,
    host,
    lab,
    labvm,
    ovs,
    pause,
    port,
    see,
    server,
    terminal,
    user,
)
from tunbridge.cli.app import App
from tunbridge.errors import TunbridgeError

app = App(
    name="tunbridge",
    help="Build the Open vSwitch network of an OpenStack cloud on a set of hosts; draw, explain and check it on any.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 done, 1 findings or a failed step, 2 bad usage or unreadable input, 3 --plan has changes.",
)
see.register(app)
diff.register(app)
agent.register(app)
server.register(app)
app.add_typer(db.app, name="db")
app.add_typer(host.app, name="host")
app.add_typer(ovs.app, name="ovs")
port.app.add_typer(boot_config.app, name="boot-config")
app.add_typer(port.app, name="port")
app.add_typer(user.app, name="user")
pause.register(lab.app)
lab.app.add_typer(labvm.app, name="vm")
app.add_typer(lab.app, name="lab")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tunbridge {tunbridge.__version__}")
        raise typer.Exit


@app.callback()
def options(
    color: Annotated[
        terminal.Color, typer.Option(help="Colour: auto when it is a terminal and NO_COLOR is not set.")
    ] = terminal.Color.auto,
    private_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For sources at ssl:HOST:PORT: our private key.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For sources at ssl:HOST:PORT: our certificate.")
    ] = None,
    ca_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For sources at ssl:HOST:PORT: the servers' CA certificate.")
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback prints and ends
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Take the options that stand before the sub-command."""
    terminal.set_color(color)
    if private_key or certificate or ca_cert:
        from tunbridge.openvswitch import tls

        tls.use(tls.Files(private_key, certificate, ca_cert))


def _missing(e: ModuleNotFoundError) -> str:
    """Say which part of the installation a command needs. Raises the error again when it is one of ours."""
    if e.name is None or e.name.partition(".")[0] == "tunbridge":
        raise e
    part = "server" if {"server", "user", "db"} & set(sys.argv[1:]) else "agent"
    return (
        f"this command needs the Python package {e.name}, which is not installed; it comes with tunbridge[{part}]:"
        f" pip install 'tunbridge[{part}]'"
    )


def main() -> None:
    """Run the command line; an error that a person can act on is one line on standard error, not a traceback."""
    if completion.is_asked():
        completion.complete(app)
        return
    try:
        app()
    except (TunbridgeError, ModuleNotFoundError, BrokenPipeError) as e:
        end(e)


def end(error: Exception) -> NoReturn:
    """Say what is wrong in one line, and exit with the status that says so."""
    if isinstance(error, BrokenPipeError):
        terminal.silence()
        sys.exit(141)
    terminal.error(_missing(error) if isinstance(error, ModuleNotFoundError) else str(error))
    sys.exit(error.exit_status if isinstance(error, TunbridgeError) else TunbridgeError.exit_status)
