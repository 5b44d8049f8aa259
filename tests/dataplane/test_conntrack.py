"""Which connections what is wanted now still allows."""

import pytest

from tests.dataplane.test_desired import cloud, local, port, started
from tunbridge.dataplane.conntrack import Connection, Cut
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.features import severed
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.view import Rule, SecurityGroup, port_keys

OUT, IN = 0x1, 0x2


def known(src: str, dst: str, mark: int, protocol: int = 6, ports: tuple[int, int] = (4000, 80)) -> Connection:
    return Connection(
        zone=1, mark=mark, protocol=protocol, src=src, dst=dst, src_port=ports[0], dst_port=ports[1]
    )  # fmt: skip


def start(*rules: Rule) -> tuple[Desired, Rows]:
    """Port 1 has the rules, here; port 2 has the default group, here; ports 3 and 4 have it elsewhere."""
    rows = cloud(4, 2)
    rows.groups["tested"] = SecurityGroup(id="tested", rules=rules)
    rows.ports["p1"] = port(1, groups=("tested",))
    desired, _ = started(rows, local(1, 2))
    return desired, rows


def rule(direction: str = "ingress", **more: object) -> Rule:
    more.setdefault("ip_version", 4)
    return Rule(id="r", direction=direction, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "connection", "allowed"),
    [
        (rule(), known("10.0.0.3", "10.0.0.1", IN), True),
        (rule(), known("10.0.0.1", "10.0.0.3", OUT), False),
        (rule(), known("10.0.0.1", "10.0.0.3", 0), True),  # nobody here was asked
        (rule("egress"), known("10.0.0.1", "10.0.0.3", OUT), True),
        (rule("egress"), known("10.0.0.1", "10.0.0.2", OUT | IN), False),  # port 2 lets in members of its group
        (rule("egress"), known("10.0.0.3", "10.0.0.2", IN), True),
        (rule("egress"), known("10.9.9.9", "10.0.0.2", IN), False),  # not a member
        (rule("egress"), known("10.0.0.99", "10.0.0.3", OUT), False),  # nobody has the address any more
        (rule(protocol=6, port_min=80, port_max=90), known("10.0.0.3", "10.0.0.1", IN), True),
        (rule(protocol=6, port_min=81, port_max=90), known("10.0.0.3", "10.0.0.1", IN), False),
        (rule(protocol=17), known("10.0.0.3", "10.0.0.1", IN), False),
        (rule(protocol=1, port_min=8), known("10.0.0.3", "10.0.0.1", IN, 1, (8, 0)), True),
        (rule(protocol=1, port_min=8, port_max=1), known("10.0.0.3", "10.0.0.1", IN, 1, (8, 0)), False),
        (rule(remote_ip_prefix="10.0.0.0/30"), known("10.0.0.3", "10.0.0.1", IN), True),
        (rule(remote_ip_prefix="10.0.0.4/30"), known("10.0.0.3", "10.0.0.1", IN), False),
        (rule(remote_group_id="g"), known("10.0.0.3", "10.0.0.1", IN), True),
        (rule(remote_group_id="h"), known("10.0.0.3", "10.0.0.1", IN), False),
        (rule(ip_version=6), known("10.0.0.3", "10.0.0.1", IN), False),
        (rule(ip_version=6, protocol=58), known("2001:db8::3", "2001:db8::1", IN, 58, (128, 0)), True),
    ],
)
def test_whether_a_connection_is_allowed(given: Rule, connection: Connection, allowed: bool) -> None:
    desired, _ = start(given)
    assert desired.judge().allowed(connection) is allowed


def test_a_replaced_rule_concerns_the_ports_that_had_it_alone() -> None:
    desired, rows = start(rule(protocol=6, port_min=80, port_max=80))
    rows.groups["tested"] = SecurityGroup(id="tested", rules=(rule(protocol=6, port_min=81, port_max=81),))
    desired.touch({("group", "tested")})
    addresses = {c.address for c in desired.run().cuts}
    assert {"10.0.0.1", "2001:db8::1"} <= addresses
    assert not addresses & {"10.0.0.2", "10.0.0.3"}


