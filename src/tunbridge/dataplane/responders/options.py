"""`extra_dhcp_opts` of ports: the names, types and tags of dnsmasq, to which Neutron hands them as they are.

    bootfile-name                    a name of dnsmasq's tables (`dnsmasq --help dhcp`, `--help dhcp6`)
    67                               or a number; its value is taken by its looks, as dnsmasq takes it
    tag:ipxe,bootfile-name           only for clients with this tag
    tag:!ipxe,tag:BC_EFI,67          only for clients without the one and with the other

Tags: `ipxe` (IPv4: the client sends option 175) and `ipxe6` (IPv6: its user class is iPXE), as Neutron's dnsmasq sets
them, and the client's architecture by dnsmasq's name, `x86PC` or `x86-64_EFI`, and by its number, `arch7`.
"""

import re
import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address

from msgspec import Struct

from tunbridge.dataplane.view import DhcpOption

ARCHITECTURES = {
    0: "x86PC", 1: "PC98", 2: "IA64_EFI", 3: "Alpha", 4: "Arc_x86", 5: "Intel_Lean_Client", 6: "IA32_EFI",
    7: "x86-64_EFI", 8: "Xscale_EFI", 9: "BC_EFI", 10: "ARM32_EFI", 11: "ARM64_EFI",
}  # fmt: skip
"""Number in DHCPv4 option 93 and DHCPv6 option 61 (RFC 4578, RFC 5970) -> dnsmasq's name, taken as a tag."""
NEXT_SERVER = 255
"""Number that stands for `server-ip-address`: no option but the header's field siaddr."""


class OptionError(ValueError):
    """An option that cannot be sent; the text says why."""


class Extra(Struct, frozen=True):
    """An option of a port. An empty `value` takes the option out of answers."""

    number: int
    value: bytes
    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()

    def suits(self, tags: frozenset[str]) -> bool:
        """Whether a client with these tags gets it."""
        return self.present <= tags and self.absent.isdisjoint(tags)


def architecture_tags(numbers: Iterable[int]) -> frozenset[str]:
    """The tags of a client that named these architectures."""
    return frozenset(tag for n in numbers for tag in (f"arch{n}", ARCHITECTURES.get(n, "")) if tag)


def chosen(options: tuple[DhcpOption, ...], version: int, tags: frozenset[str]) -> dict[int, bytes]:
    """The options that a client with these tags gets: of several the one that asks for most tags, else the last."""
    found: dict[int, Extra] = {}
    for extra in _compiled(options, version)[0]:
        if extra.suits(tags):
            before = found.get(extra.number)
            if before is None or _demands(extra) >= _demands(before):
                found[extra.number] = extra
    return {number: extra.value for number, extra in found.items()}


def problems(options: tuple[DhcpOption, ...]) -> tuple[str, ...]:
    """What cannot be sent, and why: such an option is left out of answers."""
    return _compiled(options, 4)[1] + _compiled(options, 6)[1]


def _demands(extra: Extra) -> int:
    return len(extra.present) + len(extra.absent)


@lru_cache(maxsize=1024)
def _compiled(options: tuple[DhcpOption, ...], version: int) -> tuple[tuple[Extra, ...], tuple[str, ...]]:
    found: list[Extra] = []
    wrong: list[str] = []
    for option in options:
        if option.ip_version != version:
            continue
        try:
            if (extra := _compile(option)) is not None:
                found.append(extra)
        except ValueError as e:
            wrong.append(f"DHCP option {option.name} of IPv{version}: {e}")
    return tuple(found), tuple(wrong)


def _compile(option: DhcpOption) -> Extra | None:
    """Raises ValueError; None for what concerns only a server that knows clients by more than their port."""
    *tags, name = [part.strip() for part in option.name.split(",")]
    if not all(tag.startswith("tag:") for tag in tags):
        raise OptionError("what stands before the last comma must be tag:…")
    bare = [tag.removeprefix("tag:") for tag in tags]
    if name == "client-id":  # Neutron gives it to dnsmasq to know the client by; here the port is known by its wire
        return None
    number, encode = _kind(name, option.ip_version)
    return Extra(
        number,
        encode(option.value.strip()) if option.value is not None else b"",
        frozenset(t for t in bare if not t.startswith("!")),
        frozenset(t[1:] for t in bare if t.startswith("!")),
    )


