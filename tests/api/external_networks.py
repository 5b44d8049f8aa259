"""External networks of a test, and what tests leave on them."""

import contextlib
from collections.abc import Iterator

from tests.api.serving import User


@contextlib.contextmanager
def external_networks(admin: User, *cidrs: str, physical_network: str | None = None) -> Iterator[list[str]]:
    """External networks with a subnet each, flat ones where a physical network is named. All routers go with them."""
    flat = {"provider:network_type": "flat", "provider:physical_network": physical_network} if physical_network else {}
    made = []
    for cidr in cidrs:
        made.append(admin.create("network", **{"router:external": True}, **flat)["id"])
        admin.create("subnet", network_id=made[-1], cidr=cidr, ip_version=4)
    yield made
    for floating in admin.list("floatingip"):
        admin.remove("floatingip", floating["id"])
    for router in admin.list("router"):
        for port in admin.list("port", device_id=router["id"], device_owner="network:router_interface"):
            assert admin.put(f"/routers/{router['id']}/remove_router_interface", {"port_id": port["id"]}).is_success
        admin.remove("router", router["id"])
    for network in made:
        admin.remove("network", network)
