"""Sends frames of the host itself into physical networks, by br-int's patch ports."""

from collections.abc import Callable

from tunbridge.dataplane import names
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.responders import arp
from tunbridge.dataplane.view import Source

Send = Callable[[str, bytes, int], None]
"""Bridge, frame, OpenFlow port."""


class Wires:
    """The physical networks of this host."""

    def __init__(self, desired: Desired, source: Source, send: Send) -> None:
        self._desired = desired
        self._source = source
        self._send = send

    @property
    def host(self) -> str | None:
        """The name of this host, once there is a local state."""
        return None if self._desired.local is None else self._desired.local.host

    def network_of(self, vlan: int) -> str | None:
        """The network with a local VLAN."""
        return next((id for id, used in self._desired.vlans.items() if used == vlan), None)

    def bridge(self, network_id: str) -> str | None:
        """The bridge by which a network leaves the host; None while it is not here."""
        local, network = self._desired.local, self._source.network(network_id)
        return None if local is None or network is None else local.providers.get(network.physical_network or "")

    def send(self, network_id: str, frame: bytes) -> None:
        """Send a frame; nothing happens while the network is not here."""
        local, bridge, vlan = self._desired.local, self.bridge(network_id), self._desired.vlans.get(network_id)
        if local is None or bridge is None or vlan is None:
            return
        patch = local.ofports.get(names.INTEGRATION_BRIDGE, {}).get(names.integration_patch(bridge))
        if patch is not None:
            self._send(names.INTEGRATION_BRIDGE, arp.tagged(frame, vlan), patch)
