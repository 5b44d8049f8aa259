"""The state of a host is a function of what there is now, and a change costs what it concerns."""

import random
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunbridge.agent.sub_ports import SubPorts
from tunbridge.dataplane import identifiers
from tunbridge.dataplane.conntrack import Cut
from tunbridge.dataplane.desired import ROOT, Delta, Desired, Local, Workload
from tunbridge.dataplane.flows import Flow, FlowKey
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.view import (
    AddressPair,
    Binding,
    DhcpOption,
    FixedIp,
    Host,
    HostRoute,
    Limits,
    LoggedTraffic,
    MeteringLabel,
    MeteringRule,
    Network,
    Port,
    QosPolicy,
    Rate,
    Router,
    Rule,
    SecurityGroup,
    Subnet,
    port_keys,
    router_keys,
    subnet_keys,
)

HERE, TUNNEL_IP = "here", "192.0.2.1"


def empty() -> Rows:
    return Rows({}, {}, {}, {}, {}, {})


def network(id: str = "n", kind: str = "vxlan", segment: int | None = 100, **more: object) -> Network:
    physical = "physnet1" if kind in ("flat", "vlan") else None
    return Network(id=id, mtu=1450, network_type=kind, segmentation_id=segment, physical_network=physical, **more)  # type: ignore[arg-type]


def port(
    number: int, host: str | None = HERE, net: str = "n", groups: tuple[str, ...] = ("g",), **more: object
) -> Port:
    bindings = more.pop("bindings", () if host is None else (Binding(host, "ACTIVE", "ovs"),))
    return Port(
        id=f"p{number}", network_id=net, mac_address=f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}",
        fixed_ips=(FixedIp("s", f"10.0.{number >> 8}.{number & 255}"), FixedIp("s6", f"2001:db8::{number:x}")),
        security_groups=groups, bindings=bindings, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def default_group(id: str = "g") -> SecurityGroup:
    """What Neutron gives every project."""
    rules = [Rule(id=f"{id}e{v}", direction="egress", ip_version=v) for v in (4, 6)]
    rules += [Rule(id=f"{id}i{v}", direction="ingress", ip_version=v, remote_group_id=id) for v in (4, 6)]
    return SecurityGroup(id=id, rules=tuple(rules))