def _kind(name: str, version: int) -> tuple[int, "Encode"]:
    by_name, by_number, own = (_NAMES4, _NUMBERS4, _OWN4) if version == 4 else (_NAMES6, _NUMBERS6, _OWN6)
    if name.isascii() and name.isdigit():
        number = int(name)
        if not 0 < number < (255 if version == 4 else 65536):
            raise OptionError("there is no such option")
        encode = by_number.get(number, _by_looks)
    else:
        if name not in by_name:
            raise OptionError("no option of this name is known; its number can be given")
        number, encode = by_name[name]
    if number in own:
        raise OptionError("the protocol's own, it cannot be set")
    return number, encode if version == 6 or number == NEXT_SERVER else _short(encode)


Encode = Callable[[str], bytes]


def _short(encode: Encode) -> Encode:
    def encoded(text: str) -> bytes:
        value = encode(text)
        if len(value) > 255:
            raise OptionError("is longer than 255 bytes")
        return value

    return encoded


def _text(text: str) -> bytes:
    return _unquoted(text).encode()


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _addresses4(text: str) -> bytes:
    return b"".join(_address4(item) for item in _items(text))


def _address4(text: str) -> bytes:
    try:
        return IPv4Address(text).packed
    except AddressValueError:
        raise OptionError(f"{text!r} is not an IPv4 address") from None


def _addresses6(text: str) -> bytes:
    try:
        return b"".join(IPv6Address(item.strip("[]")).packed for item in _items(text))
    except AddressValueError:
        raise OptionError(f"{text!r} is not a list of IPv6 addresses") from None


def _number(size: int) -> Encode:
    def encode(text: str) -> bytes:
        if not text:
            return b""
        try:
            return int(text, 0).to_bytes(size, "big")
        except (ValueError, OverflowError):
            raise OptionError(f"{text!r} is not a number of {size} bytes") from None

    return encode


_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _time(text: str) -> bytes:
    if text == "infinite":
        return b"\xff" * 4
    match = re.fullmatch(r"(\d{1,10})([smhdw]?)", text, re.ASCII)
    if text and match is None:
        raise OptionError(f"{text!r} is not a time")
    return b"" if match is None else _number(4)(str(int(match[1]) * _UNITS[match[2]]))


def domain_names(names: Iterable[str]) -> bytes:
    """Domain names in DNS form (RFC 1035, 3.1), without compression. Raises OptionError."""
    encoded = b""
    for name in names:
        labels = [label.encode() for label in name.strip(".").split(".")]
        if not all(0 < len(label) < 64 for label in labels) or len(name) > 253:
            raise OptionError(f"{name!r} is not a domain name")
        encoded += b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return encoded


def _domains(text: str) -> bytes:
    return domain_names(_items(text))


def _strings(text: str) -> bytes:
    """Each with its length before it: options with several strings."""
    return b"".join(struct.pack("!H", len(item.encode())) + item.encode() for item in _items(_unquoted(text)))


def route(destination: str, nexthop: str) -> bytes:
    """A route as in option 121 (RFC 3442): prefix length, the prefix's significant bytes, next hop."""
    network = IPv4Network(destination, strict=False)
    significant = (network.prefixlen + 7) // 8
    packed = network.network_address.packed[:significant]
    return bytes([network.prefixlen]) + packed + IPv4Address(nexthop).packed


def _routes(text: str) -> bytes:
    items = _items(text)
    if len(items) % 2:
        raise OptionError("routes are pairs: destination,next hop,…")
    try:
        return b"".join(route(*pair) for pair in zip(items[::2], items[1::2], strict=True))
    except ValueError as e:
        raise OptionError(str(e)) from None


def _by_looks(text: str) -> bytes:
    """A value of an option that is in no table: addresses, hexadecimal bytes, a number, else text."""
    items = _items(text)
    if items and all(re.fullmatch(r"\d+(\.\d+){3}", item, re.ASCII) for item in items):
        return _addresses4(text)
    if re.fullmatch(r"[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2})+", text, re.ASCII):
        return bytes(int(part, 16) for part in text.split(":"))
    if re.fullmatch(r"0x([0-9A-Fa-f]{2})+", text, re.ASCII):
        return bytes.fromhex(text[2:])
    if re.fullmatch(r"\d{1,10}", text, re.ASCII) and (number := int(text)) < 1 << 32:
        return number.to_bytes(1 if number < 256 else 2 if number < 65536 else 4, "big")
    return _text(text)


