"""How the server is told about Nova: the settings under `nova`."""

from typing import Literal

from tunbridge.api.auth.config import ServiceUser, Url


class NovaConfig(ServiceUser, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Nova that is told what happens to ports of its servers, and the service user who tells it."""

    region: str | None = None
    """Of the catalog's endpoints of type `compute`, the one of this region; None: the first."""
    interface: Literal["internal", "public", "admin"] = "internal"
    endpoint: Url | None = None
    """Where Nova is, up to and with its version: /v2.1; None: as the catalog says."""