def local(*plugged: int, hosts: int = 3, **more: object) -> Local:
    taps = {f"tap{n}": 100 + n for n in plugged}
    peers = {f"192.0.2.{10 + i}": f"vx{i}" for i in range(hosts)}
    return Local(
        host=HERE, tunnel_ip=TUNNEL_IP, providers={"physnet1": "br-ex"}, tunnels={"vxlan": peers},
        ofports={
            "br-int": {"patch-tun": 1, "int-br-ex": 2, **taps}, "br-ex": {"phy-br-ex": 1},
            "br-tun": {"patch-int": 1, **{name: i for i, name in enumerate(peers.values(), 2)}},
        },
        workloads={f"p{n}": Workload(f"p{n}", f"tap{n}", 100 + n) for n in plugged},
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def cloud(count: int, here: int) -> Rows:
    """One network with `count` ports in the default group, the first `here` of them on this host."""
    rows = empty()
    rows.networks["n"] = network()
    rows.subnets["s"] = Subnet(id="s", network_id="n", ip_version=4, cidr="10.0.0.0/16", gateway_ip="10.0.255.254")
    rows.groups["g"] = default_group()
    for i in range(3):
        rows.known_hosts[f"host{i}"] = Host(host=f"host{i}", tunnel_ip=f"192.0.2.{10 + i}")
    for i in range(1, count + 1):
        rows.ports[f"p{i}"] = port(i, HERE if i <= here else f"host{i % 3}")
    return rows


def started(rows: Rows, state: Local) -> tuple[Desired, Delta]:
    desired = Desired(rows)
    desired.set_local(state)
    return desired, desired.run()


def everything(desired: Desired) -> object:
    bridges = ("br-int", "br-tun", "br-ex")
    return (
        {b: dict(desired.flows(b)) for b in bridges}, {b: dict(desired.meters(b)) for b in bridges},
        dict(desired.ports), dict(desired.states),
    )  # fmt: skip


def test_flows_per_port_in_the_default_group() -> None:
    def flows(count: int) -> int:
        desired, _ = started(cloud(count, count), local(*range(1, count + 1)))
        assert {s.status for s in desired.states.values()} == {"wired"}
        return len(desired.flows("br-int"))

    assert (flows(100) - flows(10)) / 90 <= 20
    assert flows(1) < 230  # most of it is what a host has without any port


def changed(delta: Delta) -> int:
    return sum(len(flows) for flows in delta.flows.values())


def test_one_more_member_of_a_big_group_is_a_few_flows() -> None:
    rows = cloud(2000, 2)
    desired, _ = started(rows, local(1, 2))
    rows.ports["p2001"] = port(2001, "host1")
    desired.touch(port_keys(None, rows.ports["p2001"]))
    delta = desired.run()
    # An address of each version as member and for ARP or ND; the way to it in br-tun.
    assert changed(delta) == 5
    gone = rows.ports.pop("p2001")
    desired.touch(port_keys(gone, None))
    delta = desired.run()
    assert changed(delta) == 5
    assert set(delta.cuts) == {Cut(1, "10.0.7.209"), Cut(1, "2001:db8::7d1")}


def test_one_more_set_of_groups_is_no_flow_per_member() -> None:
    rows = cloud(500, 2)
    rows.groups["h"] = SecurityGroup(
        id="h", rules=(Rule(id="r", direction="ingress", ip_version=4, remote_group_id="g"),)
    )
    desired, _ = started(rows, local(1, 2))
    old, new = rows.ports["p2"], port(2, groups=("h",))
    rows.ports["p2"] = new
    desired.touch(port_keys(old, new))
    assert changed(desired.run()) < 12


def test_a_changed_row_that_says_the_same_changes_nothing() -> None:
    rows = cloud(20, 5)
    desired, _ = started(rows, local(1, 2, 3, 4, 5))
    rows.networks["n"] = network(name="renamed")
    desired.touch({("network", "n")})
    delta = desired.run()
    assert (delta.flows, delta.meters, delta.ports, list(delta.cuts)) == ({}, {}, {}, [])


def test_local_vlans_stay_over_a_restart_and_are_not_given_to_others() -> None:
    rows = cloud(2, 2)
    rows.networks["a"] = network("a", segment=7)
    rows.ports["p3"] = port(3, net="a")
    desired, _ = started(rows, local(1, 2, 3, vlans={"n": 77, "gone": 1}))
    assert desired.vlans == {"n": 77, "a": 2}
    assert desired.ports["tap1"].other_config == {
        "net_uuid": "n", "network_type": "vxlan", "segmentation_id": "100", "tag": "77",
    }  # fmt: skip


def test_when_the_last_port_of_a_network_leaves_its_zone_is_cut_and_its_flows_go() -> None:
    rows = cloud(5, 1)
    desired, _ = started(rows, local(1))
    desired.set_local(local())
    delta = desired.run()
    assert list(delta.cuts) == [Cut(1, None)]
    fresh, _ = started(rows, local())
    assert everything(desired) == everything(fresh)
    assert desired.vlans == {}


def test_a_collision_harms_the_later_owner_alone_and_names_both() -> None:
    rows = cloud(3, 3)
    # Two ports with one MAC address in a network: the API refuses that, and a host must survive it.
    rows.ports["p3"] = Port(
        id="p3", network_id="n", mac_address=rows.ports["p1"].mac_address, security_groups=("g",),
        fixed_ips=(FixedIp("s", "10.0.0.3"),), bindings=(Binding(HERE, "ACTIVE", "ovs"),),
    )  # fmt: skip
    desired, delta = started(rows, local(1, 2, 3))
    assert {id: s.status for id, s in desired.states.items()} == {"p1": "wired", "p2": "wired", "p3": "error"}
    assert [p.subject for p in delta.problems] == ["port p3"]
    assert "port p1" in delta.problems[0].message
    assert not any("in_port=103" in f.match for f in desired.flows("br-int").values())
    # Once the first one is gone, the other has what it wants.
    desired.set_local(local(2, 3))
    delta = desired.run()
    assert desired.states["p3"].status == "wired"
    assert list(delta.problems) == []


def test_a_refused_owner_is_left_out_until_its_input_changes() -> None:
    rows = cloud(3, 3)
    desired, _ = started(rows, local(1, 2, 3))
    key = next(k for k, f in desired.flows("br-int").items() if f.match == "in_port=102")
    assert desired.owners_of("br-int", key) == [("port", "p2")]
    desired.refuse(("port", "p2"), "OFPFMFC_UNKNOWN")
    delta = desired.run()
    assert delta.flows["br-int"][key] is None
    assert desired.states["p2"].status == "error"
    assert desired.states["p1"].status == "wired"
    desired.touch({("port", "p2")})
    assert desired.run().flows["br-int"][key] is not None
    assert desired.states["p2"].status == "wired"


def test_a_refused_flow_that_all_others_stand_on_is_told_and_the_rest_stays() -> None:
    desired, _ = started(cloud(1, 1), local(1))
    before = dict(desired.flows("br-int"))
    desired.refuse(ROOT, "OFPFMFC_UNKNOWN")
    delta = desired.run()
    assert desired.flows("br-int") == before
    assert delta.flows.get("br-int", {}) == {}
    assert "OFPFMFC_UNKNOWN" in [p.message for p in delta.problems]
    assert desired.states["p1"].status == "wired"


def test_data_that_a_feature_cannot_read_harms_its_port_alone() -> None:
    rows = cloud(3, 3)
    rows.ports["p2"] = port(2, allowed_address_pairs=(AddressPair("fa:16:3e:00:00:02", "not an address"),))
    desired, delta = started(rows, local(1, 2, 3))
    assert desired.states["p2"].status == "error"
    assert "not an address" in desired.states["p2"].reason
    assert desired.states["p1"].status == "wired"
    assert any(p.subject == "port p2" for p in delta.problems)


def test_a_dhcp_option_that_cannot_be_sent_is_a_problem_of_its_port_which_forwards() -> None:
    rows = cloud(2, 2)
    rows.ports["p2"] = port(2, extra_dhcp_opts=(DhcpOption("ntp-server", "tomorrow", 4),))
    desired, delta = started(rows, local(1, 2))
    (problem,) = delta.problems
    assert problem.subject == "port p2"
    assert "ntp-server" in problem.message and "'tomorrow' is not an IPv4 address" in problem.message
    assert desired.states["p2"].status == "wired"
    old, rows.ports["p2"] = rows.ports["p2"], port(2)
    desired.touch(port_keys(old, rows.ports["p2"]))
    assert list(desired.run().problems) == []


def test_without_a_free_local_vlan_a_port_is_an_error_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifiers, "MAX_VLAN", 3)  # of 4094
    rows = cloud(4, 4)
    for i in range(1, 5):
        rows.networks[f"n{i}"] = network(f"n{i}", segment=i)
        rows.ports[f"p{i}"] = port(i, net=f"n{i}")
    desired, _ = started(rows, local(1, 2, 3, 4))
    assert {id: s.status for id, s in desired.states.items()} == {
        "p1": "wired", "p2": "wired", "p3": "wired", "p4": "error",
    }  # fmt: skip
    assert "all 3 local VLANs" in desired.states["p4"].reason
    # Another workload leaves its VLAN to it.
    desired.set_local(local(2, 3, 4))
    desired.run()
    assert desired.states["p4"].status == "wired"


