"""The ways that are predicted are right for each kind of host, stop where the wiring stops, and stay few."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect import hosts as made
from tests.inspect.explain_hosts import SEED_COMPUTE, SEED_NETWORK, assert_paths_hold, document, without
from tunbridge.inspect.explain import predict
from tunbridge.inspect.model import Document, End, Hop, Host, Link, Path
from tunbridge.inspect.paths import ALL_PAIRS, PEERS
from tunbridge.inspect.understand import understand


def paths(**dumps: str) -> list[Path]:
    return predict(document(**dumps)).paths


def ports(path: Path) -> list[str]:
    return [hop.port for hop in path.hops]


def only(found: list[Path], kind: str, source: str, destination: str | None = None) -> Path:
    (path,) = [p for p in found if (p.kind, p.source, p.destination) == (kind, source, destination)]
    return path


def test_seed_vm_reaches_the_other_host_through_br_tun() -> None:
    path = only(paths(compute0=SEED_COMPUTE, network0=SEED_NETWORK), "overlay", "compute0", "network0")
    assert path.complete
    assert path.hops == [
        Hop(host="compute0", bridge="br-int", port="patch-tun", line=11),
        Hop(host="compute0", bridge="br-tun", port="patch-int", line=26),
        Hop(host="compute0", bridge="br-tun", port="vxlan-0a00001b", line=22),
        Hop(host="network0", bridge="br-tun", port="vxlan-0a000019", line=26),
        Hop(host="network0", bridge="br-tun", port="patch-int", line=30),
        Hop(host="network0", bridge="br-int", port="patch-tun", line=12),
    ]


def test_seed_vm_leaves_by_the_network_node() -> None:
    path = only(paths(compute0=SEED_COMPUTE, network0=SEED_NETWORK), "outside", "compute0")
    assert path.complete
    assert ports(path)[-4:] == ["patch-tun", "int-br-eth1", "phy-br-eth1", "eno16777736"]
    assert path.hops[-1] == Hop(host="network0", bridge="br-eth1", port="eno16777736", line=45)


def test_a_peer_that_was_not_given_ends_the_path_at_the_tunnel() -> None:
    found = paths(compute0=SEED_COMPUTE)
    path = only(found, "overlay", "compute0", "10.0.0.27")
    assert (ports(path), path.complete) == (["patch-tun", "patch-int", "vxlan-0a00001b"], False)
    assert not only(found, "outside", "compute0").complete


def test_a_deleted_patch_port_ends_the_path_there() -> None:
    found = paths(compute0=without(SEED_COMPUTE, "patch-int"), network0=SEED_NETWORK)
    forth = only(found, "overlay", "compute0", "network0")
    back = only(found, "overlay", "network0", "compute0")
    assert (ports(forth), forth.complete) == (["patch-tun"], False)
    assert (ports(back)[-1], back.hops[-1].host, back.complete) == ("vxlan-0a00001b", "compute0", False)


def test_a_path_whose_first_wire_is_gone_has_no_hop() -> None:
    found = paths(compute0=without(SEED_COMPUTE, "patch-tun"), network0=SEED_NETWORK)
    path = only(found, "overlay", "compute0", "network0")
    assert (path.hops, path.complete) == ([], False)


def test_a_wrong_remote_address_breaks_both_directions() -> None:
    found = paths(compute0=SEED_COMPUTE.replace("10.0.0.27", "10.0.0.99"), network0=SEED_NETWORK)
    assert not any(path.complete for path in found if path.source == "compute0")
    assert ports(only(found, "overlay", "network0", "compute0"))[-1] == "vxlan-0a000019"


def test_without_a_tunnel_back_the_peer_is_reached_from_one_side_only() -> None:
    whole = predict(document(compute0=SEED_COMPUTE, network0=SEED_NETWORK))
    (tunnel,) = [link for link in whole.links if link.kind == "tunnel"]
    holder, other = (tunnel.a, tunnel.b) if tunnel.a.host == "compute0" else (tunnel.b, tunnel.a)
    assert holder is not None
    assert other is not None
    one_way = Link(
        kind="tunnel", type="vxlan", local_address="10.0.0.25", remote_address="10.0.0.27", state="one-way", a=holder,
        b=End(host=other.host),
    )  # fmt: skip
    links = [link for link in whole.links if link.kind != "tunnel"]
    found = predict(Document(hosts=whole.hosts, links=[*links, one_way])).paths
    forth, back = only(found, "overlay", "compute0", "network0"), only(found, "overlay", "network0", "compute0")
    assert (ports(forth), forth.complete) == (["patch-tun", "patch-int", "vxlan-0a00001b"], False)
    assert (ports(back), back.complete) == (["patch-tun", "patch-int"], False)


def test_a_provider_bridge_without_nic_ends_the_path() -> None:
    found = paths(compute0=SEED_COMPUTE, network0=without(SEED_NETWORK, "eno16777736"))
    for source in ("compute0", "network0"):
        path = only(found, "outside", source)
        assert (ports(path)[-1], path.complete) == ("phy-br-eth1", False)


BRIDGED = """
7d7c87c8-560d-4138-8742-8f745aea9680
    Bridge br-vlan
        Port phy-br-vlan
            Interface phy-br-vlan
                type: patch
                options: {peer=int-br-vlan}
        Port eth2
            Interface eth2
    Bridge br-int
        fail_mode: secure
        Port int-br-vlan
            Interface int-br-vlan
                type: patch
                options: {peer=phy-br-vlan}
        Port qvo7d59440b-cc
            tag: 1
            Interface qvo7d59440b-cc
    ovs_version: "2.5.0"
