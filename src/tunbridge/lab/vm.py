"""VMs of a lab: network namespaces on its hosts with real DHCP clients, plugged in as a hypervisor plugs a VM in.

    lab vm add NAME        the port is made by the lab's server (or is there), the namespace by the host's `ip netns`,
                           the veth pair and the interface of br-int by openvswitch/plugging.py
    on the host            the namespace with its DHCP clients: guest.py, or a machine under QEMU: qemu_guest.py
    <lab>/vms/NAME.json    what it is (`Vm`), so that `list` and `rm` need no API

The host's agent finds the interface by its `iface-id`, claims the port, wires it, and reports it ACTIVE. All of a VM is
made by commands that run in its host (host.py), so it does not matter what the host is made of; `lab down` removes it
with the host.
"""

import re
import sys
import time
from pathlib import Path
from typing import Any, NoReturn, Protocol

import msgspec
from msgspec import Struct

from tunbridge.agent.status import document
from tunbridge.cloud import Cloud, CloudError, connect
from tunbridge.lab.guest import Guest, NamespaceGuest, Vm
from tunbridge.lab.host import Host
from tunbridge.lab.lab import AGENT_TOML, Lab
from tunbridge.lab.namespaces import LabError
from tunbridge.openvswitch import plugging

NAME_FORM = "1 to 20 of a-z, 0-9 and -, beginning with a letter and not ending with -"
WAIT_S = 60.0
START_S = 5.0
"""Until QEMU has written down its process."""
ERROR_S = 3.0
"""For how long a port is in ERROR before that is taken to stay so: a new device may have no OpenFlow port yet."""
QEMU_WAIT_S = 300.0
"""For a machine that may be emulated, beside others that are."""
CLOUD = "tunbridge"
OWNER = "compute:tunbridge-lab"
_POLL_S = 0.1
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?")


class VmStatus(Struct, frozen=True, kw_only=True):
    """What `lab vm list` tells. `state`: the port's status in the API; `stopped` when it does not run, `unknown` else.

    `addresses`: those on its device now, not what the API promises; link-local ones are left out.
    """

    name: str
    host: str
    port_id: str
    network: str
    mac: str
    addresses: list[str]
    state: str


class Wish(Struct, frozen=True, kw_only=True):
    """What `lab vm add` asks for. Names or ids; with `port` that port is taken as it is."""

    name: str
    host: str
    network: str | None = None
    port: str | None = None
    security_groups: tuple[str, ...] = ()
    fixed_ips: tuple[str, ...] = ()
    qemu: bool = False
    """A machine of its own under QEMU, and not a namespace."""


class Progress(Protocol):
    """Told what is being done."""

    def __call__(self, what: str, /) -> None: ...


