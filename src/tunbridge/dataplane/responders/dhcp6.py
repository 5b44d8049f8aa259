"""DHCPv6 (RFC 8415): answers a port's client with addresses (stateful), or with options alone (stateless).

    SOLICIT               ADVERTISE, or with rapid commit REPLY
    REQUEST, RENEW        REPLY, when they name this server
    REBIND                REPLY
    CONFIRM               REPLY: on this link or not
    RELEASE, DECLINE      REPLY: success; nothing is kept that could be given back
    INFORMATION-REQUEST   REPLY with options alone

As with DHCPv4 there are no leases: the port that the packet came from says who asks, so a client's DUID is only given
back. Messages of relays, and those sent to a unicast address (RFC 8415, 16), get no answer.
"""

import struct
from ipaddress import IPv6Address, IPv6Network

from msgspec import Struct

from tunbridge.dataplane.addresses import service_link_local, service_mac
from tunbridge.dataplane.responders import names, options
from tunbridge.dataplane.responders.dhcp4 import dns_servers
from tunbridge.dataplane.responders.frames import UNSPECIFIED, Datagram, MalformedError, mac_bytes, read_udp
from tunbridge.dataplane.responders.subject import INFINITE, Lease, Settings, Subject
from tunbridge.dataplane.view import Subnet

SERVER_PORT, CLIENT_PORT = 547, 546
SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE = range(1, 10)
INFORMATION_REQUEST = 11
NAMES = {
    SOLICIT: "SOLICIT", REQUEST: "REQUEST", CONFIRM: "CONFIRM", RENEW: "RENEW", REBIND: "REBIND", RELEASE: "RELEASE",
    DECLINE: "DECLINE", INFORMATION_REQUEST: "INFORMATION-REQUEST",
}  # fmt: skip
"""What clients send."""
STATEFUL, STATELESS = "dhcpv6-stateful", "dhcpv6-stateless"

(
    _CLIENT_ID, _SERVER_ID, _IA_NA, _IA_TA, _IA_ADDRESS, _REQUESTED, _PREFERENCE, _STATUS, _RAPID_COMMIT, _USER_CLASS,
    _DNS, _SEARCH, _IA_PD, _REFRESH_TIME, _FQDN, _ARCHITECTURE,
) = (1, 2, 3, 4, 5, 6, 7, 13, 14, 15, 23, 24, 25, 32, 39, 61)  # fmt: skip
_SUCCESS, _NO_ADDRESSES, _NO_BINDING, _NOT_ON_LINK, _NO_PREFIXES = 0, 2, 3, 4, 6
_FOREVER = 0xFFFFFFFF
_NAMES_SERVER = {
    SOLICIT: False, CONFIRM: False, REBIND: False, REQUEST: True, RENEW: True, RELEASE: True, DECLINE: True,
}  # fmt: skip
"""Whether a message names a server; what does not keep to it is discarded (RFC 8415, 16)."""

Options = list[tuple[int, bytes]]


class Message(Struct, frozen=True):
    """What a client sent. Options may come several times."""

    type: int
    transaction: bytes
    options: Options

    def get(self, number: int) -> bytes | None:
        """The first option of this number."""
        return next((value for option, value in self.options if option == number), None)

    def wants(self, number: int) -> bool:
        """Whether it asks for an option; who has no list asks for all."""
        value = self.get(_REQUESTED)
        return value is None or number in _numbers(value)

    @property
    def tags(self) -> frozenset[str]:
        """What `extra_dhcp_opts` may depend on."""
        found = options.architecture_tags(_numbers(self.get(_ARCHITECTURE) or b""))
        return found | {"ipxe6"} if b"iPXE" in (self.get(_USER_CLASS) or b"") else found


