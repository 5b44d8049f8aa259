"""`tunbridge host status`: what the agent of this host is doing, and what it waits for."""

from typing import TYPE_CHECKING

import msgspec
import typer
from rich.text import Text

from tunbridge.agent.config import config_path
from tunbridge.cli import terminal
from tunbridge.cli.agent import ConfigFile
from tunbridge.cli.app import App
from tunbridge.cli.output import AsForm, AsJson, Form, print_json
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from tunbridge.agent.config import AgentConfig
    from tunbridge.agent.plan import Plan
    from tunbridge.agent.status.document import Answer, Status

app = App(help="The host in front of you, as its agent sees it.", no_args_is_help=True)
EXIT_NOT_IN_SYNC = 1
LONG_STEP_S = 2.0
"""A step of the agent that takes longer waits for something."""
SHOWN_PEERS = 8
"""More are counted: the screen is for what is wrong."""
SHOWN_REPAIRS = 5
SHOWN_PORTS = 8


class Without(msgspec.Struct, frozen=True, kw_only=True):
    """What can be told without an agent's answer: why there is none, and what Open vSwitch itself shows."""

    agent: str
    """`not running` or `hung`."""
    reason: str
    open_vswitch: str | None
    """Why Open vSwitch could not be looked at, null when it could."""
    plan: "Plan | None"
    """What an agent would change now."""


@app.command(
    epilog=(
        "Exit status: 0 in sync; 1 not in sync, or something cannot be done; 2 bad usage or configuration; 3 the agent"
        " does not run; 4 it runs and does not answer. With 3 and 4 Open vSwitch itself is looked at."
    )
)
def status(config: ConfigFile = None, form: AsForm = Form.text, as_json: AsJson = False) -> None:
    """Tell whether this host is in sync, and if not, what the agent waits for and what to do."""
    from tunbridge.agent import config as configuration
    from tunbridge.agent.status import answer
    from tunbridge.configuration import ConfigurationError

    as_json = as_json or form is Form.json
    try:
        settings: AgentConfig | None = configuration.load(config_path(config))
    except ConfigurationError as e:
        settings = None  # a running agent goes on with what it read before, and may be asked all the same
        terminal.error(str(e))
    try:
        answered = answer.ask(settings.run_dir if settings else configuration.DEFAULT_RUN_DIR)
    except (answer.NotRunningError, answer.HungError) as e:
        if settings is None:
            raise
        name = "hung" if isinstance(e, answer.HungError) else "not running"
        without = _without(settings, name, str(e))
        print_json(without) if as_json else _print_without(without)
        raise typer.Exit(e.exit_status) from None
    print_json(answered) if as_json else _print(answered)
    told = answered.status
    well = told.in_sync and not told.problems and answered.busy_s < LONG_STEP_S
    raise typer.Exit(0 if well else EXIT_NOT_IN_SYNC)


def _without(settings: "AgentConfig", name: str, reason: str) -> Without:
    from tunbridge.agent import plan

    try:
        made = plan.make(settings)
    except TunbridgeError as e:
        return Without(agent=name, reason=reason, open_vswitch=str(e), plan=None)
    return Without(agent=name, reason=reason, open_vswitch=None, plan=made)


# For people


def _line(name: str, text: Text | str) -> None:
    made = Text(f"{name:<12}", style="bold")
    made.append_text(text) if isinstance(text, Text) else made.append(text, style="not bold")
    terminal.console().print(Text(terminal.printable(made.plain), spans=made.spans))


