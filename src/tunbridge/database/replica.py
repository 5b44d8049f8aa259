"""`Replica`: the wanted rows of a database, kept up to date, for a host: no leader needed, no proof of writes.

It serves the central database and the one of the host's own Open vSwitch. What a host writes can be written twice
(its own rows, with values that are the same again), so a transaction whose reply was lost is simply sent anew by
whoever still wants it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from tunbridge.database.access import HOST, Access
from tunbridge.database.conditions import Conditions
from tunbridge.database.errors import DatabaseUnavailable, TransactionRefusedError, from_results
from tunbridge.database.link import Link
from tunbridge.database.session import SessionError, check_remote
from tunbridge.database.stats import Stats
from tunbridge.database.store import Store
from tunbridge.database.transaction import Operation
from tunbridge.model.tables import Table

if TYPE_CHECKING:
    from tunbridge.openvswitch.tls import Files

_decode_results = msgspec.json.Decoder(list[Any]).decode


class Replica:
    """A store that follows a database. `changed()` is called after rows, conditions or the connection changed."""

    def __init__(self, tables: Sequence[Table], changed: Callable[[], None], access: Access = HOST) -> None:
        """Declare the tables, each with only the columns that are wanted; a foreign schema may have more of both."""
        self.store = Store(tables)
        self.stats = Stats()
        self._access = access
        self._link = Link(tables, self.store, self.stats, access, changed)
        self.store.watch(changed)

    async def run(self, remotes: Sequence[str], tls: "Files | None" = None) -> None:
        """Connect, and connect again whenever the connection is lost, until cancelled. Raises RemoteError."""
        for remote in remotes:
            check_remote(remote)
        await self._link.run(tuple(remotes), tls)

    def want(self, conditions: Conditions) -> None:
        """Ask for these rows from now on; `settled` says when they are there."""
        self._link.want(conditions)

    @property
    def connected(self) -> bool:
        """Whether the store shows the database as it is now."""
        return self._link.ready

    @property
    def reachable(self) -> bool:
        """Whether it can be written: so it is before the rows are there, which may take long while many hosts load."""
        return self._link.reached is not None

    def expect(self, crowd: int) -> None:
        """Say how many clients of the same database there are, which all come back at once when it was away."""
        self._link.crowd = crowd

    @property
    def resumed(self) -> bool:
        """Whether the last connection went on where the one before ended: nothing of before has to be said again."""
        return self._link.resumed

    @property
    def settled(self) -> bool:
        """Whether the store holds, or held when the connection was lost, all rows that are wanted."""
        return self._link.settled

    @property
    def connection(self) -> int:
        """Counts connections: a greater number means that what was said on the former one may have to be said again."""
        return self._link.connection

    @property
    def cluster(self) -> str | None:
        """The id of the cluster; None: not clustered, or seen through a relay."""
        return self._link.cluster

    @property
    def problem(self) -> str | None:
        """Why there is no connection."""
        return self._link.problem

    async def transact(self, operations: Sequence[Operation]) -> list[Any]:
        """Send operations of RFC 7047, section 5.2, and give their results.

        What they change is in the store by then, if it was connected. Raises DatabaseUnavailable;
        TransactionRefusedError or another DatabaseError for what the database refuses.
        """
        session = self._link.reached or await self._link.session(0)
        patience = self._access.reply_s
        try:
            async with asyncio.timeout(patience):
                reply = await session.request("transact", [self._access.database, *operations])
        except SessionError as e:
            raise DatabaseUnavailable(str(e), outcome_unknown=True) from e
        except TimeoutError:
            session.close(f"{session.remote}: no answer to a transaction for {patience:g} s")
            raise DatabaseUnavailable(f"{session.remote}: no answer for {patience:g} s", outcome_unknown=True) from None
        if reply.error is not None:
            raise TransactionRefusedError(str(reply.error), session.remote)
        results = _decode_results(reply.result)
        if (error := from_results(results, [])) is not None:
            raise error
        return results