"""


def test_vlan_networks_leave_by_the_hosts_own_provider_bridge() -> None:
    (path,) = paths(compute=BRIDGED)
    assert (path.kind, ports(path), path.complete) == ("outside", ["int-br-vlan", "phy-br-vlan", "eth2"], True)


def test_veth_pairs_of_old_neutron_carry_as_patch_ports_do() -> None:
    old = BRIDGED.replace("                type: patch\n", "")
    old = "\n".join(line for line in old.splitlines() if "options:" not in line)
    (path,) = paths(compute=old)
    assert (ports(path), path.complete) == (["int-br-vlan", "phy-br-vlan", "eth2"], True)


ALL_IN_ONE = """
20add6c1-a16c-4227-982b-52dad4261a5b
    Bridge br-int
        Port "qvo7bfa2daa-66"
            tag: 2
            Interface "qvo7bfa2daa-66"
        Port "qr-cbfa75fd-e1"
            tag: 2
            Interface "qr-cbfa75fd-e1"
                type: internal
    Bridge br-ex
        Port br-ex
            Interface br-ex
                type: internal
        Port "qg-c5ab6a1c-f1"
            Interface "qg-c5ab6a1c-f1"
                type: internal
        Port "eth0"
            Interface "eth0"
    ovs_version: "2.0.1"
"""


def test_an_old_router_is_the_only_way_from_br_int_to_br_ex() -> None:
    (path,) = paths(one=ALL_IN_ONE)
    assert (ports(path), path.complete) == (["qr-cbfa75fd-e1", "qg-c5ab6a1c-f1", "eth0"], True)


def ovn(number: int, remote: str, more: str = "") -> str:
    return f"""
9869c49f-a522-47dc-a744-bf85afff8b7{number}
    Bridge br-int
        fail_mode: secure
        Port tap{number}
            Interface tap{number}
        Port ovn-3732c{number}-0
            Interface ovn-3732c{number}-0
                type: geneve
                options: {{csum="true", key=flow, remote_ip="{remote}"}}
{more}    ovs_version: "3.3.1"
"""


PROVNET = """        Port patch-br-int-to-provnet-1
            Interface patch-br-int-to-provnet-1
                type: patch
                options: {peer=patch-provnet-1-to-br-int}
    Bridge br-provider
        Port patch-provnet-1-to-br-int
            Interface patch-provnet-1-to-br-int
                type: patch
                options: {peer=patch-br-int-to-provnet-1}
        Port eth2
            Interface eth2
"""
UNPATCHED = """    Bridge br-provider
        Port eth2
            Interface eth2
"""


def test_ovn_tunnels_are_directly_on_br_int() -> None:
    found = paths(chassis=ovn(1, "172.16.0.12", UNPATCHED), gateway=ovn(2, "172.16.0.11", PROVNET))
    assert ports(only(found, "overlay", "chassis", "gateway")) == ["ovn-3732c1-0", "ovn-3732c2-0"]
    outside = only(found, "outside", "chassis")
    assert outside.complete
    assert ports(outside)[1:] == ["ovn-3732c2-0", "patch-br-int-to-provnet-1", "patch-provnet-1-to-br-int", "eth2"]


def test_an_ovn_provider_bridge_without_patch_is_no_way_yet() -> None:
    assert [p for p in paths(chassis=ovn(1, "172.16.0.12", UNPATCHED)) if p.complete] == []


def antrea(number: int) -> str:
    return f"""
6ee0af40-0b54-4667-ba35-0b9f3e80e32{number}
    Bridge br-int
        datapath_type: system
        Port antrea-tun0
            Interface antrea-tun0
                type: geneve
                options: {{csum="true", key=flow, remote_ip=flow}}
        Port pod-{number}
            Interface pod-{number}
        Port antrea-gw0
            Interface antrea-gw0
                type: internal
    ovs_version: "2.14.0"
