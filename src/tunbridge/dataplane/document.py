"""Makes docs/pipeline.md: registers, zones and marks, and each table with the flows of an example host.

The flows are those that the features compute for the example; every one has to be explained in `explained.py`.
"""

import re
from collections.abc import Iterator

import msgspec

from tunbridge.dataplane import pipeline, trunks
from tunbridge.dataplane.desired import Desired, Local, Workload
from tunbridge.dataplane.explained import EXPLAINED
from tunbridge.dataplane.flows import Flow
from tunbridge.dataplane.pipeline import Table
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.view import (
    AddressPair,
    Binding,
    FixedIp,
    FloatingIp,
    Host,
    HostRoute,
    Limits,
    LocalIp,
    Location,
    LoggedTraffic,
    MeteringLabel,
    MeteringRule,
    Mirror,
    Network,
    Port,
    QosPolicy,
    Rate,
    Router,
    Rule,
    SecurityGroup,
    Subnet,
    Tap,
    TapService,
)

PORTS = {
    "br-int": {
        "patch-tun": 1,
        "int-br-ex": 2,
        "tm_gre-c6336409": 3,
        "tap-web": 11,
        "tap-lb": 12,
        "tap-moved": 13,
        "tap-nfv": 14,
        "tap-old": 15,
        "tap-till": 16,
    },
    "br-tun": {"patch-int": 1, "vxlan-c0000202": 2},
    "br-ex": {"phy-br-ex": 1},
}
"""Bridges of the example host, and the OpenFlow ports of their interfaces."""
BRIDGES = {"br-int": pipeline.INTEGRATION, "br-tun": pipeline.TUNNEL, "br-ex": pipeline.PROVIDER}


_SUB_PORT = 40_000
"""The number of the example's sub-port."""


def example() -> Desired:
    """The desired state of the example host, compute1."""
    rows = _rows()
    desired = Desired(rows)
    workloads = {
        p: Workload(p, f"tap-{p}", PORTS["br-int"][f"tap-{p}"]) for p in ("web", "lb", "moved", "nfv", "old", "till")
    }
    local = Local(
        host="compute1", tunnel_ip="192.0.2.1", ofports=PORTS, providers={"physnet1": "br-ex"},
        tunnels={"vxlan": {"192.0.2.2": "vxlan-c0000202"}}, workloads=workloads,
        vlans={"blue": 1, "lan": 2, "flat": 3, "open": 4, "shop": 5},
    )  # fmt: skip
    sub_ports = trunks.plugged(local, trunks.wanted(local.workloads, rows), {"iot": _SUB_PORT})
    desired.set_local(msgspec.structs.replace(local, workloads={**workloads, **sub_ports}))
    desired.run()
    return desired


