"""Networks that carry VLAN tags of VMs' own: `vlan_transparent`, and `qinq`, with an outer tag of IEEE 802.1ad.

Errors and the beginnings of their texts are Neutron's (ml2/plugin.py, neutron-lib), which does not say why; which types
of networks can be so, those of its OVN.
"""

from collections.abc import Iterable

from tunbridge.rules.errors import BadRequest, invalid
from tunbridge.rules.request import Row, Values
from tunbridge.rules.segments import Segment

TAG = 4
"""Bytes of a VLAN tag."""
TRANSPARENT, QINQ = "vlan_transparent", "qinq"


def settle(values: Values, segments: Iterable[Segment]) -> int:
    """Put into a new network's values what it is; gives what `room` does. Raises BadRequest."""
    is_transparent, is_qinq = values.get(TRANSPARENT) is True, values.get(QINQ) is True
    check(is_transparent, is_qinq, segments)
    values |= {TRANSPARENT: is_transparent, QINQ: is_qinq}
    return _room(is_transparent, is_qinq)


def room(network: Row) -> int:
    """Give the bytes of the MTU that VLAN tags take.

    A device passes frames that are longer than its MTU tells by one tag; Linux's packet sockets, by which the datapath
    in userspace sends, only if that is 0x8100.
    """
    return _room(network.vlan_transparent, network.qinq)


def _room(is_transparent: bool, is_qinq: bool) -> int:
    return 2 * TAG if is_qinq else TAG if is_transparent else 0


def check(is_transparent: bool, is_qinq: bool, segments: Iterable[Segment]) -> None:
    """Refuse segments that cannot carry tags. Raises BadRequest."""
    types = {segment.network_type for segment in segments}
    if is_transparent and is_qinq:
        message = "Attributes 'vlan_transparent' and 'qinq' can not be set to True for the same network."
        raise BadRequest("BadRequest", f"Bad network request: {message}")
    if is_transparent and "flat" in types:
        raise BadRequest(
            "VlanTransparencyDriverError",
            "Backend does not support VLAN Transparency: a VLAN tag in a flat network would be a VLAN of its physical"
            " network; use a tunnelled or a VLAN network.",
        )
    if is_qinq and types != {"vlan"}:
        raise BadRequest(
            "VlanQinqDriverError",
            "Backend does not support VLAN QinQ in a network of type"
            f" {', '.join(sorted(types - {'vlan'}))}: its outer tag is the segment of a VLAN network"
            " (provider:network_type vlan).",
        )


def check_trunk(network: Row, port_id: str) -> None:
    """Keep ports of such networks out of trunks, whose tags name sub-ports. Raises BadRequest."""
    if network.vlan_transparent or network.qinq:
        raise invalid(
            f"Port {port_id} cannot be in a trunk: VLAN tags on its network {network.id} are those of its VMs"
        )
