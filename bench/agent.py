"""The agent on a host: how long from bare to wired, a second start, each repair; what it costs at rest."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.figures import Figure
from bench.hosts import WAIT_S, Watch, bare_host, cpu_seconds, memory_mb
from tests.agent.hosts import NIC, Wired
from tunbridge.agent.config import Peer
from tunbridge.lab.lab import agent_command
from tunbridge.openvswitch.rows import BridgeRow, Snapshot

BRIDGES = ("br-int", "br-tun", "br-eth1")
BESIDE = "br-beside"
"""A bridge that is none of the agent's."""
BY_HAND = f"""
b="fail_mode=secure protocols=OpenFlow10,OpenFlow13,OpenFlow14 $0"
ovs-vsctl -- add-br br-int -- set bridge br-int $b -- add-br br-tun -- set bridge br-tun $b \\
  -- add-br br-eth1 -- set bridge br-eth1 $b -- add-port br-eth1 {NIC} \\
  -- add-port br-int patch-tun -- set interface patch-tun type=patch options:peer=patch-int \\
  -- add-port br-tun patch-int -- set interface patch-int type=patch options:peer=patch-tun \\
  -- add-port br-int int-br-eth1 -- set interface int-br-eth1 type=patch options:peer=phy-br-eth1 \\
  -- add-port br-eth1 phy-br-eth1 -- set interface phy-br-eth1 type=patch options:peer=int-br-eth1 \\
  -- add-port br-tun vx1 -- set interface vx1 type=vxlan options:remote_ip=10.0.1.1 options:key=flow \\
  -- add-port br-tun vx2 -- set interface vx2 type=vxlan options:remote_ip=10.0.1.2 options:key=flow
for bridge in br-int br-tun br-eth1; do
  ovs-vsctl --no-wait set-controller $bridge tcp:127.0.0.1:6633
  ovs-ofctl -O OpenFlow14 add-flow $bridge 'table=0,priority=1,actions=drop'
done
"""


def wiring(runs: int) -> list[Figure]:
    """From bare host to wired, and a second start, each from the start of the process until READY=1."""
    by_hand, first, second, python = [], [], [], []
    for _ in range(runs):
        with bare_host() as host:
            argv = ("sh", "-c", BY_HAND, " ".join(host.datapath))
            by_hand.append(_seconds(lambda host=host, argv=argv: host.host.run(*argv)))  # type: ignore[misc]
        with bare_host() as host:
            first.append(_seconds(host.start))
            host.stop()
            second.append(_seconds(host.start))
            python.append(_seconds(lambda host=host: host.host.run(*agent_command(), "--help")))  # type: ignore[misc]
    hand = "the same by hand: ovs-vsctl, ovs-ofctl"
    return [
        Figure("bare host to wired and connected", "s", first, hand, by_hand),
        Figure("second start until in sync and connected", "s", second, hand, by_hand),
        Figure("of which Python starts (agent --help)", "s", python, hand, by_hand),
    ]


def _seconds(action: Callable[[], object]) -> float:
    start = time.monotonic()
    action()
    return time.monotonic() - start


# Repairs