def _rows() -> Rows:
    blue = Network(id="blue", mtu=1450, network_type="vxlan", segmentation_id=100)
    lan = Network(id="lan", mtu=1500, network_type="vlan", segmentation_id=300, physical_network="physnet1")
    flat = Network(id="flat", mtu=1500, network_type="flat", physical_network="physnet1")
    free = Network(id="open", mtu=1450, network_type="vxlan", segmentation_id=200, is_transparent=True)
    shop = Network(id="shop", mtu=1450, network_type="vxlan", segmentation_id=500, is_private=True)
    v4 = Subnet(id="blue4", network_id="blue", ip_version=4, cidr="10.0.0.0/24", gateway_ip="10.0.0.1")
    v6 = Subnet(
        id="blue6", network_id="blue", ip_version=6, cidr="2001:db8::/64", gateway_ip="2001:db8::1",
        ipv6_ra_mode="dhcpv6-stateful", ipv6_address_mode="dhcpv6-stateful",
    )  # fmt: skip
    lan4 = Subnet(
        id="lan4", network_id="lan", ip_version=4, cidr="192.168.0.0/24", gateway_ip="192.168.0.1", enable_dhcp=False
    )
    edge = Router(
        id="edge", project_id="demo", interfaces=("edge-blue", "edge-lan"), networks=("blue", "lan"),
        routes=(
            HostRoute("198.51.100.0/24", "10.0.0.12"), HostRoute("172.31.0.0/16", "10.0.0.11"),
            HostRoute("172.31.0.0/16", "10.0.0.12"),
        ),
        gateway_port="edge-gw", gateway_host="compute1", helpers=("ftp",),
    )  # fmt: skip
    far = Router(
        id="far", interfaces=("far-open", "far-shop"), networks=("open", "shop"), gateway_port="far-gw",
        gateway_host="compute2", gateway_standbys=("compute1",),
    )  # fmt: skip
    both = Router(
        id="both", interfaces=("both-flat",), networks=("flat",), gateway_port="both-gw",
        further_gateways=("both-gw2",), shares_default=True, gateway_host="compute1",
    )  # fmt: skip
    flat4 = Subnet(
        id="flat4", network_id="flat", ip_version=4, cidr="172.16.0.0/24", gateway_ip="172.16.0.1", enable_dhcp=False
    )
    ext2 = Network(
        id="ext2", mtu=1500, network_type="vlan", segmentation_id=401, physical_network="physnet1", external=True
    )
    ext2_4 = Subnet(
        id="ext2-4", network_id="ext2", ip_version=4, cidr="198.18.5.0/24", gateway_ip="198.18.5.1", enable_dhcp=False
    )
    second = FloatingIp(
        id="old-floating", address="198.18.5.101", router_id="both", port_id="old", fixed_ip="172.16.0.41"
    )
    ext = Network(
        id="ext", mtu=1500, network_type="vlan", segmentation_id=400, physical_network="physnet1", external=True
    )
    ext4 = Subnet(
        id="ext4", network_id="ext", ip_version=4, cidr="203.0.113.0/24", gateway_ip="203.0.113.1", enable_dhcp=False
    )
    ext6 = Subnet(id="ext6", network_id="ext", ip_version=6, cidr="2001:db8:f::/64", enable_dhcp=False)
    shop4 = Subnet(id="shop4", network_id="shop", ip_version=4, cidr="10.5.0.0/24", gateway_ip="10.5.0.1")
    shop6 = Subnet(id="shop6", network_id="shop", ip_version=6, cidr="2001:db8:5::/64", enable_dhcp=False)
    open4 = Subnet(id="open4", network_id="open", ip_version=4, cidr="10.1.0.0/24", gateway_ip="10.1.0.1")
    floating = FloatingIp(
        id="web-floating", address="203.0.113.101", router_id="edge", port_id="web", fixed_ip="10.0.0.11"
    )
    shared = Location(
        network_id="blue", address="10.0.0.100", host="compute2", port_id="db", mac_address="00:00:5e:00:01:02", claim=1
    )
    virtual = (AddressPair("00:00:5e:00:01:02", "10.0.0.100"),)
    pair = (AddressPair("00:00:5e:00:01:01", "192.168.0.100"),)
    moving = (Binding("compute2", "ACTIVE", "ovs"), Binding("compute1", "INACTIVE", "ovs"))
    slow = Limits(bandwidth=Rate(10_000, 8_000), packets=Rate(2_000, 1_600))
    bronze = QosPolicy(id="bronze", sent=slow, received=slow, dscp=10)
    kept = QosPolicy(id="kept", minimum=100_000)
    ports = [
        _port("web", "blue", "compute1", 11, "10.0.0.11", "2001:db8::11", groups=("default", "web")),
        _port("db", "blue", "compute2", 12, "10.0.0.12", groups=("default",), allowed_address_pairs=virtual),
        _port("moved", "blue", "compute2", 13, "10.0.0.13", groups=("default", "web"), bindings=moving),
        _port(
            "lb",
            "lan",
            "compute1",
            21,
            "192.168.0.21",
            groups=("acl",),
            allowed_address_pairs=pair,
            qos_policy_id="kept",
        ),
        _port(
            "nfv", "open", "compute1", 31, "10.1.0.31", groups=(), port_security_enabled=False, qos_policy_id="bronze"
        ),
        _port("iot", "blue", "compute1", 14, "10.0.0.14", groups=("default",), trunk=("old", 101)),
        _port("peer", "open", "compute2", 32, "10.1.0.32", groups=("default",)),
        _port("old", "flat", "compute1", 41, "172.16.0.41", groups=("default",)),
        _port("other", "lan", "compute2", 22, "192.168.0.22", groups=("acl",)),
        _port("till", "shop", "compute1", 71, "10.5.0.71", "2001:db8:5::71", groups=("default",), community="tills"),
        _port("desk", "shop", "compute2", 72, "10.5.0.72", groups=("default",)),
        _interface("edge-blue", "blue", 51, ("blue4", "10.0.0.254"), ("blue6", "2001:db8::fe")),
        _interface("edge-lan", "lan", 52, ("lan4", "192.168.0.1")),
        _interface("edge-gw", "ext", 53, ("ext4", "203.0.113.10")),
        _interface("web-floating", "ext", 54, ("ext4", "203.0.113.101")),
        _interface("both-flat", "flat", 58, ("flat4", "172.16.0.1")),
        _interface("both-gw", "ext", 59, ("ext4", "203.0.113.12")),
        _interface("both-gw2", "ext2", 60, ("ext2-4", "198.18.5.12")),
        _interface("old-floating", "ext2", 61, ("ext2-4", "198.18.5.101")),
        _interface("far-open", "open", 55, ("open4", "10.1.0.1")),
        _interface("far-shop", "shop", 57, ("shop4", "10.5.0.1"), ("shop6", "2001:db8:5::1")),
        _interface("far-gw", "ext", 56, ("ext4", "203.0.113.11"), ("ext6", "2001:db8:f::11")),
    ]
    return Rows(
        {n.id: n for n in (blue, lan, flat, free, shop, ext, ext2)},
        {s.id: s for s in (v4, v6, lan4, flat4, ext4, ext6, ext2_4, open4, shop4, shop6)},
        {p.id: p for p in ports},
        {g.id: g for g in _groups()}, {"offices": ("198.51.100.0/24",)},
        {"compute2": Host(host="compute2", tunnel_ip="192.0.2.2", tunnel_types=("vxlan",))},
        {"edge": edge, "far": far, "both": both}, {floating.id: floating, second.id: second},
        {"bronze": bronze, "kept": kept}, {"web": "ACTIVE", "db": "ACTIVE"}, (shared,),
        logged=(LoggedTraffic(id="log", project_id="demo", target_id="web"),),
        mirrored=(Mirror(id="tap", port_id="lb", kind="gre", remote_ip="198.51.100.9", sent=101, received=102),),
        tapped=(
            Tap(id="see-web", port_id="web", service_id="ids", sent=True, received=True),
            Tap(id="see-lb", port_id="lb", service_id="far-ids", received=True),
            Tap(id="see-nfv", port_id="nfv", service_id="far-ids", sent=True, received=True),
        ),
        services={
            "ids": TapService(id="ids", port_id="old", tunnel_id=0x3B5, host="compute1"),
            "far-ids": TapService(id="far-ids", port_id="other", tunnel_id=0x3B6, host="compute2"),
        },
        metered={"demo": (_label(),)},
        local_addresses={"web": (LocalIp(id="cache", address="10.0.0.200", fixed_ip="10.0.0.11"),)},
    )  # fmt: skip


