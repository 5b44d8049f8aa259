"""`tunbridge trace` says what packets do: each answer is held against a real packet between the same two ends."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.agent.hosts import NIC
from tests.packets.cloud import Cloud, Workload, wait_until
from tests.packets.conftest import make_cloud
from tests.packets.test_traffic_log import is_logged

pytestmark = pytest.mark.ovs
PEER = "203.0.113.1"


class Site:
    """Two hosts; a router between blue and red, with a gateway; `closed` lets nothing in."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        network = cloud.network
        flat = {"provider_network_type": "flat", "provider_physical_network": "physnet1"}
        external = cloud.make_network("ext", None, is_router_external=True, **flat)
        cloud.make_subnet(external, "203.0.113.0/24", gateway_ip=PEER, is_dhcp_enabled=False)
        blue, red = (cloud.make_network(name, None) for name in ("blue", "red"))
        inside = [cloud.make_subnet(blue, "10.5.0.0/24"), cloud.make_subnet(red, "10.6.0.0/24")]
        self.router = network.create_router(name="r", external_gateway_info={"network_id": external.id})
        for subnet in inside:
            network.add_interface_to_router(self.router, subnet_id=subnet.id)
        self.group = network.create_security_group(name="open")
        network.create_security_group_rule(security_group_id=self.group.id, direction="ingress", ethertype="IPv4")
        self.near, self.same, self.far = (self.vm(name, h, blue) for name, h in (("near", 0), ("same", 0), ("far", 1)))
        self.other = self.vm("other", 1, red, gateway="10.6.0.1")
        self.closed = self.vm("closed", 1, blue, is_open=False)
        self.floating = network.create_ip(floating_network_id=external.id, port_id=self.far.port.id)

    def vm(self, name: str, host: int, network: Any, gateway: str = "10.5.0.1", is_open: bool = True) -> Workload:
        groups = [self.group] if is_open else self.cloud.network.security_groups(name="default")
        ids = [group.id for group in groups]
        made = self.cloud.vm(f"h{host}", network, address=False, name=name, security_groups=ids)
        made.ip("addr", "add", f"{made.address}/24", "dev", "eth0")
        made.ip("route", "add", "default", "via", gateway)
        return made

    def trace(self, *argv: str) -> dict[str, Any]:
        done = self.run(*argv, "-f", "json")
        found: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (1 if found["outcome"] == "does not arrive" else 0)
        return found

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tunbridge", "trace", *argv, f"lab:{self.cloud.lab.name}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def site(module_lab_name: Callable[[], str]) -> Iterator[Site]:
    yield Site(make_cloud(module_lab_name()))


