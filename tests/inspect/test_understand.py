"""Roles, addresses and links are worked out as an administrator would; nothing is made up that dumps do not say."""

import cProfile
import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tests.inspect.hosts import bridge, change, compute, host, network, ovn, patch, port, tunnel, two
from tunbridge.inspect.model import Document, End, Host, Link
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.understand import understand

ROOT = Path(__file__).parents[2]
DUMPS = ROOT.parent / "shared" / "dumps"


def roles(document: Document) -> dict[str, str]:
    return {host.name: host.role for host in document.hosts}


def tunnels(document: Document) -> list[Link]:
    return [link for link in document.links if link.kind == "tunnel"]


def addresses(document: Document) -> dict[str, list[str]]:
    return {host.name: host.addresses for host in document.hosts}


def test_the_readme_s_two_hosts() -> None:
    document = understand(
        [
            host
            for name in ("compute0", "network")
            for host in read_show((ROOT / "examples" / f"{name}.txt").read_text(), source=f"{name}.txt")
        ]
    )
    assert roles(document) == {"compute0": "compute", "network": "network"}
    assert addresses(document) == {"compute0": ["10.0.0.25"], "network": ["10.0.0.27"]}
    assert [{b.name: b.role for b in host.bridges} for host in document.hosts] == [
        {"br-int": "integration", "br-tun": "tunnel"},
        {"br-int": "integration", "br-tun": "tunnel", "br-eth1": "provider"},
    ]
    assert all(link.state == "ok" for link in document.links)
    assert tunnels(document) == [
        Link(
            kind="tunnel", type="vxlan", key="flow", local_address="10.0.0.25", remote_address="10.0.0.27", state="ok",
            a=End(host="compute0", bridge="br-tun", port="vxlan-0a00001b"),
            b=End(host="network", bridge="br-tun", port="vxlan-0a000019"),
        )
    ]  # fmt: skip
    assert [link.a.port for link in document.links if link.kind == "physical"] == ["eno16777736"]
    assert sum(link.kind == "patch" for link in document.links) == 3
    assert not document.not_checked and not document.findings


def test_a_tunnel_to_a_host_that_was_not_given_leads_to_an_unknown_host() -> None:
    document = understand([compute("c0", "10.0.0.1", ["10.0.0.2", "10.0.0.3"])])
    assert [(h.name, h.known, h.addresses) for h in document.hosts[1:]] == [
        ("10.0.0.2", False, ["10.0.0.2"]),
        ("10.0.0.3", False, ["10.0.0.3"]),
    ]
    assert [(link.state, link.b) for link in tunnels(document)] == [
        ("unknown", End(host="10.0.0.2")),
        ("unknown", End(host="10.0.0.3")),
    ]


def test_the_name_of_a_given_host_is_not_taken_by_an_unknown_one() -> None:
    document = understand([compute("10.0.0.2", "10.0.0.1", ["10.0.0.2"])])
    assert len({h.name for h in document.hosts}) == 2


def test_a_missing_end_is_one_way() -> None:
    hosts = [compute("a", "10.0.0.1", ["10.0.0.2"]), compute("b", "10.0.0.2", ["10.0.0.3", "10.0.0.4"])]
    assert [link.state for link in tunnels(understand(hosts))] == ["one-way", "unknown", "unknown"]


@pytest.mark.parametrize("make", [compute, network])
def test_a_host_whose_last_tunnel_is_gone_is_known_by_the_peer_s(make: Callable[..., Host]) -> None:
    document = understand([compute("a", "10.0.0.1", ["10.0.0.2"]), make("b", "10.0.0.2", [])])
    assert addresses(document) == {"a": ["10.0.0.1"], "b": ["10.0.0.2"]}
    assert [link.state for link in tunnels(document)] == ["one-way"]


def test_an_ovn_host_whose_last_tunnel_is_gone_is_known_by_the_peer_s() -> None:
    document = understand([ovn("a", ["10.0.0.2"]), ovn("b", [])])
    assert addresses(document)["b"] == ["10.0.0.2"]
    assert [(link.state, link.b) for link in tunnels(document)] == [("one-way", End(host="b"))]


