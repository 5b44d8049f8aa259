"""Hears where addresses are that several workloads may have, and says so to all hosts by the central database.

    announced by a workload here (to all: a move) --------------+
    answered by one here, and nowhere yet (or at a dead place) -+--> claimed: one more than the highest claim known
    own claim: no answer SILENT times, not allowed, unplugged, or claimed by another host --> withdrawn

Who may have such an address is asked by ARP or neighbour solicitation, as a router asks: from the address of one here.
What is announced is believed at once; an answer alone takes an address from nobody who has it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from tunbridge.dataplane import names
from tunbridge.dataplane.addresses import host_mac, link_local
from tunbridge.dataplane.desired import Desired, Workload
from tunbridge.dataplane.features import interface, located
from tunbridge.dataplane.responders import arp, nd
from tunbridge.dataplane.responders.frames import ETHERTYPE_ARP, mac_bytes
from tunbridge.dataplane.view import Key, Location, Port, Source
from tunbridge.openvswitch.openflow import PacketIn

Place = tuple[str, str]
"""Network and address."""
ASK_S = 5.0
SILENT = 3
"""So many questions without an answer, and nobody here has the address any more."""
PER_PORT = 64
"""So many addresses a port may claim."""


class Locations:
    """The claims of this host. `run` is its task."""

    def __init__(
        self,
        desired: Desired,
        source: Source,
        send: Callable[[str, bytes, int], None],
        locate: Callable[[Mapping[Place, Location | None]], None],
    ) -> None:
        self._desired = desired
        self._source = source
        self._send = send
        self._locate = locate
        self._unanswered: Counter[Place] = Counter()
        self._asked: Mapping[str, Workload] = {}
        self._named: dict[str, set[str]] = {}
        """Port id -> the addresses to ask it for, as far as its row is the one that was read."""

    def touch(self, keys: Iterable[Key]) -> None:
        """Note rows that changed."""
        for kind, id in keys:
            if kind == "port":
                self._named.pop(id, None)

    def settled(self) -> None:
        """Ask workloads that are new."""
        local = self._desired.local
        workloads = {} if local is None else local.workloads
        if workloads is not self._asked:
            new = [workload for id, workload in workloads.items() if id not in self._asked]
            self._asked = workloads
            self._named = {id: addresses for id, addresses in self._named.items() if id in workloads}
            self._ask(new)

    async def run(self) -> None:
        """Ask and withdraw every so often, until cancelled."""
        while True:
            await asyncio.sleep(ASK_S)
            local = self._desired.local
            if local is not None:
                self._withdraw(local.host, local.workloads)
                self._ask(local.workloads.values())

    def heard(self, event: PacketIn, workload: Workload) -> bool:
        """Take what a workload announces or answers; False when it changes nothing. Raises MalformedError."""
        is_arp = int.from_bytes(event.data[12:14]) == ETHERTYPE_ARP
        address, mac = arp.read_sender(event.data) if is_arp else nd.read_advertisement(event.data)
        port, local = self._source.port(workload.port_id), self._desired.local
        if port is None or local is None:
            return False
        place = (port.network_id, str(address))
        self._unanswered.pop(place, None)
        known = located.best(self._source.network_locations(port.network_id)).get(str(address))
        is_told_to_all = bool(event.data[0] & 1)
        if known is None:
            # Its own address needs no claim, as long as nobody else claims it.
            is_new = not any(ip.ip_address == str(address) for ip in port.fixed_ips)
        else:
            is_new = not self._is_it(known, port, local.host, mac) and (is_told_to_all or self._is_dead(known))
        if not is_new or not self._may_have(port, str(address)):
            return False
        claim = 1 if known is None else known.claim + 1
        location = Location(
            network_id=port.network_id, address=str(address), host=local.host, port_id=port.id,
            mac_address=mac.hex(":"), claim=claim,
        )  # fmt: skip
        self._locate({place: location})
        return True

    @staticmethod
    def _is_it(known: Location, port: Port, host: str, mac: bytes) -> bool:
        return (known.host, known.port_id, known.mac_address) == (host, port.id, mac.hex(":"))

    def _is_dead(self, known: Location) -> bool:
        """Whether what a host said cannot be true any more."""
        port = self._source.port(known.port_id)
        return port is None or port.host != known.host or located.may_have(port, known.address) is False

    def _may_have(self, port: Port, address: str) -> bool:
        may = located.may_have(port, address)
        if may is not None:
            return may
        others = (self._source.port(id) for id in self._source.network_ports(port.network_id))
        if any(ip.ip_address == address for other in others if other is not None for ip in other.fixed_ips):
            return False  # a prefix takes no address from a port that has it
        subnets = (self._source.subnet(id) for id in self._source.network_subnets(port.network_id))
        if not any(ip_address(address) in ip_network(subnet.cidr) for subnet in subnets if subnet is not None):
            return False
        local = self._desired.local
        own = self._source.host_locations(local.host) if local is not None else ()
        return sum(one.port_id == port.id for one in own) < PER_PORT

    # Questions

    def _ask(self, workloads: Iterable[Workload]) -> None:
        for workload in workloads:
            if self._named.get(workload.port_id) == set():
                continue  # nearly all of them, which are many
            port = self._source.port(workload.port_id)
            if port is None:
                continue
            addresses = self._named[port.id] = self._addresses(port)
            routers = interface.on_network(self._source, port.network_id) if addresses else []
            for address in addresses if routers else ():
                frame = self._question(address, routers)
                if frame is not None:
                    self._send(names.INTEGRATION_BRIDGE, frame, workload.ofport)

    @staticmethod
    def _addresses(port: Port) -> set[str]:
        """Addresses that it may have by name; of a prefix nobody can ask."""
        return {text for text in located.named(port) if text is not None and "/" not in text}

    def _question(self, address: str, routers: Iterable[Port]) -> bytes | None:
        local = self._desired.local
        if ":" in address:
            own = host_mac("" if local is None else local.host)
            return nd.solicitation(IPv6Address(address), mac_bytes(own), IPv6Address(link_local(own)))
        for port in routers:
            for ip in port.fixed_ips:
                if ":" not in ip.ip_address:
                    mine = IPv4Address(ip.ip_address)
                    return arp.question(IPv4Address(address), mac_bytes(port.mac_address), sender=mine)
        return None

    def _withdraw(self, host: str, workloads: Mapping[str, Workload]) -> None:
        gone: dict[Place, Location | None] = {}
        for one in self._source.host_locations(host):
            place = (one.network_id, one.address)
            port = self._source.port(one.port_id)
            known = located.best(self._source.network_locations(one.network_id)).get(one.address)
            if port is not None and one.address in self._addresses(port):
                self._unanswered[place] += 1  # the next question is about to be asked
            is_silent = self._unanswered[place] > SILENT
            if one.port_id not in workloads or self._is_dead(one) or is_silent or known not in (one, None):
                gone[place] = None
                self._unanswered.pop(place, None)
        if gone:
            self._locate(gone)
