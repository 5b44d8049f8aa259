"""The match fields of Open vSwitch: names in text, numbers on the wire (`meta-flow.h`, ovs-fields(7)).

A field is known by up to three names: its own (`eth_src`), an alias in matches (`dl_src`), and the name of its number
(`NXM_OF_ETH_SRC`, in `move`, `load`, `learn`). Where it has a number of Nicira (NXM) and one of OpenFlow (OXM), we
write the one that `ovs-ofctl` would, and read both.
"""

import functools
import re
import socket
import struct
from typing import NamedTuple

from tunbridge.openvswitch.openflow.wire import PORTS

# Classes of numbers
NXM0, NXM1, OXM, PKT_REG, EXPERIMENTER = 0x0000, 0x0001, 0x8000, 0x8001, 0xFFFF
ONF = 0x4F4E4600


class UnknownError(ValueError):
    """Text or bytes that this codec does not know; `ovs-ofctl` may."""


class Number(NamedTuple):
    """A field's number on the wire; `experimenter` only with class 0xffff."""

    cls: int
    field: int
    experimenter: int = 0


class Field(NamedTuple):
    name: str
    symbol: str
    bits: int
    size: int
    """Bytes on the wire."""
    form: str
    """How values are written: dec, hex, mac, ip, ip6, port, ct_state, tcp_flags, frag, tun_flags."""
    number: Number
    """Nicira's where there is one: what `symbol` names, for actions that copy bits."""
    standard: Number
    """That of OpenFlow 1.4 where there is one: for matches and `set_field`."""

    @property
    def header(self) -> bytes:
        """What names the field in an action that copies bits."""
        return _header(self.number, self.size)

    def entry(self, number: int, mask: int | None = None) -> bytes:
        """Give the field with a value, and a mask if it has one, for a match or `set_field`."""
        if mask is None:
            return _header(self.standard, self.size) + number.to_bytes(self.size)
        return _header(self.standard, self.size, True) + number.to_bytes(self.size) + mask.to_bytes(self.size)


def _header(number: Number, size: int, masked: bool = False) -> bytes:
    extra = 4 if number.experimenter else 0
    head = struct.pack("!HBB", number.cls, number.field << 1 | masked, size * (2 if masked else 1) + extra)
    return head + struct.pack("!I", number.experimenter) if extra else head


def _of(symbol: str, field: int) -> tuple[str, Number]:
    return f"OXM_OF_{symbol}", Number(OXM, field)


def _nxm0(symbol: str, field: int) -> tuple[str, Number]:
    return f"NXM_OF_{symbol}", Number(NXM0, field)


def _nxm1(symbol: str, field: int) -> tuple[str, Number]:
    return f"NXM_NX_{symbol}", Number(NXM1, field)


