"""Matches: from the canonical text of Open vSwitch to OXM, and from OXM to that text.

The text is that of `match_format()` in `lib/match.c`, which `ovs-ofctl dump-flows` prints; the bytes are `struct
ofp_match` (OpenFlow 1.4.1, section 7.2.3).
"""

import functools
import socket
import struct
from collections.abc import Iterator

from tunbridge.openvswitch.openflow.fields import (
    BY_NAME,
    BY_NUMBER,
    EXPERIMENTER,
    FLAGS,
    FRAGMENTS,
    RANK,
    Field,
    Number,
    UnknownError,
    value,
)  # fmt: skip
from tunbridge.openvswitch.openflow.wire import PORT_NAMES, padded

IP, IP6, ARP, RARP, MPLS, MPLSM = 0x0800, 0x86DD, 0x0806, 0x8035, 0x8847, 0x8848
ICMP, TCP, UDP, ICMP6, SCTP = 1, 6, 17, 58, 132
WORDS: dict[str, tuple[int, int | None]] = {
    "ip": (IP, None), "icmp": (IP, ICMP), "tcp": (IP, TCP), "udp": (IP, UDP), "sctp": (IP, SCTP),
    "ipv6": (IP6, None), "icmp6": (IP6, ICMP6), "tcp6": (IP6, TCP), "udp6": (IP6, UDP), "sctp6": (IP6, SCTP),
    "arp": (ARP, None), "rarp": (RARP, None), "mpls": (MPLS, None), "mplsm": (MPLSM, None),
}  # fmt: skip
_WORD_OF = {pair: word for word, pair in WORDS.items()}
_TRANSPORT = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}
_VLAN = ("dl_vlan", "dl_vlan_pcp", "vlan_tci")
VLAN_PRESENT, _VID, _PCP = 0x1000, 0x0FFF, 0xE000

Entry = tuple[int, bytes]
"""Rank of a field, and the field with its value on the wire."""
Fields = dict[str, tuple[int, int]]
"""Name -> value and mask."""


def encode(text: str) -> bytes:
    """Give `struct ofp_match` with its padding. Raises UnknownError."""
    entries: list[Entry] = []
    ethertype = protocol = None
    vlan: list[tuple[str, str]] = []
    for token in text.split(",") if text else ():
        word = WORDS.get(token)
        if word is not None:
            ethertype, protocol = word
            entries += _word(token)
            continue
        name, _, number = token.partition("=")
        if name in _VLAN:
            vlan.append((name, number))
        elif name in ("dl_type", "eth_type"):
            ethertype = int(number, 0)
            entries.append(_token(name, number))
        elif name == "nw_proto":
            protocol = int(number, 0)
            entries.append(_token(name, number))
        elif name[:2] in ("tp", "ic"):
            entries.append(_token(_specific(name, ethertype, protocol), number))
        elif name == "nw_tos":
            entries.append(_token("ip_dscp", str(int(number, 0) >> 2)))
        else:
            entries.append(_token(name, number))
    if vlan:
        entries += _vlan(tuple(vlan))
    entries.sort()
    body = b"".join([data for _, data in entries])
    return padded(struct.pack("!HH", 1, 4 + len(body)) + body)


@functools.lru_cache(65536)
def _token(name: str, number: str) -> Entry:
    field = BY_NAME.get("in_port_oxm" if name == "in_port" else name)
    if field is None:
        raise UnknownError(f"no match field {name!r}")
    if not number:
        raise UnknownError(f"{name} without a value")
    return RANK[field.name], field.entry(*value(field, number))


@functools.cache
def _word(word: str) -> list[Entry]:
    ethertype, protocol = WORDS[word]
    found = [_token("eth_type", str(ethertype))]
    return found if protocol is None else [*found, _token("nw_proto", str(protocol))]


def _specific(name: str, ethertype: int | None, protocol: int | None) -> str:
    """Tell which field `tp_src`, `icmp_type` mean in a packet of this kind."""
    if name in ("tp_src", "tp_dst"):
        return name.replace("tp", _TRANSPORT.get(protocol or 0, "?"))
    if name in ("icmp_type", "icmp_code") and ethertype == IP6:
        return name.replace("icmp", "icmpv6")
    return name


@functools.lru_cache(8192)
def _vlan(given: tuple[tuple[str, str], ...]) -> list[Entry]:
    """Write what is said of the whole tag as its VLAN, with the bit that tells that it is there, and its priority."""
    tci = mask = 0
    for name, text in given:
        if name == "vlan_tci":
            number, slash, bits = text.partition("/")
            tci |= int(number, 0)
            mask |= int(bits, 0) if slash else 0xFFFF
        elif name == "dl_vlan":
            tci |= VLAN_PRESENT | int(text, 0)
            mask |= VLAN_PRESENT | _VID
        else:
            tci |= VLAN_PRESENT | int(text, 0) << 13
            mask |= VLAN_PRESENT | _PCP
    vid, vid_mask = tci & mask & (VLAN_PRESENT | _VID), mask & (VLAN_PRESENT | _VID)
    field = BY_NAME["vlan_vid"]
    found = []
    if vid_mask:
        found.append((RANK[field.name], field.entry(vid, None if vid_mask == VLAN_PRESENT | _VID else vid_mask)))
    if mask & _PCP:
        if mask & _PCP != _PCP or not vid:
            raise UnknownError(f"not in OpenFlow 1.4: {given}")
        found.append(_token("vlan_pcp", str(tci >> 13)))
    return found


