"""`tunbridge lab`: whole hosts on this machine."""

import contextlib
import os
import shutil
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from tunbridge.cli import locale, terminal
from tunbridge.cli.app import App
from tunbridge.cli.lab_names import with_names
from tunbridge.cli.labs import sockets
from tunbridge.cli.output import AsForm, Form, print_json, print_table
from tunbridge.lab import lab as labs
from tunbridge.lab.lab import DEFAULT, OUTSIDE, Lab
from tunbridge.lab.namespaces import LabError

if TYPE_CHECKING:
    from tunbridge.inspect.model import Document
    from tunbridge.lab.demo import Demo
    from tunbridge.lab.plan import LabPlan

STATUS_WAIT_S = 8.0
"""Open vSwitch writes into its database every 5 s which controllers are connected."""

app = App(
    no_args_is_help=True,
    help=(
        "Whole hosts on this machine: network namespaces, each with its own real Open vSwitch, wired by the real agent."
        " Needs root; nothing outside the lab's own namespaces is touched."
    ),
    epilog=(
        "Examples: `tunbridge lab up`; `tunbridge explain lab:`; `tunbridge lab exec compute0 -- ovs-vsctl show`;"
        " `tunbridge lab down`."
    ),
)


@app.callback()
def system_programs() -> None:
    """Find the system's programs also in a root shell that was made by plain `su`, whose PATH lacks their folders."""
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


class Kernel(StrEnum):
    """What the hosts of a lab are made of."""

    namespace = "namespace"
    vm = "vm"
    auto = "auto"
    """Whatever has the kernel's datapath; the line about it says what, and why."""


def _complete_lab() -> list[str]:
    return labs.all_labs()


def _complete_host(context: typer.Context) -> list[str]:
    try:
        return [h.name for h in Lab(context.params.get("name") or DEFAULT).state().plan.hosts]
    except LabError:
        return []


Name = Annotated[str, typer.Option("--name", "-n", help="Name of the lab.", autocompletion=_complete_lab)]


def _complete_place(context: typer.Context) -> list[str]:
    return [*_complete_host(context), OUTSIDE]


HostName = Annotated[
    str, typer.Argument(metavar="HOST", help="Name of one of the lab's hosts.", autocompletion=_complete_host)
]

HostOption = Annotated[
    str, typer.Option("--host", metavar="HOST", help="One of the lab's hosts.", autocompletion=_complete_host)
]


@app.command(
    epilog=(
        "Examples: `tunbridge lab up --like compute0.txt network0=network.txt` builds the hosts of two pasted"
        " `ovs-vsctl show` outputs; `tunbridge lab up --compute 3 --network 2 --name big` five hosts from scratch."
        " A second `up` starts what does not run any more."
    )
)
def up(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DUMP", help="More dumps for --like.", show_default=False),
    ] = None,
    name: Name = DEFAULT,
    compute: Annotated[int | None, typer.Option(min=0, help="How many compute nodes. (default: 1)")] = None,
    network: Annotated[int | None, typer.Option(min=0, help="How many network nodes. (default: 1)")] = None,
    like: Annotated[
        list[str] | None,
        typer.Option(metavar="DUMP", help="Build the hosts of this `ovs-vsctl show` output; FILE or NAME=FILE."),
    ] = None,
    server: Annotated[
        bool, typer.Option("--server", help="Serve the Networking API as well, with the hosts registered.")
    ] = False,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where --server listens, on this machine's loopback. (default: 127.0.0.1:9696, or a free port where"
            " that one is taken)",
        ),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="With --server: offer what is not whole yet, too.")
    ] = False,
    vms: Annotated[
        bool,
        typer.Option(
            "--vms",
            help="With --server: a network and two VMs in it that ping each other, a router to the outside, and a"
            " floating IP by which a page of the first VM is fetched from there.",
        ),
    ] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the picture is saved.")] = Path("out"),
    kernel: Annotated[
        Kernel | None,
        typer.Option(
            help="What hosts are: namespaces, or virtual machines (QEMU) with kernels of their own and the kernel's"
            " datapath; auto: virtual machines where namespaces would not have that datapath. (default: what the lab"
            " has, else namespaces)"
        ),
    ] = None,
) -> None:
    """Make hosts, wire them, draw them."""
    dumps = [*(like or []), *(str(s) for s in sources or [])]
    if dumps and (compute is not None or network is not None):
        raise typer.BadParameter("--like names the hosts; it does not go with --compute and --network")
    if vms and not server:
        raise typer.BadParameter("--vms needs --server, which serves the API that networks are made with")
    made = _plan(name, dumps, compute, network)
    where = (listen or _listen(name)) if server else None
    plan = msgspec.structs.replace(made, server=where, preview=preview)
    from tunbridge.inspect.translation import of_lab, speaking

    console = terminal.console()
    lab = Lab(name)
    shown: Demo | None = None
    with speaking(locale.spoken(None)):
        for note in plan.notes:
            console.print(terminal.printable(of_lab(f"note: {note}")), style="yellow")
        try:
            _make(lab, plan, console, _kind(kernel, console))
            if vms:
                shown = _vms(lab, console)
        except KeyboardInterrupt:
            again = f"the same `lab up` goes on, `tunbridge lab down{lab.option}` removes what is there"
            terminal.error(f"lab {name}: interrupted; {again}")
            raise typer.Exit(130) from None
        _show(lab, out)
        if shown is not None:
            _print_demo(lab, shown, console)
        _next_steps(lab, shown)