def test_an_added_rule_concerns_nobody() -> None:
    desired, rows = start(rule(protocol=6))
    rows.groups["tested"] = SecurityGroup(id="tested", rules=(rule(protocol=6), rule(protocol=17)))
    desired.touch({("group", "tested")})
    assert list(desired.run().cuts) == []


def test_a_rule_that_another_replaces_equally_concerns_nobody() -> None:
    desired, rows = start(rule(protocol=6))
    again = Rule(id="another", direction="ingress", ip_version=4, protocol=6)
    rows.groups["tested"] = SecurityGroup(id="tested", rules=(again,))
    desired.touch({("group", "tested")})
    assert list(desired.run().cuts) == []


def test_other_groups_concern_the_port_that_has_them_now() -> None:
    desired, rows = start(rule())
    old, new = rows.ports["p2"], port(2, groups=("tested",))
    rows.ports["p2"] = new
    desired.touch(port_keys(old, new))
    addresses = {c.address for c in desired.run().cuts}
    # The port lost the rules of its old group, and as a member it let itself into the others'.
    assert {"10.0.0.2", "2001:db8::2"} <= addresses
    assert "10.0.0.1" not in addresses


def test_a_removed_member_concerns_its_address_in_each_zone_that_names_it() -> None:
    rows = cloud(4, 2)
    rows.networks["m"] = rows.networks["n"].__class__(id="m", mtu=1450, network_type="vxlan", segmentation_id=7)
    rows.ports["p9"] = port(9, net="m")
    desired, _ = started(rows, local(1, 2, 9))
    gone = rows.ports.pop("p3")
    desired.touch(port_keys(gone, None))
    assert {c for c in desired.run().cuts if c.address == "10.0.0.3"} == {Cut(1, "10.0.0.3"), Cut(2, "10.0.0.3")}


def test_an_address_of_an_address_group_concerns_its_connections() -> None:
    desired, rows = start(rule(remote_address_group_id="x"))
    rows.address_groups["x"] = ("10.7.0.0/16", "10.8.0.1")
    desired.touch({("address-group", "x")})
    desired.run()
    assert desired.judge().allowed(known("10.7.1.1", "10.0.0.1", IN))
    rows.address_groups["x"] = ("10.8.0.1",)
    desired.touch({("address-group", "x")})
    (cut,) = desired.run().cuts
    gone, kept = known("10.7.1.1", "10.0.0.1", IN), known("10.8.0.1", "10.0.0.1", IN)
    assert (cut.concerns(gone), cut.concerns(kept)) == (True, False)
    assert (desired.judge().allowed(gone), desired.judge().allowed(kept)) == (False, True)


def test_after_a_start_every_zone_is_to_be_judged() -> None:
    desired, _ = start(rule())
    assert desired.zones() == [Cut(1, None)]


def test_the_receiver_of_a_cut_tcp_connection_cannot_make_it_anew() -> None:
    cut = Connection(zone=3, mark=2, protocol=6, src="10.0.0.2", dst="10.0.0.1", src_port=40000, dst_port=80)
    (flow,) = severed.compute(cut)
    assert flow.table == 71
    assert flow.match == (
        "ct_state=+new+trk,tcp,reg6=0x3,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=80,tp_dst=40000,tcp_flags=-syn"
    )
    assert (flow.actions, flow.ours, "idle_timeout=" in flow.extra) == ("drop", False, True)


def test_other_protocols_know_no_middle_of_a_connection() -> None:
    assert severed.compute(Connection(zone=3, mark=2, protocol=17, src="10.0.0.2", dst="10.0.0.1")) == []


def test_an_icmpv6_connection_is_judged_by_rules_since_to_delete_it_ends_vswitchd() -> None:
    cut = Connection(
        zone=3, mark=2, protocol=58, src="2001:db8::2", dst="2001:db8::1", src_port=128, dst_port=0, icmp_id=7
    )
    assert not severed.can_be_deleted(cut)
    (flow,) = severed.compute(cut)
    assert (flow.table, flow.actions) == (81, "resubmit(,82)")
    assert flow.match == "ct_state=+est+trk,icmp6,reg6=0x3,ipv6_src=2001:db8::2,ipv6_dst=2001:db8::1"
