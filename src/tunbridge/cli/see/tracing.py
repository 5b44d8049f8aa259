"""What a trace needs beside the hosts: who is meant, what is sent, how a host is asked, what its tables are called."""

from collections.abc import Sequence
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tunbridge.cli import labs, terminal
from tunbridge.cli.see.options import UsageError
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from tunbridge.cli.locale import Code
    from tunbridge.cloud import Cloud
    from tunbridge.inspect.model import Document
    from tunbridge.inspect.trace.endpoints import ApiPort, Directory, Endpoint
    from tunbridge.inspect.trace.packet import Packet, Protocol
    from tunbridge.inspect.trace.report import Trace
    from tunbridge.inspect.trace.tables import NameOf
    from tunbridge.inspect.trace.text import Step

_SOMEBODY = "02:00:00:00:00:01"
"""MAC address of a machine beyond a NIC, where none is given: locally administered, so nobody's."""


class State(StrEnum):
    """What conntrack is taken to know of the connection."""

    new = "new"
    established = "established"
    reply = "reply"


_CT = {State.new: None, State.established: "trk,est", State.reply: "trk,est,rpl"}


class Asked(Struct, frozen=True, kw_only=True):
    """What is sent, and what is known of it beside what hosts and API tell."""

    protocol: "Protocol" = "icmp"
    port: int | None = None
    vlan: int | None = None
    ttl: int = 64
    state: State = State.new
    from_ip: str | None = None
    to_ip: str | None = None
    from_mac: str | None = None
    to_mac: str | None = None


def traced(
    document: "Document", sources: Sequence[str], ends: tuple[str, str], asked: Asked,
    os_cloud: str | None = None, timeout: float | None = None,
) -> "Trace":  # fmt: skip
    """Trace a packet between two ends, as people call them. Raises TunbridgeError."""
    from tunbridge.inspect.trace.ask import TIMEOUT, asking
    from tunbridge.inspect.trace.endpoints import find
    from tunbridge.inspect.trace.follow import follow
    from tunbridge.inspect.trace.packet import pushed
    from tunbridge.inspect.trace.report import trace_of

    directory = _directory(sources, os_cloud)
    sender, receiver = (find(name, document, directory) for name in ends)
    if sender.place is None:
        raise UsageError(f"{ends[0]}: is on none of these hosts: give HOST:PORT of where the packet comes in")
    packet = _packet(asked, sender, receiver, directory)
    vlan = _vlan(asked.vlan, ends[0], sender, document)
    if vlan is not None:
        packet = pushed(packet, str(vlan))
    ask = asking(document, labs.run, _CT[asked.state], timeout or TIMEOUT)
    visit = follow(document, sender.place, packet, ask, lambda step: _mark(step, asked.state))
    return trace_of(sender, receiver, packet, visit)


def written(trace: "Trace", document: "Document", lang: "Code", verbose: bool = False) -> str:
    """Give it as text."""
    from tunbridge.inspect.trace.words import to_text
    from tunbridge.inspect.translation import speaking

    roles = {(host.name, bridge.name): bridge.role for host in document.hosts for bridge in host.bridges}
    with speaking(lang):
        return to_text(trace, roles, _names(document), verbose)


def _vlan(asked: int | None, name: str, sender: "Endpoint", document: "Document") -> int | None:
    """The VLAN tag of the packet where it comes in. Raises UsageError for one that a sub-port stands for."""
    from tunbridge.inspect.trace.endpoints import plugged

    if asked is None:
        return sender.vlan
    if sender.vlan is not None:
        raise UsageError(f"--vlan: {name} is a sub-port, whose packets have the tag {sender.vlan} already")
    for one in plugged(document):
        if one.place == sender.place and one.vlan == asked:
            raise UsageError(f"--vlan: {asked} at {name} is a sub-port of a trunk: give {one.label} as FROM")
    return asked


