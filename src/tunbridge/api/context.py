"""Who calls, by the name that the API's rooms use."""

from tunbridge.rules.caller import Caller

__all__ = ["Caller"]
