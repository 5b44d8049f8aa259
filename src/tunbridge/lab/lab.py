"""A whole lab on this machine: hosts, the underlay that joins them, and the physical networks outside.

    root namespace        nothing, but the lab's folder /run/tunbridge/lab/<lab>
    tb-<lab>.underlay     a switch that carries the tunnels
    tb-<lab>.outside      a switch for each physical network, with an address to ping
    tb-<lab>.<host>       one for each host (host.py)
    root namespace        the Networking API on loopback, for a lab with a server (server.py)

`up` makes what is missing, so a second one mends; it works under a lock, and whatever it was doing when it was killed,
`down` finds all of it by the names of the namespaces and the mark of the processes (namespaces.py).

For tests and programs:

    lab = Lab("mine")
    lab.up(plan, lambda part, what: None)     a LabPlan of plan.py; agents=False: Open vSwitch runs, no agent
    lab.host("compute0").vsctl("show")        see host.py
    lab.down()
"""

import contextlib
import ipaddress
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NoReturn

import msgspec
from msgspec import Struct

from tunbridge import files
from tunbridge.lab import namespaces, qemu_machine
from tunbridge.lab.host import Host
from tunbridge.lab.machine import NamespaceMachine
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import (
    LAB_NAME_FORM,
    UNDERLAY_DEVICE,
    HostPlan,
    LabPlan,
    agent_config,
    is_lab_name,
    outside_address,
)
from tunbridge.lab.server import LabServer

ROOT = Path("/run/tunbridge/lab")
DEFAULT = "default"
UNDERLAY_SWITCH = "underlay"
OUTSIDE = "outside"
"""The namespace with a switch for each physical network, and an address in it."""
AGENT_PATHS: dict[str, str] = {}
"""A host's files are where the agent looks for them on any host."""
AGENT_TOML = "/etc/tunbridge/agent.toml"

Progress = Callable[[str, str], None]
"""Called with a host's (or part's) name and what is being done with it."""


class Datapath(Struct, frozen=True):
    """Which datapath the hosts use, and why: "system" is the kernel's, "netdev" the one in vswitchd's own process."""

    type: str
    why: str

    @property
    def configured(self) -> str | None:
        """What the agent is told: nothing for the kernel's, which is Open vSwitch's default."""
        return None if self.type == "system" else self.type


class State(Struct, frozen=True, kw_only=True):
    """What lab.json holds. `kind` is the kind of machine that the hosts are made of."""

    kind: str = "namespace"
    plan: LabPlan
    datapath: Datapath


class HostStatus(Struct, frozen=True, kw_only=True):
    """What `lab inspect` tells of a host. The daemons are process ids, null when one does not run."""

    name: str
    local_ip: str
    folder: str
    ovsdb_server: int | None
    ovs_vswitchd: int | None
    agent: int | None
    providers: dict[str, str]
    problem: str | None = None
    """Why the host itself does not run: of a kernel that ended, the end of its console."""

    @property
    def running(self) -> bool:
        """Whether all its daemons run."""
        return None not in (self.ovsdb_server, self.ovs_vswitchd, self.agent)


class ServerStatus(Struct, frozen=True, kw_only=True):
    """What `lab inspect` tells of the lab's server. `pid` is null when it does not run."""

    url: str
    pid: int | None
    clouds_yaml: str


class LabStatus(Struct, frozen=True, kw_only=True):
    """What `lab inspect` tells. `outside`: physical network -> address of the outside, null when it has none."""

    name: str
    kind: str
    datapath: Datapath
    hosts: list[HostStatus]
    outside: dict[str, str | None]
    server: ServerStatus | None = None

    @property
    def running(self) -> bool:
        """Whether every daemon of every host runs, and the server if there is one."""
        return all(h.running for h in self.hosts) and (self.server is None or self.server.pid is not None)


class LabSummary(Struct, frozen=True, kw_only=True):
    """What `lab list` tells of a lab. `datapath` and `server`: null where unknown or without one."""

    name: str
    state: str
    """`running`, `partly running`, `stopped`, or `incomplete`: made or removed by half."""
    hosts: list[str] = []
    datapath: str | None = None
    server: str | None = None
    problem: str | None = None
    """Why it is incomplete."""


def choose_datapath() -> Datapath:
    """Take the kernel's datapath where its module is, else the userspace one."""
    if Path("/sys/module/openvswitch").is_dir():
        return Datapath("system", "the kernel has its openvswitch module loaded")
    if shutil.which("modprobe") and namespaces.run("modprobe", "openvswitch", check=False).returncode == 0:
        return Datapath("system", "the kernel's openvswitch module could be loaded")
    return Datapath("netdev", "this kernel has no openvswitch module, so packets are switched in userspace")


