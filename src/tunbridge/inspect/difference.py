"""What differs between two documents: hosts, bridges, ports, options, states, links and findings. Pure.

Only what an operator would call a change counts. Order, line numbers, quoting, UUIDs and the source are none, nor is
what one of the two sources could not tell (`not_told` of its host): unknown is not another value.
"""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct, field

from tunbridge.inspect.checks.switch import DROPS, ERRORS
from tunbridge.inspect.model import Bridge, Device, Document, End, Finding, Host, Interface, Link, Port, Severity

VERSION = "1.1"
"""Version of the format of differences: major.minor."""

Kind = Literal["added", "removed", "changed"]
What = Literal["host", "device", "bridge", "port", "interface", "controller", "manager", "link", "finding"]
_Named = TypeVar("_Named")
_STATES = ("mtu", "mtu_request", "admin_state", "link_state", "link_speed", "duplex", "lacp_current")
_GROWING = ("drops-growing", "errors-growing")
"""Codes of findings that need two readings of one source."""


class DocumentChange(Struct, frozen=True, kw_only=True):
    """One thing that was added, removed or changed.

    `host` is the host's new name (the old one of a host that was removed). `name` is that of the thing; of a link its
    two ends, of a finding its subject. Of what changed, `attribute` is the field of the document (`options:KEY` for
    one option) with its `old` and `new` value. Of what was added or removed, the other of `old` and `new` is null and
    this one holds all of it. `severity` and `code` are a finding's.
    """

    kind: Kind
    what: What
    host: str
    bridge: str | None = None
    name: str
    attribute: str | None = None
    old: Any = None
    new: Any = None
    severity: Severity | None = None
    code: str | None = None


class Difference(Struct, frozen=True, kw_only=True):
    """Everything that differs, host by host, then links, then findings; the JSON output of diff."""

    version: str = VERSION
    changes: list[DocumentChange] = field(default_factory=list)


def difference(old: Document, new: Document) -> Difference:
    """Compare two documents whose findings were worked out."""
    pairs, gone, come = _pair(
        [host for host in old.hosts if host.known],
        [host for host in new.hosts if host.known],
        lambda host: host.name,
        lambda host: host.system_id,
    )
    if len(gone) == len(come) == 1:  # before.txt and after.txt: one host is left on each side
        pairs.append((gone.pop(), come.pop()))
    renamed = {before.name: after.name for before, after in pairs}
    changes = [_removed("host", host.name, host.name, host) for host in gone]
    changes += [_added("host", host.name, host.name, host) for host in come]
    for before, after in pairs:
        changes.extend(_hosts(before, after))
    partial = {host.name for host in gone + come}
    changes.extend(_links(old, new, renamed, partial))
    changes.extend(_findings(old, new, renamed))
    return Difference(changes=changes)


def schema_text() -> str:
    """Give the JSON Schema (2020-12) of a difference as the file holds it."""
    title = f"Tunbridge difference, version {VERSION.partition('.')[0]}"
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return json.dumps({**head, **msgspec.json.schema(Difference)}, indent=2, ensure_ascii=False) + "\n"


def _pair(
    old: Sequence[_Named], new: Sequence[_Named], *keys: Callable[[_Named], Hashable]
) -> tuple[list[tuple[_Named, _Named]], list[_Named], list[_Named]]:
    """Match what is the same by the first key, then what is left by the next one. A key of None matches nothing."""
    pairs: list[tuple[_Named, _Named]] = []
    gone, come = list(old), list(new)
    for key in keys:
        waiting: dict[Hashable, list[_Named]] = {}
        for item in gone:
            waiting.setdefault(key(item), []).append(item)
        waiting.pop(None, None)
        left = []
        for item in come:
            before = waiting.get(key(item))
            if before:
                pairs.append((before.pop(0), item))
            else:
                left.append(item)
        matched = {id(before) for before, _ in pairs}
        gone, come = [item for item in gone if id(item) not in matched], left
    return pairs, gone, come


