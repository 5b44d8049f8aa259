"""What the words in a picture say: what is behind a port, a bridge's purpose, a physical network's name, a finding."""

import pytest
from msgspec.structs import replace

from tests.inspect.draw_documents import cloud, port
from tests.inspect.test_draw_fleet import fleet
from tests.inspect.test_draw_layout import check as check_picture
from tunbridge.inspect.draw import svg, text
from tunbridge.inspect.draw.layout import lay_out
from tunbridge.inspect.draw.metrics import CELLS, PIXELS, Metrics
from tunbridge.inspect.draw.scene import build
from tunbridge.inspect.draw.shapes import Box, Picture
from tunbridge.inspect.formats import dot, html, mermaid
from tunbridge.inspect.model import Bridge, Document, Finding, Gateway, Host, Port
from tunbridge.inspect.understand import understand

PENS = pytest.mark.parametrize(("metrics", "width"), [(PIXELS, 1000), (CELLS, 160)], ids=["px", "cells"])
MAPPED = {"physnet1": "br-eth1"}


def host(name: str, *bridges: Bridge, mappings: dict[str, str] | None = None) -> Host:
    return Host(name=name, system_id=name, ovs_version="3.3.1", bridges=list(bridges), bridge_mappings=mappings)


def plugged() -> Document:
    """A network node of Neutron's, its ports in no order."""
    ports = [
        port("tap1", tag=2),
        port("qr-22", "internal", tag=2),
        port("tap0", "internal", tag=1),
        port("qvo11", tag=1),
        port("patch-tun", "patch", peer="patch-int"),
    ]
    tunnel = Bridge(name="br-tun", ports=[port("patch-int", "patch", peer="patch-tun")])
    return understand([host("n", Bridge(name="br-int", ports=ports), tunnel)])


def mapped(count: int, mappings: dict[str, str]) -> Document:
    """Hosts without tunnels, each with two NICs in one provider bridge, which stands for a physical network."""

    def one(name: str) -> Host:
        inner = Bridge(name="br-int", ports=[port("int-br-eth1", "patch", peer="phy-br-eth1")])
        outer = [port("phy-br-eth1", "patch", peer="int-br-eth1"), port("eth0"), port("eth1")]
        return host(name, inner, Bridge(name="br-eth1", ports=outer), mappings=mappings)

    return understand([one(f"h{index}") for index in range(count)])


def networks(picture: Picture) -> list[Box]:
    return [box for box in picture.boxes if box.kind == "physical"]


def test_workloads_say_what_is_behind_them_and_stand_by_their_networks() -> None:
    (view,) = build(plugged()).hosts
    assert [(chip.name, chip.note) for chip in view.roots[0].workloads] == [
        ("qvo11", "VM · tag 1"),
        ("tap0", "DHCP · tag 1"),
        ("qr-22", "router · tag 2"),
        ("tap1", "VM · tag 2"),
    ]


def test_what_is_not_known_of_a_port_is_not_said() -> None:
    (view,) = build(understand([host("h", Bridge(name="br0", ports=[port("x0"), port("x1", tag=3)]))])).hosts
    assert [chip.note for chip in view.roots[0].workloads] == ["tag 3", ""]


def test_the_underlay_is_marked_in_the_picture_and_in_its_details() -> None:
    nic, tunnel = port("eth1"), port("vxlan0", "vxlan", remote_ip="10.0.0.2", local_ip="10.0.0.1")
    outer = Bridge(name="br-phy", datapath_type="netdev", ports=[port("br-phy", "internal"), nic])
    inner = Bridge(name="br-int", datapath_type="netdev", ports=[port("patch-tun", "patch", peer="patch-int")])
    tunnels = [port("patch-int", "patch", peer="patch-tun"), tunnel]
    document = understand([host("h", inner, outer, Bridge(name="br-tun", datapath_type="netdev", ports=tunnels))])
    (view,) = (bridge for bridge in build(document).hosts[0].roots if bridge.name == "br-phy")
    assert view.label == "underlay" and "role: underlay" in view.tip
    drawn = text.render(document, width=160)
    assert "br-phy underlay" in drawn
    assert drawn.count("underlay") == 2, "the bridge, and what its NIC is plugged into"


@PENS
def test_physical_networks_carry_their_name_and_equal_ones_are_one(metrics: Metrics, width: int) -> None:
    picture = lay_out(build(mapped(2, MAPPED)), metrics, width)
    check_picture(picture)
    (box,) = networks(picture)
    assert box.network == "physnet1"
    assert [label.text for label in picture.labels if label.style == "physical"] == ["physnet1"]
    wires = [wire for wire in picture.wires if wire.kind == "physical"]
    assert len(wires) == 4 and all(wire.ends[-1] is box for wire in wires)
    assert all(box.x <= wire.points[-1][0] < box.right for wire in wires)


@PENS
def test_physical_networks_are_not_joined_across_a_tunnel_or_by_guess(metrics: Metrics, width: int) -> None:
    tunnelled = cloud(2, 2)
    tunnelled.hosts[:] = [replace(host, bridge_mappings=MAPPED) for host in tunnelled.hosts]
    apart = lay_out(build(tunnelled), metrics, width)
    check_picture(apart)
    assert [box.network for box in networks(apart)] == ["physnet1", "physnet1"]
    assert len(networks(lay_out(build(mapped(2, {})), metrics, width))) == 4


