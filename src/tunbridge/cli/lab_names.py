"""What servers of labs tell of their hosts' ports: names, floating IPs, the addresses of routers."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunbridge.cli import labs
from tunbridge.model import device_owners

if TYPE_CHECKING:
    from tunbridge.inspect.model import Gateway, Host
    from tunbridge.inspect.networks import Names


def with_names(hosts: "list[Host]", sources: Sequence[str]) -> "list[Host]":
    """Give the hosts with what servers of the labs among the sources tell: names, floating IPs, routers' gateways."""
    from tunbridge.inspect import networks

    for file in labs.clouds_yaml(sources):
        hosts = networks.named(hosts, _names(file, hosts))
    return hosts


def _names(clouds_yaml: Path, hosts: "Sequence[Host]") -> "Names":
    """Ask a server; nothing when it does not answer: the hosts can be shown without."""
    from tunbridge.cli.lab_routers import addresses, answers
    from tunbridge.cloud import CloudError, connect
    from tunbridge.inspect.networks import Names

    try:
        with connect(labs.CLOUD, {"OS_CLIENT_CONFIG_FILE": str(clouds_yaml)}) as cloud:
            networks = {one["id"]: one["name"] for one in cloud.list("networks") if one["name"]}
            ports = cloud.list("ports")
            floating = cloud.list("floatingips")
            routers = {one["id"]: one for one in cloud.list("routers")}
    except CloudError:
        return Names()
    at, missing = _gateways(routers, ports, networks)
    due = addresses(routers, ports, floating)
    active = {one["id"] for one in ports if one["status"] == "ACTIVE"}
    return Names(
        networks=networks,
        ports={one["id"]: one["name"] for one in ports if one["name"]},
        floating_ips=_by_port(floating),
        floating_ips_down=_by_port(f for f in floating if f["status"] != "ACTIVE" and f["port_id"] in active),
        gateways=at,
        gateways_missing=missing,
        host_addresses=due.of_hosts,
        network_addresses=due.of_networks,
        port_addresses=due.of_ports,
        active=frozenset(active),
        answers={host.name: answers(host, due.all) for host in hosts if due.all},
    )


def _by_port(floating: "Iterable[dict[str, Any]]") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in floating:
        if one["port_id"]:
            found.setdefault(one["port_id"], []).append(one["floating_ip_address"])
    return found


def _gateways(
    routers: "dict[str, dict[str, Any]]", ports: "list[dict[str, Any]]", networks: dict[str, str]
) -> "tuple[dict[str, list[Gateway]], dict[str, list[Gateway]]]":
    """Give routers' gateways by the host that has them, and those that none has by the ids of their networks."""
    from tunbridge.inspect.model import Gateway

    inside: dict[str, set[str]] = {}
    for port in ports:
        if port["device_owner"] == device_owners.ROUTER_INTERFACE:
            inside.setdefault(port["device_id"], set()).add(port["network_id"])
    found: dict[str, list[Gateway]] = {}
    missing: dict[str, list[Gateway]] = {}
    for port in ports:
        router = routers.get(port["device_id"])
        host = port.get("binding:host_id")
        if port["device_owner"] != device_owners.ROUTER_GATEWAY or router is None:
            continue
        within = inside.get(router["id"], set())
        gateway = Gateway(
            router=router["name"] or router["id"],
            networks=sorted(networks.get(id, id) for id in within),
            external=networks.get(port["network_id"], port["network_id"]),
            addresses=[address["ip_address"] for address in port["fixed_ips"]],
            snat=bool((router["external_gateway_info"] or {}).get("enable_snat", True)),
        )
        if host:
            found.setdefault(host, []).append(gateway)
        for id in within if not host and router["admin_state_up"] else ():
            missing.setdefault(id, []).append(gateway)
    return found, missing
