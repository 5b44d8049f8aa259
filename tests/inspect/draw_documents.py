"""Documents for the tests of the pictures: a cloud of any size, and random ones with everything that can be wrong."""

from collections.abc import Sequence

from hypothesis import strategies as st

from tunbridge.inspect.model import (
    Bridge,
    Controller,
    Document,
    End,
    Finding,
    Host,
    Interface,
    Link,
    LinkState,
    Manager,
    Port,
)

HOSTILE = [
    "<script>alert(1)</script>",
    '"]]>&amp;',
    "\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "a\u200bb",
    "nul\x00",
    "한국어-브리지",
    "e\u0301",
    "\ud800",
    "🇰🇷👍🏽",
    "tab\tnewline\n",
    "x" * 300,
    " ",
    "",
]


def port(name: str, type: str = "system", tag: int | None = None, error: str | None = None, **options: str) -> Port:
    return Port(name=name, tag=tag, interfaces=[Interface(name=name, type=type, options=options, error=error)])


def cloud(count: int, networks: int = 1, taps: int = 3) -> Document:
    """A healthy Neutron cloud: the last `networks` of its `count` hosts have a provider bridge, the others VMs."""
    names = [f"compute{i}" if i < count - networks else f"network{i - count + networks}" for i in range(count)]
    addresses = [f"10.0.{i // 200}.{25 + i % 200}" for i in range(count)]
    document = Document()
    for index, name in enumerate(names):
        _add_host(document, index, name, names, addresses, index >= count - networks, taps)
    return document


def tunnel_name(address: str) -> str:
    return "vxlan-" + "".join(f"{int(byte):02x}" for byte in address.split("."))


def _add_host(
    document: Document, index: int, name: str, names: Sequence[str], addresses: Sequence[str], is_net: bool, taps: int
) -> None:
    own = addresses[index]
    integration = [port("br-int", "internal"), port("patch-tun", "patch", peer="patch-int")]
    tunnels = [port("br-tun", "internal"), port("patch-int", "patch", peer="patch-tun")]
    provider = []
    links = [_pair(name, "br-int", "patch-tun", "br-tun", "patch-int")]
    if is_net:
        integration.append(port("int-br-eth1", "patch", peer="phy-br-eth1"))
        provider = [port("phy-br-eth1", "patch", peer="int-br-eth1"), port("eno16777736")]
        links.append(_pair(name, "br-int", "int-br-eth1", "br-eth1", "phy-br-eth1"))
        links.append(Link(kind="physical", state="ok", a=End(host=name, bridge="br-eth1", port="eno16777736")))
    else:
        integration += [port(f"tap{index:02x}c0ffee-{tap:02x}", tag=1 + tap % 3) for tap in range(taps)]
    for peer, address in zip(names, addresses, strict=True):
        if peer == name:
            continue
        tunnels.append(port(tunnel_name(address), "vxlan", local_ip=own, remote_ip=address))
        if peer > name:
            near = End(host=name, bridge="br-tun", port=tunnel_name(address))
            far = End(host=peer, bridge="br-tun", port=tunnel_name(own))
            addressed = {"local_address": own, "remote_address": address}
            links.append(Link(kind="tunnel", type="vxlan", state="ok", a=near, b=far, **addressed))
    document.links.extend(links)
    bridges = [_bridge("br-int", "integration", integration), _bridge("br-tun", "tunnel", tunnels)]
    if provider:
        bridges.append(_bridge("br-eth1", "provider", provider))
    document.hosts.append(
        Host(
            name=name,
            role="network" if is_net else "compute",
            ovs_version="2.11.0",
            addresses=[own],
            managers=[Manager(target="ptcp:6640:127.0.0.1", is_connected=True)],
            bridges=bridges,
        )
    )


def _bridge(name: str, role: str, ports: list[Port]) -> Bridge:
    controllers = [Controller(target="tcp:127.0.0.1:6633", is_connected=True)]
    return Bridge(name=name, role=role, fail_mode="secure", controllers=controllers, ports=ports)  # type: ignore[arg-type]


def _pair(host: str, upper: str, upper_port: str, lower: str, lower_port: str) -> Link:
    return Link(
        kind="patch",
        state="ok",
        a=End(host=host, bridge=upper, port=upper_port),
        b=End(host=host, bridge=lower, port=lower_port),
    )


