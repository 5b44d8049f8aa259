"""A live host tells of a missing patch peer twice: the wiring shows it, and Open vSwitch complains. It is one story."""

from tunbridge.inspect.check import check
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.understand import understand

DUMP = """\
7d7c87c8-560d-4138-8742-8f745aea968b
    Bridge br-int
        fail_mode: secure
        {integration_port}
    Bridge br-tun
        fail_mode: secure
        Port patch-int
            Interface patch-int
                type: patch
                options: {{peer=patch-tun}}
                error: "No usable peer 'patch-tun' exists in 'netdev' datapath."
    ovs_version: "2.17.9"
"""


def errors(integration_port: str) -> list[tuple[str, str]]:
    document = check(understand(read_show(DUMP.format(integration_port=integration_port), source="dump")))
    return [(f.code, f.subject) for f in document.findings if f.severity == "error"]


def test_a_missing_peer_is_told_once() -> None:
    assert errors("Port br-int") == [("patch-peer-missing", "patch-int")]


def test_a_peer_that_is_there_and_yet_not_usable_is_told() -> None:
    there = "Port patch-tun\n Interface patch-tun\n type: patch\n options: {peer=patch-int}"
    assert errors(there) == [("interface-error", "patch-int")]
