"""How the server is told about Placement: the settings under `placement`."""

from tunbridge.api.keystone_service import ServiceConfig


class PlacementConfig(ServiceConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Placement that is told what hosts have."""