class Vms:
    """The VMs of one lab. All of it raises LabError or CloudError."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.folder = lab.folder / "vms"

    # Making and removing

    def add(self, wish: Wish, progress: Progress, wait: bool = True) -> Vm:
        """Make a VM; with `wait` it has its addresses and its port is ACTIVE when this returns."""
        _check(wish)
        host = self.lab.host(wish.host)
        with self._cloud() as cloud:
            with self.lab.lock():
                if self._file(wish.name).exists():
                    raise LabError(f"lab {self.lab.name} has a VM {wish.name!r} already")
                vm, port = self._make(wish, host, cloud, progress)
            if wait:
                self._wait(vm, port, host, cloud, progress)
        return vm

    def run(self, name: str, *argv: str) -> str:
        """Run a command in a VM to its end, and give what it prints. Raises LabError when it fails."""
        vm = self.get(name)
        return guest_of(vm, self.lab.host(vm.host)).run(*argv).stdout

    def _make(self, wish: Wish, host: Host, cloud: Cloud, progress: Progress) -> tuple[Vm, dict[str, Any]]:
        port, network = _port(wish, cloud, progress)
        name = network["name"] or network["id"]
        vm = Vm(
            name=wish.name, host=wish.host, port_id=port["id"], network=name, mac=port["mac_address"],
            owned=wish.port is None, qemu=wish.qemu,
        )  # fmt: skip
        guest = guest_of(vm, host)
        try:
            self._save(vm)
            progress(f"plugging port {port['id']} into {wish.host}")
            guest.prepare()
            plugging.plug(host.run, guest.device(network["mtu"], port["device_id"] or vm.port_id))
            guest.start(any(":" in f["ip_address"] for f in port["fixed_ips"]))
        except BaseException:
            self._remove(vm, host, cloud)
            raise
        return vm, port

    def _wait(self, vm: Vm, port: dict[str, Any], host: Host, cloud: Cloud, progress: Progress) -> None:
        """Wait until it has the addresses that it asks for by DHCP, and its port is ACTIVE."""
        expected = _expected(port, cloud, vm)
        guest = guest_of(vm, host)
        began = time.monotonic()
        wrong_since: float | None = None
        while True:
            state = cloud.get(f"ports/{vm.port_id}")["port"]["status"]
            missing = expected - set(guest.addresses())
            if state == "ACTIVE" and not missing:
                progress(f"port ACTIVE, {', '.join(sorted(expected)) or 'no address'} after {_since(began):.1f} s")
                return
            reason = _reason(vm, host, state) if state == "ERROR" else None
            wrong_since = None if reason is None else wrong_since or time.monotonic()
            if wrong_since is not None and _since(wrong_since) > ERROR_S:
                raise LabError(
                    f"VM {vm.name}: port {vm.port_id} is ERROR on {vm.host}: {reason}. The VM stays as it is; its port"
                    " becomes ACTIVE by itself once that is put right"
                )
            if vm.qemu and guest.pid() is None and _since(began) > START_S:
                raise LabError(f"VM {vm.name}: QEMU has ended; look at {host.folder}/log/vm-{vm.name}.log")
            if _since(began) > (QEMU_WAIT_S if vm.qemu else WAIT_S):
                raise self._late(vm, host, state, missing, _since(began))
            if reason is not None:
                progress(f"port {state}: {reason}")
            else:
                progress(f"port {state}; waiting for {', '.join(sorted(missing)) or 'ACTIVE'}")
            time.sleep(_POLL_S)

    def _late(self, vm: Vm, host: Host, state: str, missing: set[str], seconds: float) -> LabError:
        reason = f" ({found})" if state != "ACTIVE" and (found := _reason(vm, host, state)) else ""
        lacking = f"; {vm.name} has not got {', '.join(sorted(missing))}" if missing else ""
        shell = f"tunbridge lab shell{self.lab.option} {vm.host}"
        return LabError(
            f"VM {vm.name}: after {seconds:.0f} s port {vm.port_id} is {state}{reason}{lacking}. It stays as it is;"
            f" look at `tunbridge host status` and {vm.folder}/*.log in `{shell}`"
        )

    def remove(self, name: str, progress: Progress) -> None:
        """Remove a VM, and its port if that was made for it."""
        vm = self.get(name)
        host = self.lab.host(vm.host)
        with self.lab.lock():
            progress(f"removing it from {vm.host}")
            try:
                cloud: Cloud | None = self._cloud()
            except (CloudError, LabError) as e:
                progress(f"its port stays in the API: {e}")
                cloud = None
            self._remove(vm, host, cloud)

    def _remove(self, vm: Vm, host: Host, cloud: Cloud | None) -> None:
        if host.machine.is_running():
            guest_of(vm, host).stop()
        if cloud is not None and vm.owned:
            cloud.delete("ports", vm.port_id)
        self._file(vm.name).unlink(missing_ok=True)

    # Reading

    def get(self, name: str) -> Vm:
        """One VM. Raises LabError when there is none of that name."""
        found = {vm.name: vm for vm in self.all()}
        if name not in found:
            known = f"it has {', '.join(found)}" if found else f"`tunbridge lab vm add{self.lab.option}` makes one"
            raise LabError(f"lab {self.lab.name} has no VM {name!r}; {known}")
        return found[name]

    def all(self) -> list[Vm]:
        """Every VM, by name. Raises LabError when there is no such lab."""
        self.lab.state()
        return [_read(path) for path in sorted(self.folder.glob("*.json"))]

    def statuses(self) -> list[VmStatus]:
        """Every VM as it is now; ports' states are unknown while the API cannot be reached."""
        vms = self.all()
        states = self._port_states() if vms else {}
        hosts = {h.name: h for h in self.lab.hosts()}
        return [_status(vm, hosts[vm.host], states.get(vm.port_id, "unknown")) for vm in vms]

    def _port_states(self) -> dict[str, str]:
        try:
            with self._cloud() as cloud:
                return {p["id"]: p["status"] for p in cloud.list("ports")}
        except (CloudError, LabError):
            return {}

    def enter(self, name: str, *argv: str, **environ: str) -> NoReturn:
        """Become a command inside a VM: its end is this process's end."""
        vm = self.get(name)
        guest_of(vm, self.lab.host(vm.host)).enter(*argv, **environ)

    def shell(self, name: str) -> NoReturn:
        """Become a shell inside a VM."""
        vm = self.get(name)
        guest_of(vm, self.lab.host(vm.host)).shell()

    # Files and API

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _save(self, vm: Vm) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file(vm.name).write_bytes(msgspec.json.encode(vm))

    def environ(self) -> dict[str, str]:
        """Give the variables by which the lab's cloud is found. Raises LabError when it has none that runs."""
        server = self.lab.server
        if server is None:
            raise LabError(f"lab {self.lab.name} has no server, which VMs need; `tunbridge lab up --server` makes one")
        if server.pid() is None:
            raise LabError(f"lab {self.lab.name}: its server does not run; `tunbridge lab up` starts it")
        return {"OS_CLIENT_CONFIG_FILE": str(server.clouds_yaml)}

    def _cloud(self) -> Cloud:
        return connect(CLOUD, self.environ())


