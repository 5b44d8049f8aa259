"""Networks that carry VLAN tags of VMs' own: `vlan_transparent`, and `qinq`, with an outer tag of IEEE 802.1ad.

Errors and texts are Neutron's (ml2/plugin.py, neutron-lib); which types of networks can be so, those of its OVN.
"""

from collections.abc import Iterable
from typing import Any

from tunbridge.rules.errors import BadRequest, invalid
from tunbridge.rules.request import Row
from tunbridge.rules.segments import Segment

TRANSPARENT, QINQ = "vlan_transparent", "qinq"


def check(is_transparent: Any, is_qinq: Any, segments: Iterable[Segment]) -> None:
    """Refuse segments that cannot carry tags. Raises BadRequest."""
    types = {segment.network_type for segment in segments}
    if is_transparent and is_qinq:
        message = "Attributes 'vlan_transparent' and 'qinq' can not be set to True for the same network."
        raise BadRequest("BadRequest", f"Bad network request: {message}")
    if is_transparent and "flat" in types:
        raise BadRequest("VlanTransparencyDriverError", "Backend does not support VLAN Transparency.")
    if is_qinq and types != {"vlan"}:
        raise BadRequest("VlanQinqDriverError", "Backend does not support VLAN QinQ.")


def carried_by(network: Row) -> bool:
    """Say whether a network's VMs may have tags of their own."""
    return bool(network.vlan_transparent or network.qinq)


def check_trunk(network: Row, port_id: str) -> None:
    """Keep ports of such networks out of trunks, whose tags name sub-ports. Raises BadRequest."""
    if carried_by(network):
        raise invalid(
            f"Port {port_id} cannot be in a trunk: VLAN tags on its network {network.id} are those of its VMs."
        )
