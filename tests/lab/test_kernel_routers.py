"""Routers, floating IPs and metadata on hosts that are kernels of their own: what `make up` makes, and more."""

import json
from collections.abc import Callable, Iterator

import msgspec
import pytest

from tests.kernels import EVERY_KERNEL_TEST, TAKES_LONG, require
from tests.lab.test_server import free_port
from tunbridge.lab import demo, namespaces
from tunbridge.lab.demo import Demo
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import from_numbers
from tunbridge.lab.vm import Vms

pytestmark = [
    pytest.mark.ovs,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not EVERY_KERNEL_TEST, reason=TAKES_LONG),
]
OUTSIDE = "203.0.113.1"


class Site:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.vms = Vms(lab)
        self.demo: Demo = demo.make(lab, lambda _what: None)

    def vm(self, name: str, *argv: str) -> str:
        return self.vms.run(name, *argv)

    def outside(self, *argv: str) -> str:
        line = ("ip", "netns", "exec", self.lab.outside, *argv)
        return namespaces.run(*line, check=False).stdout


@pytest.fixture(scope="module")
def site(module_lab_name: Callable[[], str]) -> Iterator[Site]:
    require()
    lab = Lab(module_lab_name())
    plan = msgspec.structs.replace(from_numbers(lab.name, 1, 1), server=f"127.0.0.1:{free_port()}")
    lab.up(plan, lambda _part, _what: None, kind="vm")
    assert lab.state().datapath.type == "system"
    yield Site(lab)


def test_a_vm_is_reached_by_its_floating_ip_from_outside_and_from_another_vm(site: Site) -> None:
    assert site.demo.page == f"Hello {OUTSIDE}, here is vm0.\n"
    assert site.demo.floating_ip is not None
    page = site.vm("vm1", "curl", "--silent", "--max-time", "9", f"http://{site.demo.floating_ip}/")
    seen = page.split()[1].rstrip(",")
    assert seen.startswith("203.0.113.")
    assert seen not in (OUTSIDE, site.demo.floating_ip)


def test_vms_with_and_without_a_floating_ip_reach_the_outside(site: Site) -> None:
    for name in ("vm0", "vm1"):
        assert " 0% packet loss" in site.vm(name, "ping", "-c3", "-i0.3", "-W3", OUTSIDE)


def test_who_sends_too_much_at_once_from_outside_is_told_the_smaller_mtu(site: Site) -> None:
    assert site.demo.floating_ip is not None
    told = site.outside("ping", "-c3", "-i0.5", "-W3", "-Mdo", "-s1460", site.demo.floating_ip)
    assert "mtu = 1450" in told or "mtu=1450" in told, told


def test_each_vm_is_told_its_own_metadata(site: Site) -> None:
    for name in ("vm0", "vm1"):
        url = "http://169.254.169.254/openstack/latest/meta_data.json"
        assert json.loads(site.vm(name, "curl", "--silent", "--max-time", "9", url))["name"] == name
