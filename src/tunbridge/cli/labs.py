"""Where the labs of this machine keep their OVSDB sockets: what `lab:NAME` means as a SOURCE.

Only the layout of their directories is used, so that looking at a lab needs none of what builds one:
`/run/tunbridge/lab/NAME/HOST/openvswitch/db.sock`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from tunbridge.inspect.model import Gateway, Host
    from tunbridge.inspect.networks import Names

ROOT = Path("/run/tunbridge/lab")
DEFAULT = "default"
_SOCKET = Path("openvswitch/db.sock")
_CLOUDS_YAML = Path("server/auth/clouds.yaml")
CLOUD = "tunbridge"
"""Name of a lab's cloud in its clouds.yaml."""


class NoLabError(TunbridgeError):
    """There is no lab of that name, or it has no host."""


def names() -> list[str]:
    """Name the labs that there are."""
    try:
        return sorted(entry.name for entry in ROOT.iterdir() if entry.is_dir())
    except OSError:
        return []


def sockets(name: str) -> dict[str, str]:
    """Give host name -> OVSDB remote of the lab `name` ("" for the default one). Raises NoLabError."""
    name = name or DEFAULT
    if "/" in name or name in (".", ".."):
        raise NoLabError(f"lab:{name}: not the name of a lab")
    folder = ROOT / name
    try:
        found = {host.name: host / _SOCKET for host in sorted(folder.iterdir()) if (host / _SOCKET).exists()}
    except FileNotFoundError:
        there = names()
        raise NoLabError(
            f"lab:{name}: no such lab; "
            + (f"there are: {', '.join(there)}" if there else "`tunbridge lab up` makes one (as root)")
        ) from None
    except OSError as e:
        raise NoLabError(f"lab:{name}: {folder}: {e.strerror}; try as root") from None
    if not found:
        raise NoLabError(f"lab:{name}: none of its hosts has a running Open vSwitch; `tunbridge lab up` starts them")
    return {host: f"unix:{socket}" for host, socket in found.items()}


def host_of(remote: str) -> tuple[str, str] | None:
    """Give the lab and the host whose OVSDB this is; None for any other."""
    path = Path(remote.removeprefix("unix:"))
    parts = path.relative_to(ROOT).parts if path.is_relative_to(ROOT) else ()
    return (parts[0], parts[1]) if parts[2:] == _SOCKET.parts else None


def run(remote: str, argv: Sequence[str]) -> str:
    """Run a command on the host of a lab whose OVSDB this is, and give what it prints. Raises TunbridgeError.

    What a virtual machine runs is reached so; only its database is beside the others' files.
    """
    there = host_of(remote)
    if there is None:
        raise NoLabError(f"{remote}: no host of a lab, and its Open vSwitch is not reached from here")
    from tunbridge.lab.lab import Lab

    lab, name = there
    return str(Lab(lab).host(name).run(*argv).stdout)


def clouds_yaml(sources: Sequence[str]) -> list[Path]:
    """Give the clouds.yaml of the labs among the sources that have a server."""
    from tunbridge.inspect.sources import split_name

    targets = [split_name(source)[1] for source in sources]
    labs = {target.removeprefix("lab:") or DEFAULT for target in targets if target.startswith("lab:")}
    return [file for name in sorted(labs) if (file := ROOT / name / _CLOUDS_YAML).is_file()]


def with_names(hosts: "list[Host]", sources: Sequence[str]) -> "list[Host]":
    """Give the hosts with what servers of the labs among the sources tell: names, floating IPs, routers' gateways."""
    from tunbridge.inspect import networks

    for file in clouds_yaml(sources):
        hosts = networks.named(hosts, _names(file, hosts))
    return hosts


def _names(clouds_yaml: Path, hosts: "Sequence[Host]") -> "Names":
    """Ask a server; nothing when it does not answer: the hosts can be shown without."""
    from tunbridge.cli.lab_routers import addresses, answers
    from tunbridge.cloud import CloudError, connect
    from tunbridge.inspect.networks import Names

    try:
        with connect(CLOUD, {"OS_CLIENT_CONFIG_FILE": str(clouds_yaml)}) as cloud:
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
        if port["device_owner"] == "network:router_interface":
            inside.setdefault(port["device_id"], set()).add(port["network_id"])
    found: dict[str, list[Gateway]] = {}
    missing: dict[str, list[Gateway]] = {}
    for port in ports:
        router = routers.get(port["device_id"])
        host = port.get("binding:host_id")
        if port["device_owner"] != "network:router_gateway" or router is None:
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
