"""A small cloud for tests: a lab with its server, networks by the OpenStack SDK, and workloads in namespaces.

With TUNBRIDGE_HOSTS=vm the hosts are kernels of their own (QEMU). Workloads are namespaces of this machine also then: a
workload's device is the other end of a NIC of the kernel, which is plugged into br-int as a tap would be.
"""

import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openstack
from openstack.connection import Connection

from tests.agent.hosts import Wired
from tunbridge.lab import machine, namespaces
from tunbridge.lab.lab import Lab

KERNELS = os.environ.get("TUNBRIDGE_HOSTS") == "vm"
SLOWNESS = 8.0 if KERNELS else 1.0
"""How much longer to wait for what hosts do: kernels may be emulated, on a busy machine."""
PING_S = 0.05 if KERNELS else 0.01
BFD_INTERVAL_MS = 500 if KERNELS else None
"""An emulated kernel stands still for some tenths of a second now and then, which is not what kills a host here."""
_numbers = itertools.count()
UDHCPC_SCRIPT = """#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev $interface scope global
ip addr add $ip/$mask dev $interface
[ -z "$mtu" ] || ip link set $interface mtu $mtu
for gateway in $router; do ip route replace default via $gateway dev $interface; done
env > /tmp/lease.$interface.$$.new && mv /tmp/lease.$interface.$$.new "$LEASE"
"""
DHCLIENT_SCRIPT = """#!/bin/sh
case $reason in
BOUND6 | RENEW6 | REBIND6) [ -z "$new_ip6_address" ] || ip addr replace "$new_ip6_address/128" dev "$interface" nodad ;;
PREINIT6 | STOP6) exit 0 ;;
esac
env > "$LEASE.new" && mv "$LEASE.new" "$LEASE"
"""


def wait_until(condition: Callable[[], bool], what: str, seconds: float = machine.WAIT_S) -> float:
    """Wait until the condition holds, longer for emulated kernels; the seconds that it took. Raises LabError."""
    return machine.wait_until(condition, what, seconds * SLOWNESS)


