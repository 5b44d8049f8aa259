"""Clouds for the tests of a module, removed again whatever happens."""

import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import pytest

from tests.agent.hosts import NIC
from tests.kernels import require
from tests.packets.cloud import BFD_INTERVAL_MS, KERNELS, Cloud
from tunbridge.agent.config import Provider, TunnelType
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import HostPlan, LabPlan, checked


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def make_cloud(
    name: str,
    hosts: int = 2,
    tunnel_types: Sequence[TunnelType] = ("vxlan",),
    underlay: str = "10.0.0.0/24",
    preview: bool = False,
    apart: Sequence[str] = (),
    more: Mapping[str, Provider] = MappingProxyType({}),
    only: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Cloud:
    """A lab with a server: hosts h0, h1, … that all reach physnet1, and `more`, but for those `apart`.

    `only`: host -> the physical networks of these that it reaches.
    """
    lab = Lab(name)
    providers = {"physnet1": Provider(bridge="br-eth1", nics=[NIC]), **more}
    network = ipaddress.ip_network(underlay)
    plans = [
        HostPlan(
            name=name,
            local_ip=str(network[11 + i]),
            tunnel_types=tuple(tunnel_types),
            providers={} if name in apart else {n: p for n, p in providers.items() if n in only.get(name, providers)},
            bfd_interval=BFD_INTERVAL_MS,
        )
        for i, name in enumerate(f"h{i}" for i in range(hosts))
    ]
    server = f"127.0.0.1:{_free_port()}"
    plan = LabPlan(name=name, hosts=plans, prefix_length=network.prefixlen, server=server, preview=preview)
    if KERNELS:
        require()
    lab.up(checked(plan), lambda _part, _what: None, kind="vm" if KERNELS else "namespace")
    return Cloud(lab)


@pytest.fixture(scope="module")
def cloud(module_lab_name: Callable[[], str]) -> Iterator[Cloud]:
    """Two hosts and a server, for all tests of a module."""
    yield make_cloud(module_lab_name())
