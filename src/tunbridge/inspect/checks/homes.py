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


class Homes:
    """Where the patch ports of one host belong."""

    def __init__(self, host: Host) -> None:
        self._by_role: dict[str, str] = {}
        self._by_peer: dict[str, str] = {}
        """Name of Neutron's patch port -> the bridge that it is in."""
        for bridge in host.bridges:
            self._by_role.setdefault(bridge.role, bridge.name)
            self._by_peer.setdefault(shortened(bridge.name, "phy-"), bridge.name)

    def of(self, peer: str) -> Home | None:
        """Return where the patch port `peer` belongs; None when its name does not tell."""
        if peer == "patch-tun" or peer.startswith(_INTEGRATION):
            return self._of_role("integration")
        if peer == "patch-int":
            return self._of_role("tunnel")
        if not peer.startswith("phy-") or len(peer) == len("phy-"):
            return None
        if (bridge := self._by_peer.get(peer)) is not None:
            return Home(bridge, True, "bridge")
        hashed = len(peer) == _NAME_LENGTH and all(c in "0123456789abcdef" for c in peer[-_HASH_LENGTH:])
        return None if hashed else Home(peer.removeprefix("phy-"), False, "bridge")

    def _of_role(self, role: str) -> Home:
        return Home(self._by_role.get(role, _DEFAULTS[role]), role in self._by_role, f"{role} bridge")


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
