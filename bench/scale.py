"""Many hosts on one central database, without packets: what a change costs until the last host that it concerns has it.

1,000 hosts with 50 ports each on 1,000 networks; a network has 50 ports on 10 hosts, so a host has 10 networks. Two
thousand ports are in one more group, `large`. The hosts that are connected are all in this process, on one core: what
they take one after the other is in the figures, real ones take it at once.
"""

import asyncio
import contextlib
import os
import resource
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from bench.figures import Figure
from tests.database.members import Member, member
from tunbridge import log
from tunbridge.agent.central import Central
from tunbridge.agent.config import AgentConfig
from tunbridge.database.connection import Database
from tunbridge.database.transaction import Transaction
from tunbridge.dataplane.view import Key
from tunbridge.model import catalog

PORTS_PER_NETWORK, HOSTS_PER_NETWORK, LARGE = 50, 10, 2000
_TICKS = os.sysconf("SC_CLK_TCK")


def scale(size: int, connected: int, runs: int) -> Iterator[Figure]:
    """Measure with `size` hosts and networks in the database, of which `connected` hosts are there; `runs` changes."""
    with member(catalog.tables()) as made:
        yield from asyncio.run(_measure(made, size, connected, runs))


async def _measure(made: Member, size: int, connected: int, runs: int) -> list[Figure]:
    log.configure("logfmt", "error")
    database = Database(catalog.tables())
    await database.start([made.remote])
    await database.wait_ready(60)
    cloud = _Cloud(size)
    for number in range(size):
        await database.commit(lambda txn, number=number: cloud.network(txn, number))  # type: ignore[misc]
    bench = _Bench(made, database, cloud)
    named = f"{size * PORTS_PER_NETWORK} ports, {connected} hosts there"
    async with bench.hosts(connected):
        found = [
            Figure(f"all hosts load what they need at once ({named})", "s", [bench.load_s]),
            Figure("one more host loads", "ms", await bench.one_loads(min(runs, 5))),
            *await bench.told("a port more on a network of 10 hosts", bench.new_port, runs),
            *await bench.told(f"a rule more in a group of {cloud.large_size} ports", bench.new_rule, runs),
            *await bench.told(f"a member more in a group of {cloud.large_size} ports", bench.new_member, runs),
            *await bench.heartbeats(runs),
            Figure("memory of the database", "MiB", [_memory_mib(bench.pid)]),
            Figure("memory of a host's rows, and its client", "MiB", [bench.memory_mib / connected]),
        ]
    await database.close()
    return found


