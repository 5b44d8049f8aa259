"""`tunbridge trace`: where a packet really goes, host by host."""

from collections.abc import Sequence
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunbridge.cli import fleet, labs, locale, terminal
from tunbridge.cli.output import Form, write_out
from tunbridge.cli.see.document import read_document
from tunbridge.cli.see.options import LanguageOption, Sources, UsageError
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from tunbridge.cloud import Cloud
    from tunbridge.inspect.model import Document
    from tunbridge.inspect.trace.endpoints import ApiPort, Directory, Endpoint
    from tunbridge.inspect.trace.packet import Packet, Protocol
    from tunbridge.inspect.trace.tables import NameOf

EXIT_NOT_RECEIVED = 1
_FROM = "Who sends: HOST:PORT, or a port's name, MAC, id or, where the API answers, its name there or its IP address."


class State(StrEnum):
    """What conntrack is taken to know of the connection."""

    new = "new"
    established = "established"
    reply = "reply"


_CT = {State.new: None, State.established: "trk,est", State.reply: "trk,est,rpl"}


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
    ttl: Annotated[int, typer.Option(min=1, max=255, help="Time to live.")] = 64,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every table, with the actions as they are carried out.")
    ] = False,
    lang: LanguageOption = None,
    form: Annotated[Form, typer.Option("--format", "-f", help="Text for people, JSON for programs.")] = Form.text,
    os_cloud: Annotated[
        str | None,
        typer.Option(metavar="NAME", envvar="OS_CLOUD", help="Names and addresses of this cloud. (default: the lab's)"),
    ] = None,
    hosts: fleet.HostsFile = None,
    timeout: fleet.Timeout = None,
) -> None:  # fmt: skip
    """Trace a packet: the flows that it meets on each host, through tunnels and physical networks, to who receives it.

    Each host's own Open vSwitch is asked (`ofproto/trace`), so that it is what its flows do now; no packet is sent.
    """
    from tunbridge.inspect.trace.ask import TIMEOUT, asking
    from tunbridge.inspect.trace.endpoints import find
    from tunbridge.inspect.trace.follow import follow
    from tunbridge.inspect.trace.report import trace_of
    from tunbridge.inspect.trace.words import to_text
    from tunbridge.inspect.translation import speaking

    given = fleet.with_listed(sources, hosts)
    document, _ = read_document(given, timeout, with_paths=False)
    directory = _directory(given, os_cloud)
    sender, receiver = find(source, document, directory), find(destination, document, directory)
    if sender.place is None:
        raise UsageError(f"{source}: is plugged in on none of these hosts: give HOST:PORT of where the packet comes in")
    chosen = _protocol(tcp, udp, arp)
    packet = _packet(
        chosen, sender, receiver, directory, port=tcp or udp, ttl=ttl,
        given=(from_ip, to_ip, from_mac, to_mac),
    )  # fmt: skip
    visit = follow(document, sender.place, packet, asking(document, _CT[state], timeout or TIMEOUT))
    found = trace_of(sender, receiver, packet, visit)
    if form is Form.json:
        import msgspec

        write_out(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        roles = {(host.name, bridge.name): bridge.role for host in document.hosts for bridge in host.bridges}
        with speaking(locale.spoken(lang)):
            write_out(terminal.printable(to_text(found, roles, _names(document), verbose)))
    raise typer.Exit(EXIT_NOT_RECEIVED if found.outcome == "does not arrive" else 0)


def _protocol(tcp: int | None, udp: int | None, arp: bool) -> "Protocol":
    given: tuple[tuple[Protocol, bool], ...] = (("tcp", tcp is not None), ("udp", udp is not None), ("arp", arp))
    asked = [protocol for protocol, is_asked in given if is_asked]
    if len(asked) > 1:
        raise UsageError(f"--{asked[0]} and --{asked[1]}: a packet is one of them")
    return asked[0] if asked else "icmp"


def _packet(
    protocol: "Protocol", sender: "Endpoint", receiver: "Endpoint", directory: "Directory", *,
    port: int | None, ttl: int, given: tuple[str | None, str | None, str | None, str | None],
) -> "Packet":  # fmt: skip
    """Make the packet, of what was given and what is known. Raises UsageError with the option that is missing."""
    from tunbridge.inspect.trace.endpoints import common_addresses
    from tunbridge.inspect.trace.packet import made

    from_ip, to_ip, from_mac, to_mac = given
    ends = common_addresses(
        [from_ip] if from_ip else sender.addresses, [to_ip] if to_ip else receiver.addresses
    )  # fmt: skip
    if ends is None:
        missing = "--from-ip" if not (from_ip or sender.addresses) else "--to-ip"
        raise UsageError(
            f"the address of {(sender if missing == '--from-ip' else receiver).label} is not known: {missing} tells it"
        )
    mac = from_mac or sender.mac
    if mac is None:
        raise UsageError(f"the MAC address of {sender.label} is not known: --from-mac tells it")
    hop = to_mac or _next_hop(sender, receiver, directory, ends[1])
    if hop is None and protocol != "arp":
        raise UsageError(f"which MAC address {sender.label} sends to for {ends[1]} is not known: --to-mac tells it")
    return made(protocol, mac, hop or "ff:ff:ff:ff:ff:ff", *ends, port=port, ttl=ttl)


def _next_hop(sender: "Endpoint", receiver: "Endpoint", directory: "Directory", address: str) -> str | None:
    """Give the MAC address a workload sends to: the receiver's in the same network, else that of its router."""
    if sender.network is not None and sender.network == receiver.network:
        return receiver.mac
    return directory.next_hop(sender.api, address) if sender.api is not None else None


def _names(document: "Document") -> "NameOf":
    """Name tables: of our flows by the pipeline, of Neutron's bridges as its agent does."""
    from tunbridge.dataplane import pipeline
    from tunbridge.dataplane.flows import COOKIE, is_ours
    from tunbridge.inspect.model import BridgeRole
    from tunbridge.inspect.trace.tables import NEUTRON
    from tunbridge.inspect.trace.text import Step

    own = {
        role: {table.number: (table.name, table.purpose) for table in tables}
        for role, tables in (
            ("integration", pipeline.INTEGRATION), ("tunnel", pipeline.TUNNEL), ("provider", pipeline.PROVIDER),
        )
    }  # fmt: skip
    bridges = {bridge.name for host in document.hosts for bridge in host.bridges}
    is_neutron = {"br-int", "br-tun"} <= bridges

    def name_of(role: BridgeRole, step: Step) -> tuple[str, str] | None:
        if is_ours(step.cookie) or is_ours(step.cookie ^ pipeline.LEARNED_COOKIE ^ COOKIE):
            return own.get(role, {}).get(step.table)
        name = NEUTRON.get(role, {}).get(step.table) if is_neutron and step.cookie else None
        return (name, "") if name is not None else None

    return name_of


def _directory(sources: Sequence[str], os_cloud: str | None) -> "Directory":
    """Give the API of the cloud that is named, else of the lab among the sources, else none."""
    from tunbridge.cloud import connect
    from tunbridge.inspect.trace.endpoints import NoDirectory

    if os_cloud is not None:
        return _Api(connect(os_cloud))
    files = labs.clouds_yaml(sources)
    if len(files) != 1:
        return NoDirectory()
    try:
        return _Api(connect(labs.CLOUD, {"OS_CLIENT_CONFIG_FILE": str(files[0])}))
    except TunbridgeError as e:
        terminal.error(f"the API is not asked: {e}")
        return NoDirectory()


class _Api:
    """What the Networking API knows. Raises CloudError."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud

    def ports(self, text: str) -> "list[ApiPort]":
        for query in _queries(text):
            if found := self._cloud.list("ports", **query):
                return [_port(one) for one in found]
        return []

    def next_hop(self, port: "ApiPort", destination: str) -> str | None:
        """Give the MAC address of who has the address in the port's network, else of the router of its subnet."""
        wanted = ip_address(destination)
        subnets = [self._cloud.get(f"subnets/{id}")["subnet"] for id in port.subnets]
        subnets = [subnet for subnet in subnets if subnet["ip_version"] == wanted.version]
        for subnet in subnets:
            if wanted in ip_network(subnet["cidr"]):
                return self._mac(port.network, destination)
        for subnet in subnets:
            hop = next(
                (r["nexthop"] for r in subnet["host_routes"] if wanted in ip_network(r["destination"])),
                subnet["gateway_ip"],
            )
            if hop and (mac := self._mac(port.network, hop)):
                return mac
        return None

    def _mac(self, network: str, address: str) -> str | None:
        found = self._cloud.list("ports", network_id=network, fixed_ips=f"ip_address={address}")
        return found[0]["mac_address"] if found else None


def _queries(text: str) -> list[dict[str, str]]:
    try:
        return [{"fixed_ips": f"ip_address={ip_address(text)}"}]
    except ValueError:
        return [{"mac_address": text}] if text.count(":") == 5 else [{"id": text}, {"name": text}]


def _port(found: dict[str, Any]) -> "ApiPort":
    from tunbridge.inspect.trace.endpoints import ApiPort

    return ApiPort(
        id=found["id"],
        name=found["name"],
        mac=found["mac_address"],
        addresses=tuple(ip["ip_address"] for ip in found["fixed_ips"]),
        network=found["network_id"],
        subnets=tuple(ip["subnet_id"] for ip in found["fixed_ips"]),
    )
