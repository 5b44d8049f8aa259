"""The tunnels of a bridge: to which host each goes, and what their options mean."""

from collections.abc import Iterator

from tunbridge.inspect.explain import cite
from tunbridge.inspect.explain.statement import Citation, Fact, Names, Value, fact
from tunbridge.inspect.interfaces import is_mirror, tunnel_name
from tunbridge.inspect.model import Bridge, Host, Interface
from tunbridge.inspect.wiring import FLOW, Crossing, Wiring

WRONG_TOLD = 24
"""Of the tunnels of a bridge that are not in order, this many are explained one by one."""
EXAMPLES = 3
"""Up to this many tunnels of a bridge are explained one by one; of more, the first, and the rest together."""

_PLAIN_OPTIONS = {
    ("df_default", "true"): "option.df_default",
    ("df_default", "false"): "option.fragment",
    ("egress_pkt_mark", "0"): "option.mark0",
    ("csum", "true"): "option.csum",
}


def facts(wiring: Wiring, host: Host, bridge: Bridge) -> Iterator[Fact]:
    """Say where the tunnels of `bridge` lead."""
    crossings = wiring.tunnels_of.get((host.name, bridge.name), [])
    good = [c for c in crossings if c.state in ("ok", "unknown")]
    told = good if len(good) <= EXAMPLES else good[:1]
    for crossing in told:
        yield _tunnel(wiring, crossing)
    if len(good) > len(told):
        rest = good[len(told) :]
        cites = list(cite.ends(wiring, (c.near for c in rest), "options"))
        ports = Names([c.near.port or "" for c in rest])
        hosts = Names(list(dict.fromkeys(c.far.host for c in rest if c.far is not None)))
        yield fact("tunnel.others", cites, ports=ports, hosts=hosts)
    wrong = [c for c in crossings if c.state not in ("ok", "unknown")]
    for crossing in wrong[:WRONG_TOLD]:
        yield _wrong(wiring, crossing)
    if len(wrong) > WRONG_TOLD:
        yield fact("tunnel.wrong.more", cite.bridge(host, bridge), count=len(wrong) - WRONG_TOLD, bridge=bridge.name)
    yield from _mirrors(host, bridge)


def _mirrors(host: Host, bridge: Bridge) -> Iterator[Fact]:
    found = [(port, one) for port in bridge.ports for one in port.interfaces if is_mirror(one)]
    if found:
        cites = [c for port, _ in found for c in cite.port(host, bridge, port, "options")]
        hosts = Names(list(dict.fromkeys(one.options.get("remote_ip", "?") for _, one in found)))
        yield fact("tunnel.mirror", cites, ports=Names([port.name for port, _ in found]), hosts=hosts)


def _tunnel(wiring: Wiring, crossing: Crossing) -> Fact:
    cites = cite.end(wiring, crossing.near, "options")
    port, kind = crossing.near.port or "", tunnel_name(crossing.link.type if crossing.link else None)
    if crossing.kind == "overlay" or crossing.far is None:
        return fact("tunnel.flow", cites, port=port, type=kind)
    peer = crossing.far.host
    local, remote = addresses(crossing)
    known = "known" if wiring.hosts[peer].known else "unknown"
    values = {"port": port, "type": kind, "remote": remote}
    if wiring.hosts[peer].known:
        values["peer"] = peer
    if local is None:
        return fact(f"tunnel.{known}.nolocal", cites, **values)
    return fact(f"tunnel.{known}", cites, **values, local=local)


def addresses(crossing: Crossing) -> tuple[str | None, str]:
    """Give the outer source (None: not stated) and destination address as seen from the near end."""
    link = crossing.link
    assert link is not None
    local, remote = link.local_address, link.remote_address
    if crossing.near is link.b:
        local, remote = remote, local
    return local, remote or "?"


def _wrong(wiring: Wiring, crossing: Crossing) -> Fact:
    cites = [*cite.end(wiring, crossing.near, "options", "error")]
    if crossing.far is not None:
        cites += cite.end(wiring, crossing.far, "options", "error")
    kind = tunnel_name(crossing.link.type if crossing.link else None)
    if crossing.far is None:
        return fact("tunnel.flow.broken", cites, port=crossing.near.port or "", type=kind)
    key = "tunnel.oneway" if crossing.state == "one-way" else "tunnel.broken"
    return fact(key, cites, port=crossing.near.port or "", type=kind, peer=crossing.far.host)


def options(wiring: Wiring) -> Iterator[Fact]:
    """Explain each option once, for all tunnels that have it."""
    found: dict[tuple[str, tuple[str, ...]], tuple[dict[str, Value], list[Citation]]] = {}
    for host in wiring.known():
        for bridge in host.bridges:
            for port in bridge.ports:
                for interface in port.interfaces:
                    if "remote_ip" in interface.options:
                        for key, stated in _explained(interface):
                            _, cites = found.setdefault((key, tuple(stated.values())), ({**stated}, []))
                            cites += cite.port(host, bridge, port, "options")
    for (key, _), (values, cites) in found.items():
        yield fact(key, cites, **values)


def _explained(interface: Interface) -> Iterator[tuple[str, dict[str, str]]]:
    options = interface.options
    yield _key(options)
    if options.get("remote_ip") == FLOW:
        yield "option.remote_flow", {}
    for (option, value), key in _PLAIN_OPTIONS.items():
        if options.get(option) == value:
            yield key, {}
    if "dst_port" in options:
        yield "option.dst_port", {"port": options["dst_port"]}


def _key(options: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Tell how the tunnel's key (VNI) is chosen; without any key option it is 0 (ovs-vswitchd.conf.db(5))."""
    inward, outward = options.get("in_key", options.get("key")), options.get("out_key", options.get("key"))
    if inward == outward == FLOW:
        return ("option.key_flow" if "key" in options else "option.keys_flow"), {}
    if inward is None and outward is None:
        return "option.key_none", {}
    key = "option.key_read" if inward == FLOW else "option.key_written" if outward == FLOW else "option.key_fixed"
    return key, {"inward": inward or "0", "outward": outward or "0"}
