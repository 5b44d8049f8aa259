"""DHCPv4 (RFC 2131, options RFC 2132): answers a port's client with the addresses that the database gives the port.

                      SELECTING      INIT-REBOOT      RENEWING, REBINDING      INFORM        DECLINE, RELEASE
    server identifier ours           -                -                        -             nothing is kept that
    requested address the port's     the port's       -                        -             could be given back,
    ciaddr            0              0                the port's               the client's  so no answer
    answer            ACK            ACK              ACK                      ACK, no lease
    wrong address     NAK            NAK              NAK                      none

There are no leases to remember: who asks is known by the port that the packet came from, and what it may have is in the
database. The only server of a subnet is the agent of the VM's host, so rapid commit (RFC 4039) is safe. Relayed
requests get no answer: they are of machines behind the port, which the database does not know.
"""

import struct
from ipaddress import IPv4Address, IPv4Network

from msgspec import Struct

from tunbridge.dataplane.addresses import METADATA_ADDRESS, dhcp_address, service_mac
from tunbridge.dataplane.responders import names, options
from tunbridge.dataplane.responders.frames import (
    BROADCAST,
    BROADCAST_MAC,
    Datagram,
    MalformedError,
    mac_bytes,
    read_udp,
)
from tunbridge.dataplane.responders.subject import INFINITE, Lease, Settings, Subject
from tunbridge.dataplane.view import Subnet

SERVER_PORT, CLIENT_PORT = 67, 68
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
NAMES = {1: "DISCOVER", 3: "REQUEST", 4: "DECLINE", 7: "RELEASE", 8: "INFORM"}
"""What clients send."""

_HEADER = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
_COOKIE = b"\x63\x82\x53\x63"
_BROADCAST_FLAG = 0x8000
_NONE = IPv4Address(0)
_SHORTEST = 300
"""Bytes of a message: some clients take none that is shorter than BOOTP's (RFC 1542, 2.1)."""
_DEFAULT_SIZE = 576
"""Bytes of an IP packet that every client takes (RFC 2131, 2)."""
_IP_UDP = 28
_SNAME, _FILE = 63, 127
"""Bytes of a name in these fields of the header, without the zero that ends it."""
_OVERLOAD = 52
_METADATA = f"{METADATA_ADDRESS}/32"

(
    _NETMASK, _ROUTER, _DNS, _HOSTNAME, _DOMAIN, _MTU, _BROADCAST, _REQUESTED, _LEASE_TIME, _TYPE, _SERVER, _PARAMETERS,
    _MESSAGE, _MAX_SIZE, _T1, _T2, _VENDOR_CLASS, _CLIENT_ID, _TFTP_SERVER, _BOOT_FILE, _RAPID_COMMIT, _ARCHITECTURE,
    _MACHINE, _SEARCH, _ROUTES, _IPXE,
) = (
    1, 3, 6, 12, 15, 26, 28, 50, 51, 53, 54, 55, 56, 57, 58, 59, 60, 61, 66, 67, 80, 93, 97, 119, 121, 175,
)  # fmt: skip
_FORCED = frozenset({_LEASE_TIME, _T1, _T2, _MTU})
"""Sent to those who do not ask as well: the MTU as Neutron does, since a network's is below Ethernet's."""


