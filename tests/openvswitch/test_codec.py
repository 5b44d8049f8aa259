"""The codec against Open vSwitch: `ovs-ofctl` encodes the same text to the same bytes, `ovs-vswitchd` takes them and
prints the same text."""

import asyncio
import socket

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.openvswitch.dummy import Dummy
from tests.openvswitch.texts import ACTIONS, MATCHES, RARE
from tunbridge.dataplane.flows import Flow, parse_dump
from tunbridge.openvswitch.openflow import Add, Switch, match, messages, translate
from tunbridge.openvswitch.openflow.actions import encode, instructions
from tunbridge.openvswitch.openflow.fields import UnknownError
from tunbridge.openvswitch.openflow.wire import FLOW_MOD


def by_ovs_ofctl(lines: list[str]) -> list[bytes | str]:
    """Give match and instructions as ovs-ofctl writes them, or its complaint."""
    bodies = asyncio.run(translate.bodies("add-flows", FLOW_MOD, lines))
    return [body if isinstance(body, str) else body[40:] for body in bodies]


def ours(matching: str, actions: str) -> bytes:
    return match.encode(matching) + instructions(actions)


def test_actions_are_written_as_ovs_ofctl_writes_them() -> None:
    theirs = by_ovs_ofctl([f"{matching} actions={actions}" for matching, actions in ACTIONS])
    for (matching, actions), body in zip(ACTIONS, theirs, strict=True):
        assert ours(matching, actions) == body, actions


def test_matches_are_written_as_ovs_ofctl_writes_them_and_read_back() -> None:
    theirs = by_ovs_ofctl([f"{text} actions=drop" for text in MATCHES])
    for text, body in zip(MATCHES, theirs, strict=True):
        assert ours(text, "drop") == body, text
        assert match.decode(match.encode(text)) == text


def test_a_bridge_takes_every_action_and_match_and_prints_the_same(ovs: Dummy, bridge: str) -> None:
    given = [*ACTIONS, *RARE, *((text, f"set_field:{number:#x}->reg9") for number, text in enumerate(MATCHES, 1))]
    flows = [
        Flow(table=30, priority=number, match=matching, actions=actions, extra=EXTRAS[number % len(EXTRAS)])
        for number, (matching, actions) in enumerate(given, 1)
    ]

    async def run() -> str:
        switch = Switch(ovs.rundir, bridge, lambda _event: None, pytest.fail)
        await switch.connect()
        for port in (1, 3):
            ovs.ofctl("add-meter", bridge, f"meter={port},pktps,band=type=drop,rate=5")
        ovs.ofctl("add-group", bridge, "group_id=5,type=all,bucket=output:1")
        assert await switch.apply([Add(flow) for flow in flows]) == []
        dumped = (await switch.dump()).flows
        switch.close()
        return dumped

    found = {flow.key: flow for flow in parse_dump(asyncio.run(run()))}
    for flow in flows:
        assert found[flow.key] == flow


EXTRAS = ("", "idle_timeout=1000", "hard_timeout=2000,send_flow_rem", "importance=3", "no_packet_counts,no_byte_counts")


@pytest.mark.parametrize(
    "text", ["sample(x)", "output:p1", "load:0x10->NXM_NX_REG0[0..3]", "ct(zone=oops)", "clone(output:1", "nat(x=1)"]
)
def test_text_that_is_not_known_is_never_guessed(text: str) -> None:
    with pytest.raises(UnknownError):
        encode(text)


@pytest.mark.parametrize("text", ["tcp_dst", "no_such=5", "reg0=0x100000000", "ip,nw_src=10.0.0", "ct_state=+odd"])
def test_a_match_that_is_not_known_is_never_guessed(text: str) -> None:
    with pytest.raises(UnknownError):
        match.encode(text)


