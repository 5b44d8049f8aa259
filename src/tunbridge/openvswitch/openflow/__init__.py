"""OpenFlow 1.4 with Open vSwitch: `Switch` talks to one bridge over its management socket, and `Listener` keeps the
bridges' Controller rows connected.
"""

from tunbridge.openvswitch.openflow.events import (
    Add,
    Delete,
    Disconnected,
    Event,
    FlowChanged,
    FlowEdit,
    Meter,
    PacketIn,
    Refused,
    Suspect,
    Tables,
)  # fmt: skip
from tunbridge.openvswitch.openflow.listener import Listener, OpenFlowError
from tunbridge.openvswitch.openflow.switch import CONTROLLER_ID, NX_MATCH, Switch

__all__ = [
    "CONTROLLER_ID",
    "NX_MATCH",
    "Add",
    "Delete",
    "Disconnected",
    "Event",
    "FlowChanged",
    "FlowEdit",
    "Listener",
    "Meter",
    "OpenFlowError",
    "PacketIn",
    "Refused",
    "Suspect",
    "Switch",
    "Tables",
]  # fmt: skip