def _label() -> MeteringLabel:
    rules = (
        MeteringRule(id="sent", direction="egress", ip_version=4),
        MeteringRule(id="free", direction="egress", ip_version=4, source="10.0.0.12", excluded=True),
        MeteringRule(id="received", direction="ingress", ip_version=4, destination="10.0.0.0/24"),
    )
    return MeteringLabel(id="label", name="web", rules=rules)


def _interface(id: str, network: str, number: int, *addresses: tuple[str, str]) -> Port:
    return Port(
        id=id, network_id=network, mac_address=f"fa:16:3e:00:00:{number}", port_security_enabled=False,
        fixed_ips=tuple(FixedIp(*pair) for pair in addresses), device_owner="network:router_interface",
        device_id=id.split("-")[0],
    )  # fmt: skip


def _groups() -> list[SecurityGroup]:
    default = [Rule(id=f"out{v}", direction="egress", ip_version=v) for v in (4, 6)]
    default.append(Rule(id="members", direction="ingress", ip_version=4, remote_group_id="default"))
    web = [
        Rule(id="http", direction="ingress", ip_version=4, protocol=6, port_min=80, port_max=83),
        Rule(id="ssh", direction="ingress", ip_version=4, protocol=6, port_min=22, remote_address_group_id="offices"),
        Rule(id="ping", direction="ingress", ip_version=4, protocol=1, port_min=8),
    ]
    acl = [
        Rule(id="dns", direction="egress", ip_version=4, protocol=17, port_min=53, port_max=53),
        Rule(id="lan", direction="ingress", ip_version=4, remote_ip_prefix="192.168.0.0/24"),
    ]
    return [
        SecurityGroup(id="default", rules=tuple(default)), SecurityGroup(id="web", rules=tuple(web)),
        SecurityGroup(id="acl", rules=tuple(acl), stateful=False),
    ]  # fmt: skip


