"""Checks of routers, where a Networking API told of them: what no host answers for, and what two do."""

from collections.abc import Iterator

from tunbridge.inspect.checks.view import View, finding
from tunbridge.inspect.model import Finding, RouterAddress

_KINDS = {"gateway": "the gateway's address", "floating-ip": "a floating IP", "interface": "an interface's address"}


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


def answered_twice(view: View) -> Iterator[Finding]:
    """Report addresses that several hosts answer a physical network for, once, at the first of them."""
    at: dict[tuple[str, str], list[str]] = {}
    for host in view.given:
        for answer in host.answers or ():
            if answer.outside and answer.mac is not None:
                at.setdefault((answer.address, answer.mac), []).append(host.name)
    for (address, mac), hosts in at.items():
        if len(hosts) > 1:
            all_of_them = " and ".join(hosts)
            yield finding(
                "address-answered-twice",
                hosts[0],
                address,
                f"{all_of_them} answer the same physical network for {address} with the MAC address {mac}: its "
                "switches take it to be now here and now there, and packets to it are lost or come twice",
                "is the agent running on each of these hosts, and do their tunnels reach each other? "
                "`tunbridge host status` there; openstack network agent list --router ROUTER --long",
            )


def unanswered(view: View) -> Iterator[Finding]:
    """Report addresses of routers that nobody answers for, although the API says that somebody does."""
    outside = {(a.address, a.mac) for host in view.given for a in host.answers or () if a.outside}
    is_known = all(host.answers is not None for host in view.given)
    told: set[RouterAddress] = set()
    for host in view.given:
        inside = {(a.address, a.mac) for a in host.answers or () if not a.outside}
        for one in host.router_addresses:
            is_inside = one.kind == "interface"
            answered = inside if is_inside else outside
            if not (host.answers is not None if is_inside else is_known):
                continue
            if not answered.isdisjoint({(one.address, one.mac), (one.address, None)}):
                continue
            if not is_inside and one in told:
                continue
            told.add(one)
            who = f"{host.name} does not answer its workloads" if is_inside else "no host answers the physical network"
            yield finding(
                "address-unanswered",
                host.name,
                one.address,
                f"{who} for {one.address} with the MAC address {one.mac}, {_KINDS[one.kind]} of router {one.router}",
                f"is the agent of {host.name} running, and in sync? `tunbridge host status`; its start brings back "
                "flows that were deleted",
            )


def silent(view: View) -> Iterator[Finding]:
    """Report physical routers that do not answer, of several that a router sends to."""
    for host in view.given:
        for hop in host.silent_next_hops or ():
            routers = [gateway.router for gateway in host.gateways if gateway.external == hop.network]
            whose = f"router {', '.join(dict.fromkeys(routers))}" if routers else "routers"
            yield finding(
                "next-hop-silent",
                host.name,
                hop.address,
                f"{hop.address} in {hop.network} does not answer {host.name}, which sends to it for {whose}: its share "
                "of the packets goes to the other next hops of the route, while any of them answers",
                f"is the physical router with {hop.address} up, and is {host.name} connected to the physical network "
                f"of {hop.network}? The agent asks it every second, and uses it again when it answers",
            )