def _added(what: What, host: str, name: str, thing: Any, bridge: str | None = None) -> DocumentChange:
    return DocumentChange(kind="added", what=what, host=host, bridge=bridge, name=name, new=_plain(thing))


def _removed(what: What, host: str, name: str, thing: Any, bridge: str | None = None) -> DocumentChange:
    return DocumentChange(kind="removed", what=what, host=host, bridge=bridge, name=name, old=_plain(thing))


def _plain(thing: Any) -> Any:
    """Give a thing as JSON has it, without what says nothing of the thing itself."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if key not in ("lines", "line", "source")}
        return [strip(item) for item in value] if isinstance(value, list) else value

    return strip(msgspec.to_builtins(thing))


class _Comparison:
    """The changes of one host; knows what both of its sources tell."""

    def __init__(self, old: Host, new: Host) -> None:
        self.host = new.name
        self.not_told = {*old.not_told, *new.not_told}
        self.changes: list[DocumentChange] = []

    def attribute(self, what: What, name: str, attribute: str, old: Any, new: Any, bridge: str | None = None) -> None:
        """Note an attribute that differs, unless a source could not tell it."""
        if old != new and attribute not in self.not_told:
            self.changes.append(
                DocumentChange(
                    kind="changed", what=what, host=self.host, bridge=bridge, name=name, attribute=attribute,
                    old=old, new=new,
                )
            )  # fmt: skip

    def known(self, what: What, old: Any, new: Any, attribute: str, bridge: str | None = None) -> None:
        """Note an attribute that differs and is known on both sides: null is not another value."""
        values = getattr(old, attribute), getattr(new, attribute)
        if None not in values:
            self.attribute(what, new.name, attribute, *values, bridge)

    def mapping(
        self, name: str, attribute: str, old: dict[str, str] | None, new: dict[str, str] | None, bridge: str
    ) -> None:
        """Note each key of an interface's map that differs, where both sides tell the map."""
        if old is not None and new is not None:
            for key in sorted(old.keys() | new.keys()):
                self.attribute("interface", name, f"{attribute}:{key}", old.get(key), new.get(key), bridge)

    def things(
        self, what: What, gone: Iterable[Any], come: Iterable[Any], name: str = "name", bridge: str | None = None
    ) -> None:
        """Note what was removed and added."""
        self.changes += [_removed(what, self.host, getattr(thing, name), thing, bridge) for thing in gone]
        self.changes += [_added(what, self.host, getattr(thing, name), thing, bridge) for thing in come]

    def remotes(self, what: What, old: Sequence[Any], new: Sequence[Any], bridge: str | None = None) -> None:
        """Compare controllers or managers: `is_connected` is null where it is not known."""
        pairs, gone, come = _pair(old, new, lambda remote: remote.target)
        self.things(what, gone, come, "target", bridge)
        for before, after in pairs:
            if None not in (before.is_connected, after.is_connected):
                self.attribute(what, after.target, "is_connected", before.is_connected, after.is_connected, bridge)


def _hosts(old: Host, new: Host) -> list[DocumentChange]:
    found = _Comparison(old, new)
    if old.ovs_version and new.ovs_version:
        found.attribute("host", new.name, "ovs_version", old.ovs_version, new.ovs_version)
    if old.addresses and new.addresses:  # they may be inferred from peers, of which not all were given
        found.attribute("host", new.name, "addresses", sorted(old.addresses), sorted(new.addresses))
    for attribute in ("chassis_id", "flow_restore_wait"):
        found.known("host", old, new, attribute)
    _underlay(found, old.underlay, new.underlay)
    found.remotes("manager", old.managers, new.managers)
    bridges, gone, come = _pair(old.bridges, new.bridges, lambda bridge: bridge.name)
    found.things("bridge", gone, come)
    for before, after in bridges:
        _bridges(found, before, after)
    whole = {bridge.name for bridge in gone + come}
    _ports(found, _located(old, whole), _located(new, whole))
    return found.changes