def test_nothing_is_wanted_before_the_local_state_is_known() -> None:
    desired = Desired(cloud(3, 3))
    delta = desired.run()
    assert (delta.flows, desired.states) == ({}, {})


# Any sequence of events ends where a fresh start ends

PORTS, NETWORKS, GROUPS, HOSTS = range(1, 6), ("n", "m"), ("g", "h"), (HERE, "host0", "host1")
POLICIES = ("gold", "silver")


def random_rules(draw: Callable[..., object], id: str) -> SecurityGroup:
    rule = st.builds(
        Rule, id=st.uuids().map(str), direction=st.sampled_from(["ingress", "egress"]),
        ip_version=st.sampled_from([4, 6]),
        protocol=st.sampled_from([None, 6, 1, 47]), remote_group_id=st.sampled_from([None, "g", "h"]),
    )  # fmt: skip
    addresses = st.builds(
        Rule, id=st.uuids().map(str), direction=st.just("ingress"), ip_version=st.just(4), protocol=st.just(17),
        port_min=st.integers(1, 9), port_max=st.integers(10, 40), remote_address_group_id=st.sampled_from([None, "x"]),
    )  # fmt: skip
    rules = draw(st.lists(st.one_of(rule, addresses), max_size=3))
    return SecurityGroup(id=id, stateful=bool(draw(st.booleans())), rules=tuple(rules))  # type: ignore[arg-type]


