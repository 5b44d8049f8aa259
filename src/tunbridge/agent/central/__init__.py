"""This host's view of the central database, and what it says of itself there."""

from tunbridge.agent.central.client import Central

__all__ = ["Central"]