def _port(
    id: str, network: str, host: str, number: int, *addresses: str, groups: tuple[str, ...],
    bindings: tuple[Binding, ...] = (), allowed_address_pairs: tuple[AddressPair, ...] = (),
    port_security_enabled: bool = True, qos_policy_id: str | None = None, trunk: tuple[str, int] | None = None,
    community: str | None = None,
) -> Port:  # fmt: skip
    return Port(
        id=id, network_id=network, mac_address=f"fa:16:3e:00:00:{number}", security_groups=groups,
        fixed_ips=tuple(FixedIp("", a) for a in addresses), allowed_address_pairs=allowed_address_pairs,
        bindings=bindings or (Binding(host, "ACTIVE", "ovs"),), port_security_enabled=port_security_enabled,
        qos_policy_id=qos_policy_id, trunk_parent=trunk and trunk[0], trunk_vlan=trunk and trunk[1],
        private_kind=community and "community", community=community,
    )  # fmt: skip


def signature(flow: Flow) -> tuple[int, int, str]:
    """What tells kinds of flows apart: table, priority, and the names of the fields that are matched."""
    fields = [f.split("=")[0] for f in flow.match.split(",") if f]
    return flow.table, flow.priority, ",".join(fields)


def dumped(flow: Flow, ports: dict[str, int]) -> str:
    """As `ovs-ofctl -O OpenFlow14 --names --no-stats dump-flows` prints it."""
    names = {number: f'"{name}"' for name, number in ports.items()}
    table = f"table={flow.table}, " if flow.table else ""
    match = re.sub(
        r"in_port=(\d+)", lambda m: f"in_port={names.get(int(m[1]), m[1])}", f"priority={flow.priority},{flow.match}"
    )
    actions = re.sub(r"output:(\d+)", lambda m: f"output:{names[int(m[1])]}", flow.actions)
    return f" cookie={flow.cookie:#x}, {table}{match.rstrip(',')} actions={actions}"


def page() -> str:
    """The whole page."""
    desired = example()
    parts = [_HEAD, *_declared()]
    for bridge, tables in BRIDGES.items():
        parts.append(f"\n## {_TITLES[bridge]}\n")
        flows = list(desired.flows(bridge).values())
        for table in tables:
            parts += _table(bridge, table, [f for f in flows if f.table == table.number])
    return "\n".join([*parts, _FOOT])


def _declared() -> Iterator[str]:
    yield "## Registers\n\n| bits | name | holds |\n|---|---|---|"
    for field in pipeline.FIELDS:
        bits = f"reg{field.register}" + ("" if field.is_whole else f"[{field.low}..{field.high}]")
        yield f"| {bits} | {field.name} | {field.purpose} |"
    yield _ZONES
    numbers: dict[int, list[str]] = {}
    for feature, number in pipeline.FEATURES.items():
        numbers.setdefault(number, []).append(feature)
    for features in numbers.values():
        yield f"| `{pipeline.cookie(features[0]):#x}` | {', '.join(features)} |"
    yield f"| `{pipeline.LEARNED_COOKIE:#x}` and the local VLAN | by `learn()`, or for a cut connection; they age |"


