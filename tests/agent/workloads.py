"""Two workloads on two hosts that talk through both hosts' bridges and the tunnel, and a ping between them.

No network exists yet that the agent would wire, so their flows are put in by hand: to the agent they are somebody's.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.agent.hosts import Wired
from tunbridge.agent import flow_restore_wait
from tunbridge.agent.config import Peer
from tunbridge.lab import namespaces
from tunbridge.lab.host import wait_until
from tunbridge.lab.lab import Lab, agent_command
from tunbridge.lab.plan import UNDERLAY_BRIDGE, HostPlan, LabPlan, checked

ADDRESSES = {"compute0": "10.0.0.25", "compute1": "10.0.0.26"}
INSIDE = {"compute0": "192.0.2.25", "compute1": "192.0.2.26"}
DEVICE = "w0"
INTERVAL_S = 0.01
STEP_S = 240
"""Long enough for an emulated kernel."""


class Pair:
    """Two wired hosts of a new lab, with a workload each."""

    def __init__(self, name: str) -> None:
        self.lab = Lab(name)
        plans = [HostPlan(name=host, local_ip=ip) for host, ip in ADDRESSES.items()]
        plan = checked(LabPlan(name=name, hosts=plans, prefix_length=24))
        self.lab.up(plan, lambda _part, _what: None, agents=False)
        self.hosts = {host: Wired(self.lab, host) for host in ADDRESSES}
        for host in self.hosts.values():
            host.configure(
                peers=[Peer(host=name, ip=ip) for name, ip in ADDRESSES.items()], vswitchd_restart=restart_command(host)
            )
            host.start()
            self._plug(host)
            self.add_flows(host)
        self._introduce()

    def _plug(self, host: Wired) -> None:
        namespace = self.namespace(host)
        namespaces.add(namespace)
        namespaces.wire(namespace, "eth0", host.host.namespace, None, DEVICE)
        namespaces.run("ip", "-n", namespace, "addr", "add", f"{INSIDE[host.host.name]}/24", "dev", "eth0")
        namespaces.run("ip", "-n", namespace, "link", "set", "eth0", "mtu", "1400")
        host.host.vsctl("add-port", "br-int", DEVICE)

    def _introduce(self) -> None:
        """Tell the workloads each other's MAC address: a first packet, as of ARP, waits for vswitchd by its nature."""
        one, other = (self.namespace(host) for host in self.hosts.values())
        for namespace, there, ip in ((one, other, INSIDE["compute1"]), (other, one, INSIDE["compute0"])):
            mac = namespaces.run("ip", "netns", "exec", there, "cat", "/sys/class/net/eth0/address").stdout.strip()
            namespaces.run(
                "ip", "-n", namespace, "neigh", "replace", ip, "lladdr", mac, "dev", "eth0", "nud", "permanent"
            )

    def namespace(self, host: Wired) -> str:
        return namespaces.namespace(self.lab.name, f"w-{host.host.name}")

    def add_flows(self, host: Wired) -> None:
        """Let the workload's packets through: br-int to br-tun to the other host, and back."""
        tunnel = next(port for port in host.ports("br-tun") if port.startswith("vxlan-"))
        for bridge, one, other in (("br-int", DEVICE, "patch-tun"), ("br-tun", "patch-int", tunnel)):
            there = f"set_field:100->tun_id,output:{other}" if other == tunnel else f"output:{other}"
            for entry, actions in ((one, there), (other, f"output:{one}")):
                host.ofctl("--names", "add-flow", bridge, f"cookie=0x77,priority=50,in_port={entry},actions={actions}")

    @contextmanager
    def pinging(self) -> Iterator[Callable[[], tuple[int, int]]]:
        """Ping from the first workload to the second; call what it gives to end it: packets sent, and lost."""
        first, second = self.hosts.values()
        argv = ["ip", "netns", "exec", self.namespace(first), "ping", "-i", str(INTERVAL_S), INSIDE[second.host.name]]
        process = subprocess.Popen([*argv, "-w", "900"], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            for _ in range(20):  # it goes: the addresses are resolved, the packet flows are in the datapath
                process.stdout.readline()

            def end() -> tuple[int, int]:
                process.send_signal(signal.SIGINT)
                text, _ = process.communicate(timeout=30)
                found = re.search(r"(\d+) packets transmitted, (\d+) received", text)
                assert found, text
                return int(found[1]), int(found[1]) - int(found[2])

            yield end
        finally:
            process.kill()
            process.wait()

    def ping(self, count: int) -> int:
        """Send so many packets from the first workload to the second; give how many answers came."""
        first, second = self.hosts.values()
        argv = ["ping", "-c", str(count), "-i", str(INTERVAL_S), "-W", "2", INSIDE[second.host.name]]
        text = namespaces.run("ip", "netns", "exec", self.namespace(first), *argv, check=False).stdout
        found = re.search(r"(\d+) received", text)
        assert found, text
        return int(found[1])

    def until_through(self) -> None:
        """Wait until packets pass again."""
        wait_until(lambda: self.ping(3) == 3, "packets pass again")

    def down(self) -> None:
        self.lab.down()


def restart_command(host: Wired) -> list[str]:
    """Restart vswitchd on a host of a lab, from inside, as systemd does with the unit; the underlay comes up after it.

    In the userspace datapath the bridge's device, which has the tunnel address, goes with vswitchd.
    """
    script = (
        "pid=$(cat /run/openvswitch/ovs-vswitchd.pid) && ovs-appctl exit"
        " && while [ -d /proc/$pid ]; do sleep 0.01; done"
        " && ovs-vswitchd --pidfile --detach --no-chdir --log-file -vconsole:off"
    )
    if host.host.datapath_type is not None:
        device = UNDERLAY_BRIDGE
        script += f" && ip addr replace {host.host.underlay} dev {device} && ip link set {device} up"
    return ["sh", "-c", script]


def plain_restart(host: Wired, pair: Pair) -> None:
    """Restart vswitchd without further ado; the workload's flows are put back as soon as it answers."""
    host.host.run(*restart_command(host))
    wait_until(lambda: "patch-tun" in host.host.run("ovs-ofctl", "show", "br-int", check=False).stdout, "it answers")
    pair.add_flows(host)


def measure(pair: Pair, kind: str) -> tuple[int, int]:
    """Restart the first host's vswitchd under a ping: packets sent, and lost."""
    host = next(iter(pair.hosts.values()))
    with pair.pinging() as end:
        if kind == "planned":
            host.host.run(*agent_command()[:3], "ovs", "restart")
        else:
            plain_restart(host, pair)
        pair.until_through()
        return end()


def stepped(pair: Pair) -> Iterator[tuple[str, int, int]]:
    """Hold a planned restart twice, and ping each time: the moment, packets sent, and received.

    `down`: no vswitchd runs. `armed`: the new one runs, has no flow yet and takes no packet. `after`: it is done.
    """
    host = next(iter(pair.hosts.values()))
    stop, start = restart_command(host)[2].split(" && ovs-vswitchd ")
    hold = "{ touch /run/%s; while [ ! -e /run/%s.go ]; do sleep 0.05; done; }"
    script = f"{stop} && {hold % ('down', 'down')} && ovs-vswitchd {start} && {hold % ('armed', 'armed')}"
    host.configure(vswitchd_restart=["sh", "-c", script])
    with pair.pinging():  # the datapath forgets a packet flow that nothing has used for 10 s
        host.host.start("restart.log", *agent_command()[:3], "ovs", "restart")
        for moment in ("down", "armed"):
            wait_until((host.host.folder / moment).exists, moment, STEP_S)
            if moment == "armed":
                wait_until(lambda: host.host.run("ovs-ofctl", "show", "br-tun", check=False).returncode == 0, "answers")
            yield moment, 20, pair.ping(20)
            (host.host.folder / f"{moment}.go").touch()
        wait_until(
            lambda: flow_restore_wait.MARK not in host.host.vsctl("get", "Open_vSwitch", ".", "external_ids"),
            "done",
            STEP_S,
        )
    yield "after", 20, pair.ping(20)


def main(*kinds: str) -> None:
    """Print what each of these restarts loses: `planned 270 0`. For a kernel of its own, which runs this as a whole."""
    pair = Pair("restart")
    try:
        for kind in kinds:
            if kind == "stepped":
                for result in stepped(pair):
                    print(*result, flush=True)
            else:
                print(kind, *measure(pair, kind), flush=True)
    finally:
        pair.down()


if __name__ == "__main__":
    main(*sys.argv[1:])