class Message(Struct, frozen=True):
    """What a client sent."""

    type: int
    xid: int
    secs: int
    flags: int
    ciaddr: IPv4Address
    giaddr: IPv4Address
    chaddr: bytes
    options: dict[int, bytes]

    @property
    def requested(self) -> IPv4Address | None:
        """The address that it asks for."""
        return self._address(_REQUESTED)

    @property
    def server(self) -> IPv4Address | None:
        """The server that it chose."""
        return self._address(_SERVER)

    def wants(self, option: int) -> bool:
        """Whether it asks for an option; who has no list asks for all."""
        wanted = self.options.get(_PARAMETERS)
        return wanted is None or option in wanted

    @property
    def tags(self) -> frozenset[str]:
        """What `extra_dhcp_opts` may depend on."""
        value = self.options.get(_ARCHITECTURE, b"")
        found = options.architecture_tags(struct.unpack(f"!{len(value) // 2}H", value[: len(value) // 2 * 2]))
        return found | {"ipxe"} if _IPXE in self.options else found

    def _address(self, option: int) -> IPv4Address | None:
        value = self.options.get(option)
        return None if value is None else IPv4Address(value)


def answer(packet: bytes, subject: Subject, settings: Settings) -> bytes | None:
    """The frame that answers a client's, if any. Raises MalformedError."""
    datagram = read_udp(packet)
    if datagram.src.version != 4 or datagram.dport != SERVER_PORT:
        raise MalformedError("not sent to a DHCPv4 server")
    message = read(datagram.payload)
    leases = subject.leases(4)
    if message.giaddr != _NONE or message.chaddr != mac_bytes(subject.port.mac_address) or not leases:
        return None
    if message.type == DISCOVER:
        lease = _lease(leases, message.requested) or leases[0]
        rapid = _RAPID_COMMIT in message.options
        return _reply(message, ACK if rapid else OFFER, lease, subject, settings)
    if message.type == REQUEST:
        return _requested(message, leases, subject, settings)
    if message.type == INFORM:
        known = _lease(leases, message.ciaddr) or _neighbour(leases, message.ciaddr)
        return None if known is None else _reply(message, ACK, known, subject, settings)
    return None


def read(payload: bytes) -> Message:
    """Read a client's message. Raises MalformedError."""
    if len(payload) < _HEADER.size:
        raise MalformedError(f"a DHCP message of {len(payload)} bytes")
    op, hardware, length, _, xid, secs, flags, ciaddr, _, _, giaddr, chaddr, _, _, cookie = _HEADER.unpack_from(payload)
    if (op, hardware, length, cookie) != (1, 1, 6, _COOKIE):
        raise MalformedError("not a DHCP request of an Ethernet client")
    found = _read_options(payload[_HEADER.size :])
    if len(found.get(_TYPE, b"")) != 1:
        raise MalformedError("no DHCP message type")
    if any(len(found[option]) != 4 for option in (_REQUESTED, _SERVER) if option in found):
        raise MalformedError("an address that is not of four bytes")
    return Message(
        found[_TYPE][0], xid, secs, flags, IPv4Address(ciaddr), IPv4Address(giaddr), chaddr[:6], found
    )  # fmt: skip


def _read_options(data: bytes) -> dict[int, bytes]:
    """Options that come in several parts are put together (RFC 3396)."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and (number := data[at]) != 255:
        if number == 0:
            at += 1
            continue
        value = data[at + 2 : at + 2 + data[at + 1]] if at + 1 < len(data) else b""
        if at + 1 >= len(data) or len(value) < data[at + 1]:
            raise MalformedError(f"option {number} is cut short")
        found[number] = found.get(number, b"") + value
        at += 2 + len(value)
    return found


def _requested(message: Message, leases: list[Lease], subject: Subject, settings: Settings) -> bytes | None:
    if message.server is not None:  # SELECTING
        if str(message.server) not in {dhcp_address(lease.subnet) for lease in leases}:
            return None
        wanted = message.requested
    else:
        wanted = message.ciaddr if message.ciaddr != _NONE else message.requested
    if wanted is None:
        return None
    lease = _lease(leases, wanted)
    if lease is None:
        return _refuse(message, leases[0].subnet, f"{wanted} is not an address of this port")
    return _reply(message, ACK, lease, subject, settings)


def _lease(leases: list[Lease], address: IPv4Address | None) -> Lease | None:
    return next((lease for lease in leases if lease.address == address), None)


def _neighbour(leases: list[Lease], address: IPv4Address) -> Lease | None:
    """The lease whose subnet an address is in that a client gave itself, and only wants to know the rest."""
    return next((lease for lease in leases if address in IPv4Network(lease.subnet.cidr)), None)


def _refuse(message: Message, subnet: Subnet, reason: str) -> bytes:
    found = {
        _TYPE: bytes([NAK]), _SERVER: IPv4Address(dhcp_address(subnet)).packed, _MESSAGE: reason.encode(),
        **_echo(message),
    }  # fmt: skip
    payload = _message(message, _NONE, _NONE, _NONE, b"", b"", _write_options(found, _DEFAULT_SIZE)[0])
    return _datagram(subnet, BROADCAST_MAC, BROADCAST, payload)


def _reply(message: Message, kind: int, lease: Lease, subject: Subject, settings: Settings) -> bytes:
    """OFFER or ACK."""
    informs = message.type == INFORM
    extra = options.chosen(subject.port.extra_dhcp_opts, 4, message.tags)
    server = IPv4Address(dhcp_address(lease.subnet))
    found = {_TYPE: bytes([kind]), _SERVER: server.packed}
    if message.type == DISCOVER and kind == ACK:
        found[_RAPID_COMMIT] = b""
    configured = {**_configuration(lease, subject, settings), **extra}
    if not informs:
        configured = {**_times(settings.lease_time), **configured}
    next_server = configured.pop(options.NEXT_SERVER, server.packed)[:4] or server.packed
    sname, file = (configured.get(n, b"") if not message.wants(n) else b"" for n in (_TFTP_SERVER, _BOOT_FILE))
    for number, value in configured.items():
        if value and (number in _FORCED or message.wants(number)) and not (informs and number in _times(0)):
            found[number] = value
    found |= _echo(message) | _network_boot(message, configured)
    size = max(_DEFAULT_SIZE, min(_max_size(message), subject.network.mtu)) - _IP_UDP
    assert isinstance(lease.address, IPv4Address)
    yiaddr = _NONE if informs else lease.address
    content, sname, file = _laid_out(found, size - _HEADER.size, sname, file)
    payload = _message(message, message.ciaddr, yiaddr, IPv4Address(next_server), sname, file, content)
    if message.ciaddr != _NONE:
        return _datagram(lease.subnet, message.chaddr, message.ciaddr, payload)
    if message.flags & _BROADCAST_FLAG:
        return _datagram(lease.subnet, BROADCAST_MAC, BROADCAST, payload)
    return _datagram(lease.subnet, message.chaddr, lease.address, payload)


def _times(lease_time: int) -> dict[int, bytes]:
    """Lease time, and when to renew and rebind (RFC 2131, 4.4.5)."""
    if lease_time == INFINITE:
        return {_LEASE_TIME: b"\xff" * 4, _T1: b"\xff" * 4, _T2: b"\xff" * 4}
    times = {_LEASE_TIME: lease_time, _T1: lease_time // 2, _T2: lease_time * 7 // 8}
    return {number: struct.pack("!I", seconds) for number, seconds in times.items()}


def _configuration(lease: Lease, subject: Subject, settings: Settings) -> dict[int, bytes]:
    """The subnet's options, in the order in which they are sent; empty ones are not."""
    subnet = lease.subnet
    network = IPv4Network(subnet.cidr)
    domains = dict.fromkeys(d for d in (names.network_domain(subject.network), settings.dns_domain.strip(".")) if d)
    gateway = default_gateway(subnet)
    return {
        _NETMASK: network.netmask.packed,
        _BROADCAST: network.broadcast_address.packed,
        _ROUTER: b"" if gateway is None else IPv4Address(gateway).packed,
        _DNS: b"".join(IPv4Address(server).packed for server in dns_servers(subnet)),
        _MTU: struct.pack("!H", min(subject.network.mtu, 65535)),
        _ROUTES: _routes(subnet, gateway, subject, settings),
        _HOSTNAME: names.host_name(subject.port, str(lease.address), settings.dns_domain).encode(),
        _DOMAIN: settings.dns_domain.strip(".").encode(),
        _SEARCH: options.domain_names(domains),
    }


def default_gateway(subnet: Subnet) -> str | None:
    """The subnet's gateway, else the next hop of a host route to everywhere."""
    if subnet.gateway_ip is not None:
        return subnet.gateway_ip
    return next((r.nexthop for r in subnet.host_routes if r.destination == "0.0.0.0/0"), None)


def dns_servers(subnet: Subnet) -> tuple[str, ...]:
    """The subnet's, else the address where this host answers names. 0.0.0.0 or :: stands for none, as in Neutron."""
    if subnet.dns_nameservers:
        return () if {"0.0.0.0", "::"} & set(subnet.dns_nameservers) else subnet.dns_nameservers  # noqa: S104 - not bound
    if subnet.ip_version == 4 and subnet.gateway_ip is None:
        return ()
    return (dhcp_address(subnet),)


def _routes(subnet: Subnet, gateway: str | None, subject: Subject, settings: Settings) -> bytes:
    """Option 121: host routes and the network's other subnets, which are on the link.

    So is the metadata service where the gateway is no router of the cloud, which would take packets to it anyway.
    A client that takes it ignores option 3 (RFC 3442), so the default route is in it as well.
    """
    found = [options.route(r.destination, r.nexthop) for r in subnet.host_routes if r.destination != "0.0.0.0/0"]
    found += [options.route(s.cidr, "0.0.0.0") for s in subject.subnets if s.ip_version == 4 and s.id != subnet.id]  # noqa: S104
    own = {r.destination for r in subnet.host_routes}
    if settings.metadata and subnet.id not in subject.routed and _METADATA not in own:
        found.append(options.route(_METADATA, "0.0.0.0"))  # noqa: S104
    if found and gateway is not None:
        found.insert(0, options.route("0.0.0.0/0", gateway))
    return b"".join(found)


def _echo(message: Message) -> dict[int, bytes]:
    """The client's identifier goes back to it (RFC 6842)."""
    return {_CLIENT_ID: message.options[_CLIENT_ID]} if _CLIENT_ID in message.options else {}


def _network_boot(message: Message, configured: dict[int, bytes]) -> dict[int, bytes]:
    """What firmware looks for in an answer with a boot file: its own identifier, and that HTTP boot is meant."""
    if not configured.get(_BOOT_FILE):
        return {}
    found = {_MACHINE: message.options[_MACHINE]} if _MACHINE in message.options else {}
    if message.options.get(_VENDOR_CLASS, b"").startswith(b"HTTPClient") and _VENDOR_CLASS not in configured:
        found[_VENDOR_CLASS] = b"HTTPClient"  # UEFI 2.10, 24.7.3.1
    return found


def _max_size(message: Message) -> int:
    value = message.options.get(_MAX_SIZE, b"")
    return int.from_bytes(value, "big") if len(value) == 2 else _DEFAULT_SIZE


def _laid_out(found: dict[int, bytes], room: int, sname: bytes, file: bytes) -> tuple[bytes, bytes, bytes]:
    """Options, and the fields `sname` and `file`: options too where there is no room left for them (RFC 2132, 9.3)."""
    content, left = _write_options(found, room)
    if not left or (sname and file):
        return content, sname, file
    content, left = _write_options(found, room - 3)
    overload = 0
    for bit, size in ((1, _FILE), (2, _SNAME)):
        if not (file, sname)[bit - 1]:
            field, rest = _write_options(left, size)
            if len(rest) < len(left):
                file, sname = (field, sname) if bit == 1 else (file, field)
                overload, left = overload | bit, rest
    if overload:
        content = content[:-1] + bytes([_OVERLOAD, 1, overload, content[-1]])
    return content, sname, file


def _write_options(found: dict[int, bytes], room: int) -> tuple[bytes, dict[int, bytes]]:
    """Options in order, long ones in parts (RFC 3396), and those that do not fit."""
    encoded = b""
    left: dict[int, bytes] = {}
    for number, value in found.items():
        parts = [value[at : at + 255] for at in range(0, len(value), 255)] or [b""]
        more = b"".join(bytes([number, len(part)]) + part for part in parts)
        if len(encoded) + len(more) < room:
            encoded += more
        else:
            left[number] = value
    return encoded + b"\xff", left


def _message(
    message: Message,
    ciaddr: IPv4Address,
    yiaddr: IPv4Address,
    siaddr: IPv4Address,
    sname: bytes,
    file: bytes,
    opts: bytes,
) -> bytes:
    header = _HEADER.pack(
        2, 1, 6, 0, message.xid, 0, message.flags, ciaddr.packed, yiaddr.packed, siaddr.packed, bytes(4),
        message.chaddr, sname[:_SNAME], file[:_FILE], _COOKIE,
    )  # fmt: skip
    return (header + opts).ljust(_SHORTEST, b"\0")


def _datagram(subnet: Subnet, eth_dst: bytes, dst: IPv4Address, payload: bytes) -> bytes:
    src = IPv4Address(dhcp_address(subnet))
    return Datagram(eth_dst, mac_bytes(service_mac(subnet.id)), src, dst, SERVER_PORT, CLIENT_PORT, payload).encode()