def _print(answered: "Answer") -> None:
    told = answered.status
    counts = told.counts
    state = Text("in sync", style="bold green") if told.in_sync else Text("not in sync", style="bold red")
    _line(told.host, state.append(f" since {told.since}", style="not bold"))
    _line("agent", f"runs since {told.started}, process {told.pid}, version {told.version}")
    _line("OVSDB", told.ovsdb or "not connected")
    if answered.busy_s >= LONG_STEP_S:
        _line("waits for", f"an answer of Open vSwitch, for {answered.busy_s:.0f} s; what follows was so before")
    for entry in told.waits_for:
        _line("waits for", f"{entry.subject}: {entry.message} [{entry.code}]")
    for entry in told.problems:
        _line("problem", f"{entry.subject} {entry.message} [{entry.code}]")
    if told.refused is not None:
        _line("config", f"the file was refused, the old configuration is in use: {told.refused}")
    if told.later:
        _line("config", f"waits for a restart of the agent: {', '.join(told.later)}")
    for bridge in told.bridges:
        connected = "connected" if bridge.connected else "NOT CONNECTED"
        _line("bridge", f"{bridge.name}: {connected}, {_count(bridge.flows, 'flow')}")
    _print_peers(told)
    _print_workloads(told)
    _print_silent(told)
    repairs = {kind: number for kind, number in counts.repairs.items() if number}
    kinds = ", ".join(f"{kind} {number}" for kind, number in repairs.items()) or "none"
    _line("repairs", f"{kinds}; changed by another process {_count(counts.drift, 'time')}")
    for repair in told.repairs[-SHOWN_REPAIRS:]:
        _line("", f"{repair.at}  {repair.what}")
    lost = f"OVSDB {_count(counts.ovsdb_reconnects, 'time')}, OpenFlow {_count(counts.openflow_reconnects, 'time')}"
    _line("reconnected", f"{lost}; {counts.passes} passes, {counts.failed_passes} of them failed")


def _print_peers(told: "Status") -> None:
    broken = [p for p in told.peers if p.problem is not None]
    good = [p for p in told.peers if p.problem is None]
    for peer in broken[:SHOWN_PEERS]:
        _line("peer", f"{peer.host} {peer.ip}: {peer.problem}")
    if len(broken) > SHOWN_PEERS:
        _line("peer", f"and {len(broken) - SHOWN_PEERS} more without a tunnel; --json names them")
    names = ", ".join(f"{p.host} {p.ip}" for p in good[:SHOWN_PEERS])
    more = f" and {len(good) - SHOWN_PEERS} more" if len(good) > SHOWN_PEERS else ""
    _line(
        "peers",
        f"{len(good)} of {len(told.peers)} with a {' and a '.join(told.tunnel_types)} tunnel"
        + (f": {names}{more}" if good else ""),
    )


def _print_workloads(told: "Status") -> None:
    if told.central is not None:
        _line("cloud", f"central database not connected: {told.central}; ports go on as they are")
    active = sum(w.status == "ACTIVE" for w in told.workloads)
    if told.workloads:
        _line("ports", f"{active} of {len(told.workloads)} ACTIVE")
    for workload in [w for w in told.workloads if w.status != "ACTIVE"][:SHOWN_PORTS]:
        _line("port", f"{workload.port_id} ({workload.device}): {workload.status}: {workload.reason}")


def _print_silent(told: "Status") -> None:
    for hop in told.silent:
        _line("next hop", f"{hop.address} in network {hop.network_id} does not answer: routers use their other ones")


def _print_without(found: Without) -> None:
    _line("agent", Text(found.agent, style="bold red").append(f": {found.reason}", style="not bold"))
    if found.agent == "hung":
        _line(
            "", "its log tells the last that it did: journalctl -u tunbridge-agent; systemctl restart tunbridge-agent"
        )
    else:
        _line("", "start it: systemctl start tunbridge-agent. Until then nothing repairs this host")
    if found.plan is None:
        _line("OVS", found.open_vswitch or "")
        return
    plan = found.plan
    if plan.empty and not plan.problems:
        _line("OVS", "answers, and is as the configuration says")
    else:
        flows = sum(len(f.add) + len(f.delete) for f in plan.flows)
        told = f"{_count(len(plan.changes), 'change')} of the database and {_count(flows, 'flow')}"
        _line("OVS", f"answers; an agent would make {told}: tunbridge agent --plan shows them")
    for problem in plan.problems:
        _line("problem", f"{problem.subject} {problem.message} [{problem.code}]")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
