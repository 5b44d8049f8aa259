"""A host under test with its agent, and what tests ask of it."""

import re
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from tunbridge.agent.config import AgentConfig, Provider
from tunbridge.agent.status.document import Answer, decode
from tunbridge.lab import plan
from tunbridge.lab.host import Host, wait_until
from tunbridge.lab.lab import AGENT_PATHS, Lab, agent_command
from tunbridge.lab.namespaces import LabError
from tunbridge.lab.plan import UNDERLAY_BRIDGE, UNDERLAY_DEVICE

NIC = "eno16777736"
PHYSNET = {"physnet1": Provider(bridge="br-eth1", nics=[NIC])}
OURS = "cookie=0x7462000000000000/0xffff000000000000"

_DUMP = "ovs-ofctl -O OpenFlow14 --no-stats --names dump-flows"
_PICTURE = f"""ovs-vsctl show
for bridge in $(ovs-vsctl list-br); do [ "$bridge" = "$0" ] || {{ echo "--- $bridge"; {_DUMP} "$bridge"; }}; done"""
"""One command and not one for each: to run one costs a quarter of a second in a kernel of its own."""

_ASK = """import socket
sock = socket.socket(socket.AF_UNIX)
sock.connect("/run/tunbridge-agent/status.sock")
while text := sock.recv(1 << 20):
    print(text.decode(), end="")
"""


class Wired:
    """A host, the configuration of its agent, and what can be asked of both."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab = lab
        self.host: Host = lab.host(name)
        state = lab.state()
        planned = next(h for h in state.plan.hosts if h.name == name)
        self.config = plan.agent_config(state.plan, planned, AGENT_PATHS, state.datapath.configured)

    def configure(self, **changes: object) -> AgentConfig:
        """Write the configuration with these changes, for the next start or reload."""
        self.config = msgspec.structs.replace(self.config, **changes)
        self.host.configure_agent(self.config)
        return self.config

    def start(self, wait: bool = True, argv: list[str] | None = None) -> None:
        self.configure()
        self.host.start_agent(argv or agent_command(), wait=wait)

    def stop(self) -> None:
        self.host.kill("agent", 15)

    def restart(self) -> None:
        self.stop()
        self.start()

    def plan(self) -> tuple[int, str]:
        done = self.host.run(*agent_command(), "--plan", check=False)
        return done.returncode, done.stdout + done.stderr

    def answer(self) -> Answer:
        """What the agent says of itself, asked inside: a socket of another kernel cannot be connected to."""
        return decode(self.host.run(sys.executable, "-S", "-c", _ASK).stdout.encode())

    def log(self) -> str:
        return self.host.agent_log(100_000)

    def ports(self, bridge: str) -> set[str]:
        return set(self.host.vsctl("list-ports", bridge).split())

    def bridges(self) -> set[str]:
        """All bridges but the one that holds the underlay of the userspace datapath."""
        return set(self.host.vsctl("list-br").split()) - {UNDERLAY_BRIDGE}

    @property
    def datapath(self) -> list[str]:
        """What a bridge that a test makes has besides: the datapath's type, if it is not the kernel's."""
        return [] if self.host.datapath_type is None else [f"datapath_type={self.host.datapath_type}"]

    @property
    def underlay_device(self) -> str:
        return UNDERLAY_DEVICE if self.host.datapath_type is None else UNDERLAY_BRIDGE

    def reload(self) -> None:
        """Have the agent read its configuration again."""
        pid = self.host.pid("agent")
        assert pid is not None
        self.host.machine.signal(pid, signal.SIGHUP)

    def read(self, path: str) -> str:
        """Give the text of a file inside, "" when there is none."""
        return self.host.run("cat", path, check=False).stdout

    def flows(self, bridge: str, *match: str) -> list[str]:
        """All flows as text without counters; ports by name, since a port that was made anew has another number."""
        return _flows(self.host.run(*_DUMP.split(), bridge, *match).stdout.splitlines())

    def ofctl(self, *arguments: str) -> str:
        return self.host.run("ovs-ofctl", "-O", "OpenFlow14", *arguments).stdout

    def picture(self) -> object:
        """Everything of ours that can be seen: what `ovs-vsctl show` prints, and every flow."""
        show, *bridges = self.host.run("sh", "-c", _PICTURE, UNDERLAY_BRIDGE, check=False).stdout.split("--- ")
        # Who is connected is written down up to 5 s late: `until_connected` is for that.
        wiring = "\n".join(line for line in show.splitlines() if "is_connected" not in line)
        return [normalised(wiring), {lines[0]: sorted(_flows(lines[1:])) for lines in map(str.splitlines, bridges)}]

    def until_mended(self, picture: object) -> None:
        """Wait until all that can be seen is again as it was."""
        patience = 180 if self.host.datapath_type is None else 15  # a kernel of its own is slow
        try:
            wait_until(lambda: self.picture() == picture, "mended as before", patience)
        except LabError as e:
            raise AssertionError(f"{e}; the agent says:\n{self.host.agent_log(15)}") from e

    def until_connected(self) -> None:
        """Wait until Open vSwitch has written down that manager and controllers are connected."""

        def connected() -> bool:
            show = self.host.vsctl("show")
            remotes = len(re.findall("Controller|Manager", show))
            return remotes > 0 and show.count("is_connected: true") == remotes

        wait_until(connected, "manager and controllers connected", 60)

    def database_size(self) -> int:
        """Size of the database file: every transaction that changes something makes it longer."""
        return int(self.host.run("stat", "-c", "%s", "/etc/openvswitch/conf.db").stdout)


def _flows(lines: Iterable[str]) -> list[str]:
    return [line.strip() for line in lines if "reply" not in line]


def normalised(show: str) -> object:
    """`ovs-vsctl show` as a tree, without what differs between any two hosts: UUIDs, version, quoting, order.

    Without the userspace datapath's own lines as well: `datapath_type`, and the bridge that holds the underlay.
    """
    tree: list[tuple[int, str, list[object]]] = [(-1, "", [])]
    for line in show.splitlines():
        text = line.strip().replace('"', "")
        if not text or re.fullmatch(r"[0-9a-f-]{36}", text) or text.startswith(("ovs_version", "datapath_type")):
            continue
        indent = len(line) - len(line.lstrip())
        while tree[-1][0] >= indent:
            tree.pop()
        node: tuple[int, str, list[object]] = (indent, text, [])
        tree[-1][2].append(node)
        tree.append(node)
    return _sorted(tree[0][2] if tree[0][0] == -1 else [])


def _sorted(nodes: list[object]) -> list[object]:
    found: list[object] = []
    for node in nodes:
        assert isinstance(node, tuple)
        if node[1] != "Bridge br-phy":
            found.append((node[1], _sorted(node[2])))
    return sorted(found, key=repr)


def example(name: str) -> str:
    return (Path(__file__).parents[2] / "examples" / name).read_text()
