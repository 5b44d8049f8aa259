"""From hosts as they were read to one document: roles, addresses, links, and the hosts that were not given.

Pure: the same hosts give the same document. Nothing is judged here; that is `check`. The one finding made here is that
a host was given twice, since only one of its two texts is in the document.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tunbridge.inspect.devices import underlay_of
from tunbridge.inspect.interfaces import is_nic_of
from tunbridge.inspect.model import Document, End, Finding, Host, Interface, Link, LinkState, NotChecked
from tunbridge.inspect.names import distinguish
from tunbridge.inspect.roles import compared, peer_name, with_roles
from tunbridge.inspect.tunnels import FLOW, Matching, Tunnel, match, own_addresses, tunnels_of

GIVEN_TWICE = "host-given-twice"


def understand(hosts: Sequence[Host]) -> Document:
    """Work out what the hosts are and how they hang together. `paths` is left empty; `check` fills the findings."""
    kept, findings = _without_repeats(hosts)
    given = compared([with_roles(host) for host in distinguish(kept)])
    ends = [tunnel for host in given for tunnel in tunnels_of(host)]
    addresses, ambiguous = own_addresses(given, ends)
    given = [
        replace(host, addresses=addresses[host.name], underlay=underlay_of(host.underlay, addresses[host.name]))
        for host in given
    ]
    matching = match(ends, addresses)
    unknown_hosts = _unknown_hosts(matching, {host.name for host in given})
    truncated = {host.name for host in given if not host.is_whole}
    doubt = _Doubt(_shared(addresses), truncated, ambiguous)
    links = [link for host in given for link in _inside(host)]
    links.extend(_tunnel_links(matching, addresses, unknown_hosts, doubt))
    return Document(
        hosts=[*given, *(Host(name=name, known=False, addresses=[address]) for address, name in unknown_hosts.items())],
        links=links,
        findings=findings,
        not_checked=[_ambiguous(host) for host in given if host.name in ambiguous],
    )


class _Doubt(Struct, frozen=True):
    """Hosts for which a missing end proves nothing."""

    shared: set[str]
    """They have an address that another one has too: whose tunnel is whose cannot be told."""
    truncated: set[str]
    """Part of their dump is missing, and the end may stand there."""
    ambiguous: set[str]
    """Their own address is not known."""


def _shared(addresses: dict[str, list[str]]) -> set[str]:
    """Name the hosts that have an address which another one has too."""
    owners: dict[str, list[str]] = {}
    for host, own in addresses.items():
        for address in own:
            owners.setdefault(address, []).append(host)
    return {host for hosts in owners.values() if len(hosts) > 1 for host in hosts}


def _ambiguous(host: Host) -> NotChecked:
    if any(tunnels_of(host)):
        why = "its tunnels state no local_ip"
    elif host.is_whole:
        why = "it has no tunnel that would state it"
    else:
        why = "no tunnel that would state it is seen in the part of the dump that is here"
    return NotChecked(
        code="tunnel-one-way",
        host=host.name,
        reason=f"its own tunnel address cannot be told: {why}, and the other hosts, as far as they were given, do not "
        "single one address out",
    )


def _without_repeats(hosts: Sequence[Host]) -> tuple[list[Host], list[Finding]]:
    """Leave out hosts that are given again later: the last one counts. Findings say which."""
    kept: dict[int, Host] = {}
    last: dict[str, int] = {}
    findings: list[Finding] = []
    for position, host in enumerate(hosts):
        before = last.get(host.system_id) if host.system_id else None
        if before is not None and _is_same(kept[before], host):
            findings.append(_given_twice(kept.pop(before), host))
        if host.system_id:
            last[host.system_id] = position
        kept[position] = host
    return list(kept.values()), findings


def _is_same(one: Host, other: Host) -> bool:
    """Say whether two hosts with the same system UUID are one host at two times, and not copies of one database.

    Copies are told by what a host cannot share with another: tunnel addresses of its own, or, where none are stated,
    by each having a peer that the other one lacks.
    """
    ours, ours_to = _stated(one)
    theirs, theirs_to = _stated(other)
    if ours and theirs:
        return bool(ours & theirs)
    return ours_to <= theirs_to or theirs_to <= ours_to


def _stated(host: Host) -> tuple[set[str], set[str]]:
    local = {t.local for t in tunnels_of(host) if t.local is not None} | set(host.addresses)
    remote = {t.remote for t in tunnels_of(host) if t.remote is not None}
    return local - {FLOW}, remote - {FLOW}


def _given_twice(left_out: Host, used: Host) -> Finding:
    first, second = (f"{h.name} ({h.source})" if h.source else h.name for h in (left_out, used))
    return Finding(
        severity="warning",
        code=GIVEN_TWICE,
        host=used.name,
        subject=str(used.system_id),
        message=f"{first} and {second} have the same system UUID: one host, given twice. "
        f"What is shown is the one given last; {left_out.name} is left out",
        fix="give each host once; to see one host at two times, run the command once for each",
        line=used.lines.get("system_id"),
    )


def _unknown_hosts(matching: Matching, taken: set[str]) -> dict[str, str]:
    """Name the hosts that tunnels lead to but that were not given: address -> name, which is the address."""
    names: dict[str, str] = {}
    for index, tunnel in enumerate(matching.tunnels):
        if tunnel.remote is None or tunnel.remote == FLOW or tunnel.remote in names:
            continue
        if index not in matching.peer_host and index not in matching.partner:
            name = tunnel.remote
            while name in taken:
                name = f"{name} (not given)"
            names[tunnel.remote] = name
    return names


def _inside(host: Host) -> Iterator[Link]:
    """Give the links that begin in one host alone: patch pairs, old veth pairs, NICs.

    Where part of the dump is missing, a patch port whose other end is not seen is `unknown`, not broken.
    """
    ends: dict[str, tuple[End, Interface]] = {}
    for bridge in host.bridges:
        for port in bridge.ports:
            end = End(host=host.name, bridge=bridge.name, port=port.name)
            for interface in port.interfaces:
                ends.setdefault(interface.name, (end, interface))
    done: set[str] = set()
    unseen: LinkState = "broken" if host.is_whole else "unknown"
    for bridge in host.bridges:
        for port in bridge.ports:
            for interface in port.interfaces:
                if interface.name not in done:
                    yield from _patch(interface, ends, done, unseen)
            if is_nic_of(bridge, port):
                down = bool(port.interfaces) and all(interface.error for interface in port.interfaces)
                end = End(host=host.name, bridge=bridge.name, port=port.name)
                yield Link(kind="physical", state="broken" if down else "ok", a=end)


def _patch(
    interface: Interface, ends: dict[str, tuple[End, Interface]], done: set[str], unseen: LinkState
) -> Iterator[Link]:
    """Give the link that begins at `interface`, unless it is the far end of one that was given already."""
    peer = peer_name(interface)
    end, _ = ends[interface.name]
    far = ends.get(peer) if peer is not None else None
    if interface.type == "patch":
        if far is None:
            yield Link(kind="patch", state=unseen, a=end)
            return
        mutual = far[1].type == "patch" and far[1].options.get("peer") == interface.name
    else:
        if far is None or far[1].type != "system" or far[0].bridge == end.bridge:
            return  # no pair: some interface that has such a name
        mutual = True
    if mutual:
        done.add(far[1].name)
    whole = mutual and not interface.error and not far[1].error and far[1] is not interface
    state: LinkState = "ok" if whole else "broken"
    if not mutual and "peer" not in far[1].options:
        state = unseen  # its options may be among what is missing
    yield Link(kind="patch", state=state, a=end, b=far[0])


def _tunnel_links(
    matching: Matching, addresses: dict[str, list[str]], unknown_hosts: dict[str, str], doubt: _Doubt
) -> Iterator[Link]:
    """Give one link per tunnel, not one per end."""
    for index, tunnel in enumerate(matching.tunnels):
        back = matching.partner.get(index)
        if back is not None and back < index and matching.partner.get(back) == index:
            continue  # given from the other end
        far = matching.tunnels[back] if back is not None else None
        yield Link(
            kind="tunnel",
            type=tunnel.type,
            key=tunnel.stated_key,
            local_address=tunnel.local or _only(addresses[tunnel.host]),
            remote_address=tunnel.remote,
            state=_state(index, tunnel, far, matching, doubt),
            a=End(host=tunnel.host, bridge=tunnel.bridge, port=tunnel.port),
            b=_far_end(index, tunnel, far, matching, unknown_hosts),
        )


def _only(values: list[str]) -> str | None:
    return values[0] if len(values) == 1 else None


def _far_end(
    index: int, tunnel: Tunnel, far: Tunnel | None, matching: Matching, unknown_hosts: dict[str, str]
) -> End | None:
    if far is not None:
        return End(host=far.host, bridge=far.bridge, port=far.port)
    if index in matching.peer_host:
        return End(host=matching.peer_host[index])
    return End(host=unknown_hosts[tunnel.remote]) if tunnel.remote in unknown_hosts else None


def _state(index: int, tunnel: Tunnel, far: Tunnel | None, matching: Matching, doubt: _Doubt) -> LinkState:
    if tunnel.error or index in matching.duplicates:
        return "broken"
    if tunnel.remote is None:
        return "unknown"
    if tunnel.remote == FLOW:
        return "ok"
    if far is not None:
        return "ok" if tunnel.is_whole_with(far) else "broken"
    peer = matching.peer_host.get(index)
    if peer is None or peer in doubt.truncated or not doubt.shared.isdisjoint((peer, tunnel.host)):
        return "unknown"
    if tunnel.host in doubt.ambiguous and peer in matching.unmatched:
        return "unknown"  # one of the ends that the peer has may be the other end of this one
    return "broken" if peer == tunnel.host else "one-way"
