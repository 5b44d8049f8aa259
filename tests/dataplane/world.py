"""Hosts of a cloud whose flows are in real bridges (dummy.py), and packets that are followed from host to host."""

import itertools
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace
from scapy.packet import Packet
from scapy.utils import rdpcap

from tests.dataplane.dummy import Dummy, PortSpec
from tunbridge.agent.sub_ports import SubPorts
from tunbridge.dataplane.desired import Delta, Desired, Local, Workload
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.view import (
    AddressPair,
    Binding,
    FixedIp,
    FloatingIp,
    Host,
    HostRoute,
    Network,
    Port,
    PortForwarding,
    Router,
    Rule,
    SecurityGroup,
    Subnet,
    port_keys,
    router_keys,
    subnet_keys,
)
from tunbridge.inspect.trace.packet import split

NO_OPTIONS: Mapping[str, str] = {}
PATCH_TUN, INT_BR = 1, 2
FIRST_TAP = 11
OUTSIDE = "eth0"
PCAP_HEAD = 24
"""Bytes before the first packet."""
_numbers = itertools.count()


class Delivery(NamedTuple):
    """A packet that leaves by a device; `vlan` None: without a tag. `changes`: headers that were rewritten."""

    host: str
    device: str
    vlan: int | None = None
    changes: str = ""


