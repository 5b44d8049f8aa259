"""How a network leaves this host: by tunnels, by a provider bridge, or not at all."""

from tunbridge.dataplane import names
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import tags
from tunbridge.dataplane.view import Network


def obstacle(context: Context, network: Network) -> str | None:
    """Why the network cannot be had on this host."""
    return _no_way_out(context, network) or (tags.obstacle(context, network) if network.is_transparent else None)


def _no_way_out(context: Context, network: Network) -> str | None:
    if network.is_tunnelled:
        types = context.local.tunnel_types
        if network.network_type not in types:
            return f"network type {network.network_type}: the tunnels of this host are {', '.join(types)}"
        return None if network.segmentation_id is not None else "its network has no segmentation id"
    if network.network_type == "local":
        return None
    if network.physical_network is None or context.local.provider(network.physical_network) is None:
        return f"no bridge is mapped to physical network {network.physical_network}"
    return None


def bridge(context: Context, network: Network) -> str | None:
    """The bridge by which the network leaves this host; None where it does not."""
    if network.network_type == "local":
        return None
    if network.is_tunnelled:
        return names.TUNNEL_BRIDGE
    return context.local.provider(network.physical_network or "")


def patch(context: Context, network: Network) -> int | None:
    """The OpenFlow port of br-int by which the network leaves it; None where it does not, or not yet."""
    to = bridge(context, network)
    if to is None:
        return None
    name = names.PATCH_TO_TUNNEL if to == names.TUNNEL_BRIDGE else names.integration_patch(to)
    return context.local.ofport(names.INTEGRATION_BRIDGE, name)
