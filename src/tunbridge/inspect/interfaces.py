"""What an interface is, as far as its type and name tell: a NIC, a workload's, a router's, a tunnel, a patch.

`ovs-vsctl show` prints no more than type and name, and each system that plugs interfaces in has names of its own. The
patterns are those of the systems' sources: Neutron, Nova and os-vif (tap, qvo, vhu, qr-, qg- ...), OVN, kube-ovn and
OVN-Kubernetes (hex names), Antrea, libvirt (vnet), Proxmox, XenServer (vif), and of the kernel and udev for NICs.
"""

import re
from functools import lru_cache

from tunbridge.inspect.model import Bridge, Device, Interface, Port

TUNNEL_TYPES = frozenset(
    (
        "vxlan", "geneve", "gre", "gre64", "ip6gre", "stt", "lisp", "erspan", "ip6erspan", "gtpu", "bareudp", "srv6",
        "capwap", "ipsec_gre", "ipsec_gre64",
    )
)  # fmt: skip
"""Types of interfaces that are tunnels: ovs-vswitchd.conf.db(5), Interface, `type`, of 1.x to 3.x."""

_TUNNEL_NAMES = {"geneve": "Geneve", "gtpu": "GTP-U", "bareudp": "Bareudp", "srv6": "SRv6", "tunnel": "Tunnel"}
"""Where it is not the type in capitals."""

DEVICE_TYPES = frozenset(("system", "dpdk", "afxdp", "afxdp-nonpmd"))
"""Types that stand for a network device of the machine."""

_WORKLOAD = re.compile(
    r"(?:tap|qvo|qvb|vnet|vhu|vhost-user|veth|lxc|macvtap|fwln|fwpr)[\w.-]*"
    r"|vif\d+\.\d+(?:-emu)?"  # XenServer
    r"|[0-9a-f]{11,15}(?:_[a-z]\w{0,3})?"  # kube-ovn (…_h), OVN-Kubernetes, ovs-docker (…_l)
    r"|[\w.-]+-[0-9a-f]{6}"  # Antrea: the pod's name and a hash
    r"|\w*pf\d+(?:vf|sf)\d+|\w+_\d+|en\w+f\d+v\d+|\w+_rep\w*"  # representors of virtual functions
)
_SERVICE = re.compile(r"(?:qr|qg|sg|ha|fg|fpr|rfp|o-hm)-?[\w-]+|o-hm0")
_NIC = re.compile(
    r"(?:eth\d+|em\d+|en[a-z]\w*|enP\w+|p\d+p\d+(?:_\d+)?|(?:ovs_?|ovs-)?bond[\w-]*|team[\w-]*|ib\d+|ibp\w+|wl\w+"
    r"|dpdk[\w-]*|usb\d+|venet\d+|vmnic\d+|p[01]|swp\d+(?:s\d+)?|lan\d+|wan\d*|hsn\d+|[xgs]e\d+|sfp\d+"
    r"|Ethernet ?\d+)"
    r"(?:\.\d+)?"
)
_FUEL = re.compile(r"p_[0-9a-f]{8}-\d+")
"""Mirantis Fuel's internal port that is also in a Linux bridge, and so joins the two."""
_PAIRED = ("int-", "phy-")


_VIRTUAL_DRIVERS = frozenset(("tun", "veth", "openvswitch", "bridge", "dummy", "macvlan", "vxlan", "mlx5e_rep"))
"""Drivers of devices that are no hardware: what `status:driver_name` of a live source tells."""
_W, _S, _N = 1, 2, 4
_LONGEST = 64
"""Device names have at most 15 characters; a name longer than this is hostile, and matches no pattern."""


@lru_cache(maxsize=1 << 18)
def _names_of(name: str) -> int:
    """Return whose names `name` is one of, as bits. It is asked of each several times: some 50 MB are kept at most."""
    if len(name) > _LONGEST:
        return 0
    kinds = ((_W, _WORKLOAD), (_S, _SERVICE), (_N, _NIC))
    return sum(bit for bit, pattern in kinds if pattern.fullmatch(name))