class World:
    """Rows of a central database, and hosts that follow it."""

    def __init__(
        self,
        dummy: Dummy,
        *names: str,
        tunnel_types: Sequence[str] = ("vxlan",),
        physnet: str | None = "physnet1",
        apart: Collection[str] = (),
    ) -> None:
        """Hosts that reach a physical network, but for those `apart`."""
        self.dummy = dummy
        self.rows = Rows({}, {}, {}, {}, {}, {}, {}, {})
        self.hosts = {
            name: SimulatedHost(self, name, i, tunnel_types, None if name in apart else physnet)
            for i, name in enumerate(names, 1)
        }
        for host in self.hosts.values():
            known = Host(
                host=host.name,
                tunnel_ip=host.tunnel_ip,
                tunnel_types=tuple(tunnel_types),
                physical_networks=(host.physnet,) if host.physnet else (),
            )
            self.rows.known_hosts[host.name] = known
        dummy.add_bridges({name: ports for host in self.hosts.values() for name, ports in host.build().items()})
        anything = itertools.product(("ingress", "egress"), (4, 6))
        self.group("open", *(Rule(id=f"{d}{v}", direction=d, ip_version=v) for d, v in anything))

    def close(self) -> None:
        names = [name for host in self.hosts.values() for name in host.bridges.values()]
        self.dummy.vsctl(*(word for name in names for word in ("--", "del-br", name)))

    # Rows

    def network(self, id: str, kind: str = "vxlan", segment: int | None = 100, **more: object) -> Network:
        physical = "physnet1" if kind in ("vlan", "flat") else None
        more.setdefault("physical_network", physical)
        network = Network(id=id, mtu=1450, network_type=kind, segmentation_id=segment, **more)  # type: ignore[arg-type]
        self.rows.networks[id] = network
        self.touch({("network", id)})
        return network

    def subnet(self, id: str, network: str, cidr: str, gateway: str | None = None, **more: object) -> None:
        old = self.rows.subnets.get(id)
        version = 6 if ":" in cidr else 4
        made = Subnet(id=id, network_id=network, ip_version=version, cidr=cidr, gateway_ip=gateway, **more)  # type: ignore[arg-type]
        self.rows.subnets[id] = made
        self.touch(subnet_keys(old, made))

    def port(
        self, id: str, network: str, host: str | None, *addresses: str, plugged: bool = True, **more: object
    ) -> Port:
        """Make or replace a port, whose MAC address ends in the last byte of its first address, and plug it in."""
        number = int(addresses[0].rsplit(".", 1)[-1]) if addresses and "." in addresses[0] else len(self.rows.ports) + 1
        more.setdefault("mac_address", f"fa:16:3e:00:00:{number:02x}")
        secure = more.setdefault("port_security_enabled", True)
        more.setdefault("security_groups", ("open",) if secure else ())
        bindings = () if host is None else (Binding(host, "ACTIVE", "ovs"),)
        more.setdefault("bindings", bindings)
        fixed = tuple(FixedIp("subnet", a) for a in addresses)
        made = Port(id=id, network_id=network, fixed_ips=fixed, **more)  # type: ignore[arg-type]
        self.put_port(made)
        if plugged and host is not None:
            self.hosts[host].plug(id)
        return made

    def put_port(self, port: Port) -> None:
        old = self.rows.ports.get(port.id)
        self.rows.ports[port.id] = port
        self.touch(port_keys(old, port))

    def delete_port(self, id: str) -> None:
        self.touch(port_keys(self.rows.ports.pop(id), None))

    def group(self, id: str, *rules: Rule, stateful: bool = True) -> None:
        self.rows.groups[id] = SecurityGroup(id=id, stateful=stateful, rules=rules)
        self.touch({("group", id)})

    def address_group(self, id: str, *addresses: str) -> None:
        self.rows.address_groups[id] = addresses
        self.touch({("address-group", id)})

    def router(
        self,
        id: str,
        *interfaces: tuple[str, str, str],
        routes: tuple[HostRoute, ...] = (),
        up: bool = True,
        apart: tuple[tuple[str, str, str], ...] = (),
    ) -> None:
        """Make or replace a router with interfaces (network, subnet, address), whose ports are named ID-NETWORK.

        `apart`: those with ports of their own, named ID-SUBNET.
        """
        ports: dict[str, Port] = {}
        for network, subnet, address in (*interfaces, *apart):
            name = f"{id}-{subnet if (network, subnet, address) in apart else network}"
            there = ports.get(name)
            fixed = (*(there.fixed_ips if there else ()), FixedIp(subnet, address))
            number = zlib.crc32(name.encode()) & 0xFF
            ports[name] = Port(
                id=name, network_id=network, mac_address=f"fa:16:3e:ff:00:{number:02x}", fixed_ips=fixed,
                port_security_enabled=False, device_owner="network:router_interface", device_id=id,
            )  # fmt: skip
        for port in ports.values():
            self.put_port(port)
        networks = tuple(sorted({port.network_id for port in ports.values()}))
        old = self.rows.routers.get(id)
        made = Router(
            id=id, admin_state_up=up, interfaces=tuple(sorted(ports)), networks=networks, routes=routes
        )  # fmt: skip
        self.rows.routers[id] = made
        self.touch(router_keys(old, made))

    def gateway(
        self,
        router: str,
        network: str,
        subnet: str,
        address: str,
        host: str | None,
        snat: bool = True,
        more: tuple[FixedIp, ...] = (),
        standbys: tuple[str, ...] = (),
        further: str = "",
    ) -> None:
        """Give a router a gateway, whose port is named ROUTER-gw, on a host; or a further one, ROUTER-`further`."""
        name = f"{router}-{further or 'gw'}"
        number = zlib.crc32(name.encode()) & 0xFF
        self.put_port(
            Port(
                id=name, network_id=network, mac_address=f"fa:16:3e:ff:01:{number:02x}",
                fixed_ips=(FixedIp(subnet, address), *more), port_security_enabled=False,
                device_owner="network:router_gateway", device_id=router,
            )
        )  # fmt: skip
        old = self.rows.routers[router]
        new = replace(old, gateway_port=name, gateway_host=host, gateway_standbys=standbys, enable_snat=snat)
        if further:
            new = replace(new, gateway_port=old.gateway_port, further_gateways=(*old.further_gateways, name))
        self.rows.routers[router] = new
        self.touch(router_keys(old, new))

    def floating(self, id: str, network: str, address: str, router: str, port: str | None) -> None:
        """Make or replace a floating IP of a port's first address, its port is named ID; None: it leads nowhere."""
        number = int(address.rsplit(".", 1)[-1])
        self.put_port(
            Port(
                id=id, network_id=network, mac_address=f"fa:16:3e:ff:02:{number:02x}",
                fixed_ips=(FixedIp("subnet", address),), device_owner="network:floatingip",
            )
        )  # fmt: skip
        self.rows.floating_ips.pop(id, None)
        if port is not None:
            fixed = self.rows.ports[port].fixed_ips[0].ip_address
            self.rows.floating_ips[id] = FloatingIp(
                id=id, address=address, router_id=router, port_id=port, fixed_ip=fixed
            )
        self.touch({("floating", id), ("router-floating", router)})

    def forward(self, id: str, network: str, address: str, router: str, *forwardings: PortForwarding) -> None:
        """Make or replace a floating IP with port forwardings, its port is named ID."""
        self.floating(id, network, address, router, None)
        self.rows.port_forwardings[id] = forwardings
        if forwardings:
            self.rows.floating_ips[id] = FloatingIp(
                id=id, api_id=id, address=address, router_id=router, port_id=None, fixed_ip=None
            )  # fmt: skip
        self.touch({("floating", id), ("router-floating", router), ("forwardings", id)})

    def touch(self, keys: set[tuple[str, str]]) -> None:
        for host in self.hosts.values():
            host.desired.touch(keys)

    # Packets

    def run(self) -> dict[str, Delta]:
        """Compute, and install what is wanted."""
        return {name: host.run() for name, host in self.hosts.items()}

    def send(self, port: str, packet: str, *ct_next: str) -> set[Delivery]:
        """Send a packet from a workload; gives where it comes out, on any host. From a sub-port: with its tag."""
        host = next(h for h in self.hosts.values() if port in h.workloads)
        device = host.workloads[port]
        return set(host.trace("br-int", f"in_port={device.ofport},{packet}", ct_next))

    def exchange(self, port: str, *packets: Packet) -> dict[str, list[Packet]]:
        """Send real packets from a workload; gives what its host gave each workload and the outside."""
        host = next(h for h in self.hosts.values() if port in h.workloads)
        for packet in packets:
            self.dummy.appctl("netdev-dummy/receive", f"{host.tag}-{port}", bytes(packet).hex())
        self.dummy.appctl("version")  # answered in a later round of its loop, when the packets are through
        return host.all_received()

    def exchange_outside(self, host: str, *packets: Packet) -> dict[str, list[Packet]]:
        """Send real packets from the physical network of a host; gives what `exchange` does."""
        for packet in packets:
            self.dummy.appctl("netdev-dummy/receive", f"{self.hosts[host].tag}-{OUTSIDE}", bytes(packet).hex())
        self.dummy.appctl("version")
        return self.hosts[host].all_received()

    def send_outside(self, host: str, packet: str, *ct_next: str) -> set[Delivery]:
        """Send a packet from the physical network of a host."""
        return set(self.hosts[host].trace("br-ex", f"in_port=2,{packet}", ct_next))


