"""Errors of the local OVSDB, apart from its clients: the agent has a client of its own, and loads no other."""

from tunbridge.errors import TunbridgeError


class OvsdbError(TunbridgeError):
    """The local OVSDB cannot be reached or refused a transaction."""

    exit_status = 1
