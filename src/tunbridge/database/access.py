"""Which database a `Link` keeps a copy of, and which of its servers it may use.

Servers of the API need the leader of the central database: what one of them acknowledged, another must show at once. A
host may read from any member or relay, and ask for some rows only. The database of a host's Open vSwitch is a
standalone one, with a schema that is not ours.
"""

import msgspec

from tunbridge.database.schema import COMMIT, NAME
from tunbridge.model.tables import Table


class Access(msgspec.Struct, frozen=True):
    """How a database is used."""

    database: str = NAME
    title: str = "the central database"
    """In logs and errors."""
    leader_only: bool = True
    """False: any member that has contact with its cluster, or a relay, will do."""
    convert: bool = False
    """What the schema lacks is added to it."""
    probe_s: float = 0.5
    """After so many seconds without a byte a server is asked for one."""
    silent_s: float = 0.5
    """A server that owes the answer for so many seconds is left, as soon as there is another one that will do."""
    retry_s: float = 1.0
    """Longest pause between two rounds of asking, in seconds."""
    connect_s: float = 4.0
    """For connecting to a server and asking it what it is."""
    reply_s: float = 10.0
    """How long a transaction of a `Replica` may take; then the connection is given up."""
    takes_turns: bool = False
    """There are so many of the kind that they load one after the other."""
    besides: tuple[Table, ...] = (COMMIT,)
    """Tables that have to be there, though they are not read."""

    @property
    def is_ours(self) -> bool:
        """Whether the schema is that of Tunbridge, which `tunbridge db` can make and upgrade."""
        return self.database == NAME


SERVER = Access()
HOST = Access(leader_only=False, probe_s=5.0, silent_s=5.0, connect_s=20.0, reply_s=60.0, takes_turns=True, besides=())
"""The central database, as a host reads and writes it.

`ovsdb-server` accepts one connection between two rounds of work. With hundreds of hosts that come at once, and some
that load already, each waits for seconds; those that have given up are accepted all the same, before the others. The
same holds for transactions, of which a cluster commits one in a round.
"""