def _packet(asked: Asked, sender: "Endpoint", receiver: "Endpoint", directory: "Directory") -> "Packet":
    """Make the packet, of what was given and what is known. Raises UsageError with the option that is missing."""
    from tunbridge.inspect.trace.endpoints import common_addresses
    from tunbridge.inspect.trace.packet import made

    senders = [asked.from_ip] if asked.from_ip else sender.addresses
    receivers = [asked.to_ip] if asked.to_ip else receiver.addresses
    ends = common_addresses(senders, receivers)
    if ends is None:
        if not receivers:
            raise UsageError(f"the address of {receiver.label} is not known: --to-ip tells it")
        version = f" of the IP version of {receivers[0]}" if senders else ""
        raise UsageError(f"no address{version} of {sender.label} is known: --from-ip tells it")
    mac = asked.from_mac or sender.mac or (_SOMEBODY if sender.is_nic else None)
    if mac is None:
        raise UsageError(f"the MAC address of {sender.label} is not known: --from-mac tells it")
    hop = asked.to_mac or _next_hop(sender, receiver, directory, ends[1])
    if hop is None and asked.protocol != "arp":
        raise UsageError(f"which MAC address {sender.label} sends to for {ends[1]} is not known: --to-mac tells it")
    return made(
        asked.protocol, mac, hop or "ff:ff:ff:ff:ff:ff", *ends, port=asked.port, ttl=asked.ttl
    )  # fmt: skip


def _next_hop(sender: "Endpoint", receiver: "Endpoint", directory: "Directory", address: str) -> str | None:
    """Give the MAC address a workload sends to: the receiver's in the same network, else that of its router."""
    if sender.is_nic or (sender.network is not None and sender.network == receiver.network):
        return receiver.mac
    return directory.next_hop(sender.api, address) if sender.api is not None else None


def _mark(step: "Step", state: State) -> str | None:
    """Give the mark of connections that rules allowed, on hosts of Tunbridge's agent."""
    from tunbridge.dataplane import pipeline
    from tunbridge.dataplane.flows import is_ours

    if state is State.new or not is_ours(step.cookie):
        return None
    return f"{pipeline.EGRESS_CHECKED | pipeline.INGRESS_CHECKED:#x}"


def _names(document: "Document") -> "NameOf":
    """Name tables: of our flows by the pipeline, of Neutron's bridges as its agent does."""
    from tunbridge.dataplane import pipeline
    from tunbridge.dataplane.flows import COOKIE, is_ours
    from tunbridge.inspect.model import BridgeRole
    from tunbridge.inspect.trace.tables import NEUTRON

    own = {
        role: {table.number: (table.name, table.purpose) for table in tables}
        for role, tables in (
            ("integration", pipeline.INTEGRATION), ("tunnel", pipeline.TUNNEL), ("provider", pipeline.PROVIDER),
        )
    }  # fmt: skip
    bridges = {bridge.name for host in document.hosts for bridge in host.bridges}
    is_neutron = {"br-int", "br-tun"} <= bridges

    def name_of(role: BridgeRole, step: "Step") -> tuple[str, str] | None:
        if is_ours(step.cookie) or is_ours(step.cookie ^ pipeline.LEARNED_COOKIE ^ COOKIE):
            return own.get(role, {}).get(step.table)
        name = NEUTRON.get(role, {}).get(step.table) if is_neutron and step.cookie else None
        return (name, "") if name is not None else None

    return name_of


def _directory(sources: Sequence[str], os_cloud: str | None) -> "Directory":
    """Give the API of the lab among the sources, whose ports no other cloud has; else of the cloud that is named."""
    from tunbridge.inspect.trace.endpoints import NoDirectory

    files = labs.clouds_yaml(sources)
    if len(files) != 1 and os_cloud is None:
        return NoDirectory()
    from tunbridge.cloud import connect  # late: the core does without its libraries

    if len(files) != 1:
        return _Api(connect(os_cloud))
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