def _underlay(found: _Comparison, old: Sequence[Device] | None, new: Sequence[Device] | None) -> None:
    """Compare the devices that hold the tunnel addresses, where both sources tell them."""
    if old is None or new is None:
        return
    pairs, gone, come = _pair(old, new, lambda device: device.name)
    found.things("device", gone, come)
    for before, after in pairs:
        for attribute in ("mtu", "admin_state", "link_state", "link_speed"):
            found.known("device", before, after, attribute)


def _bridges(found: _Comparison, old: Bridge, new: Bridge) -> None:
    found.attribute("bridge", new.name, "fail_mode", old.fail_mode, new.fail_mode)
    datapaths = (old.datapath_type or "system", new.datapath_type or "system")
    found.attribute("bridge", new.name, "datapath_type", *datapaths)
    found.known("bridge", old, new, "mac_table_size", new.name)
    found.remotes("controller", old.controllers, new.controllers, new.name)


def _located(host: Host, whole: set[str]) -> list[tuple[str, Port]]:
    """Give the ports with the names of their bridges, other than of those that came or went as a whole."""
    return [(bridge.name, port) for bridge in host.bridges if bridge.name not in whole for port in bridge.ports]


def _ports(found: _Comparison, old: list[tuple[str, Port]], new: list[tuple[str, Port]]) -> None:
    pairs, gone, come = _pair(old, new, lambda at: (at[0], at[1].name), lambda at: at[1].name)
    for bridge, port in gone:
        found.things("port", [port], [], bridge=bridge)
    for bridge, port in come:
        found.things("port", [], [port], bridge=bridge)
    for (old_bridge, before), (bridge, after) in pairs:
        found.attribute("port", after.name, "bridge", old_bridge, bridge, bridge)
        found.attribute("port", after.name, "tag", before.tag, after.tag, bridge)
        found.attribute("port", after.name, "trunks", sorted(before.trunks), sorted(after.trunks), bridge)
        found.attribute("port", after.name, "bond_mode", before.bond_mode, after.bond_mode, bridge)
        found.attribute("port", after.name, "lacp", before.lacp, after.lacp, bridge)
        found.known("port", before, after, "bond_active_slave", bridge)
        interfaces, lost, won = _pair(before.interfaces, after.interfaces, lambda interface: interface.name)
        found.things("interface", lost, won, bridge=bridge)
        for one, other in interfaces:
            _interfaces(found, bridge, one, other)


def _interfaces(found: _Comparison, bridge: str, old: Interface, new: Interface) -> None:
    found.attribute("interface", new.name, "type", old.type, new.type, bridge)
    for key in sorted(old.options.keys() | new.options.keys()):
        found.attribute("interface", new.name, f"options:{key}", old.options.get(key), new.options.get(key), bridge)
    found.attribute("interface", new.name, "error", old.error, new.error, bridge)
    for attribute in _STATES:
        found.known("interface", old, new, attribute, bridge)
    found.mapping(new.name, "bfd", old.bfd, new.bfd, bridge)
    before, after = (None if i.bfd_status is None else i.bfd_status.get("state") for i in (old, new))
    if before is not None and after is not None:
        found.attribute("interface", new.name, "bfd_status:state", before, after, bridge)
    _counters(found, bridge, old, new)


def _counters(found: _Comparison, bridge: str, old: Interface, new: Interface) -> None:
    """Tell drops and errors that grew. Others always grow; one that is smaller now was reset, which says nothing."""
    before, after = old.statistics or {}, new.statistics or {}
    for counter in (*DROPS, *ERRORS):
        if new.admin_state != "down" and before.get(counter, after.get(counter, 0)) < after.get(counter, 0):
            found.attribute(
                "interface", new.name, f"statistics:{counter}", before[counter], after[counter], bridge
            )  # fmt: skip


