"""Checks of single ports and interfaces: errors of Open vSwitch and what they mean, and the dead VLAN."""

from collections.abc import Iterator
from shlex import quote

from msgspec import Struct

from tunbridge.inspect.checks.advice import agent
from tunbridge.inspect.checks.view import View, finding
from tunbridge.inspect.interfaces import is_nic_of, is_tunnel, is_veth_end, is_workload, looks_like_nic
from tunbridge.inspect.model import Bridge, Finding, Host, Interface, Port, Severity

DEAD_VLAN = 4095


class _Meaning(Struct, frozen=True):
    """What an error text says. `{name}`, `{port}` and `{bridge}` are filled in, quoted for the shell in `fix`."""

    means: str
    fix: str


_NO_TYPE = _Meaning(
    "the datapath has no tunnels of this type: the kernel's module for it is missing or too old, or it was left out",
    "ovs-appctl dpif/show-dp-features {bridge} and ovs-vsctl get Open_vSwitch . iface_types tell what there is; a "
    "newer kernel, or the userspace datapath, may have it",
)
_NO_DPDK = _Meaning(
    "this ovs-vswitchd was built without DPDK, or DPDK is not initialised",
    "ovs-vsctl get Open_vSwitch . dpdk_initialized; if ovs-vswitchd --version names DPDK: ovs-vsctl set Open_vSwitch . "
    "other_config:dpdk-init=true, and restart ovs-vswitchd; else install the build with DPDK",
)
_NO_NETDEV = _Meaning(
    "ports of DPDK work only in the userspace datapath, and {bridge} is not in it",
    "put the port into a bridge with datapath_type=netdev: ovs-vsctl --columns=name,datapath_type list bridge shows "
    "which are",
)
_PORT_TAKEN = _Meaning(
    "another user of this UDP port is on the host: Flannel, Cilium, Docker's overlay, or a VXLAN device of the kernel",
    "ss -lnup and ip -d link show type vxlan tell whose it is; give one of the two another port: options:dst_port, the "
    "same on every host",
)
_NO_DEVICE = _Meaning(
    "no network device of this name exists in the host's name space",
    "find out why the device is gone (ip link show {name}; is its driver loaded?); if it is gone for good: "
    "ovs-vsctl del-port {bridge} {port}",
)
_NEVER_THERE = _Meaning(
    "no network device of this name exists in the host's name space: it is gone, or there never was one",
    "if Open vSwitch is to make it: ovs-vsctl set interface {name} type=internal; if it is gone for good: ovs-vsctl "
    "del-port {bridge} {port}",
)
_STALE = _Meaning(
    "the device is gone: its workload was deleted and the port was left behind (or the workload is just being started)",
    "ovs-vsctl --if-exists del-port {bridge} {port}",
)
_NO_MODULE = _Meaning(
    "the kernel cannot make sockets or tunnels of this kind: its module for the tunnel type is missing, or IPv6 "
    "is switched off",
    "modprobe vport-vxlan, vport-geneve or vport-gre as the type needs; sysctl net.ipv6.conf.all.disable_ipv6",
)
_REFUSED = _Meaning(
    "Open vSwitch or the kernel refused the options of this interface",
    "see what ovs-vswitchd.log says of {name}, and compare ovs-vsctl list interface {name} with "
    "ovs-vswitchd.conf.db(5)",
)
_EXISTS = _Meaning(
    "something else already is what this is to become: for a tunnel, one with the same addresses and key; else "
    "a device or port of this name",
    "ovs-appctl dpctl/show lists what exists: delete the one of the two that is not meant to be",
)
_BUSY = _Meaning(
    "the device belongs to something else: a Linux bridge, a bond, a macvlan, or another Open vSwitch bridge",
    "ip -d link show {name} tells its master; if {bridge} is to have it, take it away there (ip link set {name} "
    "nomaster), and Open vSwitch opens it",
)

