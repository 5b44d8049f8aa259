"""Hosts to test with: small makers of the model, and whole hosts as Neutron and OVN wire them."""

from collections.abc import Sequence
from ipaddress import IPv4Address
from uuid import NAMESPACE_DNS, uuid5

from msgspec.structs import replace

from tunbridge.inspect.model import Bridge, Controller, Document, Finding, Host, Interface, Manager, Port

AGENT = Controller(target="tcp:127.0.0.1:6633", is_connected=True)


def port(name: str, type: str = "system", tag: int | None = None, error: str | None = None, **options: str) -> Port:
    return Port(name=name, tag=tag, interfaces=[Interface(name=name, type=type, options=options, error=error)])


def patch(name: str, peer: str) -> Port:
    return port(name, "patch", peer=peer)


def tunnel(local: str, remote: str, type: str = "vxlan", name: str | None = None, **options: str) -> Port:
    keys = options or {"in_key": "flow", "out_key": "flow"}
    name = name or f"{type}-{int(IPv4Address(remote)):08x}"
    options = {"local_ip": local, "remote_ip": remote, **keys}
    return Port(name=name, interfaces=[Interface(name=name, type=type, options=options)])


def bridge(name: str, *ports: Port, controller: bool = True, **fields: str) -> Bridge:
    local = port(name, "internal")
    return Bridge(
        name=name,
        fail_mode=fields.get("fail_mode", "secure" if controller else None),
        datapath_type=fields.get("datapath_type"),
        controllers=[AGENT] if controller else [],
        ports=[local, *ports],
    )


def host(name: str, *bridges: Bridge) -> Host:
    return Host(
        name=name,
        system_id=str(uuid5(NAMESPACE_DNS, name)),
        ovs_version="2.11.0",
        managers=[Manager(target="ptcp:6640:127.0.0.1", is_connected=True)],
        bridges=list(bridges),
    )


def compute(name: str, local: str, remotes: Sequence[str], *workloads: Port) -> Host:
    """A compute node as Neutron's agent leaves it."""
    return host(
        name,
        bridge("br-int", patch("patch-tun", "patch-int"), *workloads),
        bridge("br-tun", patch("patch-int", "patch-tun"), *(tunnel(local, remote) for remote in remotes)),
    )


def network(name: str, local: str, remotes: Sequence[str], nic: str = "eth1") -> Host:
    """A network node: a compute node's wiring and a provider bridge with its NIC."""
    plain = compute(name, local, remotes)
    return replace(
        plain,
        bridges=[
            bridge("br-int", patch("patch-tun", "patch-int"), patch("int-br-ex", "phy-br-ex")),
            plain.bridges[1],
            bridge("br-ex", patch("phy-br-ex", "int-br-ex"), port(nic)),
        ],
    )


def two() -> list[Host]:
    """A whole cloud of two hosts, in which nothing is wrong."""
    return [compute("compute0", "10.0.0.25", ["10.0.0.27"]), network("network0", "10.0.0.27", ["10.0.0.25"])]


def ovn(name: str, remotes: Sequence[str], *ports: Port, type: str = "geneve") -> Host:
    """A chassis: OVN states no local_ip, and keeps tunnels in br-int."""
    chassis = [f"{int(IPv4Address(remote)) % 2**24:06x}" for remote in remotes]
    tunnels = [
        port(f"ovn-{peer}-0", type, csum="true", key="flow", remote_ip=remote)
        for peer, remote in zip(chassis, remotes, strict=True)
    ]
    return host(name, bridge("br-int", *tunnels, *ports, controller=False, fail_mode="secure"))


def change(whole: Host, bridge_name: str, port_name: str, new: Port | None) -> Host:
    """The host with one port exchanged, removed (`new` None) or, if there is none of that name, added."""
    bridges = []
    for b in whole.bridges:
        if b.name == bridge_name:
            ports = [new if p.name == port_name else p for p in b.ports]
            if new is not None and new not in ports:
                ports.append(new)
            b = replace(b, ports=[p for p in ports if p is not None])
        bridges.append(b)
    return replace(whole, bridges=bridges)


def codes(document: Document) -> set[str]:
    return {finding.code for finding in document.findings}


def errors(document: Document) -> list[Finding]:
    return [finding for finding in document.findings if finding.severity == "error"]
