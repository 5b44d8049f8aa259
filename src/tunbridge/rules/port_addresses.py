"""Which addresses a port has: those that a request names, free ones, and those that its MAC makes."""

import functools
import ipaddress
from collections.abc import Iterable, Mapping

import msgspec

from tunbridge.model import device_owners
from tunbridge.rules import ipam, routed
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, invalid
from tunbridge.rules.request import Reader, Request, Row, Txn
from tunbridge.rules.subnets import is_auto_address, pools_of

ROUTER_OWNERS = (
    device_owners.ROUTER_INTERFACE,
    "network:router_interface_distributed",
    "network:ha_router_replicated_interface",
    "network:router_centralized_snat",
)
SEQUENTIAL_OWNERS = ("network:dhcp", *ROUTER_OWNERS[:3])
"""Neutron gives these the first free address, not any."""
_ADDRESS_KEY = ("subnet", "ip_address")

Wanted = list[dict[str, str]]
"""`fixed_ips` of a request."""


class Addresses:
    """Takes addresses for one port. What it took is in `rows`, as ids of rows."""

    def __init__(
        self, subnet_rules: Rules, txn: Txn, request: Request, network: Row, owner: str, mac: str, host: str
    ) -> None:
        """For a port with `mac` on a host, "" for none."""
        self._subnet_rules = subnet_rules
        self._txn = txn
        self._request = request
        self._network = network
        self._owner = owner
        self._mac = mac
        self._host = host
        self.rows: list[str] = []

    def take(self, wanted: Wanted | None) -> None:
        """Take the addresses of a port that has none: one of each IP version where none are named.

        Raises NetworkingError.
        """
        subnets = self._subnets(wanted)
        if wanted is None:
            self._any_of([s for s in subnets if s.ip_version == 4])
            self._any_of([s for s in subnets if s.ip_version == 6 and not is_auto_address(s)])
        else:
            self._check_count(wanted)
            self._wanted(subnets, wanted)
        self._automatic(subnets)

    def replace(self, port: Row, wanted: Wanted | None) -> tuple[str, ...]:
        """Take and give back addresses so that a port has those that it should; kept ones stay the same rows.

        None: those that it has, after its MAC changed. Gives all of them. Raises NetworkingError.
        """
        there: dict[str, Row] = {id: self._txn.get("Address", id) for id in port.addresses}
        on_network = self._txn.find("Subnet", "network_id", self._network.id)
        automatic = {s.id for s in on_network if is_auto_address(s)}
        if wanted is None:
            wanted = [
                {"subnet_id": a.subnet, "ip_address": a.ip_address} for a in there.values() if a.subnet not in automatic
            ]
        self._check_count(wanted)
        subnets = self._subnets(wanted)
        kept, rest = _kept(there, wanted, automatic)
        if self._mac == port.mac_address and self._owner not in ROUTER_OWNERS:
            # Addresses that hosts make themselves cannot be taken away while their subnets are there.
            kept.update((a.id, a) for a in there.values() if a.subnet in automatic)
        for id in there:
            if id not in kept:
                self._txn.delete("Address", id)
        self._wanted(subnets, rest)
        self._automatic([s for s in subnets if s.id not in {a.subnet for a in kept.values()}])
        return (*kept, *self.rows)

    def follow(self, subnet: Row) -> None:
        """Take the address that the port's MAC makes on a new subnet. Raises Conflict."""
        self._automatic([subnet])

    # Subnets

    def _subnets(self, wanted: Wanted | None) -> list[Row]:
        return routed.reachable(self._txn, self._network, self._candidates(), self._host, wanted)

    def _candidates(self) -> list[Row]:
        """Give the subnets that the port may have addresses of: by service type where subnets have one."""
        owner = self._owner
        subnets = self._txn.find("Subnet", "network_id", self._network.id)
        special = [s for s in subnets if owner and (owner in s.service_types or _serves_dhcp(s, owner))]
        found = [*special, *(s for s in subnets if not s.service_types)]
        if subnets and not found:
            message = (
                f"No valid service subnet for the given device owner, network {self._network.id}, service type {owner}."
            )
            raise Conflict("IpAddressGenerationFailureNoMatchingSubnet", message)
        return found

    def _subnet_for(self, subnets: list[Row], entry: dict[str, str]) -> Row:
        if not subnets:
            raise invalid("IP allocation requires subnets for network")
        if "subnet_id" in entry:
            return self._named(subnets, entry)
        if "ip_address" not in entry:
            raise invalid("IP allocation requires subnet_id or ip_address")
        for subnet in subnets:
            if self._fits(subnet, entry["ip_address"]):
                return subnet
        message = f"IP address {entry['ip_address']} is not a valid IP for any of the subnets on the specified network."
        raise BadRequest("InvalidIpForNetwork", message)

    def _named(self, subnets: list[Row], entry: dict[str, str]) -> Row:
        subnet = next((s for s in subnets if s.id == entry["subnet_id"]), None)
        if subnet is None:
            self._subnet_rules.visible(self._txn, self._request.caller, entry["subnet_id"])
            raise invalid(
                f"Failed to create port on network {self._network.id}, because fixed_ips included invalid subnet"
                f" {entry['subnet_id']}"
            )
        if "ip_address" in entry and not self._fits(subnet, entry["ip_address"]):
            message = f"IP address {entry['ip_address']} is not a valid IP for the specified subnet."
            raise BadRequest("InvalidIpForSubnet", message)
        return subnet

    def _fits(self, subnet: Row, address: str) -> bool:
        return ipam.valid_on(ipam.network(subnet.cidr), ipaddress.ip_address(address), self._owner)

    def _check_count(self, wanted: Wanted) -> None:
        most = self._request.settings.max_fixed_ips_per_port
        if len(wanted) > most:
            raise invalid(f"Exceeded maximum amount of fixed ips per port: a port has at most {most}")

    # Addresses

    def _wanted(self, subnets: list[Row], wanted: Wanted) -> None:
        """Take what a request names: addresses first, so that none of them is given to an entry that names a subnet."""
        places = [(self._subnet_for(subnets, entry), entry) for entry in wanted]
        for subnet, entry in places:
            if "ip_address" in entry:
                self._this(subnet, entry["ip_address"])
        for subnet, entry in places:
            if "ip_address" not in entry and (not is_auto_address(subnet) or self._owner in ROUTER_OWNERS):
                self._any_of([subnet])

    def _this(self, subnet: Row, text: str) -> None:
        """Take an address that a request names. Raises NetworkingError."""
        address = ipaddress.ip_address(text)
        made = is_auto_address(subnet) and self._owner not in ROUTER_OWNERS
        if made and address != ipam.eui64(ipam.network(subnet.cidr), self._mac):
            message = (
                f"IPv6 address {address} cannot be directly assigned to a port on subnet {subnet.id} as the subnet is"
                " configured for automatic addresses"
            )
            raise BadRequest("AllocationOnAutoAddressSubnet", message)
        self._take_free(subnet, address)

    def _any_of(self, subnets: list[Row]) -> None:
        """Take one free address of the first subnet that has any; of none when there are no subnets."""
        sequential = self._request.settings.ipam == "sequential" or self._owner in SEQUENTIAL_OWNERS
        for subnet in subnets:
            is_free = functools.partial(self._is_free, subnet)
            found = ipam.free_address(pools_of(subnet), is_free, self._request.random, sequential)
            if found is not None:
                self._take(subnet, found)
                return
        if subnets:
            message = f"No more IP addresses available on network {self._network.id}."
            raise Conflict("IpAddressGenerationFailure", message)

    def _automatic(self, subnets: list[Row]) -> None:
        """Take the address that the port's MAC makes on each subnet where hosts make their own."""
        if self._owner in ROUTER_OWNERS:
            return
        for subnet in subnets:
            if is_auto_address(subnet):
                address = ipam.eui64(ipam.network(subnet.cidr), self._mac)
                if not self._has(subnet, address):
                    self._take_free(subnet, address)

    def _take_free(self, subnet: Row, address: ipam.Address) -> None:
        if not self._is_free(subnet, address):
            raise Conflict("IpAddressAlreadyAllocated", f"IP address {address} already allocated in subnet {subnet.id}")
        self._take(subnet, address)

    def _take(self, subnet: Row, address: ipam.Address) -> None:
        values = {"subnet": subnet.id, "network": self._network.id, "ip_address": str(address)}
        self.rows.append(self._txn.insert("Address", values))

    def _is_free(self, subnet: Row, address: ipam.Address) -> bool:
        return self._row(subnet, address) is None

    def _has(self, subnet: Row, address: ipam.Address) -> bool:
        row = self._row(subnet, address)
        return row is not None and row.id in self.rows

    def _row(self, subnet: Row, address: ipam.Address) -> Row | None:
        return self._txn.find_unique("Address", _ADDRESS_KEY, (subnet.id, str(address)))


