"""What a datapath does with a packet: which copies leave by which port, changed how.

The text is that after "Datapath actions:" of `ofproto/trace --names` (ovs-actions(7), and odp-util.c for its spelling).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from tunbridge.inspect.trace.packet import Packet, split, with_vlan, written

_KERNEL_TUNNEL = re.compile(r"(vxlan|genev|gre|ip6gre|erspan|ip6erspan|stt|lisp|gtpu)_sys(?:_\d+)?")
_TYPES = {"genev": "geneve"}
_CONSTRUCTS = ("vxlan", "geneve", "gre", "erspan", "gtpu", "srv6")


class Outer(Struct, frozen=True, kw_only=True):
    """The packet around a packet: between which tunnel addresses, and with which key (None: none)."""

    type: str
    source: str
    destination: str
    key: str | None = None


class Copy(Struct, frozen=True, kw_only=True):
    """One copy of the packet at the end of a round: out by `port`, to the controller, or on to another round."""

    kind: Literal["output", "tunnel", "controller", "recirculated"]
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


def _walk(actions: Sequence[str], state: _State) -> Iterator[Copy]:
    for action in actions:
        name, _, inside = action.partition("(")
        inside = inside.removesuffix(")")
        if "(" not in action:
            if action in ("pop_vlan", "push_mpls", "ct_clear"):
                state = (
                    _State(with_vlan(state.packet, None), state.tunnel, state.pushed) if action == "pop_vlan" else state
                )
            elif action != "drop":
                yield _output(action.strip('"'), state)
        elif name == "set":
            state = _set(inside, state)
        elif name == "push_vlan":
            vlan = re.search(r"vid=(\d+)", inside)
            state = _State(with_vlan(state.packet, vlan[1] if vlan else "0"), state.tunnel, state.pushed)
        elif name == "tnl_push":
            state = _State(state.packet, None, _pushed(inside))
        elif name == "clone":
            yield from _walk(list(split(inside)), state)
        elif name == "check_pkt_len":
            small = next((a for a in split(inside) if a.startswith("le(")), "le()")
            yield from _walk(list(split(small[3:-1])), state)
        elif name == "userspace" and "controller" in inside:
            yield Copy(kind="controller", packet=state.packet)
        elif name == "recirc":
            yield Copy(kind="recirculated", packet=state.packet, recirculation=inside)
    if state.pushed is not None and not any(_is_port(action) for action in actions):
        yield Copy(kind="tunnel", packet=state.packet, outer=state.pushed)


def _is_port(action: str) -> bool:
    return "(" not in action and action not in ("pop_vlan", "drop", "ct_clear")


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
        return _State(written(state.packet, inside), state.tunnel, state.pushed)
    parts = dict(part.split("=", 1) for part in split(inside[7:-1]) if "=" in part)
    tunnel = Outer(
        type="",
        source=parts.get("src") or parts.get("ipv6_src") or "",
        destination=parts.get("dst") or parts.get("ipv6_dst") or "",
        key=parts.get("tun_id"),
    )
    return _State(state.packet, tunnel, state.pushed)


def _pushed(inside: str) -> Outer:
    """Read tnl_push(...): the outer header as it is built."""
    ends = re.search(r"ipv[46]\(src=([^,]+),dst=([^,)]+)", inside)
    key = re.search(r"(?:vni|key|tun_id)=(0x[0-9a-f]+)", inside)
    kind = next((name for name in _CONSTRUCTS if f"{name}(" in inside), "tunnel")
    source, destination = (ends[1], ends[2]) if ends else ("", "")
    return Outer(type=kind, source=source, destination=destination, key=key[1] if key else None)