def answer(packet: bytes, subject: Subject, settings: Settings) -> bytes | None:
    """The frame that answers a client's, if any. Raises MalformedError."""
    datagram = read_udp(packet)
    if datagram.dst.version != 6 or datagram.dport != SERVER_PORT:
        raise MalformedError("not sent to a DHCPv6 server")
    if not datagram.dst.is_multicast or datagram.src == UNSPECIFIED:
        return None
    message = read(datagram.payload)
    subnets = [s for s in subject.subnets if serves(s)]
    if not subnets or not _is_valid(message, server_id(subject)):
        return None
    content = _content(message, subject, subnets, settings)
    if content is None:
        return None
    kind = ADVERTISE if message.type == SOLICIT and message.get(_RAPID_COMMIT) is None else REPLY
    payload = bytes([kind]) + message.transaction + _write(content)
    network = subject.network.id
    source = IPv6Address(service_link_local(network))
    return Datagram(
        datagram.eth_src, mac_bytes(service_mac(network)), source, datagram.src, SERVER_PORT, CLIENT_PORT, payload
    ).encode()


def serves(subnet: Subnet) -> str | None:
    """How DHCPv6 serves a subnet: `dhcpv6-stateful`, `dhcpv6-stateless` or not at all.

    Without modes a subnet is stateful, with an advertising router of somebody else, as with Neutron's DHCP agent.
    """
    if subnet.ip_version != 6 or not subnet.enable_dhcp:
        return None
    if subnet.ipv6_address_mode is None and subnet.ipv6_ra_mode is None:
        return STATEFUL
    return subnet.ipv6_address_mode if subnet.ipv6_address_mode in (STATEFUL, STATELESS) else None


def server_id(subject: Subject) -> bytes:
    """The server's DUID, of its link-layer address (RFC 8415, 11.4): the same on every host."""
    return struct.pack("!HH", 3, 1) + mac_bytes(service_mac(subject.network.id))


def read(payload: bytes) -> Message:
    """Read a client's message. Raises MalformedError."""
    if len(payload) < 4:
        raise MalformedError(f"a DHCPv6 message of {len(payload)} bytes")
    if payload[0] not in NAMES:
        raise MalformedError(f"DHCPv6 message type {payload[0]} is not a client's")
    return Message(payload[0], payload[1:4], _read(payload[4:]))


def _read(data: bytes) -> Options:
    found: Options = []
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise MalformedError("a DHCPv6 option is cut short")
        number, length = struct.unpack_from("!HH", data, at)
        if at + 4 + length > len(data):
            raise MalformedError(f"DHCPv6 option {number} is cut short")
        found.append((number, data[at + 4 : at + 4 + length]))
        at += 4 + length
    return found


def _write(found: Options) -> bytes:
    return b"".join(struct.pack("!HH", number, len(value)) + value for number, value in found)