def _row(
    name: str, bits: int, form: str, symbol: tuple[str, Number], other: int | Number | None = None, size: int = 0
) -> Field:
    second = Number(OXM, other) if isinstance(other, int) else other
    return Field(name, symbol[0], bits, size or (bits + 7) // 8, form, symbol[1], second or symbol[1])


FIELDS = [
    _row("packet_type", 32, "packet_type", _of("PACKET_TYPE", 44)),
    _row("dp_hash", 32, "hex", _nxm1("DP_HASH", 35)),
    _row("recirc_id", 32, "dec", _nxm1("RECIRC_ID", 36)),
    _row("conj_id", 32, "dec", _nxm1("CONJ_ID", 37)),
    _row("in_port_oxm", 32, "port", _of("IN_PORT", 0)),
    _row("in_port", 16, "port16", _nxm0("IN_PORT", 0)),
    _row("actset_output", 32, "port", ("ONFOXM_ET_ACTSET_OUTPUT", Number(EXPERIMENTER, 43, ONF))),
    _row("eth_src", 48, "mac", _nxm0("ETH_SRC", 2), 4),
    _row("eth_dst", 48, "mac", _nxm0("ETH_DST", 1), 3),
    _row("eth_type", 16, "hex", _nxm0("ETH_TYPE", 3), 5),
    _row("vlan_tci", 16, "hex", _nxm0("VLAN_TCI", 4)),
    _row("vlan_vid", 12, "dec", _of("VLAN_VID", 6)),
    _row("vlan_pcp", 3, "dec", _of("VLAN_PCP", 7)),
    _row("mpls_tc", 3, "dec", _of("MPLS_TC", 35)),
    _row("mpls_bos", 1, "dec", _of("MPLS_BOS", 36)),
    _row("mpls_ttl", 8, "dec", _nxm1("MPLS_TTL", 30)),
    _row("mpls_label", 20, "dec", _of("MPLS_LABEL", 34), size=4),
    _row("ip_src", 32, "ip", _nxm0("IP_SRC", 7), 11),
    _row("ip_dst", 32, "ip", _nxm0("IP_DST", 8), 12),
    _row("ipv6_src", 128, "ip6", _nxm1("IPV6_SRC", 19), 26),
    _row("ipv6_dst", 128, "ip6", _nxm1("IPV6_DST", 20), 27),
    _row("ip_frag", 2, "frag", _nxm1("IP_FRAG", 26)),
    _row("nw_tos", 8, "dec", _nxm0("IP_TOS", 5)),
    _row("ip_dscp", 6, "dec", _of("IP_DSCP", 8)),
    _row("nw_ecn", 2, "dec", _nxm1("IP_ECN", 28), 9),
    _row("nw_ttl", 8, "dec", _nxm1("IP_TTL", 29)),
    _row("ipv6_label", 20, "hex", _nxm1("IPV6_LABEL", 27), 28, size=4),
    _row("nw_proto", 8, "dec", _nxm0("IP_PROTO", 6), 10),
    _row("tcp_src", 16, "dec", _nxm0("TCP_SRC", 9), 13),
    _row("tcp_dst", 16, "dec", _nxm0("TCP_DST", 10), 14),
    _row("tcp_flags", 12, "tcp_flags", _nxm1("TCP_FLAGS", 34), Number(EXPERIMENTER, 42, ONF)),
    _row("udp_src", 16, "dec", _nxm0("UDP_SRC", 11), 15),
    _row("udp_dst", 16, "dec", _nxm0("UDP_DST", 12), 16),
    _row("sctp_src", 16, "dec", _of("SCTP_SRC", 17)),
    _row("sctp_dst", 16, "dec", _of("SCTP_DST", 18)),
    _row("icmp_type", 8, "dec", _nxm0("ICMP_TYPE", 13), 19),
    _row("icmp_code", 8, "dec", _nxm0("ICMP_CODE", 14), 20),
    _row("icmpv6_type", 8, "dec", _nxm1("ICMPV6_TYPE", 21), 29),
    _row("icmpv6_code", 8, "dec", _nxm1("ICMPV6_CODE", 22), 30),
    _row("nd_target", 128, "ip6", _nxm1("ND_TARGET", 23), 31),
    _row("nd_sll", 48, "mac", _nxm1("ND_SLL", 24), 32),
    _row("nd_tll", 48, "mac", _nxm1("ND_TLL", 25), 33),
    _row("arp_op", 16, "dec", _nxm0("ARP_OP", 15), 21),
    _row("arp_spa", 32, "ip", _nxm0("ARP_SPA", 16), 22),
    _row("arp_tpa", 32, "ip", _nxm0("ARP_TPA", 17), 23),
    _row("arp_sha", 48, "mac", _nxm1("ARP_SHA", 17), 24),
    _row("arp_tha", 48, "mac", _nxm1("ARP_THA", 18), 25),
    _row("tun_id", 64, "hex", _nxm1("TUN_ID", 16), 38),
    _row("tun_flags", 1, "tun_flags", _nxm1("TUN_FLAGS", 104), size=2),
    _row("tun_src", 32, "ip", _nxm1("TUN_IPV4_SRC", 31)),
    _row("tun_dst", 32, "ip", _nxm1("TUN_IPV4_DST", 32)),
    _row("tun_ipv6_src", 128, "ip6", _nxm1("TUN_IPV6_SRC", 109)),
    _row("tun_ipv6_dst", 128, "ip6", _nxm1("TUN_IPV6_DST", 110)),
    _row("tun_gbp_id", 16, "dec", _nxm1("TUN_GBP_ID", 38)),
    _row("tun_gbp_flags", 8, "hex", _nxm1("TUN_GBP_FLAGS", 39)),
    *(_row(f"reg{n}", 32, "hex", _nxm1(f"REG{n}", n)) for n in range(16)),
    *(_row(f"xreg{n}", 64, "hex", (f"OXM_OF_PKT_REG{n}", Number(PKT_REG, n))) for n in range(8)),
    *(_row(f"xxreg{n}", 128, "hex", _nxm1(f"XXREG{n}", 111 + n)) for n in range(4)),
    _row("pkt_mark", 32, "hex", _nxm1("PKT_MARK", 33)),
    _row("ct_state", 32, "ct_state", _nxm1("CT_STATE", 105)),
    _row("ct_zone", 16, "hex", _nxm1("CT_ZONE", 106)),
    _row("ct_mark", 32, "hex", _nxm1("CT_MARK", 107)),
    _row("ct_label", 128, "hex", _nxm1("CT_LABEL", 108)),
    _row("ct_nw_src", 32, "ip", _nxm1("CT_NW_SRC", 120)),
    _row("ct_ipv6_src", 128, "ip6", _nxm1("CT_IPV6_SRC", 122)),
    _row("ct_nw_dst", 32, "ip", _nxm1("CT_NW_DST", 121)),
    _row("ct_ipv6_dst", 128, "ip6", _nxm1("CT_IPV6_DST", 123)),
    _row("ct_nw_proto", 8, "dec", _nxm1("CT_NW_PROTO", 119)),
    _row("ct_tp_src", 16, "dec", _nxm1("CT_TP_SRC", 124)),
    _row("ct_tp_dst", 16, "dec", _nxm1("CT_TP_DST", 125)),
    _row("metadata", 64, "hex", _of("METADATA", 2)),
]
"""In the order in which Open vSwitch itself writes a match: each after those it depends on, or it is refused."""

ALIASES = {
    "tunnel_id": "tun_id", "dl_src": "eth_src", "dl_dst": "eth_dst", "dl_type": "eth_type", "nw_src": "ip_src",
    "nw_dst": "ip_dst", "ip_proto": "nw_proto", "nw_frag": "ip_frag", "ip_ecn": "nw_ecn", "ip_ttl": "nw_ttl",
    "eth_type": "eth_type",
}  # fmt: skip

RANK = {field.name: rank for rank, field in enumerate(FIELDS)}
BY_NAME = {field.name: field for field in FIELDS} | {field.symbol: field for field in FIELDS}
BY_NAME |= {alias: BY_NAME[name] for alias, name in ALIASES.items()}
BY_NUMBER = {field.number: field for field in FIELDS}
BY_NUMBER |= {field.standard: field for field in FIELDS}

_SUBFIELD = re.compile(r"(\w+)(?:\[(?:(\d+)(?:\.\.(\d+))?)?\])?")


class Subfield(NamedTuple):
    """Some bits of a field: `reg0[0..15]`."""

    field: Field
    offset: int
    bits: int

    @property
    def packed(self) -> int:
        """Offset and width in 16 bits, as `load` and `ct` have them."""
        return self.offset << 6 | (self.bits - 1)


@functools.lru_cache(4096)
def subfield(text: str) -> Subfield:
    """Read `NAME`, `NAME[]`, `NAME[bit]` or `NAME[first..last]`. Raises UnknownError."""
    found = _SUBFIELD.fullmatch(text)
    field = BY_NAME.get(found[1]) if found else None
    if found is None or field is None:
        raise UnknownError(f"no field {text!r}")
    if found[2] is None:
        return Subfield(field, 0, field.bits)
    first = int(found[2])
    last = first if found[3] is None else int(found[3])
    if not first <= last < field.bits:
        raise UnknownError(f"no such bits: {text!r}")
    return Subfield(field, first, last - first + 1)


CT_STATE = ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat")
TCP_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]")
TUN_FLAGS = ("oam",)
FLAGS = {"ct_state": CT_STATE, "tcp_flags": TCP_FLAGS, "tun_flags": TUN_FLAGS}
FRAGMENTS = {"no": (0, 3), "yes": (1, 1), "first": (1, 3), "later": (3, 3), "not_later": (0, 2)}
_FLAG = re.compile(r"([+-])([a-z]+|\[[248]00\])")


