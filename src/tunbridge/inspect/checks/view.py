"""What the checks look at: a document with indexes, so that each check is one pass and reads like its claim."""

from collections.abc import Iterator

from tunbridge.inspect.checks.homes import Homes
from tunbridge.inspect.checks.registry import CODES
from tunbridge.inspect.interfaces import is_enslaved, is_patch
from tunbridge.inspect.model import Bridge, Document, End, Finding, Host, Interface, Link, Port, Severity
from tunbridge.inspect.roles import joined_bridges
from tunbridge.inspect.wiring import Flavour, flavour, is_tunbridge

PASSIVE = ("ptcp:", "pssl:", "punix:")
"""Targets at which Open vSwitch waits for clients."""


class View:
    """A document, and where things are in it. What is asked of a host again and again is worked out once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.hosts: dict[str, Host] = {host.name: host for host in document.hosts}
        self.given: list[Host] = [host for host in document.hosts if host.known]
        self.owners: dict[str, Flavour] = {host.name: flavour(host) for host in self.given}
        self.is_tunbridge: dict[str, bool | None] = {host.name: is_tunbridge(host) for host in self.given}
        """Whether Tunbridge's agent wired a host; None where its source does not tell."""
        self.joined: dict[str, dict[str, set[str]]] = {host.name: joined_bridges(host) for host in self.given}
        """Host -> bridge -> the bridges that a patch port leads to."""
        self._homes: dict[str, Homes] = {}
        self._interfaces: dict[str, dict[str, Interface]] = {}
        self._ports: dict[tuple[str, str, str], Port] = {}
        self._uplinks: dict[str, dict[str, None]] = {}
        for host in self.given:
            interfaces = self._interfaces.setdefault(host.name, {})
            for bridge in host.bridges:
                for port in bridge.ports:
                    self._ports[host.name, bridge.name, port.name] = port
                    for interface in port.interfaces:
                        interfaces[interface.name] = interface
        self._nics = {link.a for link in document.links if link.kind == "physical"}
        self._with_nic = {end.host for end in self._nics}
        self._everything = [(*place, interface) for place in self.ports() for interface in place[2].interfaces]
        self._patches: dict[str, list[Link]] = {}
        for link in document.links:
            if link.kind == "patch":
                self._patches.setdefault(link.a.host, []).append(link)
            elif link.kind == "physical":
                self._uplinks.setdefault(str(link.a.bridge), {})[link.a.host] = None

    def ports(self) -> Iterator[tuple[Host, Bridge, Port]]:
        """Give every port of the given hosts."""
        for host in self.given:
            for bridge in host.bridges:
                for port in bridge.ports:
                    yield host, bridge, port

    def interfaces(self) -> list[tuple[Host, Bridge, Port, Interface]]:
        """Give every interface of the given hosts."""
        return self._everything

    def port(self, end: End) -> Port | None:
        """Give the port at the end of a link, None on a host that was not given."""
        return self._ports.get((end.host, end.bridge or "", end.port or ""))

    def named(self, host: Host) -> dict[str, Interface]:
        """Return the interfaces of `host` by name."""
        return self._interfaces[host.name]

    def lacks_peer(self, host: Host, interface: Interface) -> bool:
        """Whether a patch port's peer is not on the host."""
        return is_patch(interface) and interface.options.get("peer") not in self._interfaces[host.name]

    def patches(self, host: str) -> list[Link]:
        """Give the patch pairs (and old veth pairs) inside `host`, whole or not."""
        return self._patches.get(host, [])

    def homes(self, host: Host) -> Homes:
        """Return where the patch ports of `host` belong."""
        if host.name not in self._homes:
            self._homes[host.name] = Homes(host)
        return self._homes[host.name]

    def is_nic(self, host: Host, bridge: Bridge, port: Port) -> bool:
        """Whether `port` leads `bridge` to a physical network."""
        return End(host=host.name, bridge=bridge.name, port=port.name) in self._nics

    def has_nic(self, host: Host) -> bool:
        """Whether any bridge of `host` has a NIC."""
        return host.name in self._with_nic

    def leads_out(self, host: Host, bridge: Bridge) -> bool:
        """Whether `bridge` has a NIC, or a port that is in a Linux bridge too."""
        return self.has_uplink(host, bridge) or any(
            is_enslaved(interface) for port in bridge.ports for interface in port.interfaces
        )

    def has_uplink(self, host: Host, bridge: Bridge) -> bool:
        """Whether `bridge` has a NIC."""
        return host.name in self._uplinks.get(bridge.name, ())

    def other_with_uplink(self, host: Host, bridge: Bridge) -> str | None:
        """Return the first other host whose bridge of that name has a NIC."""
        return next((name for name in self._uplinks.get(bridge.name, ()) if name != host.name), None)


def is_active(target: str) -> bool:
    """Whether Open vSwitch itself connects to this manager or controller."""
    return not target.startswith(PASSIVE)


def what_is_missing(host: Host) -> str:
    """Say which part of a host's dump was cut off or left out."""
    parts = host.missing_parts or ["beginning"]
    if parts == ["middle"]:
        return "lines in the middle of the dump were left out"
    return f"the {' and the '.join(part for part in parts if part != 'middle')} of the dump " + (
        "are missing" if len([p for p in parts if p != "middle"]) > 1 else "is missing"
    )


def finding(
    code: str,
    host: str,
    subject: str,
    message: str,
    fix: str,
    line: int | None = None,
    severity: Severity | None = None,
) -> Finding:
    """Make a finding of a registered code, with the code's own severity unless another is given."""
    return Finding(
        severity=severity or CODES[code].severity,
        code=code,
        host=host,
        subject=subject,
        message=message,
        fix=fix,
        line=line,
    )