def test_a_host_without_tunnels_is_not_taken_for_one_of_several() -> None:
    document = understand([compute("a", "10.0.0.1", ["10.0.0.2", "10.0.0.3"]), compute("b", "", [])])
    assert addresses(document)["b"] == [] and {entry.host for entry in document.not_checked} == {"b"}
    assert {link.state for link in tunnels(document)} == {"unknown"}
    bare = host("c", bridge("s1", port("s1-eth1")))
    assert addresses(understand([compute("a", "10.0.0.1", ["10.0.0.2"]), bare]))["c"] == []


def test_two_types_between_the_same_hosts_are_two_tunnels() -> None:
    a = change(compute("a", "10.0.0.1", ["10.0.0.2"]), "br-tun", "gre", tunnel("10.0.0.1", "10.0.0.2", "gre"))
    b = change(compute("b", "10.0.0.2", ["10.0.0.1"]), "br-tun", "gre", tunnel("10.0.0.2", "10.0.0.1", "gre"))
    assert [(link.type, link.state) for link in tunnels(understand([a, b]))] == [("vxlan", "ok"), ("gre", "ok")]


def test_several_vteps_per_host_match_by_address() -> None:
    def chassis(name: str, own: list[str], peers: list[str]) -> Host:
        ends = [tunnel(o, p, "geneve", f"g{i}-{j}", key="flow") for i, o in enumerate(own) for j, p in enumerate(peers)]
        return host(name, bridge("br-int", *ends))

    mine, other = ["10.0.0.1", "10.1.0.1"], ["10.0.0.2", "10.1.0.2"]
    document = understand([chassis("a", mine, other), chassis("b", other, mine)])
    assert addresses(document) == {"a": mine, "b": other}
    assert len(tunnels(document)) == 4 and all(link.state == "ok" for link in tunnels(document))


def test_ipv6_addresses_match_however_they_are_written() -> None:
    def end(name: str, local: str, remote: str) -> Host:
        return host(name, bridge("br-tun", port("t", "vxlan", local_ip=local, remote_ip=remote, key="flow")))

    document = understand([end("a", "2001:db8::1", "2001:DB8:0::2"), end("b", "2001:db8:0:0::2", "2001:db8::0001")])
    assert [link.state for link in tunnels(document)] == ["ok"]


@pytest.mark.parametrize("count", [2, 3, 7, 40])
def test_ovn_s_own_addresses_are_those_that_peers_name(count: int) -> None:
    own = [f"172.16.0.{i + 1}" for i in range(count)]
    hosts = [ovn(f"h{i}", [a for a in own if a != own[i]]) for i in range(count)]
    document = understand(hosts)
    assert addresses(document) == {f"h{i}": [own[i]] for i in range(count)}
    assert len(tunnels(document)) == count * (count - 1) // 2
    assert all(link.state == "ok" and link.local_address for link in tunnels(document))
    assert not document.not_checked


def test_ovn_s_own_addresses_are_told_with_a_peer_that_was_not_given() -> None:
    document = understand([ovn("a", ["172.16.0.2", "172.16.0.3"]), ovn("b", ["172.16.0.1", "172.16.0.3"])])
    assert addresses(document) == {"a": ["172.16.0.1"], "b": ["172.16.0.2"], "172.16.0.3": ["172.16.0.3"]}


def test_an_ovn_host_alone_does_not_know_its_address_and_says_so() -> None:
    document = understand([ovn("a", ["172.16.0.2"])])
    assert addresses(document)["a"] == []
    assert [(entry.code, entry.host) for entry in document.not_checked] == [("tunnel-one-way", "a")]


def test_two_clouds_of_two_are_ambiguous_and_left_alone() -> None:
    pairs = [("a", "10.0.0.2"), ("b", "10.0.0.1"), ("c", "10.0.0.4"), ("d", "10.0.0.3")]
    document = understand([ovn(name, [remote]) for name, remote in pairs])
    assert all(not document.hosts[i].addresses for i in range(4))
    assert {entry.host for entry in document.not_checked} == {"a", "b", "c", "d"}
    assert all(link.state == "unknown" for link in tunnels(document))


