"""What a VM may send: crafted packets of every kind of spoofing, allowed address pairs, no port security."""

from collections.abc import Iterator
from typing import Any

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dhcp6 import DHCP6_Reply
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_Redirect,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from tests.packets.cloud import Cloud, Ping, Workload, wait_until
from tests.packets.sockets import Wire, wire

pytestmark = pytest.mark.ovs
OTHER_MAC, ALL = "fa:16:3e:66:66:66", "ff:ff:ff:ff:ff:ff"
OTHER, OTHER6, VIP = "10.40.0.66", "2001:db8:40::66", "10.40.0.200"
LINK_LOCAL = "fe80::f816:3eff:fe66:6666"
NODES = "33:33:00:00:00:01"


class Street:
    """A VM that cheats, and one on each host that lets everything in and looks at what comes."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.network = cloud.make_network("street", "10.40.0.0/24")
        cloud.make_subnet(self.network, "2001:db8:40::/64")
        self.open = cloud.network.create_security_group(name="open")
        for version in ("IPv4", "IPv6"):
            cloud.network.create_security_group_rule(
                security_group_id=self.open.id, direction="ingress", ether_type=version
            )
        self.cheat = self.vm("h0")
        self.seeing = [self.vm("h0"), self.vm("h1")]
        for vm in self.seeing:
            assert self.cheat.reaches(vm.address), "its host knows where the other one is"

    def vm(self, host: str, **attributes: Any) -> Workload:
        return self.cloud.vm(host, self.network, security_groups=[self.open.id], **attributes)


@pytest.fixture(scope="module")
def street(cloud: Cloud) -> Iterator[Street]:
    yield Street(cloud)


def forged(vm: Workload, to: Workload) -> dict[str, Packet]:
    """Frames that a VM must not send to another, by what is wrong with them."""
    me, own, own6 = vm.mac, vm.address, vm.address6
    ether, to_all = Ether(src=me, dst=to.mac), Ether(src=me, dst=ALL)
    to_nodes = Ether(src=me, dst=NODES)
    ip, ip6 = IP(src=own, dst=to.address), IPv6(src=own6, dst=to.address6)
    nodes6 = IPv6(src=own6, dst="ff02::1", hlim=255)
    bootp = BOOTP(op=2, yiaddr=OTHER, chaddr=b"\1" * 6) / DHCP(options=[("message-type", "offer"), "end"])
    source = ICMPv6NDOptSrcLLAddr(lladdr=OTHER_MAC)
    target = ICMPv6NDOptDstLLAddr(lladdr=me)
    return {
        "MAC": Ether(src=OTHER_MAC, dst=to.mac) / ip / ICMP(),
        "MAC of a broadcast": Ether(src=OTHER_MAC, dst=ALL) / ip / ICMP(),
        "IPv4": ether / IP(src=OTHER, dst=to.address) / ICMP(),
        "IPv4 of the receiver": ether / IP(src=to.address, dst=to.address) / UDP(),
        "IPv6": ether / IPv6(src=OTHER6, dst=to.address6) / ICMPv6EchoRequest(),
        "link-local": ether / IPv6(src=LINK_LOCAL, dst=to.address6) / ICMPv6EchoRequest(),
        "ARP reply, address": ether / ARP(op=2, hwsrc=me, psrc=OTHER, hwdst=to.mac, pdst=to.address),
        "ARP reply, MAC": ether / ARP(op=2, hwsrc=OTHER_MAC, psrc=own, hwdst=to.mac, pdst=to.address),
        "gratuitous ARP": to_all / ARP(op=1, hwsrc=me, psrc=OTHER, pdst=OTHER),
        "ARP request, address": to_all / ARP(op=1, hwsrc=me, psrc=OTHER, pdst="10.40.0.250"),
        "neighbour advertisement": to_nodes / nodes6 / ICMPv6ND_NA(tgt=OTHER6, R=0, O=1) / target,
        "neighbour advertisement, MAC": to_nodes / nodes6 / ICMPv6ND_NA(tgt=own6, R=0) / ICMPv6NDOptDstLLAddr(
            lladdr=OTHER_MAC),
        "neighbour solicitation, MAC": to_nodes / nodes6 / ICMPv6ND_NS(tgt="2001:db8:40::fa") / source,
        "router advertisement": to_nodes / nodes6 / ICMPv6ND_RA(),
        "redirect": ether / IPv6(src=own6, dst=to.address6, hlim=255) / ICMPv6ND_Redirect(tgt=own6, dst=OTHER6),
        "DHCP server": ether / ip / UDP(sport=67, dport=68) / bootp,
        "DHCP server to all": to_all / IP(src=own, dst="255.255.255.255") / UDP(sport=67, dport=68) / bootp,
        "DHCPv6 server": ether / ip6 / UDP(sport=547, dport=546) / DHCP6_Reply(),
        "other protocol": Ether(src=me, dst=to.mac, type=0x88B5) / (b"experimental" * 5),
    }  # fmt: skip


def arrived(sender: Wire, seer: Wire, vm: Workload, to: Workload) -> list[str]:
    """Which of the forged frames arrive; one that is allowed ends them."""
    frames = forged(vm, to)
    end = b"the end of it"
    # Addresses and lengths differ on the wire from what scapy made by nothing at all: they are compared whole.
    sender.send(*frames.values(), Ether(src=vm.mac, dst=to.mac) / IP(src=vm.address, dst=to.address) / ICMP() / end)
    seen = seer.seen(lambda frame: end in frame)
    assert end in seen[-1], "the allowed frame has to arrive"
    return [name for name, frame in frames.items() if bytes(frame) in seen]


def test_no_forged_frame_gets_anywhere(street: Street) -> None:
    for to in street.seeing:
        with wire(street.cheat) as sender, wire(to) as seer:
            assert arrived(sender, seer, street.cheat, to) == []


def test_without_port_security_all_of_them_do(street: Street) -> None:
    network = street.cloud.make_network("lawless", "10.40.0.0/24")
    street.cloud.make_subnet(network, "2001:db8:40::/64")
    one, near, far = (street.cloud.vm(h, network, port_security_enabled=False) for h in ("h0", "h0", "h1"))
    for to in (near, far):
        with wire(one) as sender, wire(to) as seer:
            wanted = set(forged(one, to))

            def all_arrive(
                sender: Wire = sender, seer: Wire = seer, to: Workload = to, wanted: set[str] = wanted
            ) -> bool:
                return set(arrived(sender, seer, one, to)) == wanted

            wait_until(all_arrive, "all arrive", 10)


def test_an_allowed_address_pair_may_be_a_prefix(street: Street) -> None:
    to = street.seeing[1]
    street.cloud.network.update_port(
        street.cheat.port.id, allowed_address_pairs=[{"ip_address": "10.40.0.64/28"}, {"ip_address": OTHER6}]
    )
    with wire(street.cheat) as sender, wire(to) as seer:
        names = {"IPv4", "IPv6", "ARP reply, address", "gratuitous ARP", "ARP request, address"}
        names |= {"neighbour advertisement"}
        wait_until(lambda: set(arrived(sender, seer, street.cheat, to)) == names, "the pairs are allowed", 5)
        street.cloud.network.update_port(street.cheat.port.id, allowed_address_pairs=[])
        wait_until(lambda: not arrived(sender, seer, street.cheat, to), "they are no longer", 5)


def test_an_address_moves_between_two_vms_by_gratuitous_arp(street: Street) -> None:
    pair = [{"ip_address": VIP}]
    masters = [street.vm(host, allowed_address_pairs=pair) for host in ("h0", "h1")]
    client = street.seeing[1]
    _take_over(masters[0])
    assert client.reaches(VIP)
    ping = Ping(client, VIP)
    masters[0].ip("addr", "del", f"{VIP}/32", "dev", "eth0")
    _take_over(masters[1])
    assert client.reaches(VIP, seconds=1)
    answered, lost = ping.end()
    assert answered > 0
    assert lost < 100  # a second of them


def _take_over(vm: Workload) -> None:
    vm.ip("addr", "add", f"{VIP}/32", "dev", "eth0")
    with wire(vm) as announcing:
        for op in (1, 2):
            announcing.send(Ether(src=vm.mac, dst=ALL) / ARP(op=op, hwsrc=vm.mac, psrc=VIP, hwdst=ALL, pdst=VIP))
