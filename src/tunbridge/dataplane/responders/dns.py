"""DNS (RFC 1035, EDNS of RFC 6891) for a network's ports: their names, and their addresses in reverse.

    a name of the network                     A, AAAA, PTR; other types: no data
    another name in the cloud's domain        NXDOMAIN; likewise reverse names in the network's subnets
    ANY (RFC 8482), transfers, other classes  REFUSED
    anything else                             `Question`: the caller asks its resolvers; REFUSED when it has none

Over UDP an answer that is too long comes truncated; over TCP (RFC 7766) the client gets all of it.

A network's or port's own `dns_domain` usually is a domain of the world that also has names elsewhere: what is not known
in it is forwarded.
"""

import ipaddress
import struct
from ipaddress import IPv4Network, IPv6Network

import msgspec
from msgspec import Struct

from tunbridge.dataplane.responders.frames import Datagram, MalformedError, address, read_udp
from tunbridge.dataplane.responders.options import domain_names
from tunbridge.dataplane.responders.subject import Settings, Subject

PORT = 53
NO_ERROR, FORMAT_ERROR, SERVER_FAILURE, NO_SUCH_NAME, NOT_IMPLEMENTED, REFUSED, BAD_VERSION = 0, 1, 2, 3, 4, 5, 16
A, SOA, PTR, AAAA, OPT, TRANSFER, ANY = 1, 6, 12, 28, 41, range(251, 255), 255
_IN = 1
_RESPONSE, _AUTHORITATIVE, _TRUNCATED, _RECURSION_DESIRED, _RECURSION_AVAILABLE = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
_AUTHENTIC, _CHECKING_DISABLED = 0x0020, 0x0010
_ABOUT_DNSSEC = _AUTHENTIC | _CHECKING_DISABLED
"""What a client that knows DNSSEC asks of whoever resolves (RFC 4035, 3.2.2; RFC 6840, 5.7)."""
_DNSSEC_OK = 0x8000
"""Flag of EDNS: the client takes signatures (RFC 3225)."""
_PLAIN_SIZE = 512
"""Bytes of a message for a client without EDNS."""
_SIZE = 1232
"""Bytes of a message that is fragmented nowhere (DNS flag day 2020)."""
LONGEST = 0xFFFF
"""Bytes of a message over TCP."""
_NEGATIVE_TTL = 5


class Query(Struct, frozen=True):
    """A question. `name` is in lower case without the last dot; `size` is what the client takes, in bytes."""

    id: int
    flags: int
    name: str
    type: int
    klass: int
    question: bytes
    """As it was sent: name, type, class."""
    size: int = _PLAIN_SIZE
    edns: bool = False
    edns_version: int = 0
    signatures: bool = False
    """Whether it takes them."""


class Question(Struct, frozen=True):
    """A question for the resolvers that the caller has."""

    query: Query

    def ask(self, id: int) -> bytes:
        """The message for a resolver, under an id of the caller's (random, so that nobody guesses it: RFC 5452)."""
        flags = self.query.flags & _ABOUT_DNSSEC | _RECURSION_DESIRED
        edns = _edns(self.query, min(self.query.size, _SIZE))
        return struct.pack("!6H", id, flags, 1, 0, 0, 1 if edns else 0) + self.query.question + edns

    def reply(self, id: int, message: bytes) -> bytes | None:
        """The client's answer of a resolver's; None when the message does not answer `ask(id)`."""
        if len(message) < 12:
            return None
        ident, flags, questions = struct.unpack_from("!3H", message)
        asked = message[12 : 12 + len(self.query.question)]
        if ident != id or not flags & _RESPONSE or questions != 1 or asked.lower() != self.query.question.lower():
            return None
        if len(message) > self.query.size:
            return _empty(self.query, flags & 0x000F, _TRUNCATED)
        return struct.pack("!H", self.query.id) + message[2:]

    def fail(self) -> bytes:
        """The answer that says that no resolver answered."""
        return _empty(self.query, SERVER_FAILURE)


class Forward(Struct, frozen=True):
    """A question that came as a datagram."""

    datagram: Datagram
    question: Question

    def encode(self, message: bytes) -> bytes:
        """The frame with an answer."""
        return self.datagram.reply(message).encode()


