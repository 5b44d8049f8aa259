"""Claims: a port that is plugged in on a host without anybody having bound it there is bound by the host's word.

Nova sets `binding:host_id` before it plugs a port in; who plugs in by `ovs-vsctl set … external_ids:iface-id=PORT`
does not. A host has a row in `Port_Status` for each port that is plugged in there, whoever did it. By that row a server
binds a port that is

    unbound                                   to the host that says so (the first by name, when several do)
    bound by a claim, and its host no longer  to another host that says so
    says so, or is dead
    bound by a claim, and the binding failed  to the same host again, once its agent reaches the network
and nothing else: a binding that was set through the API is never changed, nor a port that is being moved, nor one of
another VNIC type than `normal`, nor a trunk's sub-port, which goes along with its parent port, nor a router's or
floating IP's, of which hosts report as well. When the port is unplugged, its binding stays and its status is DOWN.

A port that gets its addresses with its host (routed.py) gets them in the same transaction; a host that has no subnet
for it has a binding that failed.
"""

import msgspec

from tunbridge.rules import bindings, hosts, routed, sub_ports
from tunbridge.rules.base import Rules
from tunbridge.rules.request import Reader, Request, Row, Txn
from tunbridge.rules.router_parts import OWNERS


def is_disputed(reader: Reader, port: Row) -> bool:
    """Whether a host says that it has a port which may be bound by claims, and is not bound there."""
    said = _said(reader, port)
    if not said or not _may_be_claimed(reader, port):
        return False
    row = bindings.active(reader, port)
    return row is None or row.vif_type == bindings.FAILED or said != {row.host}


def claimant(reader: Reader, request: Request, port: Row) -> str | None:
    """Give the host to which a port is to be bound now; None: all stays as it is."""
    if not is_disputed(reader, port):
        return None
    alive = sorted(host for host in _said(reader, port) if _is_alive(reader, request, host))
    row = bindings.active(reader, port)
    if row is None or row.host not in alive:
        return alive[0] if alive else None
    return str(row.host) if row.vif_type == bindings.FAILED else None


def bind(txn: Txn, request: Request, rules: Rules, id: str) -> bool:
    """Bind a port to the host that claims it; give whether there was one, and its binding is another now."""
    port = txn.get("Port", id)
    host = None if port is None else claimant(txn, request, port)
    if port is None or host is None:
        return False
    row = bindings.active(txn, port)
    network = rules.others["network"].get(txn, port.network_id)
    profile = msgspec.json.decode(row.profile or "{}") if row is not None else {}
    bindings.rely_on_segments(txn, network)
    columns, can_be_there = routed.settled(rules, txn, request, port, host)
    on = routed.segments_of(txn, columns.get("addresses", port.addresses))
    made = bindings.values(txn, request, network, host, "normal", profile, bindings.ACTIVE, on)
    made |= {"port_id": id, "claimed": True}
    if not can_be_there:
        made |= {"vif_type": bindings.FAILED, "vif_details": "{}"}
    if row is None:
        columns["bindings"] = (*port.bindings, txn.insert(bindings.TABLE, made))
        rules.touch(txn, request, port, columns)
        sub_ports.follow(rules, txn, request, txn.get("Port", id))
        return True
    if (row.host, row.vif_type) == (host, made["vif_type"]):
        return False
    txn.verify(bindings.TABLE, row.id, "host", "status", "claimed")
    txn.update(bindings.TABLE, row.id, made)
    rules.touch(txn, request, port, columns)
    sub_ports.follow(rules, txn, request, txn.get("Port", id))
    return True


def _said(reader: Reader, port: Row) -> set[str]:
    return {str(row.host) for row in reader.find("Port_Status", "port_id", port.id)}


def _may_be_claimed(reader: Reader, port: Row) -> bool:
    if port.device_owner in OWNERS or port.trunk_parent is not None:
        return False
    rows = bindings.of(reader, port)
    row = bindings.active(reader, port)
    if any(other.host for other in rows if other is not row):
        return False
    return row is None or (row.vnic_type == "normal" and (not row.host or row.claimed))


def _is_alive(reader: Reader, request: Request, host: str) -> bool:
    row = hosts.agent(reader, host)
    return row is not None and hosts.is_alive(reader, row, request.settings, request.now)
