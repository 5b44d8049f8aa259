"""Counters of the database connection, for metrics."""

import msgspec


class Stats(msgspec.Struct):
    """Each only grows."""

    transactions: int = 0
    """Sent and answered, whatever the answer."""
    conflicts: int = 0
    """Of those, the ones that the database refused because of what others wrote."""
    resent: int = 0
    """Transactions sent again because the connection was lost before their reply."""
    barriers: int = 0
    updates: int = 0
    reconnects: int = 0
    resumes: int = 0
    """Connections that needed only what had changed."""
    loads: int = 0
    """Connections that loaded everything."""
