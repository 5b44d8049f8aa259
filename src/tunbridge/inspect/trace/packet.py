"""A packet's header in the words of ovs-fields(7), so that what one host printed can be given to the next one."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Literal

from tunbridge.errors import TunbridgeError

Packet = Mapping[str, str]
"""Field -> value; a word for a protocol, as `icmp`, has the value "". Nothing of where it is or what was done to it."""

Protocol = Literal["icmp", "tcp", "udp", "arp"]

_NOT_HEADER = (
    "in_port", "recirc_id", "ct_", "reg", "xreg", "xxreg", "metadata", "tun_", "gtpu_", "skb_priority", "pkt_mark",
    "packet_type", "dp_hash", "conj_id", "eth", "vlan_tci1", "dl_vlan_pcp", "actset_output",
)  # fmt: skip
_WRITTEN = {
    "eth": {"src": "dl_src", "dst": "dl_dst"},
    "ipv4": {"src": "nw_src", "dst": "nw_dst", "ttl": "nw_ttl", "tos": "nw_tos"},
    "ipv6": {"src": "ipv6_src", "dst": "ipv6_dst", "hlimit": "nw_ttl"},
    "tcp": {"src": "tp_src", "dst": "tp_dst"},
    "udp": {"src": "tp_src", "dst": "tp_dst"},
    "sctp": {"src": "tp_src", "dst": "tp_dst"},
    "icmp": {"type": "icmp_type", "code": "icmp_code"},
    "icmpv6": {"type": "icmp_type", "code": "icmp_code"},
    "arp": {"sip": "arp_spa", "tip": "arp_tpa", "op": "arp_op", "sha": "arp_sha", "tha": "arp_tha"},
    "nd": {"target": "nd_target", "sll": "nd_sll", "tll": "nd_tll"},
}
"""Datapath's name of a header and its parts -> ovs-fields(7)."""


def _ports(protocol: str) -> dict[str, str]:
    return {"tp_src": f"{protocol}_src", "tp_dst": f"{protocol}_dst"}


_FULL = {
    **{f"{protocol}{six}": _ports(protocol) for protocol in ("tcp", "udp", "sctp") for six in ("", "6")},
    "icmp6": {"icmp_type": "icmpv6_type", "icmp_code": "icmpv6_code"},
}
"""Protocol -> its fields as they are printed, and as they are taken: the short names are taken for TCP and ICMP."""
INNER_VLAN = "dl_vlan1"
"""The VLAN id of a tag below `dl_vlan`, as a trace prints it; it takes no such field."""


class PacketError(TunbridgeError):
    """A packet that does not exist."""


def split(text: str) -> Iterator[str]:
    """Yield the parts between commas, but for those in parentheses or quotes."""
    depth, quoted, start = 0, False, 0
    for i, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
        elif letter == "," and not depth:
            yield text[start:i]
            start = i + 1
    if text[start:]:
        yield text[start:]


def fields(flow: str) -> dict[str, str]:
    """Take a flow apart, as `Flow:` of a trace prints it: field -> value."""
    found: dict[str, str] = {}
    for part in split(flow.replace(" ", "")):
        name, _, value = part.partition("=")
        found[name] = value.strip('"')
    return found


def header(flow: str) -> Packet:
    """Give the packet of a flow: without registers, tunnels, conntrack, ports."""
    found = {name: value for name, value in fields(flow).items() if not _is_no_header(name)}
    if found.get("vlan_tci") in ("0x0000", "0"):
        del found["vlan_tci"]
    return found


def _is_no_header(name: str) -> bool:
    return name == "eth" or any(name.startswith(prefix) for prefix in _NOT_HEADER if prefix != "eth")


def written(packet: Packet, action: str) -> Packet:
    """Give the packet after a datapath's `set(HEADER(PART=VALUE,...))`, given as HEADER(PART=VALUE,...)."""
    name, _, rest = action.partition("(")
    parts = _WRITTEN.get(name)
    if parts is None:
        return packet
    given = dict(part.split("=", 1) for part in split(rest.removesuffix(")")) if "=" in part)
    changed = {parts[part]: value.partition("/")[0] for part, value in given.items() if part in parts}
    return {**packet, **changed}


