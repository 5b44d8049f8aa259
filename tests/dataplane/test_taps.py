"""Copies of a port's packets for another port: where they come out, and where they do not."""

from typing import Any

import pytest
from scapy.layers.l2 import Dot1Q, Ether

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_switching import broadcast, mac, udp
from tests.dataplane.test_trunks import real, tagged
from tests.dataplane.world import Binding, Delivery, World
from tunbridge.dataplane.view import Limits, QosPolicy, Rate, Tap, TapService

HOSTS = ["a", "b"]
TUNNEL_ID = 0x70


def tapped(make_world: MakeWorld, host: str, *taps: Tap, more: tuple[str, ...] = (), **of_tap: Any) -> World:
    """On a: p and n2; on b: n3. The port of the tap service, ids, is in a network of its own, on some host."""
    world = make_world("a", "b", *more)
    world.network("n", segment=20)
    world.network("watch", segment=21)
    world.port("p", "n", "a", "10.0.0.1")
    world.port("n2", "n", "a", "10.0.0.2")
    world.port("n3", "n", "b", "10.0.0.3")
    world.port("ids", "watch", host, "10.9.0.4", **of_tap)
    world.port("w5", "watch", "b", "10.9.0.5")
    world.rows.services["s"] = TapService(id="s", port_id="ids", tunnel_id=TUNNEL_ID, host=host)
    have(world, *taps)
    return world


def have(world: World, *taps: Tap) -> None:
    touched = {("tap-service", "s"), ("tap-services", "ids")}
    for tap in (*world.rows.tapped, *taps):
        touched |= {("tap", tap.id), ("taps", tap.port_id)}
    world.rows.tapped = taps
    world.touch(touched)
    world.run()


def tap(port: str = "p", id: str = "t", **of: Any) -> Tap:
    return Tap(id=id, port_id=port, service_id="s", **of)


@pytest.mark.parametrize("host", HOSTS)
def test_what_is_sent_and_what_is_received_is_copied_as_asked(make_world: MakeWorld, host: str) -> None:
    copy = Delivery(host, "ids")
    world = tapped(make_world, host, tap(sent=True))
    assert world.send("p", udp(1, 2)) == {copy, Delivery("a", "n2")}
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "p")}
    have(world, tap(received=True))
    assert world.send("p", udp(1, 2)) == {Delivery("a", "n2")}
    for sender in (2, 3):
        assert world.send(f"n{sender}", udp(sender, 1)) == {copy, Delivery("a", "p")}
    have(world, tap(sent=True, received=True))
    assert world.send("p", udp(1, 2)) == {copy, Delivery("a", "n2")}
    assert world.send("n3", udp(3, 1)) == {copy, Delivery("a", "p")}
    have(world)
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "p")}


@pytest.mark.parametrize("host", HOSTS)
def test_with_the_last_flow_and_with_the_service_its_flows_go(make_world: MakeWorld, host: str) -> None:
    world = tapped(make_world, host)
    desired = world.hosts["a"].desired
    before = {bridge: dict(desired.flows(bridge)) for bridge in ("br-int", "br-tun")}
    have(world, tap(sent=True, received=True))
    assert len(desired.flows("br-int")) == len(before["br-int"]) + 4
    have(world)
    assert {bridge: desired.flows(bridge) for bridge in before} == before
    del world.rows.services["s"]
    have(world)
    for simulated in world.hosts.values():
        flows = [flow for bridge in ("br-int", "br-tun") for flow in simulated.desired.flows(bridge).values()]
        assert not [flow for flow in flows if "pkt_mark" in flow.match + flow.actions]


