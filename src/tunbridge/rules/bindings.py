"""Bindings: where a port is plugged in. A port has one that is active, and while it moves a second one that is not.

unbound            no host                         binding_failed   a host that is unknown, dead or does not
ovs                the host's agent can have it                     reach the network

Whether an agent is alive is asked when a binding is made, not when it is activated: the guest is there by then.
"""

import json
from collections.abc import Collection
from typing import Any

import msgspec

from tunbridge.model import device_owners
from tunbridge.rules import hosts, segments
from tunbridge.rules.errors import Conflict, invalid
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.router_parts import gateways_of

TABLE = "Port_Binding"
ACTIVE, INACTIVE = "ACTIVE", "INACTIVE"
DRIVERS = {"0": "openvswitch"}
"""Who bound a port on which level: Neutron shows it in ports, and not in the list of their bindings."""
UNBOUND, FAILED, OVS = "unbound", "binding_failed", "ovs"
PLUGGED = ("normal", "vdpa")
"""Kinds of VIF that Open vSwitch forwards for; `direct` besides, where the card says that it is in switchdev mode."""
MAX_PROFILE = 4095
"""Characters of a profile's JSON, as Neutron writes and counts them."""


def of(reader: Reader, port: Row) -> list[Row]:
    """Give all bindings of a port."""
    found = (reader.get(TABLE, id) for id in port.bindings)
    return [row for row in found if row is not None]


def active(reader: Reader, port: Row) -> Row | None:
    """Give the binding that is in force."""
    return next((row for row in of(reader, port) if row.status == ACTIVE), None)


def values(
    reader: Reader,
    request: Request,
    network: Row,
    host: str,
    vnic_type: str,
    profile: dict[str, Any],
    status: str,
    on: Collection[str] = (),
) -> Values:
    """Give the columns of a binding to a host; with segments `on` only to one that has the network by one of these."""
    check_profile(profile)
    vif_type, found = _bound(reader, request, network, host, vnic_type, profile)
    if vif_type == OVS and on:
        segment = hosts.segment_of(reader, network, host)
        if segment is None or segment.id not in on:
            vif_type, found = FAILED, {}
    return {
        "host": host,
        "vnic_type": vnic_type,
        "profile": msgspec.json.encode(profile).decode(),
        "vif_type": vif_type,
        "vif_details": msgspec.json.encode(found).decode(),
        "status": status,
        "network_id": network.id,
        "claimed": False,
    }


def rely_on_segments(txn: Txn, network: Row) -> None:
    """Rely on the network's segments being those that are seen now: a host has it by one of them."""
    if segments.several(network):
        txn.verify("Network", network.id, "segment_rows")


def check_profile(profile: dict[str, Any]) -> None:
    """Refuse a profile that is too long. Raises BadRequest."""
    if len(json.dumps(profile)) > MAX_PROFILE:
        raise invalid("binding:profile value too large")


