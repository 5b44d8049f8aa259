"""One request with many things: the work for each does not grow with how many there are."""

import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pytest

from tunbridge.api import body
from tunbridge.database.store import Store
from tunbridge.database.transaction import Transaction
from tunbridge.model import catalog
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import NetworkingError
from tunbridge.rules.request import Request
from tunbridge.rules.rulebook import rulebook
from tunbridge.rules.settings import QUOTAS, NetworkingSettings

ADMIN = Caller("u", "admin", "p", "project", frozenset({"admin", "manager", "member", "reader"}))
SETTINGS = NetworkingSettings(default_quotas=dict.fromkeys(QUOTAS, -1))
RULES = rulebook(catalog.RESOURCES, SETTINGS)


class Bulk:
    """A transaction on an empty database, with a network, a pool and a security group."""

    def __init__(self) -> None:
        self.txn = Transaction(Store(catalog.tables()))
        self.request = Request(ADMIN, SETTINGS, datetime.now(UTC), random.Random(1))
        self.network = self.create("network", name="n")
        self.group = self.create("security_group", name="g")
        self.pool = self.create("subnetpool", name="pool", prefixes=["10.0.0.0/8"], default_prefixlen="28")
        self.create("subnet", network_id=self.network, cidr="172.16.0.0/12", ip_version=4)

    def create(self, resource: str, **values: Any) -> str:
        made = body.created(catalog.resource(resource), ADMIN, values)
        return RULES[resource].create(self.txn, self.request, made)

    def rule(self, n: int) -> None:
        ports = {"port_range_min": n + 1, "port_range_max": n + 1}
        self.create("security_group_rule", security_group_id=self.group, direction="ingress", protocol="tcp", **ports)

    def subnet(self, n: int) -> None:
        self.create("subnet", network_id=self.network, cidr=f"192.{n >> 8}.{n & 255}.0/24", ip_version=4)

    def subnet_of_pool(self, n: int) -> None:
        self.create("subnet", network_id=self.create("network", name=str(n)), subnetpool_id=self.pool, ip_version=4)

    def port(self, _n: int) -> None:
        self.create("port", network_id=self.network)


def steps(action: Callable[[], None]) -> int:
    """Count the bytecode instructions of an action: unlike its time the same on any machine, however busy."""
    count = 0

    def trace(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("make", [Bulk.rule, Bulk.subnet, Bulk.subnet_of_pool, Bulk.port])
def test_the_last_of_many_costs_no_more_than_one_of_the_first(make: Callable[[Bulk, int], None]) -> None:
    bulk = Bulk()
    for n in range(10):
        make(bulk, n)
    few = max(steps(lambda n=n: make(bulk, n)) for n in range(10, 14))  # type: ignore[misc]
    for n in range(14, 300):
        make(bulk, n)
    many = min(steps(lambda n=n: make(bulk, n)) for n in range(300, 304))  # type: ignore[misc]
    assert many < 1.5 * few


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(NetworkingError) as found:
        action()
    return found.value.type


def test_a_rule_that_is_there_already_in_another_spelling_is_refused_within_a_request() -> None:
    bulk = Bulk()
    rule = {"security_group_id": bulk.group, "direction": "ingress"}
    bulk.create("security_group_rule", protocol="udp", **rule)
    again = {**rule, "protocol": "17", "remote_ip_prefix": "0.0.0.0/0"}
    assert refusal(lambda: bulk.create("security_group_rule", **again)) == "SecurityGroupRuleExists"
    bulk.create("security_group_rule", protocol="udp", remote_ip_prefix="192.0.2.0/24", **rule)


@pytest.mark.parametrize("cidr", ["192.0.2.0/24", "192.0.2.128/25", "192.0.0.0/16", "192.0.2.0/32", "172.16.5.0/24"])
def test_a_subnet_that_overlaps_one_of_the_same_request_is_refused(cidr: str) -> None:
    bulk = Bulk()
    for third in (1, 2, 3):
        bulk.create("subnet", network_id=bulk.network, cidr=f"192.0.{third}.0/24", ip_version=4)
    subnet = {"network_id": bulk.network, "ip_version": 4, "enable_dhcp": False}
    assert refusal(lambda: bulk.create("subnet", cidr=cidr, **subnet)) == "InvalidInput"
    bulk.create("subnet", cidr="192.0.4.0/24", **subnet)


def test_subnets_of_a_pool_are_apart_and_within_the_quota_within_a_request() -> None:
    bulk = Bulk()
    small = bulk.create(
        "subnetpool", name="small", prefixes=["198.51.100.0/24"], default_prefixlen="26", default_quota=128
    )
    networks = [bulk.create("network", name=str(n)) for n in range(3)]
    ids = [bulk.create("subnet", network_id=n, subnetpool_id=small, ip_version=4) for n in networks[:2]]
    assert len({bulk.txn.get("Subnet", id).cidr for id in ids}) == 2  # type: ignore[union-attr]
    third = {"network_id": networks[2], "subnetpool_id": small, "ip_version": 4}
    assert refusal(lambda: bulk.create("subnet", **third)) == "SubnetPoolQuotaExceeded"
