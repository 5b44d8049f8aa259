"""Healthy hosts of other systems, and real dumps: nothing is found there that is not so."""

import pytest

from tests.inspect.check_cases import DUMPS, checked
from tests.inspect.hosts import (
    compute,
    errors,
    port,
    two,
)
from tunbridge.inspect.reader import read_show

KUBE_OVN = """\
root@kube-ovn-worker:/# ovs-vsctl show
5f1f2b3a-0d3e-4a57-8b0e-1d0c8b9b2a11
    Bridge br-int
        fail_mode: secure
        datapath_type: system
        Port "8c1f6f4f0d4e_h"
            Interface "8c1f6f4f0d4e_h"
        Port mirror0
            Interface mirror0
                type: internal
        Port ovn0
            Interface ovn0
                type: internal
        Port ovn-5cc7a4-0
            Interface ovn-5cc7a4-0
                type: geneve
                options: {csum="true", key=flow, remote_ip="172.18.0.2"}
                bfd_status: {diagnostic="No Diagnostic", forwarding="true", state=up}
        Port br-int
            Interface br-int
                type: internal
        Port patch-br-int-to-localnet.external
            Interface patch-br-int-to-localnet.external
                type: patch
                options: {peer=patch-localnet.external-to-br-int}
    Bridge br-external
        Port patch-localnet.external-to-br-int
            Interface patch-localnet.external-to-br-int
                type: patch
                options: {peer=patch-br-int-to-localnet.external}
        Port eth1
            Interface eth1
    ovs_version: "2.17.3"
"""
OVN_KUBERNETES = """\
sh-5.1# ovs-vsctl show
a4c0b1de-6a44-4c21-9a4b-55d0c6e2f7a9
    Bridge br-ex
        Port br-ex
            Interface br-ex
                type: internal
        Port patch-br-ex_worker-0-to-br-int
            Interface patch-br-ex_worker-0-to-br-int
                type: patch
                options: {peer=patch-br-int-to-br-ex_worker-0}
        Port ens3
            Interface ens3
                type: system
    Bridge br-int
        fail_mode: secure
        datapath_type: system
        Port patch-br-int-to-br-ex_worker-0
            Interface patch-br-int-to-br-ex_worker-0
                type: patch
                options: {peer=patch-br-ex_worker-0-to-br-int}
        Port ovn-k8s-mp0
            Interface ovn-k8s-mp0
                type: internal
        Port "3b0a5d1c9a7e2f4"
            Interface "3b0a5d1c9a7e2f4"
        Port ovn-8a5f2c-0
            Interface ovn-8a5f2c-0
                type: geneve
                options: {csum="true", key=flow, local_ip="10.0.128.2", remote_ip="10.0.128.3"}
        Port br-int
            Interface br-int
                type: internal
    ovs_version: "3.1.2"
"""
OPENSHIFT_SDN = """\
f2a1ed21-37f4-4b1e-9a2b-1d3c5d7e9f10
    Bridge br0
        fail_mode: secure
        Port vxlan0
            Interface vxlan0
                type: vxlan
                options: {dst_port="4789", key=flow, remote_ip=flow}
        Port tun0
            Interface tun0
                type: internal
        Port veth8a1b2c3d
            Interface veth8a1b2c3d
    ovs_version: "2.15.4"
"""
LIBVIRT = """\
0d1f6b0e-9f6b-4c0e-8f0a-2d1c3b4a5968
    Bridge ovsbr0
        Port ovsbr0
            Interface ovsbr0
                type: internal
        Port vnet0
            tag: 100
            Interface vnet0
        Port enp2s0
            Interface enp2s0
    ovs_version: "2.17.9"
"""
DPDK = """\
c9a2d5b1-3e1f-4b62-9a3e-0a1b2c3d4e5f
    Manager "ptcp:6640:127.0.0.1"
        is_connected: true
    Bridge br-int
        Controller "tcp:127.0.0.1:6633"
            is_connected: true
        fail_mode: secure
        datapath_type: netdev
        Port vhu1a2b3c4d-5e
            tag: 3
            Interface vhu1a2b3c4d-5e
                type: dpdkvhostuserclient
                options: {vhost-server-path="/var/lib/vhost_sockets/vhu1a2b3c4d-5e"}
        Port int-br-link0
            Interface int-br-link0
                type: patch
                options: {peer=phy-br-link0}
    Bridge br-link0
        Controller "tcp:127.0.0.1:6633"
            is_connected: true
        fail_mode: secure
        datapath_type: netdev
        Port dpdkbond0
            Interface dpdk1
                type: dpdk
                options: {dpdk-devargs="0000:18:00.1", n_rxq="4"}
            Interface dpdk0
                type: dpdk
                options: {dpdk-devargs="0000:18:00.0", n_rxq="4"}
        Port phy-br-link0
            Interface phy-br-link0
                type: patch
                options: {peer=int-br-link0}
    Bridge br-ex
        Port enp4s0
            Interface enp4s0
        Port vlan20
            tag: 20
            Interface vlan20
                type: internal
        Port br-ex
            Interface br-ex
                type: internal
    ovs_version: "2.17.8"
"""
INCUS = """\
4b3a2918-0716-4f5e-8d9c-aabbccddeeff
    Bridge incusovn1
        Port incusovn1
            Interface incusovn1
                type: internal
        Port incusovn1b
            Interface incusovn1b
        Port patch-incus-net2-ls-ext-lsp-provider-to-br-int
            Interface patch-incus-net2-ls-ext-lsp-provider-to-br-int
                type: patch
                options: {peer=patch-br-int-to-incus-net2-ls-ext-lsp-provider}
    Bridge br-int
        fail_mode: secure
        datapath_type: system
        Port patch-br-int-to-incus-net2-ls-ext-lsp-provider
            Interface patch-br-int-to-incus-net2-ls-ext-lsp-provider
                type: patch
                options: {peer=patch-incus-net2-ls-ext-lsp-provider-to-br-int}
        Port veth1a2b3c4d
            Interface veth1a2b3c4d
        Port br-int
            Interface br-int
                type: internal
    ovs_version: "3.3.0"
"""


