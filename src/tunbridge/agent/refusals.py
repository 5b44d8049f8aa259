"""Tells senders elsewhere of packets that a router on this host cannot forward: outside, on other hosts, behind another
router here. (Workloads of this host are answered by their own port, packet_in.py.)

The answer goes back to whoever the packet came from, by the flows that a packet of the router takes into that network:
so it gets the router's address, or a floating IP, as its source, and what it quotes is translated back.
"""

from collections.abc import Callable

from tunbridge.dataplane import pipeline, responders
from tunbridge.dataplane.desired import Desired
from tunbridge.dataplane.responders import Kind
from tunbridge.dataplane.view import Source
from tunbridge.openvswitch.openflow import PacketIn

Send = Callable[[str, bytes, str], None]
"""Bridge, frame, actions."""


class Refusals:
    """What this host's routers tell others."""

    def __init__(self, desired: Desired, source: Source, send: Send) -> None:
        self._desired = desired
        self._source = source
        self._send = send

    def tell(self, kind: Kind, event: PacketIn) -> bool:
        """Tell the sender of a packet; False when there is nothing to tell, or nobody. Raises MalformedError."""
        router = event.fields.get("reg1", 0)
        id = self._desired.router(router)
        mac = event.data[:6].hex(":")
        arrival = None if id is None else responders.read_arrival(self._source, id, mac)
        vlan = None if arrival is None else self._desired.vlans.get(arrival.network_id)
        frame = None if arrival is None else responders.tell(kind, event.data, arrival)
        if frame is None or vlan is None:
            return False
        actions = f"set_field:{router:#x}->reg1,set_field:{vlan:#x}->reg6,resubmit(,{pipeline.ROUTED.number})"
        self._send(event.bridge, frame, actions)
        return True
