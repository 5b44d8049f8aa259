"""A trace as a whole: from whom to whom, where it went, and whether it arrived."""

from typing import Literal

from msgspec import Struct

from tunbridge.inspect.trace.endpoints import Endpoint
from tunbridge.inspect.trace.follow import Branch, Visit, ends
from tunbridge.inspect.trace.packet import Packet

VERSION = "1.0"
"""Of the JSON form; it grows as that of documents does."""

Outcome = Literal["arrives", "does not arrive", "handed over"]
"""`handed over`: to who programs the flows, a host's IP stack, or a physical network; what they do is not known."""


class Trace(Struct, frozen=True, kw_only=True):
    """What `tunbridge trace` tells; also its JSON form."""

    version: str = VERSION
    source: Endpoint
    destination: Endpoint
    packet: Packet
    visit: Visit
    outcome: Outcome


def trace_of(source: Endpoint, destination: Endpoint, packet: Packet, visit: Visit) -> Trace:
    return Trace(
        source=source, destination=destination, packet=packet, visit=visit, outcome=_outcome(destination, packet, visit)
    )


def _outcome(destination: Endpoint, packet: Packet, visit: Visit) -> Outcome:
    found = ends(visit)
    if any(is_received(destination, at, branch) or is_redirected(packet, branch) for at, branch in found):
        return "arrives"
    if any(_is_handed_over(destination, branch) for _, branch in found):
        return "handed over"
    return "does not arrive"


def is_received(destination: Endpoint, visit: Visit, branch: Branch) -> bool:
    """Whether the packet comes to whom it is for, at the end of a branch."""
    if branch.kind == "answered":
        return True  # a flow answers in the name of who was asked
    place = destination.place
    if branch.kind != "delivered":
        return False
    if place is None:
        return True
    is_tagged = destination.vlan is None or branch.packet.get("dl_vlan") == str(destination.vlan)
    return (place.host, place.port) == (visit.at.host, branch.port) and is_tagged


def is_redirected(packet: Packet, branch: Branch) -> bool:
    """Whether a translation has made a delivered packet one for somebody else, as a Local IP does it."""
    return branch.kind == "delivered" and any(
        field in packet and packet[field] != branch.packet.get(field) for field in ("nw_dst", "ipv6_dst")
    )


def _is_handed_over(destination: Endpoint, branch: Branch) -> bool:
    if branch.kind in ("controller", "host"):
        return True
    # To a port of these hosts, a packet on a physical network that none of them takes is lost.
    return branch.kind == "outside" and destination.place is None