def fixed_ips(reader: Reader, addresses: Iterable[str]) -> list[dict[str, str]]:
    """Give the fixed IPs of a port by the ids of its addresses, IPv4 first."""
    found = [reader.get("Address", id) for id in addresses]
    ordered = sorted((a for a in found if a is not None), key=lambda a: (":" in a.ip_address, a.ip_address))
    return [{"subnet_id": a.subnet, "ip_address": a.ip_address} for a in ordered]


def fixed_ips_text(reader: Reader, addresses: Iterable[str]) -> str:
    """Give the column `fixed_ips` of a port by the ids of its addresses."""
    return msgspec.json.encode(fixed_ips(reader, addresses)).decode()


def _serves_dhcp(subnet: Row, owner: str) -> bool:
    """Whether a port of a DHCP server has an address there, whatever the subnet is for."""
    return bool(subnet.service_types) and subnet.enable_dhcp and owner == "network:dhcp"


def _kept(there: Mapping[str, Row], wanted: Wanted, automatic: set[str]) -> tuple[dict[str, Row], Wanted]:
    """Give the rows that serve what is wanted, by id, and what none serves: first those that name their address."""
    kept: dict[str, Row] = {}
    for serves in (_is_same, functools.partial(_is_any_of, automatic)):
        rest: Wanted = []
        for entry in wanted:
            found = next((a for a in there.values() if a.id not in kept and serves(entry, a)), None)
            if found is None:
                rest.append(entry)
            else:
                kept[found.id] = found
        wanted = rest
    return kept, wanted


