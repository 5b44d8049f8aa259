"""What a lab shall hold, from numbers and from pasted dumps: nothing is made here."""

import ipaddress
import itertools
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunbridge.agent.config import AgentConfig, Peer, Provider, load
from tunbridge.errors import TunbridgeError
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.understand import understand
from tunbridge.lab.lab import Lab
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import HostPlan, LabPlan, PlanError, agent_config, checked, from_document, from_numbers
from tunbridge.lab.toml import to_toml

ROOT = Path(__file__).parents[2]
DUMPS = ROOT.parent / "shared" / "dumps"
SYSTEM_ID = "11111111-1111-4111-8111-{:012d}"


_numbers = itertools.count()


def dump(local: str | None, remotes: list[str], extra: str = "", kinds: str = "vxlan") -> str:
    """What `ovs-vsctl show` prints on a Neutron host with these tunnels."""
    own = f'local_ip="{local}", ' if local else ""
    tunnels = "".join(
        f"""
        Port "{kind}-{number}"
            Interface "{kind}-{number}"
                type: {kind}
                options: {{in_key=flow, {own}out_key=flow, remote_ip="{remote}"}}"""
        for kind in kinds.split()
        for number, remote in enumerate(remotes)
    )
    return f"""{SYSTEM_ID.format(next(_numbers))}
    Bridge br-int
        fail_mode: secure
        Port patch-tun
            Interface patch-tun
                type: patch
                options: {{peer=patch-int}}
    Bridge br-tun
        fail_mode: secure
        Port patch-int
            Interface patch-int
                type: patch
                options: {{peer=patch-tun}}{tunnels}
{extra}    ovs_version: "2.11.0"
"""


def provider(bridge: str, *ports: str) -> str:
    """The lines of a provider bridge with these NICs, one port for each argument; `a+b` is a bond."""
    lines = [f'    Bridge "{bridge}"']
    for port in ports:
        lines.append(f'        Port "{port.replace("+", "")}"')
        lines += [f'            Interface "{nic}"' for nic in port.split("+")]
    lines += [
        f'        Port "phy-{bridge}"',
        f'            Interface "phy-{bridge}"',
        "                type: patch",
        f'                options: {{peer="int-{bridge}"}}',
    ]
    return "\n".join(lines) + "\n"


def planned(**dumps: str) -> LabPlan:
    hosts = [h for name, text in dumps.items() for h in read_show(text, source=f"{name}.txt", name=name)]
    return from_document("x", understand(hosts))


# From dumps


def test_the_two_hosts_of_the_cloud_are_read_from_their_dumps() -> None:
    texts = {n: (ROOT / "examples" / f).read_text() for n, f in (("compute0", "compute0.txt"), ("n", "network.txt"))}
    plan = planned(**texts)
    assert plan.hosts == [
        HostPlan(name="compute0", local_ip="10.0.0.25", peers=[Peer(host="n", ip="10.0.0.27")]),
        HostPlan(
            name="n",
            local_ip="10.0.0.27",
            peers=[Peer(host="compute0", ip="10.0.0.25")],
            providers={"eth1": Provider(bridge="br-eth1", nics=["eno16777736"])},
        ),
    ]
    assert (plan.prefix_length, plan.physical_networks, plan.notes) == (24, ["eth1"], [])


def test_a_bridge_of_one_name_on_several_hosts_is_one_physical_network() -> None:
    plan = planned(
        a=dump("10.1.0.1", ["10.1.0.2"], provider("br-ex", "eth1") + provider("br-data", "eth2")),
        b=dump("10.1.0.2", ["10.1.0.1"], provider("br-ex", "enp3s0")),
    )
    assert plan.physical_networks == ["data", "ex"]
    assert [h.providers["ex"].nics for h in plan.hosts] == [["eth1"], ["enp3s0"]]


def test_peers_are_those_of_the_dumps_and_one_that_was_not_given_is_told() -> None:
    plan = planned(a=dump("10.1.0.1", ["10.1.0.2", "10.1.0.9"]), b=dump("10.1.0.2", ["10.1.0.9"]))
    assert [[p.ip for p in h.peers or []] for h in plan.hosts] == [["10.1.0.2", "10.1.0.9"], ["10.1.0.9"]]
    assert [note.split(":")[0] for note in plan.notes] == ["a", "b"]
    assert all("10.1.0.9" in note and "leads nowhere" in note for note in plan.notes)


def test_other_tunnels_and_an_ipv6_underlay_are_taken_over() -> None:
    plan = planned(
        a=dump("FD00:1::1", ["fd00:1::2"], kinds="geneve"), b=dump("fd00:1::2", ["fd00:1::1"], kinds="geneve")
    )
    assert [h.local_ip for h in plan.hosts] == ["fd00:1::1", "fd00:1::2"]
    assert {h.tunnel_types for h in plan.hosts} == {("geneve",)}
    assert plan.prefix_length == 64


