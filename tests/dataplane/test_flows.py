import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunbridge.dataplane import flows, pipeline
from tunbridge.dataplane.flows import COOKIE, Flow

REAL = """\
OFPST_FLOW reply (OF1.4) (xid=0x2):
 cookie=0x7462000000000000, priority=65535,dl_vlan=4095 actions=drop
 cookie=0x1, table=3, idle_timeout=300, priority=7,ip,nw_dst=1.2.3.0/24 actions=push_vlan:0x8100,output:1
 cookie=0x2, send_flow_rem priority=5,arp actions=NORMAL
 cookie=0x3, table=5, idle_timeout=60, send_flow_rem check_overlap ip actions=drop
 priority=0 actions=NORMAL
 cookie=0x9, actions=drop
 table=7, idle_timeout=5, actions=NORMAL
 arp actions=drop
 table=8, send_flow_rem actions=drop
 actions=drop
"""

matches = st.sampled_from(["", "in_port=1", "dl_vlan=4095", "ip,nw_dst=10.0.0.0/8", "arp,arp_op=1"])
extras = st.sampled_from(["", "idle_timeout=300", "send_flow_rem", "idle_timeout=1,hard_timeout=2,check_overlap"])
any_flow = st.builds(
    Flow,
    table=st.integers(0, 254),
    priority=st.integers(0, 65535),
    match=matches,
    actions=st.sampled_from(["drop", "NORMAL", "output:1,output:2", "learn(table=9,priority=1,cookie=0x5)"]),
    cookie=st.sampled_from([0, 1, COOKIE, COOKIE | 7]),
    extra=extras,
)
small_flow = st.builds(
    Flow,
    table=st.integers(0, 1),
    priority=st.integers(0, 2),
    match=matches,
    actions=st.sampled_from(["drop", "NORMAL"]),
    cookie=st.sampled_from([0, 1, COOKIE]),
)


def by_key(found: list[Flow]) -> dict[flows.FlowKey, Flow]:
    return {f.key: f for f in found}


def test_a_real_dump_is_read() -> None:
    read = flows.parse_dump(REAL)
    assert [(f.table, f.priority, f.match) for f in read] == [
        (0, 65535, "dl_vlan=4095"),
        (3, 7, "ip,nw_dst=1.2.3.0/24"),
        (0, 5, "arp"),
        (5, 32768, "ip"),
        (0, 0, ""),
        (0, 32768, ""),
        (7, 32768, ""),
        (0, 32768, "arp"),
        (8, 32768, ""),
        (0, 32768, ""),
    ]
    assert read[1].extra == "idle_timeout=300"
    assert read[3].extra == "idle_timeout=60,send_flow_rem,check_overlap"
    assert [f.ours for f in read] == [True] + [False] * 9
    assert read[8].extra == "send_flow_rem"


def test_text_that_is_no_dump_is_refused() -> None:
    with pytest.raises(flows.FlowError):
        flows.parse_dump("ovs-ofctl: br-int is not a bridge or a socket")


@given(any_flow)
def test_a_flow_survives_being_written_and_read(flow: Flow) -> None:
    assert flows.parse_dump(flow.dump_line()) == [flow]


@given(st.lists(small_flow), st.lists(small_flow), st.lists(small_flow))
def test_applying_the_difference_gives_the_wanted_flows_and_keeps_those_of_others(
    wanted: list[Flow], present: list[Flow], saved: list[Flow]
) -> None:
    want = {f.key: Flow(table=f.table, priority=f.priority, match=f.match, actions=f.actions) for f in wanted}
    before = by_key(present)
    foreign = [f for f in saved if not f.ours]
    change = flows.difference(want, before.values(), foreign)
    after = {k: f for k, f in before.items() if f not in change.delete}
    after |= by_key(change.add)
    assert {k: f for k, f in after.items() if f.ours} == want
    for key, flow in before.items():
        if not flow.ours and key not in want:
            assert after[key] == flow
    for flow in foreign:
        assert flow.key in after
    assert not flows.difference(want, after.values(), foreign)


def test_two_owners_may_agree_on_a_flow_but_not_differ() -> None:
    one, other = Flow(match="arp", actions="drop"), Flow(match="arp", actions="NORMAL")
    assert len(flows.merge([one, one])) == 1
    with pytest.raises(flows.FlowError):
        flows.merge([one, other])


def test_the_flow_that_open_vswitch_makes_itself_is_not_saved() -> None:
    default, mine = (
        Flow(priority=0, actions="NORMAL", cookie=0),
        Flow(priority=1, match="arp", actions="drop", cookie=0),
    )
    assert flows.foreign_flows([default, mine]) == [mine]


@pytest.mark.parametrize("tables", [pipeline.INTEGRATION, pipeline.TUNNEL, pipeline.PROVIDER])
def test_the_pipeline_goes_forward_only_and_to_tables_that_are_declared(tables: tuple[pipeline.Table, ...]) -> None:
    """But for the way around from one router to another, or back to the same (77 to 73), sub-ports without their tag
    (0 to 0), what a conntrack helper expects (74 to 74), and what was looked up for a Local IP (94 to 94): each with a
    mark, so that it comes by once.
    """
    places = {t.number: place for place, t in enumerate(tables)}
    assert len(places) == len(tables)
    for place, table in enumerate(tables):
        back = {
            0: {0},
            **{table.number: {table.number} for table in (pipeline.ROUTES, pipeline.OUTPUT)},
            pipeline.DESTINATION.number: {pipeline.AROUND},
        }
        assert all(places[n] > place for n in table.next - back.get(table.number, set()))
        if table.miss.startswith("resubmit"):
            assert int(table.miss.removeprefix("resubmit(,").rstrip(")")) in table.next
