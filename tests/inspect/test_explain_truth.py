"""What explain says of routers, errors, guessed roles, hosts apart, the underlay and missing paths is what is so."""

import re

import pytest

from tests.inspect.explain_hosts import SEED_COMPUTE, SEED_NETWORK, assert_paths_hold, document
from tunbridge.inspect.check import check
from tunbridge.inspect.draw import text as draw_text
from tunbridge.inspect.explain import Section, explain, predict, to_markdown, to_text
from tunbridge.inspect.model import Bridge, Controller, Device, Document, Host, Interface, Link, Port
from tunbridge.inspect.understand import understand


def port(name: str, type_: str = "system", tag: int | None = None, **options: str) -> Port:
    return Port(name=name, tag=tag, interfaces=[Interface(name=name, type=type_, options=options)])


def patches(**pairs: str) -> list[Port]:
    return [port(name.replace("_", "-"), "patch", peer=peer) for name, peer in pairs.items()]


def texts(found: Document, **how: object) -> list[str]:
    return [s.text for section in explain(found, **how) for s in section.sentences]  # type: ignore[arg-type]


def section(found: Document, title: str) -> Section:
    (one,) = [s for s in explain(found) if s.title == title]
    return one


def insert(dump: str, bridge: str, ports: str) -> str:
    """Put ports at the beginning of a bridge."""
    changed = re.sub(rf'(    Bridge "?{bridge}"?\n)', lambda match: match[1] + ports, dump, count=1)
    assert changed != dump
    return changed


def internal(name: str, tag: int | None = None) -> str:
    vlan = f"            tag: {tag}\n" if tag else ""
    return f'        Port "{name}"\n{vlan}            Interface "{name}"\n                type: internal\n'


QR, QG = internal("qr-1a2b3c4d-5e", 1), internal("qg-5e4d3c2b-1a", 2)


# -- routers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outer", ["br-int", "br-eth1"])
def test_a_router_that_is_plugged_in_is_on_the_path(outer: str) -> None:
    """Its outer side in br-int, or in the provider bridge beside the patch pair."""
    network = insert(insert(SEED_NETWORK, "br-int", QR), outer, QG)
    found = document(compute0=SEED_COMPUTE, network0=network)
    assert not any("none is plugged in" in text for text in texts(found))
    (path,) = [p for p in predict(found).paths if (p.kind, p.source) == ("outside", "compute0")]
    ports = [hop.port for hop in path.hops]
    beyond = ["int-br-eth1", "phy-br-eth1"] if outer == "br-int" else []
    assert ports[5:] == ["patch-tun", "qr-1a2b3c4d-5e", "qg-5e4d3c2b-1a", *beyond, "eno16777736"]
    assert path.complete
    assert_paths_hold(found)


def test_on_an_all_in_one_host_the_router_is_a_path_of_its_own() -> None:
    vm = '        Port "qvo1"\n            tag: 1\n            Interface "qvo1"\n'
    found = document(all=insert(SEED_NETWORK, "br-int", vm + QR + QG))
    assert found.hosts[0].role == "all-in-one"
    routed = section(found, "From a VM on all to the outside, through a router there").sentences[0].text
    assert "(qr-1a2b3c4d-5e) ⇢ (qg-5e4d3c2b-1a) br-int (int-br-eth1)" in routed
    provided = section(found, "From a VM on all, in a provider network, to the outside").sentences[0].text
    assert "qr-" not in provided


def test_routers_without_a_gateway_port_are_named() -> None:
    found = document(compute0=SEED_COMPUTE, network0=insert(SEED_NETWORK, "br-int", QR))
    said = [t for t in texts(found) if "have no gateway port" in t]
    assert said == [
        "From a tenant network, a router in br-int of network0 has to take it to the provider network; those "
        "plugged in (qr-1a2b3c4d-5e) have no gateway port (qg-)."
    ]


