"""This host's view of the central database, and what it says of itself there."""

from tunbridge.agent.central.client import Central
from tunbridge.agent.central.remembered import Remembered

__all__ = ["Central", "Remembered"]
