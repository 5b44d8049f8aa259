"""Answers to what VMs ask the cloud: packet bytes and a typed view of the database in, packet bytes out.

Pure: no I/O, no clock, no randomness. `answer` is all that the engine needs; a packet that cannot be read raises
MalformedError, and nothing else does. Each kind of packet has its own file, and frames.py what they share.
"""

from enum import StrEnum

from tunbridge.dataplane.responders import announce, dhcp4, dhcp6, dns, icmp, nd, ra
from tunbridge.dataplane.responders.dns import Forward
from tunbridge.dataplane.responders.frames import MalformedError
from tunbridge.dataplane.responders.names import Zone, Zones
from tunbridge.dataplane.responders.options import problems
from tunbridge.dataplane.responders.subject import INFINITE, Arrival, Settings, Subject, read_arrival, read_subject

__all__ = [
    "CONNECTED",
    "INFINITE",
    "LOGGED",
    "TOLD",
    "Arrival",
    "Forward",
    "Kind",
    "MalformedError",
    "Settings",
    "Subject",
    "Zone",
    "Zones",
    "advertise",
    "advertised_prefixes",
    "announce_routers",
    "answer",
    "problems",
    "read_arrival",
    "read_subject",
    "tell",
]

advertise = ra.advertise
advertised_prefixes = ra.prefixes
announce_routers = announce.frames


class Kind(StrEnum):
    """What flows send to the agent."""

    dhcp4 = "dhcp4"
    dhcp6 = "dhcp6"
    router = "router"
    """Router solicitations."""
    neighbour = "neighbour"
    """Neighbour solicitations for addresses that Tunbridge itself has (nd.py)."""
    dns = "dns"
    dns_tcp = "dns-tcp"
    """A TCP packet to the DNS server: of a connection (agent/name_server.py)."""
    expired = "expired"
    """A packet whose last hop a router is."""
    no_route = "no-route"
    """A packet that a router has no route for."""
    no_host = "no-host"
    """A packet to an address that nobody has in the network that it would go to."""
    closed = "closed"
    """A packet to a router itself, which has no open ports."""
    too_big = "too-big"
    """A packet that is larger than the network which it would go to takes."""
    resolve = "resolve"
    """A packet to a neighbour in a physical network whose MAC address is not known: kept until it is."""
    resolved = "resolved"
    """An ARP reply, or a neighbour advertisement, to this host's question."""
    solicited = "solicited"
    """A neighbour solicitation from a physical network for an address that a router has on this host."""
    metadata = "metadata"
    """A TCP packet to the metadata service."""
    egress_allowed = "egress-allowed"
    """What an egress rule allowed, of a port that is logged; likewise the next three."""
    egress_dropped = "egress-dropped"
    ingress_allowed = "ingress-allowed"
    ingress_dropped = "ingress-dropped"
    no_port = "no-port"
    """A packet that conntrack has not translated: every port of the router's address is taken for where it goes."""
    claimed = "claimed"
    """A workload announces an address that others may have as well, or answers the question whether it has it."""


LOGGED = (Kind.egress_allowed, Kind.egress_dropped, Kind.ingress_allowed, Kind.ingress_dropped)
"""What security groups did with a packet: noted, and not answered."""
CONNECTED = (Kind.metadata, Kind.dns_tcp)
"""Packets of connections with a service of the host."""
TOLD = (Kind.expired, Kind.no_route, Kind.no_host, Kind.closed, Kind.too_big)
"""What a router tells the sender of a packet of."""


def tell(kind: Kind, packet: bytes, arrival: Arrival) -> bytes | None:
    """The frame that goes back to the sender of a packet which a router cannot forward. Raises MalformedError."""
    return icmp.answer(packet, arrival, kind.value)


def answer(kind: Kind, packet: bytes, subject: Subject, settings: Settings) -> list[bytes | Forward]:
    """The frames to send out of the port that `packet` came from, or a DNS question to ask elsewhere.

    Empty when the packet gets no answer. Raises MalformedError.
    """
    found: bytes | Forward | None
    match kind:
        case Kind.dhcp4:
            found = dhcp4.answer(packet, subject, settings)
        case Kind.dhcp6:
            found = dhcp6.answer(packet, subject, settings)
        case Kind.router:
            found = ra.answer(packet, subject, settings)
        case Kind.neighbour:
            found = nd.answer(packet, subject)
        case Kind.dns:
            found = dns.answer(packet, subject, settings)
        case Kind.expired | Kind.no_route | Kind.no_host | Kind.closed | Kind.too_big:
            found = icmp.answer(packet, subject, kind.value)
        case _:  # of the host itself and no workload's; of a connection; or only to be noted
            found = None
    return [] if found is None else [found]