def answer(packet: bytes, subject: Subject, settings: Settings) -> bytes | Forward | None:
    """The frame that answers a query, or what is to be asked elsewhere. Raises MalformedError."""
    datagram = read_udp(packet)
    if datagram.dport != PORT:
        raise MalformedError("not sent to a DNS server")
    found = answer_message(datagram.payload, subject, settings)
    if isinstance(found, Question):
        return Forward(datagram, found)
    return None if found is None else datagram.reply(found).encode()


def answer_message(
    message: bytes, subject: Subject, settings: Settings, size: int | None = None
) -> bytes | Question | None:
    """The message that answers one, or what is to be asked elsewhere; None: no answer. Raises MalformedError.

    `size`: bytes that the client takes, whatever it says.
    """
    if len(message) < 12:
        raise MalformedError(f"a DNS message of {len(message)} bytes")
    ident, flags = struct.unpack_from("!HH", message)
    if flags & _RESPONSE:
        return None
    try:
        query = read(message)
    except MalformedError:
        return struct.pack("!6H", ident, _RESPONSE | flags & 0x7900 | FORMAT_ERROR, 0, 0, 0, 0)
    if size is not None:
        query = msgspec.structs.replace(query, size=size)
    found = _decide(query, subject, settings)
    if found is not None:
        return found
    return Question(query) if settings.forward else _empty(query, REFUSED)


def read(message: bytes) -> Query:
    """Read a query of one question. Raises MalformedError."""
    if len(message) < 12:
        raise MalformedError(f"a DNS message of {len(message)} bytes")
    ident, flags, questions, answers, authorities, additional = struct.unpack_from("!6H", message)
    if questions != 1 or answers or authorities:
        raise MalformedError("not one question")
    name, at = _read_name(message, 12)
    if at + 4 > len(message):
        raise MalformedError("the question is cut short")
    kind, klass = struct.unpack_from("!HH", message, at)
    query = Query(ident, flags, name, kind, klass, message[12 : at + 4])
    if not additional:
        return query
    return _with_edns(query, message, at + 4)


def _with_edns(query: Query, message: bytes, at: int) -> Query:
    """What the client says of itself in the first additional record, if that is EDNS's."""
    if at + 11 > len(message):
        raise MalformedError("the additional record is cut short")
    root, kind, size, _, version, flags = struct.unpack_from("!BHHBBH", message, at)
    if root != 0 or kind != OPT:
        return query
    size = max(_PLAIN_SIZE, min(size, _SIZE))
    return msgspec.structs.replace(
        query, size=size, edns=True, edns_version=version, signatures=bool(flags & _DNSSEC_OK)
    )


def _read_name(message: bytes, at: int) -> tuple[str, int]:
    """The name at an offset, and where it ends; pointers have no place in a question."""
    labels: list[str] = []
    start = at
    while True:
        if at >= len(message) or at - start > 254:
            raise MalformedError("the name does not end")
        length = message[at]
        if length == 0:
            return ".".join(labels).lower(), at + 1
        if length > 63 or at + 1 + length > len(message):
            raise MalformedError("the name has a label that is none")
        label = message[at + 1 : at + 1 + length]
        labels.append(label.decode("latin-1").replace(".", "\\."))
        at += 1 + length


def _decide(query: Query, subject: Subject, settings: Settings) -> bytes | None:
    """The answer; None when it is not known here."""
    if query.flags & 0x7800:
        return _empty(query, NOT_IMPLEMENTED)
    if query.edns_version:
        return _empty(query, BAD_VERSION)
    if query.klass != _IN or query.type == ANY or query.type in TRANSFER:
        return _empty(query, REFUSED)
    own = settings.dns_domain.lower().strip(".")
    addresses = subject.zone.addresses.get(query.name, ()) if subject.zone else ()
    if addresses:
        return _addresses(query, addresses, own, settings.dns_ttl)
    reverse = _reverse(query.name)
    if reverse is not None:
        return _pointer(query, reverse, subject, settings)
    return _unknown(query, subject, own, settings)