def test_tunnels_of_several_types_are_taken_over_in_one_order_on_all_hosts() -> None:
    plan = planned(
        a=dump("10.1.0.1", ["10.1.0.2"], kinds="gre vxlan"), b=dump("10.1.0.2", ["10.1.0.1"], kinds="vxlan gre")
    )
    assert [h.tunnel_types for h in plan.hosts] == [("vxlan", "gre")] * 2
    assert [[p.ip for p in h.peers or []] for h in plan.hosts] == [["10.1.0.2"], ["10.1.0.1"]]


def test_workloads_and_devices_that_were_gone_are_no_nics() -> None:
    gone = (
        '        Port eth9\n            Interface eth9\n                error: "could not open network device eth9"\n'
    )
    bridge = provider("br-ex", "eth1", "tap1234567-89", "vnet0") + gone
    assert planned(a=dump("10.1.0.1", ["10.1.0.2"], bridge)).hosts[0].providers["ex"].nics == ["eth1"]


def test_of_several_nics_one_leads_out_and_that_is_told() -> None:
    plan = planned(a=dump("10.1.0.1", ["10.1.0.1"], provider("br-ex", "eth1+eth2")))
    assert plan.hosts[0].providers["ex"].nics == ["eth1", "eth2"]
    assert "only eth1 leads to the physical network" in plan.notes[0]


