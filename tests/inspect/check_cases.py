"""Hosts that raise each code, and near misses: as close to it as can be, and healthy."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from tests.inspect.hosts import (
    AGENT,
    bridge,
    change,
    compute,
    host,
    ovn,
    patch,
    port,
    tunnel,
    two,
)
from tests.inspect.state_cases import NEAR_MISS as STATE_NEAR_MISS
from tests.inspect.state_cases import OTHER_CHASSIS, SAME_CHASSIS
from tests.inspect.state_cases import RAISED as STATE_RAISED
from tunbridge.inspect.check import check
from tunbridge.inspect.model import (
    Answer,
    Bridge,
    Controller,
    Document,
    Gateway,
    Host,
    Interface,
    Manager,
    NextHop,
    Port,
    RouterAddress,
)
from tunbridge.inspect.understand import understand

ROOT = Path(__file__).parents[2]
DUMPS = ROOT.parent / "shared" / "dumps"
Hosts = list[Host]


def checked(*hosts: Host) -> Document:
    return check(understand(hosts))


def changed(index: int, bridge_name: str, port_name: str, new: Port | None) -> Hosts:
    hosts = two()
    hosts[index] = change(hosts[index], bridge_name, port_name, new)
    return hosts


def with_bridge(extra: Bridge) -> Hosts:
    compute0, network0 = two()
    return [compute0, replace(network0, bridges=[*network0.bridges, extra])]


def with_first_bridge(**fields: object) -> Hosts:
    compute0, network0 = two()
    return [replace(compute0, bridges=[replace(compute0.bridges[0], **fields), *compute0.bridges[1:]]), network0]


def tunnel_of_compute(**options: str) -> Hosts:
    both = {"local_ip": "10.0.0.25", "remote_ip": "10.0.0.27", "in_key": "flow", "out_key": "flow", **options}
    name = "vxlan-0a00001b"
    new = Port(name=name, interfaces=[Interface(name=name, type="vxlan", options=both)])
    return changed(0, "br-tun", name, new)


def failing(name: str, text: str, bridge_name: str = "br-int", tag: int | None = None) -> Hosts:
    error = f"could not open network device {name} ({text})"
    return changed(1, bridge_name, name, port(name, tag=tag, error=error))


def loop() -> Hosts:
    hosts = changed(1, "br-int", "int-2", patch("int-2", "phy-2"))
    return [hosts[0], change(hosts[1], "br-ex", "phy-2", patch("phy-2", "int-2"))]


def ovn_with_two_localnets() -> Hosts:
    names = [(f"patch-br-int-to-p{i}", f"patch-p{i}-to-br-int") for i in (1, 2)]
    chassis = ovn("a", ["10.0.0.2"], *(patch(near, far) for near, far in names))
    outside = bridge("br-ex", port("eth0"), *(patch(far, near) for near, far in names), controller=False)
    return [replace(chassis, bridges=[*chassis.bridges, outside]), ovn("b", ["10.0.0.1"])]


def trunk() -> Hosts:
    hosts = changed(0, "br-int", "tpi-1", patch("tpi-1", "tpt-1"))
    whole = change(hosts[0], "br-int", "spi-1", patch("spi-1", "spt-1"))
    vm = bridge("tbr-1a2b", port("tap1"), patch("tpt-1", "tpi-1"), patch("spt-1", "spi-1"), controller=False)
    return [replace(whole, bridges=[*whole.bridges, vm]), hosts[1]]


def netdev(name: str) -> Hosts:
    hosts = two()
    bridges = [replace(b, datapath_type="netdev") if b.name == name else b for b in hosts[1].bridges]
    return [hosts[0], replace(hosts[1], bridges=bridges)]


def headless() -> Hosts:
    hosts = changed(1, "br-ex", "phy-br-ex", None)
    return [hosts[0], replace(hosts[1], system_id=None)]


def renamed(hosts: Hosts, first: str, second: str) -> Hosts:
    return [replace(hosts[0], name=first), replace(hosts[1], name=second)]


def same_id(one: Host, other: Host) -> Hosts:
    return [one, replace(other, system_id=one.system_id)]


def with_gateways(missing: bool) -> Hosts:
    """A router that no host has, told of at both hosts with a workload of it; or one that the second has."""
    gateway = Gateway(router="edge", networks=["blue"], external="ext", addresses=["203.0.113.9"])
    if missing:
        return [replace(one, gateways_missing=[gateway]) for one in two()]
    return [two()[0], replace(two()[1], gateways=[gateway])]


def with_floating_ip(down: bool) -> Hosts:
    addresses = ["203.0.113.10"]
    tap = replace(port("tap1", tag=1), floating_ips=addresses, floating_ips_down=addresses if down else [])
    return changed(0, "br-int", "tap1", replace(tap, workload="web"))


def with_answers(kind: Literal["gateway", "floating-ip", "interface"], *at: Sequence[Answer] | None) -> Hosts:
    """A router's address that the API says to be on one of two hosts, and what the hosts' flows answer for."""
    due = RouterAddress(kind=kind, router="edge", address=ANSWER.address, mac=MAC)
    hosts = [replace(one, answers=answers) for one, answers in zip(two(), at, strict=True)]
    return [replace(one, router_addresses=[] if n else [due]) for n, one in enumerate(hosts)]


def with_silent(*addresses: str) -> Hosts:
    """A gateway host whose agent says that these next hops do not answer."""
    hops = [NextHop(address=address, network="public") for address in addresses]
    gateway = Gateway(router="edge", external="public")
    return [two()[0], replace(two()[1], gateways=[gateway], silent_next_hops=hops)]


MAC = "fa:16:3e:00:00:09"
ANSWER = Answer(address="203.0.113.9", mac=MAC, outside=True)
INSIDE = replace(ANSWER, outside=False)
NOT_GIVEN = compute("compute0", "10.0.0.25", ["10.0.0.27"])
VLAN_ONLY = host("v", bridge("br-int", patch("int-br-x", "phy-br-x")), bridge("br-x", patch("phy-br-x", "int-br-x")))

RAISED: dict[str, list[Hosts]] = {
    "patch-peer-missing": [
        changed(0, "br-tun", "patch-int", None),
        changed(1, "br-ex", "phy-br-ex", None),
        changed(0, "br-int", "patch-tun", port("patch-tun", "patch")),
    ],
    "patch-peer-one-sided": [
        changed(0, "br-tun", "patch-int", patch("patch-int", "patch-x")),
        changed(0, "br-tun", "patch-int", port("patch-int", "internal")),
        changed(0, "br-int", "p", patch("p", "p")),
        changed(0, "br-int", "p", patch("p", "patch-int")),
    ],
    "tunnel-one-way": [
        changed(1, "br-tun", "vxlan-0a000019", None),
        changed(0, "br-tun", "vxlan-0a00001b", None),
        [ovn("a", ["10.0.0.2", "10.0.0.3"]), ovn("b", ["10.0.0.1", "10.0.0.3"]), ovn("c", ["10.0.0.2"])],
    ],
    "tunnel-address-mismatch": [
        tunnel_of_compute(remote_ip="10.0.0.99"),
        tunnel_of_compute(local_ip="10.0.0.26"),
        tunnel_of_compute(remote_ip="10.0.0.25"),
    ],
    "tunnel-duplicate": [
        changed(0, "br-tun", "again", tunnel("10.0.0.25", "10.0.0.27", name="again")),
        changed(0, "br-int", "again", tunnel("10.0.0.25", "10.0.0.27", name="again")),
    ],
    "tunnel-type-mismatch": [
        changed(0, "br-tun", "vxlan-0a00001b", tunnel("10.0.0.25", "10.0.0.27", "geneve", "vxlan-0a00001b")),
        changed(1, "br-tun", "vxlan-0a000019", tunnel("10.0.0.27", "10.0.0.25", "gre")),
    ],
    "tunnel-key-mismatch": [
        tunnel_of_compute(in_key="7", out_key="7"),
        tunnel_of_compute(out_key="0x5"),
    ],
    "tunnel-port-mismatch": [tunnel_of_compute(dst_port="8472")],
    "tunnel-name-mismatch": [
        changed(0, "br-tun", "vxlan-0a00001b", tunnel("10.0.0.25", "10.0.0.27", name="vxlan-0a00001c"))
    ],
    "local-ip-duplicate": [
        [*two(), compute("clone", "10.0.0.25", ["10.0.0.27"])],
        [compute("a", "10.0.0.1", ["10.0.0.9"]), compute("b", "10.0.0.1", ["10.0.0.9"])],
    ],
    "system-id-duplicate": [same_id(*two()), *SAME_CHASSIS],
    "host-given-twice": [renamed([two()[0], two()[0]], "before", "after")],
    "interface-error": [
        failing("tap1", "No such device", tag=1),
        failing("eth1", "Device or resource busy", "br-ex"),
        failing("phy-br-ex", "something new"),
    ],
    "bridge-loop": [
        loop(),
        [change(changed(0, "br-int", "a", patch("a", "b"))[0], "br-int", "b", patch("b", "a")), two()[1]],
    ],
    "dead-vlan": [changed(0, "br-int", "tap1", port("tap1", tag=4095))],
    "controller-disconnected": [
        with_first_bridge(controllers=[Controller(target="tcp:127.0.0.1:6633", is_connected=False)]),
        with_first_bridge(controllers=[AGENT, Controller(target="ssl:10.0.0.1:6653", is_connected=False)]),
    ],
    "manager-disconnected": [
        [replace(h, managers=[Manager(target=target, is_connected=False)]) for h in two()]
        for target in ("ptcp:6640:127.0.0.1", "tcp:10.0.0.1:6640")
    ],
    "fail-mode-not-secure": [with_first_bridge(fail_mode=None), with_first_bridge(fail_mode="standalone")],
    "provider-without-nic": [
        changed(1, "br-ex", "eth1", None),
        [VLAN_ONLY],
        [host("a", bridge("br-data", port("eth0"))), host("b", bridge("br-data", port("vnet0")))],
    ],
    "nic-on-integration-bridge": [
        changed(0, "br-int", "eth0", port("eth0")),
        changed(0, "br-int", "bond0", port("bond0")),
        changed(0, "br-int", "dpdk0", port("dpdk0", "dpdk")),
    ],
    "mixed-datapaths": [netdev("br-ex"), netdev("br-tun")],
    "bridge-unconnected": [
        with_bridge(bridge("br-new", controller=False)),
        with_bridge(bridge("br-vlan", port("eth7"))),
        [host("o", *ovn("o", ["10.0.0.2"]).bridges, bridge("br-ex", port("eth0"), controller=False))],
        with_bridge(bridge("br-mgmt", port("eth7", "internal"), controller=False)),
        [host("x", bridge("br-int", port("tap1", tag=1)), bridge("br-tun", tunnel("10.0.0.25", "10.0.0.27")))],
    ],
    "dpdk-on-system-bridge": [
        changed(0, "br-int", "vhu1", port("vhu1", "dpdkvhostuserclient", tag=1)),
        [host("d", bridge("br-phy", port("dpdk0", "dpdk"), controller=False, datapath_type="system"))],
    ],
    "workload-untagged": [changed(0, "br-int", "tap1", port("tap1"))],
    "integration-bridge-isolated": [
        [host("i", bridge("br-int", port("qvo1", tag=1), port("qvo2", tag=1)))],
        [host("i", bridge("br-int", port("tap1")), bridge("br-data", port("eth0"), controller=False))],
    ],
    "controller-missing": [
        with_first_bridge(controllers=[]),
        with_first_bridge(controllers=[Controller(target="ptcp:6634", is_connected=False)]),
        [two()[0], replace(two()[1], bridges=[replace(b, controllers=[]) for b in two()[1].bridges])],
    ],
    "bridge-mapping-missing": [
        [replace(ovn("o", ["10.0.0.2"]), bridge_mappings={"physnet1": "br-ex"})],
        [replace(h, bridge_mappings={"physnet1": "br-ex", "physnet2": "br-vlan"}) for h in two()[1:]],
    ],
    "router-without-host": [with_gateways(missing=True)],
    "floating-ip-down": [with_floating_ip(down=True)],
    "address-answered-twice": [with_answers("gateway", [ANSWER], [ANSWER])],
    "address-unanswered": [
        with_answers("gateway", [], []),
        with_answers("floating-ip", [INSIDE], []),
        with_answers("gateway", [], [replace(ANSWER, mac="fa:16:3e:00:00:08")]),
        with_answers("interface", [ANSWER], [INSIDE]),
        with_answers("gateway", [replace(INSIDE, mac=None)], []),
    ],
    "next-hop-silent": [with_silent("203.0.113.1")],
    **STATE_RAISED,
}

NEAR_MISS: dict[str, list[Hosts]] = {
    "patch-peer-missing": [two(), headless()],
    "patch-peer-one-sided": [two(), changed(0, "br-tun", "patch-int", None)],
    "tunnel-one-way": [
        [NOT_GIVEN],
        [NOT_GIVEN, host("other", bridge("br-int", port("tap1", tag=1)))],
        [ovn("a", ["10.0.0.2"]), ovn("b", ["10.0.0.1"])],
        [NOT_GIVEN, host("hub", bridge("br0", port("v", "vxlan", local_ip="10.0.0.27", remote_ip="flow", key="flow")))],
    ],
    "tunnel-address-mismatch": [
        [NOT_GIVEN],
        [ovn("a", ["10.0.0.2"]), ovn("b", ["10.0.0.1"])],
        [compute("a", "10.0.0.1", ["10.0.0.2", "10.0.0.3"]), compute("b", "10.0.0.2", ["10.0.0.1", "10.0.0.3"])],
    ],
    "tunnel-duplicate": [
        changed(0, "br-tun", "other", tunnel("10.0.0.25", "10.0.0.27", name="other", key="7")),
        changed(0, "br-tun", "other", tunnel("10.0.0.25", "10.0.0.27", "gre", "other")),
        changed(0, "br-tun", "other", tunnel("10.1.0.25", "10.0.0.27", name="other")),
        changed(0, "br-tun", "other", tunnel("10.0.0.25", "10.0.0.27", name="other", key="flow", dst_port="8472")),
    ],
    "tunnel-type-mismatch": [
        [
            change(compute("a", "10.0.0.1", ["10.0.0.2"]), "br-tun", "g", tunnel("10.0.0.1", "10.0.0.2", "gre", "g")),
            change(compute("b", "10.0.0.2", ["10.0.0.1"]), "br-tun", "g", tunnel("10.0.0.2", "10.0.0.1", "gre", "g")),
        ]
    ],
    "tunnel-key-mismatch": [
        changed(0, "br-tun", "vxlan-0a00001b", tunnel("10.0.0.25", "10.0.0.27", key="flow")),
        [
            host("a", bridge("br0", port("v", "vxlan", local_ip="10.0.0.1", remote_ip="10.0.0.2", key="16"))),
            host("b", bridge("br0", port("v", "vxlan", local_ip="10.0.0.2", remote_ip="10.0.0.1", key="0x10"))),
        ],
        [
            host("a", bridge("br0", port("v", "vxlan", local_ip="10.0.0.1", remote_ip="10.0.0.2", key="0"))),
            host("b", bridge("br0", port("v", "vxlan", local_ip="10.0.0.2", remote_ip="10.0.0.1"))),
        ],
    ],
    "tunnel-port-mismatch": [tunnel_of_compute(dst_port="4789")],
    "tunnel-name-mismatch": [
        two(),
        changed(0, "br-tun", "vxlan-0a00001b", tunnel("10.0.0.25", "10.0.0.27", name="ovn-0a0000-0")),
        changed(0, "br-tun", "vxlan-0a00001b", tunnel("10.0.0.25", "10.0.0.27", name="vxlan-network")),
    ],
    "local-ip-duplicate": [two(), renamed([two()[0], two()[0]], "before", "after")],
    "system-id-duplicate": [two(), *OTHER_CHASSIS, renamed([two()[0], two()[0]], "before", "after")],
    "host-given-twice": [two(), same_id(*two())],
    "interface-error": [two()],
    "bridge-loop": [two(), ovn_with_two_localnets(), trunk()],
    "dead-vlan": [changed(0, "br-int", "tap1", port("tap1", tag=4094))],
    "controller-disconnected": [
        with_first_bridge(controllers=[AGENT, Controller(target="ptcp:6634", is_connected=False)]),
        with_first_bridge(controllers=[Controller(target="tcp:127.0.0.1:6633", is_connected=None)]),
        with_first_bridge(controllers=[]),
    ],
    "manager-disconnected": [two(), [replace(h, managers=[]) for h in two()]],
    "fail-mode-not-secure": [two(), with_bridge(bridge("br-x", port("eth9"), controller=False))],
    "provider-without-nic": [
        two(),
        changed(1, "br-ex", "eth1", port("p_ff798dba-0", "internal")),
        changed(1, "br-ex", "eth1", Port(name="lb", interfaces=[Interface(name="lb", type="internal", master="br0")])),
        [host("a", bridge("br-int", patch("patch-tun", "patch-int")),
              bridge("br-tunnel", patch("patch-int", "patch-tun")))],
        [
            replace(
                VLAN_ONLY,
                bridges=[
                    VLAN_ONLY.bridges[0],
                    bridge("br-x", patch("phy-br-x", "int-br-x"), patch("x-y", "y-x")),
                    bridge("br-y", patch("y-x", "x-y"), port("eth0"), controller=False),
                ],
            )
        ],
    ],
    "nic-on-integration-bridge": [
        changed(0, "br-int", "tap1", port("tap1")),
        changed(0, "br-int", "enp3s0f0_1", port("enp3s0f0_1", tag=2)),
        [host("k8s", bridge("br-int", port("eth0"), port("antrea-gw0", "internal"), controller=False))],
    ],
    "mixed-datapaths": [
        two(),
        with_bridge(bridge("br-phy", port("eth9"), controller=False, datapath_type="netdev")),
        with_first_bridge(datapath_type="system"),
    ],
    "bridge-unconnected": [
        two(),
        [host("mininet", bridge("s1", port("s1-eth1")), bridge("s2", port("s2-eth1")))],
        with_bridge(bridge("br-isolated", port("ens4"), port("vlan20", "internal"), controller=False)),
        with_bridge(bridge("br-ex2", port("qg-1", "internal"), controller=False)),
    ],
    "dpdk-on-system-bridge": [
        [host("d", bridge("br-phy", port("dpdk0", "dpdk"), controller=False, datapath_type="netdev"))],
        [replace(host("d", bridge("br-phy", port("dpdk0", "dpdk"))), not_told=["external_ids"])],
    ],
    "workload-untagged": [
        two(),
        changed(0, "br-int", "tap1", port("tap1", tag=1)),
        changed(0, "br-int", "tap1", port("tap1", error="could not open network device tap1 (No such device)")),
        [ovn("a", ["10.0.0.2"], port("tap1"))],
        [host("libvirt", bridge("br-int", port("vnet0"), controller=False))],
    ],
    "integration-bridge-isolated": [
        two(),
        [ovn("a", ["10.0.0.2"], port("tap1"))],
        [host("i", bridge("br-int", port("qvo1", tag=1), port("qr-1", "internal", tag=1)))],
        [host("i", bridge("br-int", port("vnet0"), port("eth0"), controller=False))],
        [host("k8s", bridge("br-int", port("pod-a1b2c3"), port("antrea-gw0", "internal"), controller=False))],
    ],
    "controller-missing": [
        two(),
        [ovn("a", ["10.0.0.2"]), compute("b", "10.0.0.2", ["10.0.0.1"])],
        with_bridge(bridge("br-x", port("eth9"), controller=False)),
        with_bridge(bridge("tbr-1a2b", controller=False, fail_mode="secure")),
    ],
    "bridge-mapping-missing": [two(), [replace(h, bridge_mappings={"physnet1": "br-ex"}) for h in two()[1:]]],
    "router-without-host": [two(), with_gateways(missing=False)],
    "floating-ip-down": [two(), with_floating_ip(down=False)],
    "address-answered-twice": [
        two(),
        with_answers("gateway", [ANSWER], [INSIDE]),
        with_answers("gateway", [ANSWER], None),
        with_answers("gateway", [ANSWER], [replace(ANSWER, mac="fa:16:3e:00:00:08")]),
        with_answers("gateway", [replace(ANSWER, mac=None)], [replace(ANSWER, mac=None)]),
    ],
    "address-unanswered": [
        two(),
        with_answers("gateway", [replace(ANSWER, mac=None)], []),
        with_answers("gateway", [], [ANSWER]),
        with_answers("floating-ip", [ANSWER, INSIDE], []),
        with_answers("floating-ip", [], None),
        with_answers("interface", [INSIDE], []),
        with_answers("interface", None, []),
    ],
    "next-hop-silent": [two(), with_silent()],
    **STATE_NEAR_MISS,
}  # fmt: skip
