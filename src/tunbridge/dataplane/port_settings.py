"""What is written to the OVS port of a workload, as Neutron's agent writes it: `tag` and `other_config`.

Operators, `ovs-vsctl show` and `tunbridge draw` read from it which network a port is in, and a restarted agent reads
back which local VLAN a network has here.
"""

from collections.abc import Mapping

from tunbridge.dataplane import operations
from tunbridge.dataplane.contribution import SETTINGS, PortSettings
from tunbridge.dataplane.operations import Operation
from tunbridge.openvswitch.rows import Snapshot


def difference(now: Snapshot, wanted: Mapping[str, PortSettings]) -> list[Operation]:
    """Operations that give each port (by name) its settings; other keys of `other_config` stay."""
    found: list[Operation] = []
    for _, port in now.ports() if wanted else ():
        settings = wanted.get(port.name)
        if settings is None:
            continue
        where = operations.by_uuid(port.uuid)
        if port.tag != settings.tag:
            found.append(operations.update("Port", where, {"tag": settings.tag}))
        keys = {key: settings.other_config.get(key) for key in SETTINGS}
        if any(port.other_config.get(key) != value for key, value in keys.items()):
            found.append(operations.set_keys("Port", where, "other_config", keys))
    return found