def value(field: Field, text: str) -> tuple[int, int | None]:
    """Read a value and its mask, None when all bits count. Raises UnknownError."""
    if field.form in FLAGS:
        return _flags(field, text)
    if field.form == "frag":
        if text not in FRAGMENTS:
            raise UnknownError(f"no such fragments: {text!r}")
        number, mask = FRAGMENTS[text]
        return number, None if mask == 3 else mask
    head, slash, tail = text.partition("/")
    number = _number(field, head)
    if not slash:
        return number, None
    mask = _mask(field, tail)
    full = (1 << field.bits) - 1
    return number & mask, None if mask & full == full else mask


def _mask(field: Field, text: str) -> int:
    if field.form in ("ip", "ip6") and text.isdigit():
        return ((1 << int(text)) - 1) << (field.bits - int(text))
    return _number(field, text)


def _number(field: Field, text: str) -> int:
    try:
        match field.form:
            case "mac":
                return _mac(text)
            case "ip":
                return int.from_bytes(socket.inet_pton(socket.AF_INET, text))
            case "ip6":
                return int.from_bytes(socket.inet_pton(socket.AF_INET6, text))
            case "port":
                return port(text)
            case "port16":
                return port(text) & 0xFFFF
            case _:
                number = int(text, 0)
    except (ValueError, OSError):
        raise UnknownError(f"not a value of {field.name}: {text!r}") from None
    if number < 0 or number >> field.size * 8:
        raise UnknownError(f"{text} does not fit into {field.name}")
    return number


