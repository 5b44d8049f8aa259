"""One file per feature; each computes the contribution of one owner (feature, id) through its `Context`.

The order is the order of computing: a feature's children and readers of its facts come after it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import (
    floating,
    flood,
    frame,
    gateway,
    local_ip,
    located,
    logged,
    metadata,
    metering,
    mirror,
    neighbour,
    network,
    policy,
    port,
    private,
    qos,
    reach,
    remote,
    router,
    services,
    tap,
    wire,
)

FEATURES: Mapping[str, Callable[[Context, str], None]] = MappingProxyType(
    {
        "base": frame.compute,
        "port": port.compute,
        "qos": qos.compute,
        "tap": tap.compute,
        "tap flow": tap.compute_flow,
        "mirror": mirror.compute,
        "metadata": metadata.compute,
        "log": logged.compute,
        "reach": reach.compute,
        "local-ip": local_ip.compute,
        "network": network.compute,
        "policy": policy.compute,
        "remote": remote.compute,
        "member": remote.compute_member,
        "neighbour": neighbour.compute,
        "located": located.compute,
        "private": private.compute,
        "subnet": services.compute,
        "router": router.compute,
        "gateway": gateway.compute,
        "floating": floating.compute,
        "metering": metering.compute,
        "wire": wire.compute,
        "flood": flood.compute,
    }
)
