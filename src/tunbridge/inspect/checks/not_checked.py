"""What could not be checked because the source of a host cannot hold it: a text tells no state, a file no errors.

A check is listed only for a host that has what it is about: a bond, a tunnel, a NIC. Counters that were read once are
no input that is missing: that they are read twice is asked for (`check --counters`).
"""

from collections.abc import Callable, Iterator
from operator import attrgetter

from msgspec import Struct

from tunbridge.inspect.checks.links import is_bond
from tunbridge.inspect.checks.view import View
from tunbridge.inspect.interfaces import is_tunnel
from tunbridge.inspect.model import Host, NotChecked

_TEXT = "`ovs-vsctl show` does not print what this needs; a live source tells it"


class _Has:
    """What a host has that checks are about."""

    def __init__(self, view: View, host: Host) -> None:
        self.anything = bool(host.bridges)
        self.tunnel = self.bond = False
        bfd = False
        for bridge in host.bridges:
            for port in bridge.ports:
                self.bond = self.bond or is_bond(port)
                for interface in port.interfaces:
                    if is_tunnel(interface):
                        self.tunnel = True
                        bfd = bfd or bool(interface.bfd_status)
        self.nic = view.has_nic(host)
        self.silent_tunnel = self.tunnel and not bfd
        """It has tunnels and none tells of BFD: newer texts print `bfd_status` where it is on."""


class _Need(Struct, frozen=True):
    """What a check rests on: attributes, all of them, and what of a host it is about."""

    attributes: tuple[str, ...]
    concerns: Callable[[_Has], bool]


_NEEDS = {
    "interface-error": _Need(("error",), attrgetter("anything")),
    "nic-down": _Need(("link_state",), lambda has: has.nic or has.tunnel),
    "bond-member-down": _Need(("link_state",), attrgetter("bond")),
    "lacp-not-negotiated": _Need(("lacp", "lacp_current"), attrgetter("bond")),
    "bfd-down": _Need(("statistics",), attrgetter("silent_tunnel")),
    "underlay-mtu-too-small": _Need(("underlay",), attrgetter("tunnel")),
    "flow-restore-wait": _Need(("flow_restore_wait",), attrgetter("anything")),
    "mac-table-full": _Need(("mac_table_used",), attrgetter("anything")),
    "drops-growing": _Need(("statistics",), attrgetter("anything")),
    "errors-growing": _Need(("statistics",), attrgetter("anything")),
}
"""Code -> its need. What tells statistics tells the status of BFD too."""


def without_input(view: View) -> Iterator[NotChecked]:
    """Say which checks had no input, host by host."""
    for host in view.given:
        unknown = set(host.not_told)
        has = _Has(view, host)
        for code, need in _NEEDS.items():
            lacking = [attribute for attribute in need.attributes if attribute in unknown]
            if lacking and need.concerns(has):
                reason = _TEXT if "external_ids" in unknown else f"its source does not tell `{lacking[0]}`"
                yield NotChecked(code=code, host=host.name, reason=reason)
