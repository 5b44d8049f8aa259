"""`tunbridge lab vm`: VMs of a lab, which get their addresses from it by real DHCP clients."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tunbridge.cli import terminal
from tunbridge.cli.app import App
from tunbridge.cli.lab import HostOption, Name
from tunbridge.cli.output import AsForm, Form, print_json, print_table
from tunbridge.lab.lab import DEFAULT, Lab
from tunbridge.lab.namespaces import LabError

if TYPE_CHECKING:
    from tunbridge.lab.vm import VmStatus

app = App(
    no_args_is_help=True,
    help=(
        "VMs of a lab with a server: network namespaces with real DHCP clients, plugged into a host's br-int as a"
        " hypervisor plugs a VM in. Networks and security groups are made by the `openstack` command."
    ),
    epilog=(
        "Examples: `tunbridge lab vm add web --network blue --host compute0`; `tunbridge lab vm exec web -- ping -c 3"
        " 10.0.0.6`; `tunbridge lab vm rm web`."
    ),
)


def _complete_vm(context: typer.Context) -> list[str]:
    from tunbridge.lab.vm import Vms

    try:
        return [vm.name for vm in Vms(Lab(context.params.get("lab") or DEFAULT)).all()]
    except LabError:
        return []


VmName = Annotated[str, typer.Argument(metavar="VM", help="Name of the VM.", autocompletion=_complete_vm)]


@app.command(
    epilog=(
        "Examples: `tunbridge lab vm add web --network blue --host compute0 --security-group web`; `tunbridge lab vm"
        " add web --port web-port --host network0 --no-wait`. Exit status: 1 when it cannot be made, or has no address"
        " or its port is not ACTIVE within a minute, with --qemu five (it then stays, to look at)."
    )
)
def add(
    vm: Annotated[str, typer.Argument(metavar="VM", help="Name of the new VM.")],
    host: HostOption,
    network: Annotated[
        str | None, typer.Option(metavar="N", help="Make a port in this network; with --port, the one that it is in.")
    ] = None,
    port: Annotated[str | None, typer.Option(metavar="PORT", help="Take this port, as it is.")] = None,
    security_group: Annotated[
        list[str] | None, typer.Option(metavar="G", help="Of the new port; may be repeated. (default: default)")
    ] = None,
    fixed_ip: Annotated[
        list[str] | None, typer.Option(metavar="IP", help="Of the new port; may be repeated. (default: any)")
    ] = None,
    qemu: Annotated[
        bool, typer.Option("--qemu", help="A machine under QEMU with Debian's kernel and busybox, not a namespace.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Until its port is ACTIVE and it has its addresses.")
    ] = True,
    name: Name = DEFAULT,
    form: AsForm = Form.text,
) -> None:
    """Make a VM on one of the hosts."""
    from tunbridge.lab.vm import Vms, Wish

    vms = Vms(Lab(name))
    wish = Wish(
        name=vm, host=host, network=network, port=port, security_groups=tuple(security_group or ()),
        fixed_ips=tuple(fixed_ip or ()), qemu=qemu,
    )  # fmt: skip
    with _progress(vm, quiet=form is Form.json) as progress:
        vms.add(wish, progress, wait)
    (status,) = [s for s in vms.statuses() if s.name == vm]
    if form is Form.json:
        print_json(status)
    else:
        _print([status])


@app.command("list", epilog="Examples: `tunbridge lab vm list`; `tunbridge lab vm list -f json`.")
def list_(name: Name = DEFAULT, form: AsForm = Form.text) -> None:
    """Tell which VMs there are, the addresses that they have now, and the states of their ports."""
    from tunbridge.lab.vm import Vms

    statuses = Vms(Lab(name)).statuses()
    if form is Form.json:
        print_json(statuses)
    elif statuses:
        _print(statuses)
    else:
        terminal.console().print(f"lab {name} has no VMs; `tunbridge lab vm add{Lab(name).option}` makes one")


@app.command(
    "exec",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: `tunbridge lab vm exec web -- ping -c 3 10.0.0.6`. Exit status: that of the command.",
)
def exec_(
    vm: VmName,
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="What to run, with its arguments.")],
    name: Name = DEFAULT,
) -> None:
    """Run a command inside a VM."""
    from tunbridge.lab.vm import Vms

    Vms(Lab(name)).enter(vm, *(command[1:] if command[:1] == ["--"] else command))


@app.command(epilog="Example: `tunbridge lab vm shell web`, then `ip addr`; `exit` leaves.")
def shell(vm: VmName, name: Name = DEFAULT) -> None:
    """Open a shell inside a VM, with its name in the prompt."""
    from tunbridge.lab.vm import Vms

    Vms(Lab(name)).shell(vm)


@app.command(epilog="Examples: `tunbridge lab vm rm web`; `tunbridge lab vm rm web db -f json`.")
def rm(
    vm: Annotated[list[str], typer.Argument(metavar="VM...", help="Names of VMs.", autocompletion=_complete_vm)],
    name: Name = DEFAULT,
    form: AsForm = Form.text,
) -> None:
    """Remove VMs, with the ports that were made for them."""
    from tunbridge.lab.vm import Vms

    vms = Vms(Lab(name))
    for one in vm:
        with _progress(one, quiet=form is Form.json) as progress:
            vms.remove(one, progress)
    if form is Form.json:
        print_json({"removed": vm})
    else:
        terminal.console().print(f"removed: {', '.join(vm)}")


@contextmanager
def _progress(vm: str, quiet: bool) -> Iterator[Callable[[str], None]]:
    """One changing line on a terminal, a line for each new thing elsewhere, nothing beside JSON."""
    console = terminal.console()
    if quiet:
        yield lambda _what: None
    elif console.is_terminal:
        with console.status("") as status:
            yield lambda what: status.update(f"{vm}: {terminal.printable(what)}")
    else:
        last: list[str] = []

        def tell(what: str) -> None:
            if last != [what]:
                console.print(f"{vm}: {terminal.printable(what)}")
                last[:] = [what]

        yield tell


def _print(statuses: "list[VmStatus]") -> None:
    rows = [["vm", "host", "network", "addresses", "mac", "state", "port"]]
    rows += [[s.name, s.host, s.network, ", ".join(s.addresses) or "-", s.mac, s.state, s.port_id] for s in statuses]
    print_table(rows)
