"""Addresses of routers in a lab: which its server says that somebody answers for, and which the hosts' flows do."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from tunbridge.cli import labs
from tunbridge.dataplane import names, pipeline
from tunbridge.dataplane.flows import COOKIE, COOKIE_MASK, Flow, parse_dump
from tunbridge.errors import TunbridgeError
from tunbridge.inspect.model import Answer, Host, RouterAddress
from tunbridge.model import device_owners
from tunbridge.openvswitch import ofctl

_ASKED = re.compile(r"(?:arp_tpa=([0-9.]+)|icmp_type=135,nd_target=([0-9a-f:.]+))(?:,|$)")
_MAC = re.compile(r"set_field:([0-9a-f:]+)->arp_sha")
_TABLES = (pipeline.SERVICE_TABLE, pipeline.ROUTER)
"""Where ARP is answered, and the agent asked to answer neighbour solicitations."""

_TO_AGENT = f"resubmit(,{pipeline.AGENT_METER.number})"

Row = Mapping[str, Any]
Kind = Literal["gateway", "floating-ip", "interface"]


class Due(Struct, frozen=True):
    """Addresses of routers that are switched on: by host, by network, and by the port that a floating IP leads to."""

    of_hosts: dict[str, list[RouterAddress]] = field(default_factory=lambda: defaultdict(list))
    of_networks: dict[str, list[RouterAddress]] = field(default_factory=lambda: defaultdict(list))
    of_ports: dict[str, list[RouterAddress]] = field(default_factory=lambda: defaultdict(list))

    @property
    def all(self) -> set[RouterAddress]:
        """All of them, wherever they are."""
        every = (self.of_hosts, self.of_networks, self.of_ports)
        return {one for where in every for found in where.values() for one in found}


def addresses(routers: Mapping[str, Row], ports: Sequence[Row], floating: Iterable[Row]) -> Due:
    """What somebody is to answer for; only what the server says to be ACTIVE, but for interfaces, which it does not."""
    due = Due()
    up = {id: router["name"] or id for id, router in routers.items() if router["admin_state_up"]}
    by_address = {(ip["ip_address"], port["network_id"]): port for port in ports for ip in port["fixed_ips"]}
    for port in ports:
        router = up.get(port["device_id"])
        if router is None or not port["admin_state_up"]:
            continue
        if port["device_owner"] == device_owners.ROUTER_INTERFACE:
            due.of_networks[port["network_id"]] += _of("interface", router, port)
        elif port["device_owner"] == device_owners.ROUTER_GATEWAY and port["status"] == "ACTIVE":
            due.of_hosts[port.get("binding:host_id") or ""] += _of("gateway", router, port)
    for one in floating:
        own = by_address.get((one["floating_ip_address"], one["floating_network_id"]))
        router = up.get(one["router_id"] or "")
        if own is not None and router is not None and one["port_id"] and one["status"] == "ACTIVE":
            due.of_ports[one["port_id"]] += _of("floating-ip", router, own)
    return due


def _of(kind: Kind, router: str, port: Row) -> list[RouterAddress]:
    return [
        RouterAddress(kind=kind, router=router, address=ip["ip_address"], mac=port["mac_address"])
        for ip in port["fixed_ips"]
    ]


def answers(host: Host, due: Collection[RouterAddress]) -> list[Answer] | None:
    """What a host's flows answer ARP for with one of these MAC addresses, and which of the IPv6 addresses are answered.

    None where the flows cannot be read.
    """
    macs = {one.mac for one in due}
    told = {one.address for one in due}
    found = []
    try:
        for table in _TABLES:
            ours = f"cookie={COOKIE:#x}/{COOKIE_MASK:#x},table={table.number}"
            for one in parse_dump(_flows(host.source or "", ours)):
                outside = table is pipeline.ROUTER and "in_port=" in one.match
                answer = _answer(one, outside)
                if answer is not None and (answer.mac in macs or (answer.mac is None and answer.address in told)):
                    found.append(answer)
    except TunbridgeError:
        return None
    return found


def _flows(remote: str, which: str) -> str:
    """The flows of br-int, of a host of this machine or of a lab's virtual machine. Raises TunbridgeError."""
    bridge, rundir = names.INTEGRATION_BRIDGE, str(Path(remote.removeprefix("unix:")).parent)
    if ofctl.management_socket(rundir, bridge).exists():
        return ofctl.command(rundir, bridge, "dump-flows", which)
    return labs.run(remote, ["ovs-ofctl", "-O", ofctl.VERSION, "dump-flows", bridge, which])


def _answer(one: Flow, outside: bool) -> Answer | None:
    """What a flow answers for, None: nothing. Those of workloads have the MAC address in them, or send to the owner."""
    asked = _ASKED.search(one.match)
    if asked is None:
        return None
    if asked[2] is not None:
        return Answer(address=asked[2], mac=None, outside=outside) if one.actions.endswith(_TO_AGENT) else None
    mac = _MAC.search(one.actions)
    return Answer(address=asked[1], mac=mac[1], outside=outside) if mac is not None else None