def choose_kind() -> tuple[str, str]:
    """Give the kind of machine with which hosts have the kernel's datapath if they can, and why."""
    datapath = choose_datapath()
    if datapath.type == "system":
        return "namespace", datapath.why
    reason = qemu_machine.why_not()
    if reason is None:
        return "vm", "this kernel has no openvswitch module, and QEMU is installed"
    return "namespace", f"{datapath.why}; {reason}"


_KINDS = {"namespace": "namespaces", "vm": "kernels of their own"}


class Lab:
    """One lab by its name. Nothing is made or read before a method asks for it."""

    def __init__(self, name: str = DEFAULT) -> None:
        if not is_lab_name(name):  # it becomes part of paths that `down` removes
            raise LabError(f"{name!r} is not a lab's name: {LAB_NAME_FORM}")
        self.name = name
        self.folder = ROOT / name
        self.option = "" if name == DEFAULT else f" --name {name}"
        self.source = "lab:" if name == DEFAULT else f"lab:{name}"
        """What a command line about this lab has besides."""

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep others from changing this lab at the same time. Raises LabError when somebody does."""
        import fcntl  # not on every platform where hosts can be drawn

        path = ROOT / f".{self.name}.lock"
        with _open_anew(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(file.fileno()).st_ino != path.stat().st_ino:
                    raise FileNotFoundError(path)
            except (BlockingIOError, FileNotFoundError):  # held, or its last holder has just taken it away
                raise LabError(f"lab {self.name}: another `tunbridge lab` is changing it now; try again then") from None
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    # Making

    def up(self, plan: LabPlan, progress: Progress, agents: bool = True, kind: str | None = None) -> None:
        """Make the lab, or what is missing of it. Raises LabError, also when it is there with another plan or kind.

        `kind` is what hosts are made of: "namespace", or "vm" for kernels of their own; None: what it has, else the
        first.
        """
        namespaces.require("ip", "nsenter", "unshare", "ethtool", "ovs-vsctl", "ovsdb-server", "ovs-vswitchd")
        with self.lock():
            state = self._begin(plan, kind, progress)
            server = self._server(state.plan)
            if server is not None:
                server.prepare()
            self._networks(state, progress)
            self._machines(state.plan, progress)
            for number, (host, planned) in enumerate(zip(self.hosts(), state.plan.hosts, strict=True)):
                self._host(state.plan, number, host, planned, progress)
            if server is not None:
                self._serve(server, progress)
            if agents:
                self._agents(state, progress)

    def _server(self, plan: LabPlan) -> LabServer | None:
        if plan.server is None:
            return None
        first = plan.hosts[0]
        version = ipaddress.ip_address(first.local_ip).version
        return LabServer(self.name, self.folder / "server", plan.server, first.tunnel_types, version, plan.preview)

    @property
    def server(self) -> LabServer | None:
        """Give the lab's server, None where it has none. Raises LabError when there is no such lab."""
        return self._server(self.state().plan)

    def _serve(self, server: LabServer, progress: Progress) -> None:
        if server.pid() is not None:
            progress("server", "runs already")
            return
        progress("server", "starting the Networking API")
        progress("server", f"{server.url} answers after {server.start():.1f} s")

    def _begin(self, plan: LabPlan, kind: str | None, progress: Progress) -> State:
        """Write lab.json, or find it with the same plan."""
        state = self._state()
        if state is not None:
            if kind is not None and state.kind != kind:
                raise LabError(
                    f"lab {self.name} is there, and its hosts are {_KINDS[state.kind]}, not {_KINDS[kind]};"
                    f" `tunbridge lab down{self.option}` removes it, or take another --name"
                )
            if state.plan != plan:
                raise LabError(
                    f"lab {self.name} is there with other hosts ({', '.join(h.name for h in state.plan.hosts)});"
                    f" `tunbridge lab down{self.option}` removes it, or take another --name"
                )
            return state
        datapath = choose_datapath()
        if kind == "vm":
            _, how = qemu_machine.prepare(lambda what: progress("kernel", what))
            datapath = Datapath("system", f"each host is a kernel of its own ({how.why})")
        self._remove()  # what a killed run left
        self.folder.mkdir(parents=True)
        state = State(kind=kind or "namespace", plan=plan, datapath=datapath)
        text = msgspec.json.format(msgspec.json.encode(state), indent=2)
        files.write_whole(self.folder / "lab.json", text, mode=0o644)
        return state

    def _networks(self, state: State, progress: Progress) -> None:
        networks = state.plan.physical_networks
        there = namespaces.names(self.name)
        if self.underlay not in there:
            progress("underlay", "laying the network that carries the tunnels")
        if self.outside not in there:
            progress("outside", f"physical networks: {', '.join(networks) or 'none'}")
        namespaces.add(self.underlay)
        namespaces.bridge(self.underlay, UNDERLAY_SWITCH)
        namespaces.add(self.outside)
        # Else an address of one physical network would answer on all of them (ip-sysctl, arp_ignore).
        namespaces.set_ipv4(self.outside, "conf/all/arp_ignore", 1)
        for number, network in enumerate(networks):
            namespaces.bridge(self.outside, switch_of(number), outside_address(number), alias=network)

    @property
    def underlay(self) -> str:
        """Name of the namespace with the switch that joins the hosts."""
        return namespaces.namespace(self.name, "underlay")

    @property
    def outside(self) -> str:
        """Name of the namespace with the physical networks."""
        return namespaces.namespace(self.name, OUTSIDE)

    def enter_outside(self, *argv: str) -> NoReturn:
        """Become a command on the machine outside. Raises LabError."""
        namespaces.require()
        self.state()
        line = ["ip", "netns", "exec", self.outside, *argv]
        os.execvp(line[0], line)  # noqa: S606 - no shell on purpose

    def _machines(self, plan: LabPlan, progress: Progress) -> None:
        """Make the machines that do not run, side by side: kernels take a while to boot."""
        missing = [host for host in self.hosts() if not host.machine.is_running()]
        for host in missing:
            host.folder.mkdir(parents=True, exist_ok=True)
            # Before the host is made: a kernel of its own remembers a file's size as it was when first looked at.
            (host.folder / "hosts").write_text(_hosts_file(plan), encoding="utf-8")
            progress(host.name, "making the host")
        with ThreadPoolExecutor(max(1, len(missing))) as pool:
            for made in [pool.submit(host.machine.create) for host in missing]:
                made.result()

    def _host(self, plan: LabPlan, number: int, host: Host, planned: HostPlan, progress: Progress) -> None:
        """Give one host its NICs and its Open vSwitch, or what is missing of it."""
        new = host.attach(UNDERLAY_DEVICE, self.underlay, UNDERLAY_SWITCH, f"h{number}")
        for network, provider in planned.providers.items():
            switch = plan.physical_networks.index(network)
            for nic_number, nic in enumerate(provider.nics):
                # Two wires between one bridge and one switch would be a loop: the second NIC leads to nothing.
                end = switch_of(switch) if nic_number == 0 else None
                new |= host.attach(nic, self.outside, end, f"h{number}n{switch}-{nic_number}")
        if new:  # a userspace datapath that runs still holds the device that had this name before
            host.kill("ovs-vswitchd", signal.SIGTERM)
        started = host.start_ovs()
        if "ovs-vswitchd" not in started:
            host.plug_underlay()
        progress(host.name, f"started {' and '.join(started)}" if started else "Open vSwitch runs already")

    def _agents(self, state: State, progress: Progress) -> None:
        """Start the agents that do not run, side by side, and wait until every host is wired."""
        with contextlib.ExitStack() as stack:
            started = []
            for host, planned in zip(self.hosts(), state.plan.hosts, strict=True):
                if host.pid("agent") is not None:
                    progress(host.name, "the agent runs already")
                    continue
                progress(host.name, "starting the agent")
                host.configure_agent(agent_config(state.plan, planned, AGENT_PATHS, state.datapath.configured))
                started.append(stack.enter_context(host.launch_agent(agent_command())))
            for agent in started:
                progress(agent.host.name, f"wired in {agent.wait():.1f} s")

    # Reading

    def _state(self) -> State | None:
        try:
            text = (self.folder / "lab.json").read_bytes()
        except FileNotFoundError:
            return None
        except OSError as e:
            raise LabError(f"{e.filename}: cannot be read: {e.strerror}") from e
        try:
            return msgspec.json.decode(text, type=State)
        except msgspec.DecodeError as e:
            raise LabError(
                f"{self.folder}/lab.json: not what `lab up` writes: {e}; `tunbridge lab down{self.option}` removes it"
            ) from e

    def state(self) -> State:
        """Give plan and datapath. Raises LabError when there is no such lab."""
        state = self._state()
        if state is not None:
            return state
        if self.exists():
            raise LabError(f"lab {self.name} is only half there; `tunbridge lab down{self.option}` removes it")
        known = ", ".join(all_labs()) or "none"
        raise LabError(f"there is no lab {self.name!r} (there are: {known}); `tunbridge lab up` makes one")

    def hosts(self) -> list[Host]:
        """Give all hosts. Raises LabError, also for others than root: they cannot see what runs in a host."""
        namespaces.require()
        state = self.state()
        machine = qemu_machine.QemuMachine if state.kind == "vm" else NamespaceMachine
        return [
            Host(
                machine(self.name, planned.name, self.folder / planned.name),
                state.datapath.configured,
                f"{planned.local_ip}/{state.plan.prefix_length}",
            )
            for planned in state.plan.hosts
        ]

    def host(self, name: str) -> Host:
        """Give one host by name. Raises LabError."""
        hosts = {h.name: h for h in self.hosts()}
        if name not in hosts:
            raise LabError(f"lab {self.name} has no host {name!r}; it has {', '.join(hosts)}")
        return hosts[name]

    def inspect(self) -> LabStatus:
        """Tell what the lab is made of and what runs. Raises LabError."""
        state = self.state()
        hosts = zip(self.hosts(), state.plan.hosts, strict=True)
        server = self._server(state.plan)
        return LabStatus(
            name=self.name,
            kind=state.kind,
            datapath=state.datapath,
            hosts=[_status(host, planned) for host, planned in hosts],
            outside={network: outside_address(i) for i, network in enumerate(state.plan.physical_networks)},
            server=None
            if server is None
            else ServerStatus(url=server.url, pid=server.pid(), clouds_yaml=str(server.clouds_yaml)),
        )

    # Removing

    def exists(self) -> bool:
        """Say whether there is any trace of it."""
        return self.folder.exists() or bool(namespaces.names(self.name))

    def down(self) -> bool:
        """Remove every trace. False when there was none. Raises LabError."""
        namespaces.require("ip")
        with self.lock():
            there = self._remove()
        with contextlib.suppress(OSError):  # another lab's folder is still in them
            ROOT.rmdir()
            ROOT.parent.rmdir()
        return there

    def _remove(self) -> bool:
        remaining = namespaces.names(self.name)
        there = self.exists() or bool(namespaces.processes(remaining, self.name))
        namespaces.remove(remaining, self.name)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            raise LabError(f"{self.folder}: cannot be removed; look what is in it, and try again")
        return there


