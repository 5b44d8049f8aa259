"""Routed networks: subnets that are on segments, and ports whose addresses depend on where they are plugged in.

A host has a network by one segment (hosts.py), and its ports have addresses of the subnets there. While a port has no
host it has no address either, unless it was asked for: that is given with its host, in the same transaction.

    ip_allocation   immediate   it had its addresses when it was made
                    deferred    it gets them with its host
                    none        none were wanted
"""

import ipaddress
from collections.abc import Iterable
from typing import Any

from tunbridge.rules import bindings, hosts, ipam
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, NetworkingError
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

IMMEDIATE, DEFERRED, NONE = "immediate", "deferred", "none"


def is_routed(subnets: Iterable[Row]) -> bool:
    """Whether subnets of a network are on segments."""
    return any(subnet.segment_id is not None for subnet in subnets)


def reachable(
    reader: Reader, network: Row, subnets: list[Row], host: str, wanted: list[dict[str, str]] | None
) -> list[Row]:
    """Give those subnets that a port with a host may have addresses of, or one without that names some.

    Raises Neutron's HostNotConnectedToAnySegment, FixedIpsSubnetsNotOnSameSegment.
    """
    if not is_routed(subnets):
        return subnets
    if host:
        segment = hosts.segment_of(reader, network, host)
        found = [s for s in subnets if s.segment_id is None or (segment is not None and s.segment_id == segment.id)]
        if not found:
            message = (
                f"Host {host} is not connected to any segments on routed provider network '{network.id}'.  It should be"
                " connected to one."
            )
            raise Conflict("HostNotConnectedToAnySegment", message)
        return found
    if not wanted:
        return [s for s in subnets if s.segment_id is None]
    named = [next((s for s in subnets if _is_meant(s, entry)), None) for entry in wanted]
    if None in named:
        return subnets  # refused for what it names
    segments = {s.segment_id for s in named if s is not None}
    if len(segments) > 1:
        raise BadRequest("FixedIpsSubnetsNotOnSameSegment", "Cannot allocate addresses from different segments.")
    return [s for s in subnets if s.segment_id in segments]


def _is_meant(subnet: Row, entry: dict[str, str]) -> bool:
    if "subnet_id" in entry:
        return bool(subnet.id == entry["subnet_id"])
    return "ip_address" in entry and ipaddress.ip_address(entry["ip_address"]) in ipam.network(subnet.cidr)


def segments_of(reader: Reader, addresses: Iterable[str]) -> set[str]:
    """Give the segments that addresses, by the ids of their rows, work on; none where they do everywhere."""
    rows = (reader.get("Address", id) for id in addresses)
    subnets = (reader.get("Subnet", row.subnet) for row in rows if row is not None)
    return {subnet.segment_id for subnet in subnets if subnet is not None and subnet.segment_id is not None}


def host_of(reader: Reader, port: Row) -> str:
    """Give the host of a port's active binding, "" for none."""
    row = bindings.active(reader, port)
    return "" if row is None else str(row.host)


def waits(port: Row) -> bool:
    """Whether a port gets its addresses with its host."""
    return bool(port.ip_allocation == DEFERRED) and not port.addresses


def settle(rules: Rules, txn: Txn, request: Request, port: Row, host: str) -> Values:
    """Give the columns of a port that change when it gets a host: its addresses, if it waits for them.

    Raises NetworkingError when the host has no subnet of the network, or no address is left.
    """
    if not host or not waits(port):
        return {}
    ports: Any = rules.others["port"]
    return {"addresses": tuple(ports.addresses_on(txn, request, port, host))}


def settled(rules: Rules, txn: Txn, request: Request, port: Row, host: str) -> tuple[Values, bool]:
    """Do the same for who can refuse nothing; also gives whether the port can be on the host."""
    try:
        return settle(rules, txn, request, port, host), True
    except NetworkingError:
        return {}, False


def check_move(reader: Reader, network: Row, port: Row, host: str) -> None:
    """Refuse a host where the addresses of a port do not work. Raises Neutron's HostNotCompatibleWithFixedIps."""
    wanted = segments_of(reader, port.addresses)
    if not wanted:
        return
    subnets = reader.find("Subnet", "network_id", network.id)
    there = {s.segment_id for s in reachable(reader, network, subnets, host, None)}
    if not wanted <= there:
        message = (
            f"Host {host} is not connected to a segment where the existing fixed_ips on port {port.id} will function"
            " given the routed network topology."
        )
        raise Conflict("HostNotCompatibleWithFixedIps", message)


def concerns(reader: Reader, network: Row, port: Row, subnet: Row) -> bool:
    """Whether a port is where a subnet is."""
    if subnet.segment_id is None:
        return True
    host = host_of(reader, port)
    if not host:
        return subnet.segment_id in segments_of(reader, port.addresses)
    segment = hosts.segment_of(reader, network, host)
    return segment is not None and segment.id == subnet.segment_id