@pytest.mark.parametrize("text", [KUBE_OVN, OVN_KUBERNETES, OPENSHIFT_SDN, LIBVIRT, DPDK, INCUS])
def test_other_systems_healthy_hosts_raise_neither_error_nor_warning(text: str) -> None:
    document = checked(*read_show(text, source="host.txt"))
    assert [finding for finding in document.findings if finding.severity != "info"] == []


# Two hosts each, where both were published; else one. What is warned of was looked at by eye, and is so.
REAL: list[tuple[tuple[int, ...], set[str]]] = [
    ((1, 2), set()), ((3, 4), set()), ((5, 6), set()), ((7, 8), set()), ((9,), set()), ((10, 11), set()),
    ((12, 13), {"interface-error"}), ((14, 15), {"interface-error"}), ((16,), {"interface-error"}), ((17,), set()),
    ((18, 19), {"provider-without-nic"}), ((34, 35), set()), ((36, 37), {"tunnel-name-mismatch"}), ((38,), set()),
    ((39, 40), {"provider-without-nic"}), ((41, 42), {"provider-without-nic"}), ((45, 46), set()), ((49, 50), set()),
    ((58,), {"controller-disconnected"}), ((59,), set()), ((60,), set()), ((61,), {"controller-disconnected"}),
    ((66,), set()), ((69,), set()), ((73,), {"controller-disconnected", "interface-error"}), ((80,), set()),
]  # fmt: skip


@pytest.mark.skipif(not DUMPS.is_dir(), reason="the real dumps are not here")
@pytest.mark.parametrize(("numbers", "warned"), REAL, ids=lambda value: str(sorted(value)))
def test_real_dumps_raise_no_error_and_the_warnings_are_true(numbers: tuple[int, ...], warned: set[str]) -> None:
    paths = [next(DUMPS.glob(f"{number:02}-*.txt")) for number in numbers]
    document = checked(*(h for path in paths for h in read_show(path.read_text(), source=path.name)))
    assert errors(document) == []
    assert {finding.code for finding in document.findings if finding.severity == "warning"} == warned


@pytest.mark.skipif(not DUMPS.is_dir(), reason="the real dumps are not here")
def test_all_real_dumps_are_in_a_group_and_raise_no_error_together() -> None:
    paths = sorted(DUMPS.glob("*-*.txt"))
    assert {int(path.name[:2]) for path in paths} == {number for numbers, _ in REAL for number in numbers}
    document = checked(*(h for path in paths for h in read_show(path.read_text(), source=path.name)))
    assert errors(document) == []


@pytest.mark.parametrize(
    ("type", "name"), [("erspan", "tm_ers-0a00001b"), ("gre", "tm_gre-0a00001b"), ("gre", "tm_in_c00403")]
)
@pytest.mark.parametrize("collector", ["10.0.0.27", "192.0.2.9"])
def test_a_port_to_a_collector_of_copies_is_no_tunnel_to_a_host(type: str, name: str, collector: str) -> None:
    mirror = port(name, type, remote_ip=collector, in_key="0xffffffff", out_key="flow")
    hosts = [compute("compute0", "10.0.0.25", ["10.0.0.27"], mirror), two()[1]]
    document = checked(*hosts)
    assert document.findings == checked(*two()).findings
    assert document.not_checked == checked(*two()).not_checked
    assert len(document.hosts) == 2
    assert [link for link in document.links if link.kind == "tunnel" and link.a.port == name] == []