def _listen(name: str) -> str:
    """Give where the server of a lab listens when nobody says: where it does already, else where it can."""
    from tunbridge.lab.server import free_address

    with contextlib.suppress(LabError):  # there is no such lab yet
        there = Lab(name).server
        if there is not None:
            return there.listen
    return free_address()


def _kind(kernel: Kernel | None, console: Console) -> str | None:
    """Give what --kernel asks for, and say what was chosen for auto."""
    if kernel is not Kernel.auto:
        return kernel
    from tunbridge.lab.lab import choose_kind

    kind, why = choose_kind()
    console.print(f"kernel: {kind}: {why}")
    return kind


def _make(lab: Lab, plan: "LabPlan", console: Console, kernel: str | None) -> None:
    """Make the lab and tell of each step: one changing line on a terminal, a line for each step elsewhere."""
    from tunbridge.inspect.translation import of_lab

    hosts = f"{len(plan.hosts)} host{'s' if len(plan.hosts) > 1 else ''}"
    console.print(of_lab(f"lab {lab.name}: {hosts}"))
    width = max(len(part) for part in ("underlay", *(h.name for h in plan.hosts)))
    begun = time.monotonic()
    if console.is_terminal:
        with console.status("") as status:
            lab.up(plan, lambda part, what: status.update(f"{part}: {of_lab(what)}"), kind=kernel)
    else:
        lab.up(plan, lambda part, what: console.print(f"  {part:<{width}}  {of_lab(what)}"), kind=kernel)
    datapath = lab.state().datapath
    wired = f"{hosts} wired in {time.monotonic() - begun:.1f} s; datapath {datapath.type}: {datapath.why}"
    console.print(f"  {of_lab(wired)}")


def _vms(lab: Lab, console: Console) -> "Demo":
    """Make what shows that the cloud works."""
    from tunbridge.inspect.translation import of_lab
    from tunbridge.lab import demo

    if console.is_terminal:
        with console.status("") as status:
            return demo.make(lab, lambda what: status.update(of_lab(what)))
    return demo.make(lab, lambda what: console.print(f"  {of_lab(what)}"))


def _print_demo(lab: Lab, shown: "Demo", console: Console) -> None:
    console.print(terminal.printable(shown.ping))
    if shown.floating_ip is not None:
        console.print(f"$ tunbridge lab exec{lab.option} outside -- curl http://{shown.floating_ip}/")
        console.print(terminal.printable(shown.page))


def _plan(name: str, dumps: list[str], compute: int | None, network: int | None) -> "LabPlan":
    from tunbridge.lab import plan

    if not dumps:
        return plan.from_numbers(name, 1 if compute is None else compute, 1 if network is None else network)
    return plan.from_document(name, _read(dumps))


def _read(sources: list[str]) -> "Document":
    """Read sources, all of which are needed. Raises TunbridgeError."""
    from tunbridge.inspect.check import check
    from tunbridge.inspect.sources import read_sources
    from tunbridge.inspect.understand import understand

    reading = read_sources(sources, sockets)
    for problem in reading.problems:
        raise problem
    return check(understand(with_names(reading.hosts, sources)))