_MEANINGS: dict[str, _Meaning] = {
    "nosuchdevice": _NO_DEVICE,
    "fileexists": _EXISTS,
    "addressfamilynotsupported": _NO_MODULE,
    "addressalreadyinuse": _Meaning(
        "something else on the host uses the address or port that this needs", "ss -lnp tells who"
    ),
    "invalidargument": _REFUSED,
    "deviceorresourcebusy": _BUSY,
    "operationnotsupported": _Meaning(
        "the datapath or the device's driver cannot do this",
        "see what ovs-vswitchd.log says of {name}; is the type one of this datapath's?",
    ),
    "protocolnotsupported": _Meaning(
        "the kernel lacks what this type needs",
        "see what ovs-vswitchd.log says of {name}; is the kernel module of the type loaded?",
    ),
    "operationnotpermitted": _Meaning(
        "ovs-vswitchd lacks the privilege for this",
        "run ovs-vswitchd with CAP_NET_ADMIN, in the right network name space",
    ),
    "permissiondenied": _Meaning(
        "ovs-vswitchd may not open this: its user, AppArmor or SELinux forbids it",
        "see the audit log; ovs-vswitchd needs CAP_NET_ADMIN, and rights on the socket or device",
    ),
    "cannotallocatememory": _Meaning(
        "there is not enough memory; in the userspace datapath, not enough huge pages on the NUMA node of the NIC",
        "grep Huge /proc/meminfo, and ovs-vsctl get Open_vSwitch . other_config:dpdk-socket-mem",
    ),
    "numericalresultoutofrange": _Meaning(
        "a name or value is too long: names of devices have at most 15 characters",
        "ovs-vsctl del-port {bridge} {port}, and add it with a shorter name",
    ),
    "nosuchfileordirectory": _Meaning(
        "a file or socket that this interface needs is missing",
        "see what ovs-vswitchd.log says of {name}; for vhost-user: does the socket exist?",
    ),
    "unknowntype": _Meaning(
        "this build of Open vSwitch does not know the type; for dpdk types it was built without DPDK, or "
        "dpdk-init is not set",
        "ovs-vsctl get Open_vSwitch . iface_types lists the types",
    ),
    "errorattachingdevice": _Meaning(
        "DPDK could not take the device: it is not bound to a DPDK driver, or its address is wrong",
        "dpdk-devbind.py --status, and ovs-vsctl get interface {name} options:dpdk-devargs",
    ),
    "networkisdown": _Meaning("the device is down", "ip link set {name} up"),
}
_UNKNOWN = _Meaning("Open vSwitch could not use this interface", "see what ovs-vswitchd.log says of {name}")
_MISSING_TYPE = ("addressfamilynotsupported", "operationnotsupported", "protocolnotsupported", "unknowntype")
"""Errors that a type gives which Open vSwitch or its datapath does not have."""
_COMMON_TUNNELS = frozenset(("vxlan", "geneve", "gre", "ip6gre", "erspan", "ip6erspan"))
"""Tunnels of every kernel: where they fail, a module is not loaded."""
_BY_USER = "netdev"


def errors(view: View) -> Iterator[Finding]:
    """Report every interface with an error, and say what the error means."""
    for host, bridge, port, interface in view.interfaces():
        if interface.error and not _tells_only_of_a_missing_peer(view, host, interface):
            yield _error(host, bridge, port, interface)


def _tells_only_of_a_missing_peer(view: View, host: Host, interface: Interface) -> bool:
    """Whether Open vSwitch complains of what `patch-peer-missing` reports already."""
    return (interface.error or "").startswith("No usable peer") and view.lacks_peer(host, interface)


def _error(host: Host, bridge: Bridge, port: Port, interface: Interface) -> Finding:
    meaning = _meaning(bridge, port, interface)
    severity: Severity = "warning" if meaning is _STALE else "error"
    names = {"name": quote(interface.name), "port": quote(port.name), "bridge": quote(bridge.name)}
    return finding(
        "interface-error",
        host.name,
        interface.name,
        f"{interface.name} of {bridge.name} does not work: {str(interface.error).rstrip('.')}. That means: "
        + meaning.means.format(**names),
        meaning.fix.format(**names),
        interface.lines.get("error"),
        severity,
    )


