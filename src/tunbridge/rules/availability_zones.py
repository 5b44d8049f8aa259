"""Rules of availability zones: a zone is there while an agent is in it."""

from collections.abc import Collection

import msgspec

from tunbridge.rules import hosts
from tunbridge.rules.request import Reader, Row, Values
from tunbridge.rules.timed import TimedRules


class Zone(msgspec.Struct, frozen=True):
    """An availability zone, for one kind of resource."""

    id: str
    name: str
    resource: str
    state: str


_KINDS = ("network", "router")
"""What can be made for a zone: hosts serve both."""


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
        return [
            Zone(f"{name} {kind}", name, kind, states[alive])
            for name, alive in sorted(found.items())
            for kind in _KINDS
        ]

    def row(self, reader: Reader, id: str) -> Row | None:
        """Give a zone by name."""
        return next((zone for zone in self.all(reader) if zone.name == id), None)

    def body(self, _reader: Reader, row: Row) -> Values:
        """Give all that can be seen of a zone."""
        return {"name": row.name, "resource": row.resource, "state": row.state}

    def project(self, _row: Row) -> str | None:
        """Nobody owns a zone."""
        return None