def _show(lab: Lab, out: Path) -> None:
    """Print the picture of the lab as it is, and save it. Raises LabError when it cannot be saved."""
    from tunbridge.inspect import translation
    from tunbridge.inspect.draw import svg, text

    console = terminal.console()
    document = _settled(lab)
    document = translation.document(document, locale.spoken(None))
    console.print()
    console.print(text.render_rich(document, width=console.width))
    pictures = {
        out / f"lab-{lab.name}.svg": svg.render(document),
        out / f"lab-{lab.name}.txt": text.render(document, width=120),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, content in pictures.items():
            path.write_text(content + ("" if content.endswith("\n") else "\n"), encoding="utf-8")
    except OSError as e:
        raise LabError(f"{out}: the picture cannot be saved: {e.strerror}; --out names another folder") from e
    console.print(translation.of_lab(f"picture saved: {', '.join(map(str, pictures))}"))


def _settled(lab: Lab) -> "Document":
    """Read the lab; wait until Open vSwitch has written down that its controllers are connected."""
    deadline = time.monotonic() + STATUS_WAIT_S
    while True:
        document = _read([f"lab:{lab.name}"])
        connected = [m.is_connected for h in document.hosts for m in h.managers]
        connected += [c.is_connected for h in document.hosts for b in h.bridges for c in b.controllers]
        if all(connected) or time.monotonic() > deadline:
            return document
        time.sleep(0.2)


def _next_steps(lab: Lab, shown: "Demo | None") -> None:
    """Name the next things to try, as they can be typed here."""
    from tunbridge.inspect.translation import of_lab

    me = sys.argv[0] if Path(sys.argv[0]).name == "tunbridge" else "tunbridge"
    source = lab.source
    host = lab.hosts()[0].name
    ends = "vm0 vm1" if shown is not None else ""
    steps = [
        (f"{me} explain {source}", "the same in words, with the path that a VM's packet takes"),
        *([(f"{me} trace {ends} {source}", "the flows that a packet meets on its way, on each host")] if ends else []),
        (f"{me} check {source}", "what is wrong (nothing, yet)"),
        (f"{me} lab exec{lab.option} {host} -- ovs-vsctl show", "what you would see on the host itself"),
        (f"{me} lab exec{lab.option} {host} -- ovs-vsctl del-port patch-tun", "break it: the agent repairs it at once"),
        (f"{me} lab pause{lab.option} {host}", "hold the agent still, to look at damage; then resume"),
        (f"{me} lab shell{lab.option} {host}", "look around"),
        (f"{me} lab down{lab.option}", "remove every trace"),
    ]
    steps[-1:-1] = _cloud_steps(lab, me)
    console = terminal.console()
    console.print(f"\n{of_lab('next:')}")
    for command, what in steps:
        console.print(
            Text(f"  # {of_lab(what)}\n" if what else "", style="dim").append(f"  {command}", style="not dim bold")
        )


def _cloud_steps(lab: Lab, me: str) -> list[tuple[str, str]]:
    """Name what to try with the lab's server, where it has one."""
    server = lab.server
    if server is None:
        return []
    beside = Path(sys.argv[0]).with_name("openstack")
    client = beside if beside.exists() else Path("openstack")
    missing = not beside.exists() and shutil.which("openstack") is None
    install = f"{sys.executable} -m pip install python-openstackclient && export PATH={beside.parent.resolve()}:$PATH"
    return [
        *([(install, "OpenStack's own client, which is not here yet")] if missing else []),
        (f"export OS_CLIENT_CONFIG_FILE={server.clouds_yaml} OS_CLOUD=tunbridge", "the Networking API is this cloud"),
        (f"{client} network agent list", "the lab's hosts, as their agents registered them"),
        (f"{client} network create blue", "a network, as with Neutron; a subnet, and VMs in it"),
        (f"{client} subnet create --network blue --subnet-range 10.0.5.0/24 blue4", ""),
        (f"{me} lab vm add{lab.option} web --network blue --host {lab.hosts()[0].name}", ""),
    ]


@app.command(
    "list", epilog="Examples: `tunbridge lab list`; `tunbridge lab list -f json`. Exit status: 0, running or not."
)
def list_(form: AsForm = Form.text) -> None:
    """List the labs of this machine, and whether they run."""
    summaries = labs.summaries()
    if form is Form.json:
        print_json(summaries)
    elif not summaries:
        terminal.console().print("no labs; `tunbridge lab up` makes one")
    else:
        rows = [["lab", "state", "hosts", "datapath", "server"]]
        rows += [
            [one.name, one.state, ", ".join(one.hosts) or "-", one.datapath or "-", one.server or "-"]
            for one in summaries
        ]
        print_table(rows)
        for one in summaries:
            if one.problem is not None:
                terminal.console().print(terminal.printable(f"\n{one.problem}"), style="yellow")


@app.command(epilog="Examples: `tunbridge lab inspect`; `tunbridge lab inspect --name big --format json`.")
def inspect(
    name: Name = DEFAULT,
    form: AsForm = Form.text,
) -> None:
    """Tell what a lab is made of and what runs. Exit status 1 when a daemon does not."""
    status = Lab(name).inspect()
    if form is Form.json:
        print_json(status)
    else:
        _print_status(status)
    raise typer.Exit(0 if status.running else 1)


def _print_status(status: labs.LabStatus) -> None:
    """Print a row for each host, then what all of them share."""
    console = terminal.console()
    rows = [["host", "tunnel address", "ovsdb-server", "ovs-vswitchd", "agent", "providers"]]
    for h in status.hosts:
        pids = [str(p) if p else "stopped" for p in (h.ovsdb_server, h.ovs_vswitchd, h.agent)]
        rows.append([h.name, h.local_ip, *pids, "; ".join(f"{n}: {b}" for n, b in h.providers.items())])
    console.print(f"lab {status.name}: datapath {status.datapath.type}, since {status.datapath.why}\n")
    print_table(rows)
    for problem in (h.problem for h in status.hosts if h.problem is not None):
        console.print("\n" + terminal.printable(problem), style="yellow", markup=False)
    console.print()
    for network, address in status.outside.items():
        console.print(f"outside   {network}: {address or 'no address'}")
    if status.server is not None:
        console.print(f"server    {status.server.url} {status.server.pid or 'stopped'}; {status.server.clouds_yaml}")
    console.print(f"folders   {labs.ROOT / status.name}/HOST: log/agent.log, log/ovs-vswitchd.log, openvswitch/db.sock")
    if not status.running:
        console.print(f"`tunbridge lab up{Lab(status.name).option}`, called as the first time, starts what is stopped")


@app.command(
    "exec",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog=(
        "Examples: `tunbridge lab exec compute0 -- ovs-vsctl show`; `tunbridge lab exec -n big network0 -- tcpdump -ni"
        " eth1`. Exit status: that of the command; 127 when the host has no such command. It starts in the folder /."
    ),
)
def exec_(
    host: Annotated[
        str,
        typer.Argument(
            metavar="HOST",
            help="Name of one of the lab's hosts; `outside` is the machine on its physical networks.",
            autocompletion=_complete_place,
        ),
    ],
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="What to run, with its arguments.")],
    name: Name = DEFAULT,
) -> None:
    """Run a command inside a host; ovs-vsctl, ovs-ofctl and ovs-appctl address that host's Open vSwitch."""
    argv = command[1:] if command[:1] == ["--"] else command
    if host == OUTSIDE:
        Lab(name).enter_outside(*argv)
    Lab(name).host(host).enter(*argv)


@app.command(epilog="Example: `tunbridge lab shell network0`, then `ovs-ofctl dump-flows br-int`; `exit` leaves.")
def shell(host: HostName, name: Name = DEFAULT) -> None:
    """Open a shell inside a host, with the host's name in its prompt."""
    found = Lab(name).host(host)
    # Bash's start files would set another prompt.
    if shutil.which("bash"):
        found.enter("bash", "--norc", PS1=f"\\u@{host}:\\w\\$ ")
    found.enter("sh", PS1=f"{host}# ")


@app.command(epilog="Examples: `tunbridge lab down`; `tunbridge lab down --name big`; `tunbridge lab down --all`.")
def down(
    name: Name = DEFAULT,
    all_labs: Annotated[bool, typer.Option("--all", help="Every lab on this machine.")] = False,
) -> None:
    """Remove every trace of a lab, also of one that was killed half-way."""
    console = terminal.console()
    for one in labs.all_labs() if all_labs else [name]:
        removed = Lab(one).down()
        console.print(f"lab {one}: {'removed' if removed else 'nothing to remove'}")