class Cloud:
    """The lab, its hosts by name, and a connection of an admin."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        assert lab.server is not None
        self.api = _connect(str(lab.server.clouds_yaml))
        self.hosts = {h.name: Wired(lab, h.name) for h in lab.hosts()}
        self.workloads: list[Workload] = []

    @property
    def network(self) -> Any:
        """The networking proxy of the SDK."""
        return self.api.network

    def make_network(self, name: str, cidr: str | None = "10.1.0.0/24", **attributes: Any) -> Any:
        made = self.network.create_network(name=name, **attributes)
        if cidr is not None:
            self.make_subnet(made, cidr)
        return made

    def make_subnet(self, network: Any, cidr: str, **attributes: Any) -> Any:
        """Addresses that ports get of themselves are 101 to 199 of a /24: others are for tests to name."""
        version = 6 if ":" in cidr else 4
        if cidr.startswith("10.") and cidr.endswith(".0/24"):
            start = cidr.removesuffix("0/24")
            attributes = {"allocation_pools": [{"start": f"{start}101", "end": f"{start}199"}]} | attributes
        return self.network.create_subnet(network_id=network.id, cidr=cidr, ip_version=version, **attributes)

    def make_port(self, network: Any, **attributes: Any) -> Any:
        return self.network.create_port(network_id=network.id, **attributes)

    def status(self, port: Any) -> str:
        return str(self.network.get_port(port.id).status)

    def plug(self, host: str, port: Any, **options: Any) -> "Workload":
        """Plug a workload with this port into a host."""
        made = Workload(self, self.hosts[host], port, **options)
        self.workloads.append(made)
        return made

    def vm(self, host: str, network: Any, wait: bool = True, address: bool = True, **attributes: Any) -> "Workload":
        """Make a port, plug it in, and wait until it is ACTIVE; give it its IPv4 address by hand."""
        made = self.plug(host, self.make_port(network, **attributes))
        if address:
            made.configure()
        if wait:
            made.wait_active()
        return made

    def db(self, *argv: str) -> None:
        """Run `tunbridge db` on the server's database."""
        assert self.lab.server is not None
        config = ("--config", str(self.lab.server.folder / "server.toml"))
        namespaces.run(sys.executable, "-m", "tunbridge", "db", *argv, *config)

    def replace_database(self, backup: Path | None) -> None:
        """Start the server with a copy of its database in place of it; None: with an empty one."""
        server = self.lab.server
        assert server is not None
        server.stop()
        (server.folder / "state" / "db").unlink()
        if backup is not None:
            self.db("restore", str(backup))
        server.start()

    def outside(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the namespace of the physical networks."""
        return namespaces.run("ip", "netns", "exec", self.lab.outside, *argv, check=check)


def _connect(path: str) -> Connection:
    config = openstack.config.OpenStackConfig(config_files=[path], load_envvars=False)
    return Connection(config=config.get_one(cloud="tunbridge"))


def attach(host: Wired, tap: str, iface_id: str, mac: str) -> None:
    """Put a device into br-int, as a hypervisor does it."""
    host.host.vsctl(
        "--", "add-port", "br-int", tap, "--", "set", "interface", tap, f"external_ids:iface-id={iface_id}",
        f'external_ids:attached-mac="{mac}"', "external_ids:iface-status=active",
    )  # fmt: skip


class Workload:
    """A namespace with an eth0 whose other end is in br-int of a host, plugged as a hypervisor does it."""

    def __init__(
        self, cloud: Cloud, host: Wired, port: Any, mac: str | None = None, iface_id: str | None = None
    ) -> None:
        self.cloud = cloud
        self.host = host
        self.port = port
        self.mac = mac or port.mac_address
        self.namespace = namespaces.namespace(host.lab.name, f"vm{next(_numbers)}")
        namespaces.add(self.namespace)
        self.ip("link", "set", "lo", "up")
        self.tap = self.wire("eth0", host)
        self.ip("link", "set", "eth0", "up")
        self.attach(iface_id or port.id)

    def wire(self, device: str, host: Wired) -> str:
        """Make a device whose other end is on a host; the other end's name."""
        tap = f"tap{next(_numbers)}"
        if KERNELS:
            host.host.attach(tap, self.namespace, None, tap)
            self.ip("link", "set", tap, "down")
            self.ip("link", "set", tap, "name", device, "address", self.mac)
        else:
            veth = ("type", "veth", "peer", "name", tap, "netns", host.host.namespace)
            self.ip("link", "add", device, "address", self.mac, *veth)
        self.run("ethtool", "-K", device, "tx", "off")
        mtu = self.cloud.network.get_network(self.port.network_id).mtu if self.port is not None else 1450
        self.ip("link", "set", device, "mtu", str(mtu))
        host.host.run("ip", "link", "set", tap, "addrgenmode", "none")
        host.host.run("ip", "link", "set", tap, "up")
        return tap

    def attach(self, iface_id: str) -> None:
        attach(self.host, self.tap, iface_id, self.mac)

    def detach(self) -> None:
        self.host.host.vsctl("--if-exists", "del-port", "br-int", self.tap)

    def ip(self, *arguments: str) -> None:
        namespaces.run("ip", "-n", self.namespace, *arguments)

    def command(self, *argv: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *argv]

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return namespaces.run(*self.command(*argv), check=check)

    def start(self, *argv: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command inside; whoever starts it ends it."""
        return subprocess.Popen(
            self.command(*argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
        )

    def shell(self, script: str, check: bool = True) -> str:
        return self.run("sh", "-c", script, check=check).stdout

    @property
    def address(self) -> str:
        """The first IPv4 address that the API gave the port."""
        return next(str(f["ip_address"]) for f in self.port.fixed_ips if "." in f["ip_address"])

    @property
    def address6(self) -> str:
        return next(str(f["ip_address"]) for f in self.port.fixed_ips if ":" in f["ip_address"])

    def configure(self, device: str = "eth0") -> None:
        """Give a device the addresses of the port by hand."""
        for fixed in self.port.fixed_ips:
            subnet = self.cloud.network.get_subnet(fixed["subnet_id"])
            self.ip("addr", "add", f"{fixed['ip_address']}/{subnet.cidr.split('/')[1]}", "dev", device, *(
                ["nodad"] if ":" in fixed["ip_address"] else []))  # fmt: skip

    def wait_active(self, seconds: float = machine.WAIT_S) -> float:
        """Wait until the API says ACTIVE; give the seconds."""
        began = time.monotonic()
        what = f"port {self.port.id} is ACTIVE"
        wait_until(lambda: self.cloud.status(self.port) == "ACTIVE", what, seconds)
        return time.monotonic() - began

    def wait_down(self, seconds: float = machine.WAIT_S) -> None:
        """Wait until the API says DOWN."""
        wait_until(lambda: self.cloud.status(self.port) == "DOWN", f"port {self.port.id} is DOWN", seconds)

    def dhcp(self) -> dict[str, str]:
        """Run a real DHCP client, and give the lease as it told it."""
        script, lease = self._client_files("udhcpc", UDHCPC_SCRIPT)
        tries = str(int(5 * SLOWNESS))
        self.run(
            "env", f"LEASE={lease}", "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", tries, "-T", "1",
            "-s", str(script), *itertools.chain.from_iterable(("-O", o) for o in ("mtu", "staticroutes", "search")),
        )  # fmt: skip
        return _environment(lease)

    def dhcp6(self, *options: str) -> dict[str, str]:
        """Run a real DHCPv6 client until it has what it asks for, and give that as it told it. `-S`: no address."""
        script, lease = self._client_files("dhclient", DHCLIENT_SCRIPT)
        wait_until(lambda: "fe80" in self.shell("ip -6 addr show dev eth0 scope link -tentative"), "link-local")
        client = ("dhclient", "-6", "-sf", str(script), "-e", f"LEASE={lease}", "-pf", f"{lease}.pid")
        self.run(*client, "-1", *options, "-lf", f"{lease}.db", "eth0")
        self.run(*client, "-x", *options, "-lf", f"{lease}.db", "eth0")  # it goes on in the background
        return _environment(lease)

    def _client_files(self, name: str, content: str) -> tuple[Path, Path]:
        """The script of a DHCP client, and where it leaves what this workload was given."""
        script = self.host.lab.folder / f"{name}.sh"
        if not script.exists():
            script.write_text(content)
            script.chmod(0o755)
        return script, self.host.lab.folder / f"{name}.{self.tap}"

    def reaches(self, address: str, *options: str, seconds: float = 3.0) -> bool:
        """Whether one ping of several within a time is answered."""
        deadline = time.monotonic() + seconds * SLOWNESS
        while time.monotonic() < deadline:
            if self.run("ping", "-c1", "-W1", *options, address, check=False).returncode == 0:
                return True
        return False

    def never_reaches(self, address: str, *options: str) -> bool:
        """Whether none of three pings is answered, once a change that was made just before has come to the host."""
        ping = ("ping", "-W1", *options, address)
        deadline = time.monotonic() + 5 * SLOWNESS
        while self.run(*ping, "-c1", check=False).returncode == 0:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return self.run(*ping, "-c3", "-i0.2", check=False).returncode != 0

    def python(self, script: str) -> str:
        """Run a Python script inside, with scapy at hand; its output."""
        return self.run(sys.executable, "-c", script).stdout


def _environment(path: Path) -> dict[str, str]:
    """The variables that `env` has written."""
    lines = (line.partition("=") for line in path.read_text().splitlines())
    return {key: value for key, _, value in lines}


class Ping:
    """A ping every 10 ms in the background, through emulated kernels every 50 ms.

    What was not answered when it is ended is not counted as lost.
    It writes to a file: a pipe is full after a thousand answers, and then it would wait, and lose nothing.
    """

    _ANSWER = re.compile(
        r"^\[(?P<at>[\d.]+)\] \d+ bytes from .* icmp_seq=(?P<seq>\d+) .*time=(?P<ms>[\d.]+) ms", re.MULTILINE
    )

    def __init__(self, workload: Workload, address: str) -> None:
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the ping runs
        command = workload.command("ping", "-D", "-i", str(PING_S), address)
        self._process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT)
        self._began = time.time()

    def end(self) -> tuple[int, int]:
        """Packets answered, and packets lost before the last one that was answered. Prints when they were lost."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=30)
        with self._output:
            self._output.seek(0)
            answers = list(self._ANSWER.finditer(self._output.read()))
        at = {int(answer["seq"]): float(answer["at"]) - self._began for answer in answers}
        lost = [number for number in range(1, max(at, default=0)) if number not in at]
        if lost:
            around = {s: round(t, 3) for s, t in at.items() if lost[0] - 3 < s < lost[-1] + 3}
            slowest = max(float(answer["ms"]) for answer in answers)
            print(f"lost pings {lost}; answered around them, in seconds: {around}; the slowest took {slowest} ms")
        return len(at), len(lost)


class Stream:
    """A TCP connection of iperf3 that carries 2 MB/s in the background, from one workload to another."""

    _LINE = re.compile(r"sec +([\d.]+) \w?Bytes")

    def __init__(self, sender: Workload, receiver: Workload) -> None:
        port = ("-p", str(5300 + next(_numbers)))
        self._server = receiver.start("iperf3", "-s", "-1", *port)
        wait_until(lambda: receiver.run("ss", "-Hltn", f"sport = :{port[1]}").stdout != "", "iperf3 listens")
        self._output = tempfile.NamedTemporaryFile("w")  # noqa: SIM115 - open as long as the stream runs
        command = sender.command(
            "iperf3", "-c", receiver.address, *port, "-b", "16M", "-t", "300", "-i", "0.1", "-f", "k", "--forceflush",
        )  # fmt: skip
        self._client = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT)

    def goes_on(self) -> None:
        """Wait until it has carried data for some time more. Fails when the connection has ended."""
        before = self._carried()
        wait_until(lambda: self._client.poll() is not None or self._carried() >= before + 3, "data is carried", 20)
        self._assert_lasts()

    def longest_stall(self) -> float:
        """The longest time in which nothing was sent, in seconds: tenths of a second are known."""
        amounts = self._LINE.findall(Path(self._output.name).read_text())
        stalls = (len(list(group)) for idle, group in itertools.groupby(float(a) == 0 for a in amounts) if idle)
        return max(stalls, default=0) / 10

    def end(self) -> None:
        """End it. Fails when the connection had ended before."""
        self._assert_lasts()
        self._client.send_signal(signal.SIGINT)
        self._client.wait(timeout=30)
        self._server.terminate()
        self._server.communicate(timeout=30)
        self._output.close()

    def _assert_lasts(self) -> None:
        assert self._client.poll() is None, Path(self._output.name).read_text()[-2000:]

    def _carried(self) -> int:
        """In how many tenths of a second something was sent."""
        return sum(float(amount) > 0 for amount in self._LINE.findall(Path(self._output.name).read_text()))


def ping_during(workload: Workload, address: str, during: Callable[[], object], after: float = 2.0) -> tuple[int, int]:
    """Ping while `during` runs, and `after` seconds more; packets answered and lost."""
    ping = Ping(workload, address)
    try:
        time.sleep(0.3)
        during()
        time.sleep(after)
    finally:
        found = ping.end()
    return found
