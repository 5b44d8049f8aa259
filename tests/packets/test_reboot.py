"""A host loses its power: what is on disk stays, everything else is gone, and all comes back by itself."""

import pytest

from tests.packets.cloud import Cloud, Workload
from tunbridge.lab import namespaces

pytestmark = pytest.mark.ovs


def power_off(cloud: Cloud, name: str) -> None:
    """End all that runs on a host at once, and take its devices away, those of its VMs with it."""
    host = cloud.lab.host(name)
    namespaces.remove([namespaces.namespace(cloud.lab.name, name)])
    assert host.pid("ovs-vswitchd") is None
    assert host.pid("agent") is None


def boot(cloud: Cloud, name: str) -> None:
    """Start what a host's systemd starts: Open vSwitch with the database of before, then the agent."""
    cloud.lab.up(cloud.lab.state().plan, lambda _part, _what: None)
    assert cloud.lab.host(name).pid("agent") is not None


def test_a_host_that_lost_its_power_comes_back_with_its_ports_tags_and_peers(cloud: Cloud) -> None:
    network = cloud.make_network("power", "10.21.0.0/24")
    flat = cloud.make_network(
        "wire", "10.22.0.0/24", provider_network_type="flat", provider_physical_network="physnet1"
    )
    lost, far, witness = (cloud.vm(host, network) for host in ("h0", "h1", "h1"))
    wired, wired_far = (cloud.vm(host, flat) for host in ("h0", "h1"))
    assert lost.reaches(far.address)
    tag = lost.host.host.vsctl("get", "port", lost.tap, "tag")

    power_off(cloud, "h0")
    assert far.never_reaches(lost.address)
    assert far.reaches(witness.address)

    boot(cloud, "h0")
    again, wired_again = _start_again(cloud, lost), _start_again(cloud, wired)
    assert again.reaches(far.address, seconds=10)
    assert far.reaches(again.address)
    assert wired_far.reaches(wired_again.address)
    assert again.host.host.vsctl("get", "port", again.tap, "tag") == tag


def _start_again(cloud: Cloud, vm: Workload) -> Workload:
    """Start a VM as libvirt does after a boot: the port that the database still has is replaced by a new device."""
    vm.detach()
    again = cloud.plug("h0", vm.port)
    again.configure()
    again.wait_active()
    return again
