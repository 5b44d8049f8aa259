"""Names of bridges and ports: those that Neutron's Open vSwitch agent gives, since operators and tools know them."""

import hashlib
import ipaddress
from base64 import b32encode

INTEGRATION_BRIDGE = "br-int"
TUNNEL_BRIDGE = "br-tun"
PATCH_TO_TUNNEL = "patch-tun"
"""On br-int, its peer is `patch-int`."""
PATCH_TO_INTEGRATION = "patch-int"
"""On br-tun, its peer is `patch-tun`."""

MAX_LENGTH = 15
"""Longest network device name: IFNAMSIZ less the terminating NUL."""
_HASH_LENGTH = 6


def integration_patch(provider_bridge: str) -> str:
    """Name of br-int's end of the patch pair to a provider bridge."""
    return _shortened("int-", provider_bridge)


def provider_patch(provider_bridge: str) -> str:
    """Name of the provider bridge's end of the patch pair to br-int."""
    return _shortened("phy-", provider_bridge)


def _shortened(prefix: str, name: str) -> str:
    """Cut to 15 characters, with the first six hex digits of the name's SHA-1 in place of what is lost."""
    if len(prefix + name) <= MAX_LENGTH:
        return prefix + name
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:_HASH_LENGTH]
    return prefix + name[: MAX_LENGTH - len(prefix) - _HASH_LENGTH] + digest


MIRROR_PORTS = {"gre": "tm_gre", "erspan": "tm_ers"}
"""First part of the names of br-int's ports to collectors of mirrored packets, by the kind of tunnel."""


def mirror_port(kind: str, remote_ip: str) -> str:
    """Name of br-int's port to a collector."""
    return tunnel_port(MIRROR_PORTS[kind], remote_ip)


def tunnel_port(tunnel_type: str, remote_ip: str) -> str:
    """Name of the tunnel port to `remote_ip`: the IPv4 address as 8 hex digits, or a hash of the IPv6 address."""
    address = ipaddress.ip_address(remote_ip)
    length = MAX_LENGTH - len(tunnel_type) - 1
    if address.version == 4:
        return f"{tunnel_type}-{int(address):08x}"
    digest = hashlib.sha1(remote_ip.encode(), usedforsecurity=False).digest()
    return f"{tunnel_type}-{b32encode(digest)[:length].decode().lower()}"