class _Cloud:
    """What is in the database."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.step = max(1, size // HOSTS_PER_NETWORK)
        self.networks: list[str] = []
        self.groups: list[str] = []
        self.large: str | None = None
        self.large_size = min(LARGE, size * PORTS_PER_NETWORK // 2)

    def hosts_of(self, network: int) -> list[str]:
        return [f"host{(network + n * self.step) % self.size}" for n in range(HOSTS_PER_NETWORK)]

    def network(self, txn: Transaction, number: int) -> None:
        """Write a network with its group, subnet and ports."""
        if self.large is None:
            self.large = self._group(txn, "large")
        group = self._group(txn, f"default{number}")
        columns = {"name": f"n{number}", "provider_network_type": "vxlan", "provider_segmentation_id": number + 1}
        network = txn.insert("Network", {**columns, "mtu": 1450, "admin_state_up": True})
        prefix = {"ip_version": 4, "cidr": "10.0.0.0/16", "enable_dhcp": True}
        subnet = txn.insert("Subnet", {"network_id": network, **prefix, "dns_nameservers": "[]", "host_routes": "[]"})
        self.networks.append(network)
        self.groups.append(group)
        hosts = self.hosts_of(number)
        for n in range(PORTS_PER_NETWORK):
            is_large = number * PORTS_PER_NETWORK + n < self.large_size
            self.port(txn, number, n, subnet, hosts[n % len(hosts)], (group, self.large) if is_large else (group,))

    @staticmethod
    def _group(txn: Transaction, name: str) -> str:
        group = txn.insert("Security_Group", {"name": name, "stateful": True})
        for direction in ("ingress", "egress"):
            remote = group if direction == "ingress" else None
            rule = {"direction": direction, "ethertype": "IPv4", "remote_group_id": remote}
            txn.insert("Security_Group_Rule", {"security_group_id": group, **rule})
        return group

    def port(self, txn: Transaction, number: int, n: int, subnet: str, host: str, groups: tuple[str, ...]) -> str:
        id, network = str(uuid.uuid4()), self.networks[number]
        ip = f"10.0.{n >> 8}.{n & 255}"
        address = txn.insert("Address", {"subnet": subnet, "network": network, "ip_address": ip})
        bound = {"host": host, "status": "ACTIVE", "vif_type": "ovs", "vnic_type": "normal", "profile": "{}"}
        binding = txn.insert("Port_Binding", {**bound, "port_id": id, "network_id": network, "vif_details": "{}"})
        values = {
            "network_id": network,
            "mac_address": f"fa:16:3e:{number >> 8 & 255:02x}:{number & 255:02x}:{n & 255:02x}",
            "device_id": str(uuid.uuid4()),
            "fixed_ips": f'[{{"subnet_id":"{subnet}","ip_address":"{ip}"}}]',
            "addresses": (address,),
            "bindings": (binding,),
            "security_groups": groups,
            "port_security_enabled": True,
            "admin_state_up": True,
            "allowed_address_pairs": "[]",
            "extra_dhcp_opts": "[]",
        }
        return txn.insert("Port", values, id)


class _Bench:
    """Hosts that are connected, and changes that concern some of them."""

    def __init__(self, made: Member, database: Database, cloud: _Cloud) -> None:
        assert made.process is not None
        self.pid = made.process.pid
        self._made = made
        self._database = database
        self._cloud = cloud
        self._centrals: dict[str, Central] = {}
        self._serial = PORTS_PER_NETWORK
        self.load_s = self.memory_mib = 0.0

    def _central(self, name: str) -> Central:
        config = AgentConfig(host=name, local_ip="10.0.0.1", database=[self._made.remote], report_interval=3600)
        return Central(config, log.get(), lambda: None)

    @contextlib.asynccontextmanager
    async def hosts(self, count: int) -> AsyncIterator[None]:
        """Connect hosts, all at once; those that share networks first."""
        order = sorted(range(self._cloud.size), key=lambda n: (n % self._cloud.step, n))
        before = _own_memory_mib()
        self._centrals = {f"host{n}": self._central(f"host{n}") for n in order[:count]}
        began = time.perf_counter()
        tasks = [asyncio.create_task(central.run()) for central in self._centrals.values()]
        try:
            await _until(lambda: all(c.complete and c.registered for c in self._centrals.values()))
            self.load_s = time.perf_counter() - began
            self.memory_mib = _own_memory_mib() - before
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def one_loads(self, runs: int) -> list[float]:
        found = []
        for _ in range(runs):
            central = self._central("host0")
            began = time.perf_counter()
            task = asyncio.create_task(central.run())
            await _until(lambda central=central: central.complete)  # type: ignore[misc]
            found.append((time.perf_counter() - began) * 1000)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return found

    async def told(self, what: str, change: Callable[[Transaction], tuple[Key, int]], runs: int) -> list[Figure]:
        """Time changes from when they are sent until the last host that they concern has them."""
        seconds, cpu, hosts = [], [], 0
        for _ in range(runs):
            for central in self._centrals.values():
                central.take_touched()
            began, before = time.perf_counter(), _cpu_s(self.pid)
            key, number = await self._database.commit(change)
            waiting = {name for name in self._centrals if self._concerns(name, number)}
            hosts = len(waiting)
            while waiting:
                await asyncio.sleep(0)
                waiting = {name for name in waiting if key not in self._centrals[name].take_touched()}
            seconds.append((time.perf_counter() - began) * 1000)
            cpu.append((_cpu_s(self.pid) - before) * 1000)
        named = f"{what}: until the last of {hosts} hosts has it"
        return [Figure(named, "ms", seconds), Figure("  CPU of the database", "ms", [sum(cpu) / len(cpu)])]

    def _concerns(self, name: str, number: int) -> bool:
        """Whether a change concerns a host: it has network `number`, or (-1) one with ports in the large group."""
        if number >= 0:
            return name in self._cloud.hosts_of(number)
        networks = range(-(-self._cloud.large_size // PORTS_PER_NETWORK))
        return any(name in self._cloud.hosts_of(network) for network in networks)

    def new_port(self, txn: Transaction) -> tuple[Key, int]:
        self._serial += 1
        host = next(iter(self._centrals))
        (subnet,) = txn.find("Subnet", "network_id", self._cloud.networks[0])
        return ("port", self._cloud.port(txn, 0, self._serial, subnet.id, host, (self._cloud.groups[0],))), 0

    def new_rule(self, txn: Transaction) -> tuple[Key, int]:
        large = self._cloud.large or ""
        rule = {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "normalized_cidr": "192.0.2.0/24"}
        txn.insert("Security_Group_Rule", {"security_group_id": large, **rule})
        return ("group", large), -1

    def new_member(self, txn: Transaction) -> tuple[Key, int]:
        """Put a port of a network that no host with the group has into the group."""
        self._serial += 1
        number, large = self._cloud.size - 1, self._cloud.large or ""
        (subnet,) = txn.find("Subnet", "network_id", self._cloud.networks[number])
        return ("port", self._cloud.port(txn, number, self._serial, subnet.id, "elsewhere", (large,))), -1

    async def heartbeats(self, runs: int) -> list[Figure]:
        """What a heartbeat costs the database, with all these hosts connected."""
        central = next(iter(self._centrals.values()))
        before = _cpu_s(self.pid)
        for _ in range(runs * 5):
            await central._register()
        return [Figure("a heartbeat: CPU of the database", "ms", [(_cpu_s(self.pid) - before) * 1000 / (runs * 5)])]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(600):
        while not condition():
            await asyncio.sleep(0.002)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory_mib(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _own_memory_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / (1 << 20)
