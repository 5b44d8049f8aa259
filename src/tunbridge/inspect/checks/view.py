"""What the checks look at: a document with indexes, so that each check is one pass and reads like its claim."""

from collections.abc import Iterator

from tunbridge.inspect.checks.registry import CODES
from tunbridge.inspect.model import Bridge, Document, End, Finding, Host, Interface, Link, Port, Severity


class View:
    """A document, and where things are in it."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.hosts: dict[str, Host] = {host.name: host for host in document.hosts}
        self.given: list[Host] = [host for host in document.hosts if host.known]
        self._ports: dict[tuple[str, str, str], Port] = {}
        for host, bridge, port in self.ports():
            self._ports[host.name, bridge.name, port.name] = port
        self._patches: dict[str, list[Link]] = {}
        for link in document.links:
            if link.kind == "patch":
                self._patches.setdefault(link.a.host, []).append(link)

    def ports(self) -> Iterator[tuple[Host, Bridge, Port]]:
        """Give every port of the given hosts."""
        for host in self.given:
            for bridge in host.bridges:
                for port in bridge.ports:
                    yield host, bridge, port

    def interfaces(self) -> Iterator[tuple[Host, Bridge, Port, Interface]]:
        """Give every interface of the given hosts."""
        for host, bridge, port in self.ports():
            for interface in port.interfaces:
                yield host, bridge, port, interface

    def port(self, end: End) -> Port | None:
        """Give the port at the end of a link, None on a host that was not given."""
        return self._ports.get((end.host, end.bridge or "", end.port or ""))

    def patches(self, host: str) -> list[Link]:
        """Give the patch pairs (and old veth pairs) inside `host`, whole or not."""
        return self._patches.get(host, [])


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
