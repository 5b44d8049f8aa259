"""A day with the real `openstack` command: every resource created, listed, shown, set, unset, deleted, by several."""

from tests.api.day import networks
from tests.api.day.steps import Day


def test_networks_subnets_and_pools(day: Day) -> None:
    day.spend(networks.NETWORKS + networks.SUBNETS + networks.POOLS)
