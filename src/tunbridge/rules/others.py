"""Rules of what is shown but not stored as users see it: agents, zones, address counts."""

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from tunbridge.rules import hosts, ipam
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import no_such_resource
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.settings import NetworkingSettings
from tunbridge.rules.subnets import pools_of
from tunbridge.rules.times import Clock


class TimedRules(Rules):
    """Rules whose bodies depend on settings and the time."""

    cached = False

    def __init__(self, resource: Any, settings: NetworkingSettings, clock: Clock) -> None:
        super().__init__(resource)
        self._settings = settings
        self._clock = clock


class AgentRules(TimedRules):
    """The rules of agents: hosts register them, an admin may describe them and remove dead ones."""

    name = "Agent"

    def body(self, reader: Reader, row: Row) -> Values:
        """Give all that can be seen of an agent."""
        setting = self._setting(reader, row)
        beat = hosts.heartbeat(reader, row)
        return {
            "id": row.id,
            "agent_type": row.agent_type,
            "binary": row.binary,
            "topic": row.topic,
            "host": row.host,
            "admin_state_up": True if setting is None else setting.admin_state_up,
            "created_at": _plain(row.created_at),
            "started_at": _plain(row.started_at),
            "heartbeat_timestamp": None if beat is None else beat.strftime("%Y-%m-%d %H:%M:%S"),
            "alive": hosts.is_alive(reader, row, self._settings, self._clock()),
            "configurations": hosts.configurations(row),
            "description": None if setting is None else setting.description,
            "availability_zone": row.availability_zone,
        }

    def update(self, txn: Txn, _request: Request, row: Row, values: Values) -> None:
        """Keep what an admin says of an agent."""
        columns: Values = {name: values[name] for name in ("admin_state_up", "description") if name in values}
        setting = self._setting(txn, row)
        if setting is not None:
            txn.update("Agent_Setting", setting.id, columns)
            return
        made: Values = {"host": row.host, "agent_type": row.agent_type, "admin_state_up": True, **columns}
        txn.insert("Agent_Setting", made)

    def delete(self, txn: Txn, _request: Request, row: Row) -> None:
        """Forget an agent; one that lives registers itself again."""
        setting = self._setting(txn, row)
        if setting is not None:
            txn.delete("Agent_Setting", setting.id)
        beat = txn.find_unique("Host_Heartbeat", ("host", "agent_type"), (row.host, row.agent_type))
        if beat is not None:
            txn.delete("Host_Heartbeat", beat.id)
        if row.agent_type == hosts.AGENT_TYPE:
            txn.delete_where("Port_Status", "host", row.host)
        txn.delete("Host", row.id)

    @staticmethod
    def _setting(reader: Reader, row: Row) -> Row | None:
        return reader.find_unique("Agent_Setting", ("host", "agent_type"), (row.host, row.agent_type))


def _plain(text: str) -> str:
    """Give a time as Neutron prints those of agents."""
    return text.replace("T", " ").removesuffix("Z")


class Zone(msgspec.Struct, frozen=True):
    """An availability zone, for one kind of resource."""

    id: str
    name: str
    resource: str
    state: str


class AvailabilityZoneRules(TimedRules):
    """The rules of availability zones: those that hosts say they are in."""

    name = "AvailabilityZone"

    def all(self, reader: Reader) -> Collection[Row]:
        """Give all zones."""
        found: dict[str, bool] = {}
        for row in reader.all("Host"):
            if row.availability_zone:
                alive = hosts.is_alive(reader, row, self._settings, self._clock())
                found[row.availability_zone] = found.get(row.availability_zone, False) or alive
        states = {True: "available", False: "unavailable"}
        return [Zone(f"{name} network", name, "network", states[alive]) for name, alive in sorted(found.items())]

    def row(self, reader: Reader, id: str) -> Row | None:
        """Give a zone by name."""
        return next((zone for zone in self.all(reader) if zone.name == id), None)

    def body(self, _reader: Reader, row: Row) -> Values:
        """Give all that can be seen of a zone."""
        return {"name": row.name, "resource": row.resource, "state": row.state}

    def project(self, _row: Row) -> str | None:
        """Nobody owns a zone."""
        return None


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
