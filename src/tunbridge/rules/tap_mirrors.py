"""Tap mirrors: each copies the packets of one port of its project to a collector. Texts are Neutron's."""

import ipaddress

import msgspec

from tunbridge.model.resources.tap_mirror import LARGEST_ID
from tunbridge.model.validators.plain import as_integer
from tunbridge.rules import locks, sub_ports
from tunbridge.rules.base import Rules
from tunbridge.rules.errors import Conflict, Forbidden, NotFound, invalid
from tunbridge.rules.request import Reader, Request, Txn, Values

TABLE = "Tap_Mirror"


class TapMirrorRules(Rules):
    """The rules of tap mirrors."""

    name = "Tap Mirror"

    def absent(self, id: str) -> Exception:
        """Give Neutron's TapMirrorNotFound."""
        return NotFound("TapMirrorNotFound", f"Tap Mirror {id} does not exist")

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a mirror. Raises NetworkingError."""
        port = sub_ports.visible(self, txn, request, values["port_id"])
        project = values["project_id"]
        if port.project_id != project:
            raise Forbidden("PortDoesNotBelongToTenant", "The specified port does not belong to the tenant")
        _check_collector(request, values["remote_ip"])
        wanted = tunnel_ids(values["directions"])
        _check_range(wanted, values["mirror_type"])
        locks.lock(txn, f"tap mirrors {project}")
        for id in sorted(wanted & _taken(txn, project)):
            raise Conflict("TapMirrorTunnelConflict", f"Tap Mirror with tunnel_id {id} already exists")
        return self.insert(txn, request, values, network_id=port.network_id)


def _check_collector(request: Request, text: str) -> None:
    """Refuse an address that hosts shall not send copies to. Raises BadRequest."""
    address = ipaddress.ip_address(text)
    networks = map(ipaddress.ip_network, request.settings.mirror_collectors)
    if address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local:
        raise invalid(f"the collector {text} of a mirror is not the address of one machine of the network")
    if not request.caller.is_admin and not any(address in network for network in networks):
        raise invalid(f"the collector {text} is in none of the networks where those of mirrors may be")


def _taken(reader: Reader, project: str) -> set[int]:
    rows = reader.find(TABLE, "project_id", project)
    return {id for row in rows for id in tunnel_ids(msgspec.json.decode(row.directions))}


def tunnel_ids(directions: Values) -> set[int]:
    """Give the tunnel ids, which Neutron takes as text too."""
    return {number for value in directions.values() if (number := as_integer(value)) is not None}


def _check_range(ids: set[int], kind: str) -> None:
    """Refuse what the header of the tunnel cannot hold: it would name another mirror. Raises BadRequest."""
    largest = LARGEST_ID[kind]
    for id in sorted(ids):
        if not 0 <= id <= largest:
            raise invalid(f"the tunnel id {id} of a mirror of type {kind} is not between 0 and {largest}")


def remove_of(txn: Txn, port_id: str) -> None:
    """Remove the mirrors of a port which goes."""
    txn.verify_rows(TABLE, "port_id", port_id)
    for row in txn.find(TABLE, "port_id", port_id):
        txn.delete(TABLE, row.id)