class SimulatedHost:
    """One host: its Desired, and its bridges in the dummy datapath."""

    def __init__(self, world: World, name: str, number: int, tunnel_types: Sequence[str], physnet: str | None) -> None:
        self.world, self.name, self.number = world, name, number
        self.tunnel_ip = f"192.0.2.{number}"
        self.tunnel_types = tunnel_types
        self.physnet = physnet
        self.desired = Desired(world.rows)
        self.sub_ports = SubPorts(world.rows)
        self.workloads: dict[str, Workload] = {}
        self.devices: list[str] = []
        self.tag = f"{name}{next(_numbers)}"
        """What its devices begin with: worlds share one Open vSwitch."""
        self.bridges = {b: f"{self.tag}{b.removeprefix('br')}" for b in ("br-int", "br-tun", "br-ex")}
        self.ofports: dict[str, dict[str, int]] = {}
        self.tunnels: dict[str, dict[str, str]] = {}
        self.vlans: dict[str, int] = {}
        self.metadata = True
        self.dead: frozenset[str] = frozenset()
        """Names of hosts that its BFD sessions say are dead."""
        self.vouched: frozenset[str] = frozenset()
        self.silent: frozenset[tuple[str, str]] = frozenset()
        self.is_cut_off = False
        self.vlan_limit = 1
        self.userspace = False
        self._read: dict[str, int] = {}
        """Port -> bytes of the file with its packets that were read."""
        self.pending: list[str] = []
        """Ports that are added and removed at the next run."""

    def build(self) -> Mapping[str, Mapping[str, PortSpec]]:
        """Number the ports of the bridges, and give them."""
        n = self.tag
        peers = [h for h in self.world.hosts.values() if h is not self]
        self.tunnels = {t: {p.tunnel_ip: f"{t[:2]}-{p.name}" for p in peers} for t in self.tunnel_types}
        numbers = {name: i for i, name in enumerate(self._tunnel_ports(), 2)}
        self.ofports = {
            "br-int": {"patch-tun": PATCH_TUN, "int-br-ex": INT_BR},
            "br-tun": {"patch-int": 1, **numbers},
            "br-ex": {"phy-br-ex": 1, OUTSIDE: 2},
        }

        def patch(number: int, peer: str) -> PortSpec:
            return number, "patch", {"peer": f"{n}-{peer}"}

        outside: PortSpec = (2, "dummy", {"tx_pcap": self.captured(OUTSIDE)})
        integration = {f"{n}-patch-tun": patch(PATCH_TUN, "patch-int"), f"{n}-int-br": patch(INT_BR, "phy-br")}
        tunnels = {f"{n}-{name}": (number, "dummy", NO_OPTIONS) for name, number in numbers.items()}
        return {
            self.bridges["br-int"]: integration,
            self.bridges["br-tun"]: {f"{n}-patch-int": patch(1, "patch-tun"), **tunnels},
            self.bridges["br-ex"]: {f"{n}-phy-br": patch(1, "int-br"), f"{n}-{OUTSIDE}": outside},
        }

    def plug(self, port_id: str) -> Workload:
        if port_id not in self.workloads:
            used = {w.ofport for w in self.workloads.values()}
            number = next(i for i in range(FIRST_TAP, FIRST_TAP + 2000) if i not in used)
            self.workloads[port_id] = Workload(port_id, f"tap-{port_id}", number)
            self._add(port_id, number)
        return self.workloads[port_id]

    def add_device(self, name: str) -> None:
        """Put a device into br-int that is no workload's."""
        ofports = self.ofports["br-int"]
        number = ofports[name] = max(INT_BR, *ofports.values()) + 1
        assert number < FIRST_TAP
        self.devices.append(name)
        self._add(name, number)

    def _add(self, name: str, number: int) -> None:
        device = f"{self.tag}-{name}"
        settings = ["type=dummy", f"ofport_request={number}", f"options:tx_pcap={self.captured(name)}"]
        where = ["add-port", self.bridges["br-int"], device, "--", "set", "interface", device, *settings]
        self.pending += ["--", *where]

    def unplug(self, port_id: str) -> None:
        del self.workloads[port_id]
        self.pending += ["--", "del-port", f"{self.tag}-{port_id}"]

    def all_received(self) -> dict[str, list[Packet]]:
        """Packets that each workload, other device and the outside were given since the last call."""
        return {id: found for id in (*self.workloads, *self.devices, OUTSIDE) if (found := self.received(id))}

    def received(self, port_id: str) -> list[Packet]:
        """Packets that a workload was given since the last call."""
        file = Path(self.captured(port_id)).read_bytes()
        head, new = file[:PCAP_HEAD], file[self._read.get(port_id, PCAP_HEAD) :]
        self._read[port_id] = len(file)
        return list(rdpcap(BytesIO(head + new))) if new else []

    def captured(self, port_id: str) -> str:
        """The file with the packets that a workload was given."""
        return f"{self.world.dummy.directory}/{self.tag}-{port_id}.pcap"

    def local(self) -> Local:
        taps = {w.name: w.ofport for w in self.workloads.values()}
        alone = Local(
            host=self.name,
            tunnel_ip=self.tunnel_ip,
            ofports={**self.ofports, "br-int": {**self.ofports["br-int"], **taps}},
            providers={self.physnet: "br-ex"} if self.physnet else {},
            tunnels=self.tunnels,
            workloads=dict(self.workloads),
            vlans=self.vlans,
            metadata=self.metadata,
            dead=frozenset(self.world.hosts[name].tunnel_ip for name in self.dead),
            vouched=frozenset(self.world.hosts[name].tunnel_ip for name in self.vouched),
            silent=self.silent,
            is_cut_off=self.is_cut_off,
            vlan_limit=self.vlan_limit,
            userspace=self.userspace,
        )
        return self.sub_ports(alone, complete=True)

    def run(self) -> Delta:
        if self.pending:
            self.world.dummy.vsctl(*self.pending)
            self.pending = []
        self.desired.set_local(self.local())
        delta = self.desired.run()
        for bridge, name in self.bridges.items():
            if bridge in delta.flows or bridge in delta.meters:
                flows, meters = self.desired.flows(bridge), self.desired.meters(bridge)
                self.world.dummy.install(name, flows.values(), meters.values())
                # Every flow of every test is read back as it was written.
                assert {f.key: f for f in self.world.dummy.dump(name)} == flows
        return delta

    def _tunnel_ports(self) -> list[str]:
        return [name for ports in self.tunnels.values() for name in ports.values()]

    # Following packets

    def trace(self, bridge: str, packet: str, ct_next: tuple[str, ...]) -> Iterator[Delivery]:
        text = self.world.dummy.trace(self.bridges[bridge], packet, *ct_next)
        keys = self._keys(text)
        for device, vlan, changes in outputs(text, self.world.dummy.devices()):
            name = device.removeprefix(f"{self.tag}-")
            kind, _, to = name.partition("-")
            peer = self.world.hosts.get(to)
            if peer is None or name not in self._tunnel_ports():
                yield Delivery(self.name, name, vlan, changes)
                continue
            assert vlan is None
            back = peer.ofports["br-tun"][f"{kind}-{self.name}"]
            inner = re.sub(r"(in_port|tun_id|pkt_mark|dl_vlan)=\w+,", "", packet)
            if new := re.findall(r"dst=([0-9a-f:]{17})", changes):
                inner = re.sub(r"dl_dst=[0-9a-f:]+", f"dl_dst={new[-1]}", inner)
            if new := re.findall(r"src=([0-9a-f:]{17})", changes):
                inner = re.sub(r"dl_src=[0-9a-f:]+", f"dl_src={new[-1]}", inner)
            yield from peer.trace("br-tun", f"tun_id={next(keys)},in_port={back},{inner}", ct_next)

    def _keys(self, trace: str) -> Iterator[str]:
        """The key with which a packet leaves by each tunnel, in order."""
        tunnels = {str(self.ofports["br-tun"][name]) for name in self._tunnel_ports()}
        for key, outputs in re.findall(r"(0x[0-9a-f]+)->(?:tun_id|NXM_NX_TUN_ID\S*)\n((?: +output:\d+\n)+)", trace):
            yield from (key for number in re.findall(r"\d+", outputs) if number in tunnels)


