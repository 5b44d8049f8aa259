"""Many hosts on one central database, without packets: from the API's call to the flows of the last host.

1,000 hosts with 50 ports each on 1,000 networks; a network has 50 ports on 10 hosts, so a host has 10 networks. Two
thousand ports are in one more group, `large`: 400 hosts have some of them. The database and the server are real ones,
and all hosts are connected with the central part of a real agent (bench/scale_hosts.py): it asks for what the host
needs and reads it. Ten of them, those of the network that gets a port, compute their flows as well. A cloud has a
machine for each host; here all of them, the server and the database share the processors, one after the other.
"""

import asyncio
import contextlib
import itertools
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from bench.figures import Figure
from bench.hosts import cpu_seconds, memory_mb
from bench.scale_hosts import config_of
from tests.api.serving import Cloud, User, path_of, serving
from tests.database.members import Member
from tunbridge.agent.central import registration
from tunbridge.database.connection import Database
from tunbridge.database.transaction import Transaction
from tunbridge.model import catalog
from tunbridge.rules.settings import QUOTAS

PORTS_PER_NETWORK, HOSTS_PER_NETWORK, LARGE = 50, 10, 2000
PROCESSES = 2
"""Among which the hosts without flows are shared out."""
PATIENCE_S = 1800.0
_Told = dict[str, Any]


def scale(size: int, runs: int) -> Iterator[Figure]:
    """Measure with `size` hosts and networks, all of them there; `runs` changes of each kind."""
    unlimited = ", ".join(f"{kind} = -1" for kind in QUOTAS)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tbscale")))
        cloud = stack.enter_context(serving(folder, networking={"default_quotas": f"{{ {unlimited} }}"}))
        content = Content(size, cloud.user())
        asyncio.run(content.fill(cloud.database.remote))
        hosts = stack.enter_context(Hosts(content, _listening(cloud.database)).running())
        bench = _Changes(cloud, content, hosts)
        yield from bench.loading()
        yield from bench.measure("a port more on a network of 10 hosts", bench.new_port, content.hosts_of(0), runs)
        large = content.hosts_of_large()
        yield from bench.measure(f"a rule more in a group of {content.large_size}", bench.new_rule, large, runs)
        yield from bench.measure(f"a member more in a group of {content.large_size}", bench.new_member, large, runs)
        process = cloud.database.process
        assert process is not None and cloud.process is not None
        yield Figure("memory of the database", "MiB", [memory_mb(process.pid)])
        yield Figure("memory of the server", "MiB", [memory_mb(cloud.process.pid)])
        yield from bench.again("the database is killed and started", lambda: None)
        yield from bench.again("the database is restored, as another cluster", cloud.database.restore)


