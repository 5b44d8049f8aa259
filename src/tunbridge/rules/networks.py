"""Networks: their segment, MTU, who they are shared with, and when they may go."""

import functools
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import msgspec

from tunbridge.model import device_owners
from tunbridge.model.resource import UNSET
from tunbridge.model.validators.containers import PROVIDER
from tunbridge.model.validators.plain import as_integer
from tunbridge.rules import (
    allocations,
    hosts,
    locks,
    network_segments,
    private_vlans,
    qos,
    rbac,
    routed,
    segments,
    vlan_tags,
)
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import BadRequest, Conflict, invalid
from tunbridge.rules.network_segments import New
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.segments import Segment

AUTO_DELETED = ("network:dhcp", "network:distributed")
"""Owners of ports that do not keep a network or subnet from going: they serve it."""


def given(value: Any) -> Any:
    """Give a value of a request, None when it was not given."""
    return None if value is UNSET else value


MIN_MTU = {4: 68, 6: 1280}
"""Bytes that each link must carry, by IP version (RFC 791, RFC 8200)."""


class NetworkRules(rbac.SharedRules):
    """The rules of networks."""

    name = "Network"
    first_revision = 1

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a network with its segment. Raises NetworkingError."""
        values = dict(values)
        shared, external = values.pop("shared", False), bool(given(values.get("router:external")) or False)
        self._check_default(txn, values, external)
        hosts.check_zones(txn, given(values.get("availability_zone_hints")) or [])
        wanted = self._segments(txn, request, values)
        tags = vlan_tags.settle(values, [new.segment for new in wanted])
        mtu = given(values.get("mtu")) or 0
        for new in wanted if mtu else ():
            segments.check_mtu(request.settings, new.segment, mtu, tags)
        values["mtu"] = mtu or min(segments.mtu(request.settings, new.segment, tags) for new in wanted)
        if given(values.get("port_security_enabled")) is None:
            values["port_security_enabled"] = True
        values[qos.FIELD] = qos.take(self, txn, request, values) or qos.default_of(txn, values["project_id"])
        id = str(uuid4())
        private_vlans.check_network(bool(given(values.get("pvlan"))), values["port_security_enabled"], id)
        rows = network_segments.add(txn, request, self.others["segment"], id, wanted)
        parts = [(row, *new) for row, new in zip(rows, wanted, strict=True)]
        self.insert(txn, request, values, id, **network_segments.columns(parts))
        if shared:
            rbac.share(txn, request, self, id, values["project_id"])
        if external:
            rbac.share(txn, request, self, id, values["project_id"], rbac.EXTERNAL)
        return id

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a network. Raises NetworkingError."""
        values = dict(values)
        columns: Values = {}
        self._keep_segments(row, values)
        if any(name in values for name in PROVIDER):
            columns = self._move(txn, request, row, values)
        if "mtu" in values:
            placed = [Segment(*msgspec.structs.astuple(one)[:3]) for one in segments.all_of(row)]
            tags = vlan_tags.room(row)
            for segment in placed if values["mtu"] else ():
                segments.check_mtu(request.settings, segment, values["mtu"], tags)
            least = min((segments.mtu(request.settings, one, tags) for one in placed), default=row.mtu)
            values["mtu"] = values["mtu"] or least
            check_mtu(row.id, values["mtu"], [subnet.ip_version for subnet in txn.find("Subnet", "network_id", row.id)])
        if qos.FIELD in values:
            qos.take(self, txn, request, values, row.qos_policy_id)
            self._follow_policy(txn, request, row, values[qos.FIELD])
        external = values.get("router:external", row.router_external)
        self._check_default(txn, values, external, row)
        if "router:external" in values and values["router:external"] != row.router_external:
            if not external:
                self._check_no_gateways(txn, row)
            rbac.set_external(txn, request, self, row, values["router:external"])
            if not external:
                columns["is_default"] = False
        shared = "shared" in values and rbac.set_shared(txn, request, self, row, values.pop("shared"))
        self._set_private(txn, request, row, values)
        self.save(txn, request, row, values, **columns)
        if shared and self.get(txn, row.id).revision_number == row.revision_number:
            self.touch(txn, request, row, {})

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a network with its subnets, unless ports use it. Raises Neutron's NetworkInUse."""
        for floating in txn.find("Floating_Ip", "floating_network_id", row.id):
            if floating.port_id is None:
                self.others["floatingip"].delete(txn, request.unconditional, floating)
        ports = txn.find("Port", "network_id", row.id)
        users = [port.id for port in ports if port.device_owner not in AUTO_DELETED]
        if users:
            raise network_in_use(row.id, users)
        for port in ports:
            self.others["port"].remove(txn, request.unconditional, port)
            for address in port.addresses:
                txn.delete("Address", address)  # by name: else it counts as a use of its subnet
        for subnet in txn.find("Subnet", "network_id", row.id):
            self.others["subnet"].remove(txn, request.unconditional, subnet)
        rbac.forget(txn, request, self, row)
        self.remove(txn, request, row)

    def body(self, reader: Reader, row: Row) -> Values:
        """Give all that can be seen of a network: of its segments either the only one, or a list."""
        body = super().body(reader, row)
        found = network_segments.shown(row)
        if not found:
            return body
        return {name: value for name, value in body.items() if name not in PROVIDER} | {"segments": found}

    def computed(self, reader: Reader, row: Row) -> Values:
        """Give what is kept elsewhere."""
        subnets = reader.find("Subnet", "network_id", row.id)
        return {
            "status": "ACTIVE",
            "subnets": [subnet.id for subnet in subnets],
            "l2_adjacency": not routed.is_routed(subnets),
            # Neutron tells the zones of the DHCP agents here: hosts answer DHCP themselves, so there are none to name.
            "availability_zones": [],
            "ipv4_address_scope": _scope(reader, subnets, 4),
            "ipv6_address_scope": _scope(reader, subnets, 6),
        }

    def external_for(self, reader: Reader, row: Row, project: str | None) -> bool:
        """Say whether the network is external for a project."""
        return bool(row.router_external) and rbac.is_shared(reader, "network", row.id, project, rbac.EXTERNAL)

    def network_project(self, _reader: Reader, row: Row) -> str | None:
        """Give the network's owner."""
        return str(row.project_id)

    # Parts

    def _segments(self, txn: Txn, request: Request, values: Values) -> list[New]:
        """Reserve the segments that a new network has: those asked for, or one that is free."""
        project, several = values["project_id"], given(values.pop("segments", None)) or []
        one = {name: given(values.get(name)) for name in PROVIDER}
        named = any(value is not None for value in one.values())
        if named and several:
            message = "Segments and provider values cannot both be set."
            raise BadRequest("SegmentsSetInConjunctionWithProviders", message)
        if not named and not several:
            return [New(*segments.reserve_for_project(txn, request, project))]
        asked = [_asked(each) for each in map(_listed, several)] or [_asked(one)]
        whole = [each for each in asked if each.segmentation_id is not None or each.network_type in ("flat", "local")]
        if len(set(whole)) != len(whole):
            raise BadRequest("SegmentsContainDuplicateEntry", "Duplicate segment entry in request.")
        return [New(*segments.reserve(txn, request, each, project)) for each in asked]

    @staticmethod
    def _keep_segments(row: Row, values: Values) -> None:
        """Refuse to change the list of segments: they come and go by themselves."""
        wanted = given(values.pop("segments", None))
        if wanted is not None and list(map(_asked, wanted)) != list(map(_asked, network_segments.shown(row))):
            raise invalid("Plugin does not support updating the following provider network attributes: segments")

    def _move(self, txn: Txn, request: Request, row: Row, values: Values) -> Values:
        """Give a network another VLAN: all that Neutron lets one change of a segment."""
        if segments.several(row):
            raise invalid("Provider network attributes can be updated only in provider networks with a single segment.")
        now = segments.of_network(row)
        wanted = Segment(*(given(values.pop(n, old)) for n, old in zip(PROVIDER, now, strict=True)))
        if wanted == now:
            return {}
        if wanted[:2] != now[:2]:
            names = "provider:network_type, provider:physical_network"
            raise invalid(f"Plugin does not support updating the following provider network attributes: {names}")
        if now.network_type != "vlan":
            raise invalid("Only VLAN type networks can be updated.")
        if not wanted.segmentation_id:
            raise invalid("Only segmentation_id field can be updated in VLAN type networks")
        _, segment = segments.reserve(txn, request, wanted, row.project_id)
        for own in row.segment_rows:
            txn.update(network_segments.TABLE, own, {"segmentation_id": wanted.segmentation_id, "place": segment})
        return {"segment": segment, "provider_segmentation_id": wanted.segmentation_id}

    def _set_private(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Make a network private, or no longer so, with its ports. Raises BadRequest."""
        is_private = values.get("pvlan", row.pvlan)
        secured = values.get("port_security_enabled", row.port_security_enabled)
        private_vlans.check_network(is_private, secured, row.id)
        if is_private == row.pvlan:
            return
        txn.verify_rows("Port", "network_id", row.id)
        for port in txn.find("Port", "network_id", row.id):
            columns = private_vlans.changed(port, is_private)
            self.others["port"].change(txn, request.unconditional, port, columns)

    def _follow_policy(self, txn: Txn, request: Request, row: Row, policy: str | None) -> None:
        """Refuse a policy that a port of the network cannot have; their allocations follow it."""
        own = [port for port in txn.find("Port", "network_id", row.id) if port.qos_policy_id is None]
        for port in allocations.follow(txn, request, own, row.qos_policy_id, policy):
            self.others["port"].touch(txn, request.unconditional, port, {})
        if policy is not None and policy != row.qos_policy_id:
            txn.verify_rows("Port", "network_id", row.id)
            qos.check_ports(txn, policy, txn.find("Port", "network_id", row.id))

    @staticmethod
    def _check_no_gateways(txn: Txn, row: Row) -> None:
        """Refuse while routers have their gateway there. Raises Neutron's ExternalNetworkInUse."""
        txn.verify_rows("Port", "network_id", row.id)
        if any(port.device_owner == device_owners.ROUTER_GATEWAY for port in txn.find("Port", "network_id", row.id)):
            message = (
                f"External network {row.id} cannot be updated to be made non-external, since it has existing gateway"
                " ports."
            )
            raise Conflict("ExternalNetworkInUse", message)

    @staticmethod
    def _check_default(txn: Txn, values: Values, external: bool, row: Row | None = None) -> None:
        """Keep the default external network the only one. Raises Neutron's DefaultExternalNetworkExists."""
        wanted = given(values.get("is_default"))
        if not wanted:
            return
        if not external:
            raise invalid("'is_default' is for external networks: set 'router:external' as well")
        for other in txn.all("Network"):
            if other.is_default and (row is None or other.id != row.id):
                message = f"A default external network already exists: {other.id}."
                raise Conflict("DefaultExternalNetworkExists", message)
        locks.lock(txn, "default external network")


def _has_segment(column: str, _reader: Reader, row: Row, wanted: list[Any], _caller: Caller) -> bool:
    """Filter by what one of a network's segments is."""
    return any(getattr(one, column) in wanted for one in segments.all_of(row))


NetworkRules.filters = {
    name: functools.partial(_has_segment, column) for name, column in zip(PROVIDER, Segment._fields, strict=True)
}


def _asked(one: Values) -> Segment:
    """Give a segment as a request names it. Raises BadRequest."""
    kind, physical_network, number = (given(one.get(name)) for name in PROVIDER)
    if kind is None:
        raise invalid("network_type required")
    return Segment(kind, physical_network, None if number is None else as_integer(number))


def _listed(one: Values) -> Values:
    """Give one of `segments`, in which 0 and "" stand for no identifier, as in Neutron."""
    return {name: value for name, value in one.items() if name != PROVIDER[2] or value}


def _scope(reader: Reader, subnets: list[Row], version: int) -> str | None:
    """Give the address scope that a network's subnets of an IP version are in."""
    for subnet in subnets:
        if subnet.ip_version == version and subnet.subnetpool_id is not None:
            pool = reader.get("Subnetpool", subnet.subnetpool_id)
            return None if pool is None else pool.address_scope_id
    return None


def network_in_use(id: str, ports: list[str]) -> Conflict:
    """Give the error for a network with ports."""
    reason = f"There are one or more ports still in use on the network, id for these ports is: {','.join(ports)}"
    return Conflict("NetworkInUse", f"Unable to complete operation on network {id}. {reason}.")


def check_mtu(id: str, mtu: int, versions: Iterable[int]) -> None:
    """Refuse an MTU that is too small for subnets of these IP versions. Raises Neutron's NetworkMTUSubnetConflict."""
    least = max((MIN_MTU[version] for version in versions), default=0)
    if mtu and mtu < least:
        message = f"MTU of {id} is not valid, subnet requires a minimum of {least}"
        raise Conflict("NetworkMTUSubnetConflict", message)
