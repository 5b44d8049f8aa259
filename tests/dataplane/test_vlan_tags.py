"""VLAN tags of VMs' own: which way they take, and which they do not. With real packets: tests/packets."""

from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.dummy import Dummy
from tests.dataplane.test_switching import BROADCAST, broadcast, mac, udp
from tests.dataplane.test_taps import TUNNEL_ID, have, tap
from tests.dataplane.test_trunks import tagged
from tests.dataplane.world import OUTSIDE, Delivery, World
from tunbridge.dataplane.view import TapService

SEGMENT = 300


def site(make_world: MakeWorld, kind: str = "vxlan", vlan_limit: int = 1, **more: object) -> World:
    """n1, n2 and free, which is not filtered, on a; n3 on b; and another network with equal addresses."""
    world = make_world("a", "b")
    for host in world.hosts.values():
        host.vlan_limit = vlan_limit
    world.network("other", segment=20)
    world.port("o1", "other", "a", "10.0.0.1")
    world.port("o3", "other", "b", "10.0.0.3")
    world.network("n", kind, segment=SEGMENT, is_transparent=True, **more)
    for name, at, number in (("n1", "a", 1), ("n2", "a", 2), ("n3", "b", 3)):
        world.port(name, "n", at, f"10.0.0.{number}")
    world.run()
    return world


@pytest.mark.parametrize(("qinq", "noted"), [(False, "transparent"), (True, "qinq")])
def test_a_port_tells_that_its_network_carries_tags(make_world: MakeWorld, qinq: bool, noted: str) -> None:
    world = site(make_world, "vlan", 2, is_qinq=qinq)
    ports = world.hosts["a"].desired.ports
    assert {name: ports[f"tap-{name}"].other_config.get("vm_tags") for name in ("n1", "o1")} == {
        "n1": noted,
        "o1": None,
    }


@pytest.mark.parametrize("vlan", [0, 1, 2, 4094])
def test_a_tag_stays_on_and_names_no_network(make_world: MakeWorld, vlan: int) -> None:
    world = site(make_world)
    assert world.send("n1", tagged(vlan, udp(1, 2))) == {Delivery("a", "n2")}
    assert world.send("n1", tagged(vlan, broadcast(1))) >= {Delivery("a", "n2")}
    assert world.send("o1", tagged(vlan, udp(1, 3))) == ({Delivery("b", "o3")} if vlan == 0 else set())


@pytest.fixture(params=[1, 2])
def vlan_limit(vswitch: Dummy, request: pytest.FixtureRequest) -> Iterator[int]:
    vswitch.vsctl("set", "Open_vSwitch", ".", f"other_config:vlan-limit={request.param}")
    yield request.param
    vswitch.vsctl("remove", "Open_vSwitch", ".", "other_config", "vlan-limit")


def test_a_tag_of_vlan_0_is_none_in_a_network_that_carries_no_tags(make_world: MakeWorld, vlan_limit: int) -> None:
    world = site(make_world, vlan_limit=vlan_limit)
    world.port("o2", "other", "a", "10.0.0.2")
    world.port("free", "other", "a", "10.0.0.4", port_security_enabled=False)
    world.run()
    ether, rest = Ether(src=mac(1), dst=mac(2)), IP(src="10.0.0.1", dst="10.0.0.2") / UDP()
    plain = world.exchange("o1", ether / rest)
    assert set(plain) == {"o2"}
    taken = plain if vlan_limit == 1 else {}
    for priority in (0, 7):
        assert world.exchange("o1", ether / Dot1Q(vlan=0, prio=priority) / rest) == taken
    asks = ARP(hwsrc=mac(1), psrc="10.0.0.1", pdst="10.0.0.3")
    answers = world.exchange("o1", Ether(src=mac(1), dst=BROADCAST) / Dot1Q(vlan=0) / asks).get("o1", [])
    told = [(Dot1Q in answer, answer[ARP].op, answer[ARP].hwsrc) for answer in answers]
    assert told == ([(False, 2, mac(3))] if vlan_limit == 1 else [])
    for sender in ("o1", "free"):
        source = Ether(src=mac(1 if sender == "o1" else 4), dst=mac(2))
        for kind in (0x8100, 0x88A8):
            for inner in (1, 2, 20, SEGMENT):
                tags = Dot1Q(vlan=0, type=kind) / Dot1Q(vlan=inner)
                assert world.exchange(sender, source / tags / rest) == {}
                assert world.exchange(sender, source / tags / Dot1Q(vlan=inner) / rest) == {}
    assert world.exchange("o1", Ether(src=mac(2), dst=mac(4)) / Dot1Q(vlan=0) / rest) == {}
    spoofed = IP(src="10.0.0.9", dst="10.0.0.2") / UDP()
    assert world.exchange("o1", ether / Dot1Q(vlan=0) / spoofed) == {}