@pytest.mark.parametrize("host", HOSTS)
def test_a_broadcast_is_copied_once_for_each_direction(make_world: MakeWorld, host: str) -> None:
    copy, everyone = Delivery(host, "ids"), {Delivery("a", "n2"), Delivery("b", "n3")}
    world = tapped(make_world, host, tap(sent=True))
    assert world.send("p", broadcast(1)) == {copy, *everyone}
    have(world, tap(received=True))
    assert world.send("p", broadcast(1)) == everyone
    assert world.send("n2", broadcast(2)) == {copy, Delivery("a", "p"), Delivery("b", "n3")}
    assert world.send("n3", broadcast(3)) == {copy, Delivery("a", "p"), Delivery("a", "n2")}


@pytest.mark.parametrize("host", HOSTS)
def test_a_copy_passes_no_groups_limits_or_port_security_of_its_receiver(make_world: MakeWorld, host: str) -> None:
    world = tapped(make_world, host, tap(sent=True), security_groups=("closed",), qos_policy_id="q")
    world.rows.qos_policies["q"] = QosPolicy(id="q", received=Limits(Rate(1, 1), Rate(1, 1)))
    world.group("closed")
    world.touch({("qos-policy", "q")})
    world.run()
    assert world.send("p", udp(1, 2)) == {Delivery(host, "ids"), Delivery("a", "n2")}
    forged = udp(7, 9)  # which port security drops
    assert world.send("p", forged) == {Delivery(host, "ids")}


@pytest.mark.parametrize("host", HOSTS)
def test_copies_are_not_copied_again(make_world: MakeWorld, host: str) -> None:
    """The port of a service is the source of another service, whose port is the source of the first."""
    world = tapped(make_world, host)
    world.rows.services["back"] = TapService(id="back", port_id="p", tunnel_id=0x71, host="a")
    world.touch({("tap-service", "back"), ("tap-services", "p")})
    back = Tap(id="u", port_id="ids", service_id="back", sent=True, received=True)
    have(world, tap(sent=True, received=True), back)
    assert world.send("p", udp(1, 2)) == {Delivery(host, "ids"), Delivery("a", "n2")}
    assert world.send("n2", udp(2, 1)) == {Delivery(host, "ids"), Delivery("a", "p")}
    sent = world.send("ids", f"udp,dl_src={mac(4)},dl_dst={mac(5)},nw_src=10.9.0.4,nw_dst=10.9.0.5")
    assert sent == {Delivery("a", "p"), Delivery("b", "w5")}


def test_a_port_that_looks_at_its_own_correspondent_is_given_what_it_sent_itself(make_world: MakeWorld) -> None:
    world = tapped(make_world, "a")
    world.rows.services["s"] = TapService(id="s", port_id="n2", tunnel_id=TUNNEL_ID, host="a")
    world.touch({("tap-services", "n2")})
    have(world, tap(received=True))
    assert world.send("n2", udp(2, 1)) == {Delivery("a", "p"), Delivery("a", "n2")}


@pytest.mark.parametrize("host", HOSTS)
def test_services_of_one_port_have_one_tunnel_id_and_copies_of_their_own(make_world: MakeWorld, host: str) -> None:
    world = tapped(make_world, host, tap(sent=True))
    world.rows.services["s2"] = TapService(id="s2", port_id="ids", tunnel_id=TUNNEL_ID, host=host)
    have(world, tap(sent=True), Tap(id="t2", port_id="n2", service_id="s2", sent=True))
    for sender, other in ((1, 2), (2, 1)):
        port, receiver = ("p", "n2") if sender == 1 else ("n2", "p")
        assert world.send(port, udp(sender, other)) == {Delivery(host, "ids"), Delivery("a", receiver)}
    del world.rows.services["s"]
    have(world, Tap(id="t2", port_id="n2", service_id="s2", sent=True))
    assert world.send("n2", udp(2, 1)) == {Delivery(host, "ids"), Delivery("a", "p")}


