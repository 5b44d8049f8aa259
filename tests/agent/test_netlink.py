"""What the kernel says of NICs, read in a namespace whose devices, addresses and routes are known."""

import json
import sys
from collections.abc import Callable, Iterator

import pytest

from tunbridge.dataplane.nics import NicState
from tunbridge.lab import namespaces

pytestmark = pytest.mark.ovs

_READ = """
import json, sys, msgspec
from tunbridge.agent import netlink
print(json.dumps({n: msgspec.to_builtins(s) for n, s in netlink.read(sys.argv[1:]).items()}))
"""
_DEVICES = """
link add nic0 type veth peer name nic1
link set nic0 up
link set nic1 up
address add 192.0.2.10/24 dev nic0
address add 198.51.100.1 peer 198.51.100.2/32 dev nic0
address add 2001:db8::10/64 dev nic0 nodad
route add 10.0.0.0/8 via 192.0.2.7
"""


@pytest.fixture(scope="module")
def namespace(module_lab_name: Callable[[], str]) -> Iterator[str]:
    made = namespaces.namespace(module_lab_name(), "nics")
    namespaces.add(made)
    for line in _DEVICES.strip().splitlines():
        namespaces.run("ip", "-n", made, *line.split())
    yield made
    namespaces.run("ip", "netns", "del", made)


@pytest.fixture
def route(namespace: str) -> Iterator[Callable[..., None]]:
    """Add a default route for the time of a test."""
    added: list[tuple[str, ...]] = []

    def add(family: str, *words: str) -> None:
        namespaces.run("ip", "-n", namespace, family, "route", "add", "default", *words)
        added.append((family,))

    yield add
    for (family,) in added:
        namespaces.run("ip", "-n", namespace, family, "route", "del", "default")


def read(namespace: str, *names: str) -> dict[str, NicState]:
    argv = ("ip", "netns", "exec", namespace, sys.executable, "-c", _READ, *names)
    found = json.loads(namespaces.run(*argv).stdout)
    return {
        name: NicState(
            exists=state["exists"],
            addresses=tuple(state["addresses"]),
            gateways=tuple(state["gateways"]),
            default_route=state["default_route"],
        )
        for name, state in found.items()
    }


def test_addresses_without_link_local_ones_and_a_device_that_is_not_there(namespace: str) -> None:
    addresses = ("192.0.2.10/24", "198.51.100.1/32", "2001:db8::10/64")
    assert read(namespace, "nic0", "nic1", "nic2") == {
        "nic0": NicState(exists=True, addresses=addresses),
        "nic1": NicState(exists=True),
        "nic2": NicState(),
    }


def test_default_routes_of_both_families(namespace: str, route: Callable[..., None]) -> None:
    route("-4", "via", "192.0.2.1")
    route("-6", "via", "2001:db8::1")
    state = read(namespace, "nic0")["nic0"]
    assert state.default_route
    assert state.gateways == ("192.0.2.1", "2001:db8::1")


def test_a_default_route_with_several_paths_and_one_without_a_gateway(
    namespace: str, route: Callable[..., None]
) -> None:
    route("-4", "nexthop", "via", "192.0.2.1", "dev", "nic0", "nexthop", "dev", "nic1")
    found = read(namespace, "nic0", "nic1")
    assert found["nic0"].gateways == ("192.0.2.1",)
    assert found["nic1"].default_route and not found["nic1"].gateways


def test_a_next_hop_of_the_other_family(namespace: str, route: Callable[..., None]) -> None:
    route("-4", "via", "inet6", "2001:db8::1", "dev", "nic0")
    assert read(namespace, "nic0")["nic0"].gateways == ("2001:db8::1",)