def decode(data: bytes) -> str:
    """Give the canonical text of a `struct ofp_match`. Raises UnknownError."""
    kind, length = struct.unpack_from("!HH", data)
    if kind != 1 or not 4 <= length <= len(data):
        raise UnknownError("not an OXM match")
    return text_of(read_fields(data[4:length]))


def read_fields(data: bytes, skip_unknown: bool = False) -> Fields:
    """Read fields with their values and masks. Raises UnknownError; of fields not known here only on demand."""
    found: Fields = {}
    at = 0
    while at < len(data):
        field, masked, body, at = _read(data, at)
        if field is None:
            if not skip_unknown:
                raise UnknownError(f"match field {data.hex()}")
            continue
        size = len(body) // 2 if masked else len(body)
        full = (1 << field.bits) - 1 if field.name != "vlan_vid" else VLAN_PRESENT | _VID
        mask = int.from_bytes(body[size:]) & full if masked else full
        number = int.from_bytes(body[:size])
        _note(found, field.name, number, mask)
    return found


def _read(data: bytes, at: int) -> tuple[Field | None, bool, bytes, int]:
    if at + 4 > len(data):
        raise UnknownError("a match field is cut off")
    cls, number, length = struct.unpack_from("!HBB", data, at)
    at, end = at + 4, at + 4 + length
    experimenter = 0
    if cls == EXPERIMENTER:
        experimenter = int.from_bytes(data[at : at + 4])
        at += 4
    field = BY_NUMBER.get(Number(cls, number >> 1, experimenter))
    if end > len(data):
        raise UnknownError("a match field is cut off")
    return field, bool(number & 1), data[at:end], end


def _note(found: Fields, name: str, number: int, mask: int) -> None:
    """Put what has two forms on the wire into one."""
    if name == "in_port":
        found["in_port_oxm"] = (number + 0xFFFF0000 if number >= 0xFF00 else number, 0xFFFFFFFF)
    elif name == "ip_dscp":
        found["nw_tos"] = (number << 2, 0xFF)
    elif name == "vlan_vid":
        _add_vlan(found, number, mask)
    elif name == "vlan_pcp":
        _add_vlan(found, VLAN_PRESENT | number << 13, VLAN_PRESENT | mask << 13)
    else:
        found[name] = (number, mask)


def _add_vlan(found: Fields, number: int, mask: int) -> None:
    tci, bits = found.get("vlan_tci", (0, 0))
    found["vlan_tci"] = (tci | number, bits | mask)


def text_of(fields: Fields) -> str:
    """Write fields as `match_format()` does. Raises UnknownError."""
    left = dict(fields)
    ethertype = left.get("eth_type", (0, 0))[0]
    protocol = left.get("nw_proto", (-1, 0))[0]
    parts = [_part(name, *left.pop(name)) for name in _FIRST if name in left]
    parts += _kind(left)
    parts += [_part(name, *left.pop(name)) for name in _METADATA if name in left]
    parts += _vlan_text(*left.pop("vlan_tci", (0, 0)))
    parts += [_part(name, *left.pop(name)) for name in ("eth_src", "eth_dst") if name in left]
    if "eth_type" in left:
        parts.append(f"dl_type=0x{left.pop('eth_type')[0]:04x}")
    parts += [_part(name, *left.pop(name)) for name in _NETWORK if name in left]
    parts += list(_transport(left, ethertype, protocol))
    if left:
        raise UnknownError(f"no text for {', '.join(left)}")
    return ",".join(parts)


_FIRST = (
    "pkt_mark", "recirc_id", "dp_hash", "conj_id", "actset_output", "ct_state", "ct_zone", "ct_mark", "ct_label",
    "ct_nw_src", "ct_ipv6_src", "ct_nw_dst", "ct_ipv6_dst", "ct_nw_proto", "ct_tp_src", "ct_tp_dst",
)  # fmt: skip
_METADATA = (
    *(f"reg{n}" for n in range(16)), "tun_id", "tun_src", "tun_dst", "tun_ipv6_src", "tun_ipv6_dst", "tun_gbp_id",
    "tun_gbp_flags", "tun_flags", "metadata", "in_port_oxm",
)  # fmt: skip
_NETWORK = (
    "ipv6_src", "ipv6_dst", "ipv6_label", "arp_spa", "arp_tpa", "ip_src", "ip_dst", "nw_proto", "arp_op", "arp_sha",
    "arp_tha", "nw_tos", "nw_ecn", "nw_ttl", "mpls_label", "mpls_tc", "mpls_ttl", "mpls_bos", "ip_frag",
)  # fmt: skip
_NAMES = {
    "in_port_oxm": "in_port", "eth_src": "dl_src", "eth_dst": "dl_dst", "ip_src": "nw_src", "ip_dst": "nw_dst",
    "ip_frag": "nw_frag", "icmpv6_type": "icmp_type", "icmpv6_code": "icmp_code",
    **{f"{kind}_{end}": f"tp_{end}" for kind in ("tcp", "udp", "sctp") for end in ("src", "dst")},
}  # fmt: skip
"""Names in matches, where they are not the field's own."""