def outputs(trace: str, devices: dict[int, str]) -> Iterator[tuple[str, int | None, str]]:
    """(device, VLAN, rewritten headers) of each copy that leaves, over all rounds of a trace."""
    carried = ""
    for actions in re.findall(r"^Datapath actions: (.*)$", trace, re.M):
        yield from _outputs(split(actions), devices, None, carried)
        if "recirc(" in actions:  # the next round has the packet as this one left it
            carried = ",".join(
                [*filter(None, [carried]), *re.findall(r"(?<!\w)set\(((?:[^()]|\([^()]*\))*)\)", actions)]
            )


def _outputs(
    actions: Iterable[str], devices: dict[int, str], vlan: int | None, changes: str
) -> Iterator[tuple[str, int | None, str]]:
    for action in actions:
        if action.isdigit():
            yield devices[int(action)], vlan, changes
        elif action.startswith("push_vlan("):
            match = re.search(r"vid=(\d+)", action)
            assert match is not None
            vlan = int(match[1])
        elif action == "pop_vlan":
            vlan = None
        elif action.startswith("set("):
            changes = ",".join(filter(None, [changes, action.removeprefix("set(")[:-1]]))
        elif action.startswith("clone("):
            yield from _outputs(split(action[6:-1]), devices, vlan, changes)
        elif action.startswith("check_pkt_len("):
            small = next(a for a in split(action[14:-1]) if a.startswith("le("))
            yield from _outputs(split(small[3:-1]), devices, vlan, changes)
        elif action.startswith(("userspace(", "meter(")) or "controller" in action:
            yield "agent" if "controller" in action else "meter", vlan, changes


__all__ = ["AddressPair", "Binding", "Delivery", "FixedIp", "Rule", "World"]