def random_port(draw: Callable[..., object], number: int) -> Port:
    binding = st.builds(
        Binding,
        st.sampled_from(HOSTS),
        st.sampled_from(["ACTIVE", "INACTIVE"]),
        st.sampled_from(["ovs", "ovs", "unbound"]),
    )
    pair = st.builds(
        AddressPair, st.sampled_from(["fa:16:3e:00:00:01", "00:00:5e:00:01:01"]),
        st.sampled_from(["10.0.0.2", "10.0.0.50", "0.0.0.0/0", "2001:db8::1"]),
    )  # fmt: skip
    some = st.lists(st.sampled_from(GROUPS), unique=True, max_size=2).map(lambda g: tuple(sorted(g)))
    return port(
        number, net=str(draw(st.sampled_from(NETWORKS))), groups=draw(some),  # type: ignore[arg-type]
        bindings=tuple(draw(st.lists(binding, max_size=2))),  # type: ignore[arg-type]
        allowed_address_pairs=tuple(draw(st.lists(pair, max_size=2))),  # type: ignore[arg-type]
        port_security_enabled=draw(st.booleans()), admin_state_up=draw(st.sampled_from([True, True, False])),
        device_owner=draw(st.sampled_from(["compute:nova", "network:router_interface"])),
        qos_policy_id=draw(st.sampled_from([None, *POLICIES])),
        **trunked(draw, number),
    )  # fmt: skip


def trunked(draw: Callable[..., object], number: int) -> dict[str, Any]:
    """Whose sub-port a port is: none's, or that of the first two, with a VLAN that no other has."""
    parent = draw(st.sampled_from([None, None, "p1", "p2"])) if number > 2 else None
    return {} if parent is None else {"trunk_parent": parent, "trunk_vlan": 100 + number}


