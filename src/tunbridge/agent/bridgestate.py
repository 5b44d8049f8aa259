"""All that OpenFlow put into a bridge, whoever did: saved before `ovs-vswitchd` restarts, and put back after.

Flows, groups, meters and the map of tunnel metadata live in vswitchd alone. Counters and ages start anew; a flow with a
timeout has all of it again.
"""

import re
from collections.abc import Iterable

from msgspec import Struct

from tunbridge.dataplane.flows import Flow, parse_dump
from tunbridge.openvswitch import ofctl
from tunbridge.openvswitch.ofctl import OfctlError

_TLV = re.compile(r"^\s*(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+(\d+)\s+(tun_metadata\d+)", re.M)
_THERE = ("METER_EXISTS", "ALREADY_MAPPED")
_IGMP = ((r"\bigmp_type\b", "tp_src"), (r"\bigmp_code\b", "tp_dst"), (r"\bigmp\b", "ip,nw_proto=2"))
"""ovs-ofctl prints these words and does not read them (ovs-save, of Open vSwitch itself, replaces them as well)."""


class BridgeState(Struct, frozen=True, kw_only=True):
    """What one bridge held, in the form in which it is written again."""

    flows: list[str]
    """Lines of `dump-flows`."""
    groups: list[str]
    meters: list[str]
    tlv_map: str

    def parsed(self) -> list[Flow]:
        """Give the flows."""
        return parse_dump("\n".join(self.flows))


def save(rundir: str, bridge: str) -> BridgeState:
    """Read everything from one bridge. Raises OfctlError, FlowError."""
    flows = parse_dump(ofctl.dump_flows(rundir, bridge))
    return BridgeState(
        flows=[flow.dump_line() for flow in flows],
        groups=_groups(ofctl.command(rundir, bridge, "dump-groups")),
        meters=_meters(ofctl.command(rundir, bridge, "dump-meters")),
        tlv_map=",".join(
            f"{{class={cls},type={kind},len={length}}}->{field}"
            for cls, kind, length, field in _TLV.findall(ofctl.command(rundir, bridge, "dump-tlv-map"))
        ),
    )


def _groups(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith("group_id=")]


def _meters(text: str) -> list[str]:
    """Give one line a meter: its bands stand on lines of their own."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("meter="):
            found.append(line.strip())
        elif line.strip().startswith("type=") and found:
            found[-1] += f" {line.strip()}"
    return found


def restore(rundir: str, bridge: str, state: BridgeState) -> list[str]:
    """Put all of it into a bridge that lost it, and give what Open vSwitch refused. Raises OfctlError: no answer.

    Groups and flows go in one step; what is there already stays, with its counters.
    """
    refused = []
    if state.tlv_map:
        refused += _attempt(rundir, bridge, "add-tlv-map", state.tlv_map)
    for meter in state.meters:
        refused += _attempt(rundir, bridge, "add-meter", meter)
    lines = _lines(state)
    try:
        ofctl.bundle(rundir, bridge, _text(lines))
    except ofctl.UnreachableError:
        raise
    except OfctlError:
        refused += _one_by_one(rundir, bridge, lines)
    return refused


def bundle(state: BridgeState) -> str:
    """Give the text of a bundle that puts back groups and flows."""
    return _text(_lines(state))


def _lines(state: BridgeState) -> list[str]:
    return [f"group add_or_mod {group}" for group in state.groups] + [_writable(flow) for flow in state.parsed()]


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _one_by_one(rundir: str, bridge: str, lines: Iterable[str]) -> list[str]:
    """What is refused must not keep the rest out."""
    refused = []
    for line in lines:
        try:
            ofctl.bundle(rundir, bridge, f"{line}\n")
        except ofctl.UnreachableError:
            raise
        except OfctlError:
            refused.append(line)
    return refused


def _attempt(rundir: str, bridge: str, command: str, argument: str) -> list[str]:
    try:
        ofctl.command(rundir, bridge, command, argument)
    except ofctl.UnreachableError:
        raise
    except OfctlError as e:
        return [] if any(there in str(e) for there in _THERE) else [f"{command} {argument}"]
    return []


def _writable(flow: Flow) -> str:
    head, separator, actions = flow.add_line().partition(" actions=")
    for pattern, replacement in _IGMP:
        head = re.sub(pattern, replacement, head)
    return f"{head}{separator}{actions}"
