"""How the server is told about Nova: the settings under `nova`."""

from tunbridge.api.keystone_service import ServiceConfig


class NovaConfig(ServiceConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Nova that is told what happens to ports of its servers; `endpoint` is up to and with its version, /v2.1."""