def event(draw: Callable[..., object], rows: Rows, desired: Desired, state: Local) -> Local:
    """Change one thing, and tell the Desired of it as the agent does."""
    kind = draw(
        st.sampled_from(
            [
                "port",
                "port",
                "no port",
                "network",
                "subnet",
                "group",
                "addresses",
                "host",
                "plug",
                "tunnels",
                "router",
                "qos",
                "log",
                "metering",
            ]
        )
    )
    number = int(draw(st.sampled_from(PORTS)))  # type: ignore[call-overload]
    id = f"p{number}"
    match kind:
        case "port" | "no port":
            old, new = rows.ports.pop(id, None), random_port(draw, number) if kind == "port" else None
            if new is not None:
                rows.ports[id] = new
            desired.touch(port_keys(old, new))
        case "network":
            net = str(draw(st.sampled_from(NETWORKS)))
            types = st.sampled_from([("vxlan", 9), ("geneve", 9), ("vlan", 9), ("flat", None), ("local", None)])
            what, base = cast(tuple[str, int | None], draw(types))
            segment = base and base + NETWORKS.index(net)
            up = bool(draw(st.sampled_from([True, True, True, False])))
            policy = draw(st.sampled_from([None, *POLICIES]))
            rows.networks[net] = network(net, what, segment, admin_state_up=up, qos_policy_id=policy)
            if draw(st.integers(0, 5)) == 0:
                del rows.networks[net]
            desired.touch({("network", net)})
        case "subnet":
            net = str(draw(st.sampled_from(NETWORKS)))
            gateway = draw(st.sampled_from([None, "10.0.0.2", "10.0.0.254"]))
            old_subnet = rows.subnets.get(net)
            made = Subnet(
                id=net, network_id=net, ip_version=4, cidr="10.0.0.0/24", gateway_ip=gateway,  # type: ignore[arg-type]
                enable_dhcp=bool(draw(st.booleans())),
            )  # fmt: skip
            rows.subnets[net] = made
            desired.touch(subnet_keys(old_subnet, made))
        case "group":
            group = str(draw(st.sampled_from(GROUPS)))
            rows.groups[group] = random_rules(draw, group)
            desired.touch({("group", group)})
        case "addresses":
            some = st.lists(st.sampled_from(["10.0.0.1", "10.1.0.0/16", "2001:db8::/32"]), unique=True)
            rows.address_groups["x"] = tuple(draw(some))  # type: ignore[arg-type]
            desired.touch({("address-group", "x")})
        case "host":
            name = str(draw(st.sampled_from(["host0", "host1"])))
            rows.known_hosts[name] = Host(host=name, tunnel_ip=str(draw(st.sampled_from(["192.0.2.10", "192.0.2.11"]))))
            desired.touch({("host", name), ("hosts", "")})
        case "router":
            router = str(draw(st.sampled_from(["r1", "r2"])))
            some_ports = draw(st.lists(st.sampled_from(sorted(rows.ports) or ["p1"]), unique=True, max_size=3))
            interfaces = tuple(sorted(cast(list[str], some_ports)))
            nets = {rows.ports[one].network_id for one in interfaces if one in rows.ports}
            hop = str(draw(st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.99"])))
            before = rows.routers.get(router)
            after = Router(
                id=router, admin_state_up=bool(draw(st.sampled_from([True, True, False]))), interfaces=interfaces,
                networks=tuple(sorted(nets)), routes=(HostRoute("192.0.2.0/24", hop),),
            )  # fmt: skip
            rows.routers[router] = after
            desired.touch(router_keys(before, after))
        case "qos":
            limit = st.sampled_from([None, Rate(1000, 800), Rate(5, 4)])
            directions = st.builds(Limits, bandwidth=limit, packets=limit)
            marks = st.sampled_from([None, 26])
            id = str(draw(st.sampled_from(POLICIES)))
            some_policy = st.builds(QosPolicy, id=st.just(id), sent=directions, received=directions, dscp=marks)
            rows.qos_policies[id] = cast(QosPolicy, draw(some_policy))
            desired.touch({("qos-policy", id)})
        case "log":
            log = st.builds(
                LoggedTraffic, id=st.uuids().map(str), project_id=st.just(""),
                resource_id=st.sampled_from([None, *GROUPS]), event=st.sampled_from(["ACCEPT", "DROP", "ALL"]),
                target_id=st.sampled_from([None, *(f"p{number}" for number in PORTS)]),
            )  # fmt: skip
            rows.logged = tuple(cast(list[LoggedTraffic], draw(st.lists(log, max_size=2))))
            desired.touch({("logs", "")})
        case "metering":
            rule = st.builds(
                MeteringRule, id=st.uuids().map(str), direction=st.sampled_from(["egress", "ingress"]),
                ip_version=st.just(4), source=st.sampled_from([None, "10.0.0.1"]), excluded=st.booleans(),
            )  # fmt: skip
            rules = st.lists(rule, max_size=2, unique_by=lambda r: (r.direction, r.source)).map(tuple)
            label = st.builds(MeteringLabel, id=st.sampled_from(["l1", "l2"]), rules=rules)
            labels = st.lists(label, max_size=2, unique_by=lambda one: one.id)
            rows.metered = {"": tuple(cast(list[MeteringLabel], draw(labels)))}
            desired.touch({("metering", ""), ("metering-label", "l1"), ("metering-label", "l2")})
        case "plug" | "tunnels":
            plugged = draw(st.lists(st.sampled_from(PORTS), unique=True))
            state = local(*plugged, hosts=int(draw(st.integers(0, 3))))  # type: ignore[call-overload,misc]
    if kind in ("port", "no port", "plug", "tunnels"):
        desired.set_local(SubPorts(rows)(state, complete=True))
    return state


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_sequence_of_events_ends_as_a_fresh_start(data: st.DataObject) -> None:
    rows = empty()
    for id in NETWORKS:
        rows.networks[id] = network(id, segment=NETWORKS.index(id) + 1)
    for id, version, cidr in (("s", 4, "10.0.0.0/24"), ("s6", 6, "2001:db8::/64")):
        rows.subnets[id] = Subnet(id=id, network_id=NETWORKS[0], ip_version=version, cidr=cidr)
    for id in GROUPS:
        rows.groups[id] = default_group(id)
    state = local(1, 2, 3)
    desired, first = started(rows, state)
    followed = {b: dict(f) for b, f in first.flows.items()}
    for number in PORTS:
        rows.ports[f"p{number}"] = port(number, HOSTS[number % 3], NETWORKS[number % 2], (GROUPS[number % 2],))
        desired.touch(port_keys(None, rows.ports[f"p{number}"]))
    for _ in range(data.draw(st.integers(1, 12))):
        state = event(data.draw, rows, desired, state)
        if data.draw(st.booleans()):
            follow(followed, desired.run())
    follow(followed, desired.run())
    fresh = Desired(rows)
    vlans = dict(desired.vlans)  # those of ports are read back; of networks that routers lead to, they are hashes
    state = SubPorts(rows)(state, complete=True)
    fresh.set_local(Local(**{f: getattr(state, f) for f in state.__struct_fields__ if f != "vlans"}, vlans=vlans))
    fresh.run()
    assert everything(desired) == everything(fresh)
    # Whoever follows the deltas has the same.
    assert {b: f for b, f in followed.items() if f} == {b: dict(desired.flows(b)) for b in followed if desired.flows(b)}


def follow(flows: dict[str, dict[FlowKey, Flow | None]], delta: Delta) -> None:
    for bridge, changes in delta.flows.items():
        for key, flow in changes.items():
            if flow is None:
                del flows[bridge][key]
            else:
                flows.setdefault(bridge, {})[key] = flow


def test_the_order_of_rows_does_not_matter() -> None:
    rows = cloud(30, 10)
    one, _ = started(rows, local(*range(1, 11)))
    ids = list(rows.ports)
    random.Random(1).shuffle(ids)
    rows.ports = {id: rows.ports[id] for id in ids}
    other, _ = started(rows, local(*range(1, 11)))
    assert everything(one) == everything(other)
