"""What a datapath does with a packet: which copies leave by which port, changed how.

The text is that after "Datapath actions:" of `ofproto/trace --names` (ovs-actions(7), and odp-util.c for its spelling).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from tunbridge.inspect.trace.packet import Packet, popped, pushed, split, written

_KERNEL_TUNNEL = re.compile(r"(vxlan|genev|gre|ip6gre|erspan|ip6erspan|stt|lisp|gtpu)_sys(?:_\d+)?")
_TYPES = {"genev": "geneve"}
_NO_PORTS = ("drop", "ct_clear", "pop_eth", "pop_nsh")
"""Words that stand alone and name no port."""
_ANY_SIZE = "size=65535,"
"""No packet is larger: whoever asks that wants a copy with a list of actions of its own, as `clone` is."""
_CONSTRUCTS = ("vxlan", "geneve", "gre", "erspan", "gtpu", "srv6")


class Outer(Struct, frozen=True, kw_only=True):
    """The packet around a packet: between which tunnel addresses, and with which key (None: none)."""

    type: str
    source: str
    destination: str
    key: str | None = None


class Copy(Struct, frozen=True, kw_only=True):
    """One copy of the packet at the end of a round: out by `port`, to the controller, or on to another round.

    `noted`: to the controller besides, from a list of actions of its own (a log); the packet itself goes on.
    """

    kind: Literal["output", "tunnel", "controller", "noted", "recirculated"]
    packet: Packet
    port: str | None = None
    """Of a tunnel: the port that the outer packet leaves by; None when the host has no route to the other end."""
    outer: Outer | None = None
    recirculation: str | None = None


class _State(Struct, frozen=True):
    packet: Packet
    tunnel: Outer | None = None
    """Set for the next output (the kernel encapsulates)."""
    pushed: Outer | None = None
    """Around the packet already (the userspace datapath encapsulates)."""


def copies(actions: str, packet: Packet) -> list[Copy]:
    """Give every copy that leaves, for a packet as it was before the actions."""
    return list(_walk(list(split(actions)), _State(packet)))


def _walk(actions: Sequence[str], state: _State, is_besides: bool = False) -> Iterator[Copy]:
    is_on_its_way = False
    """Whether what was encapsulated has left by a port."""
    for action in actions:
        name, parenthesis, inside = action.partition("(")
        inside = inside.removesuffix(")")
        if name == "set":
            state = _set(inside, state)
        elif name == "push_vlan":
            vlan = re.search(r"vid=(\d+)", inside)
            state = replace(state, packet=pushed(state.packet, vlan[1] if vlan else "0"))
        elif name == "pop_vlan":
            state = replace(state, packet=popped(state.packet))
        elif name == "tnl_push":
            state, is_on_its_way = replace(state, tunnel=None, pushed=_pushed(inside)), False
        elif name == "clone":
            yield from _walk(list(split(inside)), state, True)
        elif name == "check_pkt_len":
            small = next((a for a in split(inside) if a.startswith("le(")), "le()")
            yield from _walk(list(split(small[3:-1])), state, is_besides or inside.startswith(_ANY_SIZE))
        elif name == "userspace" and "controller" in inside:
            yield Copy(kind="noted" if is_besides else "controller", packet=state.packet)
        elif name == "recirc":
            yield Copy(kind="recirculated", packet=state.packet, recirculation=inside)
        elif not parenthesis and name not in _NO_PORTS:
            is_on_its_way = True
            yield _output(name.strip('"'), state)
    if state.pushed is not None and not is_on_its_way:
        yield Copy(kind="tunnel", packet=state.packet, outer=state.pushed)


def _output(port: str, state: _State) -> Copy:
    if state.pushed is not None:
        return Copy(kind="tunnel", packet=state.packet, port=port, outer=state.pushed)
    kernel = _KERNEL_TUNNEL.fullmatch(port)
    if kernel is not None and state.tunnel is not None:
        outer = Outer(
            type=_TYPES.get(kernel[1], kernel[1]),
            source=state.tunnel.source,
            destination=state.tunnel.destination,
            key=state.tunnel.key,
        )
        return Copy(kind="tunnel", packet=state.packet, port=port, outer=outer)
    return Copy(kind="output", packet=state.packet, port=port)


def _set(inside: str, state: _State) -> _State:
    if not inside.startswith("tunnel("):
        return replace(state, packet=written(state.packet, inside))
    parts = dict(part.split("=", 1) for part in split(inside[7:-1]) if "=" in part)
    tunnel = Outer(
        type="",
        source=parts.get("src") or parts.get("ipv6_src") or "",
        destination=parts.get("dst") or parts.get("ipv6_dst") or "",
        key=parts.get("tun_id"),
    )
    return replace(state, tunnel=tunnel)


def _pushed(inside: str) -> Outer:
    """Read tnl_push(...): the outer header as it is built."""
    ends = re.search(r"ipv[46]\(src=([^,]+),dst=([^,)]+)", inside)
    key = re.search(r"(?:vni|key|tun_id)=(0x[0-9a-f]+)", inside)
    kind = next((name for name in _CONSTRUCTS if f"{name}(" in inside), "tunnel")
    source, destination = (ends[1], ends[2]) if ends else ("", "")
    return Outer(type=kind, source=source, destination=destination, key=key[1] if key else None)