def guest_of(vm: Vm, host: Host) -> Guest:
    """What a VM is on its host."""
    if not vm.qemu:
        return NamespaceGuest(vm, host)
    from tunbridge.lab.qemu_guest import QemuGuest  # late: few are

    return QemuGuest(vm, host)


def _check(wish: Wish) -> None:
    if _NAME.fullmatch(wish.name) is None:
        raise LabError(f"{wish.name!r} is not a name of a VM: {NAME_FORM}")
    if wish.network is None and wish.port is None:
        raise LabError("either a network, in which a port is made, or a port: --network or --port")
    if wish.port is not None and (wish.security_groups or wish.fixed_ips):
        raise LabError("a port that is there is taken as it is: no security groups, no addresses")


def _port(wish: Wish, cloud: Cloud, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """The port of a new VM, and its network."""
    if wish.port is not None:
        port = cloud.find("ports", wish.port)
        network = cloud.get(f"networks/{port['network_id']}")["network"]
        if wish.network is not None and cloud.find("networks", wish.network)["id"] != network["id"]:
            raise LabError(f"port {wish.port} is in network {network['name'] or network['id']}, not in {wish.network}")
        return port, network
    assert wish.network is not None
    network = cloud.find("networks", wish.network)
    values: dict[str, Any] = {"network_id": network["id"], "name": wish.name, "device_owner": OWNER}
    if wish.security_groups:
        values["security_groups"] = [cloud.find("security-groups", group)["id"] for group in wish.security_groups]
    if wish.fixed_ips:
        values["fixed_ips"] = [{"ip_address": ip} for ip in wish.fixed_ips]
    if any(e["alias"] == "dns-integration" for e in cloud.list("extensions")):
        values["dns_name"] = wish.name
    progress(f"making a port in {network['name'] or network['id']}")
    return cloud.create("ports", **values), network


def _expected(port: dict[str, Any], cloud: Cloud, vm: Vm) -> set[str]:
    """The addresses that a DHCP client gets, or that a host makes of an advertised prefix.

    A machine under QEMU has no client of DHCPv6.
    """
    subnets = {s["id"]: s for s in cloud.list("subnets", network_id=port["network_id"])}
    return {
        f["ip_address"]
        for f in port["fixed_ips"]
        if subnets[f["subnet_id"]]["enable_dhcp"]
        and not (vm.qemu and subnets[f["subnet_id"]]["ipv6_address_mode"] == "dhcpv6-stateful")
    }  # fmt: skip


def _reason(vm: Vm, host: Host, state: str) -> str | None:
    """Why the host's agent gives a VM's port this status; None when it does not answer, or gives it another one."""
    asked = host.run(sys.executable, "-m", "tunbridge", "host", "status", "--config", AGENT_TOML, "--json", check=False)
    try:
        workloads = document.decode(asked.stdout.encode()).status.workloads
    except msgspec.MsgspecError:
        return None
    return next((w.reason for w in workloads if (w.port_id, w.status) == (vm.port_id, state)), None) or None


def _status(vm: Vm, host: Host, state: str) -> VmStatus:
    guest = guest_of(vm, host)
    runs = guest.pid() is not None
    return VmStatus(
        name=vm.name, host=vm.host, port_id=vm.port_id, network=vm.network, mac=vm.mac,
        addresses=guest.addresses() if runs else [], state=state if runs else "stopped",
    )  # fmt: skip


def _read(path: Path) -> Vm:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Vm)
    except (OSError, msgspec.DecodeError) as e:
        raise LabError(f"{path}: cannot be read: {e}") from e


def _since(began: float) -> float:
    return time.monotonic() - began