@pytest.mark.parametrize("host", HOSTS)
def test_sub_ports_of_trunks_are_sources_and_receivers(make_world: MakeWorld, host: str) -> None:
    world = tapped(make_world, host)
    world.network("m", segment=30)
    world.port("red", "m", "a", "10.0.0.1", plugged=False, trunk_parent="p", trunk_vlan=101, mac_address=mac(1))
    world.port("blue", "m", host, "10.0.0.9", plugged=False, trunk_parent="ids", trunk_vlan=102, mac_address=mac(9))
    world.port("m2", "m", "a", "10.0.0.2", mac_address=mac(2))
    world.rows.services["s"] = TapService(id="s", port_id="blue", tunnel_id=TUNNEL_ID, host=host)
    world.touch({("tap-services", "blue")})
    have(world, tap("red", sent=True, received=True))
    copy = Delivery(host, "ids", 102)
    assert world.send("p", tagged(101, udp(1, 2))) == {copy, Delivery("a", "m2")}
    assert {copy, Delivery("a", "p", 101)} <= world.send("m2", udp(2, 1))
    assert world.send("p", udp(1, 2)) == {Delivery("a", "n2")}  # the parent port's own
    if host == "a":
        (found,) = world.exchange("m2", real(2, 1))["ids"]
        assert (found[Ether].dst, found[Dot1Q].vlan) == (mac(1), 102)


def test_copies_follow_their_receiver_when_it_moves(make_world: MakeWorld) -> None:
    world = tapped(make_world, "b", tap(sent=True), more=("c",))
    world.hosts["c"].plug("ids")
    old = world.rows.ports["ids"]

    def bound(active: str, inactive: str) -> None:
        bindings = (Binding(active, "ACTIVE", "ovs"), Binding(inactive, "INACTIVE", "ovs"))
        world.port("ids", "watch", active, "10.9.0.4", plugged=False, bindings=bindings)
        world.rows.services["s"] = TapService(id="s", port_id="ids", tunnel_id=TUNNEL_ID, host=active)
        world.run()

    bound("b", "c")
    assert world.send("p", udp(1, 2)) == {Delivery("b", "ids"), Delivery("a", "n2")}
    bound("c", "b")
    assert world.send("p", udp(1, 2)) == {Delivery("c", "ids"), Delivery("a", "n2")}
    assert old.bindings != world.rows.ports["ids"].bindings


def test_copies_for_nobody_are_not_made_and_their_flow_says_so(make_world: MakeWorld) -> None:
    world = tapped(make_world, "b", tap(sent=True))
    assert world.hosts["a"].desired.states["t"].status == "wired"
    assert world.hosts["b"].desired.states["s"].status == "wired"
    assert "s" not in world.hosts["a"].desired.states
    world.rows.services["s"] = TapService(id="s", port_id="ids", tunnel_id=TUNNEL_ID)
    have(world, *world.rows.tapped)
    assert world.hosts["a"].desired.states["t"].status == "down"
    assert world.send("p", udp(1, 2)) == {Delivery("a", "n2")}


@pytest.mark.parametrize("packet", [udp(2, 1), broadcast(2)])
def test_a_copy_that_comes_to_a_host_without_the_receiver_goes_nowhere(make_world: MakeWorld, packet: str) -> None:
    """As it may, for a moment, when the receiver has just moved away."""
    world = tapped(make_world, "b", tap(sent=True, received=True))
    there = world.hosts["a"]
    came_from = there.ofports["br-tun"]["vx-b"]
    assert not list(there.trace("br-tun", f"tun_id={TUNNEL_ID:#x},in_port={came_from},{packet}", ()))


def test_a_workload_cannot_mark_a_packet_as_a_copy(make_world: MakeWorld) -> None:
    world = tapped(make_world, "b", tap(sent=True))
    assert world.send("n2", f"pkt_mark={TUNNEL_ID:#x},{udp(2, 1)}") == {Delivery("a", "p")}
    assert world.send("n2", f"pkt_mark={TUNNEL_ID:#x},{udp(2, 3)}") == {Delivery("b", "n3")}
