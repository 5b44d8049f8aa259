"""Metering labels count what passes a router's gateway and its floating IPs, once. Real packets, real conntrack."""

from typing import Literal

import pytest
from msgspec.structs import replace
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_gateways import BLUE, PEER_MAC, REMOTE, WIRE, inside, introduce, mac, outside, sent, site
from tests.dataplane.world import FixedIp, World
from tunbridge.agent.metering import Count, counters
from tunbridge.dataplane.features.external import ETHERNET
from tunbridge.dataplane.view import MeteringLabel, MeteringRule, router_keys
from tunbridge.openvswitch import ofctl

SIZE = 100
"""Bytes of each IP packet."""


def rule(
    direction: Literal["egress", "ingress"], source: str | None = None, destination: str | None = None, **more: object
) -> MeteringRule:
    version = 6 if ":" in (source or destination or "") else 4
    id = f"{direction} {source} {destination}"
    return MeteringRule(
        id=id,
        direction=direction,
        ip_version=version,
        source=source,
        destination=destination,
        **more,  # type: ignore[arg-type]
    )


def label(world: World, id: str, *rules: MeteringRule) -> None:
    """Make or replace a label that counts for the routers of all worlds, which have no project."""
    others = [one for one in world.rows.metered.get("", ()) if one.id != id]
    world.rows.metered[""] = (*others, MeteringLabel(id=id, rules=rules))
    world.touch({("metering", ""), ("metering-label", id)})
    world.run()
    tag = world.rows.networks["ext"].segmentation_id
    introduce(world, tag=tag)  # a test's bridge is emptied before it gets new flows, and forgets what it learned


def counts(world: World, host: str = "a") -> dict[tuple[str, str], Count]:
    """What each label has counted in each direction, with bytes of IP packets."""
    there = world.hosts[host]
    world.dummy.appctl("revalidator/purge")  # counters of the datapath go to the flows
    text = ofctl.command(str(world.dummy.directory), there.bridges["br-int"], "dump-flows", "table=63")
    found: dict[tuple[str, str], Count] = {}
    wanted = there.desired.metered()
    for key, now in counters(text).items():
        if (counted := wanted.get(key)) is not None:
            total = found.setdefault((counted.label, counted.direction), Count())
            total.packets += now.packets
            total.bytes += now.bytes - ETHERNET * now.packets
            assert counted.router == "r"
    return found


def padded(packet: Packet) -> Packet:
    return packet / Raw(b"x" * (SIZE + ETHERNET - len(packet)))


def ask(world: World, vm: str = "b1", number: int = 1) -> None:
    """Datagrams from a VM to the outside, and an answer to each."""
    for _ in range(number):
        got = sent(world.exchange(vm, padded(inside(world, vm, REMOTE) / UDP(sport=1000, dport=53))))
        back = padded(outside(world, "r-gw", REMOTE, f"{WIRE}.10") / UDP(sport=53, dport=got[UDP].sport))
        if (tag := world.rows.networks["ext"].segmentation_id) is not None:
            back = Ether(src=PEER_MAC, dst=mac(world, "r-gw")) / Dot1Q(vlan=tag) / back[IP]
        sent(world.exchange_outside("a", back), vm)


@pytest.mark.parametrize("kind", ["flat", "vlan"])
def test_what_leaves_and_comes_in_is_counted_with_the_address_inside(make_world: MakeWorld, kind: str) -> None:
    world = site(make_world, kind=kind)
    label(world, "all", rule("egress"), rule("ingress"))
    label(world, "b1", rule("egress", f"{BLUE}.1"), rule("ingress", None, f"{BLUE}.1"))
    label(world, "there", rule("egress", None, f"{REMOTE}"), rule("ingress", "203.0.113.0/24"))
    ask(world, "b1", 3)
    ask(world, "b2", 2)
    three, five = Count(3, 3 * SIZE), Count(5, 5 * SIZE)
    assert counts(world) == {
        ("all", "egress"): five, ("all", "ingress"): five, ("b1", "egress"): three, ("b1", "ingress"): three,
        ("there", "egress"): five, ("there", "ingress"): Count(),
    }  # fmt: skip
    sent(
        world.exchange("b1", Ether(src=mac(world, "b1"), dst=mac(world, "b2")) / IP(src=f"{BLUE}.1", dst=f"{BLUE}.2")),
        "b2",
    )
    assert counts(world)["all", "egress"] == five