def _unknown(query: Query, subject: Subject, own: str, settings: Settings) -> bytes | None:
    if query.name == own:
        return _answer(query, [], own, settings.dns_ttl)
    if _is_in(query.name, own):
        return _empty(query, NO_SUCH_NAME, _AUTHORITATIVE, own)
    if "." not in query.name and query.type in (A, AAAA):  # a host name alone: nobody else knows it
        return _empty(query, NO_SUCH_NAME, _AUTHORITATIVE, own)
    others = subject.zone.domains if subject.zone else frozenset()
    if not settings.forward and any(_is_in(query.name, domain) for domain in others):
        return _empty(query, NO_SUCH_NAME, _AUTHORITATIVE, own)
    return None


def _is_in(name: str, domain: str) -> bool:
    return name.endswith(f".{domain}")


def _addresses(query: Query, addresses: tuple[str, ...], own: str, ttl: int) -> bytes:
    version = {A: 4, AAAA: 6}.get(query.type)
    packed = [ip.packed for ip in map(address, addresses) if ip.version == version]
    return _answer(query, packed, own, ttl)


def _reverse(name: str) -> str | None:
    """The address whose name is asked for; the prefix of a shorter name does not matter here."""
    if name.endswith(".in-addr.arpa"):
        text = ".".join(reversed(name.removesuffix(".in-addr.arpa").split(".")))
    elif name.endswith(".ip6.arpa"):
        digits = "".join(reversed(name.removesuffix(".ip6.arpa").split(".")))
        text = ":".join(digits[at : at + 4] for at in range(0, len(digits), 4)) if len(digits) == 32 else ""
    else:
        return None
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _pointer(query: Query, ip: str, subject: Subject, settings: Settings) -> bytes | None:
    name = subject.zone.names.get(ip) if subject.zone else None
    own = settings.dns_domain.lower().strip(".")
    if name is not None:
        return _answer(query, [domain_names([name])] if query.type == PTR else [], own, settings.dns_ttl)
    wanted = address(ip)
    if any(wanted in _network(s.cidr) for s in subject.subnets if s.ip_version == wanted.version):
        return _empty(query, NO_SUCH_NAME, _AUTHORITATIVE, own)
    return None


def _network(cidr: str) -> IPv4Network | IPv6Network:
    return ipaddress.ip_network(cidr)


def _answer(query: Query, values: list[bytes], own: str, ttl: int) -> bytes:
    """An answer with these values; when there are none, with what says how long that holds (RFC 2308)."""
    if not values:
        return _empty(query, NO_ERROR, _AUTHORITATIVE, own)
    records = [struct.pack("!HHHIH", 0xC00C, query.type, _IN, ttl, len(value)) + value for value in values]
    edns = _edns(query, _SIZE)
    size = 12 + len(query.question) + sum(map(len, records)) + len(edns)
    if size > query.size:
        return _empty(query, NO_ERROR, _AUTHORITATIVE | _TRUNCATED)
    head = struct.pack("!6H", query.id, _flags(query, NO_ERROR, _AUTHORITATIVE), 1, len(records), 0, bool(edns))
    return head + query.question + b"".join(records) + edns


def _empty(query: Query, code: int, flags: int = 0, own: str | None = None) -> bytes:
    """An answer without records, but for the domain's SOA in which a negative one says how long it holds."""
    soa = b""
    if own is not None:
        apex = domain_names([own])
        value = apex + domain_names([f"hostmaster.{own}"]) + struct.pack("!5I", 1, 3600, 600, 86400, _NEGATIVE_TTL)
        soa = apex + struct.pack("!HHIH", SOA, _IN, _NEGATIVE_TTL, len(value)) + value
    edns = _edns(query, _SIZE, code >> 4)
    head = struct.pack("!6H", query.id, _flags(query, code & 15, flags), 1, 0, bool(soa), bool(edns))
    return head + query.question + soa + edns


def _flags(query: Query, code: int, flags: int) -> int:
    kept = query.flags & (0x7800 | _RECURSION_DESIRED | _CHECKING_DISABLED)
    return _RESPONSE | _RECURSION_AVAILABLE | kept | flags | code


def _edns(query: Query, size: int, code: int = 0) -> bytes:
    """What is said of oneself to those who do so."""
    return struct.pack("!BHHBBHH", 0, OPT, size, code, 0, query.signatures * _DNSSEC_OK, 0) if query.edns else b""
