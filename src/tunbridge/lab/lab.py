"""A whole lab on this machine: hosts, the underlay that joins them, and the physical networks outside.

    root namespace        nothing, but the lab's folder /run/tunbridge/lab/<lab>
    tb-<lab>-underlay     a switch that carries the tunnels
    tb-<lab>-outside      a switch for each physical network, with an address to ping
    tb-<lab>-<host>       one for each host (host.py)

`up` makes what is missing, so a second one mends; it works under a lock, and whatever it was doing when it was killed,
`down` finds all of it by the names of the namespaces.
"""

import contextlib
import fcntl
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from tunbridge.lab import namespaces
from tunbridge.lab.host import UNDERLAY_DEVICE, Host
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import LabPlan, agent_config

ROOT = Path("/run/tunbridge/lab")
DEFAULT = "default"
OUTSIDE_ADDRESSES = ("203.0.113.1/24", "198.51.100.1/24", "192.0.2.1/24")
"""Addresses of the switches outside, for the first three physical networks (RFC 5737)."""
UNDERLAY_SWITCH = "underlay"
AGENT_PATHS = {"state_dir": "/run/tunbridge/state"}
AGENT_TOML = "/run/tunbridge/agent.toml"

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
    """What lab.json holds."""

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


class LabStatus(Struct, frozen=True, kw_only=True):
    """What `lab inspect` tells."""

    name: str
    datapath: Datapath
    hosts: list[HostStatus]

    @property
    def running(self) -> bool:
        """Whether every daemon of every host runs."""
        return all(h.ovsdb_server and h.ovs_vswitchd and h.agent for h in self.hosts)


def choose_datapath() -> Datapath:
    """Take the kernel's datapath where its module is, else the userspace one."""
    if Path("/sys/module/openvswitch").is_dir():
        return Datapath("system", "the kernel has its openvswitch module loaded")
    if shutil.which("modprobe") and namespaces.run("modprobe", "openvswitch", check=False).returncode == 0:
        return Datapath("system", "the kernel's openvswitch module could be loaded")
    return Datapath("netdev", "this kernel has no openvswitch module, so packets are switched in userspace")