def test_a_distributed_router_leads_out_where_the_vm_is_and_its_snat_on_the_network_node() -> None:
    compute = insert(SEED_NETWORK.replace("10.0.0.27", "10.0.0.28"), "br-int", QR + internal("fg-1", 3))
    compute = insert(compute, "br-int", '        Port "qvo1"\n            Interface "qvo1"\n').replace(
        "vxlan-0a000019", "vxlan-0a00001b"
    )
    compute = compute.replace("10.0.0.25", "10.0.0.27").replace("f9e5", "f9e6")
    network = insert(SEED_NETWORK, "br-int", QR + internal("sg-1", 1) + QG).replace("10.0.0.25", "10.0.0.28")
    found = document(compute0=compute, network0=network)
    chains = [p for p in predict(found).paths if (p.kind, p.source) == ("outside", "compute0")]
    hops = [[hop.port for hop in path.hops] for path in chains]
    assert ["qr-1a2b3c4d-5e", "fg-1", "int-br-eth1", "phy-br-eth1", "eno16777736"] in hops
    assert any(ports[5:8] == ["patch-tun", "sg-1", "qg-5e4d3c2b-1a"] for ports in hops)
    assert any(t.startswith("For a VM with a floating IP, the distributed router of compute0") for t in texts(found))
    assert_paths_hold(found)


def test_no_provider_network_is_spoken_of_on_a_path_through_a_tunnel() -> None:
    found = document(compute0=SEED_COMPUTE, network0=SEED_NETWORK)
    via = section(found, "From a VM on compute0 to the outside, via network0")
    assert not any("on a provider network" in s.text for s in via.sentences)


# -- tunnels with errors ----------------------------------------------------------------------------------------------


FLOW = {"remote_ip": "flow", "key": "flow"}


def cluster(error_at: str) -> Document:
    """Two nodes of Antrea, whose tunnel ports name no peer; one has an error."""

    def node(name: str, number: int) -> Host:
        error = "could not add network device antrea-tun0 to ofproto (Address already in use)"
        tunnel = Interface(name="antrea-tun0", type="geneve", options=FLOW, error=error if name == error_at else None)
        ports = [Port(name="antrea-tun0", interfaces=[tunnel]), port("antrea-gw0", "internal"), port("web-1-0a1b2c")]
        bridges = [Bridge(name="br-int", datapath_type="system", ports=ports)]
        return Host(
            name=name, system_id=f"{number:08d}-0000-0000-0000-000000000000", ovs_version="2.17.0", bridges=bridges
        )

    return understand([node("a", 1), node("b", 2)])


@pytest.mark.parametrize("error_at", ["a", "b"])
def test_a_path_ends_at_a_multi_peer_tunnel_with_an_error(error_at: str) -> None:
    found = cluster(error_at)
    paths = [p for p in predict(found).paths if p.kind == "overlay"]
    assert [(p.source, p.complete) for p in paths] == [("a", False), ("b", False)]
    assert all([hop.port for hop in path.hops] == ["antrea-tun0"] for path in paths)
    assert [t for t in texts(found) if "has an error" in t] == [
        "antrea-tun0 is a Geneve tunnel to many hosts, and it has an error: packets sent to it are dropped."
    ]
    assert all(p.complete for p in predict(cluster("")).paths if p.kind == "overlay")


def test_a_path_ends_at_a_tunnel_with_an_error_also_towards_a_host_that_was_not_given() -> None:
    error = '                error: "could not add network device vxlan-0a00001b to ofproto (Address already in use)"\n'
    dump = SEED_COMPUTE.replace("                options: {df_default", f"{error}                options: {{df_default")
    assert error in dump
    said = texts(document(compute0=dump))
    assert "It ends at vxlan-0a00001b of br-tun on compute0: the tunnel to 10.0.0.27 is not in order." in said
    assert not any("10.0.0.27 was not given" in text for text in said)
    assert not any(chain.endswith("? not known from here on") for chain in said)


def test_a_path_ends_at_a_nic_that_is_down() -> None:
    nic = Interface(name="eth1", admin_state="up", link_state="down")
    bridges = [
        Bridge(name="br-int", ports=[*patches(int_br_ex="phy-br-ex"), port("qvo1")]),
        Bridge(name="br-ex", ports=[*patches(phy_br_ex="int-br-ex"), Port(name="eth1", interfaces=[nic])]),
    ]
    found = understand([Host(name="h", system_id="u", ovs_version="3", bridges=bridges)])
    assert "It ends in br-ex of h: the NIC eth1 is down." in texts(found)
    assert not any(path.complete for path in predict(found).paths)


# -- roles ------------------------------------------------------------------------------------------------------------


