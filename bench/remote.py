"""Many hosts over ssh: namespaces, each with an ssh server and a database of Open vSwitch that holds a whole mesh.

An ovsdb-server is what is read; there is no switch behind it. The client is in a namespace that reaches all of them.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.figures import Figure, repeat

_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def over_ssh(runs: int, hosts: int) -> Iterator[Figure]:
    """Read and draw so many hosts, beside the same loop by hand."""
    with _fleet(hosts) as fleet:
        by_hand = repeat(runs, lambda: fleet.timed(f"for h in {fleet.names}; do ssh $h ovs-vsctl show; done"))
        one = repeat(runs, lambda: fleet.timed("ssh h1 ovs-vsctl show"))
        tunbridge = f"{sys.executable} -m tunbridge"
        hand = f"`ssh HOST ovs-vsctl show` of {hosts}, one by one"
        many = repeat(runs, lambda: fleet.timed(f"{tunbridge} draw --hosts hosts"))
        yield Figure(f"read and draw {hosts} hosts over ssh", "s", many, hand, by_hand)
        check = repeat(runs, lambda: fleet.timed(f"{tunbridge} check --hosts hosts"))
        yield Figure(f"read and check {hosts} hosts over ssh", "s", check, hand, by_hand)
        single = repeat(runs, lambda: fleet.timed(f"{tunbridge} draw ssh:h1"))
        yield Figure("read and draw one host over ssh", "s", single, "`ssh HOST ovs-vsctl show` of it", one)


class _Fleet:
    """Namespaces `tbr-PID-N`, and `tbr-PID-0` where the client is."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.count = count
        self.prefix = f"tbr{os.getpid() % 10000}-"
        self.names = " ".join(f"h{n}" for n in range(1, count + 1))
        self.processes: list[subprocess.Popen[bytes]] = []

    def timed(self, script: str) -> float:
        """Give the seconds that a script takes in the client's namespace. Raises CalledProcessError."""
        environ = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        began = time.monotonic()
        subprocess.run(
            ["ip", "netns", "exec", f"{self.prefix}0", "sh", "-ec", script],
            check=True, stdout=subprocess.DEVNULL, cwd=self.folder, env=environ,
        )  # fmt: skip
        return time.monotonic() - began

    def make(self) -> None:
        client = f"{self.prefix}0"
        _ip("netns", "add", client)
        _ip("-n", client, "link", "add", "hub", "type", "bridge")
        _ip("-n", client, "addr", "add", "10.250.0.254/24", "dev", "hub")
        _ip("-n", client, "link", "set", "hub", "up")
        for key in ("host", "user"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / key))
        self._client()
        for number in range(1, self.count + 1):
            self._host(number)

    def _client(self) -> None:
        entries = "".join(f"Host h{n}\n HostName 10.250.0.{n}\n" for n in range(1, self.count + 1))
        key = (
            f"IdentityFile {self.folder}/user\nIdentitiesOnly yes\nUserKnownHostsFile {self.folder}/known\nUser root\n"
        )
        (self.folder / "config").write_text(f"{entries}Host *\n{key}")
        public = (self.folder / "host.pub").read_text()
        (self.folder / "known").write_text("".join(f"10.250.0.{n} {public}" for n in range(1, self.count + 1)))
        (self.folder / "hosts").write_text("".join(f"h{n}\n" for n in range(1, self.count + 1)))
        wrapper = self.folder / "bin" / "ssh"
        wrapper.parent.mkdir()
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {self.folder}/config "$@"\n')
        wrapper.chmod(0o755)

    def _host(self, number: int) -> None:
        name, client = f"{self.prefix}{number}", f"{self.prefix}0"
        _ip("netns", "add", name)
        _ip("-n", client, "link", "add", f"h{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("-n", client, "link", "set", f"h{number}", "master", "hub", "up")
        _ip("-n", name, "addr", "add", f"10.250.0.{number}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        place = self.folder / str(number)
        place.mkdir()
        _run("ovsdb-tool", "create", str(place / "conf.db"), _SCHEMA)
        self._start(name, "ovsdb-server", str(place / "conf.db"), f"--remote=punix:{place}/db.sock",
                    f"--unixctl={place}/ctl", "-vconsole:off", "-vfile:off")  # fmt: skip
        _wait(lambda: (place / "db.sock").exists())
        _run("ovs-vsctl", f"--db=unix:{place}/db.sock", "--no-wait", *self._wiring(number))
        (place / "sshd").write_text(
            f"ListenAddress 10.250.0.{number}\nHostKey {self.folder}/host\nAuthorizedKeysFile {self.folder}/user.pub\n"
            f"StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nSetEnv OVS_RUNDIR={place}\n"
        )
        self._start(name, shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") or "sshd", "-D", "-e", "-f",
                    str(place / "sshd"))  # fmt: skip

    def _wiring(self, number: int) -> list[str]:
        words = ["init", "--", "add-br", "br-int", "--", "add-br", "br-tun", "--", "set", "open", ".",
                 f"external-ids:hostname=h{number}"]  # fmt: skip
        for bridge, port, peer in (("br-int", "patch-tun", "patch-int"), ("br-tun", "patch-int", "patch-tun")):
            words += [
                "--",
                "add-port",
                bridge,
                port,
                "--",
                "set",
                "interface",
                port,
                "type=patch",
                f"options:peer={peer}",
            ]
        for other in set(range(1, self.count + 1)) - {number}:
            port = f"vxlan-0afa00{other:02x}"
            words += ["--", "add-port", "br-tun", port, "--", "set", "interface", port, "type=vxlan",
                      f"options:local_ip=10.250.0.{number}", f"options:remote_ip=10.250.0.{other}",
                      "options:key=flow"]  # fmt: skip
        return words

    def _start(self, namespace: str, *argv: str) -> None:
        log = (self.folder / "log").open("ab")
        with log:
            self.processes.append(subprocess.Popen(["ip", "netns", "exec", namespace, *argv], stdout=log, stderr=log))

    def remove(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        for number in range(self.count + 1):
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "del", f"{self.prefix}{number}")


@contextlib.contextmanager
def _fleet(count: int) -> Iterator[_Fleet]:
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own package makes it only when the service starts
    with tempfile.TemporaryDirectory(prefix="tbssh") as folder:
        fleet = _Fleet(Path(folder), count)
        try:
            fleet.make()
            yield fleet
        finally:
            fleet.remove()


def _wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError("an ovsdb-server does not start")
        time.sleep(0.01)


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)