def _bound(
    reader: Reader, request: Request, network: Row, host: str, vnic_type: str, profile: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Decide as Neutron's Open vSwitch driver does, and give the VIF type and its details."""
    if not host:
        return UNBOUND, {}
    agent = hosts.agent(reader, host)
    capabilities = profile.get("capabilities")
    plugs = vnic_type in PLUGGED or (
        vnic_type == "direct" and isinstance(capabilities, list) and "switchdev" in capabilities
    )
    if agent is None or not plugs or not hosts.is_alive(reader, agent, request.settings, request.now):
        return FAILED, {}
    if hosts.reached(agent, network) is None:
        return FAILED, {}
    told = hosts.configurations(agent)
    found = {
        # Whether the host filters by security groups: it does once it says so.
        "port_filter": bool(told.get("port_filter", False)),
        "connectivity": "l2",
        "ovs_hybrid_plug": False,
        "datapath_type": told.get("datapath_type", "system"),
        "bridge_name": told.get("integration_bridge", "br-int"),
    }
    if found["datapath_type"] == "system" and vnic_type != "direct":
        found["ovs_create_tap"] = True  # os-vif makes the device before the guest starts, so it is wired by then
    return OVS, found


def body(reader: Reader, port: Row) -> Values:
    """Give the fields of a port that its active binding says."""
    row = active(reader, port)
    host = gateway_host(reader, port)
    if row is None or host:
        return {
            "binding:host_id": host,
            "binding:vnic_type": "normal",
            "binding:profile": {},
            "binding:vif_type": OVS if host else UNBOUND,
            "binding:vif_details": {"bound_drivers": DRIVERS} if host else {},
        }
    return {
        "binding:host_id": row.host,
        "binding:vnic_type": row.vnic_type,
        "binding:profile": msgspec.json.decode(row.profile or "{}"),
        "binding:vif_type": row.vif_type,
        "binding:vif_details": {**details(row), "bound_drivers": DRIVERS} if row.vif_type == OVS else details(row),
    }


def gateway_host(reader: Reader, port: Row) -> str:
    """Give the host that has the addresses of a router's gateway; "" for every other port."""
    if port.device_owner != device_owners.ROUTER_GATEWAY:
        return ""
    router = reader.get("Router", port.device_id)
    has_it = router is not None and port.id in gateways_of(router)
    return str(router.gateway_host or "") if router is not None and has_it else ""


def details(row: Row) -> dict[str, Any]:
    """Give what a binding says of its VIF."""
    found = msgspec.json.decode(row.vif_details or "{}")
    return found if isinstance(found, dict) else {}


def status(reader: Reader, port: Row) -> str:
    """Give a port's status: ACTIVE when the host that it is bound to says that it forwards.

    The port of a router's interface is bound to no host: each that has a port of the network answers for it.
    """
    if port.device_owner == device_owners.ROUTER_INTERFACE:
        return ACTIVE if _is_routed(reader, port) else "DOWN"
    kept_for = {device_owners.FLOATING_IP: "Floating_Ip", device_owners.LOCAL_IP: "Local_Ip"}.get(port.device_owner)
    if kept_for is not None and reader.get(kept_for, port.device_id) is not None:
        return "N/A"
    if port.device_owner == device_owners.ROUTER_GATEWAY:  # bound to no host: whichever has it says so
        return "ACTIVE" if any(t.status == "ACTIVE" for t in reader.find("Port_Status", "port_id", port.id)) else "DOWN"
    row = active(reader, port)
    if row is None or not row.host:
        return "DOWN"
    for told in reader.find("Port_Status", "port_id", port.id):
        if told.host == row.host:
            return str(told.status)
    return "DOWN"


def _is_routed(reader: Reader, port: Row) -> bool:
    """Whether a router's interface is up, and there is a host that can have its network."""
    router, network = reader.get("Router", port.device_id), reader.get("Network", port.network_id)
    if router is None or network is None or port.id not in router.interfaces:
        return False
    if not (router.admin_state_up and port.admin_state_up):
        return False
    return any(hosts.reached(row, network) for row in reader.all("Host") if row.agent_type == hosts.AGENT_TYPE)


def changed(
    txn: Txn, request: Request, port: Row, network: Row, given: Values, on: Collection[str] = ()
) -> tuple[str, ...] | None:
    """Do what a port's update says of its binding; give the port's bindings when they are others, else None.

    `on` are the segments that the port's addresses work on.
    """
    row = active(txn, port)
    now = body(txn, port)
    host = given.get("binding:host_id", now["binding:host_id"]) or ""
    vnic_type = given.get("binding:vnic_type", now["binding:vnic_type"])
    profile = given.get("binding:profile", now["binding:profile"]) or {}
    if vnic_type != now["binding:vnic_type"] and now["binding:vif_type"] != UNBOUND:
        raise Conflict(
            "PortInUse",
            f"Unable to complete operation on port {port.id} for network {port.network_id}. Port already has an"
            f" attached device {port.device_id}.",
        )
    asked = (host, vnic_type, profile)
    before = (now["binding:host_id"], now["binding:vnic_type"], now["binding:profile"])
    # A binding that failed is tried again whenever its host is named, as in Neutron.
    retry = bool(host) and "binding:host_id" in given and now["binding:vif_type"] == FAILED
    # A host's claim becomes the API's binding when the API names the host.
    confirmed = row is not None and row.claimed and "binding:host_id" in given
    if asked == before and not retry and not confirmed:
        return None
    rely_on_segments(txn, network)
    made = values(txn, request, network, str(host), str(vnic_type), profile, ACTIVE, on)
    if row is not None:
        txn.verify(TABLE, row.id, "host", "status")
        txn.update(TABLE, row.id, made)
        # The one that was to become active there has become it.
        return tuple(other.id for other in of(txn, port) if other.id == row.id or other.host != made["host"])
    return (*port.bindings, txn.insert(TABLE, {**made, "port_id": port.id}))
