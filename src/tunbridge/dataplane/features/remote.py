"""The remote end of rules: the members of a security group, or the addresses of an address group.

Each address is one flow per direction, with the conjunctions of every rule shape that names it.
"""

from collections.abc import Iterable
from typing import cast

from tunbridge.dataplane import flow, names
from tunbridge.dataplane.contribution import Context
from tunbridge.dataplane.features import policy
from tunbridge.dataplane.features.policy import CONJUNCTION_PRIORITY, Use
from tunbridge.dataplane.view import Port


def compute(context: Context, remote: str) -> None:
    """One remote end, `group:ID` or `address-group:ID`: what follows once both clauses of a conjunction match."""
    kind, _, id = remote.partition(":")
    for use in _uses(context, remote):
        number = context.identifiers.conjunction(policy.conjunction(remote, use))
        table, _ = policy.stage(use[0])
        match = {"conj_id": number}
        context.flow(names.INTEGRATION_BRIDGE, table, CONJUNCTION_PRIORITY, match, *policy.allow(use))
    if kind == "group":
        for port_id in context.view.group_members(id):
            context.child("member", f"{remote} {port_id}")
    else:
        _addresses(context, remote, context.view.address_group(id))


def compute_member(context: Context, id: str) -> None:
    """One member of a security group, `group:ID PORT`."""
    remote, _, port_id = id.partition(" ")
    port = context.view.port(port_id)
    if port is not None:
        _addresses(context, remote, _of_port(port))


def _of_port(port: Port) -> list[str]:
    """Every address that the port may send from, as for Neutron."""
    return [ip.ip_address for ip in port.fixed_ips] + [p.ip_address for p in port.allowed_address_pairs]


def _uses(context: Context, remote: str) -> list[Use]:
    return sorted(cast(Iterable[Use], context.facts("use", remote)), key=str)


def _addresses(context: Context, remote: str, addresses: Iterable[str]) -> None:
    uses = _uses(context, remote)
    for address in addresses:
        context.permit("member", remote, address)
        version = 6 if ":" in address else 4
        for use in uses:
            if use[1] == version:
                table, _ = policy.stage(use[0])
                match = {"proto": "ip" if version == 4 else "ipv6", **policy.address(use[0], address)}
                number = context.identifiers.conjunction(policy.conjunction(remote, use))
                clause = flow.conjunction(number, 2, 2)
                context.flow(names.INTEGRATION_BRIDGE, table, CONJUNCTION_PRIORITY, match, clause)