def _listening(database: Member) -> str:
    """Have the database listen at a TCP port too: a Unix socket refuses who comes while many wait to be accepted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database.listen = [f"--remote=ptcp:{port}:127.0.0.1"]
    database.appctl("ovsdb-server/add-remote", f"ptcp:{port}:127.0.0.1")
    return f"tcp:127.0.0.1:{port}"


class Content:
    """What is in the database: made by the API, but for the ports, of which there are too many."""

    def __init__(self, size: int, admin: User) -> None:
        self.size = size
        self.admin = admin
        self.large_size = min(LARGE, size * PORTS_PER_NETWORK // 2)
        networks = self._bulk("network", [{"name": f"n{n}"} for n in range(size)])
        prefix = {"ip_version": 4, "cidr": "10.0.0.0/16"}
        subnets = self._bulk("subnet", [{"network_id": id, **prefix} for id in networks])
        self.large, *groups = self._bulk("security_group", [{"name": f"g{n}"} for n in range(size + 1)])
        for id in (self.large, *groups):
            admin.create("security_group_rule", direction="ingress", security_group_id=id, remote_group_id=id)
        self.networks = list(zip(networks, subnets, groups, strict=True))

    def _bulk(self, resource: str, things: list[dict[str, Any]]) -> list[str]:
        """Make many by requests of a hundred; gives their ids."""
        name, ids = catalog.resource(resource).collection, []
        for first in range(0, len(things), 100):
            reply = self.admin.post(path_of(resource), {name: things[first : first + 100]})
            assert reply.status_code == 201, reply.text
            ids += [made["id"] for made in reply.json()[name]]
        return ids

    def hosts_of(self, network: int) -> set[str]:
        """The hosts that have ports of a network, by its number."""
        step = max(1, self.size // HOSTS_PER_NETWORK)
        return {f"host{(network + n * step) % self.size}" for n in range(HOSTS_PER_NETWORK)}

    def hosts_of_large(self) -> set[str]:
        """The hosts that have ports of the large group."""
        networks = range(-(-self.large_size // PORTS_PER_NETWORK))
        return set(itertools.chain.from_iterable(self.hosts_of(n) for n in networks))

    async def fill(self, remote: str) -> None:
        """Write ports, and the entries of all hosts as if they had been there before."""
        database = Database(catalog.tables())
        await database.start([remote])
        try:
            await database.wait_ready(60)
            started = registration.timestamp()
            for number in range(self.size):
                config = config_of(f"host{number}", remote)
                missing = [{"count": 0}] * len(registration.updates(config, started))
                await database._transact(registration.insertions(config, started, missing), 30)
                await database.commit(lambda txn, number=number: self._ports(txn, number))  # type: ignore[misc]
        finally:
            await database.close()

    def _ports(self, txn: Transaction, number: int) -> None:
        network, subnet, group = self.networks[number]
        hosts = sorted(self.hosts_of(number))
        for n in range(PORTS_PER_NETWORK):
            is_large = number * PORTS_PER_NETWORK + n < self.large_size
            id, ip = str(uuid.uuid4()), f"10.0.1.{n}"
            address = txn.insert("Address", {"subnet": subnet, "network": network, "ip_address": ip})
            bound = {"host": hosts[n % len(hosts)], "status": "ACTIVE", "vif_type": "ovs", "vnic_type": "normal"}
            place = {"port_id": id, "network_id": network, "vif_details": "{}", "profile": "{}"}
            values = {
                "project_id": self.admin.project_id,
                "network_id": network,
                "mac_address": f"fa:16:3e:{number >> 8 & 255:02x}:{number & 255:02x}:{n & 255:02x}",
                "device_id": str(uuid.uuid4()),
                "fixed_ips": f'[{{"subnet_id":"{subnet}","ip_address":"{ip}"}}]',
                "addresses": (address,),
                "bindings": (txn.insert("Port_Binding", bound | place),),
                "security_groups": (group, self.large) if is_large else (group,),
                "port_security_enabled": True,
                "admin_state_up": True,
                "allowed_address_pairs": "[]",
                "extra_dhcp_opts": "[]",
            }
            txn.insert("Port", values, id)


class Hosts:
    """The processes in which the hosts are, and what they tell."""

    def __init__(self, content: Content, remote: str) -> None:
        self.told: Queue[_Told] = Queue()
        """Passes of hosts."""
        self.milestones: Queue[_Told] = Queue()
        """All hosts of a process have loaded, or are connected again."""
        self._processes: list[subprocess.Popen[str]] = []
        self.engines = sorted(content.hosts_of(0))
        self._remote = remote
        others = sorted({f"host{n}" for n in range(content.size)} - set(self.engines))
        self._shares: list[tuple[list[str], list[str]]] = [([], others[n::PROCESSES]) for n in range(PROCESSES)] + [
            (self.engines, [])
        ]

    @contextlib.contextmanager
    def running(self) -> Iterator["Hosts"]:
        try:
            yield self
        finally:
            for process in self._processes:
                process.kill()
                process.wait()

    def start(self, engines: bool) -> int:
        """Start the hosts that compute flows, or the others; gives in how many processes."""
        shares = [share for share in self._shares if bool(share[0]) is engines]
        for share in shares:
            argv = [sys.executable, "-m", "bench.scale_hosts", self._remote]
            process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self._processes.append(process)
            assert process.stdin is not None
            process.stdin.write(json.dumps({"engines": share[0], "clients": share[1]}))
            process.stdin.close()
            threading.Thread(target=self._read, args=(process,), daemon=True).start()
        return len(shares)

    @property
    def processes(self) -> int:
        return len(self._processes)

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith("{"):  # a line of the agent's log: an error
                print(line, end="", file=sys.stderr)
                continue
            told = json.loads(line)
            (self.told if "host" in told else self.milestones).put(told)

    def next(self, deadline: float) -> _Told:
        """What a host tells next. Raises TimeoutError."""
        return _next(self.told, deadline)

    def all_told(self, count: int, deadline: float) -> list[_Told]:
        """What so many processes tell of all their hosts. Raises TimeoutError."""
        return [_next(self.milestones, deadline) for _ in range(count)]


def _next(queue: "Queue[_Told]", deadline: float) -> _Told:
    try:
        return queue.get(timeout=max(0.0, deadline - time.monotonic()))
    except Empty:
        raise TimeoutError("the hosts have not told what was waited for") from None


class _Changes:
    """Changes by the API, and when hosts have them."""

    def __init__(self, cloud: Cloud, content: Content, hosts: Hosts) -> None:
        self._database = cloud.database
        self._content = content
        self._hosts = hosts
        self._serial = itertools.count(1)

    @property
    def _pid(self) -> int:
        assert self._database.process is not None
        return self._database.process.pid

    def loading(self) -> Iterator[Figure]:
        """Load all hosts; those that compute flows first, and they are told of changes while the others load."""
        deadline, hosts = time.monotonic() + PATIENCE_S, self._hosts
        (first,) = hosts.all_told(hosts.start(engines=True), deadline)
        before, changes = cpu_seconds(self._pid), []
        count = hosts.start(engines=False)
        while hosts.milestones.qsize() < count and time.monotonic() < deadline:
            began = time.monotonic()
            changes.append(self._until_flows(list(self.new_port()), set(hosts.engines), began)[1])
            time.sleep(1)
        told = hosts.all_told(count, deadline)
        others = self._content.size - len(hosts.engines)
        yield Figure(f"{others} hosts load what they need, all of them at once", "s", [max(t["load_s"] for t in told)])
        yield Figure("  CPU of the database for each", "ms", [(cpu_seconds(self._pid) - before) * 1000 / others])
        yield Figure("  meanwhile: a port more, until the last of 10 hosts has computed its flows", "ms", changes)
        yield Figure("memory of a host's rows and its client", "MiB", [each["mib"] for each in told])
        yield Figure("the same, with its flows", "MiB", [first["mib"]])
        yield Figure("flows of a host", "flows", first["flows"])
        yield Figure("CPU to compute all flows of a host for the first time", "s", first["first_s"])

    def again(self, what: str, meanwhile: Callable[[], None]) -> Iterator[Figure]:
        """Kill the database, do something and start it: until all hosts are connected and have their rows."""
        self._database.kill()
        meanwhile()
        self._database.start()
        began, before = time.monotonic(), cpu_seconds(self._pid)
        told = self._hosts.all_told(self._hosts.processes, began + PATIENCE_S)
        loads = sum(each["loads"] for each in told)
        yield Figure(f"{what}: all hosts have their rows, {loads} load", "s", [max(t["again"] for t in told) - began])
        yield Figure("  CPU of the database", "s", [cpu_seconds(self._pid) - before])

    def measure(
        self, what: str, change: Callable[[], Sequence[str]], concerned: set[str], runs: int
    ) -> Iterator[Figure]:
        """Time changes from the API's call until the last host that they concern has the rows, or the flows."""
        rows, flows, computing, cpu = [], [], [], []
        for _ in range(runs):
            began, before = time.monotonic(), cpu_seconds(self._pid)
            key = list(change())
            last, computed, engines = self._until_flows(key, concerned, began)
            rows.append(last)
            flows.append(computed)
            computing += [told["cpu_ms"] for told in engines]
            cpu.append((cpu_seconds(self._pid) - before) * 1000)
            time.sleep(0.5)
        yield Figure(f"{what}: the API is called until the last of {len(concerned)} hosts has it", "ms", rows)
        yield Figure(f"{what}: until the last of {len(engines)} has computed its flows", "ms", flows)
        yield Figure("  CPU of a host's computation", "ms", computing)
        yield Figure("  CPU of the database", "ms", cpu)

    def _until_flows(self, key: list[str], concerned: set[str], began: float) -> tuple[float, float, list[_Told]]:
        """Milliseconds until the last host has a key, and until the last one that computes flows has done so."""
        waiting, found = set(concerned), []
        while waiting:
            told = self._hosts.next(began + PATIENCE_S)
            if told["host"] in waiting and key in told["keys"]:
                waiting.discard(told["host"])
                found.append(told)
        engines = [told for told in found if told["engine"]]
        last, computed = (max(told["at"] for told in some) for some in (found, engines))
        return (last - began) * 1000, (computed - began) * 1000, engines

    def new_port(self) -> tuple[str, str]:
        host = self._hosts.engines[0]
        return self._port(0, self._content.networks[0][2], **{"binding:host_id": host})

    def new_member(self) -> tuple[str, str]:
        """Put a port of a network that no host with the group has into the group."""
        return self._port(self._content.size - 1, self._content.large)

    def _port(self, network: int, group: str, **more: str) -> tuple[str, str]:
        id, subnet, _ = self._content.networks[network]
        number = next(self._serial)
        address = {"subnet_id": subnet, "ip_address": f"10.0.{2 + (number >> 8)}.{number & 255}"}
        admin = self._content.admin
        made = admin.create("port", network_id=id, fixed_ips=[address], security_groups=[group], **more)
        return "port", str(made["id"])

    def new_rule(self) -> tuple[str, str]:
        large = self._content.large
        prefix = f"192.0.{next(self._serial) % 256}.0/24"
        rule = {"direction": "ingress", "protocol": "tcp", "remote_ip_prefix": prefix}
        self._content.admin.create("security_group_rule", security_group_id=large, **rule)
        return "group", large
