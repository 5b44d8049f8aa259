"""Run every check over a document: findings, worst first, and what could not be checked."""

from collections.abc import Iterator

from msgspec.structs import replace

from tunbridge.inspect.checks import (
    bridges,
    interfaces,
    links,
    mtu,
    not_checked,
    patches,
    routers,
    switch,
    tunnels,
    uplinks,
)
from tunbridge.inspect.checks.registry import CODES
from tunbridge.inspect.checks.view import View, what_is_missing
from tunbridge.inspect.model import Document, Finding, NotChecked
from tunbridge.inspect.understand import GIVEN_TWICE

_RANK = {"error": 0, "warning": 1, "info": 2}


def check(document: Document) -> Document:
    """Give the document with `findings` (errors first, then by host and line) and `not_checked` filled. Pure."""
    view = View(document)
    results = [_as_seen(view, result) for result in _results(view)]
    order = {host.name: position for position, host in enumerate(document.hosts)}
    findings = [f for f in document.findings if f.code == GIVEN_TWICE]
    findings += [result for result in results if isinstance(result, Finding)]
    findings.sort(key=lambda f: (_RANK[f.severity], order.get(f.host, -1), f.line or 0))
    not_checked = document.not_checked + [result for result in results if isinstance(result, NotChecked)]
    unique = {(n.code, n.host, n.reason): n for n in not_checked}
    return replace(document, findings=findings, not_checked=list(unique.values()))


def _as_seen(view: View, result: Finding | NotChecked) -> Finding | NotChecked:
    """Return a finding as not checked where what is missing of the dump may say otherwise."""
    host = view.hosts[result.host]
    if isinstance(result, NotChecked) or host.is_whole:
        return result
    code = CODES[result.code]
    if code.rests_on_absence:
        reason = f"{what_is_missing(host)}: what {result.subject} seems to lack may stand there"
    elif code.rests_on_place and "middle" in host.missing_parts:
        reason = f"{what_is_missing(host)}: what bridge {result.subject} is in may stand there"
    else:
        return result
    return NotChecked(code=result.code, host=result.host, reason=reason)


def _results(view: View) -> Iterator[Finding | NotChecked]:
    overlay = tunnels.Overlay(view)
    yield from patches.patch_peers(view)
    yield from patches.loops(view)
    yield from patches.mixed_datapaths(view)
    yield from tunnels.pairs(overlay)
    yield from tunnels.duplicates(overlay)
    yield from tunnels.names(overlay)
    yield from tunnels.local_addresses(overlay)
    yield from tunnels.system_ids(view)
    yield from tunnels.unknown_peers(overlay)
    yield from interfaces.errors(view)
    yield from interfaces.dpdk_on_kernel_bridges(view)
    yield from interfaces.dead_vlan(view)
    yield from bridges.controllers(view)
    yield from bridges.managers(view)
    yield from bridges.fail_modes(view)
    yield from bridges.controllers_missing(view)
    yield from uplinks.provider_nics(view)
    yield from uplinks.mappings(view)
    yield from uplinks.integration_nics(view)
    yield from uplinks.untagged(view)
    yield from uplinks.isolated(view)
    yield from uplinks.unconnected(view)
    yield from switch.flow_restore_wait(view)
    yield from switch.mac_tables(view)
    yield from switch.counters(view)
    yield from links.nics(view)
    yield from links.bonds(view)
    yield from links.bfd(overlay)
    yield from mtu.underlay(overlay)
    yield from routers.gateways(view)
    yield from routers.floating_ips(view)
    yield from routers.answered_twice(view)
    yield from routers.unanswered(view)
    yield from routers.silent(view)
    yield from not_checked.without_input(view)