def test_in_the_forms_that_others_lay_out_a_physical_network_is_one_node() -> None:
    document = mapped(3, MAPPED)
    assert mermaid.render(document).count("physnet1") == 1
    assert dot.render(document).count("physnet1") == 1
    assert dot.render(mapped(3, {})).count('"physical network"') == 6


def test_hosts_on_different_physical_networks_are_not_alike() -> None:
    hosts = [replace(h, bridge_mappings={f"physnet{i % 2}": "br-eth1"}) for i, h in enumerate(fleet({}).hosts)]
    scene = build(understand(hosts))
    assert len(scene.hosts) == 3, "compute hosts have no such bridge"


def found(subject: str, message: str) -> Finding:
    return Finding(
        severity="error", code="tunnel-one-way", host="compute0", subject=subject, message=message, fix="mend it"
    )


@pytest.mark.parametrize("is_ascii", [False, True])
def test_the_sentence_of_a_finding_stands_below_the_picture(is_ascii: bool) -> None:
    message = "compute0 has a tunnel to network0, which has none back: " + "no packet arrives there " * 12
    drawn = text.render(replace(cloud(2), findings=[found("br-tun", message)]), width=100, ascii=is_ascii)
    *_, line, first, second, third = drawn.splitlines()
    assert "tunnel-one-way: br-tun (compute0)" in line
    assert first.strip().startswith("compute0 has a tunnel to network0, which has none back:")
    assert second.strip() and third.endswith(".." if is_ascii else "…")


def test_of_several_findings_one_is_the_example_and_every_form_tells_it() -> None:
    findings = [found("br-tun", "the first is so"), found("br-int", "the second is so")]
    document = replace(cloud(2), findings=findings)
    for drawn in (text.render(document, width=30), text.render(document, width=100)):
        assert "for example: the" in drawn and "the second is so" not in drawn
    assert ">for example: the first is so</text>" in svg.render(document)
    for form in (svg.render(document), mermaid.render(document), dot.render(document), html.render(document)):
        assert "the first is so" in form


def test_very_many_ports_are_sorted_and_wrong_ones_shown_first() -> None:
    ports: list[Port] = [port(f"tap{n}", tag=9 - n % 9) for n in range(3000)]
    findings = [
        Finding(severity="error", code="c", host="h", subject=f"tap{n}", message="m", fix="f") for n in (2990, 2991)
    ]
    document = replace(understand([host("h", Bridge(name="br-int", ports=ports))]), findings=findings)
    chips = build(document).hosts[0].roots[0].workloads
    shown = [chip.name for chip in chips if chip.mark]
    assert shown == ["tap2991", "tap2990"]
    assert sum(chip.count for chip in chips) == 3000


def test_a_router_with_several_gateways_is_said_once() -> None:
    ways = [
        Gateway(router=name, networks=[inside], external="ext", addresses=[address])
        for name, inside, address in (
            ("edge", "blue", "203.0.113.9"), ("edge", "blue", "198.51.100.9"), ("edge", "red", "203.0.113.8"),
        )
    ]  # fmt: skip
    seen = understand([replace(host("n", Bridge(name="br-int", ports=[port("tap0", tag=1)])), gateways=ways)])
    shown = text.render(seen, width=160)
    assert "router edge 203.0.113.9, 198.51.100.9" in shown and "router edge 203.0.113.8" in shown
    assert shown.count("router edge") == 2


@pytest.mark.parametrize(("noted", "said"), [("transparent", " · VLAN-transparent"), ("qinq", " · QinQ"), (None, "")])
def test_a_network_that_carries_vlan_tags_of_vms_is_marked(noted: str | None, said: str) -> None:
    config = {"net_uuid": "12345678-1"} | ({"vm_tags": noted} if noted else {})
    vm = replace(port("tap1", tag=2), other_config=config)
    (view,) = build(understand([host("h", Bridge(name="br-int", ports=[vm]))])).hosts
    assert [chip.note for chip in view.roots[0].workloads] == [f"VM · tag 2 · net 12345678{said}"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_stands_beside_a_workload_is_cut_only_where_there_is_no_room(count: int) -> None:
    vms = [
        replace(port(f"tap0000000{n}-00", tag=n), workload=f"web-server-{n}", floating_ips=["203.0.113.221"])
        for n in range(1, count + 1)
    ]
    (one,) = cloud(1, 0).hosts
    inner = next(bridge for bridge in one.bridges if bridge.name == "br-int")
    own = [p for p in inner.ports if not p.name.startswith("tap")]
    bridges = [replace(b, ports=[*own, *vms]) if b is inner else b for b in one.bridges]
    drawn = text.render(understand([replace(one, bridges=bridges)]), width=80)
    for n in range(1, count + 1):
        assert f" tap0000000{n}-00 web-server-{n} · VM · tag {n} · 203.0.113.221 " in drawn, drawn
