"""What could not be checked because the source of a host cannot hold it: a text tells no state, a file no errors.

A check is listed only for a host that has what it is about: a bond, a tunnel, a NIC. Counters that were read once are
no input that is missing: that they are read twice is asked for (`check --counters`).
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from tunbridge.inspect.checks.links import is_bond
from tunbridge.inspect.checks.view import View
from tunbridge.inspect.interfaces import is_nic_of, is_tunnel
from tunbridge.inspect.model import Host, NotChecked

_TEXT = "`ovs-vsctl show` does not print what this needs; a live source tells it"


class _Need(Struct, frozen=True):
    """What a check rests on: attributes, all of them, and what of a host it is about."""

    attributes: tuple[str, ...]
    concerns: Callable[[Host], bool]


def _has_anything(host: Host) -> bool:
    return bool(host.bridges)


def _has_tunnel(host: Host) -> bool:
    return any(is_tunnel(i) for bridge in host.bridges for port in bridge.ports for i in port.interfaces)


def _has_nic(host: Host) -> bool:
    return any(is_nic_of(bridge, port) for bridge in host.bridges for port in bridge.ports)


def _has_bond(host: Host) -> bool:
    return any(is_bond(port) for bridge in host.bridges for port in bridge.ports)


def _has_silent_tunnel(host: Host) -> bool:
    """Say whether it has tunnels and none tells of BFD: newer texts print `bfd_status` where it is on."""
    interfaces = [i for bridge in host.bridges for port in bridge.ports for i in port.interfaces]
    return any(map(is_tunnel, interfaces)) and not any(interface.bfd_status for interface in interfaces)


_NEEDS = {
    "interface-error": _Need(("error",), _has_anything),
    "nic-down": _Need(("link_state",), lambda host: _has_nic(host) or _has_tunnel(host)),
    "bond-member-down": _Need(("link_state",), _has_bond),
    "lacp-not-negotiated": _Need(("lacp", "lacp_current"), _has_bond),
    "bfd-down": _Need(("statistics",), _has_silent_tunnel),
    "underlay-mtu-too-small": _Need(("underlay",), _has_tunnel),
    "flow-restore-wait": _Need(("flow_restore_wait",), _has_anything),
    "mac-table-full": _Need(("mac_table_used",), _has_anything),
    "drops-growing": _Need(("statistics",), _has_anything),
    "errors-growing": _Need(("statistics",), _has_anything),
}
"""Code -> its need. What tells statistics tells the status of BFD too."""


def without_input(view: View) -> Iterator[NotChecked]:
    """Say which checks had no input, host by host."""
    for host in view.given:
        unknown = set(host.not_told)
        for code, need in _NEEDS.items():
            lacking = [attribute for attribute in need.attributes if attribute in unknown]
            if lacking and need.concerns(host):
                reason = _TEXT if "external_ids" in unknown else f"its source does not tell `{lacking[0]}`"
                yield NotChecked(code=code, host=host.name, reason=reason)
