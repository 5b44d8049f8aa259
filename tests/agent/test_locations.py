"""Who has an address that several workloads may have: claimed, left to others, asked for and withdrawn."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address

import pytest
from msgspec.structs import replace

from tunbridge.agent.locations import SILENT, Locations, Place
from tunbridge.dataplane.addresses import host_mac, link_local
from tunbridge.dataplane.desired import Desired, Local, Workload
from tunbridge.dataplane.plain_rows import Rows
from tunbridge.dataplane.responders import MalformedError, arp, nd
from tunbridge.dataplane.responders.announce import announcement
from tunbridge.dataplane.view import (
    AddressPair,
    Binding,
    FixedIp,
    Location,
    Network,
    Port,
    Router,
    Subnet,
)
from tunbridge.openvswitch.openflow import PacketIn

VIP, VIP6 = "10.0.0.100", "2001:db8::100"
MACS = {name: f"fa:16:3e:00:00:0{number}" for number, name in enumerate(("p", "q", "elsewhere"), 1)}
ROUTER_MAC = "fa:16:3e:ff:00:01"


class Scene:
    """A host with the workloads p and q of a network with a router; both may have the addresses, one elsewhere too."""

    def __init__(self) -> None:
        rows = Rows({}, {}, {}, {}, {}, {}, {}, {}, {}, {})
        rows.networks["n"] = Network(id="n", mtu=1450, network_type="vxlan", segmentation_id=7)
        rows.subnets["s"] = Subnet(id="s", network_id="n", ip_version=4, cidr="10.0.0.0/24")
        for number, (name, mac) in enumerate(MACS.items(), 1):
            rows.ports[name] = Port(
                id=name, network_id="n", mac_address=mac, fixed_ips=(FixedIp("s", f"10.0.0.{number}"),),
                allowed_address_pairs=(AddressPair(mac, VIP), AddressPair(mac, VIP6)),
                bindings=(Binding("b" if name == "elsewhere" else "a", "ACTIVE", "ovs"),),
            )  # fmt: skip
        fixed = (FixedIp("s", "10.0.0.254"),)
        rows.ports["i"] = Port(id="i", network_id="n", mac_address=ROUTER_MAC, fixed_ips=fixed)
        rows.routers["r"] = Router(id="r", interfaces=("i",), networks=("n",))
        self.rows = rows
        self.desired = Desired(rows)
        self.workloads = {name: Workload(name, f"tap-{name}", number) for number, name in ((11, "p"), (12, "q"))}
        self.plug(self.workloads)
        self.sent: list[tuple[str, bytes, int]] = []
        self.told: list[dict[Place, Location | None]] = []
        self.locations = Locations(self.desired, rows, lambda *frame: self.sent.append(frame), self._locate)

    def plug(self, workloads: Mapping[str, Workload]) -> None:
        self.desired.set_local(Local(host="a", tunnel_ip="192.0.2.1", workloads=dict(workloads)))

    def _locate(self, changes: Mapping[Place, Location | None]) -> None:
        """The database takes it at once."""
        self.told.append(dict(changes))
        kept = [o for o in self.rows.locations if o.host != "a" or (o.network_id, o.address) not in changes]
        self.rows.locations = (*kept, *(one for one in changes.values() if one is not None))

    def elsewhere(self, claim: int, address: str = VIP) -> None:
        """Another host has claimed it."""
        there = Location(
            network_id="n", address=address, host="b", port_id="elsewhere", mac_address=MACS["elsewhere"], claim=claim
        )
        self.rows.locations = (*self.rows.locations, there)

    def announce(self, name: str, address: str = VIP) -> bool:
        return self.locations.heard(_event(announcement(address, MACS[name])), self.workloads[name])

    def answer(self, name: str) -> bool:
        """The answer to the agent's question."""
        frame = arp.announcement(IPv4Address(VIP), bytes.fromhex(MACS[name].replace(":", "")))
        to = bytes.fromhex(ROUTER_MAC.replace(":", ""))
        return self.locations.heard(_event(to + frame[6:21] + b"\2" + frame[22:]), self.workloads[name])

    @property
    def has(self) -> tuple[str, int] | None:
        """The port and the claim of this host's row."""
        return next(((o.port_id, o.claim) for o in self.rows.locations if (o.host, o.address) == ("a", VIP)), None)

    def round(self) -> None:
        """What `run` does every so often."""
        assert self.desired.local is not None
        self.locations._withdraw("a", self.desired.local.workloads)
        self.locations._ask(self.desired.local.workloads.values())


