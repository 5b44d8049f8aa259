"""A lab with a server: its hosts are agents of the Networking API, and the real `openstack` command works with it."""

import json
import socket
from collections.abc import Callable, Iterator

import msgspec
import pytest

from tests.api.auth.openstack import openstack
from tunbridge.lab import namespaces
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import LabPlan, from_numbers
from tunbridge.lab.server import PORT, LabServer, free_address

pytestmark = pytest.mark.ovs


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def lab(module_lab_name: Callable[[], str]) -> Iterator[Lab]:
    made = Lab(module_lab_name())
    plan = msgspec.structs.replace(from_numbers(made.name, 1, 1), server=f"127.0.0.1:{free_port()}")
    up(made, plan)
    yield made


def up(lab: Lab, plan: LabPlan) -> list[str]:
    told: list[str] = []
    lab.up(plan, lambda part, what: told.append(f"{part}: {what}"))
    return told


def server(lab: Lab) -> LabServer:
    found = lab.server
    assert found is not None
    return found


def run(lab: Lab, *commands: str) -> list[str]:
    """Run commands of the real client, which all have to succeed."""
    found = openstack({"OS_CLIENT_CONFIG_FILE": str(server(lab).clouds_yaml), "OS_CLOUD": "tunbridge"}, *commands)
    for command, (status, output) in zip(commands, found, strict=True):
        assert status == 0, f"{command}: {output}"
    return [output for _, output in found]


def agents(lab: Lab) -> dict[str, bool]:
    (listed,) = run(lab, "network agent list -f json")
    return {agent["Host"]: agent["Alive"] for agent in json.loads(listed)}


def test_every_host_is_an_agent_that_is_alive(lab: Lab) -> None:
    wait_until(lambda: agents(lab) == {"compute0": True, "network0": True}, "both hosts registered")


def test_a_network_a_subnet_and_a_port_with_the_openstack_command(lab: Lab) -> None:
    port = run(
        lab,
        "network create blue",
        "subnet create --network blue --subnet-range 10.0.5.0/24 blue4",
        "port create --network blue vm1",
        "port show vm1 -f json",
    )[-1]
    shown = json.loads(port)
    assert shown["fixed_ips"][0]["ip_address"].startswith("10.0.5.")
    assert shown["status"] == "DOWN"


def test_a_second_up_starts_a_server_that_ended_and_nothing_is_lost(lab: Lab) -> None:
    plan = lab.state().plan
    assert "server: runs already" in up(lab, plan)
    before = run(lab, "network list -f json")
    server(lab).stop()
    status = lab.inspect()
    assert status.server is not None
    assert status.server.pid is None
    assert not status.running
    up(lab, plan)
    assert run(lab, "network list -f json") == before


def test_down_leaves_nothing_of_the_server(lab_name: Callable[[], str]) -> None:
    made = Lab(lab_name())
    up(made, msgspec.structs.replace(from_numbers(made.name, 1, 0), server=f"127.0.0.1:{free_port()}"))
    assert namespaces.processes((), made.name) != []
    made.down()
    assert namespaces.processes((), made.name) == []
    assert not made.folder.exists()


def test_the_usual_port_is_taken_when_it_is_free_else_another_one() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", PORT))
            other.listen()
        except OSError:
            pass  # somebody has it already
        host, _, port = free_address().partition(":")
        assert (host, port != str(PORT)) == ("127.0.0.1", True)
        with socket.socket() as ours:
            ours.bind((host, int(port)))