def repairs(runs: int) -> list[Figure]:
    """From the command that damages until the database or the flow tables are whole again."""
    with bare_host() as host:
        host.host.vsctl("add-br", BESIDE, *(w for d in host.datapath for w in ("--", "set", "bridge", BESIDE, d)))
        host.start()
        watch = Watch(host)
        reference = [_round_trip(host, watch) for _ in range(runs)]
        found = [
            Figure(f"mended: {name}", "ms", [_database(host, watch, args) for _ in range(runs)], _TRIP, reference)
            for name, args in _DATABASE_DAMAGE.items()
        ]
        trip = [_flow_round_trip(host) for _ in range(runs)]
        found += [
            Figure(f"mended: {name}", "ms", [_flows(host, args) for _ in range(runs)], _FLOW_TRIP, trip)
            for name, args in _FLOW_DAMAGE.items()
        ]
        few = max(3, runs * 2 // 3)
        start = [_switch(host) for _ in range(few)]
        found.append(Figure("flows back after a killed vswitchd answers again", "ms", start, _FLOW_TRIP, trip))
        again = [_database_server(host, watch) for _ in range(few)]
        found.append(Figure("mended after a killed ovsdb-server answers again", "ms", again, _TRIP, reference))
        watch.close()
    return found


_TRIP = "ovs-vsctl makes a change, another client sees it"
_FLOW_TRIP = "ovs-ofctl removes a flow, and dumps the table"
_DATABASE_DAMAGE = {
    "deleted patch port": ["del-port", "patch-tun"],
    "deleted tunnel port": ["del-port", "vxlan-0a000101"],
    "changed remote address": ["set", "interface", "vxlan-0a000101", "options:remote_ip=10.9.9.9"],
    "removed manager": ["del-manager"],
    "removed fail mode": ["del-fail-mode", "br-int"],
    "removed controller": ["del-controller", "br-int"],
    "deleted br-int": ["del-br", "br-int"],
}
_FLOW_DAMAGE = {
    "one flow removed": ["--strict", "del-flows", "br-tun", "table=22,priority=0"],
    "all flows of br-tun removed": ["del-flows", "br-tun"],
}


def _shape(now: Snapshot) -> object:
    """What of the database is wanted, without row identities."""
    return sorted(m.target for m in now.managers), {b.name: _bridge_shape(b) for b in now.bridges.values()}


def _bridge_shape(bridge: BridgeRow) -> object:
    interfaces = [i for p in bridge.ports for i in p.interfaces]
    wired = sorted((i.name, i.type, sorted(i.options.items())) for i in interfaces)
    return bridge.fail_mode, len(bridge.controllers), wired


def _database(host: Wired, watch: Watch, arguments: list[str]) -> float:
    """The agent's transactions raise next_cfg, `--no-wait` does not: so the repair is told from the state before."""
    before = watch.now()
    shape = _shape(before)
    start = time.monotonic()
    host.host.vsctl("--no-wait", *arguments)
    seen = watch.until(lambda now: now.next_cfg > before.next_cfg and _shape(now) == shape)
    _settle()
    return (seen - start) * 1000


def _round_trip(host: Wired, watch: Watch) -> float:
    mark = str(time.monotonic_ns())
    start = time.monotonic()
    host.host.vsctl("--no-wait", "set", "bridge", BESIDE, f"external_ids:mark={mark}")
    return (watch.until(lambda now: now.bridges[BESIDE].external_ids.get("mark") == mark) - start) * 1000


def _tables(host: Wired, *bridges: str) -> dict[str, list[str]]:
    """Every flow of these bridges, ports by name."""
    return {b: sorted(host.flows(b)) for b in bridges}


def _until_tables(host: Wired, wanted: dict[str, list[str]]) -> float:
    """Wait until the flows are as wanted; give the moment. A dump takes 10 ms, and there is a pause between two."""
    deadline = time.monotonic() + WAIT_S
    while _tables(host, *wanted) != wanted:
        if time.monotonic() > deadline:
            raise TimeoutError("the flows were not mended")
        time.sleep(0.005)
    return time.monotonic()


def _flows(host: Wired, arguments: list[str]) -> float:
    wanted = _tables(host, "br-tun")
    start = time.monotonic()
    host.ofctl(*arguments)
    took = _until_tables(host, wanted) - start
    _settle()
    return took * 1000


def _flow_round_trip(host: Wired) -> float:
    host.ofctl("add-flow", BESIDE, "table=9,priority=1,arp,actions=drop")
    start = time.monotonic()
    host.ofctl("del-flows", BESIDE, "table=9")
    host.flows(BESIDE)
    return (time.monotonic() - start) * 1000


def _settle() -> None:
    """Let the host come to rest, so that one repair is not measured with the tail of another."""
    time.sleep(0.3)


def _switch(host: Wired) -> float:
    """Kill vswitchd, start it, and wait for the flows of all bridges, counted from its socket answering."""
    wanted = _tables(host, *BRIDGES)
    host.host.kill("ovs-vswitchd")
    answered = _Answer(host.host.folder / "openvswitch" / "br-tun.mgmt")
    host.host.start_vswitchd()
    took = _until_tables(host, wanted) - answered.moment()
    time.sleep(2)
    return took * 1000


class _Answer:
    """Notes, in a thread of its own, the moment at which somebody listens on a socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._moment = 0.0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        deadline = time.monotonic() + WAIT_S
        while not self._moment and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(self._path))
                self._moment = time.monotonic()
            time.sleep(0.001)

    def moment(self) -> float:
        self._thread.join()
        if not self._moment:
            raise TimeoutError(f"{self._path} did not answer")
        return self._moment


def _database_server(host: Wired, watch: Watch) -> float:
    """Kill ovsdb-server, start it, damage at once, and wait for the repair, counted from its socket answering."""
    before = _shape(watch.now())
    next_cfg = watch.now().next_cfg
    host.host.kill("ovsdb-server")
    answered = _Answer(host.host.folder / "openvswitch" / "db.sock")
    host.host.start_ovsdb()
    host.host.vsctl("--no-wait", "del-port", "patch-tun")
    seen = watch.until(lambda now: now.next_cfg > next_cfg and _shape(now) == before)
    time.sleep(3)
    return (seen - answered.moment()) * 1000


# At rest, and with many peers


def at_rest(seconds: float) -> list[Figure]:
    """Share of a core and memory of the agent of an idle host, beside Open vSwitch's own daemons."""
    with bare_host() as host:
        host.start()
        host.until_connected()
        time.sleep(3)
        pids = {d: host.host.pid(d) or 0 for d in ("agent", "ovs-vswitchd", "ovsdb-server")}
        before = {d: cpu_seconds(p) for d, p in pids.items()}
        time.sleep(seconds)
        share = {d: (cpu_seconds(p) - before[d]) / seconds * 100 for d, p in pids.items()}
        daemons = share["ovs-vswitchd"] + share["ovsdb-server"]
        memory = memory_mb(pids["ovs-vswitchd"]) + memory_mb(pids["ovsdb-server"])
        beside = "ovs-vswitchd and ovsdb-server of the same host"
        return [
            Figure(
                f"agent at rest for {seconds:g} s",
                "% of a core",
                [share["agent"]],
                beside,
                [daemons] if daemons else [],
            ),
            Figure("agent at rest", "MiB resident", [memory_mb(pids["agent"])], beside, [memory]),
        ]


def peers(counts: list[int]) -> Iterator[Figure]:
    """Time to wire a host with many peers, for one more to come, and the agent's memory then."""
    for count in counts:
        with bare_host(peers=count) as host:
            first = _seconds(host.start)
            watch = Watch(host)
            new = Peer(host="new", ip="10.0.99.99")
            host.configure(peers=[*host.config.peers, new])
            pid = host.host.pid("agent") or 0
            start = time.monotonic()
            host.host.run("kill", "-HUP", str(pid))
            came = watch.until(lambda now: now.bridges["br-tun"].port("vxlan-0a006363") is not None) - start
            memory = memory_mb(pid)
            watch.close()
        yield Figure(f"bare to wired with {count} peers", "s", [first])
        yield Figure(f"one more peer beside {count}", "ms", [came * 1000])
        yield Figure(f"agent's memory with {count} peers", "MiB resident", [memory])
