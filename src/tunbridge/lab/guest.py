"""One VM on its host: a network namespace with files of its own, and the DHCP clients that run in it.

Seen from its host, a VM is the namespace vm-NAME, and the folder /run/vm/NAME, which is /run inside: `pid` of the
process that keeps it, `start` which that process ran, the clients' scripts and logs, resolv.conf. All of it is made by
commands that run in the host. `Guest` is what a VM of any kind has; qemu_guest.py is another one.
"""

import shutil
import subprocess
from contextlib import suppress
from typing import NoReturn, Protocol

import msgspec
from msgspec import Struct

from tunbridge.lab.host import Host
from tunbridge.lab.namespaces import LabError
from tunbridge.openvswitch import plugging

DEVICE = "eth0"

UDHCPC = """\
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
    qemu: bool = False
    """Whether it is a machine of its own under QEMU, and not a namespace."""

    @property
    def netns(self) -> str:
        """Its network namespace on its host."""
        return f"vm-{self.name}"

    @property
    def folder(self) -> str:
        """What is /run inside it, as its host sees it."""
        return f"/run/vm/{self.name}"


class Guest(Protocol):
    """What a VM is on its host. All of it raises LabError."""

    def device(self, mtu: int, owner: str) -> plugging.Device:
        """What is plugged in for it, once `prepare` was called."""

    def prepare(self) -> None:
        """Make what its device is plugged into."""

    def start(self, ipv6: bool) -> None:
        """Run it, once its device is plugged in. `ipv6`: it has IPv6 addresses."""

    def pid(self) -> int | None:
        """The process that is the VM, as its host knows it."""

    def addresses(self) -> list[str]:
        """The addresses on its device now, but for link-local ones and those still being probed."""

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end."""

    def enter(self, *argv: str, **environ: str) -> NoReturn:
        """Become a command inside: its end is this process's end."""

    def shell(self) -> NoReturn:
        """Become a shell inside."""

    def stop(self) -> None:
        """Take it from its host with all that it has there. What is gone already is no error."""


class NamespaceGuest:
    """A VM that is a namespace; see `Guest`."""

    def __init__(self, vm: Vm, host: Host) -> None:
        self._vm = vm
        self._host = host

    def device(self, mtu: int, owner: str) -> plugging.Device:
        vm = self._vm
        return plugging.Device(port_id=vm.port_id, name=DEVICE, mac=vm.mac, mtu=mtu, netns=vm.netns, vm=owner)

    def prepare(self) -> None:
        self._host.run("ip", "netns", "add", self._vm.netns)

    def start(self, ipv6: bool) -> None:
        files = {
            "resolv.conf": "",
            "start": _INSIDE,
            "udhcpc.sh": UDHCPC,
            "dhcpcd.sh": _DHCPCD,
            "dhcpcd.conf": _DHCPCD_CONF,
        }
        vm, host = self._vm, self._host
        host.run("mkdir", "-p", vm.folder)
        for name, content in files.items():
            host.run("sh", "-c", 'cat > "$0" && chmod 755 "$0"', f"{vm.folder}/{name}", stdin=content)
        host.run("sh", "-c", _START, "sh", vm.folder, vm.netns, vm.name, "6" if ipv6 else "4")

    def pid(self) -> int | None:
        vm, host = self._vm, self._host
        if not host.machine.is_running():
            return None
        found = host.run("sh", "-c", 'read pid < "$0/pid" && ip netns identify $pid', vm.folder, check=False)
        if found.stdout.strip() != vm.netns:
            return None
        return int(host.run("cat", f"{vm.folder}/pid").stdout)

    def addresses(self) -> list[str]:
        shown = self._host.run("ip", "-n", self._vm.netns, "-j", "addr", "show", "dev", DEVICE, check=False)
        links = msgspec.json.decode(shown.stdout or "[]")
        infos = [info for link in links for info in link.get("addr_info", [])]
        return [i["local"] for i in infos if i.get("scope") == "global" and not i.get("tentative")]

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return self._host.run("ip", "netns", "exec", self._vm.netns, *argv)

    def enter(self, *argv: str, **environ: str) -> NoReturn:
        process = self.pid()
        if process is None:
            raise not_running(self._vm)
        inside = ("nsenter", f"--target={process}", "--net", "--mount", "--uts", "--")
        self._host.enter(*inside, *argv, **environ)

    def shell(self) -> NoReturn:
        if shutil.which("bash"):
            self.enter("bash", "--norc", PS1=f"\\u@{self._vm.name}:\\w\\$ ")
        self.enter("sh", PS1=f"{self._vm.name}# ")

    def stop(self) -> None:
        vm, host = self._vm, self._host
        pids = host.run("ip", "netns", "pids", vm.netns, check=False).stdout.split()
        if pids:
            host.run("kill", "-KILL", *pids, check=False)
        with suppress(plugging.PlugError):
            plugging.unplug(host.run, vm.port_id)
        host.run("ip", "netns", "del", vm.netns, check=False)
        host.run("rm", "-rf", vm.folder)


def not_running(vm: Vm) -> LabError:
    """The error for what is asked of a VM that does not run."""
    return LabError(f"VM {vm.name} does not run: its host was started anew; `tunbridge lab vm rm {vm.name}`")