def hypervisor(name: str, *ports: Port) -> Host:
    bridges = [
        Bridge(name="br-int", ports=[*patches(int_br_ex="phy-br-ex"), *ports]),
        Bridge(name="br-ex", ports=[*patches(phy_br_ex="int-br-ex"), port("eth1")]),
    ]
    return Host(name=name, system_id=f"u-{name}", ovs_version="3.1.0", bridges=bridges)


def test_an_empty_host_with_a_provider_bridge_is_not_said_to_carry_the_others_traffic() -> None:
    said = texts(understand([hypervisor("node7")]))
    assert "Hosts given (probably network node; nothing is plugged in that would tell): node7." in said
    (role,) = [t for t in said if t.startswith("node7 has a provider bridge")]
    assert "a compute node with provider networks and no VM yet looks the same" in role
    assert not any("passes through it" in text for text in said)


def test_beside_a_network_node_that_serves_an_empty_host_is_taken_for_a_compute_node() -> None:
    serving = hypervisor("alpha", port("qr-1a2b3c4d-5e", "internal", tag=1))
    found = understand([serving, hypervisor("node7"), hypervisor("net2")])
    assert [(h.role, h.role_guessed) for h in found.hosts] == [("network", False), ("compute", True), ("network", True)]
    assert understand([hypervisor("compute3")]).hosts[0].role == "compute"
    assert any(t.startswith("By its wiring, alpha is a network node") for t in texts(found))


# -- hosts apart ------------------------------------------------------------------------------------------------------


def test_a_host_without_nic_is_not_said_to_be_on_a_physical_network() -> None:
    lonely = Host(name="lonely", system_id="u", ovs_version="3", bridges=[Bridge(name="br-int", ports=[port("qvo1")])])
    said = texts(understand([lonely, hypervisor("node7")]))
    assert "No tunnel ends on lonely, and no NIC is in a bridge there: no path leads to another host." in said
    assert any(
        t.startswith("No tunnel ends on node7: from there") and "only over a physical network" in t for t in said
    )


def test_that_there_is_no_path_is_said() -> None:
    lonely = Host(name="lonely", system_id="u", ovs_version="3", bridges=[Bridge(name="br-int", ports=[port("qvo1")])])
    (said,) = section(understand([lonely]), "How a packet will travel").sentences
    assert said.text.startswith("No path leads out of lonely, as far as the source tells")
    several = Host(name="s", system_id="u", ovs_version="3", bridges=[Bridge(name="s1"), Bridge(name="s2")])
    (said,) = section(understand([several]), "How a packet will travel").sentences
    assert said.text.startswith("No path is predicted from s: of several bridges, none is known")
    empty = Host(name="e", system_id="u", ovs_version="3")
    (said,) = section(understand([empty]), "How a packet will travel").sentences
    assert said.text == "No path is predicted from e: there is no bridge."
    cut = Host(name="c", bridges=[Bridge(name="br-int", ports=[port("qvo1")])])
    (said,) = section(understand([cut]), "How a packet will travel").sentences
    assert said.text == "No path out of c is seen; part of the dump is missing, so there may be one."


def test_pairs_of_hosts_that_no_tunnel_joins_are_named() -> None:
    def host(name: str, *peers: str) -> Host:
        ports = [port(f"ovn-{peer}00000-0", "geneve", key="flow", local_ip=f"10.0.0.{name}", remote_ip=f"10.0.0.{peer}")
                 for peer in peers]  # fmt: skip
        return Host(
            name=f"h{name}", system_id=f"u{name}", ovs_version="3", bridges=[Bridge(name="br-int", ports=ports)]
        )

    found = understand([host("1", "2"), host("2", "1", "3"), host("3", "2")])
    assert "No tunnel joins these pairs of hosts: h1 - h3." in texts(found)


# -- underlay ---------------------------------------------------------------------------------------------------------


def lab(underlay: list[Device] | None) -> Document:
    """A host of a lab in the userspace datapath: br-phy holds the NIC and the tunnel address."""
    tunnel = port("vxlan-0a00001b", "vxlan", local_ip="10.0.0.25", remote_ip="10.0.0.27", key="flow")
    secure = {
        "fail_mode": "secure",
        "datapath_type": "netdev",
        "controllers": [Controller(target="tcp:127.0.0.1:6633")],
    }
    bridges = [
        Bridge(name="br-int", ports=patches(patch_tun="patch-int"), **secure),  # type: ignore[arg-type]
        Bridge(name="br-tun", ports=[*patches(patch_int="patch-tun"), tunnel], **secure),  # type: ignore[arg-type]
        Bridge(name="br-phy", datapath_type="netdev", ports=[port("br-phy", "internal"), port("enunderlay0")]),
    ]
    return understand([Host(name="compute0", system_id="u", ovs_version="3", bridges=bridges, underlay=underlay)])