def _table(bridge: str, table: Table, flows: list[Flow]) -> Iterator[str]:
    yield f"\n### {table.number} {table.name}\n\n{table.purpose[0].upper()}{table.purpose[1:]}."
    onwards = ", ".join(str(n) for n in sorted(table.next))
    yield f"Continues in: {onwards}." if onwards else "Nothing continues from here."
    kinds: dict[str, list[Flow]] = {}
    for flow in sorted(flows, key=lambda f: (-f.priority, f.match)):
        kinds.setdefault(EXPLAINED[bridge][signature(flow)], []).append(flow)
    for explanation, alike in kinds.items():
        yield f"\n* {explanation}\n\n```"
        yield from (dumped(f, PORTS[bridge]) for f in alike)
        yield "```"


_TITLES = {"br-int": "br-int", "br-tun": "br-tun", "br-ex": "A provider bridge"}

_HEAD = """\
<!-- Made by `make docs`; edit src/tunbridge/dataplane/document.py and explained.py. -->
# The flow pipeline

The bridges, tables, registers, conntrack zones, marks and cookies are declared in
[`dataplane/pipeline.py`](../src/tunbridge/dataplane/pipeline.py): what each table matches and sets, where a packet may
continue, and what happens to one that nothing matches. Every flow is made through its table, which checks it. The
features in [`dataplane/features/`](../src/tunbridge/dataplane/features) compute the flows, each owner by what it reads
([`dataplane/desired.py`](../src/tunbridge/dataplane/desired.py)). Table numbers are Neutron's where the purpose is the
same.

The flows below are those of an example host, compute1, as Open vSwitch dumps them (`ovs-ofctl -O OpenFlow14 --names
--no-stats dump-flows BRIDGE`; in a lab: `tunbridge lab exec HOST -- ovs-ofctl ...`). It has a workload `web` in the
VXLAN network blue (local VLAN 1, VNI 100), whose other port `db` is on compute2, a port `moved` that is prepared for
a live migration to compute1; `lb` in the VLAN network lan (local VLAN 2, segment 300), with stateless groups, an
allowed address pair with a MAC address of its own, a minimum bandwidth, and a mirror to 198.51.100.9; `old` in a flat
network (local VLAN 3), which is the parent port of a trunk with a sub-port `iot` in blue (VLAN 101, port number
40000); and `nfv`, without port security and with a QoS policy, in the VXLAN network open (local VLAN 4, VNI 200),
which carries VLAN tags of VMs. A router, `edge`, has interfaces on blue and lan, and its gateway to the external
network ext (segment 400, local VLAN 1046) on compute1; `web` has a floating IP by it and the Local IP 10.0.0.200, a
log of the API is about it, and a metering label counts for the router. What `web` sends and receives is copied to a
tap service whose port is `old`; what `lb` receives, and all of `nfv`, to one whose port is on compute2. Another
router, `far`, has interfaces on open and on shop, and its gateway on compute2, from which compute1 is to take over. A
third one, `both`, has an interface on the flat network, and gateways on compute1 to two external networks, ext and
ext2 (segment 401), which share its default route; `old` has a floating IP of ext2 by it. The VXLAN network shop
(local VLAN 5, VNI 500) is a private VLAN, with `till` of the community tills here, and `desk`, which is promiscuous,
on compute2.

```
workload -> 0 -> 24, 25, 26 port security -> 60 services -(requests to the agent)-> 95 (metadata: 61) meter -> 96 agent
                                                |
patch-tun, int-br-ex -> 0 ------------------> 65 learn -> 70 conntrack -> 71, 72, 91 egress of the sender
   -> 73 router? -(74 routes, 75 next hop, 76 routed)-> 77 destination (78 flood, 79 learned, 80 unknown)
   -> 81, 82, 90 ingress of the receiver -> 92 commit -> 94 output

in a router: 74 routes -(83 several next hops, 67 outside: here, or to the gateway host)-> 75 next hop
   -(68, 69 neighbours on a wire)->
   76 routed -(metering labels: 62, 63)-(translated: 66)-> 77 destination -(an address of a router here)-> 73

a workload with a QoS policy, besides: 0 -> 20, 21 limits -> 22 mark -> 23 queue -> 24,  94 -> 97, 98 limits
one that is logged, besides: a copy of what is dropped in 71, 72, 81, 82, and allowed in 90, 91 -> 99 -> 96
one that is mirrored or tapped, besides: 0 -> 18 copies -> 20,  94 or 98 -> 101 copies -> out
in a private VLAN, besides: 60 -> 64 whom the sender reaches -> 65,  from elsewhere 0 -> 59 whose it is -> 64
to a Local IP: 60 -(the port here that has it)-> 64,  and the answer: 94 -(from the Local IP)-> 94
a frame with a tag of a VM's own: past the services of 60, and past the routers of 73
a trunk's sub-port, besides: 0 -(without its tag)-> 0,  94, 98 or 101 -> 100 with its tag
```
"""

