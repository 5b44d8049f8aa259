"""Which packets are copied to the agent for its log, and that they go their way all the same."""

import pytest

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_switching import mac
from tests.dataplane.world import Delivery, World
from tunbridge.dataplane import pipeline
from tunbridge.dataplane.features import services
from tunbridge.dataplane.view import LoggedTraffic, Rule

COPY = {Delivery("a", "agent"), Delivery("a", "meter")}
NEW = "trk,new"


def two_ports(make_world: MakeWorld, *logs: LoggedTraffic) -> World:
    """Two ports on one host: each may send anything, n2 may be reached by ssh only."""
    world = make_world("a", "b")
    world.network("n", segment=100)
    send = Rule(id="send", direction="egress", ip_version=4, protocol=6)
    world.group("client", send)
    world.group("server", send, Rule(id="ssh", direction="ingress", ip_version=4, protocol=6, port_min=22, port_max=22))
    world.port("n1", "n", "a", "10.0.0.1", security_groups=("client",), project_id="blue")
    world.port("n2", "n", "a", "10.0.0.2", security_groups=("server",), project_id="red")
    log(world, *logs)
    return world


def log(world: World, *logs: LoggedTraffic) -> None:
    world.rows.logged = logs
    world.touch({("logs", "")})
    world.run()


def tcp(port: int) -> str:
    return f"tcp,dl_src={mac(1)},dl_dst={mac(2)},nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=4000,tp_dst={port}"


def udp(port: int) -> str:
    return tcp(port).replace("tcp", "udp", 1)


def told(world: World, packet: str, *states: str) -> set[str]:
    """The kinds that the agent is told of a packet of n1."""
    host = world.hosts["a"]
    text = world.dummy.trace(host.bridges["br-int"], f"in_port={host.workloads['n1'].ofport},{packet}", *states)
    return {str(kind) for kind, number in services.NUMBERS.items() if f"userdata={number:02x}" in text}


@pytest.mark.parametrize(
    ("about", "wanted"),
    [
        ({"target_id": "n1"}, {"egress-allowed"}),
        ({"target_id": "n2"}, {"ingress-allowed"}),
        ({"resource_id": "server"}, {"ingress-allowed"}),
        ({"project_id": "blue"}, {"egress-allowed"}),
        ({"target_id": "n1", "event": "DROP"}, set()),
        ({"target_id": "n2", "event": "ACCEPT"}, {"ingress-allowed"}),
    ],
)
def test_an_allowed_packet_is_copied_for_the_ports_that_a_log_is_about(
    make_world: MakeWorld, about: dict[str, str], wanted: set[str]
) -> None:
    world = two_ports(make_world, LoggedTraffic(id="log", **{"project_id": "admin", **about}))  # type: ignore[arg-type]
    assert told(world, tcp(22), NEW) == wanted
    assert world.send("n1", tcp(22), NEW) == {Delivery("a", "n2")} | (COPY if wanted else set())


def test_a_dropped_packet_is_told_of_whom_it_was_dropped_for_and_dropped(make_world: MakeWorld) -> None:
    every = [LoggedTraffic(id=id, project_id="admin", target_id=id) for id in ("n1", "n2")]
    world = two_ports(make_world, *every)
    assert told(world, tcp(80), NEW) == {"egress-allowed", "ingress-dropped"}
    assert world.send("n1", tcp(80), NEW) == COPY
    assert told(world, udp(53), NEW) == {"egress-dropped"}
    assert world.send("n1", udp(53), NEW) == COPY


def test_what_conntrack_finds_invalid_is_told_as_dropped(make_world: MakeWorld) -> None:
    world = two_ports(make_world, LoggedTraffic(id="log", project_id="admin", target_id="n1"))
    assert told(world, tcp(22), "trk,inv") == {"egress-dropped"}


def test_a_log_that_goes_leaves_nothing_and_no_other_port_has_flows_for_it(make_world: MakeWorld) -> None:
    world = two_ports(make_world)
    before = dict(world.hosts["a"].desired.flows("br-int"))
    assert world.send("n1", tcp(80), NEW) == set()
    log(world, LoggedTraffic(id="log", project_id="admin", target_id="n1"))
    made = {key: flow for key, flow in world.hosts["a"].desired.flows("br-int").items() if key not in before}
    tables = sorted(flow.table for flow in made.values())
    assert tables == [71, 72, 81, 82, 90, 91, 99, 99]
    number = pipeline.LOG_METERS + world.hosts["a"].workloads["n1"].ofport
    assert world.hosts["a"].desired.meters("br-int")[number].rate == 100
    log(world)
    assert world.hosts["a"].desired.flows("br-int") == before
    assert number not in world.hosts["a"].desired.meters("br-int")


def test_a_log_of_a_project_is_about_its_ports_alone(make_world: MakeWorld) -> None:
    world = two_ports(make_world, LoggedTraffic(id="log", project_id="red"))
    assert told(world, tcp(22), NEW) == {"ingress-allowed"}
    meters = world.hosts["a"].desired.meters("br-int")
    assert sorted(n for n in meters if n < pipeline.PATCH_METERS) == [
        pipeline.UNTRANSLATED_METER,
        pipeline.HOST_LOG_METER,
        pipeline.LOG_METERS + world.hosts["a"].workloads["n2"].ofport,
    ]