_names = st.one_of(
    st.sampled_from(["br-int", "br-tun", "br-eth1", "br-ex", "s1", "eth0", "tap704a9e45-54", "patch-int", *HOSTILE]),
    st.text(max_size=24),
)
_states: st.SearchStrategy[LinkState] = st.sampled_from(["ok", "one-way", "broken", "unknown"])
_types = st.sampled_from(["system", "system", "internal", "patch", "vxlan", "geneve", "gre", "dpdkvhostuserclient"])


@st.composite
def _ports(draw: st.DrawFn) -> Port:
    name = draw(_names)
    options = {"remote_ip": draw(st.sampled_from(["10.0.0.1", "flow", "2001:db8::1"]))} if draw(st.booleans()) else {}
    interfaces = [
        Interface(name=f"{name}{i or ''}", type=draw(_types), options=options, error=draw(st.none() | _names))
        for i in range(draw(st.sampled_from([1, 1, 1, 2, 0])))
    ]
    tag = draw(st.none() | st.sampled_from([1, 22, 4095]))
    return Port(name=name, tag=tag, trunks=draw(st.sampled_from([[], [], [1, 2]])), interfaces=interfaces)


@st.composite
def _bridges(draw: st.DrawFn) -> Bridge:
    return Bridge(
        name=draw(_names),
        role=draw(st.sampled_from(["integration", "tunnel", "provider", "other"])),
        fail_mode=draw(st.sampled_from([None, "secure", "standalone"])),
        datapath_type=draw(st.sampled_from([None, "system", "netdev"])),
        controllers=[Controller(target="t", is_connected=draw(st.sampled_from([None, True, False])))]
        * draw(st.integers(0, 2)),
        ports=draw(st.lists(_ports(), max_size=9)),
    )


@st.composite
def documents(draw: st.DrawFn, max_hosts: int = 20) -> Document:
    """Any document at all: doubled names, loops of patch pairs, links that lead nowhere."""
    hosts = []
    for index in range(draw(st.integers(1, max_hosts))):
        is_known = draw(st.sampled_from([True, True, True, False]))
        bridges = draw(st.lists(_bridges(), max_size=4 if index < 4 else 1)) if is_known else []
        addresses = draw(st.sampled_from([[], ["10.0.0.25"], ["2001:db8::25", "10.0.0.1"]]))
        name = draw(st.one_of(_names, st.just(f"host{index}")))
        hosts.append(Host(name=name, known=is_known, addresses=addresses, bridges=bridges, ovs_version="3.3.1"))
    ends = [
        End(host=host.name, bridge=bridge.name, port=port.name)
        for host in hosts
        for bridge in host.bridges
        for port in bridge.ports
    ]
    links = [
        Link(
            kind=draw(st.sampled_from(["patch", "patch", "tunnel", "physical"])),
            type=draw(st.sampled_from([None, "vxlan", "geneve"])),
            state=draw(_states),
            a=draw(st.sampled_from(ends)),
            b=draw(st.one_of(st.none(), st.sampled_from(ends), st.just(End(host=hosts[-1].name)))),
        )
        for _ in range(draw(st.integers(0, 12)) if ends else 0)
    ]
    links += [link for host in hosts for link in draw(_patched(host))]
    return Document(hosts=hosts, links=links, findings=draw(_findings(ends, hosts)))


@st.composite
def _patched(draw: st.DrawFn, host: Host) -> list[Link]:
    """Patch pairs between the patch ports of one host, whatever they make: chains, parallel pairs, loops."""
    free = [
        End(host=host.name, bridge=bridge.name, port=port.name)
        for bridge in host.bridges
        for port in bridge.ports
        if any(interface.type == "patch" for interface in port.interfaces)
    ]
    pairs = zip(free[::2], reversed(free[1::2]), strict=False)
    return [Link(kind="patch", state=draw(_states), a=a, b=b) for a, b in pairs]


@st.composite
def _findings(draw: st.DrawFn, ends: list[End], hosts: list[Host]) -> list[Finding]:
    found = []
    for index in range(draw(st.integers(0, 4))):
        end = draw(st.sampled_from([*ends, *(End(host=host.name) for host in hosts)]))
        found.append(
            Finding(
                severity=draw(st.sampled_from(["error", "warning", "info"])),
                code=draw(st.sampled_from(["patch-peer-missing", f"code-{index}"])),
                host=end.host,
                subject=draw(st.sampled_from([end.port, end.bridge, "nothing that is there"])) or "",
                message="what it means",
                fix="how to mend it",
            )
        )
    return found
