"""Private VLANs: what kind each port of such a network is, and when a network may be one.

Errors and texts are those of Neutron's plugin (neutron/services/pvlan). Where it would leave a network half changed,
the request is refused: ports without port security in a network that becomes private, and the other way round.
"""

from typing import Any

from tunbridge.model import device_owners
from tunbridge.rules.errors import BadRequest
from tunbridge.rules.request import Row, Values

KIND, COMMUNITY_NAME = "pvlan_type", "pvlan_community"
FIELDS = (KIND, COMMUNITY_NAME)
PROMISCUOUS, COMMUNITY = "promiscuous", "community"
_NETWORKS_OWN = "network:"
"""How owners of ports begin that are the cloud's: they have no port security, and need none."""
_ROUTERS = ("network:router", "network:ha_router", device_owners.FLOATING_IP)
"""How owners of ports begin that are promiscuous always: whoever may not send to a router has no way out."""


def settle(values: Values, network: Row, port_id: str, port: Row | None = None) -> None:
    """Put into a port's values what kind it is to be. Raises BadRequest.

    `values`: of a create, or of an update of `port` together with all that stays as it is.
    """
    before = (None, None) if port is None else (port.pvlan_type, port.pvlan_community)
    kind, community = values.pop(KIND, before[0]), values.pop(COMMUNITY_NAME, None)
    owner = values.get("device_owner") or ""
    if network.pvlan:
        _check_secured(owner, values["port_security_enabled"], port_id)
        kind, community = _settled(kind or PROMISCUOUS, community, before[1], port_id)
        if owner.startswith(_ROUTERS):
            check_router(kind, port_id)
    elif before[0] is None and (kind or community):
        message = f"PVLAN is not enabled on network {network.id}."
        raise BadRequest("PVLANNotEnabledOnNetwork", message)
    else:
        kind = community = None
    if port is None or (kind, community) != before:
        values |= {KIND: kind, COMMUNITY_NAME: community}


def _settled(kind: str, community: str | None, before: str | None, port_id: str) -> tuple[str, str | None]:
    if kind != COMMUNITY:
        if community:
            message = f'PVLAN community name cannot be set if port type is not "community" for this port: {port_id}.'
            raise BadRequest("PVLANCannotSetCommunityName", message)
        return kind, None
    if not (community or before):
        message = f'Community name is required for ports with PVLAN type "community": {port_id}.'
        raise BadRequest("PVLANCommunityNameRequired", message)
    return kind, community or before


def _check_secured(device_owner: str, is_secured: bool, port_id: str) -> None:
    if not is_secured and not device_owner.startswith(_NETWORKS_OWN):
        message = f"Port security is disabled for port {port_id}, cannot set PVLAN."
        raise BadRequest("PVLANPortSecurityDisabled", message)


def check_router(kind: str | None, port_id: str) -> None:
    """Refuse a port that is, or is to be, a router's and not promiscuous. Raises BadRequest."""
    if kind not in (None, PROMISCUOUS):
        message = f"Unsupported PVLAN type {kind} for port {port_id}."
        raise BadRequest("PVLANUnsupportedType", message)


def check_network(is_private: bool, is_secured: bool, network_id: str) -> None:
    """Refuse a private network whose ports have no port security by default. Raises BadRequest."""
    if is_private and not is_secured:
        message = f"Port security is disabled on network {network_id}, cannot enable PVLAN."
        raise BadRequest("PVLANNetworkPortSecurityDisabled", message)


def changed(port: Row, is_private: bool) -> dict[str, Any]:
    """The columns of a port whose network becomes private, or is no longer. Raises BadRequest."""
    if is_private:
        _check_secured(port.device_owner, port.port_security_enabled, port.id)
    return {KIND: PROMISCUOUS if is_private else None, COMMUNITY_NAME: None}
