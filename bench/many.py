"""Fills a database with ports like one that the API made: as many through the API would take minutes."""

import ipaddress
import uuid
from dataclasses import dataclass
from typing import Any

from tunbridge.database.connection import Database
from tunbridge.database.transaction import Transaction
from tunbridge.model import catalog
from tunbridge.rules.port_addresses import fixed_ips_text

_AT_ONCE = 1000


@dataclass
class _Range:
    """Ports from the `first`th on."""

    model: str
    first: int
    count: int

    def write(self, txn: Transaction) -> None:
        tables = {table.name: table for table in catalog.tables()}
        port: Any = txn.get("Port", self.model)
        address: Any = txn.get("Address", port.addresses[0])
        start = ipaddress.ip_address(address.ip_address)
        for n in range(self.first, self.first + self.count):
            values: dict[str, Any] = {c.name: getattr(port, c.name) for c in tables["Port"].columns}
            place = {
                "subnet": address.subnet,
                "network": address.network,
                "ip_address": str(ipaddress.ip_address(int(ipaddress.ip_network(f"{start}/16", False)[256]) + n)),
            }
            id = str(uuid.uuid4())
            own = {
                "mac_address": f"fa:16:3f:{n >> 16 & 255:02x}:{n >> 8 & 255:02x}:{n & 255:02x}",
                "device_id": str(uuid.uuid4()),
                "bindings": self._bindings(txn, port, id, tables),
                "addresses": (made := (txn.insert("Address", place),)),
                "fixed_ips": fixed_ips_text(txn, made),
            }
            txn.insert("Port", values | own, id)

    def _bindings(self, txn: Transaction, port: Any, id: str, tables: dict[str, Any]) -> tuple[str, ...]:
        rows = [txn.get("Port_Binding", binding) for binding in port.bindings]
        columns = [column.name for column in tables["Port_Binding"].columns]
        return tuple(
            txn.insert("Port_Binding", {name: getattr(row, name) for name in columns} | {"port_id": id}) for row in rows
        )


async def fill(remote: str, model: str, count: int) -> None:
    """Write ports like the port `model`, each with an address, a MAC and a device of its own."""
    database = Database(catalog.tables())
    await database.start([remote])
    try:
        await database.wait_ready(60)
        for first in range(0, count, _AT_ONCE):
            await database.commit(_Range(model, first, min(_AT_ONCE, count - first)).write)
    finally:
        await database.close()