def test_a_tag_does_not_make_another_sender(make_world: MakeWorld) -> None:
    world = site(make_world)
    assert world.send("n1", tagged(7, udp(3, 2))) == set()
    wrong = f"udp,dl_src={mac(1)},dl_dst={mac(2)},nw_src=10.0.0.9,nw_dst=10.0.0.2"
    assert world.send("n1", tagged(7, wrong)) == set()


def test_no_service_answers_behind_a_tag(make_world: MakeWorld) -> None:
    """A question for an address of another host, which table 60 would have answered."""
    world = site(make_world)
    asks = f"arp,dl_src={mac(1)},dl_dst={BROADCAST},arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.3,arp_sha={mac(1)}"
    assert {delivery.device for delivery in world.send("n1", asks)} == {"n1"}
    assert world.send("n1", tagged(7, asks)) >= {Delivery("a", "n2")}
    assert "n1" not in {delivery.device for delivery in world.send("n1", tagged(7, asks))}


def test_a_network_that_a_host_cannot_have_has_the_reason(make_world: MakeWorld) -> None:
    world = site(make_world, "vlan")
    state = world.hosts["a"].desired.states["n1"]
    assert state.status == "error"
    assert state.reason == (
        "tags of VMs in a VLAN network need: ovs-vsctl set Open_vSwitch . other_config:vlan-limit=2"
    )
    for host in world.hosts.values():
        host.vlan_limit = 2
    world.run()
    assert world.hosts["a"].desired.states["n1"].status == "wired"


def test_a_flat_network_has_no_tags_of_vms(make_world: MakeWorld) -> None:
    world = site(make_world, "vlan", 2)
    world.network("n", "flat", segment=None, is_transparent=True)
    world.run()
    assert world.hosts["a"].desired.states["n1"].status == "error"


@pytest.mark.parametrize(("is_qinq", "kind"), [(False, "0x8100"), (True, "0x88a8")])
def test_the_segment_is_the_outer_tag(make_world: MakeWorld, is_qinq: bool, kind: str) -> None:
    world = site(make_world, "vlan", 2, is_qinq=is_qinq)
    (leave,) = (f for f in world.hosts["a"].desired.flows("br-ex").values() if "NORMAL" in f.actions and f.priority)
    tag = f"pop_vlan,push_vlan:{kind}," if is_qinq else ""
    assert leave.actions == f"{tag}set_field:{SEGMENT | 0x1000}->vlan_vid,NORMAL"
    assert Delivery("a", OUTSIDE, SEGMENT) in world.send("n1", udp(1, 9))


def test_a_copy_with_a_tag_goes_to_a_service_of_the_same_host_only(make_world: MakeWorld) -> None:
    world = site(make_world)
    for host, copied in (("a", {Delivery("a", "ids")}), ("b", set())):
        world.port("ids", "other", host, "10.9.0.4")
        world.rows.services["s"] = TapService(id="s", port_id="ids", tunnel_id=TUNNEL_ID, host=host)
        have(world, tap("n1", sent=True, received=True))
        assert world.send("n1", tagged(7, udp(1, 2))) == {Delivery("a", "n2"), *copied}
        assert world.send("n2", tagged(7, udp(2, 1))) == {Delivery("a", "n1"), *copied}
        assert Delivery(host, "ids") in world.send("n1", udp(1, 2))
        world.hosts[host].unplug("ids")
        world.delete_port("ids")
        world.run()


def test_a_copy_that_arrives_with_a_tag_is_taken_for_no_network(make_world: MakeWorld) -> None:
    """It would have been of the network with that local VLAN."""
    world = site(make_world)
    world.port("ids", "other", "b", "10.9.0.4")
    world.rows.services["s"] = TapService(id="s", port_id="ids", tunnel_id=TUNNEL_ID, host="b")
    have(world, tap("n1", sent=True))
    b = world.hosts["b"]
    arrives = f"tun_id={TUNNEL_ID:#x},in_port={b.ofports['br-tun']['vx-a']}"
    assert set(b.trace("br-tun", f"{arrives},{udp(1, 3)}", ())) == {Delivery("b", "ids")}
    for vlan in b.desired.vlans.values():
        assert set(b.trace("br-tun", f"{arrives},{tagged(vlan, udp(1, 3))}", ())) == set()
