"""The reader on text that nobody foresaw: it gives hosts or its own error, never anything else."""

import contextlib
import random
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.showtext import Quoting, show
from tunbridge.inspect.check import check
from tunbridge.inspect.model import Bridge, Controller, Host, Interface, Manager, Port
from tunbridge.inspect.reader import ReadError, read_show
from tunbridge.inspect.understand import understand

ROOT = Path(__file__).parents[2]
_PATHS = [*sorted((ROOT / "examples").glob("*.txt")), *sorted((ROOT.parent / "shared" / "dumps").glob("*-*.txt"))]
REAL = [path.read_text() for path in _PATHS]

PIECES = st.sampled_from(
    [
        "7d7c87c8-560d-4138-8742-8f745aea968b", "Bridge ", "Port ", "Interface ", "Controller ", "Manager ", "br-int",
        '"', "\\", "{", "}", "[", "]", ": ", "=", ", ", "\n", "\r", "\t", " ", "\xa0", "\x1b[31m", "\x1b]", "\u202e",
        "options: {", "type: ", "patch", "peer=", "tag: ", "trunks: [", "error: ", "remote_ip=", "flow",
        "ovs_version: ",
        "is_connected: true", "root@h:~# ", "ovs-vsctl show", "ssh ", "# ", "> ", "...", "==> ", " <==",
        "\\ud800", "\x00",
    ]
)  # fmt: skip


def must_read_or_refuse(text: str) -> None:
    with contextlib.suppress(ReadError):
        document = check(understand(read_show(text, source="fuzz.txt")))
        names = [host.name for host in document.hosts]
        assert len(set(names)) == len(names)
        msgspec.json.encode(document)


@settings(deadline=None, max_examples=400)
@given(st.text())
def test_any_text(text: str) -> None:
    must_read_or_refuse(text)


@settings(deadline=None, max_examples=600)
@given(st.lists(PIECES | st.text(max_size=5), max_size=60).map("".join))
def test_text_made_of_the_format_s_pieces(text: str) -> None:
    must_read_or_refuse(text)


def mutated(text: str, seed: int) -> str:
    """A real dump with some of what happens to pastes done to it."""
    rng = random.Random(seed)
    lines = text.split("\n")
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(lines)) if lines else 0
        match rng.randrange(9):
            case 0:
                del lines[at : at + rng.randrange(1, 4)]
            case 1:
                lines[at:at] = lines[at : at + rng.randrange(1, 10)]
            case 2:
                lines = lines[at:]
            case 3:
                lines = lines[:at]
            case 4:
                width = rng.randrange(10, 90)
                lines = [line[i : i + width] for line in lines for i in range(0, max(1, len(line)), width)]
            case 5:
                lines = [" " * rng.randrange(12) + line.strip() for line in lines]
            case 6:
                rng.shuffle(lines)
            case 7:
                lines = [line[: rng.randrange(len(line) + 1)] if rng.random() < 0.1 else line for line in lines]
            case 8 if lines:
                position = rng.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:position] + chr(rng.randrange(1, 0x300)) + lines[at][position:]
        if not lines:
            return ""
    return rng.choice(["\n", "\r\n"]).join(lines)


@settings(deadline=None, max_examples=1000)
@given(st.sampled_from(REAL), st.integers(0, 2**32))
def test_mutated_real_dumps(text: str, seed: int) -> None:
    must_read_or_refuse(mutated(text, seed))


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(REAL), st.integers(0, 2**32))
def test_indentation_and_blank_lines_mean_nothing(text: str, seed: int) -> None:
    rng = random.Random(seed)
    changed = "".join(
        " " * rng.randrange(20) + line.strip() + "\n" * rng.randrange(1, 3) for line in text.strip().split("\n")
    )
    assert plain(read_show(changed, source="x")[0]) == plain(read_show(text, source="x")[0])


def plain(host: Host) -> object:
    """The host as data, without line numbers and what a source could not tell."""

    def strip(value: object) -> object:
        if isinstance(value, dict):
            value = {**value, "is_connected": value.get("is_connected") or False}  # unknown where the end is missing
            return {
                key: strip(item) for key, item in value.items() if key not in ("lines", "not_told", "missing_parts")
            }
        return [strip(item) for item in value] if isinstance(value, list) else value

    return strip(msgspec.to_builtins(host))


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20) | st.sampled_from(
    ["br-int", "br-tun", "true", "vxlan-0a00001b", "patch-tun", "eth0.100", "0123", "a b", "Bridge x", "x: y", "{", "}"]
)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
vlans = st.integers(0, 4095)
interfaces = st.builds(
    Interface,
    name=names,
    type=st.sampled_from(["system", "internal", "patch", "vxlan", "geneve", "dpdk"]),
    options=st.dictionaries(names, values, max_size=4),
    error=st.none() | names,
)
ports = st.builds(
    Port,
    name=names,
    tag=st.none() | vlans,
    trunks=st.lists(vlans, max_size=3),
    interfaces=st.lists(interfaces, min_size=1, max_size=3),
)
bridges = st.builds(
    Bridge,
    name=names,
    fail_mode=st.sampled_from([None, "secure", "standalone"]),
    datapath_type=st.sampled_from([None, "system", "netdev"]),
    controllers=st.lists(st.builds(Controller, target=names, is_connected=st.booleans()), max_size=2),
    ports=st.lists(ports, max_size=4),
)
hosts = st.builds(
    Host,
    name=st.just("host"),
    source=st.just("host.txt"),
    system_id=st.uuids().map(str),
    ovs_version=st.sampled_from([None, "1.4.6", "2.11.0", "3.3.1"]),
    managers=st.lists(st.builds(Manager, target=names, is_connected=st.booleans()), max_size=2),
    bridges=st.lists(bridges, max_size=4, unique_by=lambda bridge: bridge.name),  # as in OVSDB
)


@settings(deadline=None, max_examples=400)
@given(hosts, st.sampled_from(["old", "new"]))
def test_what_is_written_is_read_back(host: Host, quoting: Quoting) -> None:
    (read,) = read_show(show(host, quoting), source="host.txt")
    assert plain(read) == plain(host)


@settings(deadline=None, max_examples=100)
@given(st.lists(hosts, min_size=2, max_size=4), st.sampled_from(["old", "new"]))
def test_several_hosts_in_one_text_are_read_back(many: list[Host], quoting: Quoting) -> None:
    read = read_show("".join(show(host, quoting) for host in many), source="host.txt")
    assert [plain(host)["bridges"] for host in read] == [plain(host)["bridges"] for host in many]  # type: ignore[index]
