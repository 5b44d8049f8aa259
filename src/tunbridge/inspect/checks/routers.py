"""Checks of routers, where a Networking API told of them: what of the outside no host answers for."""

from collections.abc import Iterator

from tunbridge.inspect.checks.view import View, finding
from tunbridge.inspect.model import Finding


def gateways(view: View) -> Iterator[Finding]:
    """Report routers without a gateway host, once, at the first host with a workload of theirs."""
    told: set[str] = set()
    for host in view.given:
        for gateway in host.gateways_missing:
            if gateway.router in told:
                continue
            told.add(gateway.router)
            inside = ", ".join(gateway.networks) or "its networks"
            yield finding(
                "router-without-host",
                host.name,
                gateway.router,
                f"no host has the way of router {gateway.router} to {gateway.external}: what is sent there from "
                f"{inside} is refused, but for workloads with a floating IP on their own host",
                f"which hosts have a bridge to the physical network of {gateway.external}, and are their agents up and "
                "not disabled? openstack network agent list --agent-type l3",
            )


def floating_ips(view: View) -> Iterator[Finding]:
    """Report floating IPs of running workloads that no host answers for."""
    for host, _, port in view.ports():
        if port.floating_ips_down:
            addresses = ", ".join(port.floating_ips_down)
            name = port.workload or port.name
            yield finding(
                "floating-ip-down",
                host.name,
                port.name,
                f"{addresses} of {name} is not ACTIVE, although {name} is: no host answers for it outside",
                "is its router up, and does it have a gateway host? openstack network agent list --router ROUTER; "
                f"does {host.name} or a gateway host have a bridge to the external network?",
            )
