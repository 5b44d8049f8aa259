"""What a server does by itself for routers: gives a gateway another host when its host is dead or disabled.

Every server does it: whoever comes first has done it, and the transactions of the others find nothing left to do.
"""

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import Any

from tunbridge.database.connection import Database
from tunbridge.database.errors import DatabaseError
from tunbridge.rules import gateway_hosts
from tunbridge.rules.caller import Caller
from tunbridge.rules.request import Request, Txn
from tunbridge.rules.settings import NetworkingSettings

LOOK_S = 2.0
"""Between two looks at who is alive; how long a host may be silent is `agent_down_time`."""
BATCH = 50
"""Routers in one transaction."""


class GatewayChore:
    """Looks after the gateways' hosts as long as it runs."""

    def __init__(self, database: Database, settings: NetworkingSettings, caller: Caller, log: Any) -> None:
        self._database = database
        self._settings = settings
        self._caller = caller
        self._log = log

    async def run(self) -> None:
        """Look every so often, until cancelled."""
        silent_until, before = self._later(), set[str]()
        while True:
            await asyncio.sleep(LOOK_S)
            store = self._database.store
            living = gateway_hosts.living(store, self._request())
            if not living:
                silent_until = self._later()
            due = gateway_hosts.misplaced(
                store, living, dead_too=time.monotonic() > silent_until, news=living != before
            )
            before = living
            for start in range(0, len(due), BATCH):
                await self._some(due[start : start + BATCH])

    def _later(self) -> float:
        """When silence means something: at first, and after an outage of the database, no host has been heard of."""
        return time.monotonic() + self._settings.agent_down_time

    def _request(self) -> Request:
        return Request(self._caller, self._settings, datetime.now(UTC), random.SystemRandom())

    async def _some(self, due: list[str]) -> None:
        def build(txn: Txn) -> list[str]:
            request = self._request()
            return [id for id in due if gateway_hosts.move(txn, request, id)]

        try:
            moved = await self._database.commit(build)
        except DatabaseError as e:  # the next look tries again
            self._log.warning("gateways of routers could not be moved", reason=str(e), routers=len(due))
            return
        if moved:
            self._log.warning("gateways of routers moved to other hosts", routers=len(moved), first=moved[0])
