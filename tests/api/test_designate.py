"""Names of ports and floating IPs are published in a real Designate, as by Neutron, and corrected there."""

import ipaddress
import itertools
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.designate_service import ADMIN, Designate, designate
from tests.api.login_double import login
from tests.api.serving import Cloud, User, error, serving
from tunbridge.lab.host import wait_until

pytestmark = pytest.mark.timeout(900)  # the first one makes the virtual environment
WAIT_S = 60
PASSWORD = "the password of the service user"
NETWORKING = {
    "external_dns_driver": "'designate'",
    "dns_domain": "'cloud.example.org'",
    "vni_ranges": "[{ minimum = 1000, maximum = 1999 }]",
    "vlan_ranges": "[{ physical_network = 'physnet1', minimum = 100, maximum = 199 }]",
}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def dns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Designate]:
    with designate(tmp_path_factory.mktemp("designate")) as made:
        yield made


def settings(url: str, folder: Path, more: str = "") -> list[str]:
    password = folder / "password"
    password.write_text(f"{PASSWORD}\n")
    return [f'designate = {{ auth_url = "{url}", username = "neutron", password_file = "{password}"{more} }}']


@pytest.fixture(scope="module")
def cloud(dns: Designate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with (
        login(dns) as url,
        serving(folder, top=settings(url, folder, ", ipv6_ptr_zone_prefix_size = 64"), networking=NETWORKING) as made,
    ):
        yield made


@pytest.fixture
def zone(dns: Designate, cloud: Cloud) -> str:
    """A zone of mia's project."""
    name = f"z{next(_numbers)}.example.org."
    dns.make_zone(name, cloud.user("mia").project_id)
    return name


def outside(cloud: Cloud, cidrs: list[str], **more: Any) -> dict[str, Any]:
    """A flat network that all projects share, and its subnets."""
    flat = {"provider:network_type": "flat", "provider:physical_network": f"flat{next(_numbers)}"}
    admin = cloud.user()
    network = admin.create("network", **{"shared": True, **flat, **more})
    for cidr in cidrs:
        admin.create("subnet", network_id=network["id"], cidr=cidr, ip_version=6 if ":" in cidr else 4)
    return network


def inside(user: User, cidr: str, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A project's own network, and its subnet."""
    network = user.create("network")
    return network, user.create("subnet", network_id=network["id"], cidr=cidr, ip_version=4, **more)


def has(dns: Designate, suffix: str, records: dict[tuple[str, str], list[str]]) -> None:
    """Wait until Designate has just these records below a name."""
    try:
        wait_until(lambda: dns.records(suffix) == records, f"Designate has {records}", WAIT_S)
    except Exception as e:
        raise AssertionError(f"it has {dns.records(suffix)}, not {records}") from e


def addresses(port: dict[str, Any]) -> list[str]:
    return [ip["ip_address"] for ip in port["fixed_ips"]]


def settled(cloud: Cloud, dns: Designate, zone: str) -> None:
    """Wait until whatever was asked for before is published: what is made later comes later."""
    mia = cloud.user("mia")
    network = outside(cloud, ["192.0.2.0/24"])
    mia.create("port", network_id=network["id"], dns_name="last", dns_domain=zone)
    wait_until(lambda: (f"last.{zone}", "A") in dns.records(zone), "the last name is published", WAIT_S)


def metric(cloud: Cloud, state: str) -> float:
    text = cloud.http.get(f"{cloud.url}/metrics").text
    return next(float(line.split()[-1]) for line in text.splitlines() if f'dns{{state="{state}"}}' in line)


def test_a_port_s_name_is_published_with_its_reverse_changes_and_goes(cloud: Cloud, dns: Designate, zone: str) -> None:
    network = outside(cloud, ["198.18.1.0/24", "2001:db8:1::/64"])
    mia = cloud.user("mia")
    port = mia.create("port", network_id=network["id"], dns_name="web", dns_domain=zone)
    v4, v6 = sorted(addresses(port), key=lambda ip: ":" in ip)
    assert {one["fqdn"] for one in port["dns_assignment"]} == {f"web.{zone}"}
    has(dns, zone, {(f"web.{zone}", "A"): [v4], (f"web.{zone}", "AAAA"): [v6]})
    pointer = ".".join(reversed(v4.split("."))) + ".in-addr.arpa."
    has(dns, "1.18.198.in-addr.arpa.", {(pointer, "PTR"): [f"web.{zone}"]})
    nibbles = ".".join(reversed(ipaddress.ip_address(v6).exploded.replace(":", "")))
    has(dns, "1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", {(f"{nibbles}.ip6.arpa.", "PTR"): [f"web.{zone}"]})
    zones = {one["name"]: one for one in dns.ask("GET", "/zones?limit=1000")["zones"]}
    reverse = zones["1.18.198.in-addr.arpa."]
    assert (reverse["project_id"], reverse["email"]) == ("service", f"admin@{zone.rstrip('.')}")
    assert "0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa." in zones
    assert zones[zone]["project_id"] == mia.project_id

    mia.update("port", port["id"], dns_name="db")
    has(dns, zone, {(f"db.{zone}", "A"): [v4], (f"db.{zone}", "AAAA"): [v6]})
    has(dns, "1.18.198.in-addr.arpa.", {(pointer, "PTR"): [f"db.{zone}"]})
    cloud.user().update("port", port["id"], fixed_ips=[{"ip_address": v6}, {"ip_address": "198.18.1.77"}])
    has(dns, zone, {(f"db.{zone}", "A"): ["198.18.1.77"], (f"db.{zone}", "AAAA"): [v6]})
    has(dns, "1.18.198.in-addr.arpa.", {("77.1.18.198.in-addr.arpa.", "PTR"): [f"db.{zone}"]})
    mia.remove("port", port["id"])
    has(dns, zone, {})
    has(dns, "1.18.198.in-addr.arpa.", {})


def test_which_networks_are_published_is_neutron_s_rule(cloud: Cloud, dns: Designate, zone: str) -> None:
    mia, admin = cloud.user("mia"), cloud.user()
    provider: dict[str, dict[str, Any]] = {
        "vlan-of-projects": {"network_type": "vlan", "physical_network": "physnet1", "segmentation_id": 150},
        "vlan": {"network_type": "vlan", "physical_network": "physnet1", "segmentation_id": 300},
        "vxlan-of-projects": {"network_type": "vxlan", "segmentation_id": 1500},
        "vxlan": {"network_type": "vxlan", "segmentation_id": 5000},
        "local": {"network_type": "local"},
        "flat": {"network_type": "flat", "physical_network": "physnet7"},
    }
    ports = {}
    for name, values in provider.items():
        network = admin.create("network", shared=True, **{f"provider:{key}": value for key, value in values.items()})
        admin.create("subnet", network_id=network["id"], cidr="198.18.2.0/24", ip_version=4)
        ports[name] = mia.create("port", network_id=network["id"], dns_name=name, dns_domain=zone)
    external = outside(cloud, ["198.18.3.0/24"], **{"router:external": True})
    ports["external"] = admin.create("port", network_id=external["id"], project_id=mia.project_id, dns_name="external",
                                     dns_domain=zone)  # fmt: skip
    network, plain = inside(mia, "198.18.4.0/24")
    chosen = mia.create("subnet", network_id=network["id"], cidr="198.18.5.0/24", ip_version=4,
                        dns_publish_fixed_ip=True)  # fmt: skip
    on = [{"subnet_id": subnet["id"]} for subnet in (plain, chosen)]
    ports["both"] = mia.create("port", network_id=network["id"], fixed_ips=on, dns_name="both", dns_domain=zone)
    ports["hidden"] = mia.create("port", network_id=network["id"], fixed_ips=on[:1], dns_name="hidden", dns_domain=zone)
    mia.create("port", network_id=network["id"], fixed_ips=on, dns_name="nowhere")
    expected = {(f"{name}.{zone}", "A"): addresses(ports[name]) for name in ("vlan", "vxlan", "flat")}
    expected[f"both.{zone}", "A"] = [ip["ip_address"] for ip in ports["both"]["fixed_ips"]
                                     if ip["subnet_id"] == chosen["id"]]  # fmt: skip
    has(dns, zone, expected)
    assert {one["fqdn"] for one in ports["hidden"]["dns_assignment"]} == {"hidden.cloud.example.org."}
    mia.update("subnet", plain["id"], dns_publish_fixed_ip=True)
    expected[f"both.{zone}", "A"] = sorted(addresses(ports["both"]))
    expected[f"hidden.{zone}", "A"] = addresses(ports["hidden"])
    has(dns, zone, expected)
    assert {one["fqdn"] for one in mia.show("port", ports["hidden"]["id"])["dns_assignment"]} == {f"hidden.{zone}"}


def test_the_network_s_domain_is_followed(cloud: Cloud, dns: Designate, zone: str) -> None:
    other = f"z{next(_numbers)}.example.org."
    mia = cloud.user("mia")
    dns.make_zone(other, mia.project_id)
    network = outside(cloud, ["198.18.6.0/24"], dns_domain=zone)
    port = mia.create("port", network_id=network["id"], dns_name="vm")
    has(dns, zone, {(f"vm.{zone}", "A"): addresses(port)})
    cloud.user().update("network", network["id"], dns_domain=other)
    has(dns, other, {(f"vm.{other}", "A"): addresses(port)})
    has(dns, zone, {})
    assert mia.show("port", port["id"])["dns_assignment"][0]["fqdn"] == f"vm.{other}"
    mia.update("port", port["id"], dns_domain=zone)
    has(dns, zone, {(f"vm.{zone}", "A"): addresses(port)})
    has(dns, other, {})


def test_a_floating_ip_has_its_own_name_or_that_of_its_port(cloud: Cloud, dns: Designate, zone: str) -> None:
    mia, admin = cloud.user("mia"), cloud.user()
    external = outside(cloud, ["198.18.7.0/24"], **{"router:external": True})
    network, subnet = inside(mia, "10.7.0.0/24")
    mia.update("network", network["id"], dns_domain=zone)
    router = mia.create("router", external_gateway_info={"network_id": external["id"]})
    assert mia.put(f"/routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]}).status_code == 200
    port = mia.create("port", network_id=network["id"], dns_name="vm")
    named = mia.create("floatingip", floating_network_id=external["id"], dns_name="own", dns_domain=zone)
    follows = mia.create("floatingip", floating_network_id=external["id"], port_id=port["id"])
    own = {(f"own.{zone}", "A"): [named["floating_ip_address"]]}
    has(dns, zone, {**own, (f"vm.{zone}", "A"): [follows["floating_ip_address"]]})
    mia.update("port", port["id"], dns_name="vm2")
    has(dns, zone, {**own, (f"vm2.{zone}", "A"): [follows["floating_ip_address"]]})
    mia.update("floatingip", follows["id"], port_id=None)
    has(dns, zone, own)
    mia.remove("floatingip", named["id"])
    has(dns, zone, {})
    for half in ({"dns_name": "own"}, {"dns_domain": zone}):
        reply = admin.post("/floatingips", {"floatingip": {"floating_network_id": external["id"], **half}})
        assert error(reply)[:2] == (400, "BadRequest")


def test_no_name_gets_into_another_project_s_zone_unless_it_is_shared(cloud: Cloud, dns: Designate, zone: str) -> None:
    mia, otto = cloud.user("mia"), cloud.user("otto")
    theirs = f"z{next(_numbers)}.example.org."
    id = dns.make_zone(theirs, otto.project_id)
    network = outside(cloud, ["198.18.8.0/24"])
    port = mia.create("port", network_id=network["id"], dns_name="evil", dns_domain=theirs)
    settled(cloud, dns, zone)
    assert dns.records(theirs) == {}
    wait_until(lambda: f"what={port['id']}" in cloud.log and "no such zone in Designate" in cloud.log, "it is told")
    wait_until(lambda: metric(cloud, "refused") == 1, "the metric tells of it")
    reverse = "8.18.198.in-addr.arpa."
    assert dns.records(reverse) == {}, "nor has the address that name"
    dns.share(id, otto.project_id, mia.project_id)
    mia.update("port", port["id"], dns_name="friend")
    has(dns, theirs, {(f"friend.{theirs}", "A"): addresses(port)})
    pointer = ".".join(reversed(addresses(port)[0].split("."))) + ".in-addr.arpa."
    has(dns, reverse, {(pointer, "PTR"): [f"friend.{theirs}"]})
    mia.update("port", port["id"], dns_domain="bank.example.org.")
    has(dns, reverse, {})
    mia.remove("port", port["id"])
    has(dns, theirs, {})


def test_who_was_first_keeps_a_name_and_the_next_one_gets_it_then(cloud: Cloud, dns: Designate, zone: str) -> None:
    mia = cloud.user("mia")
    network = outside(cloud, ["198.18.9.0/24"])
    first = mia.create("port", network_id=network["id"], dns_name="www", dns_domain=zone)
    has(dns, zone, {(f"www.{zone}", "A"): addresses(first)})
    second = mia.create("port", network_id=network["id"], dns_name="www", dns_domain=zone)
    wait_until(lambda: f"what={second['id']}" in cloud.log, "the log tells of it", WAIT_S)
    assert dns.records(zone) == {(f"www.{zone}", "A"): addresses(first)}
    mia.remove("port", first["id"])
    has(dns, zone, {(f"www.{zone}", "A"): addresses(second)})


def test_a_recordset_that_users_made_is_left_alone_and_neutron_s_is_taken_over(
    cloud: Cloud, dns: Designate, zone: str
) -> None:
    mia = cloud.user("mia")
    (id,) = (one["id"] for one in dns.ask("GET", f"/zones?name={zone}")["zones"])
    dns.make(id, mia.project_id, f"mine.{zone}", "192.0.2.9")
    dns.make(id, mia.project_id, f"neutron.{zone}", "198.18.10.10")
    network = outside(cloud, ["198.18.10.0/24"])
    port = mia.create("port", network_id=network["id"], dns_name="mine", dns_domain=zone)
    old = cloud.user().create("port", network_id=network["id"], project_id=mia.project_id, dns_name="neutron",
                              dns_domain=zone, fixed_ips=[{"ip_address": "198.18.10.10"}])  # fmt: skip
    wait_until(lambda: f"what={old['id']}" in cloud.log and f"what={port['id']}" in cloud.log, "both are told", WAIT_S)
    both = {(f"mine.{zone}", "A"): ["192.0.2.9"], (f"neutron.{zone}", "A"): ["198.18.10.10"]}
    assert dns.records(zone) == both
    mia.remove("port", port["id"])
    mia.remove("port", old["id"])
    has(dns, zone, {(f"mine.{zone}", "A"): ["192.0.2.9"]})


def test_keywords_of_a_domain_stand_for_who_made_the_port(cloud: Cloud, dns: Designate) -> None:
    mia, mara = cloud.user("mia"), cloud.user("mara")
    base = f"k{next(_numbers)}.example.org."
    for user in ("mia", "mara"):
        dns.make_zone(f"{user}.demo.{base}", mia.project_id)
    dns.make_zone(f"{mia.project_id}.{base}", mia.project_id)
    network = outside(cloud, ["198.18.11.0/24"], dns_domain=f"<user_name>.<project_name>.{base}")
    port = mia.create("port", network_id=network["id"], dns_name="vm")
    assert port["dns_assignment"][0]["fqdn"] == f"vm.mia.demo.{base}"
    mine = {(f"vm.mia.demo.{base}", "A"): addresses(port)}
    has(dns, base, mine)
    of_project = mia.create("port", network_id=network["id"], dns_name="p", dns_domain=f"<project_id>.{base}")
    mine[f"p.{mia.project_id}.{base}", "A"] = addresses(of_project)
    has(dns, base, mine)
    mara.update("port", port["id"], dns_name="vm2")
    del mine[f"vm.mia.demo.{base}", "A"]
    has(dns, base, {**mine, (f"vm2.mara.demo.{base}", "A"): addresses(port)})


def test_what_happens_while_designate_is_away_is_published_later_and_nobody_waits(
    cloud: Cloud, dns: Designate, zone: str
) -> None:
    mia = cloud.user("mia")
    network = outside(cloud, ["198.18.12.0/24"])
    gone = mia.create("port", network_id=network["id"], dns_name="gone", dns_domain=zone)
    has(dns, zone, {(f"gone.{zone}", "A"): addresses(gone)})
    dns.stop()
    try:
        before = time.monotonic()
        made = mia.create("port", network_id=network["id"], dns_name="made", dns_domain=zone)
        mia.remove("port", gone["id"])
        assert time.monotonic() - before < 5  # not the 10 s that a service may take to answer
        wait_until(lambda: "names cannot be published, tried again" in cloud.log, "the log tells of it", WAIT_S)
    finally:
        dns.start()
    has(dns, zone, {(f"made.{zone}", "A"): addresses(made)})
    has(dns, "12.18.198.in-addr.arpa.", {
        (".".join(reversed(addresses(made)[0].split("."))) + ".in-addr.arpa.", "PTR"): [f"made.{zone}"],
    })  # fmt: skip
    wait_until(lambda: "names are published again" in cloud.log, "the log tells of it")


def test_a_restart_corrects_what_others_changed_and_knows_its_own(cloud: Cloud, dns: Designate, zone: str) -> None:
    mia = cloud.user("mia")
    network = outside(cloud, ["198.18.13.0/24"])
    kept = mia.create("port", network_id=network["id"], dns_name="kept", dns_domain=zone)
    gone = mia.create("port", network_id=network["id"], dns_name="gone", dns_domain=zone)
    both = {(f"{name}.{zone}", "A"): addresses(port) for name, port in (("kept", kept), ("gone", gone))}
    has(dns, zone, both)
    found = {one["name"]: one for one in dns.ask("GET", f"/recordsets?name=*{zone}")["recordsets"]}
    cloud.kill()
    a, b = found[f"kept.{zone}"], found[f"gone.{zone}"]
    dns.ask("PUT", f"/zones/{a['zone_id']}/recordsets/{a['id']}", mia.project_id, {"records": ["192.0.2.1"]})
    dns.ask("DELETE", f"/zones/{b['zone_id']}/recordsets/{b['id']}", mia.project_id)
    mark = a["description"].split(":")[0]
    nobody = "00000000-0000-4000-8000-000000000000"
    dns.make(a["zone_id"], mia.project_id, f"lost.{zone}", "192.0.2.2", description=f"{mark}: port {nobody}")
    dns.make(a["zone_id"], mia.project_id, f"other.{zone}", "192.0.2.3", description=f"Tunbridge x: port {nobody}")
    cloud.start()
    has(dns, zone, {**both, (f"other.{zone}", "A"): ["192.0.2.3"]})


def test_a_database_that_is_restored_is_followed(dns: Designate, tmp_path: Path) -> None:
    state = tmp_path / "state"
    embedded: dict[str, Any] = {"state_dir": str(state), "run_dir": str(tmp_path / "run"), "networking": NETWORKING}
    with login(dns) as url, serving(tmp_path, top=settings(url, tmp_path), **embedded) as cloud:
        mia = cloud.user("mia")
        zone = f"z{next(_numbers)}.example.org."
        dns.make_zone(zone, mia.project_id)
        network = outside(cloud, ["198.18.14.0/24"])
        old = mia.create("port", network_id=network["id"], dns_name="old", dns_domain=zone)
        was = {(f"old.{zone}", "A"): addresses(old)}
        has(dns, zone, was)
        cloud.kill(signal.SIGTERM)
        shutil.copytree(state, tmp_path / "backup")
        cloud.start()
        mia.update("port", old["id"], dns_name="renamed")
        new = mia.create("port", network_id=network["id"], dns_name="new", dns_domain=zone)
        has(dns, zone, {(f"renamed.{zone}", "A"): addresses(old), (f"new.{zone}", "A"): addresses(new)})
        cloud.kill(signal.SIGTERM)
        shutil.rmtree(state)
        shutil.copytree(tmp_path / "backup", state)
        cloud.start()
        has(dns, zone, was)


def test_of_two_servers_one_publishes_and_the_other_takes_over(dns: Designate, tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    with login(dns) as url:
        top = settings(url, tmp_path)
        with (
            serving(tmp_path, top=top, networking=NETWORKING) as one,
            serving(tmp_path / "two", one.database, top=top, networking=NETWORKING) as two,
        ):
            mia = two.user("mia")
            zone = f"z{next(_numbers)}.example.org."
            dns.make_zone(zone, mia.project_id)
            network = outside(two, ["198.18.15.0/24"])
            first = mia.create("port", network_id=network["id"], dns_name="first", dns_domain=zone)
            has(dns, zone, {(f"first.{zone}", "A"): addresses(first)})
            assert sum("a name is published" in each.log for each in (one, two)) == 1
            one.kill()
            second = mia.create("port", network_id=network["id"], dns_name="second", dns_domain=zone)
            mia.remove("port", first["id"])
            has(dns, zone, {(f"second.{zone}", "A"): addresses(second)})


@pytest.mark.parametrize(
    ("more", "roles", "reason"),
    [
        (', endpoint = "{identity}/nothing"', ADMIN, "is no Designate"),
        ("", "member,reader", "it needs the role admin"),
        (', region = "Nowhere"', ADMIN, "set designate.endpoint, designate.interface or designate.region"),
        (', endpoint = "http://127.0.0.1:1"', ADMIN, "ConnectError"),
    ],
)
def test_what_is_wrong_with_the_service_is_told_without_secrets(
    dns: Designate, tmp_path: Path, more: str, roles: str, reason: str
) -> None:
    dns.roles(roles)
    try:
        with login(dns) as url:
            top = settings(url, tmp_path, more.replace("{identity}", dns.url))
            with serving(tmp_path, top=top, networking=NETWORKING) as cloud:
                wait_until(lambda: "names cannot be published" in cloud.log, "it is told", WAIT_S)
                (line,) = (line for line in cloud.log.splitlines() if "names cannot be published" in line)
                assert reason in line
                assert PASSWORD not in cloud.log and dns.token not in cloud.log
    finally:
        dns.roles()
