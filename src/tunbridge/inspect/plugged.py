"""What is behind a port that is no wiring: a VM, a pod, a router's side, DHCP, the node itself, or unknown.

`ovs-vsctl show` tells names, types and tags. A live source adds `external_ids`, in which OVN-Kubernetes, Kube-OVN and
Antrea write the pod's name, and `fake_bridge` (ovs-vswitchd.conf.db(5), Port).
"""

import re
from collections.abc import Iterable
from typing import Literal

from tunbridge.inspect.interfaces import is_service, is_workload
from tunbridge.inspect.model import Interface, Port
from tunbridge.inspect.wiring import Flavour

Kind = Literal[
    "vm", "ovn", "pod", "dhcp", "router", "gateway", "snat", "floating", "ha", "node", "antrea-gw", "fake", "vlan",
    "unknown",
]  # fmt: skip
"""`ovn` is a VM or OVN's metadata service, `vlan` a fake bridge or a VLAN device of the host: only a database tells."""

_PREFIXES: dict[str, Kind] = {
    "qvo": "vm",
    "vnet": "vm",
    "vhu": "vm",
    "qr-": "router",
    "qg-": "gateway",
    "sg-": "snat",
    "fg-": "floating",
    "ha-": "ha",
    "antrea-gw": "antrea-gw",
    "ovn-k8s-mp": "node",
}
"""Prefixes by which Neutron, libvirt, Antrea and OVN-Kubernetes name what they plug in; `tap` depends on the type."""

_NODE_PORTS = frozenset(("ovn0", "k8s-node"))
"""The node's own port with Kube-OVN."""
_POD_PORT = re.compile(r"[0-9a-f]{11,12}_h|[0-9a-f]{15}")
"""Kube-OVN's and OVN-Kubernetes' names of a pod's port: from the id of its container."""


def of_pods(ports: Iterable[Port]) -> bool:
    """Whether a bridge with these ports is one of OVN-Kubernetes or Kube-OVN: the node's own port is among them."""
    return any(port.name.startswith("ovn-k8s-mp") or port.name in _NODE_PORTS for port in ports)


def kind(system: Flavour, port: Port, with_pods: bool) -> Kind:
    """Tell what is behind a port that is neither the bridge's own, nor a patch, a tunnel or a NIC.

    `with_pods`: what `of_pods` says of its bridge.
    """
    if port.fake_bridge:
        return "fake"
    if system == "ovn" and port.name in _NODE_PORTS:
        return "node"
    for prefix, known in _PREFIXES.items():
        if port.name.startswith(prefix):
            return known
    if pod_name(port) is not None:
        return "pod"
    internal = any(interface.type == "internal" for interface in port.interfaces)
    if port.name.startswith("tap"):
        return "ovn" if system == "ovn" else "dhcp" if internal and system == "neutron" else "vm"
    if system == "antrea" or (with_pods and _POD_PORT.fullmatch(port.name)):
        return "pod"
    if internal and port.tag is not None and port.fake_bridge is None and not any(map(is_service, port.interfaces)):
        return "vlan"
    return "vm" if any(map(_is_vms, port.interfaces)) else "unknown"


def _is_vms(interface: Interface) -> bool:
    """Whether only a virtual machine has such a port: vhost-user, XenServer's vif, a representor."""
    return is_workload(interface) and (
        interface.type.startswith("dpdk") or re.fullmatch(r"vif\d+\.\d+.*", interface.name) is not None
    )


def pod_name(port: Port) -> str | None:
    """Return `NAMESPACE/POD` of a pod's port, as the system that plugged it in wrote it down; else None."""
    for interface in port.interfaces:
        ids = interface.external_ids or {}
        for namespace, pod in (("antrea-pod-namespace", "antrea-pod-name"), ("pod_namespace", "pod_name")):
            if namespace in ids and pod in ids:
                return f"{ids[namespace]}/{ids[pod]}"
        if "sandbox" in ids and "_" in ids.get("iface-id", ""):  # OVN-Kubernetes
            return ids["iface-id"].replace("_", "/", 1)
    return None