def test_the_underlay_s_bridge_is_said_to_be_the_underlay() -> None:
    live = section(lab([Device(name="br-phy", addresses=["10.0.0.25"])]), "compute0 / br-phy: underlay bridge")
    assert live.sentences[0].text.startswith("br-phy carries the underlay: its port br-phy holds this host's tunnel")
    assert live.sentences[1].text == "NIC of the underlay, in br-phy: enunderlay0."
    pasted = section(lab(None), "compute0 / br-phy: underlay bridge")
    assert "which the source does not tell" in pasted.sentences[0].text
    for found in (lab(None), lab([Device(name="br-phy", addresses=["10.0.0.25"])])):
        assert not any("no workload's packet" in t or "plug to the physical" in t for t in texts(found))


def test_a_bridge_with_a_nic_beside_kernel_tunnels_is_not_taken_for_the_underlay() -> None:
    found = understand([hypervisor("node7")])
    assert not any("underlay" in s.title for s in explain(found))


# -- what is plugged in -----------------------------------------------------------------------------------------------


def test_fake_bridges_are_named_as_such() -> None:
    child = Port(name="vlan10", tag=10, fake_bridge=True, interfaces=[Interface(name="vlan10", type="internal")])
    bridges = [Bridge(name="br0", ports=[port("br0", "internal"), port("eth0"), child])]
    live = texts(understand([Host(name="h", system_id="u", ovs_version="3", bridges=bridges)]))
    assert (
        "Fake bridges of br0 (ovs-vsctl add-br NAME br0 VLAN), each of them one VLAN of it: vlan10 (VLAN 10)." in live
    )
    bridges = [Bridge(name="br0", ports=[port("br0", "internal"), port("vlan10", "internal", tag=10)])]
    pasted = texts(understand([Host(name="h", system_id="u", ovs_version="3", bridges=bridges)]))
    assert any("vlan10 (VLAN 10)" in t and "the source does not tell which" in t for t in pasted)


def test_pods_are_named_where_the_source_names_them() -> None:
    ids = {"iface-id": "shop_web-0", "sandbox": "0a1b2c", "attached_mac": "0a:58:0a:f4:00:05"}
    pod = Port(name="0123456789abcde", interfaces=[Interface(name="0123456789abcde", external_ids=ids)])
    bridge = Bridge(name="br-int", ports=[port("ovn-k8s-mp0", "internal"), pod, port("fedcba987654321")])
    said = texts(understand([Host(name="w", system_id="u", ovs_version="3", bridges=[bridge])]))
    assert "The node itself, by which it and its Pods reach each other: ovn-k8s-mp0." in said
    assert "Ports of Pods, and what else is on this node: shop/web-0 (0123456789abcde), fedcba987654321." in said


def test_what_cannot_be_told_from_a_workload_is_called_unknown() -> None:
    bridge = Bridge(name="br0", ports=[port("br0", "internal"), port("oddly0")])
    said = texts(understand([Host(name="h", system_id="u", ovs_version="3", bridges=[bridge])]))
    assert any(t.startswith("Unknown: oddly0. The source does not tell what is behind") for t in said)


# -- citations, brief, Markdown, one path -----------------------------------------------------------------------------


def test_citations_of_a_database_are_short() -> None:
    found = lab([Device(name="br-phy", addresses=["10.0.0.25"])])
    text = to_text(explain(found), width=10_000)
    places = [line[line.rindex(" [") :] for line in text.splitlines() if line.startswith("•")]
    assert max(map(len, places)) < 80
    assert "[compute0: br-int patch-tun, br-tun patch-int]" in text
    assert "[compute0: br-int, br-tun]" in text  # of the controller, which the sentence names


def test_brief_is_the_overview_and_one_path_without_citations() -> None:
    found = document(compute0=SEED_COMPUTE, network0=SEED_NETWORK)
    sections = explain(found, brief=True)
    assert [s.title for s in sections] == ["Overview", "From a VM on compute0 to a workload on network0"]
    text = to_text(sections, citations=False)
    assert "[" not in text and len(text.splitlines()) < 25
    broken = explain(document(compute0=SEED_COMPUTE), brief=True)
    assert any("predicted paths end early" in s.text for section in broken for s in section.sentences)