def pushed(packet: Packet, vlan: str) -> Packet:
    """Give it with one VLAN tag more, on top of the one that it has."""
    below = {INNER_VLAN: packet["dl_vlan"]} if "dl_vlan" in packet else {}
    return {**_without(packet, "dl_vlan", "vlan_tci"), "dl_vlan": vlan, **below}


def popped(packet: Packet) -> Packet:
    """Give it without its outermost VLAN tag."""
    below = {"dl_vlan": packet[INNER_VLAN]} if INNER_VLAN in packet else {}
    return {**_without(packet, "dl_vlan", "vlan_tci", INNER_VLAN), **below}


def _without(packet: Packet, *names: str) -> dict[str, str]:
    return {name: value for name, value in packet.items() if name not in names}


def flow(packet: Packet) -> str:
    """Write it as an argument of `ofproto/trace`, which prints shorter names than it takes."""
    protocol = next((word for word in _FULL if word in packet), "")
    names = {name: _FULL.get(protocol, {}).get(name, name) for name in packet}
    return ",".join(names[name] if value == "" else f"{names[name]}={value}" for name, value in packet.items())


def made(
    protocol: Protocol, eth_src: str, eth_dst: str, ip_src: str, ip_dst: str, *, port: int | None = None, ttl: int = 64
) -> Packet:
    """Make what a workload would send: an echo request, a connection's first packet, a question for a MAC address.

    `port`: the destination port of TCP and UDP. Raises PacketError for addresses of two versions.
    """
    version = ip_address(ip_src).version
    if ip_address(ip_dst).version != version:
        raise PacketError(f"from {ip_src} to {ip_dst}: an IPv4 and an IPv6 address")
    link = {"dl_src": eth_src, "dl_dst": eth_dst}
    if protocol == "arp":
        return _question(link, ip_src, ip_dst, version)
    six = "" if version == 4 else "6"
    ends = {"nw_src": ip_src, "nw_dst": ip_dst} if version == 4 else {"ipv6_src": ip_src, "ipv6_dst": ip_dst}
    common = {f"{protocol}{six}": "", **link, **ends, "nw_ttl": str(ttl)}
    if protocol == "icmp":
        return {**common, "icmp_type": "8" if version == 4 else "128", "icmp_code": "0"}
    flags = {"tcp_flags": "syn"} if protocol == "tcp" else {}
    return {**common, "tp_src": "50000", "tp_dst": str(port), **flags}


def _question(link: Packet, ip_src: str, ip_dst: str, version: int) -> Packet:
    if version == 4:
        asked = {"arp_spa": ip_src, "arp_tpa": ip_dst, "arp_op": "1", "arp_sha": link["dl_src"]}
        return {"arp": "", **link, "dl_dst": "ff:ff:ff:ff:ff:ff", **asked}
    low = ip_address(ip_dst).packed[-3:]
    group = ip_address(bytes.fromhex("ff0200000000000000000001ff") + low)
    return {
        "icmp6": "", **link, "dl_dst": f"33:33:ff:{low[0]:02x}:{low[1]:02x}:{low[2]:02x}", "ipv6_src": ip_src,
        "ipv6_dst": str(group), "nw_ttl": "255", "icmp_type": "135", "icmp_code": "0", "nd_target": ip_dst,
        "nd_sll": link["dl_src"],
    }  # fmt: skip


def addresses(packet: Packet) -> tuple[str, str] | None:
    """Give source and destination of its IP or ARP header."""
    for source, destination in (("nw_src", "nw_dst"), ("ipv6_src", "ipv6_dst"), ("arp_spa", "arp_tpa")):
        if source in packet and destination in packet:
            return packet[source], packet[destination]
    return None


def described(packet: Packet) -> str:
    """Say what kind of packet it is, in a few words."""
    names = {"icmp": "ICMP", "icmp6": "ICMPv6", "tcp": "TCP", "tcp6": "TCP", "udp": "UDP", "udp6": "UDP", "arp": "ARP"}
    for name, said in names.items():
        if name not in packet:
            continue
        if "tp_dst" in packet:
            return f"{said} to port {packet['tp_dst']}"
        kinds = {"8": "echo request", "0": "echo reply", "128": "echo request", "135": "neighbour solicitation"}
        return f"{said} {kinds.get(packet.get('icmp_type', ''), '') if name.startswith('icmp') else 'request'}".strip()
    return "packet"
