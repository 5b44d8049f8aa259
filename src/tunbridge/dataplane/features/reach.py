"""What a workload's network leads to: routers with an interface on it, their other networks, and so on.

A packet is routed on the host that it comes from, so all of it is had here: the host's routers send into networks that
no workload of the host is on. Whoever has a workload on a network wants it, and it wants the rest; a network does not
want it back, or nothing of a cloud would ever be given back once it was here.
"""

from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import uplink


def compute(context: Context, network_id: str) -> None:
    """Routers and networks that can be reached from one network."""
    found, waiting = {network_id}, [network_id]
    routers: set[str] = set()
    while waiting:
        for router_id in context.view.network_routers(waiting.pop()):
            router = context.view.router(router_id)
            if router is None or router_id in routers or not router.admin_state_up:
                continue
            routers.add(router_id)
            new = set(router.networks) - found
            found |= new
            waiting += new
    for router_id in routers:
        context.child("router", router_id)
    for id in found - {network_id}:
        network = context.network(id)
        if network is not None and network.admin_state_up and uplink.obstacle(context, network) is None:
            context.vlan(id, unwritten=True)
            context.child("network", id)