def _mac(text: str) -> int:
    if len(text) != 17 or text.count(":") != 5:
        raise ValueError(text)
    return int(text.replace(":", ""), 16)


def _flags(field: Field, text: str) -> tuple[int, int | None]:
    names = FLAGS[field.form]
    every = None if field.form == "tcp_flags" else (1 << len(names)) - 1
    if text[:1] not in "+-":
        if text == "0":
            return 0, every
        try:
            return sum(1 << names.index(name) for name in text.split("|")), every
        except ValueError:
            raise UnknownError(f"not a value of {field.name}: {text!r}") from None
    number = mask = 0
    parts = _FLAG.findall(text)
    if "".join(sign + name for sign, name in parts) != text:
        raise UnknownError(f"not a value of {field.name}: {text!r}")
    for sign, name in parts:
        if name not in names:
            raise UnknownError(f"not a value of {field.name}: {text!r}")
        bit = 1 << names.index(name)
        mask |= bit
        number |= bit if sign == "+" else 0
    return number, mask


def port(text: str) -> int:
    """Read a port, by number or reserved name, as OpenFlow 1.1 and later count them. Raises UnknownError."""
    if text.isdigit():
        number = int(text)
        return number + 0xFFFF0000 if 0xFF00 <= number <= 0xFFFF else number
    if text.upper() in PORTS:
        return PORTS[text.upper()]
    raise UnknownError(f"no port {text!r}")
