"""IP protocols by name and number, as security group rules name them (IANA; Neutron's names)."""

NUMBERS = {
    "ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "hopopt": 0, "icmp": 1, "icmpv6": 58, "igmp": 2, "ip": 0,
    "ipip": 4, "ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43,
    "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
}  # fmt: skip
ICMP = (1, 58)
PORT_PROTOCOLS = {33: "dccp", 132: "sctp", 6: "tcp", 17: "udp", 136: "udplite"}
"""Protocols whose rules may name ports."""
LEGACY_IPV6_ICMP = ("icmp", "icmpv6")
"""Names that mean ipv6-icmp in a rule for IPv6."""
_IPV6_NAMES = ("ipv6-encap", "ipv6-frag", "ipv6-icmp", "icmpv6", "ipv6-nonxt", "ipv6-opts", "ipv6-route")
IPV6_ONLY = frozenset({*_IPV6_NAMES, *(str(NUMBERS[name]) for name in _IPV6_NAMES)})


def number(protocol: str) -> int:
    """Give the number of a protocol that is named or numbered."""
    return NUMBERS[protocol] if protocol in NUMBERS else int(protocol)


def spellings(protocol: str | None, ethertype: str | None) -> int | None:
    """Give one value for all spellings of a protocol; None for any."""
    if protocol in (None, "any"):
        return None
    assert protocol is not None
    found = number(protocol)
    return 58 if ethertype == "IPv6" and found == 1 else found
