"""Rules of what is shown with the time: bodies that depend on settings and the clock."""

from typing import Any

from tunbridge.rules.base import Rules
from tunbridge.rules.settings import NetworkingSettings
from tunbridge.rules.times import Clock


class TimedRules(Rules):
    """Rules whose bodies depend on settings and the time."""

    cached = False

    def __init__(self, resource: Any, settings: NetworkingSettings, clock: Clock) -> None:
        super().__init__(resource)
        self._settings = settings
        self._clock = clock
