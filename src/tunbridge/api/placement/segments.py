"""What Placement and Nova are to know of a routed network's segments: addresses, and hosts that reach them. Pure.

    Neutron segment id SEGMENT   a resource provider with IPV4_ADDRESS, and an aggregate of Nova's with the hosts

Names and numbers are Neutron's (`NovaSegmentNotifier`): all addresses of the pools, and the gateway's; reserved are the
gateway's, and what others than Nova's servers have.
"""

import ipaddress
from typing import Any

import msgspec
from msgspec import Struct

from tunbridge.rules import hosts
from tunbridge.rules.qos_minimums import SERVER_PORT
from tunbridge.rules.request import Reader, Row

IPV4_ADDRESS = "IPV4_ADDRESS"
_NAME = "Neutron segment id "


class SegmentResources(Struct, frozen=True):
    """A segment with IPv4 addresses for ports."""

    segment: str
    total: int
    reserved: int
    hosts: frozenset[str]

    @property
    def name(self) -> str:
        return name(self.segment)

    @property
    def inventories(self) -> dict[str, dict[str, Any]]:
        units = {"min_unit": 1, "max_unit": 1, "step_size": 1, "allocation_ratio": 1.0}
        return {IPV4_ADDRESS: {"total": self.total, "reserved": self.reserved, **units}}


def name(segment: str) -> str:
    """The name of a segment's provider and aggregate."""
    return _NAME + segment


def named(text: str) -> str | None:
    """The segment that an aggregate's name tells of."""
    return text.removeprefix(_NAME) if text.startswith(_NAME) else None


def of_network(reader: Reader, network: Row) -> list[SegmentResources]:
    """Give the segments of a network that have IPv4 addresses."""
    subnets: dict[str, list[Row]] = {}
    for subnet in reader.find("Subnet", "network_id", network.id):
        if subnet.segment_id and subnet.ip_version == 4 and _pools(subnet):
            subnets.setdefault(subnet.segment_id, []).append(subnet)
    if not subnets:
        return []
    reached: dict[str, set[str]] = {}
    for agent in reader.all("Host"):
        if agent.agent_type == hosts.AGENT_TYPE and (by := hosts.reached(agent, network)) is not None and by.id:
            reached.setdefault(by.id, set()).add(agent.host)
    taken = _taken(reader, network)
    found = []
    for segment, there in sorted(subnets.items()):
        numbers = [_count(subnet, taken.get(subnet.id, [])) for subnet in there]
        total, reserved = (sum(column) for column in zip(*numbers, strict=True))
        found.append(SegmentResources(segment, total, reserved, frozenset(reached.get(segment, ()))))
    return found


def _pools(subnet: Row) -> list[tuple[int, int]]:
    found = msgspec.json.decode(subnet.allocation_pools or "[]")
    return [(int(ipaddress.ip_address(p["start"])), int(ipaddress.ip_address(p["end"]))) for p in found]


def _count(subnet: Row, taken: list[str]) -> tuple[int, int]:
    """Give all addresses of a subnet, and those that no server can get."""
    pools = _pools(subnet)
    gateway = 1 if subnet.gateway_ip else 0
    in_pools = [ip for ip in taken if any(first <= int(ipaddress.ip_address(ip)) <= last for first, last in pools)]
    reserved = sum(1 for ip in in_pools if ip != subnet.gateway_ip)
    return sum(last - first + 1 for first, last in pools) + gateway, gateway + reserved


def _taken(reader: Reader, network: Row) -> dict[str, list[str]]:
    """Give the addresses of ports that are not of Nova's servers, by subnet."""
    found: dict[str, list[str]] = {}
    for port in reader.find("Port", "network_id", network.id):
        if not port.device_owner.startswith(SERVER_PORT):
            for address in (reader.get("Address", id) for id in port.addresses):
                if address is not None:
                    found.setdefault(address.subnet, []).append(address.ip_address)
    return found
