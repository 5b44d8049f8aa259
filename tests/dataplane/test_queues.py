"""Queues of NICs for ports with a minimum bandwidth, on a real ovsdb-server: made, mended, removed, left alone."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dataplane.conftest import MakeWorld
from tests.dataplane.test_diff import Database
from tests.dataplane.test_qos import put, two
from tests.dataplane.test_switching import udp
from tests.dataplane.world import Delivery
from tunbridge.agent.local import LocalOvsdb
from tunbridge.dataplane import queues
from tunbridge.dataplane.contribution import Queue
from tunbridge.dataplane.identifiers import Identifiers
from tunbridge.dataplane.queues import Uplinks

GOLD, SILVER = Queue("br-eth1", 7, 30_000), Queue("br-eth1", 8, 10_000)
GIGABIT = 10**9


class Nics(Database):
    """A host whose provider bridge has the NIC eno1, and eno2 which the configuration does not name."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.uplinks = {"br-eth1": Uplinks(nics=("eno1",))}
        self.problems: list[str] = []
        self.vsctl("add-br", "br-eth1", "--", "add-port", "br-eth1", "eno1", "--", "add-port", "br-eth1", "eno2")
        self.speed("eno1", GIGABIT)

    def speed(self, nic: str, speed: int) -> None:
        self.vsctl("set", "interface", nic, f"link_speed={speed}")

    def run(self, *wanted: Queue, may_remove: bool = True) -> list[str]:
        """Change what there is to change, until there is nothing; what was done, in words."""
        done = asyncio.run(self._run(wanted, may_remove))
        assert asyncio.run(self._run(wanted, may_remove)) == []
        return done

    async def _run(self, wanted: tuple[Queue, ...], may_remove: bool) -> list[str]:
        changed = asyncio.Event()
        copy, done = LocalOvsdb(self.remote, None, changed.set), []
        task = asyncio.create_task(copy.run())
        while not copy.connected:
            await changed.wait()
            changed.clear()
        for _ in range(4):
            found = queues.difference(wanted, self.uplinks, copy.snapshot(), may_remove)
            self.problems = [f"{problem.subject}: {problem.message}" for problem in found.problems]
            if not found.changes:
                break
            done += [change.text for change in found.changes]
            seqno = copy.seqno
            await copy.transact(found.operations, "test", raise_cfg=False)
            while copy.seqno == seqno:
                changed.clear()
                await changed.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return done

    def rows(self, table: str) -> list[dict[str, Any]]:
        told = json.loads(self.vsctl("--format=json", "list", table))
        return [dict(zip(told["headings"], row, strict=True)) for row in told["data"]]

    def rates(self, nic: str) -> dict[int, str]:
        """Number of queue -> its minimum, of a NIC."""
        qos = self.get("port", nic, "qos")
        if qos == "[]":
            return {}
        (row,) = (row for row in self.rows("qos") if row["_uuid"][1] == qos)
        assert row["type"] == "linux-htb"
        kept = {queue["_uuid"][1]: dict(queue["other_config"][1]).get("min-rate", "") for queue in self.rows("queue")}
        return {number: kept[queue[1]] for number, queue in row["queues"][1]}

    def max_rate(self) -> str:
        (row,) = self.rows("qos")
        return str(dict(row["other_config"][1])["max-rate"])


@pytest.fixture
def nics(tmp_path: Path) -> Iterator[Nics]:
    made = Nics(tmp_path)
    yield made
    made.close()


def test_a_port_with_a_minimum_has_a_queue_while_it_has_one(nics: Nics) -> None:
    assert nics.run(GOLD) == ["NIC eno1: queues for 30000 kbit/s"]
    assert nics.rates("eno1") == {7: "30000000"} and nics.max_rate() == str(GIGABIT)
    assert nics.rates("eno2") == {}
    assert nics.run(GOLD, SILVER) == ["NIC eno1: a queue for 10000 kbit/s"]
    nics.run(Queue("br-eth1", 7, 50_000), SILVER)
    assert nics.rates("eno1") == {7: "50000000", 8: "10000000"}
    nics.run(SILVER)
    assert nics.rates("eno1") == {8: "10000000"} and len(nics.rows("queue")) == 1
    assert nics.run(may_remove=False) == []
    nics.run()
    assert (nics.get("port", "eno1", "qos"), nics.rows("qos"), nics.rows("queue")) == ("[]", [], [])


def test_without_names_every_device_of_the_bridge_is_a_nic(nics: Nics) -> None:
    nics.uplinks = {}
    nics.speed("eno2", 2 * GIGABIT)
    nics.vsctl("add-port", "br-eth1", "patch", "--", "set", "interface", "patch", "type=patch")
    nics.run(GOLD)
    assert nics.rates("eno1") == nics.rates("eno2") == {7: "30000000"}
    assert nics.get("port", "patch", "qos") == nics.get("port", "br-eth1", "qos") == "[]"


