"""Where packets of tunnelled and provider networks come out."""

import pytest

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.world import Binding, Delivery, World
from tunbridge.dataplane.view import Host

BROADCAST = "ff:ff:ff:ff:ff:ff"


def mac(number: int) -> str:
    return f"fa:16:3e:00:00:{number:02x}"


def udp(source: int, target: int, prefix: str = "10.0.0") -> str:
    return f"udp,dl_src={mac(source)},dl_dst={mac(target)},nw_src={prefix}.{source},nw_dst={prefix}.{target}"


def broadcast(source: int) -> str:
    return f"udp,dl_src={mac(source)},dl_dst={BROADCAST},nw_src=10.0.0.{source},nw_dst=10.0.0.255"


def tunnelled(make_world: MakeWorld) -> World:
    """Network n on a and b, and m, with the same addresses, on a and c."""
    world = make_world("a", "b", "c")
    world.network("n", segment=100)
    world.network("m", segment=200)
    for id, network, host, number in (
        ("n1", "n", "a", 1), ("n2", "n", "a", 2), ("n3", "n", "b", 3), ("m1", "m", "a", 1), ("m3", "m", "c", 3),
    ):  # fmt: skip
        world.port(id, network, host, f"10.0.0.{number}")
    world.run()
    return world


def test_a_local_port_gets_its_packets_untagged(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    assert world.send("n1", udp(1, 2)) == {Delivery("a", "n2")}


def test_a_port_on_another_host_is_reached_by_its_tunnel_alone(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    assert world.send("n1", udp(1, 3)) == {Delivery("b", "n3")}
    assert world.send("n3", udp(3, 1)) == {Delivery("a", "n1")}


def test_networks_with_equal_addresses_do_not_meet(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    assert world.send("m1", udp(1, 3)) == {Delivery("c", "m3")}
    assert world.send("m1", udp(1, 2)) == set()


def test_broadcast_reaches_each_port_of_the_network_once(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    assert world.send("n1", broadcast(1)) == {Delivery("a", "n2"), Delivery("b", "n3")}
    assert world.send("n3", broadcast(3)) == {Delivery("a", "n1"), Delivery("a", "n2")}


def test_broadcast_goes_only_to_hosts_that_have_the_network(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    flow = next(f for f in world.hosts["a"].desired.flows("br-tun").values() if f.table == 22 and "0x64" in f.actions)
    assert flow.actions == "pop_vlan,set_field:0x64->tun_id,output:2"  # to b, not to c


def test_a_tag_that_a_workload_puts_on_goes_nowhere(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    assert world.send("n1", f"dl_vlan=2,{udp(1, 2)}") == set()


def test_an_unknown_segment_from_a_tunnel_is_dropped(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    host = world.hosts["a"]
    assert list(host.trace("br-tun", f"tun_id=0x999,in_port=2,{udp(3, 1)}", ())) == []


def test_an_unplugged_port_and_a_deleted_one_get_nothing(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    world.hosts["a"].unplug("n2")
    world.run()
    assert world.send("n1", udp(1, 2)) == set()
    world.delete_port("n3")
    world.run()
    assert world.send("n1", udp(1, 3)) == set()
    assert world.hosts["b"].desired.states["n3"].status == "down"


def test_a_port_that_is_down_neither_sends_nor_receives(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    world.port("n2", "n", "a", "10.0.0.2", admin_state_up=False)
    world.run()
    assert world.send("n1", udp(1, 2)) == set()
    assert world.send("n2", udp(2, 1)) == set()
    assert world.send("n1", broadcast(1)) == {Delivery("b", "n3")}
    assert world.hosts["a"].desired.states["n2"].status == "down"


def test_a_network_that_is_down_carries_nothing(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    world.network("n", segment=100, admin_state_up=False)
    world.run()
    assert world.send("n1", udp(1, 2)) == set()
    assert world.hosts["a"].desired.ports["tap-n1"].tag == 4095


def test_a_prepared_port_receives_from_elsewhere_while_others_send_to_the_active_host(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    both = (Binding("b", "ACTIVE", "ovs"), Binding("c", "INACTIVE", "ovs"))
    world.port("n3", "n", "b", "10.0.0.3", bindings=both)
    world.hosts["c"].plug("n3")
    world.run()
    assert world.send("n1", udp(1, 3)) == {Delivery("b", "n3")}
    # It can send already, and what another host sends there for it, it gets.
    assert set(world.hosts["c"].trace("br-int", f"in_port=12,{udp(3, 1)}", ())) == {Delivery("a", "n1")}
    assert set(world.hosts["c"].trace("br-tun", f"tun_id=0x64,in_port=2,{udp(1, 3)}", ())) == {Delivery("c", "n3")}
    assert Delivery("c", "n3") in world.send("n1", broadcast(1))


def test_after_the_move_the_old_host_sends_to_the_new_one(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    world.hosts["c"].plug("n3")
    world.port("n3", "n", "c", "10.0.0.3")
    world.port("n4", "n", "b", "10.0.0.4")
    world.run()
    assert world.send("n4", udp(4, 3)) == {Delivery("c", "n3")}
    assert world.hosts["b"].desired.states["n3"].reason == "bound to c"


def test_a_port_for_other_hardware_is_left_alone(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    world.port("n2", "n", "a", "10.0.0.2", bindings=(Binding("a", "ACTIVE", "ovs", "direct"),))
    world.run()
    assert world.hosts["a"].desired.states["n2"].status == "down"
    assert world.send("n1", udp(1, 2)) == set()


@pytest.mark.parametrize("kind", ["gre", "geneve"])
def test_other_tunnels(make_world: MakeWorld, kind: str) -> None:
    world = make_world("a", "b", tunnel_types=[kind])
    world.network("n", kind, 5_000_000)
    world.port("n1", "n", "a", "10.0.0.1")
    world.port("n2", "n", "b", "10.0.0.2")
    world.run()
    assert world.send("n1", udp(1, 2)) == {Delivery("b", "n2")}
    assert world.send("n2", broadcast(2)) == {Delivery("a", "n1")}


def test_networks_of_several_types_with_one_key_have_tunnels_of_their_own(make_world: MakeWorld) -> None:
    types = ("vxlan", "geneve", "gre")
    world = make_world("a", "b", tunnel_types=types)
    for kind in types:
        world.network(kind, kind, 5000)
        world.port(f"{kind}1", kind, "a", "10.0.0.1")
        world.port(f"{kind}2", kind, "b", "10.0.0.2")
    world.run()
    for kind in types:
        assert world.send(f"{kind}1", udp(1, 2)) == {Delivery("b", f"{kind}2")}
        assert world.send(f"{kind}1", broadcast(1)) == {Delivery("b", f"{kind}2")}
    host = world.hosts["a"]
    host.tunnels = {kind: ports for kind, ports in host.tunnels.items() if kind != "geneve"}
    world.run()
    assert host.desired.states["geneve1"].status == "error"
    assert world.send("geneve1", udp(1, 2)) == set()
    assert world.send("gre1", udp(1, 2)) == {Delivery("b", "gre2")}


def test_a_changed_tunnel_address_is_followed(make_world: MakeWorld) -> None:
    world = tunnelled(make_world)
    world.rows.known_hosts["b"] = Host(host="b", tunnel_ip="192.0.2.99")
    world.touch({("host", "b")})
    world.run()
    assert world.send("n1", udp(1, 3)) == set()  # there is no tunnel to it yet
    host = world.hosts["a"]
    host.tunnels = {"vxlan": {"192.0.2.99": "vx-b", "192.0.2.3": "vx-c"}}
    world.run()
    assert world.send("n1", udp(1, 3)) == {Delivery("b", "n3")}


def test_a_network_of_another_tunnel_type_is_an_error(make_world: MakeWorld) -> None:
    world = make_world("a")
    world.network("g", "geneve", 5)
    world.port("g1", "g", "a", "10.0.0.1")
    world.run()
    state = world.hosts["a"].desired.states["g1"]
    assert (state.status, "geneve" in state.reason) == ("error", True)


# Provider networks


def provider(make_world: MakeWorld) -> World:
    """VLAN network v (segment 300) and flat network f on a and b."""
    world = make_world("a", "b")
    world.network("v", "vlan", 300)
    world.network("f", "flat", None)
    for id, network, host, number in (
        ("v1", "v", "a", 1), ("v2", "v", "a", 2), ("v3", "v", "b", 3), ("f1", "f", "a", 1), ("f2", "f", "a", 2),
    ):  # fmt: skip
        world.port(id, network, host, f"10.0.0.{number}")
    world.run()
    return world


def normal(host: str, vlan: int | None) -> set[Delivery]:
    """Out of the provider bridge by NORMAL: its own port and the NIC."""
    return {Delivery(host, "eth0", vlan), Delivery(host, "ex", vlan)}


def test_a_vlan_network_leaves_with_its_segment(make_world: MakeWorld) -> None:
    world = provider(make_world)
    assert world.send("v1", udp(1, 3)) == normal("a", 300)
    assert world.send("v1", udp(1, 2)) == {Delivery("a", "v2")}
    assert world.send("v1", broadcast(1)) == {Delivery("a", "v2")} | normal("a", 300)


def test_a_flat_network_leaves_without_a_tag(make_world: MakeWorld) -> None:
    world = provider(make_world)
    assert world.send("f1", udp(1, 9)) == normal("a", None)
    assert world.send("f1", broadcast(1)) == {Delivery("a", "f2")} | normal("a", None)


def test_packets_from_outside_reach_the_network_of_their_segment(make_world: MakeWorld) -> None:
    world = provider(make_world)
    inside = {d for d in world.send_outside("a", f"dl_vlan=300,{udp(9, 1)}") if d.device != "ex"}
    assert inside == {Delivery("a", "v1")}
    inside = {d for d in world.send_outside("a", udp(9, 1)) if d.device != "ex"}
    assert inside == {Delivery("a", "f1")}
    inside = {d for d in world.send_outside("a", f"dl_vlan=300,{broadcast(9)}") if d.device != "ex"}
    assert inside == {Delivery("a", "v1"), Delivery("a", "v2")}


def test_an_unknown_segment_from_outside_reaches_nobody(make_world: MakeWorld) -> None:
    world = provider(make_world)
    assert {d.device for d in world.send_outside("a", f"dl_vlan=301,{broadcast(9)}")} <= {"ex"}


def test_without_a_mapping_a_provider_network_is_an_error_and_nothing_leaks(make_world: MakeWorld) -> None:
    world = make_world("a", physnet=None)
    world.network("v", "vlan", 300)
    world.port("v1", "v", "a", "10.0.0.1")
    world.run()
    assert world.hosts["a"].desired.states["v1"].status == "error"
    assert world.send("v1", broadcast(1)) == set()


def test_a_local_network_stays_on_its_host(make_world: MakeWorld) -> None:
    world = make_world("a", "b")
    world.network("l", "local", None)
    world.port("l1", "l", "a", "10.0.0.1")
    world.port("l2", "l", "a", "10.0.0.2")
    world.port("l3", "l", "b", "10.0.0.3")
    world.run()
    assert world.send("l1", broadcast(1)) == {Delivery("a", "l2")}
    assert world.send("l1", udp(1, 3)) == set()
