"""Hosts whose live state is wrong, and near misses: the cases of `test_check` that a text cannot tell."""

from typing import Any

from msgspec.structs import replace

from tests.inspect.hosts import bridge, change, host, ovn, patch, port, tunnel, two
from tunbridge.inspect.model import Bridge, Device, Host, Interface, Port

Hosts = list[Host]
UP: dict[str, Any] = {"admin_state": "up", "link_state": "up"}
NO_CARRIER: dict[str, Any] = {"admin_state": "up", "link_state": "down"}
OFF: dict[str, Any] = {"admin_state": "down", "link_state": "down"}


def nic(name: str, **state: Any) -> Port:
    return Port(name=name, interfaces=[Interface(name=name, **state)])


def with_nic(name: str = "eth1", bridge_name: str = "br-ex", **state: Any) -> Hosts:
    hosts = two()
    return [hosts[0], change(hosts[1], bridge_name, name, nic(name, **state))]


def underlay(*devices: Device, at: int = 0) -> Hosts:
    hosts = two()
    hosts[at] = replace(hosts[at], underlay=list(devices))
    return hosts


def egress(carrier: str) -> Hosts:
    state = {"tunnel_egress_iface": "eth9", "tunnel_egress_iface_carrier": carrier}
    return with_tunnel(status=state)


def with_tunnel(at: int = 0, **state: Any) -> Hosts:
    hosts = two()
    local, remote = [("10.0.0.25", "10.0.0.27"), ("10.0.0.27", "10.0.0.25")][at]
    plain = tunnel(local, remote)
    changed = replace(plain, interfaces=[replace(plain.interfaces[0], **state)])
    hosts[at] = change(hosts[at], "br-tun", plain.name, changed)
    return hosts


def bond(*states: dict[str, Any], **fields: Any) -> Hosts:
    members = [Interface(name=f"eth{number}", **state) for number, state in enumerate(states, 5)]
    hosts = two()
    return [hosts[0], change(hosts[1], "br-ex", "eth1", Port(name="bond0", interfaces=members, **fields))]


def bfd(state: str, **status: str) -> dict[str, Any]:
    return {"bfd": {"enable": "true"}, "bfd_status": {"state": state, "forwarding": "false", **status}}


def overlay(
    mtu: int,
    workload: int,
    type: str = "vxlan",
    v6: bool = False,
    network_type: str | None = None,
    provider: bool = False,
) -> Hosts:
    """Host a with a workload, host b without; both underlays have `mtu`."""
    own = ["fd00::1", "fd00::2"] if v6 else ["10.0.0.1", "10.0.0.2"]
    hosts = []
    for index, name in enumerate("ab"):
        local, remote = own[index], own[1 - index]
        other = {"network_type": network_type} if network_type else {}
        tap = Port(name="tap1", other_config=other, interfaces=[Interface(name="tap1", mtu=workload)])
        extra = [patch("int-br-ex", "phy-br-ex")] if provider else []
        bridges = [
            bridge("br-int", patch("patch-tun", "patch-int"), *extra, *([tap] if index == 0 else [])),
            bridge("br-tun", patch("patch-int", "patch-tun"), tunnel(local, remote, type, f"{type}-x")),
        ]
        if provider:
            bridges.append(bridge("br-ex", patch("phy-br-ex", "int-br-ex"), port("eth1")))
        device = Device(name="eth0", addresses=[local], mtu=mtu, admin_state="up", link_state="up")
        hosts.append(replace(host(name, *bridges), underlay=[device]))
    return hosts


def ovn_overlay(mtu: int) -> Hosts:
    tap = Port(name="tap1", interfaces=[Interface(name="tap1", mtu=1442)])
    device = Device(name="eth0", addresses=["10.0.0.1"], mtu=mtu)
    one = replace(ovn("a", ["10.0.0.2"], tap), addresses=["10.0.0.1"], underlay=[device])
    return [one, replace(ovn("b", ["10.0.0.1"]), addresses=["10.0.0.2"])]


def waiting(flow_restore_wait: bool | None) -> Hosts:
    hosts = two()
    return [replace(hosts[0], flow_restore_wait=flow_restore_wait), hosts[1]]


def mac_table(used: int | None, size: int | None) -> Hosts:
    hosts = two()
    first: Bridge = replace(hosts[0].bridges[0], mac_table_used=used, mac_table_size=size)
    return [replace(hosts[0], bridges=[first, *hosts[0].bridges[1:]]), hosts[1]]


def grown(**growth: int) -> Hosts:
    hosts = with_nic(statistics={"rx_dropped": 9000, "tx_errors": 9000}, growth=growth, **UP)
    return [replace(one, counted_over=6.0) for one in hosts]