@pytest.mark.parametrize(
    "damage",
    [
        ("clear", "port", "eno1", "qos"),
        ("set", "qos", "QOS", "type=linux-hfsc"),
        ("set", "qos", "QOS", "other_config:max-rate=5"),
        ("remove", "qos", "QOS", "queues", "7"),
        ("set", "queue", "QUEUE", "other_config:min-rate=5"),
        ("clear", "qos", "QOS", "queues", "--", "destroy", "queue", "QUEUE"),
    ],
)
def test_what_somebody_changes_in_our_rows_is_mended(nics: Nics, damage: tuple[str, ...]) -> None:
    nics.run(GOLD)
    ids = {"QOS": nics.rows("qos")[0]["_uuid"][1], "QUEUE": nics.rows("queue")[0]["_uuid"][1]}
    nics.vsctl(*(ids.get(word, word) for word in damage))
    assert nics.run(GOLD) != []
    assert nics.rates("eno1") == {7: "30000000"} and nics.max_rate() == str(GIGABIT)
    assert len(nics.rows("queue")) == 1


def test_an_operator_s_queue_discipline_stays_and_it_is_told(nics: Nics) -> None:
    theirs = ("--id=@q", "create", "queue", "other_config:max-rate=7")
    nics.vsctl("set", "port", "eno1", "qos=@n", "--", "--id=@n", "create", "qos", "type=linux-hfsc",
               "queues:3=@q", "--", *theirs)  # fmt: skip
    before = nics.rows("qos"), nics.rows("queue")
    assert nics.run(GOLD) == []
    (told,) = nics.problems
    assert told.startswith(
        "eno1: the minimum bandwidth of 1 port is not kept: it has a queue discipline that is not ours"
    )
    assert (nics.rows("qos"), nics.rows("queue")) == before
    nics.vsctl("clear", "port", "eno1", "qos")
    nics.run(GOLD)
    assert nics.rates("eno1") == {7: "30000000"} and nics.problems == []
    nics.run()
    assert (nics.rows("qos"), nics.rows("queue")) == before


def test_how_fast_a_nic_is_comes_from_the_link_or_from_the_configuration(nics: Nics) -> None:
    nics.speed("eno1", 0)
    assert nics.run(GOLD) == []
    assert "resource_provider_bandwidths" in nics.problems[0]
    nics.uplinks = {"br-eth1": Uplinks(nics=("eno1",), kbps=100_000)}
    nics.run(GOLD)
    assert nics.max_rate() == "100000000"
    nics.speed("eno1", 100 * GIGABIT)  # more than Open vSwitch can say
    nics.run(GOLD)
    assert nics.max_rate() == str((2**32 - 1) * 8)
    nics.uplinks = {"br-eth1": Uplinks(nics=("eno1",))}
    nics.speed("eno1", 0)  # the link goes down: nothing is to be done for that
    assert nics.run(GOLD) == [] and nics.problems == []


def test_in_userspace_no_minimum_is_kept_and_it_is_told(nics: Nics) -> None:
    nics.run(GOLD)
    nics.vsctl("set", "bridge", "br-eth1", "datapath_type=netdev")
    nics.run(GOLD, SILVER)
    assert nics.rows("qos") == []
    assert nics.problems == [
        "br-eth1: the minimum bandwidth of 2 ports is not kept: queues of NICs are of the kernel's datapath only, and"
        " this bridge's is in userspace"
    ]


def test_what_a_port_of_a_physical_network_sends_is_for_its_queue(make_world: MakeWorld) -> None:
    world = make_world("a", "b", physnet="physnet1")
    world.network("n", kind="flat")
    world.port("n1", "n", "a", "10.0.0.1", qos_policy_id="q")
    world.port("n2", "n", "a", "10.0.0.2")
    put(world, "q", minimum=5_000, dscp=10)
    world.run()
    desired = world.hosts["a"].desired
    (queue,) = desired.queues
    assert (queue.number, queue.kbps) == (Identifiers().queue("n1"), 5_000)
    rule = [flow for flow in desired.flows("br-int").values() if "set_queue" in flow.actions]
    assert [(flow.table, flow.actions) for flow in rule] == [(23, f"set_queue:{queue.number},resubmit(,24)")]
    (received,) = world.send("n1", udp(1, 2))
    assert received.device == "n2" and f"skb_priority({queue.number:#x})" in received.changes
    put(world, "q", minimum=6_000, dscp=10)
    assert world.run()["a"].flows == {} and [queue.kbps for queue in desired.queues] == [6_000]
    put(world, "q")
    world.run()
    assert list(desired.queues) == [] and not any("set_queue" in f.actions for f in desired.flows("br-int").values())


def test_what_leaves_by_tunnels_has_no_queue(make_world: MakeWorld) -> None:
    world = two(make_world, qos_policy_id="q")
    put(world, "q", minimum=5_000)
    world.run()
    assert list(world.hosts["a"].desired.queues) == []
    assert world.send("n1", udp(1, 2)) == {Delivery("a", "n2")}