def is_tunnel(interface: Interface) -> bool:
    """Say whether it carries packets to other hosts inside packets."""
    return interface.type in TUNNEL_TYPES


def tunnel_name(type: str | None) -> str:
    """Write a tunnel's type as its standard does."""
    return _TUNNEL_NAMES.get(type, type.upper()) if type else "?"


def is_mirror(interface: Interface) -> bool:
    """Say whether it carries copies of packets to a collector, which sends nothing back.

    All of ERSPAN does; of GRE the ports that Tunbridge (`tm_gre-`) and Neutron (`tm_in_`, `tm_out_`) name so.
    """
    return "erspan" in interface.type or ("gre" in interface.type and interface.name.startswith("tm_"))


def is_patch(interface: Interface) -> bool:
    """Say whether it is one end of a wire between two bridges of the host."""
    return interface.type == "patch"


def is_workload(interface: Interface) -> bool:
    """Say whether a virtual machine, a container or a pod is behind it."""
    if interface.type in ("system", "tap"):
        return bool(_names_of(interface.name) & _W)
    if interface.type == "dpdk":
        return "representor=" in interface.options.get("dpdk-devargs", "")
    return interface.type.startswith("dpdkvhostuser")


def is_service(interface: Interface) -> bool:
    """Say whether Neutron's network node serves behind it: a router's port, or a DHCP server's (an internal tap)."""
    if interface.type not in ("internal", "system"):
        return False
    return bool(_names_of(interface.name) & _S) or (interface.type == "internal" and interface.name.startswith("tap"))


def is_veth_end(interface: Interface) -> bool:
    """Say whether it has the name of one end of the veth pair that Neutron used before patch ports (2013)."""
    return interface.type == "system" and interface.name.startswith(_PAIRED) and 4 < len(interface.name) <= _LONGEST


def looks_like_nic(interface: Interface) -> bool:
    """Say whether its type and name are those of a physical network device, wherever it is plugged."""
    if interface.type not in DEVICE_TYPES or is_workload(interface):
        return False
    driver = (interface.status or {}).get("driver_name")
    if driver and interface.type == "system":
        # A host that is a container or a lab's has its NICs as veth pairs, with the names of NICs.
        return driver not in _VIRTUAL_DRIVERS or bool(_names_of(interface.name) & _N)
    return interface.type != "system" or bool(_names_of(interface.name) & _N)


def has_nic_name(name: str) -> bool:
    """Whether a name is one of those that the kernel and udev give to physical devices."""
    return bool(_names_of(name) & _N)


def is_enslaved(interface: Interface) -> bool:
    """Whether an internal port is also in a bridge of the host's own IP stack, and so leads on from there."""
    return interface.type == "internal" and (
        interface.master is not None or _FUEL.fullmatch(interface.name) is not None
    )


def _is_known_otherwise(interface: Interface) -> bool:
    return is_workload(interface) or is_service(interface) or is_veth_end(interface)


def is_nic_of(bridge: Bridge, port: Port) -> bool:
    """Say whether `port` leads `bridge` to a physical network: on a provider bridge any device does, however named.

    A bridge's own port is none, also where its `type:` line is missing.
    """
    if is_local(bridge, port):
        return False
    for interface in port.interfaces:
        if looks_like_nic(interface):
            return True
        if bridge.role == "provider" and interface.type == "system" and not _is_known_otherwise(interface):
            return True
    return False


def why_down(device: Interface | Device) -> str | None:
    """Say why a device carries nothing; None while it does, or when that is not known."""
    if device.admin_state == "down":
        return "it is switched off"
    return "it has no carrier" if device.link_state == "down" else None


def is_local(bridge: Bridge, port: Port) -> bool:
    """Say whether it is the bridge's own port, by which the host is attached to it."""
    return port.name == bridge.name