def unused_local_port() -> Hosts:
    hosts = grown(rx_packets=1)
    local = Port(name="br-int", interfaces=[Interface(name="br-int", type="internal", growth={"tx_dropped": 9}, **OFF)])
    return [change(hosts[0], "br-int", "br-int", local), hosts[1]]


def chassis(first: str | None, second: str | None) -> Hosts:
    hosts = two()
    return [replace(hosts[0], chassis_id=first), replace(hosts[1], chassis_id=second)]


RAISED: dict[str, list[Hosts]] = {
    "nic-down": [
        with_nic(**NO_CARRIER),
        with_nic(**OFF),
        underlay(Device(name="eth0", addresses=["10.0.0.25"], **NO_CARRIER)),
        underlay(Device(name="eth0", addresses=["10.0.0.25"], admin_state="down")),
        egress("down"),
    ],
    "bond-member-down": [bond(UP, NO_CARRIER), bond(OFF, OFF)],
    "lacp-not-negotiated": [
        bond({**UP, "lacp_current": False}, {**UP, "lacp_current": True}, lacp="active"),
        bond({**UP, "lacp_current": False}, {**UP, "lacp_current": False}, lacp="passive"),
    ],
    "bfd-down": [
        with_tunnel(**bfd("down")),
        with_tunnel(**bfd("init")),
        with_tunnel(**bfd("up", remote_state="up")),
    ],
    "underlay-mtu-too-small": [
        overlay(1549, 1500),
        overlay(1569, 1500, v6=True),
        overlay(1541, 1500, "gre"),
        overlay(1549, 1500, "geneve"),
        overlay(1499, 1450, network_type="vxlan", provider=True),
        ovn_overlay(1499),
    ],
    "flow-restore-wait": [waiting(True)],
    "mac-table-full": [mac_table(10, 10), mac_table(9, 10)],
    "drops-growing": [grown(rx_dropped=1), grown(tx_dropped=4, rx_packets=7), grown(rx_over_err=1)],
    "errors-growing": [grown(rx_errors=1), grown(rx_crc_err=2), grown(collisions=1)],
}

NEAR_MISS: dict[str, list[Hosts]] = {
    "nic-down": [
        two(),
        with_nic(**UP),
        with_nic("tap1", "br-int", **OFF),
        with_nic(error="could not open network device eth1 (No such device)", **NO_CARRIER),
        underlay(Device(name="eth0", addresses=["10.9.9.9"], **NO_CARRIER)),
        underlay(Device(name="br-phy", addresses=["10.0.0.25"], admin_state="up")),
        egress("up"),
        bond(UP, NO_CARRIER),
    ],
    "bond-member-down": [bond(UP, UP), bond({}, {}), with_nic(**NO_CARRIER)],
    "lacp-not-negotiated": [
        bond({**UP, "lacp_current": True}, {**UP, "lacp_current": True}, lacp="active"),
        bond({**UP, "lacp_current": False}, {**UP, "lacp_current": False}, lacp="off"),
        bond({**UP, "lacp_current": True}, {**NO_CARRIER, "lacp_current": False}, lacp="active"),
        bond(UP, UP, lacp="active"),
    ],
    "bfd-down": [
        with_tunnel(**bfd("up", forwarding="true")),
        with_tunnel(bfd={}, bfd_status={}),
        with_tunnel(**bfd("admin_down")),
        with_tunnel(bfd=None, bfd_status=None),
    ],
    "underlay-mtu-too-small": [
        overlay(1550, 1500),
        overlay(1570, 1500, v6=True),
        overlay(1542, 1500, "gre"),
        overlay(1500, 1500, network_type="flat", provider=True),
        overlay(1500, 1500, provider=True),
        overlay(1500, 1500, "stt"),
        ovn_overlay(1500),
        [replace(one, underlay=None) for one in overlay(1400, 1500)],
    ],
    "flow-restore-wait": [waiting(False), waiting(None)],
    "mac-table-full": [mac_table(8, 10), mac_table(None, 10), mac_table(10, None)],
    "drops-growing": [
        grown(),
        unused_local_port(),
        grown(rx_packets=5, rx_errors=1),
        with_nic(statistics={"rx_dropped": 9}, **UP),
    ],
    "errors-growing": [grown(), grown(tx_dropped=1), with_nic(statistics={"rx_errors": 9}, **UP)],
}

SAME_CHASSIS = [chassis("node-1", "node-1")]
OTHER_CHASSIS = [chassis("node-1", "node-2"), chassis(None, None), chassis("", "")]