"""


def test_antrea_nodes_meet_at_their_multi_peer_ports_and_leave_by_the_gateway_port() -> None:
    found = paths(worker1=antrea(1), worker2=antrea(2))
    overlay = only(found, "overlay", "worker1", "worker2")
    assert [(hop.host, hop.port) for hop in overlay.hops] == [("worker1", "antrea-tun0"), ("worker2", "antrea-tun0")]
    outside = only(found, "outside", "worker1")
    assert (ports(outside), outside.complete) == (["antrea-gw0"], False)


MININET = """
6e0731e1-3e2b-4f28-9f32-f35994700db9
    Bridge "s1"
        Controller "tcp:127.0.0.1:6633"
            is_connected: true
        fail_mode: secure
        Port "s1-eth1"
            Interface "s1-eth1"
    Bridge "s2"
        Controller "tcp:127.0.0.1:6633"
            is_connected: true
        fail_mode: secure
        Port "s2-eth1"
            Interface "s2-eth1"
    ovs_version: "2.6.1"
"""


def test_mininet_switches_foretell_nothing() -> None:
    assert paths(mininet=MININET) == []


def bare(number: int, remotes: list[int]) -> str:
    lines = [f"7d7c87c8-560d-4138-8742-{number:012d}", "    Bridge br-int"]
    for remote in remotes:
        lines += [f"        Port v{remote}", f"            Interface v{remote}", "                type: vxlan"]
        lines += [f'                options: {{local_ip="10.0.0.{number}", remote_ip="10.0.0.{remote}"}}']
    return "\n".join([*lines, '    ovs_version: "3.1.0"']) + "\n"


def test_the_number_of_paths_grows_with_the_hosts_and_not_its_square() -> None:
    def count(hosts: int) -> int:
        numbers = range(1, hosts + 1)
        return len(paths(**{f"h{n}": bare(n, [m for m in numbers if m != n]) for n in numbers}))

    assert count(ALL_PAIRS) == ALL_PAIRS * (ALL_PAIRS - 1)
    assert count(ALL_PAIRS + 1) <= PEERS * (ALL_PAIRS + 1)
    assert count(40) <= PEERS * 40


# -- any document ---------------------------------------------------------------------------------------------------


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Hosts cut and damaged at random: ports missing, peers and addresses that fit, and some that do not."""
    dumps = {"compute0": SEED_COMPUTE, "network0": SEED_NETWORK, "one": ALL_IN_ONE, "vlan": BRIDGED}
    dumps |= {"chassis": ovn(1, "172.16.0.12", UNPATCHED), "gateway": ovn(2, "172.16.0.11", PROVNET)}
    dumps |= {"worker1": antrea(1), "worker2": antrea(2), "mininet": MININET}
    chosen = draw(st.lists(st.sampled_from(sorted(dumps)), unique=True, min_size=1))
    damaged = {}
    for name in chosen:
        text = dumps[name]
        names = sorted({line.split()[1].strip('"') for line in text.splitlines() if line.strip().startswith("Port ")})
        for port in draw(st.lists(st.sampled_from(names), unique=True, max_size=3)):
            text = without(text, port)
        swaps = [
            ("peer=int", "peer=x"),
            ("10.0.0.27", "10.0.0.25"),
            ("vxlan", "gre"),
            ("br-int", "br-tun"),
            ("flow", "7"),
        ]
        for old, new in draw(st.lists(st.sampled_from(swaps), unique=True, max_size=2)):
            text = text.replace(old, new)
        damaged[name] = text
    found = document(**damaged)
    states = st.sampled_from(("ok", "one-way", "broken", "unknown"))
    links = [msgspec.structs.replace(link, state=draw(states)) if draw(st.booleans()) else link for link in found.links]
    kept = draw(st.lists(st.booleans(), min_size=len(links), max_size=len(links)))
    return Document(hosts=found.hosts, links=[link for link, keep in zip(links, kept, strict=True) if keep])


@settings(max_examples=150, deadline=None)
@given(documents())
def test_every_path_is_made_of_neighbours_and_ends_where_it_says(found: Document) -> None:
    assert_paths_hold(found)


def test_hosts_without_bridges_and_empty_documents_are_no_trouble() -> None:
    assert predict(Document()).paths == []
    assert predict(Document(hosts=[Host(name="h"), Host(name="x", known=False)])).paths == []


def test_a_host_with_two_multi_peer_tunnels_has_no_path_to_itself() -> None:
    both = [
        made.port("v1", "vxlan", remote_ip="flow", key="flow"),
        made.port("v2", "vxlan", dst_port="8472", remote_ip="flow", key="flow"),
    ]
    found = predict(understand([made.host("a", made.bridge("br-int", *both, made.port("veth1"), controller=False))]))
    assert [path for path in found.paths if path.destination == path.source] == []