def _event(data: bytes) -> PacketIn:
    return PacketIn(
        bridge="br-int", in_port=11, table=96, cookie=0, reason="action", userdata=b"\x14", data=data,
        total_len=len(data), fields={"reg6": 1},
    )  # fmt: skip


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_an_announcement_is_claimed_above_all_claims_and_said_once(scene: Scene) -> None:
    scene.elsewhere(7)
    assert scene.announce("p")
    assert scene.has == ("p", 8)
    assert not scene.announce("p")
    assert scene.announce("q")
    assert scene.has == ("q", 9)
    assert len(scene.told) == 2


def test_an_answer_takes_it_only_from_nobody(scene: Scene) -> None:
    scene.elsewhere(7)
    assert not scene.answer("p")
    scene.rows.ports["elsewhere"] = replace(scene.rows.ports["elsewhere"], bindings=())
    assert scene.answer("p")
    assert scene.has == ("p", 8)
    scene.rows.locations = ()
    assert scene.answer("q")
    assert scene.has == ("q", 1)


def test_an_advertisement_of_an_ipv6_address(scene: Scene) -> None:
    assert scene.announce("p", VIP6)
    assert [(one.address, one.mac_address) for one in scene.rows.locations] == [(VIP6, MACS["p"])]


def test_what_a_port_may_not_have_is_not_claimed(scene: Scene) -> None:
    assert not scene.announce("p", "10.0.0.101")
    scene.rows.ports["p"] = replace(
        scene.rows.ports["p"], allowed_address_pairs=(AddressPair(MACS["p"], "10.0.0.0/16"),)
    )
    assert scene.announce("p", "10.0.0.101")
    assert not scene.announce("p", "10.0.7.1"), "it is in no subnet of the network"
    assert not scene.announce("p", "10.0.0.2"), "it is a port's"
    with pytest.raises(MalformedError):
        scene.locations.heard(_event(bytes(12) + b"\x08\x06" + bytes(10)), scene.workloads["p"])


def test_an_address_of_its_own_is_claimed_only_when_somebody_else_has_claimed_it(scene: Scene) -> None:
    own = "10.0.0.1"
    assert not scene.announce("p", own)
    scene.elsewhere(3, own)
    assert scene.announce("p", own)
    assert max(one.claim for one in scene.rows.locations) == 4


def test_workloads_are_asked_in_the_name_of_the_router_and_by_ipv6_of_the_host(scene: Scene) -> None:
    scene.locations.settled()
    four = [(frame, port) for _, frame, port in scene.sent if frame[12:14] == b"\x08\x06"]
    assert [port for _, port in four] == [11, 12]
    address, mac = arp.read_sender(four[0][0])
    assert (str(address), mac.hex(":"), str(IPv4Address(four[0][0][38:42]))) == ("10.0.0.254", ROUTER_MAC, VIP)
    six = next(frame for _, frame, _ in scene.sent if frame[12:14] == b"\x86\xdd")
    assert nd.solicited(six)[1] == IPv6Address(VIP6)
    assert IPv6Address(six[22:38]) == IPv6Address(link_local(host_mac("a")))
    scene.locations.settled()
    assert len(scene.sent) == 4, "again only when there are new ones"


def test_without_a_router_nobody_is_asked(scene: Scene) -> None:
    del scene.rows.routers["r"]
    scene.locations.settled()
    assert scene.sent == []


def test_who_does_not_answer_has_it_no_more_and_then_an_answer_takes_it(scene: Scene) -> None:
    scene.announce("p")
    for _ in range(2 * SILENT):
        scene.round()
        scene.answer("p")
    assert scene.has == ("p", 1)
    for _ in range(SILENT):
        scene.round()
        assert scene.has == ("p", 1)
    scene.round()
    assert scene.has is None
    scene.answer("q")
    assert scene.has == ("q", 1)


@pytest.mark.parametrize("why", ["unplugged", "forbidden", "claimed by another host"])
def test_a_claim_is_withdrawn(scene: Scene, why: str) -> None:
    scene.announce("p")
    if why == "unplugged":
        scene.plug({"q": scene.workloads["q"]})
    elif why == "forbidden":
        scene.rows.ports["p"] = replace(scene.rows.ports["p"], allowed_address_pairs=())
    else:
        scene.elsewhere(2)
    scene.round()
    assert scene.has is None
