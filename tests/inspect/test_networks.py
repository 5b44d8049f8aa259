"""Which network a workload is in: by name where a cloud tells it, by id where only the host does."""

from msgspec.structs import replace

from tunbridge.inspect import networks
from tunbridge.inspect.draw import text
from tunbridge.inspect.explain import explain, to_text
from tunbridge.inspect.model import Bridge, Document, Host, Interface, Port
from tunbridge.inspect.understand import understand

BLUE, RED = "b7ff3e9a-8c35-4a9a-bfb9-4ad40d0ad6d0", "0a5e1f00-0000-4000-8000-000000000001"


def port(name: str, tag: int, network: str | None) -> Port:
    other = {"net_uuid": network} if network else {}
    return Port(name=name, tag=tag, other_config=other, interfaces=[Interface(name=name)])


def document(*workloads: Port, names: dict[str, str] | None = None) -> Document:
    patches = [
        Port(name=a, interfaces=[Interface(name=a, type="patch", options={"peer": b})])
        for a, b in (("patch-tun", "patch-int"), ("patch-int", "patch-tun"))
    ]
    bridges = [Bridge(name="br-int", ports=[*workloads, patches[0]]), Bridge(name="br-tun", ports=[patches[1]])]
    hosts = [Host(name="compute0", source="unix:/db.sock", bridges=bridges)]
    return understand(networks.named(hosts, networks.Names(networks=names or {})))


def test_a_network_is_named_where_its_name_is_known_and_else_by_its_id() -> None:
    drawn = text.render(document(port("tap2", 2, RED), port("tap1", 1, BLUE), names={BLUE: "blue"}), width=100)
    assert "tap1 VM · tag 1 · net blue" in drawn
    assert "tap2 VM · tag 2 · net 0a5e1f00" in drawn
    assert drawn.index("tap1") < drawn.index("tap2")


def test_a_name_that_would_disturb_the_terminal_is_made_visible() -> None:
    drawn = text.render(document(port("tap1", 1, BLUE), names={BLUE: "\x1b[2J"}), width=100)
    assert "\x1b" not in drawn
    assert "[2J" in drawn


def test_the_words_name_networks_and_say_so_where_none_is_told() -> None:
    said = to_text(explain(document(port("tap1", 1, BLUE), port("tap2", 2, RED), names={BLUE: "blue"}), "en"))
    assert "1 (blue): tap1, 2 (0a5e1f00): tap2" in " ".join(said.split())
    assert "is not in the source" not in said
    said = to_text(explain(document(port("tap1", 1, None)), "en"))
    assert "is not in the source" in " ".join(said.split())


def test_what_no_cloud_knows_stays_as_it_is() -> None:
    hosts = document(port("tap1", 1, BLUE)).hosts
    assert networks.named(hosts, networks.Names(networks={RED: "red"})) == hosts
    assert not networks.has_networks([replace(hosts[0], bridges=[])])


def test_a_trunk_is_told_with_the_vlans_of_its_sub_ports() -> None:
    parent = port("tap1", 1, BLUE)
    kept = {**(parent.other_config or {}), "sub_ports": f"102=p2,{BLUE},4,40001 101=p1,{RED},3,40000"}
    trunk = document(replace(parent, other_config=kept))
    assert "tap1 VM · tag 1 · net b7ff3e9a · trunk 102,101" in text.render(trunk, width=100)
    said = " ".join(to_text(explain(trunk, "en")).split())
    assert "tap1 is the parent port of a trunk" in said
    assert "101 (0a5e1f00, local VLAN 3)" in said
    assert "트렁크의 부모 포트" in to_text(explain(trunk, "ko"))
    broken = document(replace(parent, other_config={"sub_ports": "x"}))
    assert "trunk" not in text.render(broken, width=100)
