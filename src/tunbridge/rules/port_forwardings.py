"""Port forwardings: ports of a floating IP that lead to ports behind one router. Texts are Neutron's.

A floating IP has port forwardings or leads to one port, never both; the first port forwarding takes it to a router, and
the last one that goes gives it back.
"""

from typing import Any, NamedTuple

from tunbridge.rules.base import Rules
from tunbridge.rules.errors import BadRequest, Conflict, NotFound
from tunbridge.rules.port_addresses import fixed_ips
from tunbridge.rules.request import Reader, Request, Row, Txn, Values
from tunbridge.rules.router_parts import addresses_of, trusted

TABLE, ABOVE = "Port_Forwarding", "floatingip_id"
CARRIED = ("tcp", "udp")


class Ports(NamedTuple):
    """Ports from `first` to `last`."""

    first: int
    last: int

    @property
    def text(self) -> str:
        return f"{self.first}:{self.last}"

    @property
    def single(self) -> int | None:
        return self.first if self.first == self.last else None


def bad(message: str) -> BadRequest:
    """Give Neutron's BadRequest for port forwardings."""
    return BadRequest("BadRequest", f"Bad port_forwarding request: {message}.")


class PortForwardingRules(Rules):
    """The rules of port forwardings."""

    above = ABOVE

    def absent(self, id: str) -> Exception:
        """Give Neutron's PortForwardingNotFound."""
        return NotFound("PortForwardingNotFound", f"Port Forwarding {id} could not be found.")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Lead ports of the floating IP in `floatingip_id` to a port. Raises NetworkingError."""
        floating = self.others["floatingip"].get(txn, values[ABOVE])
        values = dict(values)
        columns = self._checked(txn, request, floating, values, None)
        if floating.port_id:
            raise _associated(floating, values["internal_port_id"], values["internal_ip_address"])
        router = self._router(txn, request, floating, values)
        self._touch(txn, request, floating, router)
        return self.insert(txn, request, values, floatingip_id=floating.id, project_id=floating.project_id, **columns)

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change one. Raises NetworkingError."""
        floating = self.others["floatingip"].get(txn, row.floatingip_id)
        names = ("protocol", "internal_port_id", "internal_ip_address")
        merged = {name: getattr(row, name) for name in names} | values
        columns = self._checked(txn, request, floating, merged, row)
        router = self._router(txn, request, floating, merged)
        self._touch(txn, request, floating, router)
        kept = {name: merged[name] for name in (*names, "description") if name in merged}
        self.save(txn, request.unconditional, row, {**kept, **_shown(merged)}, **columns)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove one; the last one of a floating IP frees it for other routers."""
        floating = self.others["floatingip"].get(txn, row.floatingip_id)
        txn.verify_rows(TABLE, ABOVE, floating.id)
        last = len(txn.find(TABLE, ABOVE, floating.id)) == 1
        self._touch(txn, request, floating, None if last else floating.router_id)
        self.remove(txn, request.unconditional, row)

    # For others

    def shown(self, reader: Reader, floating: Row) -> list[Values]:
        """Give the port forwardings as their floating IP shows them."""
        names = ("internal_ip_address", "protocol", "internal_port_id")
        found = []
        for row in reader.find(TABLE, ABOVE, floating.id):
            ports = {name: number for name in ("internal_port", "external_port") if (number := getattr(row, name))}
            found.append({"id": row.id, **{name: getattr(row, name) for name in names}, **ports})
        return found

    def leave(self, txn: Txn, request: Request, port: Row, kept: frozenset[str] = frozenset()) -> None:
        """Remove those that lead to addresses of a port that it will not have; `kept`: those that it will."""
        txn.verify_rows(TABLE, "internal_port_id", port.id)
        for row in txn.find(TABLE, "internal_port_id", port.id):
            if row.internal_ip_address not in kept:
                self.delete(txn, trusted(request), row)

    # Parts

    def _touch(self, txn: Txn, request: Request, floating: Row, router: str | None) -> None:
        """Keep the router of a floating IP; a lock on it as well, so that no two take one port of it."""
        self.others["floatingip"].touch(txn, request.unconditional, floating, {"router_id": router})

    def _checked(self, txn: Txn, request: Request, floating: Row, values: Values, before: Row | None) -> dict[str, Any]:
        """Give the columns for hosts, and put into `values` what is shown of the ports. Raises NetworkingError."""
        if values["protocol"] not in CARRIED:
            raise bad(f"protocol {values['protocol']} is not carried by hosts, only tcp and udp")
        inner, outer = (_ports(values, side, before) for side in ("internal", "external"))
        if inner.last > inner.first and inner.last - inner.first != outer.last - outer.first:
            raise bad(
                "Invalid ranges of internal and/or external ports. The relation between internal and external ports"
                " must be N-N or 1-N"
            )
        self._check_free(txn, floating, values, before, inner, outer)
        _check_no_floating_ip(txn, request, values)
        values |= {
            "internal_port": inner.single, "internal_port_range": inner.text,
            "external_port": outer.single, "external_port_range": outer.text,
        }  # fmt: skip
        return {
            "external_first": outer.first, "external_last": outer.last,
            "internal_first": inner.first, "internal_last": inner.last,
        }  # fmt: skip

    @staticmethod
    def _check_free(txn: Txn, floating: Row, values: Values, before: Row | None, inner: Ports, outer: Ports) -> None:
        """Refuse ports that another one has. Raises BadRequest."""
        own = None if before is None else before.id
        target = (values["protocol"], values["internal_ip_address"])
        txn.verify_rows(TABLE, "internal_port_id", values["internal_port_id"])
        for other in txn.find(TABLE, "internal_port_id", values["internal_port_id"]):
            if other.id != own and (other.protocol, other.internal_ip_address) == target:
                _check_apart("internal_port_range", Ports(other.internal_first, other.internal_last), inner)
        txn.verify_rows(TABLE, ABOVE, floating.id)
        for other in txn.find(TABLE, ABOVE, floating.id):
            if other.id != own and other.protocol == values["protocol"]:
                _check_apart("external_port_range", Ports(other.external_first, other.external_last), outer)

    def _router(self, txn: Txn, request: Request, floating: Row, values: Values) -> str:
        """Give the router between the floating IP and the port. Raises NetworkingError."""
        ports: Any = self.others["port"]
        port, caller = ports.get(txn, values["internal_port_id"]), request.caller
        if not caller.is_admin and caller.project_id not in (port.project_id, ports.network_project(txn, port)):
            raise ports.absent(port.id)
        ipv4 = [a for a in addresses_of(txn, port) if ":" not in a.ip_address]
        if not ipv4:
            raise bad(f"Requested internal port {port.id} must allocate an IPv4 address at least")
        address = next((a for a in ipv4 if a.ip_address == values["internal_ip_address"]), None)
        if address is None:
            there = [ip for ip in fixed_ips(txn, port.addresses) if ":" not in ip["ip_address"]]
            raise bad(
                f"Requested internal IP address {values['internal_ip_address']} is not suitable for internal neutron"
                f" port {port.id}, as its fixed_ips are {there}"
            )
        floating_ips: Any = self.others["floatingip"]
        try:
            router = floating_ips.router_of(txn, port, address, floating.floating_network_id)
        except NotFound as e:
            raise bad(
                f"External network {floating.floating_network_id} is not reachable from subnet {address.subnet}. Cannot"
                f" set Port forwarding for port {port.id} with Floating IP {floating.id}"
            ) from e
        if floating.router_id and floating.router_id != router.id:
            raise bad(
                f"The Floating IP {floating.id} had been set on router {floating.router_id}, the internal Neutron port"
                f" {port.id} can not reach it"
            )
        txn.verify("Port", port.id, "addresses")
        txn.verify("Router", router.id, "interfaces", "gateway_port", "further_gateways")
        return str(router.id)


def _shown(values: Values) -> Values:
    names = ("internal_port", "internal_port_range", "external_port", "external_port_range")
    return {name: values[name] for name in names}


def _ports(values: Values, side: str, before: Row | None) -> Ports:
    """Give the ports that a request names for a side, else those of before. Raises BadRequest."""
    text = values.get(f"{side}_port_range") or values.get(f"{side}_port")
    if text is not None:
        first, _, last = str(text).partition(":")
        return Ports(int(first), int(last or first))
    if before is None:
        raise bad(f"{side}_port or {side}_port_range has to be given")
    return Ports(getattr(before, f"{side}_first"), getattr(before, f"{side}_last"))


def _check_apart(what: str, existing: Ports, wanted: Ports) -> None:
    if max(existing.first, wanted.first) <= min(existing.last, wanted.last):
        raise bad(
            f"There is a port collision with the {what}. The following ranges collide: {existing.text} and"
            f" {wanted.text}"
        )


def _check_no_floating_ip(txn: Txn, _request: Request, values: Values) -> None:
    """Refuse a port that a floating IP leads to: its answers leave by that one. Raises PortHasBindingFloatingIP."""
    port = values["internal_port_id"]
    txn.verify_rows("Floating_Ip", "port_id", port)
    for other in txn.find("Floating_Ip", "port_id", port):
        message = (
            f"Cannot create port forwarding to floating IP {other.floating_ip_address} ({other.id}) with port {port}"
            f" using fixed IP {values['internal_ip_address']}, as that port already has a binding floating IP."
        )
        raise Conflict("PortHasBindingFloatingIP", message)


def _associated(floating: Row, port: str, address: str) -> Conflict:
    message = (
        f"Cannot associate floating IP {floating.floating_ip_address} ({floating.id}) with port {port} using fixed IP"
        f" {address}, as that fixed IP already has a floating IP on external network {floating.floating_network_id}."
    )
    return Conflict("FloatingIPPortAlreadyAssociated", message)


def check_unused(txn: Txn, floating: Row) -> None:
    """Refuse to lead a floating IP to one port, or to remove it, while ports of it lead somewhere. Raises Conflict."""
    txn.verify_rows(TABLE, ABOVE, floating.id)
    if txn.find(TABLE, ABOVE, floating.id):
        message = f"Floating IP {floating.id} in use by Port Forwarding resources."
        raise Conflict("FipInUseByPortForwarding", message)


def check_port(txn: Txn, port: str) -> None:
    """Refuse to lead a floating IP to a port that ports of another one lead to. Raises BadRequest.

    As in Neutron with distributed routers: its answers would leave by the floating IP.
    """
    txn.verify_rows(TABLE, "internal_port_id", port)
    if txn.find(TABLE, "internal_port_id", port):
        message = f"Cannot associate floating IP to port {port} because it already has a Port Forwarding binding."
        raise BadRequest("PortHasPortForwarding", message)


def need_subnet(txn: Txn, floating: Row, subnet: Row) -> bool:
    """Whether ports of a floating IP lead to addresses of a subnet."""
    for row in txn.find(TABLE, ABOVE, floating.id):
        port = txn.get("Port", row.internal_port_id)
        found = [] if port is None else addresses_of(txn, port)
        if any(a.subnet == subnet.id and a.ip_address == row.internal_ip_address for a in found):
            return True
    return False
