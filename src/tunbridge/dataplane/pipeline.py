"""The flow tables of each bridge, declared in one place: number, name, what for, and what happens to a packet that no
flow of the table matches. The numbers are Neutron's where the purpose is the same.
"""

from msgspec import Struct

from tunbridge.dataplane.flows import Flow

DROP = "drop"


class Table(Struct, frozen=True):
    """One flow table. `miss` are the actions of its lowest flow; `next` the tables it may hand a packet to."""

    number: int
    name: str
    purpose: str
    miss: str = DROP
    next: tuple[int, ...] = ()

    def miss_flow(self) -> Flow:
        """Give the flow for packets that nothing else in the table matches."""
        return Flow(table=self.number, priority=0, actions=self.miss)


def goto(table: int) -> str:
    """Give the action that goes on in another table."""
    return f"resubmit(,{table})"


# br-int
LOCAL_SWITCHING = Table(0, "local_switching", "where a packet came in: dead VLAN, unknown ports, provider networks")
INTEGRATION = (LOCAL_SWITCHING,)

# br-tun
UCAST_NUMBER, FLOOD_NUMBER = 20, 22
CLASSIFY = Table(0, "classify", "from br-int, or from a tunnel of which type", next=(2, 3, 4, 6))
PATCH_TO_TUN = Table(
    2, "patch_lv_to_tun", "from br-int: unicast or not", next=(UCAST_NUMBER, FLOOD_NUMBER)
)  # fmt: skip
GRE_TO_LV = Table(3, "gre_tun_to_lv", "GRE: tunnel key -> local VLAN")
VXLAN_TO_LV = Table(4, "vxlan_tun_to_lv", "VXLAN: VNI -> local VLAN")
GENEVE_TO_LV = Table(6, "geneve_tun_to_lv", "Geneve: VNI -> local VLAN")
UCAST_TO_TUN = Table(
    UCAST_NUMBER, "ucast_to_tun", "known MAC address: straight to its host", miss=goto(FLOOD_NUMBER),
    next=(FLOOD_NUMBER,),
)  # fmt: skip
FLOOD_TO_TUN = Table(FLOOD_NUMBER, "flood_to_tun", "broadcast: to the hosts that have the network")
TUNNEL = (CLASSIFY, PATCH_TO_TUN, GRE_TO_LV, VXLAN_TO_LV, GENEVE_TO_LV, UCAST_TO_TUN, FLOOD_TO_TUN)
FROM_TUNNEL = {"gre": GRE_TO_LV, "vxlan": VXLAN_TO_LV, "geneve": GENEVE_TO_LV}

# provider bridges
PROVIDER_SWITCHING = Table(
    0,
    "provider",
    "from br-int: local VLAN -> segment; all other traffic of the bridge is the operator's",
    miss="NORMAL",
)
PROVIDER = (PROVIDER_SWITCHING,)

UNICAST = "dl_dst=00:00:00:00:00:00/01:00:00:00:00:00"
MULTICAST = "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00"