def test_markdown_shows_names_as_they_are() -> None:
    found = understand([Host(name="h_*<b>", system_id="u", bridges=[Bridge(name="br`x`", ports=[port("[a](b)")])])])
    text = to_markdown(explain(found))
    assert text.startswith("## Overview\n\n* Hosts given")
    assert "h\\_\\*\\<b\\>" in text and "br\\`x\\`" in text and "\\[a\\](b)" in text
    assert "<sub>" not in to_markdown(explain(found), citations=False)


def test_one_path_between_two_hosts_is_told_alone() -> None:
    found = document(compute0=SEED_COMPUTE, network0=SEED_NETWORK)
    there, rests_on = explain(found, ends=("network0", "compute0"))
    assert there.title == "From a workload on network0 to a VM on compute0"
    assert "vxlan-0a000019" in there.sentences[0].text and len(there.sentences) == 6
    assert rests_on.title == "How a packet will travel"
    (path,) = predict(found, ("network0", None)).paths
    assert (path.kind, path.source) == ("outside", "network0")


def test_one_path_that_is_none_says_why() -> None:
    apart = understand([hypervisor("a", port("qvo1")), hypervisor("b", port("qvo2"))])
    first, _ = explain(apart, ends=("a", "b"))
    assert first.sentences[0].text.startswith("No tunnel joins a and b. Each has a NIC in a provider bridge")
    assert [s.text.split(":")[0] for s in first.sentences[1:]] == ["a", "b"]
    lonely = Host(name="l", system_id="u", ovs_version="3", bridges=[Bridge(name="br-int", ports=[port("qvo1")])])
    said = texts(understand([lonely, hypervisor("b")]), ends=("l", "b"))
    assert "It ends in br-int of l: no tunnel joins l and b." in said
    alone = texts(understand([lonely]), ends=("l", None))
    assert alone[0].startswith("No path leads out of l")


def test_every_link_with_an_error_ends_the_paths_over_it() -> None:
    """Whatever has an error in a document with a whole path, that path is not complete any more."""
    whole = document(compute0=SEED_COMPUTE, network0=SEED_NETWORK)
    for link in whole.links:
        links = [other if other is not link else broken(link) for other in whole.links]
        found = predict(Document(hosts=whole.hosts, links=links))
        ends = {(end.host, end.port) for end in (link.a, link.b) if end is not None}
        over = [p for p in found.paths if p.complete and ends & {(hop.host, hop.port) for hop in p.hops}]
        assert not over, link


def broken(link: Link) -> Link:
    return Link(
        kind=link.kind, type=link.type, a=link.a, b=link.b, state="broken", local_address=link.local_address,
        remote_address=link.remote_address,
    )  # fmt: skip


def test_of_half_a_dump_no_role_is_guessed() -> None:
    cut = "\n".join(SEED_NETWORK.splitlines()[:20]) + "\n"
    found = document(network0=cut)
    assert (found.hosts[0].role, found.hosts[0].role_guessed) == ("unknown", False)
    assert not any("is taken for" in text or "probably" in text for text in texts(found))


# -- what goes on in a Linux bridge -----------------------------------------------------------------------------------


def test_a_port_that_is_in_a_linux_bridge_too_is_where_the_path_leaves_open_vswitch() -> None:
    """Mirantis Fuel's br-floating reaches br-ex, which is a Linux bridge, by an internal port of a name of its own."""
    bridges = [
        Bridge(
            name="br-int", fail_mode="secure", ports=[*patches(int_br_floating="phy-br-floating"), port("tap1", tag=1)]
        ),
        Bridge(
            name="br-floating", ports=[*patches(phy_br_floating="int-br-floating"), port("p_ff798dba-0", "internal")]
        ),
    ]
    found = check(understand([Host(name="fuel", system_id="1", bridges=bridges)]))
    assert found.findings == [] and not any(entry.code == "tunnel-one-way" for entry in found.not_checked)
    outside = explain(found, ends=("fuel", None))[0]
    assert outside.sentences[-1].text.startswith("It leaves br-floating of fuel via p_ff798dba-0, which is in a Linux")
    assert "p_ff798dba-0 in a Linux bridge too" in draw_text.render(found, width=100)
