"""VMs of a lab: network namespaces on its hosts with real DHCP clients, plugged in as a hypervisor plugs a VM in.

    lab vm add NAME        the port is made by the lab's server (or is there), the namespace by the host's `ip netns`,
                           the veth pair and the interface of br-int by openvswitch/plugging.py
    on the host            namespace vm-NAME; /run/vm/NAME is /run inside: the clients' files, resolv.conf, logs
    <lab>/vms/NAME.json    what it is (`Vm`), so that `list` and `rm` need no API

The host's agent finds the interface by its `iface-id`, claims the port, wires it, and reports it ACTIVE. All of a VM is
made by commands that run in its host (host.py), so it does not matter what the host is made of; `lab down` removes it
with the host.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, Protocol

import msgspec
from msgspec import Struct

from tunbridge.cloud import Cloud, CloudError, connect
from tunbridge.lab.host import Host
from tunbridge.lab.lab import Lab
from tunbridge.lab.namespaces import LabError
from tunbridge.openvswitch import plugging

NAME_FORM = "1 to 20 of a-z, 0-9, - and ., beginning with a letter"
DEVICE = "eth0"
WAIT_S = 60.0
CLOUD = "tunbridge"
OWNER = "compute:tunbridge-lab"
_POLL_S = 0.1
_NAME = re.compile(r"[a-z][a-z0-9.-]{0,19}")

_UDHCPC = """\
#!/bin/sh
# Called by udhcpc(8): gives the lease to the device.
case $1 in
deconfig)
    ip -4 addr flush dev "$interface"
    ;;
