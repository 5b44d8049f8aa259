"""VLAN tags of VMs' own, in networks that carry them (API: `vlan_transparent`, `qinq`), and tags of VLAN 0 in others.

A tag stays on the packet. On its way between bridges it is below the local VLAN, which table 94 puts on top and table 0
takes off again; in a physical network it is below the network's segment. Open vSwitch matches what is behind as many
tags as `vlan-limit` says, so there port security and rules are about what is in a tagged frame as about any other.

A tagged frame is switched, and nothing more: DHCP, ARP, metadata, routers are of the network without a tag. What has
more tags than Open vSwitch looks behind is dropped where it comes from: nobody could judge it, and a Linux receiver
takes VLAN 0 off without having such an interface.

In other networks a frame with a tag of VLAN 0, which has a priority and no VLAN (IEEE 802.1Q), is one without a tag, as
on an access port of Open vSwitch. The tag comes off, and the frame starts again: with one more tag it goes nowhere.
Where Open vSwitch could not be kept from letting that one through (`overlooks_second`), the frame is dropped.
"""

from collections.abc import Sequence

from tunbridge.dataplane import flow, names, pipeline
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.flow import Action, Match, goto
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.view import Network

TAGGED: Match = {"vlan_tci": "0x1000/0x1000"}
BELOW: Sequence[Match] = tuple({"dl_type": f"{tag:#x}"} for tag in (flow.CUSTOMER_TAG, flow.SERVICE_TAG))
"""What cannot be looked behind: one more tag."""


def obstacle(context: Context, network: Network) -> str | None:
    """Why VMs cannot have tags of their own in a network on this host."""
    if network.is_tunnelled or network.network_type == "local":
        return None
    if network.segmentation_id is None:
        return "a flat network has no tag of its own, below which those of VMs could be"
    if context.local.vlan_limit > 1:
        return None
    return "tags of VMs in a VLAN network need: ovs-vsctl set Open_vSwitch . other_config:vlan-limit=2"


def send(context: Context, ofport: int, start: Sequence[Action]) -> None:
    """What a workload sends with a tag."""
    where: Match = {"in_port": ofport, **TAGGED}
    context.flow(names.INTEGRATION_BRIDGE, pipeline.LOCAL_SWITCHING, 5, where, *start)
    for below in BELOW:
        context.flow(names.INTEGRATION_BRIDGE, pipeline.LOCAL_SWITCHING, 6, {**where, **below})


def take_priority(context: Context, ofport: int) -> None:
    """Take off what a workload may put on in a network that carries no tags."""
    if not overlooks_second(context):
        where: Match = {"in_port": ofport, "dl_vlan": 0}
        start = [flow.pop_vlan(), goto(pipeline.LOCAL_SWITCHING)]
        context.flow(names.INTEGRATION_BRIDGE, pipeline.LOCAL_SWITCHING, 10, where, *start)


def overlooks_second(context: Context) -> bool:
    """Whether no tag of a workload may come off here: a second one could stay on, and name another network.

    Of a frame whose only tag comes off, Open vSwitch does not note that there was no second. Where it looks behind two,
    its datapath in userspace treats the next frame, with a second tag, likewise. The kernel's always matches both.
    """
    return context.local.userspace and context.local.vlan_limit > 1


def sub_port_obstacle(context: Context) -> str | None:
    """Why a trunk cannot have sub-ports on this host."""
    if not overlooks_second(context):
        return None
    return (
        "sub-ports on a host with datapath_type netdev, where a second VLAN tag could get through, need: ovs-vsctl set"
        " Open_vSwitch . other_config:vlan-limit=1"
    )


def common() -> list[Flow]:
    """Tagged frames pass by what is of a network without a tag; a network that carries none has none from outside."""
    return [
        flow.make(pipeline.LEARN, 10, TAGGED, []),
        flow.make(pipeline.SERVICE_TABLE, 100, TAGGED, [goto(pipeline.PRIVATE)]),
        flow.make(pipeline.ROUTER, 1000, TAGGED, [goto(pipeline.DESTINATION)]),
    ]