def _kind(left: Fields) -> list[str]:
    """Give the word for Ethernet type and protocol, and take out what it says."""
    ethertype = left.get("eth_type")
    if ethertype is None:
        return []
    protocol = left.get("nw_proto")
    word = _WORD_OF.get((ethertype[0], protocol[0])) if protocol else None
    if word is not None:
        del left["nw_proto"]
    else:
        word = _WORD_OF.get((ethertype[0], None))
    if word is None:
        return []
    del left["eth_type"]
    return [word]


def _transport(left: Fields, ethertype: int, protocol: int) -> Iterator[str]:
    names = ["tcp_src", "udp_src", "sctp_src", "tcp_dst", "udp_dst", "sctp_dst", "icmp_type", "icmp_code"]
    names += ["icmpv6_type", "icmpv6_code", "nd_target", "nd_sll", "nd_tll"]
    for name in names:
        if name in left:
            yield _part(name, *left.pop(name))
    if "tcp_flags" in left and ethertype in (IP, IP6) and protocol == TCP:
        yield _part("tcp_flags", *left.pop("tcp_flags"))


def _vlan_text(tci: int, mask: int) -> list[str]:
    if not mask:
        return []
    vid, pcp = mask & _VID, mask & _PCP
    if mask & tci & VLAN_PRESENT and vid in (0, _VID) and pcp in (0, _PCP) and (vid or pcp):
        found = [f"dl_vlan={tci & _VID}"] if vid else []
        return [*found, f"dl_vlan_pcp={tci >> 13}"] if pcp else found
    return [f"vlan_tci=0x{tci:04x}" if mask == 0xFFFF else f"vlan_tci=0x{tci:04x}/0x{mask:04x}"]


@functools.lru_cache(65536)
def _part(name: str, number: int, mask: int) -> str:
    return f"{_NAMES.get(name, name)}={_shown(BY_NAME[name], number, mask)}"


_DECIMAL_AND_HEX = ("tp_src", "tp_dst", "ct_zone")


def _shown(field: Field, number: int, mask: int) -> str:
    full = (1 << field.bits) - 1
    exact = mask == full
    match field.form:
        case "mac":
            return _mac(number) if exact else f"{_mac(number)}/{_mac(mask)}"
        case "ip" | "ip6":
            return _address(field, number) + ("" if exact else f"/{_prefix(field, mask)}")
        case "port":
            return PORT_NAMES.get(number) or str(number)
        case "ct_state" | "tcp_flags" | "tun_flags":
            return _flags(field, number, mask)
        case "frag":
            return next((word for word, pair in FRAGMENTS.items() if pair == (number & mask, mask)), "<error>")
        case "dec":
            return str(number) if exact else f"{number:#x}/{mask:#x}"
    if field.name == "ct_label":
        return f"{_hex(number)}" if exact else f"{_hex(number)}/{_hex(mask)}"
    if field.name == "ipv6_label":
        return f"0x{number:05x}" if exact else f"0x{number:05x}/0x{mask:05x}"
    if field.name == "ct_zone":
        return str(number) if exact else f"0x{number:x}/0x{mask:x}"
    return _hex(number) if exact else f"{_hex(number)}/{_hex(mask)}"


def _hex(number: int) -> str:
    """Write as `%#x` does in C: 0 has no prefix."""
    return f"{number:#x}" if number else "0"


def _mac(number: int) -> str:
    return number.to_bytes(6).hex(":")


def _address(field: Field, number: int) -> str:
    family = socket.AF_INET if field.form == "ip" else socket.AF_INET6
    return socket.inet_ntop(family, number.to_bytes(field.size))


def _prefix(field: Field, mask: int) -> str:
    ones = mask.bit_count()
    if mask == ((1 << ones) - 1) << (field.bits - ones):
        return str(ones)
    return _address(field, mask)


def _flags(field: Field, number: int, mask: int) -> str:
    names = FLAGS[field.form]
    every = (1 << len(names)) - 1
    if mask & every == every and field.form != "tun_flags":
        return "|".join(name for bit, name in enumerate(names) if number >> bit & 1) or "0"
    return "".join(
        ("+" if number >> bit & 1 else "-") + name for bit, name in enumerate(names) if mask >> bit & 1
    )  # fmt: skip
