"""Metering labels: what they count is what passed, also over restarts, and they change nothing of where packets go."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.packets.cloud import Workload, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.test_trace import PEER, Site, ends
from tunbridge.agent.metering import READ_S
from tunbridge.agent.status.document import MeteredStatus

pytestmark = pytest.mark.ovs
SIZE = 28 + 56
"""Bytes of the IP packets of `ping`."""


@pytest.fixture(scope="module")
def site(module_lab_name: Callable[[], str]) -> Iterator[Site]:
    yield Site(make_cloud(module_lab_name()))


@pytest.fixture(scope="module")
def label(site: Site) -> str:
    """Counts what the VMs of blue send, but for those that no rule is about, and what comes in to them."""
    network = site.cloud.network
    made = network.create_metering_label(name="blue")
    for direction, side in (("egress", "source_ip_prefix"), ("ingress", "destination_ip_prefix")):
        network.create_metering_label_rule(metering_label_id=made.id, direction=direction, **{side: "10.5.0.0/24"})
    free = {"source_ip_prefix": f"{site.same.address}/32", "excluded": True}
    network.create_metering_label_rule(metering_label_id=made.id, direction="egress", **free)
    gateways = [w for w in site.cloud.hosts.values() if "nat(src=" in w.ofctl("dump-flows", "br-int", "table=76")]
    assert gateways

    def are_counting() -> bool:
        return all(w.ofctl("dump-flows", "br-int", "table=63").count("nw_src") == 2 for w in gateways)

    wait_until(are_counting, "hosts with the router's outside count")
    return str(made.id)


def metered(site: Site, label: str, direction: str) -> dict[str, MeteredStatus]:
    """What each host has counted."""
    found = {}
    for name, wired in site.cloud.hosts.items():
        status = wired.answer().status
        of_label = [one for one in status.metered if (one.label, one.direction) == (label, direction)]
        assert [(one.name, one.router) for one in of_label] in ([], [("blue", site.router.id)])
        if of_label:
            found[name] = of_label[0]
    return found


def total(site: Site, label: str, direction: str) -> tuple[int, int]:
    counts = metered(site, label, direction).values()
    return sum(one.packets for one in counts), sum(one.bytes for one in counts)


def ping(vm: Workload, number: int) -> None:
    """So many pings of the machine outside, each answered."""
    done = vm.run("ping", "-c", str(number), "-i", "0.1", "-W", "4", PEER)
    assert f" {number} received" in done.stdout


def until_counted(site: Site, label: str, sent: int, received: int) -> None:
    for direction, number in (("egress", sent), ("ingress", received)):
        expected = (number, number * SIZE)
        wait_until(
            lambda d=direction, e=expected: total(site, label, d) == e,  # type: ignore[misc]
            f"{direction} counts {expected}",
            15,
        )


def test_what_passes_the_gateway_and_floating_ips_is_counted_once_over_restarts(site: Site, label: str) -> None:
    for vm in (site.near, site.same, site.far):  # the last one has a floating IP on its own host
        ping(vm, 5)
    until_counted(site, label, sent=10, received=15)
    assert site.floating.fixed_ip_address == site.far.address
    assert metered(site, label, "egress")["h1"].packets >= 5

    for wired in site.cloud.hosts.values():
        wired.stop()
    ping(site.far, 3)  # while no agent runs
    for wired in site.cloud.hosts.values():
        wired.start()
    until_counted(site, label, sent=13, received=18)

    for wired in site.cloud.hosts.values():  # its flows are gone, and their counters with them
        wired.host.kill("ovs-vswitchd")
        wired.host.start_vswitchd()
    assert site.near.reaches(PEER, seconds=15)
    wait_until(lambda: total(site, label, "egress")[0] > 13, "counting goes on", 15)
    before = total(site, label, "egress")[0]
    ping(site.near, 4)
    wait_until(lambda: total(site, label, "egress")[0] >= before + 4, "and adds what comes", 15)


def test_between_subnets_nothing_is_counted(site: Site, label: str) -> None:
    # What was sent before is read by now: the agents look every few seconds.
    before: dict[str, tuple[int, int]] = {}
    while (now := {way: total(site, label, way) for way in ("egress", "ingress")}) != before:
        before = now
        time.sleep(READ_S + 1)
    assert site.near.reaches(site.other.address)
    ping(site.near, 1)
    wait_until(lambda: total(site, label, "egress")[0] == before["egress"][0] + 1, "only what went outside", 15)
    assert total(site, label, "ingress")[0] == before["ingress"][0] + 1


def test_a_label_changes_no_answer_of_trace(site: Site, label: str) -> None:
    def answers() -> list[Any]:
        found = [site.trace("near", PEER), site.trace("near", "other")]
        return [
            (one["outcome"], [(host, end["kind"], end["packet"]) for host, end in ends(one["visit"])]) for one in found
        ]

    ping(site.near, 1)  # so that the next hop is known
    counted = answers()
    assert [outcome for outcome, _ in counted] == ["handed over", "arrives"]
    text = site.run("near", PEER, "-v").stdout
    assert "62. reg1=" in text
    assert "63. ip,reg0=" in text
    site.cloud.network.delete_metering_label(label)
    wait_until(
        lambda: all("reg0=" not in w.ofctl("dump-flows", "br-int") for w in site.cloud.hosts.values()), "no host counts"
    )
    assert answers() == counted
    assert total(site, label, "egress") == (0, 0)