def _meaning(bridge: Bridge, port: Port, interface: Interface) -> _Meaning:
    """Recognise an error however it was wrapped (white space does not count), and by the type that it is of."""
    bare = "".join(str(interface.error).split()).lower()
    key = next((key for key in _MEANINGS if key in bare), "")
    if is_dpdk(interface):
        if key in _MISSING_TYPE:
            return _NO_DPDK
        if key == "invalidargument" and bridge.datapath_type != _BY_USER:
            return _NO_NETDEV
    if is_tunnel(interface):
        if key in _MISSING_TYPE and interface.type.removeprefix("ipsec_") not in _COMMON_TUNNELS:
            return _NO_TYPE
        if key == "addressalreadyinuse":
            return _PORT_TAKEN
    if key == "nosuchdevice":
        return _gone(bridge, port, interface)
    return _MEANINGS.get(key, _UNKNOWN)


def _gone(bridge: Bridge, port: Port, interface: Interface) -> _Meaning:
    """What `No such device` says of a workload's device, of a NIC, and of a name that tells neither."""
    if is_tunnel(interface) or is_veth_end(interface) or interface.type not in ("system", "tap"):
        return _NO_DEVICE
    if looks_like_nic(interface):
        return _NO_DEVICE
    if is_workload(interface):
        return _STALE
    return _NO_DEVICE if is_nic_of(bridge, port) else _NEVER_THERE


def is_dpdk(interface: Interface) -> bool:
    """Whether it is of a type that only the userspace datapath with DPDK has."""
    return interface.type == "dpdk" or interface.type.startswith("dpdkvhostuser")


def dpdk_on_kernel_bridges(view: View) -> Iterator[Finding]:
    """Report DPDK's ports in bridges of the kernel's datapath; those with an error are explained with that."""
    for host, bridge, port, interface in view.interfaces():
        if is_dpdk(interface) and not interface.error and _is_in_kernel(host, bridge):
            yield finding(
                "dpdk-on-system-bridge",
                host.name,
                interface.name,
                f"{interface.name} is of type {interface.type}, but {bridge.name} is in the kernel's datapath, which "
                "has no such ports",
                "move the port to a bridge with datapath_type=netdev (ovs-vsctl --columns=name,datapath_type list "
                "bridge), or, if this whole bridge is to be in user space, set its datapath_type where its agent is "
                "configured",
                port.lines.get("name"),
            )


_SHOWS_DATAPATH = (2, 13)
"""From this version on, `ovs-vsctl show` prints `datapath_type` of every bridge that has one."""


def _is_in_kernel(host: Host, bridge: Bridge) -> bool:
    """Whether a bridge is known to be in the kernel's datapath, which is also what no type means."""
    if bridge.datapath_type is not None or "external_ids" not in host.not_told:
        return (bridge.datapath_type or "system") == "system"
    version = [int(part) for part in (host.ovs_version or "").split(".")[:2] if part.isascii() and part.isdigit()]
    return host.is_whole and tuple(version) >= _SHOWS_DATAPATH


def dead_vlan(view: View) -> Iterator[Finding]:
    """Report ports in the dead VLAN."""
    for host, bridge, port in view.ports():
        if port.tag == DEAD_VLAN:
            look = (
                f"ovs-vsctl get interface {quote(port.interfaces[0].name if port.interfaces else port.name)} "
                "external_ids:iface-id, then openstack port show that UUID, and the agent's log"
            )
            yield finding(
                "dead-vlan",
                host.name,
                port.name,
                f"{port.name} of {bridge.name} is in VLAN 4095, the dead VLAN: {agent(view.is_tunbridge[host.name])} "
                "has not bound it, or binding failed, and all its packets are dropped",
                f"`tunbridge host status` on {host.name} gives the reason" if view.is_tunbridge[host.name] else look,
                port.lines.get("tag"),
            )
