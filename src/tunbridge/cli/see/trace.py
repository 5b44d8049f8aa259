"""`tunbridge trace`: where a packet really goes, host by host."""

from typing import TYPE_CHECKING, Annotated

import typer

from tunbridge.cli import fleet, locale, terminal
from tunbridge.cli.output import AsForm, Form, print_json, write_out
from tunbridge.cli.see.document import read_document
from tunbridge.cli.see.options import LanguageOption, Sources, UsageError
from tunbridge.cli.see.tracing import Asked, State, traced, written

if TYPE_CHECKING:
    from tunbridge.inspect.trace.packet import Protocol

EXIT_NOT_RECEIVED = 1
_FROM = "Who sends: HOST:PORT, or a port's name, MAC, id or, where the API answers, its name there or its IP address."


def trace(
    source: Annotated[str, typer.Argument(metavar="FROM", help=_FROM)],
    destination: Annotated[
        str, typer.Argument(metavar="TO", help="Who shall receive: likewise, or any IP address.")
    ],
    sources: Sources = None,
    tcp: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", min=1, max=65535,
            help="The first packet of a TCP connection to this port. (default: an echo request)",
        ),
    ] = None,
    udp: Annotated[
        int | None, typer.Option(metavar="PORT", min=1, max=65535, help="A UDP packet to this port.")
    ] = None,
    arp: Annotated[
        bool, typer.Option("--arp", help="The question for TO's MAC address: ARP, or a neighbour solicitation.")
    ] = False,
    state: Annotated[State, typer.Option(help="What conntrack is taken to know of the connection.")] = State.new,
    from_ip: Annotated[
        str | None, typer.Option(metavar="IP", help="FROM's address. (default: as the API tells)")
    ] = None,
    from_mac: Annotated[
        str | None, typer.Option(metavar="MAC", help="FROM's MAC address. (default: as plugged in)")
    ] = None,
    to_ip: Annotated[str | None, typer.Option(metavar="IP", help="TO's address.")] = None,
    to_mac: Annotated[
        str | None,
        typer.Option(metavar="MAC", help="Where it is sent. (default: TO's in the same network, else the router's)"),
    ] = None,
    vlan: Annotated[
        int | None,
        typer.Option(
            metavar="ID", min=0, max=4094,
            help="A VLAN tag that the packet has where it comes in: one of the VM's own, or that of a physical network."
            " A trunk's sub-port is FROM itself.",
        ),
    ] = None,
    ttl: Annotated[int, typer.Option(min=1, max=255, help="Time to live.")] = 64,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every table, with the actions as they are carried out.")
    ] = False,
    lang: LanguageOption = None,
    form: AsForm = Form.text,
    os_cloud: Annotated[
        str | None,
        typer.Option(metavar="NAME", envvar="OS_CLOUD", help="Names and addresses of this cloud; a lab has its own."),
    ] = None,
    hosts: fleet.HostsFile = None,
    timeout: fleet.Timeout = None,
) -> None:  # fmt: skip
    """Trace a packet: the flows that it meets on each host, through tunnels and physical networks, to who receives it.

    Each host's own Open vSwitch is asked (`ofproto/trace`), so that it is what its flows do now; no packet is sent.
    """
    from tunbridge.inspect.sources import is_live

    if not sources and hosts is None and is_live(destination):
        raise UsageError(f"TO is missing: {destination} is a SOURCE, which comes after FROM and TO")
    given = fleet.with_listed(sources, hosts)
    document, _ = read_document(given, timeout, with_paths=False)
    asked = Asked(
        protocol=_protocol(tcp, udp, arp), port=tcp or udp, vlan=vlan, ttl=ttl, state=state,
        from_ip=from_ip, to_ip=to_ip, from_mac=from_mac, to_mac=to_mac,
    )  # fmt: skip
    found = traced(document, given, (source, destination), asked, os_cloud, timeout)
    if form is Form.json:
        print_json(found)
    else:
        write_out(terminal.printable(written(found, document, locale.spoken(lang), verbose)))
    raise typer.Exit(EXIT_NOT_RECEIVED if found.outcome == "does not arrive" else 0)


def _protocol(tcp: int | None, udp: int | None, arp: bool) -> "Protocol":
    given: tuple[tuple[Protocol, bool], ...] = (("tcp", tcp is not None), ("udp", udp is not None), ("arp", arp))
    asked = [protocol for protocol, is_asked in given if is_asked]
    if len(asked) > 1:
        raise UsageError(f"--{asked[0]} and --{asked[1]}: a packet is one of them")
    return asked[0] if asked else "icmp"
