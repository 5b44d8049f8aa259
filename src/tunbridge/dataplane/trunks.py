"""Sub-ports of trunks as workloads: packets with a VLAN tag, by the interface of the trunk's parent port.

In br-int a sub-port has an OpenFlow port number of its own, out of the half that Open vSwitch leaves to controllers
(`alloc_ofp_port()`, ofproto/ofproto.c: it gives interfaces numbers below 0x8000 only). No interface has the number.
Table 0 takes the tag off and writes the number into `in_port`, and begins again as if the packet had come in by a port
of that number; table 100 puts the tag on and sends the packet out of the interface. So everything between, which tells
ports apart by `in_port` and `out`, knows nothing of trunks, and other ports have no flow more.

The numbers are hashes of port ids; which one each sub-port has, and the local VLAN of its network, is kept in the
parent's row of OVSDB (`other_config:sub_ports`), so that a restarted agent goes on with the same.
"""

from collections.abc import Collection, Iterable, Mapping

from tunbridge.dataplane import names
from tunbridge.dataplane.identifiers import hash_of
from tunbridge.dataplane.local import Local, Trunked, Workload
from tunbridge.dataplane.pipeline import FIRST_SUB_PORT, LAST_SUB_PORT
from tunbridge.dataplane.view import Source

_COUNT = LAST_SUB_PORT - FIRST_SUB_PORT + 1


Wanted = Mapping[str, tuple[Workload, int]]
"""Sub-port id -> its parent, and its VLAN tag."""


def wanted(workloads: Mapping[str, Workload], source: Source) -> Wanted:
    """The sub-ports of the workloads of a host; one that is plugged in by itself is none."""
    found: dict[str, tuple[Workload, int]] = {}
    for id in source.sub_ports():
        port = source.port(id)
        if port is None or port.trunk_vlan is None or id in workloads:
            continue
        if (parent := workloads.get(port.trunk_parent or "")) is not None:
            found[id] = parent, port.trunk_vlan
    return found


def plugged(local: Local, wanted: Wanted, former: Mapping[str, int]) -> Mapping[str, Workload]:
    """Sub-ports as workloads, by id.

    `former`: the numbers that they had. A number that an interface was given on request is taken.
    """
    if not wanted:
        return {}
    taken = {n for n in local.ofports.get(names.INTEGRATION_BRIDGE, {}).values() if n >= FIRST_SUB_PORT}
    numbers = _numbers(wanted, former, taken)
    return {
        id: Workload(id, parent.name, numbers[id], trunk=Trunked(parent.port_id, parent.ofport, vlan))
        for id, (parent, vlan) in wanted.items()
        if id in numbers
    }


def _numbers(ids: Iterable[str], former: Mapping[str, int], taken: Collection[int]) -> dict[str, int]:
    used = set(taken)
    found: dict[str, int] = {}
    for id in sorted(ids, key=lambda id: (id not in former, id)):
        first = former.get(id) or FIRST_SUB_PORT + hash_of(f"sub-port {id}") % _COUNT
        tried = (FIRST_SUB_PORT + (first - FIRST_SUB_PORT + i) % _COUNT for i in range(_COUNT))
        number = next((n for n in tried if n not in used), None)
        if number is not None:
            used.add(number)
            found[id] = number
    return found
