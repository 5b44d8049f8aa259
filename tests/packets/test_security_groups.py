"""Security groups with real packets: who gets in, and which connections end when something is taken away."""

import functools
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from tests.packets import sockets
from tests.packets.cloud import KERNELS, Cloud, Workload, wait_until
from tests.packets.sockets import Wire, connected, connects, gets_datagram, never_connects, wire
from tunbridge.dataplane.features.port_security import link_local
from tunbridge.lab.lab import agent_command

pytestmark = pytest.mark.ovs
WEB, SSH, UDP_PORT = 80, 22, 5000
FOREIGN_ZONE = 65_000
"""No network or router here has it."""
VERY_MANY = 2500 if KERNELS else 5000
"""Of which four fifths are more than what has a flow for each connection; an emulated kernel makes 5000 in minutes."""


class Town:
    """A network with a client on the server's host, one on the other, and the server that rules are about."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        cloud.network.update_quota(cloud.api.current_project_id, security_groups=-1)
        network = cloud.make_network("town", "10.20.0.0/24")
        cloud.make_subnet(network, "2001:db8:20::/64")
        self.clients = self.group("clients")
        self.others = self.group("others")
        self.near = cloud.vm("h0", network, security_groups=[self.clients.id])
        self.far = cloud.vm("h1", network, security_groups=[self.clients.id])
        self.server = cloud.vm("h0", network, security_groups=[self.others.id])
        for vm in (self.near, self.far):
            vm.ip("neigh", "replace", self.server.address, "lladdr", self.server.mac, "dev", "eth0")

    def group(self, name: str, *rules: dict[str, Any], **attributes: Any) -> Any:
        """Make a group with these ingress rules besides those that every group starts with."""
        made = self.cloud.network.create_security_group(name=name, **attributes)
        for rule in rules:
            self.rule(made, **rule)
        return made

    def rule(self, group: Any, **attributes: Any) -> Any:
        wanted = {"direction": "ingress", "ether_type": "IPv4", **attributes}
        return self.cloud.network.create_security_group_rule(security_group_id=group.id, **wanted)

    def put(self, vm: Workload, *groups: Any) -> None:
        """Put a workload into these groups and no other."""
        self.cloud.network.update_port(vm.port.id, security_groups=[g.id for g in groups])


def tcp(port: int, **more: Any) -> dict[str, Any]:
    return {"protocol": "tcp", "port_range_min": port, "port_range_max": port, **more}


@pytest.fixture(scope="module")
def town(cloud: Cloud) -> Iterator[Town]:
    yield Town(cloud)


def test_the_default_group_lets_its_members_in_and_nobody_else(town: Town) -> None:
    default = town.cloud.network.find_security_group("default")
    town.put(town.near, default)
    town.put(town.server, default)
    assert town.near.reaches(town.server.address)
    assert town.server.reaches(town.near.address)
    assert town.far.never_reaches(town.server.address)
    assert town.server.never_reaches(town.far.address)
    town.put(town.far, default)
    assert town.far.reaches(town.server.address)
    town.put(town.near, town.clients)
    town.put(town.far, town.clients)


def test_a_rule_works_at_once_and_its_removal_cuts_its_connections_and_no_other(town: Town) -> None:
    web = town.group("web", tcp(SSH))
    town.put(town.server, web)
    assert never_connects(town.far, town.server, WEB)
    rule = town.rule(web, **tcp(WEB))
    pages = [connected(client, town.server, WEB) for client in (town.near, town.far)]
    logins = [connected(client, town.server, SSH) for client in (town.near, town.far)]
    town.cloud.network.delete_security_group_rule(rule.id)
    for page in pages:
        page.until_cut()
    assert [login.is_alive() for login in logins] == [True, True]
    assert never_connects(town.near, town.server, WEB)
    assert never_connects(town.far, town.server, WEB)
    assert connects(town.far, town.server, SSH)


def test_very_many_connections_are_cut_to_the_last(town: Town) -> None:
    """Open vSwitch overlooks some where many are deleted at once, and is late where it is asked for each."""
    udp = {"protocol": "udp", "port_range_min": UDP_PORT, "port_range_max": UDP_PORT}
    web = town.group("very many", tcp(SSH))
    town.put(town.server, web)
    rule = town.rule(web, **udp)
    host = town.server.host.host
    zone = host.vsctl("get", "port", town.server.tap, "tag")

    def known() -> int:
        return host.run("ovs-appctl", "dpctl/dump-conntrack", f"zone={zone}").stdout.count(f"dport={UDP_PORT}")

    packet = Ether(src=town.far.mac, dst=town.server.mac) / IP(src=town.far.address, dst=town.server.address)
    frames = [bytes(packet / UDP(sport=port, dport=UDP_PORT)) for port in range(10_000, 10_000 + VERY_MANY)]
    with wire(town.far) as sending:
        while known() < len(frames) * 0.8:
            sending.send(*frames)
    login = connected(town.far, town.server, SSH)
    town.cloud.network.delete_security_group_rule(rule.id)
    wait_until(lambda: known() == 0, "all are cut", 15)
    assert login.is_alive()


def test_rules_of_ipv6_let_in_and_cut_by_themselves(town: Town) -> None:
    six = town.server.address6
    web = town.group("web by IPv6", tcp(SSH, ether_type="IPv6"))
    town.put(town.server, web)
    assert never_connects(town.far, town.server, WEB, six)
    rule = town.rule(web, **tcp(WEB, ether_type="IPv6", remote_ip_prefix="2001:db8:20::/64"))
    clients = (town.near, town.far)
    pages = [connected(client, town.server, WEB, six) for client in clients]
    logins = [connected(client, town.server, SSH, six) for client in clients]
    assert not any(connects(client, town.server, WEB, 0.5) for client in clients), "IPv4 is not let in by it"
    town.cloud.network.delete_security_group_rule(rule.id)
    for page in pages:
        page.until_cut()
    assert [login.is_alive() for login in logins] == [True, True]


def test_connections_in_zones_of_others_are_left_alone(town: Town) -> None:
    web = town.group("cut beside others", tcp(WEB))
    town.put(town.server, web)
    page = connected(town.far, town.server, WEB)
    host = town.server.host
    datapath = [word for d in host.datapath for word in ("--", "set", "bridge", "br-foreign", d)]
    host.host.vsctl("--", "add-br", "br-foreign", *datapath)
    packet = Ether() / IP(src=town.far.address, dst=town.server.address) / UDP(sport=1, dport=2)
    track = f"in_port=local packet={bytes(packet).hex()} actions=ct(commit,zone={FOREIGN_ZONE})"
    host.host.run("ovs-ofctl", "packet-out", "br-foreign", track)
    known = ("ovs-appctl", "dpctl/dump-conntrack", f"zone={FOREIGN_ZONE}")
    wait_until(lambda: "sport=1,dport=2" in host.host.run(*known).stdout, "it is tracked")
    town.put(town.server, town.group("nothing"))
    page.until_cut()
    # The last VM of a network leaves, and the whole zone of that network is emptied.
    network = town.cloud.make_network("left", "10.24.0.0/24")
    alone, far = (town.cloud.vm(name, network) for name in ("h0", "h1"))
    assert alone.reaches(far.address)
    zone = host.host.vsctl("get", "port", alone.tap, "tag")
    mine = ("ovs-appctl", "dpctl/dump-conntrack", f"zone={zone}")
    assert "icmp" in host.host.run(*mine).stdout
    alone.detach()
    wait_until(lambda: host.host.run(*mine).stdout == "", "its zone is empty")
    assert "sport=1,dport=2" in host.host.run(*known).stdout
    host.host.vsctl("del-br", "br-foreign")


def test_who_leaves_a_remote_group_loses_his_connections_and_no_other_does(town: Town) -> None:
    town.put(town.server, town.group("from clients", tcp(WEB, remote_group_id=town.clients.id)))
    near, far = (connected(client, town.server, WEB) for client in (town.near, town.far))
    town.put(town.far, town.others)
    far.until_cut()
    assert near.is_alive()
    assert never_connects(town.far, town.server, WEB)
    town.put(town.far, town.clients)
    assert connects(town.far, town.server, WEB)


def test_an_address_group_lets_its_addresses_in_for_as_long_as_they_are_in_it(town: Town) -> None:
    network = town.cloud.network
    friends = network.create_address_group(name="friends", addresses=[f"{town.near.address}/32"])
    town.put(town.server, town.group("friends", tcp(WEB, remote_address_group_id=friends.id)))
    wait_until(lambda: not connects(town.far, town.server, WEB, 0.5), "who is no friend is not let in")
    near = connected(town.near, town.server, WEB)
    network.add_addresses_to_address_group(friends, [f"{town.far.address}/32"])
    far = connected(town.far, town.server, WEB)
    network.remove_addresses_from_address_group(friends, [f"{town.far.address}/32"])
    far.until_cut()
    assert near.is_alive()


def test_a_connection_ends_when_the_group_that_allowed_it_is_taken_from_the_port(town: Town) -> None:
    web, login = town.group("web only", tcp(WEB)), town.group("login only", tcp(SSH))
    town.put(town.server, web, login)
    page, shell = connected(town.far, town.server, WEB), connected(town.far, town.server, SSH)
    town.put(town.server, login)
    page.until_cut()
    assert shell.is_alive()


def test_a_connection_that_was_cut_stays_so_when_agent_and_open_vswitch_are_killed(town: Town) -> None:
    town.put(town.server, town.group("web for a while", tcp(WEB)))
    page = connected(town.far, town.server, WEB)
    town.put(town.server, town.group("ping alone", {"protocol": "icmp"}))
    page.until_cut()
    host = town.server.host.host
    host.kill("agent")
    host.start_agent(agent_command())
    host.kill("ovs-vswitchd")
    host.start_vswitchd()
    wait_until(lambda: town.far.reaches(town.server.address, seconds=0.5), "forwards again", 15)
    # What its receiver goes on to send makes no connection of it, which would let all else in as replies.
    segment = IP(src=town.server.address, dst=town.far.address) / TCP(sport=WEB, dport=page.client_port, flags="A")
    with wire(town.server) as sending:
        sending.send(*[Ether(src=town.server.mac, dst=town.far.mac) / segment] * 5)
    time.sleep(0.5)
    known = host.run("ovs-appctl", "dpctl/dump-conntrack").stdout
    assert "icmp,orig=" in known and f"sport={WEB},dport={page.client_port}" not in known
    page.until_cut()


def test_stateless_groups_need_a_rule_for_each_direction(town: Town) -> None:
    echo = {"protocol": "icmp", "port_range_min": 8}
    stateless = town.group("stateless", echo, stateful=False)
    town.put(town.server, stateless)
    assert town.far.reaches(town.server.address)
    assert town.near.reaches(town.server.address)
    town.put(town.near, town.group("open", {"protocol": "icmp"}))
    assert town.server.never_reaches(town.near.address)  # the request gets there, no rule lets the answer in
    town.rule(stateless, protocol="icmp", port_range_min=0)
    assert town.server.reaches(town.near.address)
    town.put(town.near, town.clients)


def test_icmp_types_count(town: Town) -> None:
    town.put(town.server, town.group("unreachables", {"protocol": "icmp", "port_range_min": 3}))
    assert town.far.never_reaches(town.server.address)
    town.put(town.server, town.group("echo", {"protocol": "icmp", "port_range_min": 8, "port_range_max": 0}))
    assert town.far.reaches(town.server.address)


@pytest.mark.parametrize("stateful", [True, False], ids=["stateful", "stateless"])
def test_datagrams_larger_than_the_mtu_arrive_where_rules_allow_them(town: Town, stateful: bool) -> None:
    udp = {"protocol": "udp", "port_range_min": UDP_PORT, "port_range_max": UDP_PORT}
    group = town.group("large", {"protocol": "icmp"}, udp, stateful=stateful)
    town.put(town.server, group)
    for client in (town.near, town.far):
        assert client.reaches(town.server.address, "-s", "3000")
        assert gets_datagram(client, town.server, UDP_PORT, 4000)
        assert not gets_datagram(client, town.server, UDP_PORT + 1, 4000, 0.5)


def test_icmp_errors_about_a_known_connection_come_back(town: Town) -> None:
    udp = {"protocol": "udp", "port_range_min": UDP_PORT, "port_range_max": UDP_PORT}
    town.put(town.server, town.group("closed udp", udp))
    for client in (town.near, town.far):  # they let nothing in
        with sockets.inside(client.namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asking:
            asking.connect((town.server.address, UDP_PORT))
            asking.settimeout(0.3)
            wait_until(functools.partial(_is_refused, asking), "told that the port is closed", 5)


def _is_refused(asking: socket.socket) -> bool:
    try:
        asking.send(b"?")
        asking.recv(1)
    except ConnectionRefusedError:
        return True
    except TimeoutError:
        pass
    return False


def test_broadcast_and_multicast_arrive_where_the_receivers_rules_allow_them(town: Town) -> None:
    udp = {"protocol": "udp", "port_range_min": UDP_PORT, "port_range_max": UDP_PORT}
    town.put(town.server, town.group("to all", udp, {**udp, "ether_type": "IPv6"}))
    for sender, closed in ((town.near, town.far), (town.far, town.near)):
        with wire(sender) as sending, wire(town.server) as heard, wire(closed) as heard_closed:
            for kind, frame in _to_many(sender).items():
                allowed, other = (bytes(frame / UDP(dport=UDP_PORT + n) / f"{kind} {n}".encode()) for n in (0, 1))
                wait_until(functools.partial(_arrives, sending, heard, allowed, other), f"{kind} arrives", 5)
            assert not any(b"to many" in frame for frame in heard_closed.seen(lambda _: False, 0.2))


def _to_many(sender: Workload) -> dict[str, Packet]:
    """Frames to many receivers, without what they carry."""
    source6 = link_local(sender.mac)
    return {
        "broadcast to many": Ether(src=sender.mac, dst="ff:ff:ff:ff:ff:ff") / IP(src=sender.address, dst="10.20.0.255"),
        "multicast to many": Ether(src=sender.mac, dst="01:00:5e:01:01:01") / IP(src=sender.address, dst="239.1.1.1"),
        "IPv6 multicast to many": Ether(src=sender.mac, dst="33:33:00:00:00:09") / IPv6(src=source6, dst="ff02::9"),
    }


def _arrives(sending: Wire, heard: Wire, allowed: bytes, other: bytes) -> bool:
    """Whether a frame arrives; one to another port, sent before, must not."""
    sending.send(other, allowed)
    frames = heard.seen(lambda frame: frame == allowed, 0.3)
    assert other not in frames
    return frames[-1:] == [allowed]