def _open_anew(path: Path) -> IO[str]:
    """Open a lock file for writing, also when `down` of another lab removes its empty folder at this moment."""
    for _ in range(10):
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            return path.open("w")
    raise LabError(f"{path}: its folder is removed again and again")


def _hosts_file(plan: LabPlan) -> str:
    """Give /etc/hosts: the lab's hosts by name, so that `ping network0` works."""
    own = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
    return "\n".join(own + [f"{h.local_ip} {h.name}" for h in plan.hosts]) + "\n"


def _status(host: Host, planned: HostPlan) -> HostStatus:
    return HostStatus(
        name=host.name,
        local_ip=planned.local_ip,
        folder=str(host.folder),
        ovsdb_server=host.pid("ovsdb-server"),
        ovs_vswitchd=host.pid("ovs-vswitchd"),
        agent=host.pid("agent"),
        providers={n: f"{p.bridge} ({', '.join(p.nics) or 'no NIC'})" for n, p in planned.providers.items()},
        problem=host.machine.problem(),
    )


def switch_of(number: int) -> str:
    """Name the switch in `outside` that is the physical network of this number."""
    return f"phys{number}"


def agent_command() -> list[str]:
    """Give the command line of a lab's agent: this very program."""
    return [sys.executable, "-m", "tunbridge", "agent", "--config", AGENT_TOML]


def all_labs() -> list[str]:
    """Name the labs of this machine, also half-made and half-removed ones."""
    found = {p.name for p in ROOT.iterdir() if p.is_dir()} if ROOT.is_dir() else set()
    return sorted(name for name in found | namespaces.labs() if is_lab_name(name))


def summaries() -> list[LabSummary]:
    """Tell of each lab of this machine. Raises LabError for others than root."""
    namespaces.require()
    found = []
    for lab in map(Lab, all_labs()):
        try:
            found.append(_summary(lab.inspect()))
        except LabError as e:
            if lab.exists():  # else it was removed meanwhile
                found.append(LabSummary(name=lab.name, state="incomplete", problem=str(e)))
    return found


def _summary(status: LabStatus) -> LabSummary:
    pids = [pid for h in status.hosts for pid in (h.ovsdb_server, h.ovs_vswitchd, h.agent)]
    pids += [status.server.pid] if status.server is not None else []
    return LabSummary(
        name=status.name,
        state="running" if status.running else "partly running" if any(pids) else "stopped",
        hosts=[h.name for h in status.hosts],
        datapath=status.datapath.type,
        server=None if status.server is None else status.server.url,
    )
