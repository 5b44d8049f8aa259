"""`tunbridge ovs restart`: restart `ovs-vswitchd` with as little loss as can be."""

from typing import TYPE_CHECKING, Annotated

import typer

from tunbridge.cli import terminal
from tunbridge.cli.agent import ConfigFile, config_path
from tunbridge.cli.app import App

if TYPE_CHECKING:
    from tunbridge.agent.restart import Outlook

app = App(help="The Open vSwitch of the host in front of you.", no_args_is_help=True)
EXIT_REFUSED, EXIT_NOT_ALL = 2, 1


@app.callback()
def ovs() -> None:
    """Keep `restart` a sub-command, also while it is the only one."""


@app.command(
    epilog=(
        "Exit status: 0 restarted and in sync, or --plan finds nothing against it; 1 a step failed, or not all was"
        " taken back (what and how it stands is told); 2 refused, nothing was changed."
    )
)
def restart(
    config: ConfigFile = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print the steps, and change nothing.")] = False,
) -> None:
    """Restart ovs-vswitchd (as after an upgrade) and keep everybody's flows, groups and meters.

    With the kernel's datapath, connections that exist go on meanwhile.
    """
    from tunbridge.agent import config as configuration
    from tunbridge.agent.restart import Restart

    made = Restart(configuration.load(config_path(config)))
    try:
        if plan:
            raise typer.Exit(_plan(made.outlook()))
        done = made.run(lambda text: _say(f"  {text}"))
    finally:
        made.close()
    for what in done.refused:
        terminal.error(f"not taken back by Open vSwitch: {what}")
    _say(f"restarted, and in sync after {done.total:.1f} s; ovs-vswitchd was away for {done.away:.1f} s of it")
    raise typer.Exit(EXIT_NOT_ALL if done.refused else 0)


def _plan(outlook: "Outlook") -> int:
    for reason in outlook.reasons:
        terminal.error(reason)
    if outlook.reasons:
        return EXIT_REFUSED
    for bridge in outlook.bridges:
        where = ", in the userspace datapath" if bridge.userspace else ""
        _say(f"+ save {bridge.bridge}: {bridge.flows} flows, {bridge.groups} groups, {bridge.meters} meters{where}")
    _say("+ set other_config:flow-restore-wait, so that the new ovs-vswitchd leaves the kernel's packet flows alone")
    _say(f"+ run: {' '.join(outlook.command)}")
    _say("+ put all of it back as soon as it answers")
    _say("+ clear other_config:flow-restore-wait; the bridges call the agent, and Open vSwitch empties their tables")
    _say("+ put the flows back again, and wait until the agent is in sync")
    names = [bridge.bridge for bridge in outlook.bridges if bridge.userspace]
    if names:
        _say(
            f"! packets of {', '.join(names)} go through ovs-vswitchd itself: none is forwarded until it is back, and"
            " devices of these bridges lose their addresses"
        )
    return 0


def _say(text: str) -> None:
    terminal.console().print(terminal.printable(text))