def test_two_clouds_of_different_types_are_told_apart() -> None:
    pairs = [("a", "10.0.0.2"), ("b", "10.0.0.1")]
    others = [("c", "10.0.0.4"), ("d", "10.0.0.3")]
    document = understand([ovn(n, [r]) for n, r in pairs] + [ovn(n, [r], type="vxlan") for n, r in others])
    assert [h.addresses for h in document.hosts] == [["10.0.0.1"], ["10.0.0.2"], ["10.0.0.3"], ["10.0.0.4"]]


def test_a_multi_peer_overlay_has_no_other_end_and_receives_from_anybody() -> None:
    flow = port("antrea-tun0", "geneve", key="flow", remote_ip="flow")
    document = understand([host("a", bridge("br-int", flow)), host("b", bridge("br-int", flow))])
    assert [(link.remote_address, link.b, link.state) for link in tunnels(document)] == [("flow", None, "ok")] * 2
    hub = host("hub", bridge("br0", port("v", "vxlan", key="flow", remote_ip="flow", local_ip="10.0.0.9")))
    document = understand([hub, compute("leaf", "10.0.0.1", ["10.0.0.9"])])
    (leaf,) = [link for link in tunnels(document) if link.a.host == "leaf"]
    assert leaf.state == "ok" and leaf.b == End(host="hub", bridge="br0", port="v")


def test_veth_pairs_of_early_neutron_are_wires() -> None:
    pair = bridge("br-data", port("eth0"), port("phy-br-data"), controller=False)
    document = understand([host("n", bridge("br-int", port("int-br-data"), port("qvo670110e0-a8", tag=1)), pair)])
    assert [(link.kind, link.state, link.a.port, link.b and link.b.port) for link in document.links] == [
        ("patch", "ok", "int-br-data", "phy-br-data"),
        ("physical", "ok", "eth0", None),
    ]
    assert document.hosts[0].bridges[1].role == "provider"


def test_what_is_a_nic() -> None:
    nics = ["eth0", "eno1", "enp3s0f0", "enp1s0f0np0", "ens3f0.100", "bond0", "em1", "p4p1", "dpdk0", "public"]
    others = ["tap704a9e45-54", "qvo670110e0-a8", "vnet0", "vethab12", "enp3s0f0_1", "pf0vf2", "qg-0baef12f-d3"]
    ports = [port(name, "dpdk" if name == "dpdk0" else "system") for name in nics + others]
    document = understand([host("n", bridge("br-int"), bridge("br-ex", *ports, controller=False))])
    assert [link.a.port for link in document.links if link.kind == "physical"] == nics


def test_bridges_that_serve_the_host_are_no_provider_bridges() -> None:
    own = bridge("br-isolated", port("ens4"), port("vlan20", "internal"), controller=False)
    document = understand([replace(h, bridges=[*h.bridges, own]) for h in two()[:1]])
    assert document.hosts[0].bridges[-1].role == "other"
    underlay = bridge("br-phy", port("u0"), port("eth0"), controller=False, datapath_type="netdev")
    (dpdk, *_) = two()
    netdev = [replace(b, datapath_type="netdev") for b in dpdk.bridges]
    document = understand([replace(dpdk, bridges=[*netdev, underlay])])
    assert document.hosts[0].bridges[-1].role == "other"


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        ("compute", compute("h", "10.0.0.1", ["10.0.0.2"])),
        ("compute", network("compute3", "10.0.0.1", ["10.0.0.2"])),
        ("compute", change(network("h", "10.0.0.1", []), "br-int", "tap1", port("tap1", tag=1))),
        ("network", network("h", "10.0.0.1", ["10.0.0.2"])),
        ("network", change(compute("h", "10.0.0.1", []), "br-int", "tap1", port("tap1", "internal", tag=1))),
        ("all-in-one", host("h", bridge("br-int", port("qvo1", tag=1), port("qr-1", "internal", tag=1)))),
        ("compute", host("h", bridge("br-int", port("qvo1"), port("qr-1", "internal"), port("fg-1", "internal")))),
        ("compute", host("h", bridge("br0", port("vnet0"), port("eth0"), controller=False))),
        ("gateway", ovn("h", ["10.0.0.2"], patch("patch-br-int-to-p", "patch-p-to-br-int"))),
        ("unknown", host("h", bridge("s1", port("s1-eth1"), port("s1-eth2")))),
    ],
)
def test_the_role_of_a_host(expected: str, given: Host) -> None:
    if expected == "gateway":
        outside = bridge("br-ex", patch("patch-p-to-br-int", "patch-br-int-to-p"), port("eth0"), controller=False)
        given = replace(given, bridges=[*given.bridges, outside])
    assert understand([given]).hosts[0].role == expected


