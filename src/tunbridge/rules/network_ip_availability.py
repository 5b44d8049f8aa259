"""Rules of how many addresses of a network are used: counted when asked."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tunbridge.rules import ipam
from tunbridge.rules.errors import no_such_resource
from tunbridge.rules.request import Reader, Row, Values
from tunbridge.rules.subnets import pools_of
from tunbridge.rules.timed import TimedRules


class Counted(msgspec.Struct, frozen=True):
    """A network of which only the subnets of some IP versions are counted."""

    id: str
    name: str
    project_id: str
    versions: frozenset[str]


_DETAILS = ("total_ips_in_subnet", "total_ips_in_allocation_pool", "used_ips_in_subnet", "used_ips_in_allocation_pool")


class NetworkIpAvailabilityRules(TimedRules):
    """How many addresses networks have, and how many are taken."""

    name = "Network"

    def narrowed(self, rows: list[Row], filters: Mapping[str, Sequence[Any]]) -> list[Row]:
        """Count only the subnets of the IP versions that are asked for."""
        versions = frozenset(str(version) for version in filters.get("ip_version", ()))
        return [Counted(row.id, row.name, row.project_id, versions) for row in rows] if versions else rows

    def body(self, reader: Reader, row: Row) -> Values:
        """Give the counts of a network."""
        found = reader.find("Subnet", "network_id", row.id)
        if isinstance(row, Counted):
            found = [subnet for subnet in found if str(subnet.ip_version) in row.versions]
        subnets = [self._subnet(reader, subnet) for subnet in found]
        details = [subnet["ip_availability_details"] for subnet in subnets]
        return {
            "network_id": row.id,
            "network_name": row.name,
            "project_id": row.project_id,
            "total_ips": sum(subnet["total_ips"] for subnet in subnets),
            "used_ips": sum(subnet["used_ips"] for subnet in subnets),
            "subnet_ip_availability": subnets,
            "ip_availability_details": {name: sum(one[name] for one in details) for name in _DETAILS},
        }

    filters = {  # noqa: RUF012 - annotated in the base class
        "ip_version": lambda reader, row, wanted, _: any(
            str(subnet.ip_version) in map(str, wanted) for subnet in reader.find("Subnet", "network_id", row.id)
        ),
    }

    def hidden(self, _id: str) -> Exception:
        """Give the error that Neutron has for somebody who may not know of counts."""
        return no_such_resource()

    @staticmethod
    def _subnet(reader: Reader, row: Row) -> Values:
        pools = pools_of(row)
        whole = ipam.network(row.cidr).num_addresses
        taken = [ipaddress.ip_address(one.ip_address) for one in reader.find("Address", "subnet", row.id)]
        in_pools = sum(any(pool.holds(address) for pool in pools) for address in taken)
        pooled = sum(pool.size for pool in pools)
        # The first and the last address of an IPv4 subnet are the network's and the broadcast's (RFC 1122, 3.2.1.3).
        counts = (whole - 2 if row.ip_version == 4 and whole > 2 else whole, pooled, len(taken), in_pools)
        return {
            "subnet_id": row.id,
            "subnet_name": row.name,
            "cidr": row.cidr,
            "ip_version": row.ip_version,
            "total_ips": pooled,
            "used_ips": len(taken),
            "ip_availability_details": dict(zip(_DETAILS, counts, strict=True)),
        }
