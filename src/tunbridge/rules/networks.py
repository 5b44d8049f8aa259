"""Networks: their segment, MTU, who they are shared with, and when they may go."""

from collections.abc import Iterable
from typing import Any

from tunbridge.model.resource import UNSET
from tunbridge.rules import hosts, locks, qos, qos_minimums, rbac, segments
from tunbridge.rules.errors import BadRequest, Conflict, invalid
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.segments import Segment

PROVIDER = ("provider:network_type", "provider:physical_network", "provider:segmentation_id")
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
        self._refuse_transparent(values)
        self._check_default(txn, values, external)
        hosts.check_zones(txn, given(values.get("availability_zone_hints")) or [])
        segment, row = self._segment(txn, request, values)
        values.update(zip(PROVIDER, segment, strict=True))
        mtu = given(values.get("mtu")) or 0
        if mtu:
            segments.check_mtu(request.settings, segment, mtu)
        values["mtu"] = mtu or segments.mtu(request.settings, segment)
        if given(values.get("port_security_enabled")) is None:
            values["port_security_enabled"] = True
        values[qos.FIELD] = qos.take(self, txn, request, values) or qos.default_of(txn, values["project_id"])
        id = self.insert(txn, request, values, segment=row)
        if shared:
            rbac.share(txn, request, self, id, values["project_id"])
        if external:
            rbac.share(txn, request, self, id, values["project_id"], rbac.EXTERNAL)
        return id

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change a network. Raises NetworkingError."""
        values = dict(values)
        self._refuse_transparent(values)
        columns: Values = {}
        if any(name in values for name in PROVIDER):
            columns = self._move(txn, request, row, values)
        if "mtu" in values:
            segment = Segment(row.provider_network_type, row.provider_physical_network, row.provider_segmentation_id)
            if values["mtu"]:
                segments.check_mtu(request.settings, segment, values["mtu"])
            values["mtu"] = values["mtu"] or segments.mtu(request.settings, segment)
            check_mtu(row.id, values["mtu"], [subnet.ip_version for subnet in txn.find("Subnet", "network_id", row.id)])
        if qos.FIELD in values:
            qos.take(self, txn, request, values, row.qos_policy_id)
            self._check_ports(txn, row, values[qos.FIELD])
        external = values.get("router:external", row.router_external)
        self._check_default(txn, values, external, row)
        if "router:external" in values and values["router:external"] != row.router_external:
            if not external:
                self._check_no_gateways(txn, row)
            rbac.set_external(txn, request, self, row, values["router:external"])
            if not external:
                columns["is_default"] = False
        shared = "shared" in values and rbac.set_shared(txn, request, self, row, values.pop("shared"))
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

    def computed(self, reader: Reader, row: Row) -> Values:
        """Give what is kept elsewhere."""
        subnets = reader.find("Subnet", "network_id", row.id)
        return {
            "status": "ACTIVE",
            "subnets": [subnet.id for subnet in subnets],
            # Neutron tells the zones of the DHCP agents here: hosts answer DHCP themselves, so there are none to name.
            "availability_zones": [],
            "vlan_transparent": None,
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

    def _segment(self, txn: Txn, request: Request, values: Values) -> tuple[Segment, str | None]:
        kind, physical_network, segmentation_id = (given(values.get(name)) for name in PROVIDER)
        project = values["project_id"]
        if kind is None and physical_network is None and segmentation_id is None:
            return segments.reserve_for_project(txn, request, project)
        if kind is None:
            raise invalid("network_type required")
        return segments.reserve(txn, request, Segment(kind, physical_network, segmentation_id), project)

    def _move(self, txn: Txn, request: Request, row: Row, values: Values) -> Values:
        """Give a network another VLAN: all that Neutron lets one change of a segment."""
        now = Segment(row.provider_network_type, row.provider_physical_network, row.provider_segmentation_id)
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
        return {"segment": segment, "provider_segmentation_id": wanted.segmentation_id}

    @staticmethod
    def _check_ports(txn: Txn, row: Row, policy: str | None) -> None:
        """Refuse a policy that a port of the network cannot have."""
        own = [port for port in txn.find("Port", "network_id", row.id) if port.qos_policy_id is None]
        qos_minimums.check_allocated(txn, own, row.qos_policy_id, policy)
        if policy is not None and policy != row.qos_policy_id:
            txn.verify_rows("Port", "network_id", row.id)
            qos.check_ports(txn, policy, txn.find("Port", "network_id", row.id))

    @staticmethod
    def _check_no_gateways(txn: Txn, row: Row) -> None:
        """Refuse while routers have their gateway there. Raises Neutron's ExternalNetworkInUse."""
        txn.verify_rows("Port", "network_id", row.id)
        if any(port.device_owner == "network:router_gateway" for port in txn.find("Port", "network_id", row.id)):
            message = (
                f"External network {row.id} cannot be updated to be made non-external, since it has existing gateway"
                " ports."
            )
            raise Conflict("ExternalNetworkInUse", message)

    @staticmethod
    def _refuse_transparent(values: Values) -> None:
        if given(values.pop("vlan_transparent", None)):
            raise BadRequest("VlanTransparencyDriverError", "Backend does not support VLAN Transparency.")

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