def number(bits: int) -> st.SearchStrategy[str]:
    """A number in hexadecimal, with a mask or without one."""
    top = (1 << bits) - 1
    masked = st.tuples(st.integers(0, top), st.integers(1, top - 1)).map(lambda p: f"{_hex(p[0] & p[1])}/{_hex(p[1])}")
    return st.integers(0, top).map(_hex) | masked


def _hex(value: int) -> str:
    return f"{value:#x}" if value else "0"


def prefix(family: socket.AddressFamily, bits: int) -> st.SearchStrategy[str]:
    """An address or a network, as `inet_ntop()` writes it."""

    def text(address: int, length: int) -> str:
        mask = ((1 << length) - 1) << (bits - length)
        shown = socket.inet_ntop(family, (address & mask).to_bytes(bits // 8))
        return shown if length == bits else f"{shown}/{length}"

    return st.builds(text, st.integers(0, (1 << bits) - 1), st.integers(1, bits))


mac = st.binary(min_size=6, max_size=6).map(lambda b: b.hex(":"))
port = st.integers(0, 65535).map(str) | st.integers(0, 15).map(lambda n: f"{n << 12:#x}/0xf000")
ip, ip6 = prefix(socket.AF_INET, 32), prefix(socket.AF_INET6, 128)


@st.composite
def matches(draw: st.DrawFn) -> str:
    """Matches of packets of one kind, in canonical order."""
    kind = draw(st.sampled_from(["", "ip", "tcp", "udp", "icmp", "arp", "ipv6", "tcp6", "udp6", "icmp6"]))
    parts: list[tuple[str, st.SearchStrategy[str]]] = [
        ("pkt_mark", number(32)), ("ct_mark", number(32)), ("ct_label", number(128)), ("", st.just(kind)),
        ("reg0", number(32)), ("reg6", number(32)), ("tun_id", number(64)), ("tun_src", ip), ("metadata", number(64)),
        ("in_port", st.integers(1, 0xFEFF).map(str)), ("dl_vlan", st.integers(0, 4095).map(str)),
        ("dl_vlan_pcp", st.integers(0, 7).map(str)), ("dl_src", mac), ("dl_dst", mac),
    ]  # fmt: skip
    if kind == "arp":
        parts += [("arp_spa", ip), ("arp_tpa", ip), ("arp_op", st.integers(0, 255).map(str)), ("arp_sha", mac)]
    elif kind.endswith("6"):
        parts += [("ipv6_src", ip6), ("ipv6_dst", ip6)]
    elif kind:
        parts += [("nw_src", ip), ("nw_dst", ip)]
    if kind and kind != "arp":
        parts += [("nw_tos", st.integers(0, 63).map(lambda n: str(n << 2))), ("nw_ttl", st.integers(0, 255).map(str))]
    if kind.startswith(("tcp", "udp")):
        parts += [("tp_src", port), ("tp_dst", port)]
    elif kind.startswith("icmp"):
        parts += [("icmp_type", st.integers(0, 255).map(str)), ("icmp_code", st.integers(0, 255).map(str))]
    wanted = draw(st.sets(st.sampled_from([name for name, _ in parts if name]), max_size=6))
    chosen = [(name, draw(values)) for name, values in parts if not name or name in wanted]
    return ",".join(f"{name}={value}" if name else value for name, value in chosen if name or value)


@given(st.lists(matches(), min_size=1, max_size=60))
@settings(
    # No shrinking: each attempt is a process, and the failing text is small enough.
    max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)  # fmt: skip
def test_any_match_is_written_as_ovs_ofctl_writes_it_and_read_back(texts: list[str]) -> None:
    for text, body in zip(texts, by_ovs_ofctl([f"{text} actions=drop" for text in texts]), strict=True):
        assert match.encode(text) == body, text
        assert match.decode(match.encode(text)) == text


def test_a_flow_monitor_message_with_wrong_lengths_is_no_endless_loop() -> None:
    with pytest.raises(ValueError, match="length"):
        list(messages.flow_updates("b", bytes(8) + b"\0\4\0\1" + bytes(8)))