_ZONES = """
## Conntrack zones and marks

The zone of a connection is the local VLAN of its network (1 to 4094), so equal addresses in two networks do not meet.

| ct_mark bit | says that on this host |
|---|---|
| 0 | the egress rules of the connection's originator allowed it |
| 1 | the ingress rules of the connection's receiver allowed it |

A packet is looked up once in a network. It passes the sender's stage without rules if the sender was checked in the
role that it has in the connection (originator: bit 0, receiver: bit 1), and the receiver's stage likewise; a known
connection whose side was not checked here is evaluated by rules. A connection that rules allowed is committed once,
with the bits that apply.
Broadcast and multicast are not looked up: rules judge each packet for each policy among the receivers.

A packet that a router forwards is looked up once more, in the zone of the network that it is forwarded into: there it
is as if it had come from another host. Its sender was checked in the zone of its own network, where table 73 commits.

A Local IP is translated in a zone of its own likewise, from 4096 up, and what goes there is looked up in its network's
zone with the port's own address.

A router translates addresses in a zone of its own, from 4096 up: a hash of its id, so a restarted agent finds it. There
a connection has the fixed IP on one side and the floating IP, or the gateway's address, on the other. Of several
external networks each but the first has a zone of the router's besides: in one zone a connection whose way changes
would leave by the other network with the address that it was known by.

In zone 4095 no connection is ever committed. A lookup there ends the datapath's flow; what follows is one of its own:
the kernel cannot write the type of an ICMP packet, so vswitchd has it carry out such a flow action by action, and what
conntrack would have translated afterwards is lost. The datapath in userspace writes it, and needs no such lookup, of
which a packet may pass six there.

Between bridges the local VLAN carries the network, since patch ports clear registers. A copy for a tap service has no
VLAN there: the packet mark, which patch ports keep, names the service, and is cleared before the packet leaves.

## Cookies

| cookie | flows of |
|---|---|"""

_FOOT = """
## Written and read as text

Flows are text in the form in which `ovs-ofctl -O OpenFlow14 --no-names dump-flows` prints them, or what is wanted would
never equal what is there ([`dataplane/flow.py`](../src/tunbridge/dataplane/flow.py)); the tests read back every flow
that they install. Fragments are handled as `ovs-ofctl set-frags br-int nx-match` says: by default a first fragment's
ports would be matched as 0.

## To add a feature

1. Declare its tables in `pipeline.py`: matches, sets, next, miss. Packets go forward only, but for the
   way from one router's address to another's (77 to 73); a test holds that.
2. Compute its flows in a file of `features/`, by owner, through the `Context`: what is read there is what it
   is computed again for. Register it in `features/__init__.py` behind those whose children or readers it is.
3. A test in `tests/dataplane/` says where its packets come out, on real bridges with the dummy datapath.
4. Explain its kinds of flows in `explained.py`, and `make docs`.
"""


if __name__ == "__main__":
    print(page(), end="")