def moves_ipv4(reader: Reader, port: Row, wanted: Wanted) -> bool:
    """Whether a port would have other IPv4 addresses than it has; an entry with a subnet alone keeps one of that."""
    there: dict[str, Row] = {id: reader.get("Address", id) for id in port.addresses}
    kept, rest = _kept(there, wanted, set())
    lost = [address.ip_address for id, address in there.items() if id not in kept]
    return any(":" not in one for one in (*lost, *(_place_of(reader, entry) for entry in rest)))


def _place_of(reader: Reader, entry: dict[str, str]) -> str:
    """Give the address that an entry names, else the prefix of its subnet."""
    if "ip_address" in entry:
        return entry["ip_address"]
    subnet = reader.get("Subnet", entry.get("subnet_id", ""))
    return ":" if subnet is None else subnet.cidr


def _is_same(entry: dict[str, str], row: Row) -> bool:
    if entry.get("ip_address") is None or entry.get("subnet_id", row.subnet) != row.subnet:
        return False
    return ipaddress.ip_address(entry["ip_address"]) == ipaddress.ip_address(row.ip_address)


def _is_any_of(automatic: set[str], entry: dict[str, str], row: Row) -> bool:
    """Whether an entry names only the subnet of an address, which is one that does not follow from the MAC."""
    return "ip_address" not in entry and row.subnet == entry.get("subnet_id") and row.subnet not in automatic