def _numbers(value: bytes) -> tuple[int, ...]:
    return struct.unpack(f"!{len(value) // 2}H", value[: len(value) // 2 * 2])


def _is_valid(message: Message, server: bytes) -> bool:
    named = message.get(_SERVER_ID)
    if message.type == INFORMATION_REQUEST:
        has_addresses = any(message.get(ia) is not None for ia in (_IA_NA, _IA_TA, _IA_PD))
        return named in (None, server) and not has_addresses
    if message.get(_CLIENT_ID) is None:
        return False
    return named == server if _NAMES_SERVER[message.type] else named is None


def _content(message: Message, subject: Subject, subnets: list[Subnet], settings: Settings) -> Options | None:
    """The options of the answer; None for no answer."""
    client = message.get(_CLIENT_ID)
    head: Options = [(_CLIENT_ID, client)] if client is not None else []
    head.append((_SERVER_ID, server_id(subject)))
    if message.type in (RELEASE, DECLINE):
        return [*head, _status(_SUCCESS)]
    if message.type == CONFIRM:
        status = _confirm(message, subject)
        return None if status is None else [*head, _status(status)]
    if message.type == SOLICIT:
        head.append((_PREFERENCE, b"\xff"))  # there is no other server to wait for
        if message.get(_RAPID_COMMIT) is not None:
            head.append((_RAPID_COMMIT, b""))
    leases = [lease for lease in subject.leases(6) if serves(lease.subnet) == STATEFUL]
    return [*head, *_associations(message, leases, settings), *_configuration(message, subject, subnets, settings)]


def _confirm(message: Message, subject: Subject) -> int | None:
    """Whether all of the client's addresses belong to the link; None when it names none."""
    wanted = [a for number, value in message.options if number == _IA_NA for a in _addresses(value)]
    if not wanted:
        return None
    links = [IPv6Network(s.cidr) for s in subject.subnets if s.ip_version == 6]
    return _SUCCESS if all(any(a in link for link in links) for a in wanted) else _NOT_ON_LINK


def _associations(message: Message, leases: list[Lease], settings: Settings) -> Options:
    """Answers to the client's identity associations: the first for addresses gets all that the port has."""
    found: Options = []
    left = leases
    for number, value in message.options:
        if number == _IA_NA:
            found.append((_IA_NA, _association(value, message.type, left, settings)))
            left = []
        elif number == _IA_TA and len(value) >= 4:
            found.append((_IA_TA, value[:4] + _write([_status(_NO_ADDRESSES)])))
        elif number == _IA_PD and len(value) >= 12:
            found.append((_IA_PD, value[:4] + bytes(8) + _write([_status(_NO_PREFIXES)])))
    return found


def _association(value: bytes, kind: int, leases: list[Lease], settings: Settings) -> bytes:
    """An IA_NA: the port's addresses, and with lifetime 0 those that the client has and the port has not."""
    asked = _addresses(value)
    owned = [lease.address for lease in leases]
    preferred, valid = _lifetimes(settings.lease_time)
    inner = [_address(a, preferred, valid) for a in owned if isinstance(a, IPv6Address)]
    if kind in (RENEW, REBIND):
        inner += [_address(a, 0, 0) for a in asked if a not in owned]
    if not owned:
        inner.append(_status(_NO_BINDING if kind in (RENEW, REBIND) and not asked else _NO_ADDRESSES))
    t1, t2 = (_FOREVER, _FOREVER) if preferred == _FOREVER else (preferred // 2, preferred * 4 // 5)
    times = struct.pack("!II", t1, t2) if owned else bytes(8)
    return value[:4] + times + _write(inner)


def _addresses(value: bytes) -> list[IPv6Address]:
    """The addresses in an IA_NA. Raises MalformedError."""
    if len(value) < 12:
        raise MalformedError("an IA_NA that is cut short")
    inner = [v for number, v in _read(value[12:]) if number == _IA_ADDRESS]
    if any(len(v) < 24 for v in inner):
        raise MalformedError("an IA address that is cut short")
    return [IPv6Address(v[:16]) for v in inner]


def _address(address: IPv6Address, preferred: int, valid: int) -> tuple[int, bytes]:
    return _IA_ADDRESS, address.packed + struct.pack("!II", preferred, valid)


def _lifetimes(lease_time: int) -> tuple[int, int]:
    return (_FOREVER, _FOREVER) if lease_time == INFINITE else (lease_time, lease_time)


def _status(code: int) -> tuple[int, bytes]:
    return _STATUS, struct.pack("!H", code)


def _configuration(message: Message, subject: Subject, subnets: list[Subnet], settings: Settings) -> Options:
    """What the client asks for besides addresses."""
    own = [lease.subnet for lease in subject.leases(6) if lease.subnet in subnets] or subnets
    servers = dict.fromkeys(server for subnet in own for server in dns_servers(subnet))
    domains = dict.fromkeys(d for d in (names.network_domain(subject.network), settings.dns_domain.strip(".")) if d)
    found = {
        _DNS: b"".join(IPv6Address(server).packed for server in servers),
        _SEARCH: options.domain_names(domains),
    }
    if message.type == INFORMATION_REQUEST:
        found[_REFRESH_TIME] = struct.pack("!I", _lifetimes(settings.lease_time)[0])
    found |= options.chosen(subject.port.extra_dhcp_opts, 6, message.tags)
    chosen = [(number, value) for number, value in found.items() if value and message.wants(number)]
    return [*chosen, *_name(message, subject, settings)]


def _name(message: Message, subject: Subject, settings: Settings) -> Options:
    """The client's name as the cloud has it, for one that told its own (RFC 4704)."""
    asked = message.get(_FQDN)
    leases = subject.leases(6)
    if asked is None or not leases:
        return []
    host = names.host_name(subject.port, str(leases[0].address), settings.dns_domain)
    updates = 1 if asked[:1] and asked[0] & 1 else 3  # S: the server has it in DNS; O: though the client did not ask
    return [(_FQDN, bytes([updates]) + options.domain_names([f"{host}.{settings.dns_domain.strip('.')}"]))]