_U8, _U16, _U32 = _number(1), _number(2), _number(4)
_NAMES4: dict[str, tuple[int, Encode]] = {
    "netmask": (1, _addresses4), "time-offset": (2, _U32), "router": (3, _addresses4), "dns-server": (6, _addresses4),
    "log-server": (7, _addresses4), "lpr-server": (9, _addresses4), "hostname": (12, _text),
    "boot-file-size": (13, _U16), "domain-name": (15, _text), "swap-server": (16, _addresses4),
    "root-path": (17, _text), "extension-path": (18, _text), "ip-forward-enable": (19, _U8),
    "non-local-source-routing": (20, _U8), "policy-filter": (21, _addresses4), "max-datagram-reassembly": (22, _U16),
    "default-ttl": (23, _U8), "mtu": (26, _U16), "all-subnets-local": (27, _U8), "broadcast": (28, _addresses4),
    "router-discovery": (31, _U8), "router-solicitation": (32, _addresses4), "static-route": (33, _addresses4),
    "trailer-encapsulation": (34, _U8), "arp-timeout": (35, _U32), "ethernet-encap": (36, _U8), "tcp-ttl": (37, _U8),
    "tcp-keepalive": (38, _U32), "nis-domain": (40, _text), "nis-server": (41, _addresses4),
    "ntp-server": (42, _addresses4), "vendor-encap": (43, _by_looks), "netbios-ns": (44, _addresses4),
    "netbios-dd": (45, _addresses4), "netbios-nodetype": (46, _U8), "netbios-scope": (47, _text),
    "x-windows-fs": (48, _addresses4), "x-windows-dm": (49, _addresses4), "lease-time": (51, _time),
    "T1": (58, _time), "T2": (59, _time), "vendor-class": (60, _text), "nis+-domain": (64, _text),
    "nis+-server": (65, _addresses4), "tftp-server": (66, _text), "bootfile-name": (67, _text),
    "mobile-ip-home": (68, _addresses4), "smtp-server": (69, _addresses4), "pop3-server": (70, _addresses4),
    "nntp-server": (71, _addresses4), "irc-server": (74, _addresses4), "user-class": (77, _text),
    "client-interface-id": (94, _by_looks), "posix-timezone": (100, _text), "tzdb-timezone": (101, _text),
    "ipv6-only": (108, _U32), "domain-search": (119, _domains), "classless-static-route": (121, _routes),
    "vendor-id-encap": (125, _by_looks), "tftp-server-address": (150, _addresses4),
    "server-ip-address": (NEXT_SERVER, _addresses4),
}  # fmt: skip
_NUMBERS4: dict[int, Encode] = {**dict(_NAMES4.values()), 249: _routes}
_OWN4 = frozenset({50, 52, 53, 54, 55, 56, 57, 61, 80, 81, 82, 118})
"""Options in which the protocol itself speaks, not the configuration."""
_NAMES6: dict[str, tuple[int, Encode]] = {
    "user-class": (15, _strings), "vendor-class": (16, _by_looks), "vendor-opts": (17, _by_looks),
    "sip-server-domain": (21, _domains), "sip-server": (22, _addresses6), "dns-server": (23, _addresses6),
    "domain-search": (24, _domains), "nis-server": (27, _addresses6), "nis+-server": (28, _addresses6),
    "nis-domain": (29, _domains), "nis+-domain": (30, _domains), "sntp-server": (31, _addresses6),
    "information-refresh-time": (32, _time), "posix-timezone": (41, _text), "tzdb-timezone": (42, _text),
    "ntp-server": (56, _by_looks), "bootfile-url": (59, _text), "bootfile-param": (60, _strings),
}  # fmt: skip
_NUMBERS6: dict[int, Encode] = dict(_NAMES6.values())
_OWN6 = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 18, 19, 20, 25, 26, 39})