bound | renew)
    ip -4 addr flush dev "$interface"
    ip addr add "$ip/$mask" brd + dev "$interface"
    [ -z "$mtu" ] || ip link set "$interface" mtu "$mtu"
    if [ -n "$staticroutes" ]; then
        set -- $staticroutes
        while [ $# -gt 1 ]; do
            if [ "$2" = 0.0.0.0 ]; then
                ip route replace "$1" dev "$interface"
            else
                ip route replace "$1" via "$2" dev "$interface" onlink
            fi
            shift 2
        done
    else
        for gateway in $router; do ip route replace default via "$gateway" dev "$interface"; done
    fi
    {
        [ -z "$search$domain" ] || echo "search ${search:-$domain}"
        for server in $dns; do echo "nameserver $server"; done
    } > /run/resolv4
    cat /run/resolv4 /run/resolv6 > /run/resolv.conf 2>/dev/null
    ;;
esac
exit 0
"""
_DHCPCD = """\
#!/bin/sh
# Called by dhcpcd(8), which gives addresses and routes to the device itself.
servers=$(env | sed -n 's/^\\(new_dhcp6_name_servers\\|nd[0-9]*_rdnss[0-9]*_servers\\)=//p')
[ -z "$servers" ] || for server in $servers; do echo "nameserver $server"; done | sort -u > /run/resolv6
cat /run/resolv4 /run/resolv6 > /run/resolv.conf 2>/dev/null
exit 0
"""
_DHCPCD_CONF = "ipv6only\nslaac hwaddr\nduid ll\noption domain_name_servers, domain_search\nnoipv4ll\n"
_INSIDE = """
set -e
mount --make-rprivate /
mount --rbind "$1" /run
[ ! -e /etc/resolv.conf ] || mount --bind /run/resolv.conf "$(readlink -f /etc/resolv.conf)"
for folder in /var/lib/dhcp /var/lib/dhcpcd; do [ ! -d $folder ] || mount -t tmpfs none $folder; done
hostname "$2"
ip link set lo up
echo $$ > /run/pid.new
mv /run/pid.new /run/pid
if command -v udhcpc > /dev/null; then udhcpc=udhcpc; else udhcpc="busybox udhcpc"; fi
$udhcpc -f -R -i eth0 -t 4 -T 1 -A 2 -s /run/udhcpc.sh -x "hostname:$2" \\
    -O mtu -O search -O staticroutes > /run/udhcpc.log 2>&1 &
if [ "$3" = 6 ] && command -v dhcpcd > /dev/null; then
    dhcpcd -B -f /run/dhcpcd.conf -c /run/dhcpcd.sh eth0 > /run/dhcpcd.log 2>&1 &
fi
exec sleep infinity
"""
"""What runs as the VM, in the mount and UTS namespaces that are its alone."""
_START = """
rm -f "$1/pid"
PATH=$PATH:/usr/sbin:/sbin setsid ip netns exec "$2" unshare --mount --uts \\
    sh "$1/start" "$1" "$3" "$4" < /dev/null > "$1/log" 2>&1 &
"""


class Vm(Struct, frozen=True, kw_only=True):
    """What is remembered of a VM. `owned`: its port was made for it and goes with it."""

    name: str
    host: str
    port_id: str
    network: str
    mac: str
    owned: bool = True

    @property
    def netns(self) -> str:
        """Its network namespace on its host."""
        return f"vm-{self.name}"

    @property
    def folder(self) -> str:
        """What is /run inside it, as its host sees it."""
        return f"/run/vm/{self.name}"


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
        if self._file(wish.name).exists():
            raise LabError(f"lab {self.lab.name} has a VM {wish.name!r} already")
        host = self.lab.host(wish.host)
        with self._cloud() as cloud:
            with self.lab.lock():
                vm, port = self._make(wish, host, cloud, progress)
            if wait:
                self._wait(vm, port, host, cloud, progress)
        return vm

    def _make(self, wish: Wish, host: Host, cloud: Cloud, progress: Progress) -> tuple[Vm, dict[str, Any]]:
        port, network = _port(wish, cloud, progress)
        name = network["name"] or network["id"]
        vm = Vm(
            name=wish.name, host=wish.host, port_id=port["id"], network=name, mac=port["mac_address"],
            owned=wish.port is None,
        )  # fmt: skip
        try:
            self._save(vm)
            progress(f"plugging port {port['id']} into {wish.host}")
            host.run("ip", "netns", "add", vm.netns)
            plugging.plug(
                host.run,
                plugging.Device(
                    port_id=vm.port_id, name=DEVICE, mac=vm.mac, mtu=network["mtu"], netns=vm.netns,
                    vm=port["device_id"] or vm.port_id,
                ),
            )  # fmt: skip
            _start(vm, host, any(":" in f["ip_address"] for f in port["fixed_ips"]))
        except BaseException:
            self._remove(vm, host, cloud)
            raise
        return vm, port

    def _wait(self, vm: Vm, port: dict[str, Any], host: Host, cloud: Cloud, progress: Progress) -> None:
        """Wait until it has the addresses that it asks for by DHCP, and its port is ACTIVE."""
        expected = _expected(port, cloud)
        began = time.monotonic()
        while True:
            state = cloud.get(f"ports/{vm.port_id}")["port"]["status"]
            missing = expected - set(_addresses(vm, host))
            if state == "ACTIVE" and not missing:
                progress(f"port ACTIVE, {', '.join(sorted(expected)) or 'no address'} after {_since(began):.1f} s")
                return
            if _since(began) > WAIT_S:
                lacking = f"; {vm.name} has not got {', '.join(sorted(missing))}" if missing else ""
                raise LabError(
                    f"VM {vm.name}: after {WAIT_S:g} s port {vm.port_id} is {state}{lacking}. It stays as it is; look"
                    f" at `tunbridge host status` and {vm.folder}/*.log in `tunbridge lab shell{self.lab.option}"
                    f" {vm.host}`"
                )
            progress(f"port {state}; waiting for {', '.join(sorted(missing)) or 'ACTIVE'}")
            time.sleep(_POLL_S)

    def remove(self, name: str, progress: Progress) -> None:
        """Remove a VM, and its port if that was made for it."""
        vm = self.get(name)
        host = self.lab.host(vm.host)
        with self.lab.lock():
            progress(f"removing it from {vm.host}")
            try:
                cloud: Cloud | None = connect(CLOUD, self._environ())
            except (CloudError, LabError) as e:
                progress(f"its port stays in the API: {e}")
                cloud = None
            self._remove(vm, host, cloud)

    def _remove(self, vm: Vm, host: Host, cloud: Cloud | None) -> None:
        if host.machine.is_running():
            stop(vm, host)
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
        host = self.lab.host(vm.host)
        host.enter(*inside(vm, host, *argv), **environ)

    # Files and API

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _save(self, vm: Vm) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file(vm.name).write_bytes(msgspec.json.encode(vm))

    def _environ(self) -> dict[str, str]:
        server = self.lab.server
        if server is None:
            raise LabError(f"lab {self.lab.name} has no server, which VMs need; `tunbridge lab up --server` makes one")
        if server.pid() is None:
            raise LabError(f"lab {self.lab.name}: its server does not run; `tunbridge lab up` starts it")
        return {"OS_CLIENT_CONFIG_FILE": str(server.clouds_yaml)}

    @contextmanager
    def _cloud(self) -> Iterator[Cloud]:
        cloud = connect(CLOUD, self._environ())
        try:
            yield cloud
        finally:
            cloud.close()


def inside(vm: Vm, host: Host, *argv: str) -> list[str]:
    """The command line that runs `argv` in a VM, for its host to run. Raises LabError when the VM does not run."""
    pid = _pid(vm, host)
    if pid is None:
        raise LabError(f"VM {vm.name} does not run: its host was started anew; `tunbridge lab vm rm {vm.name}`")
    return ["nsenter", f"--target={pid}", "--net", "--mount", "--uts", "--", *argv]


def stop(vm: Vm, host: Host) -> None:
    """Take a VM from its host: its processes, its interface, its namespace. What is gone already is no error."""
    pids = host.run("ip", "netns", "pids", vm.netns, check=False).stdout.split()
    if pids:
        host.run("kill", "-KILL", *pids, check=False)
    with suppress(plugging.PlugError):
        plugging.unplug(host.run, vm.port_id)
    host.run("ip", "netns", "del", vm.netns, check=False)
    host.run("rm", "-rf", vm.folder)


def _check(wish: Wish) -> None:
    if _NAME.fullmatch(wish.name) is None:
        raise LabError(f"{wish.name!r} is not a name of a VM: {NAME_FORM}")
    if (wish.network is None) == (wish.port is None):
        raise LabError("either a network, in which a port is made, or a port")
    if wish.port is not None and (wish.security_groups or wish.fixed_ips):
        raise LabError("a port that is there is taken as it is: no security groups, no addresses")


def _port(wish: Wish, cloud: Cloud, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """The port of a new VM, and its network."""
    if wish.port is not None:
        port = cloud.find("ports", wish.port)
        return port, cloud.get(f"networks/{port['network_id']}")["network"]
    assert wish.network is not None
    network = cloud.find("networks", wish.network)
    values: dict[str, Any] = {"network_id": network["id"], "name": wish.name, "device_owner": OWNER}
    if wish.security_groups:
        values["security_groups"] = [cloud.find("security-groups", group)["id"] for group in wish.security_groups]
    if wish.fixed_ips:
        values["fixed_ips"] = [{"ip_address": ip} for ip in wish.fixed_ips]
    progress(f"making a port in {network['name'] or network['id']}")
    return cloud.create("ports", **values), network


def _expected(port: dict[str, Any], cloud: Cloud) -> set[str]:
    """The addresses that a DHCP client gets, or that a host makes of an advertised prefix."""
    subnets = {s["id"]: s for s in cloud.list("subnets", network_id=port["network_id"])}
    return {
        f["ip_address"]
        for f in port["fixed_ips"]
        if subnets[f["subnet_id"]]["enable_dhcp"]
    }  # fmt: skip


def _start(vm: Vm, host: Host, ipv6: bool) -> None:
    files = {
        "resolv.conf": "",
        "start": _INSIDE,
        "udhcpc.sh": _UDHCPC,
        "dhcpcd.sh": _DHCPCD,
        "dhcpcd.conf": _DHCPCD_CONF,
    }
    host.run("mkdir", "-p", vm.folder)
    for name, content in files.items():
        host.run("sh", "-c", 'cat > "$0" && chmod 755 "$0"', f"{vm.folder}/{name}", stdin=content)
    host.run("sh", "-c", _START, "sh", vm.folder, vm.netns, vm.name, "6" if ipv6 else "4")


def _pid(vm: Vm, host: Host) -> int | None:
    """The process that is the VM, as its host knows it."""
    if not host.machine.is_running():
        return None
    found = host.run("sh", "-c", 'read pid < "$0/pid" && ip netns identify $pid', vm.folder, check=False)
    if found.stdout.strip() != vm.netns:
        return None
    return int(host.run("cat", f"{vm.folder}/pid").stdout)


def _addresses(vm: Vm, host: Host) -> list[str]:
    shown = host.run("ip", "-n", vm.netns, "-j", "addr", "show", "dev", DEVICE, check=False)
    links = msgspec.json.decode(shown.stdout or "[]")
    infos = [info for link in links for info in link.get("addr_info", [])]
    return [i["local"] for i in infos if i.get("scope") == "global" and not i.get("tentative")]


def _status(vm: Vm, host: Host, state: str) -> VmStatus:
    runs = _pid(vm, host) is not None
    return VmStatus(
        name=vm.name, host=vm.host, port_id=vm.port_id, network=vm.network, mac=vm.mac,
        addresses=_addresses(vm, host) if runs else [], state=state if runs else "stopped",
    )  # fmt: skip


def _read(path: Path) -> Vm:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Vm)
    except (OSError, msgspec.DecodeError) as e:
        raise LabError(f"{path}: cannot be read: {e}") from e


def _since(began: float) -> float:
    return time.monotonic() - began