@pytest.mark.parametrize(
    ("dumps", "named"),
    [
        ({"a": dump(None, ["10.0.0.2"])}, r"a: .*local_ip.*none"),
        ({"a": dump("10.0.0.1", [])}, r"a: .*local_ip.*none"),
        ({"a": dump("10.0.0.1", ["flow"])}, r"a: .*local_ip.*none"),
        ({"a": dump("10.0.0.1", ["10.0.0.2"]), "b": dump("10.0.0.1", ["10.0.0.2"])}, r"b and a .* 10\.0\.0\.1"),
        ({"a": dump("10.0.0.1", ["10.0.0.2"]), "b": dump("fd00::1", ["fd00::2"])}, "IPv4 and IPv6"),
        ({"a": dump("nonsense", ["10.0.0.2"])}, "a: 'nonsense'"),
        ({"a": dump("224.0.0.1", ["10.0.0.2"])}, r"a: 224\.0\.0\.1"),
        ({"a": dump("fe80::1", ["fd00::1"])}, "a: fe80::1"),
        ({"a": dump("127.0.0.1", ["10.0.0.2"])}, r"a: 127\.0\.0\.1"),
        ({"underlay": dump("10.0.0.1", ["10.0.0.2"])}, "'underlay'.*NAME=FILE"),
        ({"lab.json": dump("10.0.0.1", ["10.0.0.2"])}, "'lab.json'.*NAME=FILE"),
        ({"..": dump("10.0.0.1", ["10.0.0.2"])}, r"'\.\.'.*NAME=FILE"),
        ({"a/b": dump("10.0.0.1", ["10.0.0.2"])}, "'a/b'.*NAME=FILE"),
        ({"a": dump("10.0.0.1", ["10.0.0.2"], provider("br-ex", "../eth1"))}, r"a: '\.\./eth1'"),
        ({"a": dump("10.0.0.1", ["10.0.0.2"], provider("br-ex", "sixteen-long-nic"))}, "a: 'sixteen-long-nic'"),
        ({"a": dump("10.0.0.1", ["10.0.0.2"], provider("br-phy", "eth1"))}, "a: br-phy .*each host"),
        ({"a": dump("10.0.0.1", ["10.0.0.2"], provider("br-ex", "enunderlay0"))}, "a: enunderlay0 .*each host"),
        ({"a": dump("10.0.0.1", ["10.0.0.2"], provider("br-a", "eth1") + provider("br-b", "eth1"))}, "a: eth1 .*twice"),
        ({"a": dump("10.0.0.1", ["10.0.0.2"], provider("br-a", "eth1") + provider("a", "eth2"))}, "br-a and a would"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_refused_and_named(dumps: dict[str, str], named: str) -> None:
    with pytest.raises(PlanError) as caught:
        planned(**dumps)
    assert re.search(named, str(caught.value)), caught.value


def test_two_hosts_of_one_name_are_refused() -> None:
    hosts = [HostPlan(name="a", local_ip="10.0.0.1"), HostPlan(name="a", local_ip="10.0.0.2")]
    with pytest.raises(PlanError, match="two hosts are named a; name them yourself: NAME=FILE"):
        checked(LabPlan(name="x", hosts=hosts, prefix_length=24))


def test_a_host_that_was_given_twice_is_built_once_and_told() -> None:
    text = dump("10.0.0.1", ["10.0.0.1"])
    plan = planned(before=text, after=text)
    assert [h.name for h in plan.hosts] == ["after"]
    assert "given twice" in plan.notes[0]


@pytest.mark.skipif(not DUMPS.is_dir(), reason="the folder with real dumps is not here")
@pytest.mark.parametrize("path", sorted(DUMPS.glob("*.txt")), ids=lambda p: p.stem)
def test_each_real_dump_is_planned_or_refused_by_name(path: Path) -> None:
    hosts = read_show(path.read_text(), source=path.name)
    interfaces = [i for h in hosts for b in h.bridges for p in b.ports for i in p.interfaces]
    tunnels = [i for i in interfaces if "local_ip" in i.options]
    try:
        plan = from_document("x", understand(hosts))
    except PlanError as e:
        assert not tunnels, f"it has tunnels from a stated address: {e}"
        return
    assert [h.local_ip for h in plan.hosts] == sorted({i.options["local_ip"] for i in tunnels})


# From numbers


def test_hosts_planned_from_numbers() -> None:
    plan = from_numbers("x", 3, 2)
    assert [h.name for h in plan.hosts] == ["compute0", "compute1", "compute2", "network0", "network1"]
    assert [h.local_ip for h in plan.hosts] == [f"10.0.0.{i}" for i in range(21, 26)]
    assert [bool(h.providers) for h in plan.hosts] == [False, False, False, True, True]


@pytest.mark.parametrize(("compute", "network"), [(0, 0), (201, 0), (-1, 2)])
def test_numbers_that_make_no_lab_are_refused(compute: int, network: int) -> None:
    with pytest.raises(PlanError, match="1 to 200 hosts"):
        from_numbers("x", compute, network)


# What holds for all


@pytest.mark.parametrize("name", ["", ".", "..", "../../etc", "a/b", "a.b", "A", "-a", "a b", "a" * 17, "a\n", "ä"])
def test_a_lab_name_is_never_part_of_another_path(name: str) -> None:
    with pytest.raises(LabError, match="not a lab's name"):
        Lab(name)
    with pytest.raises(PlanError, match="not a lab's name"):
        from_numbers(name, 1, 1)


addresses = st.lists(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=4, network="10.0.0.0/20")), min_size=2, max_size=6, unique=True
)


@given(addresses)
def test_the_underlay_makes_all_hosts_neighbours(ips: list[ipaddress.IPv4Address]) -> None:
    dumps = {f"h{n}": dump(str(ip), [str(ips[n - 1])]) for n, ip in enumerate(ips)}
    try:
        plan = planned(**dumps)
    except PlanError as e:
        assert re.search("cannot be the address of (one|a) host", str(e))
        return
    networks = {ipaddress.ip_network(f"{h.local_ip}/{plan.prefix_length}", strict=False) for h in plan.hosts}
    assert len(networks) == 1
    network = networks.pop()
    ends = {str(network.network_address), str(network.broadcast_address)}
    assert not ends & {h.local_ip for h in plan.hosts}


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(names, names)
def test_names_of_a_paste_are_harmless_or_refused(host: str, nic: str) -> None:
    plan = LabPlan(
        name="x",
        hosts=[HostPlan(name=host, local_ip="10.0.0.1", providers={"p": Provider(bridge="br-p", nics=[nic])})],
        prefix_length=24,
    )
    try:
        checked(plan)
    except PlanError:
        return
    for name in (host, nic):
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name)
        assert not name.startswith((".", "-"))


# The agent's configuration


def test_the_agent_is_told_what_it_would_be_told_on_a_real_host(tmp_path: Path) -> None:
    plan = from_numbers("x", 2, 1)
    config = agent_config(plan, plan.hosts[2], {}, "netdev")
    assert config == AgentConfig(
        host="network0",
        local_ip="10.0.0.23",
        peers=[Peer(host="compute0", ip="10.0.0.21"), Peer(host="compute1", ip="10.0.0.22")],
        providers={"physnet1": Provider(bridge="br-ex", nics=["eth1"])},
        datapath_type="netdev",
    )
    path = tmp_path / "agent.toml"
    path.write_text(to_toml(config))
    assert load(path, {}) == config


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(texts, texts, st.one_of(st.just(False), texts))
def test_a_configuration_is_written_so_that_it_reads_back(host: str, peer: str, manager: str | bool) -> None:
    config = AgentConfig(local_ip="10.0.0.1", host=host, peers=[Peer(host=peer, ip="10.0.0.2")], manager=manager)  # type: ignore[arg-type] # True is not drawn
    values = tomllib.loads(to_toml(config))
    assert (values["host"], values["peers"][0]["host"], values["manager"]) == (host, peer, manager)


def test_errors_of_a_plan_are_errors_of_the_command_line() -> None:
    assert issubclass(PlanError, TunbridgeError)
