"""What is read a port at a time is what the line reader reads: of texts as printed, and of nothing else."""

import random
from pathlib import Path

import pytest

from tests.inspect.shapes import SHAPES
from tests.inspect.test_reader_fuzz import REAL, mutated
from tunbridge.inspect.model import Host
from tunbridge.inspect.printed import read_printed
from tunbridge.inspect.reader import read_lines, read_show
from tunbridge.inspect.values import mapping

EXAMPLES = [path.read_text() for path in sorted((Path(__file__).parents[2] / "examples").glob("*.txt"))]
BOND = """\
7d7c87c8-560d-4138-8742-8f745aea968b
    Manager "ptcp:6640:127.0.0.1"
        is_connected: true
    Bridge br-ex
        Controller "tcp:127.0.0.1:6633"
            is_connected: true
        fail_mode: secure
        datapath_type: netdev
        Port bond0
            trunks: [1, 20]
            Interface eth0
                error: "could not open network device eth0 (No such device)"
            Interface eth1
        Port "vxlan-0a000001"
            Interface "vxlan-0a000001"
                type: vxlan
                options: {df_default="true", in_key=flow, local_ip="10.0.0.2", out_key=flow, remote_ip="10.0.0.1"}
                bfd_status: {diagnostic="No Diagnostic", state=up}
        Port br-ex
            Interface br-ex
                type: internal
    ovs_version: "3.1.0"
"""


def quickly(text: str) -> list[Host] | None:
    drafts = read_printed(text)
    return None if drafts is None else [draft.done("host.txt", None) for draft in drafts]


@pytest.mark.parametrize("text", [*EXAMPLES, BOND, BOND + EXAMPLES[0], *(made(40) for made in SHAPES.values())])
def test_a_text_as_printed_is_read_the_same_by_whole_ports(text: str) -> None:
    hosts = quickly(text)
    assert hosts is not None
    assert hosts == read_lines(text, "host.txt", None)


def test_whatever_happened_to_a_text_both_readers_agree_or_it_is_left_to_the_lines() -> None:
    both = 0
    for seed in range(1500):
        text = mutated(random.Random(seed).choice([*REAL, BOND]), seed)
        hosts = quickly(text)
        if hosts is not None:
            both += 1
            assert hosts == read_lines(text, "host.txt", None), seed
    assert both > 20


@pytest.mark.parametrize(
    "odd",
    [
        BOND.replace("    Bridge", "  Bridge"),
        BOND.replace("Port bond0", "Port bond0..."),
        BOND.replace("eth1", "eth1 # the second"),
        BOND.replace("br-ex\n            Interface br-ex", "“br-ex”\n            Interface br-ex"),
        BOND.replace("\n", "\r\n"),
        BOND.replace("trunks: [1, 20]", "trunks: [1, 9999]"),
        BOND + "    Bridge br-more\n",
        BOND.rstrip("\n"),
        "root@compute0:~# ovs-vsctl show\n" + BOND,
        BOND.replace("state=up}", "state=up, }"),
        "",
    ],
)
def test_what_is_not_literally_as_printed_is_left_to_the_line_reader(odd: str) -> None:
    assert read_printed(odd) is None


def test_hosts_read_by_whole_ports_are_told_apart_by_name() -> None:
    other = BOND.replace("7d7c87c8", "8d7c87c8")
    assert [host.name for host in read_show(BOND + other, source="cloud.txt")] == [
        host.name for host in read_show((BOND + other).replace("\n", "\r\n"), source="cloud.txt")
    ]


@pytest.mark.parametrize(
    "text", ['{a=b, c="d, e"}', "{a=b,c=d}", '{a=""}', "{}", '{a="x\\"y", b=c}', "{ a=b}", "{a=b, c"]
)
def test_maps_are_read_the_same_in_one_pass(text: str) -> None:
    spaced = text.replace("{", "{ ", 1)  # is not as printed, and so read pair by pair
    assert mapping(text) == mapping(spaced)
