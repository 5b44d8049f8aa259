"""Which bridge a patch port belongs into, as far as the names of Neutron and OVN tell it.

    int-X  in the integration bridge, phy-X in X      Neutron, one pair for each provider bridge
    patch-tun  in the integration bridge, patch-int in the tunnel bridge
    tpi-, spi-  in the integration bridge, tpt-, spt- in a trunk's bridge

A name that is none of these tells nothing: no other bridge is taken instead.
"""

import hashlib

from msgspec import Struct

from tunbridge.inspect.model import Bridge, Host

_NAME_LENGTH = 15
_HASH_LENGTH = 6
"""Neutron shortens names of devices to 15 characters, the last six of which are a hash: `get_interface_name`."""

_INTEGRATION = ("int-", "tpi-", "spi-", "patch-br-int-to-")
_DEFAULTS = {"integration": "br-int", "tunnel": "br-tun"}


class Home(Struct, frozen=True):
    """The bridge that a port belongs into: its name, and whether the host has it."""

    bridge: str
    exists: bool
    kind: str
    """What to call it: "integration bridge", "tunnel bridge" or "bridge"."""


def home_of(host: Host, peer: str) -> Home | None:
    """Return where the patch port `peer` belongs; None when its name does not tell."""
    if peer == "patch-tun" or peer.startswith(_INTEGRATION):
        return _by_role(host, "integration")
    if peer == "patch-int":
        return _by_role(host, "tunnel")
    if not peer.startswith("phy-") or len(peer) == len("phy-"):
        return None
    for bridge in host.bridges:
        if shortened(bridge.name, "phy-") == peer:
            return Home(bridge.name, True, "bridge")
    hashed = len(peer) == _NAME_LENGTH and all(c in "0123456789abcdef" for c in peer[-_HASH_LENGTH:])
    return None if hashed else Home(peer.removeprefix("phy-"), False, "bridge")


def _by_role(host: Host, role: str) -> Home:
    found = [bridge for bridge in host.bridges if bridge.role == role]
    name = found[0].name if found else _DEFAULTS[role]
    return Home(name, bool(found), f"{role} bridge")


def shortened(bridge: str, prefix: str) -> str:
    """Return the name of Neutron's patch port for a bridge, hashed where it would be too long for a device."""
    name = prefix + bridge
    if len(name) <= _NAME_LENGTH:
        return name
    digest = hashlib.sha1(bridge.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    return f"{prefix}{bridge[: _NAME_LENGTH - len(prefix) - _HASH_LENGTH]}{digest[:_HASH_LENGTH]}"


def conventional_peer(bridge: Bridge, name: str) -> str | None:
    """Return the peer that Neutron's names give to the patch port `name` of `bridge`; None when they tell none."""
    if name in ("patch-tun", "patch-int"):
        return {"patch-tun": "patch-int", "patch-int": "patch-tun"}[name]
    if name.startswith("int-"):
        return "phy-" + name.removeprefix("int-") if bridge.role == "integration" else None
    if name == shortened(bridge.name, "phy-"):
        return "int-" + name.removeprefix("phy-")
    return None