def test_one_host_given_twice_is_shown_once_and_said_so() -> None:
    before, after = compute("c0", "10.0.0.1", ["10.0.0.2"]), compute("c0", "10.0.0.1", ["10.0.0.2", "10.0.0.3"])
    document = understand([replace(before, name="before"), replace(after, name="after")])
    assert [h.name for h in document.hosts if h.known] == ["after"]
    (finding,) = document.findings
    assert finding.code == "host-given-twice" and "before" in finding.message and finding.host == "after"


def test_copies_of_one_database_are_two_hosts() -> None:
    one, other = compute("c0", "10.0.0.1", ["10.0.0.2"]), compute("c1", "10.0.0.2", ["10.0.0.1"])
    document = understand([one, replace(other, system_id=one.system_id)])
    assert [h.name for h in document.hosts] == ["c0", "c1"] and not document.findings
    one, other = ovn("c0", ["10.0.0.2"]), ovn("c1", ["10.0.0.1"])
    assert len(understand([one, replace(other, system_id=one.system_id)]).hosts) == 2


def test_hosts_of_the_same_name_are_distinguished() -> None:
    hosts = [replace(compute(str(i), f"10.0.0.{i + 1}", ["10.0.0.99"]), name="node") for i in range(3)]
    assert [h.name for h in understand(hosts).hosts if h.known] == ["node", "node-2", "node-3"]


def test_a_document_s_hosts_give_the_same_document_again() -> None:
    document = understand([*two(), ovn("a", ["172.16.0.2"]), ovn("b", ["172.16.0.1"])])
    again = understand([h for h in document.hosts if h.known])
    assert msgspec.to_builtins(again) == msgspec.to_builtins(document)


def test_the_order_of_hosts_changes_no_state() -> None:
    own = [f"10.0.0.{i + 1}" for i in range(8)]
    hosts = [compute(f"h{i}", own[i], [a for a in own if a != own[i]]) for i in range(8)]
    hosts[3] = change(hosts[3], "br-tun", "vxlan-0a000001", None)
    for seed in range(5):
        random.Random(seed).shuffle(hosts)
        states = {link.a.host: link.state for link in tunnels(understand(hosts)) if link.state != "ok"}
        assert states == {"h0": "one-way"}


def test_the_cost_grows_with_the_number_of_hosts_and_not_with_its_square() -> None:
    def cloud(size: int) -> list[Host]:
        def address(i: int) -> str:
            return f"10.{(i % size) // 250}.0.{(i % size) % 250 + 1}"

        return [
            compute(f"h{i}", address(i), [address(i + d) for d in (1, 2, 3, 4, 5, -1, -2, -3, -4, -5)])
            for i in range(size)
        ]

    def calls(hosts: list[Host]) -> int:
        """Calls of functions, built-in ones too, which are the same on every machine."""
        with cProfile.Profile() as profile:
            assert all(link.state == "ok" for link in understand(hosts).links)
        return sum(entry.callcount for entry in profile.getstats())

    small, large = cloud(100), cloud(1000)
    calls(small)
    assert calls(large) < 12 * calls(small)
