"""Checks of single ports and interfaces: errors of Open vSwitch and what they mean, and the dead VLAN."""

from collections.abc import Iterator
from shlex import quote

from msgspec import Struct

from tunbridge.inspect.checks.view import View, finding
from tunbridge.inspect.interfaces import is_nic_of, is_tunnel, is_veth_end
from tunbridge.inspect.model import Bridge, Finding, Host, Interface, Port, Severity

DEAD_VLAN = 4095


class _Meaning(Struct, frozen=True):
    """What an error text says. `{name}`, `{port}` and `{bridge}` are filled in, quoted for the shell in `fix`."""

    means: str
    fix: str


_MEANINGS: dict[str, _Meaning] = {
    "nosuchdevice": _Meaning(
        "no network device of this name exists in the host's name space",
        "find out why the device is gone (ip link show {name}; is its driver loaded?); if it is gone for good: "
        "ovs-vsctl del-port {bridge} {port}",
    ),
    "fileexists": _Meaning(
        "something else already is what this is to become: for a tunnel, one with the same addresses and key; else "
        "a device or port of this name",
        "ovs-vsctl del-port {bridge} {port}, or delete the other one (ovs-appctl dpctl/show lists what exists)",
    ),
    "addressfamilynotsupported": _Meaning(
        "the kernel cannot make sockets or tunnels of this kind: its module for the tunnel type is missing, or IPv6 "
        "is switched off",
        "modprobe vport-vxlan, vport-geneve or vport-gre as the type needs; sysctl net.ipv6.conf.all.disable_ipv6",
    ),
    "invalidargument": _Meaning(
        "Open vSwitch or the kernel refused the options of this interface",
        "see what ovs-vswitchd.log says of {name}, and compare ovs-vsctl list interface {name} with "
        "ovs-vswitchd.conf.db(5)",
    ),
    "deviceorresourcebusy": _Meaning(
        "the device belongs to something else: a Linux bridge, a bond, a macvlan, or another Open vSwitch bridge",
        "ip -d link show {name} tells its master; ip link set {name} nomaster, then ovs-vsctl del-port {bridge} "
        "{port} -- add-port {bridge} {name}",
    ),
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
        "ovs-vsctl get Open_vSwitch . iface_types lists the types; ovs-vsctl set Open_vSwitch . "
        "other_config:dpdk-init=true",
    ),
    "errorattachingdevice": _Meaning(
        "DPDK could not take the device: it is not bound to a DPDK driver, or its address is wrong",
        "dpdk-devbind.py --status, and ovs-vsctl get interface {name} options:dpdk-devargs",
    ),
    "networkisdown": _Meaning("the device is down", "ip link set {name} up"),
}
_UNKNOWN = _Meaning("Open vSwitch could not use this interface", "see what ovs-vswitchd.log says of {name}")
_STALE = _Meaning(
    "the device is gone: its workload was deleted and the port was left behind (or the workload is just being started)",
    "ovs-vsctl --if-exists del-port {bridge} {port}",
)


def errors(view: View) -> Iterator[Finding]:
    """Report every interface with an error, and say what the error means."""
    for host, bridge, port, interface in view.interfaces():
        if interface.error and not _tells_only_of_a_missing_peer(host, interface):
            yield _error(host, bridge, port, interface)


def _tells_only_of_a_missing_peer(host: Host, interface: Interface) -> bool:
    """Say whether Open vSwitch complains of what `patch-peer-missing` reports already."""
    if interface.type != "patch" or not (interface.error or "").startswith("No usable peer"):
        return False
    peer = interface.options.get("peer")
    return all(i.name != peer for b in host.bridges for p in b.ports for i in p.interfaces)


def _error(host: Host, bridge: Bridge, port: Port, interface: Interface) -> Finding:
    error = str(interface.error)
    severity: Severity = "error"
    meaning = _meaning(error)
    if meaning is _MEANINGS["nosuchdevice"] and _is_passing(bridge, port, interface):
        severity, meaning = "warning", _STALE
    names = {"name": quote(interface.name), "port": quote(port.name), "bridge": quote(bridge.name)}
    return finding(
        "interface-error",
        host.name,
        interface.name,
        f"{interface.name} of {bridge.name} does not work: {error.rstrip('.')}. That means: {meaning.means}",
        meaning.fix.format(**names),
        interface.lines.get("error"),
        severity,
    )


def _meaning(error: str) -> _Meaning:
    """Recognise an error however it was wrapped: white space does not count."""
    bare = "".join(error.split()).lower()
    return next((meaning for key, meaning in _MEANINGS.items() if key in bare), _UNKNOWN)


def _is_passing(bridge: Bridge, port: Port, interface: Interface) -> bool:
    """Say whether the device may come and go with a workload: neither a NIC, a tunnel nor part of the wiring."""
    if is_tunnel(interface) or is_veth_end(interface) or interface.type not in ("system", "tap"):
        return False
    return not is_nic_of(bridge, port)


def dead_vlan(view: View) -> Iterator[Finding]:
    """Report ports in Neutron's dead VLAN."""
    for host, bridge, port in view.ports():
        if port.tag == DEAD_VLAN:
            yield finding(
                "dead-vlan",
                host.name,
                port.name,
                f"{port.name} of {bridge.name} is in VLAN 4095, the dead VLAN: Neutron's agent has not bound it, or "
                "binding failed, and all its packets are dropped",
                f"ovs-vsctl get interface {quote(port.interfaces[0].name if port.interfaces else port.name)} "
                "external_ids:iface-id, then openstack port show that UUID, and the agent's log",
                port.lines.get("tag"),
            )
