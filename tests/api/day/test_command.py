"""A day with the real `openstack` command: every resource created, listed, shown, set, unset, deleted, by several."""

from tests.api.day import (
    central,
    hosts,
    local_ips,
    metering,
    mirrors,
    networks,
    ports,
    private_vlans,
    qos,
    security,
    segments,
    sharing,
    taps,
    trunks,
)
from tests.api.day.steps import Day
from tests.api.serving import Cloud


def test_networks_subnets_and_pools(day: Day) -> None:
    day.spend(networks.NETWORKS + networks.SUBNETS + networks.POOLS)


def test_security_groups(day: Day) -> None:
    day.spend(security.ADDRESS_GROUPS + security.GROUPS + security.RULES + security.DEFAULT_RULES)


def test_sharing_and_quotas(day: Day) -> None:
    day.spend(sharing.RBAC + sharing.QUOTAS)


def test_ports(day: Day) -> None:
    day.spend(ports.PORTS)


def test_quality_of_service(day: Day) -> None:
    day.spend(qos.POLICIES + qos.RULES + qos.USES)
    day.spend(metering.METERS)


def test_trunks(day: Day) -> None:
    day.spend(trunks.MADE + trunks.CHANGED + trunks.GONE)


def test_local_ips(day: Day) -> None:
    day.spend(local_ips.LOCAL_IPS)


def test_private_vlans(day: Day) -> None:
    day.spend(private_vlans.PRIVATE_VLANS)


def test_mirrors(day: Day) -> None:
    day.spend(mirrors.MIRRORS)
    day.spend(taps.TAPS)


def test_hosts_and_what_is_bound_to_them(own_cloud: Cloud, day: Day) -> None:
    central.register(own_cloud)
    for row in own_cloud.user().list("agent"):
        day.kept[("l3_" if row["agent_type"] == "L3 agent" else "") + row["host"]] = row["id"]
    day.spend(segments.SEGMENTS + segments.PORTS)
    day.spend(
        hosts.AGENTS
        + hosts.GATEWAYS
        + hosts.SEVERAL_GATEWAYS
        + hosts.FLAVORS
        + hosts.HELPERS
        + hosts.BINDINGS
        + hosts.RANGES
        + hosts.FORGETTING
    )