class Lab:
    """One lab by its name. Nothing is made or read before a method asks for it."""

    def __init__(self, name: str = DEFAULT) -> None:
        self.name = name
        self.folder = ROOT / name

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep others from changing this lab at the same time. Raises LabError when somebody does."""
        ROOT.mkdir(parents=True, exist_ok=True)
        path = ROOT / f".{self.name}.lock"
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LabError(f"lab {self.name}: another `tunbridge lab` is changing it now; try again then") from None
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    # Making

    def up(self, plan: LabPlan, progress: Progress, agents: bool = True) -> None:
        """Make the lab, or what is missing of it. Raises LabError, also when it is there with another plan."""
        namespaces.require("ip", "nsenter", "unshare", "ethtool", "ovs-vsctl", "ovsdb-server", "ovs-vswitchd")
        with self.lock():
            state = self._begin(plan)
            self._networks(state, progress)
            for host, planned in zip(self.hosts(), state.plan.hosts, strict=True):
                progress(host.name, "starting Open vSwitch")
                self._host(state.plan, host)
                address = f"{planned.local_ip}/{state.plan.prefix_length}"
                host.plug_underlay(address)
            if agents:
                self._agents(state, progress)

    def _begin(self, plan: LabPlan) -> State:
        """Write lab.json, or find it with the same plan."""
        state = self._state()
        if state is not None:
            if state.plan != plan:
                raise LabError(
                    f"lab {self.name} is there with other hosts; `tunbridge lab down --name {self.name}` removes it,"
                    " or take another --name"
                )
            return state
        if namespaces.names(self.name):
            self._remove()  # what a killed run left
        self.folder.mkdir(parents=True, exist_ok=True)
        state = State(plan=plan, datapath=choose_datapath())
        new = self.folder / "lab.json.new"
        new.write_bytes(msgspec.json.format(msgspec.json.encode(state), indent=2))
        new.rename(self.folder / "lab.json")
        return state

    def _networks(self, state: State, progress: Progress) -> None:
        there = namespaces.names(self.name)
        underlay, outside = self._underlay, self._outside
        if underlay not in there:
            progress("underlay", "laying the network that carries the tunnels")
            namespaces.add(underlay)
            namespaces.bridge(underlay, UNDERLAY_SWITCH)
        if outside not in there:
            progress("outside", f"physical networks: {', '.join(state.plan.physical_networks) or 'none'}")
            namespaces.add(outside)
            for number, network in enumerate(state.plan.physical_networks):
                address = OUTSIDE_ADDRESSES[number] if number < len(OUTSIDE_ADDRESSES) else None
                namespaces.bridge(outside, _switch(number), address)
                namespaces.run("ip", "-n", outside, "link", "set", _switch(number), "alias", network)

    @property
    def _underlay(self) -> str:
        return namespaces.namespace(self.name, "underlay")

    @property
    def _outside(self) -> str:
        return namespaces.namespace(self.name, "outside")

    def _host(self, plan: LabPlan, host: Host) -> None:
        """Make one host with its NICs and its Open vSwitch, or start what does not run of it."""
        number = [h.name for h in plan.hosts].index(host.name)
        if host.holder() is None:
            if host.namespace in namespaces.names(self.name):
                namespaces.remove([host.namespace])
            host.create()
            host.attach(UNDERLAY_DEVICE, self._underlay, UNDERLAY_SWITCH, f"h{number}")
            for network, provider in plan.hosts[number].providers.items():
                switch = plan.physical_networks.index(network)
                for nic_number, nic in enumerate(provider.nics):
                    host.attach(nic, self._outside, _switch(switch), f"h{number}n{switch}-{nic_number}")
        host.start_ovs()

    def _agents(self, state: State, progress: Progress) -> None:
        for host, planned in zip(self.hosts(), state.plan.hosts, strict=True):
            if host.pid("agent") is None:
                progress(host.name, "starting the agent")
                config = agent_config(state.plan, planned, AGENT_PATHS, state.datapath.configured)
                host.configure_agent(config)
                took = host.start_agent(agent_command())
                progress(host.name, f"wired in {took:.1f} s")
            else:
                progress(host.name, "runs already")

    # Reading

    def _state(self) -> State | None:
        try:
            text = (self.folder / "lab.json").read_bytes()
        except FileNotFoundError:
            return None
        try:
            return msgspec.json.decode(text, type=State)
        except msgspec.DecodeError as e:
            raise LabError(f"{self.folder}/lab.json: not what `lab up` writes: {e}; `tunbridge lab down` helps") from e

    def state(self) -> State:
        """Give plan and datapath. Raises LabError when there is no such lab."""
        state = self._state()
        if state is None:
            known = ", ".join(all_labs()) or "none"
            raise LabError(f"there is no lab {self.name!r} (there are: {known}); `tunbridge lab up` makes one")
        return state

    def hosts(self) -> list[Host]:
        """Give all hosts."""
        state = self.state()
        return [Host(self.name, h.name, self.folder / h.name, state.datapath.configured) for h in state.plan.hosts]

    def host(self, name: str) -> Host:
        """Give one host by name. Raises LabError."""
        hosts = {h.name: h for h in self.hosts()}
        if name not in hosts:
            raise LabError(f"lab {self.name} has no host {name!r}; it has {', '.join(hosts)}")
        return hosts[name]

    def inspect(self) -> LabStatus:
        """Tell what the lab is made of and what runs. Raises LabError."""
        state = self.state()
        statuses = [
            HostStatus(
                name=h.name,
                local_ip=planned.local_ip,
                folder=str(h.folder),
                ovsdb_server=h.pid("ovsdb-server"),
                ovs_vswitchd=h.pid("ovs-vswitchd"),
                agent=h.pid("agent"),
                providers={n: f"{p.bridge} ({', '.join(p.nics)})" for n, p in planned.providers.items()},
            )
            for h, planned in zip(self.hosts(), state.plan.hosts, strict=True)
        ]
        return LabStatus(name=self.name, datapath=state.datapath, hosts=statuses)

    # Removing

    def down(self) -> bool:
        """Remove every trace. False when there was none. Raises LabError."""
        namespaces.require("ip")
        with self.lock():
            there = self.folder.exists() or bool(namespaces.names(self.name))
            self._remove()
        with contextlib.suppress(OSError):  # another lab's folder is still in them
            ROOT.rmdir()
            ROOT.parent.rmdir()
        return there

    def _remove(self) -> None:
        namespaces.remove(namespaces.names(self.name))
        shutil.rmtree(self.folder, ignore_errors=True)


def _switch(number: int) -> str:
    return f"phys{number}"


def agent_command() -> list[str]:
    """Give the command line of a lab's agent: this very program."""
    return [sys.executable, "-m", "tunbridge", "agent", "--config", AGENT_TOML]


def all_labs() -> list[str]:
    """Name the labs of this machine, also half-made and half-removed ones."""
    found = {p.name for p in ROOT.iterdir() if p.is_dir()} if ROOT.is_dir() else set()
    for name in namespaces.names():
        parts = name.removeprefix(namespaces.PREFIX).rsplit("-", 1)
        if parts[-1] == "underlay":
            found.add(parts[0])
    return sorted(found)