def steps(visit: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Host, bridge and table of all that the packet passed, in order."""
    for one in visit["rounds"]:
        for step in one["steps"]:
            yield visit["at"]["host"], step["bridge"], step["table"]
    for branch in visit["branches"]:
        for further in branch["visits"]:
            yield from steps(further)


def ends(visit: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for branch in visit["branches"]:
        if not branch["visits"]:
            yield visit["at"]["host"], branch
        for further in branch["visits"]:
            yield from ends(further)


@pytest.mark.parametrize("to", ["same", "far", "other", "closed"])
def test_it_says_who_receives_a_ping_and_a_ping_shows_it(site: Site, to: str) -> None:
    receiver: Workload = getattr(site, to)
    found = site.trace("near", to)
    arrives = found["outcome"] == "arrives"
    assert arrives == (to != "closed")
    assert site.near.reaches(receiver.address) if arrives else site.near.never_reaches(receiver.address)
    [(host, end)] = ends(found["visit"])
    assert host == receiver.host.host.name
    if arrives:
        assert end["kind"] == "delivered"
        assert end["port"] == receiver.tap
        assert end["packet"]["dl_dst"] == receiver.mac
        assert end["packet"]["nw_ttl"] == ("63" if to == "other" else "64")
    else:
        assert end["kind"] == "dropped"
        assert (end["step"]["bridge"], end["step"]["table"]) == ("br-int", 82)


def test_a_packet_across_hosts_passes_both_of_br_tun_and_is_in_vxlan_between(site: Site) -> None:
    found = site.trace("near", "far")
    bridges = list(dict.fromkeys((host, bridge) for host, bridge, _ in steps(found["visit"]) if bridge != "br-phy"))
    assert bridges == [("h0", "br-int"), ("h0", "br-tun"), ("h1", "br-tun"), ("h1", "br-int")]
    [branch] = found["visit"]["branches"]
    network = site.cloud.network.get_network(site.near.port.network_id)
    outer = branch["outer"]
    assert (outer["type"], outer["source"], outer["destination"]) == ("vxlan", "10.0.0.11", "10.0.0.12")
    assert int(outer["key"], 16) == network.provider_segmentation_id


def test_a_sender_with_a_foreign_address_is_dropped_where_addresses_are_checked(site: Site) -> None:
    found = site.trace("near", "far", "--from-ip", "10.5.0.99")
    [(host, end)] = ends(found["visit"])
    assert (host, end["kind"], end["step"]["table"]) == ("h0", "dropped", 26)


def test_the_question_for_a_mac_address_is_answered_on_the_senders_host(site: Site) -> None:
    found = site.trace("near", "far", "--arp")
    [(host, end)] = ends(found["visit"])
    assert (host, end["kind"], end["packet"]["arp_sha"]) == ("h0", "answered", site.far.mac)


def test_a_datagram_goes_as_a_ping_does(site: Site) -> None:
    assert site.trace("near", "far", "--udp", "53")["outcome"] == "arrives"
    assert site.trace("near", "closed", "--udp", "53")["outcome"] == "does not arrive"


def test_replies_pass_where_new_connections_do_not(site: Site) -> None:
    assert site.trace("near", "closed", "--tcp", "22")["outcome"] == "does not arrive"
    assert site.trace("near", "closed", "--tcp", "22", "--state", "reply")["outcome"] == "arrives"


def test_out_of_a_router_with_its_address_and_in_by_a_floating_ip(site: Site) -> None:
    assert site.near.reaches(PEER)
    found = site.trace("near", PEER)
    assert found["outcome"] == "handed over"
    said = f"? out by the NIC {NIC} of br-eth1, to the physical network physnet1"
    assert said in site.run("near", PEER).stdout
    router = site.cloud.network.get_router(site.router.id)
    [(_, end)] = ends(found["visit"])
    assert (end["kind"], end["bridge"], end["physical"]) == ("outside", "br-eth1", "physnet1")
    assert end["packet"]["nw_src"] == router.external_gateway_info["external_fixed_ips"][0]["ip_address"]

    address = site.floating.floating_ip_address
    site.cloud.outside("ping", "-c1", "-W4", address)
    found = site.trace("h1:" + NIC, address, "--from-ip", PEER)
    assert found["outcome"] == "arrives"
    [(host, end)] = ends(found["visit"])
    assert (host, end["port"], end["packet"]["nw_dst"]) == ("h1", site.far.tap, site.far.address)


def test_the_text_names_hosts_tables_and_why_it_is_dropped(site: Site) -> None:
    text = site.run("near", "closed").stdout
    assert text.startswith("near on h0 → closed on h1: ICMP echo request, ")
    assert "26 address_security" in text
    assert "⇒ encapsulated in VXLAN, key " in text
    assert "✗ dropped by br-int, table 82 ingress_rules, flow: " in text
    assert text.endswith("closed does not receive it: h1\n")
    assert len(site.run("near", "closed", "-v").stdout.splitlines()) > 1.5 * len(text.splitlines())
    korean = site.run("near", "far", "--lang", "ko").stdout
    assert "far" in korean.splitlines()[-1]
    assert "receives" not in korean


def test_a_log_changes_nothing_of_the_answer_and_its_copies_are_told(site: Site) -> None:
    network = site.cloud.network
    before = {name: site.trace("near", name, "--tcp", "22") for name in ("far", "closed")}
    body = {"resource_type": "security_group"}
    made = network.post("/log/logs", json={"log": body}).json()["log"]
    try:
        for vm in (site.near, site.far):
            wait_until(partial(is_logged, vm), "the host has the log")
        for name, answer in before.items():
            now = site.trace("near", name, "--tcp", "22")
            assert now["outcome"] == answer["outcome"], name
            real = [end["kind"] for _, end in ends(now["visit"]) if end["kind"] != "noted"]
            assert real == [end["kind"] for _, end in ends(answer["visit"])], name
        text = site.run("near", "closed").stdout
        assert "· a copy to the agent or controller that programs the bridge, for its log" in text
        assert "✗ dropped by br-int, table 82 ingress_rules, flow: " in text
    finally:
        network.delete(f"/log/logs/{made['id']}")


@pytest.mark.parametrize("to", ["far", "other"])
def test_explain_tells_the_predicted_path_and_the_actual_one(site: Site, to: str) -> None:
    """On a network, and through a router."""
    command = [sys.executable, "-m", "tunbridge", "explain", "--path", "near", to, f"lab:{site.cloud.lab.name}"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    predicted, actual = text.split("What the hosts' flows do with the packet now")
    assert predicted.startswith("From a VM on h0 to a VM on h1")
    assert f"near on h0 → {to} on h1" in actual
    assert actual.endswith(f"{to} receives it\n")


OF_ROUTERS = ("router-without-host", "floating-ip-down", "address-answered-twice", "address-unanswered")


def findings(site: Site) -> dict[str, list[str]]:
    """What `tunbridge check` finds of routers: subjects by code."""
    command = [sys.executable, "-m", "tunbridge", "check", "-f", "json", f"lab:{site.cloud.lab.name}"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout)
    said: dict[str, list[str]] = {}
    for one in found["findings"]:
        said.setdefault(one["code"], []).append(one["subject"])
    return {code: subjects for code, subjects in said.items() if code in OF_ROUTERS}


def test_check_finds_a_router_without_a_host_and_a_floating_ip_that_nobody_answers_for(site: Site) -> None:
    network = site.cloud.network
    assert findings(site) == {}
    flat = {"provider_network_type": "flat", "provider_physical_network": "elsewhere"}
    far_away = site.cloud.make_network("far-away", None, is_router_external=True, **flat)
    site.cloud.make_subnet(far_away, "192.0.2.0/24", is_dhcp_enabled=False)
    lost = network.create_router(name="lost", external_gateway_info={"network_id": far_away.id})
    interface = site.cloud.make_port(network.find_network("blue"))
    network.add_interface_to_router(lost, port_id=interface.id)
    assert findings(site) == {"router-without-host": ["lost"]}, "no host has a bridge there"
    network.remove_interface_from_router(lost, port_id=interface.id)
    assert findings(site) == {}, "nobody here would go by it"
    network.delete_router(lost)
    network.delete_network(far_away)
    network.update_router(site.router, admin_state_up=False)
    wait_until(lambda: findings(site) == {"floating-ip-down": [site.far.tap]}, "the floating IP is down")
    network.update_router(site.router, admin_state_up=True)
    wait_until(lambda: findings(site) == {}, "and up again")


def test_check_finds_an_address_that_two_hosts_answer_for_and_one_that_none_does(site: Site) -> None:
    network = site.cloud.network
    router = network.get_router(site.router.id)
    address = router.external_gateway_info["external_fixed_ips"][0]["ip_address"]
    wait_until(lambda: findings(site) == {}, "all is well")
    agents = {agent.id: agent.host for agent in network.agents(agent_type="L3 agent")}
    active = next(agent for agent in network.routers_hosting_l3_agents(router) if agent.ha_state == "active").id
    host = site.cloud.hosts[agents[active]]
    host.stop()
    try:
        network.update_agent(active, admin_state_up=False)
        two = {"address-answered-twice": [address]}
        wait_until(lambda: findings(site) == two, "the host goes on with the flows that it has", 20)
        network.update_agent(active, admin_state_up=True)
        network.add_router_to_agent(active, router)
        wait_until(lambda: findings(site) == {}, "the other host has heard that it has it no more", 20)
        host.ofctl("del-flows", "br-int", f"table=73,arp,arp_tpa={address}")
        assert findings(site) == {"address-unanswered": [address]}
    finally:
        host.start()
    wait_until(lambda: findings(site) == {}, "the agent has put it back", 20)


def test_check_finds_an_ipv6_address_of_a_router_that_its_host_does_not_answer_for(site: Site) -> None:
    cloud, address = site.cloud, "2001:db8:6::1"
    green, mode = cloud.make_network("green", None), {"ipv6_address_mode": "slaac"}
    subnet = cloud.make_subnet(green, "2001:db8:6::/64", gateway_ip=address, ipv6_ra_mode="slaac", **mode)
    cloud.network.add_interface_to_router(site.router, subnet_id=subnet.id)
    vm = cloud.vm("h0", green, address=False)
    wait_until(lambda: findings(site) == {}, "the host answers")
    vm.host.stop()
    try:
        vm.host.ofctl("del-flows", "br-int", f"icmp6,icmp_type=135,nd_target={address}")
        assert findings(site) == {"address-unanswered": [address]}
    finally:
        vm.host.start()
    wait_until(lambda: findings(site) == {}, "the agent has put it back", 20)


def test_what_cannot_be_traced_is_said_with_what_to_give(site: Site) -> None:
    for argv, said in (
        (("nobody", "far"), "nobody: no port of these hosts"),
        (("near", "10.5.0.250"), "--to-mac tells it"),
        (("near", "far", "--tcp", "1", "--udp", "1"), "--tcp and --udp"),
        (("203.0.113.77", "far"), "is on none of these hosts"),
        (("near", "2001:db8::1"), "--from-ip"),
    ):
        done = site.run(*argv)
        assert done.returncode == 2, done.stdout
        assert said in done.stderr
