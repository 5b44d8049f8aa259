"""Real clients, in a namespace of their own, with the responders at the other end of their wire."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_interface
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tests.dataplane.responders.serve import Case
from tests.dataplane.responders.subjects import MAC, SLAAC, V4, V6, routes, subject, with_zone
from tunbridge.dataplane.responders import Settings, Subject
from tunbridge.dataplane.view import FixedIp, Subnet
from tunbridge.lab import namespaces
from tunbridge.lab.machine import wait_until

pytestmark = pytest.mark.ovs
ROUTED = replace(V4, host_routes=routes(("192.168.9.0/24", "10.0.0.2")), dns_nameservers=("10.0.0.1",))
EUI = "f816:3eff:fe00:5"
STATELESS = replace(V6, ipv6_ra_mode="dhcpv6-stateless", ipv6_address_mode="dhcpv6-stateless")
OWN_FILES = """
for folder in /run /var/lib /etc/dhcp; do mount -t tmpfs none $folder; done
mkdir -p /var/lib/dhcp /var/lib/dhcpcd
exec "$@"
"""
DHCLIENT = """
dhclient $1 -1 -v -sf $2 eth0
status=$?
cp /var/lib/dhcp/dhclient*.leases $3
pkill -F /run/dhclient$4.pid
exit $status
"""
DHCPCD = """
dhcpcd -f $1 -c $2 --waitip=6 eth0
status=$?
sleep 1
ip -6 addr show dev eth0 > $3
for try in 1 2 3 4 5; do dhcpcd -x eth0 && break; sleep 0.2; done
exit $status
"""
REPORT = "#!/bin/sh\nenv | grep -v ^PATH | sort >> {file}\necho == >> {file}\n"


class Wire:
    """A client's end of a wire, in a namespace with files of its own where clients keep theirs."""

    def __init__(self, lab: str, folder: Path) -> None:
        self.client = namespaces.namespace(lab, "client")
        self.server = namespaces.namespace(lab, "server")
        self.folder = folder
        self.report = folder / "report"
        self.script = folder / "script"
        self.script.write_text(REPORT.format(file=self.report))
        self.script.chmod(0o755)
        namespaces.add(self.client)
        namespaces.add(self.server)
        namespaces.wire(self.client, "eth0", self.server, None, "wire")
        # Down meanwhile: its link-local address is to be that of the new MAC.
        namespaces.run("ip", "-n", self.client, "link", "set", "eth0", "down", "address", MAC)
        namespaces.run("ip", "-n", self.client, "link", "set", "eth0", "up")

    def serve(self, who: Subject, settings: Settings | None = None) -> None:
        case = msgspec.json.encode(Case(with_zone(who), settings or Settings()))
        argv = ["ip", "netns", "exec", self.server, sys.executable, "-m", "tests.dataplane.responders.serve", "wire"]
        environ = {**os.environ, namespaces.MARK: self.client.removeprefix(namespaces.PREFIX).split(".")[0]}
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(case)
        process.stdin.close()
        assert process.stdout.readline() == b"ready\n"

    def run(self, *argv: str, timeout: float = 60) -> str:
        """Run a client with /run and /var/lib of its own; its output."""
        line = ["ip", "netns", "exec", self.client, "unshare", "--mount", "sh", "-c", OWN_FILES, "sh", *argv]
        done = subprocess.run(
            line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def told(self) -> dict[str, str]:
        """What the client last handed to its script."""
        last = self.report.read_text().split("==\n")[-2]
        return dict(line.split("=", 1) for line in last.splitlines() if "=" in line)

    def addresses(self) -> set[str]:
        shown = namespaces.run("ip", "-n", self.client, "-j", "addr", "show", "eth0").stdout
        (link,) = msgspec.json.decode(shown)
        return {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if not a.get("tentative")}


@pytest.fixture
def wire(lab_name: Callable[[], str], tmp_path: Path) -> Iterator[Wire]:
    yield Wire(lab_name(), tmp_path)


def need(command: str) -> str:
    found = shutil.which(command, path=f"{os.environ['PATH']}:/sbin:/usr/sbin")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{command} is not installed")
        pytest.skip(f"{command} is not installed")
    return found


def test_udhcpc_takes_renews_and_releases_a_lease(wire: Wire) -> None:
    wire.serve(subject(ROUTED, dns_name="web"))
    options = [f"-O{name}" for name in ("mtu", "search", "staticroutes", "hostname", "domain")]
    wire.run(need("udhcpc"), "-i", "eth0", "-f", "-q", "-n", "-R", "-s", str(wire.script), *options)
    reports = [dict(x.split("=", 1) for x in r.splitlines() if "=" in x) for r in wire.report.read_text().split("==\n")]
    (bound,) = [r for r in reports if "ip" in r and "router" in r]
    assert (bound["ip"], bound["mask"], bound["serverid"], bound["lease"]) == ("10.0.0.5", "24", "10.0.0.1", "86400")
    assert (bound["router"], bound["dns"], bound["mtu"]) == ("10.0.0.1", "10.0.0.1", "1442")
    assert bound["staticroutes"] == "0.0.0.0/0 10.0.0.1 192.168.9.0/24 10.0.0.2"
    assert (bound["hostname"], bound["domain"], bound["search"]) == ("web", "openstacklocal", "openstacklocal")


def test_udhcpc_reads_what_has_no_room_among_the_options(wire: Wire) -> None:
    far = routes(*((f"10.{n}.0.0/24", "10.0.0.2") for n in range(1, 28)))
    wire.serve(subject(replace(V4, host_routes=far)))
    options = [f"-O{name}" for name in ("mtu", "search", "staticroutes", "hostname", "domain")]
    wire.run(need("udhcpc"), "-i", "eth0", "-f", "-q", "-n", "-s", str(wire.script), *options)
    report = wire.report.read_text()
    assert "10.27.0.0/24 10.0.0.2" in report and "search=openstacklocal\n" in report


def test_dhclient_takes_a_lease(wire: Wire) -> None:
    wire.serve(subject(ROUTED))
    lease = wire.folder / "lease"
    need("dhclient")
    # Debian's AppArmor profile of dhclient allows only its own places; they are this namespace's.
    wire.run("sh", "-c", DHCLIENT, "sh", "-4", str(wire.script), str(lease), "")
    told = wire.told()
    assert (told["reason"], told["new_ip_address"], told["new_subnet_mask"]) == ("BOUND", "10.0.0.5", "255.255.255.0")
    assert (told["new_routers"], told["new_domain_name"], told["new_interface_mtu"]) == (
        "10.0.0.1",
        "openstacklocal",
        "1442",
    )
    assert "fixed-address 10.0.0.5;" in lease.read_text()


def test_dhclient_takes_an_ipv6_lease(wire: Wire) -> None:
    wire.serve(subject(V6))
    need("dhclient")
    wait_until(lambda: any(a.startswith("fe80") for a in wire.addresses()), "a link-local address")
    wire.run("sh", "-c", DHCLIENT, "sh", "-6", str(wire.script), str(wire.folder / "lease"), "6")
    told = wire.told()
    assert (told["reason"], told["new_ip6_address"]) == ("BOUND6", "2001:db8::5")
    assert (told["new_dhcp6_name_servers"], told["new_dhcp6_domain_search"]) == ("2001:db8::1", "openstacklocal.")


@pytest.mark.parametrize(
    ("subnet", "expected", "dns"),
    [(V6, "2001:db8::5/128", "2001:db8::1"), (STATELESS, f"2001:db8::{EUI}/64", "2001:db8::1"),
     (SLAAC, f"2001:db8:1:0:{EUI}/64", "2001:db8::53")],
    ids=["stateful", "stateless", "slaac"],
)  # fmt: skip
def test_dhcpcd_follows_the_modes_of_the_subnet(wire: Wire, subnet: Subnet, expected: str, dns: str) -> None:
    wire.serve(subject(subnet, fixed_ips=(FixedIp(subnet.id, str(ip_interface(expected).ip)),)))
    need("dhcpcd")
    config = wire.folder / "dhcpcd.conf"
    config.write_text("ipv6only\nslaac hwaddr\nduid ll\noption domain_name_servers, domain_search\nnoipv4ll\n")
    wire.run("sh", "-c", DHCPCD, "sh", str(config), str(wire.script), str(wire.folder / "addr"))
    assert f"inet6 {ip_interface(expected)} " in (wire.folder / "addr").read_text()
    assert dns in wire.report.read_text()


def test_dig_finds_names_and_addresses(wire: Wire) -> None:
    wire.serve(subject(dns_name="web"))
    need("dig")
    namespaces.run("ip", "-n", wire.client, "addr", "add", "10.0.0.5/24", "dev", "eth0")
    assert wire.run("dig", "+short", "@10.0.0.1", "web.openstacklocal") == "10.0.0.5\n"
    assert wire.run("dig", "+short", "@10.0.0.1", "-x", "10.0.0.5") == "web.openstacklocal.\n"
    namespaces.run("ip", "-n", wire.client, "addr", "add", "2001:db8::5/64", "dev", "eth0", "nodad")
    assert wire.run("dig", "+short", "@2001:db8::1", "web.openstacklocal", "AAAA") == "2001:db8::5\n"
    assert "status: REFUSED" in wire.run("dig", "@10.0.0.1", "www.debian.org")