def _links(old: Document, new: Document, renamed: dict[str, str], partial: set[str]) -> Iterator[DocumentChange]:
    """Compare patch pairs and tunnels, and the state of NICs. Those of hosts on one side only go with their host."""

    def end(at: End, names: dict[str, str]) -> tuple[str, str, str] | None:
        return (names.get(at.host, at.host), at.bridge or "", at.port) if at.port is not None else None

    def ends(link: Link, names: dict[str, str]) -> list[tuple[str, str, str]]:
        both = [end(at, names) for at in (link.a, link.b) if at is not None]
        return sorted(at for at in both if at is not None)

    def listed(document: Document, names: dict[str, str]) -> list[tuple[list[tuple[str, str, str]], Link]]:
        return [
            (ends(link, names), link)
            for link in document.links
            if link.kind != "patch" or link.b is not None  # one that leads nowhere is a finding, not a wire
        ]

    def alone(link: Link) -> bool:
        """Say whether the link comes or goes by itself: a NIC's does with its port, others perhaps with a host."""
        return link.kind != "physical" and partial.isdisjoint(at.host for at in (link.a, link.b) if at is not None)

    pairs, gone, come = _pair(
        listed(old, renamed),
        listed(new, {}),
        lambda entry: (entry[1].kind, *entry[0]),
        lambda entry: (entry[1].kind, entry[0][0]),
        lambda entry: (entry[1].kind, entry[0][-1]),
    )
    for (_, before), (at, after) in pairs:
        if before.state != after.state and "unknown" not in (before.state, after.state):
            yield DocumentChange(
                kind="changed", what="link", host=at[0][0], bridge=at[0][1], name=_link_name(after), attribute="state",
                old=before.state, new=after.state,
            )  # fmt: skip
    for at, link in gone:
        if alone(link):
            yield _removed("link", at[0][0], _link_name(link), link, at[0][1])
    for at, link in come:
        if alone(link):
            yield _added("link", at[0][0], _link_name(link), link, at[0][1])


def _link_name(link: Link) -> str:
    """Name a link by its ends: the ports of a patch pair, the hosts of a tunnel."""
    if link.kind == "patch":
        return f"{link.a.port} - {link.b.port if link.b else '?'}"
    if link.kind == "tunnel":
        far = link.b.host if link.b else link.remote_address or "?"
        return f"{link.type} {link.a.host} - {far}"
    return str(link.a.port)


def _findings(old: Document, new: Document, renamed: dict[str, str]) -> Iterator[DocumentChange]:
    """Compare findings, but for those that one side could not have: their code was not checked there."""
    unchecked_old = {(renamed.get(n.host, n.host), n.code) for n in old.not_checked}
    unchecked_new = {(n.host, n.code) for n in new.not_checked}
    unchecked_old |= {(renamed.get(h.name, h.name), c) for h in old.hosts if h.counted_over is None for c in _GROWING}
    unchecked_new |= {(h.name, c) for h in new.hosts if h.counted_over is None for c in _GROWING}
    _, gone, come = _pair(
        [(renamed.get(f.host, f.host), f) for f in old.findings],
        [(f.host, f) for f in new.findings],
        lambda entry: (entry[1].code, entry[0], entry[1].subject),
    )
    for host, finding in come:
        if (host, finding.code) not in unchecked_old:
            yield _finding("added", host, finding)
    for host, finding in gone:
        if (host, finding.code) not in unchecked_new:
            yield _finding("removed", host, finding)


def _finding(kind: Literal["added", "removed"], host: str, finding: Finding) -> DocumentChange:
    plain = _plain(finding)
    return DocumentChange(
        kind=kind, what="finding", host=host, name=finding.subject, severity=finding.severity, code=finding.code,
        old=plain if kind == "removed" else None, new=plain if kind == "added" else None,
    )  # fmt: skip