def test_what_is_excluded_is_not_counted_whichever_rule_would(make_world: MakeWorld) -> None:
    world = site(make_world)
    label(
        world, "l", rule("egress", f"{BLUE}.1"), rule("egress", f"{BLUE}.0/24"),
        rule("egress", None, "198.51.100.0/24", excluded=True),
    )  # fmt: skip
    ask(world)
    assert counts(world) == {("l", "egress"): Count()}
    label(world, "l", rule("egress", f"{BLUE}.1"), rule("egress", f"{BLUE}.0/24"))
    ask(world)
    assert counts(world) == {("l", "egress"): Count(1, SIZE)}, "once, although two rules say so"


def test_a_floating_ip_is_counted_on_its_vm_s_host_and_not_on_the_gateway_s(make_world: MakeWorld) -> None:
    world = site(make_world, "a", "b", gateway="b")
    world.floating("f", "ext", f"{WIRE}.101", "r", "b1")
    label(world, "l", rule("egress", f"{BLUE}.1"), rule("ingress", None, f"{BLUE}.1"))
    packet = outside(world, "f", REMOTE, f"{WIRE}.101") / UDP(sport=9, dport=7)
    sent(world.exchange_outside("a", padded(packet)), "b1")
    sent(world.exchange("b1", padded(inside(world, "b1", REMOTE) / UDP(sport=7, dport=9))))
    assert counts(world, "a") == {("l", "egress"): Count(1, SIZE), ("l", "ingress"): Count(1, SIZE)}
    assert counts(world, "b") == {("l", "egress"): Count(), ("l", "ingress"): Count()}


def test_ipv6_is_counted_by_rules_of_ipv6(make_world: MakeWorld) -> None:
    world = site(make_world)
    world.subnet("blue6", "blue", "2001:db8:5::/64", "2001:db8:5::1")
    world.subnet("ext6", "ext", "2001:db8:f::/64", "2001:db8:f::1", enable_dhcp=False)
    world.port("b1", "blue", "a", f"{BLUE}.1", "2001:db8:5::b1")
    world.router("r", ("blue", "blue4", f"{BLUE}.254"), ("blue", "blue6", "2001:db8:5::1"))
    world.gateway("r", "ext", "ext4", f"{WIRE}.10", "a", more=(FixedIp("ext6", "2001:db8:f::10"),))
    label(world, "l", rule("ingress"), rule("ingress", None, "2001:db8:5::/64"))
    packet = Ether(src=PEER_MAC, dst=mac(world, "r-gw")) / IPv6(src="2001:db8:99::7", dst="2001:db8:5::b1")
    sent(world.exchange_outside("a", padded(packet / UDP(sport=9, dport=7))), "b1")
    assert counts(world) == {("l", "ingress"): Count(1, SIZE)}


def test_routers_without_labels_have_no_flows_of_them(make_world: MakeWorld) -> None:
    world = site(make_world, "a", "b", gateway="a")
    for host in world.hosts.values():
        flows = host.desired.flows("br-int")
        assert not [key for key, flow in flows.items() if key[0] in (62, 63) and key[1]]
        assert not [flow for flow in flows.values() if "resubmit(,62)" in flow.actions]
    world.rows.routers["r"] = replace(old := world.rows.routers["r"], project_id="other")
    world.touch(router_keys(old, world.rows.routers["r"]))
    label(world, "l", rule("egress"))
    assert not any(host.desired.metered() for host in world.hosts.values())
    world.rows.metered["other"] = world.rows.metered.pop("")
    world.touch({("metering", ""), ("metering", "other")})
    world.run()
    assert len(world.hosts["a"].desired.metered()) == 1
    assert not world.hosts["b"].desired.metered(), "nothing of its outside is there"
