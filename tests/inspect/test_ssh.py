"""Hosts over ssh: a real sshd on loopback, with keys made for the test; what must not reach the client is refused."""

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.cli.test_watch import ports, revive, until, watching
from tests.inspect.test_live import Database, database, fill  # noqa: F401 - a fixture
from tunbridge.inspect.live import read_live
from tunbridge.inspect.sources import read_sources
from tunbridge.inspect.understand import understand
from tunbridge.openvswitch.read_ovsdb import COLUMNS

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:  # noqa: F811
    """An sshd whose logins find the test's database, and an ssh client that knows its keys; gives the port."""
    if SSHD is None or os.geteuid() != 0:
        # Where systemd runs `make test` does not install it: its package would start an ssh server on this machine.
        if os.environ.get("CI") == "true":
            pytest.fail("needs openssh-server (sshd) and root")
        pytest.skip("needs openssh-server (sshd) and root")
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / key)], check=True)
    port = free_port()
    (tmp_path / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/user.pub\n"
        f"StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nSetEnv OVS_RUNDIR={database.folder}\n"
    )
    (tmp_path / "ssh_config").write_text(
        f"IdentityFile {tmp_path}/user\nIdentitiesOnly yes\nUserKnownHostsFile {tmp_path}/known\n"
    )
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {(tmp_path / 'host.pub').read_text()}")
    (tmp_path / "bin").mkdir()
    client = tmp_path / "bin" / "ssh"
    client.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {tmp_path}/ssh_config "$@"\n')
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own package makes it only when the service starts
    daemon = subprocess.Popen([SSHD, "-D", "-e", "-f", str(tmp_path / "sshd_config")], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert daemon.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        yield port
    finally:
        daemon.terminate()
        daemon.wait(10)


def test_over_ssh_a_host_is_what_its_database_is(database: Database, server: int) -> None:  # noqa: F811
    fill(database)
    source = f"ssh:{getpass.getuser()}@127.0.0.1:{server}"
    reading = read_sources([f"h={source}"], lambda _: {})
    assert not reading.problems
    (host,) = reading.hosts
    assert host.source == source
    names = sorted(p.name for b in host.bridges for p in b.ports)
    live = replace(read_live(database.remote, "h"), source=source)
    assert names == sorted(p.name for b in live.bridges for p in b.ports)
    assert replace(host, bridges=[], managers=[]) == replace(live, bridges=[], managers=[])


def test_over_ssh_the_devices_of_that_machine_are_told_if_they_are_its_open_vswitch_s(
    database: Database,  # noqa: F811
    server: int,
) -> None:
    (device,) = [entry for entry in json.loads(ip("-j", "addr", "show", "lo")) if entry["ifname"] == "lo"]
    database.vsctl(
        "add-br", "lo", "--", "set", "interface", "lo", "type=internal", f'mac_in_use="{device["address"]}"',
        "--", "add-port", "lo", "v", "--", "set", "interface", "v", "type=vxlan", "options:local_ip=127.0.0.1",
        "options:remote_ip=192.0.2.1",
    )  # fmt: skip
    source = f"h=ssh:root@127.0.0.1:{server}"
    (host,) = understand(read_sources([source], lambda _: {}).hosts).hosts[:1]
    assert [(found.name, found.mtu) for found in host.underlay or ()] == [("lo", device["mtu"])]
    database.vsctl("set", "interface", "lo", 'mac_in_use="02:00:00:00:00:01"')
    (other,) = understand(read_sources([source], lambda _: {}).hosts).hosts[:1]
    assert other.underlay is None and "underlay" in other.not_told


def test_over_ssh_a_packet_is_traced_by_that_hosts_own_open_vswitch(
    database: Database,  # noqa: F811
    server: int,
) -> None:
    environ = {**os.environ, "OVS_RUNDIR": str(database.folder)}
    argv = ["ovs-vswitchd", database.remote, "--enable-dummy=override", "--pidfile", "-vconsole:off", "-vsyslog:off"]
    switch = subprocess.Popen(argv, env=environ, stderr=subprocess.DEVNULL)
    try:
        until((database.folder / "ovs-vswitchd.pid").exists)
        add = ("--", "add-port", "br0", "one", "--", "add-port", "br0", "two")
        database.vsctl("add-br", "br0", *add)
        management = database.folder / "br0.mgmt"
        until(lambda: management.exists() and database.run("ovs-vsctl", "get", "interface", "two", "ofport") == "2\n")
        socket = f"unix:{management}"
        subprocess.run(["ovs-ofctl", "add-flow", socket, "priority=9,in_port=1,icmp,actions=output:2"], check=True)
        source = f"h=ssh:root@127.0.0.1:{server}"
        command = [sys.executable, "-m", "tunbridge", "trace", "h:one", "h:two", source, "--from-ip", "10.0.0.1"]
        more = ["--to-ip", "10.0.0.2", "--from-mac", "02:00:00:00:00:01", "--to-mac", "02:00:00:00:00:02"]
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "  br0         0                    icmp,in_port=one\n" in done.stdout
        assert done.stdout.endswith("✓ out by two (two)\n\ntwo receives it\n")
    finally:
        switch.terminate()
        switch.wait(10)


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def test_many_hosts_are_read_in_their_order_and_one_that_fails_is_named(database: Database, server: int) -> None:  # noqa: F811
    database.vsctl("add-br", "br-int")
    sources = [f"h{i}=ssh:root@127.0.0.1:{server}" for i in range(6)]
    reading = read_sources([*sources, "ssh:127.0.0.1:1"], lambda _: {})
    assert [host.name for host in reading.hosts] == [f"h{i}" for i in range(6)]
    (problem,) = map(str, reading.problems)
    assert problem.startswith("ssh:127.0.0.1:1: ") and "refused" in problem


@pytest.mark.parametrize(
    "target",
    [
        "-oProxyCommand=touch x",
        "-v",
        "root@-v",
        "a b",
        "host;reboot",
        "$(reboot)",
        "host:22x",
        "",
        "-l@h",
        "h\n",
        "`x`",
    ],
)
def test_what_is_no_plain_host_name_is_refused(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = tmp_path / "ssh"
    client.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (problem,) = read_sources([f"ssh:{target}"], lambda _: {}).problems
    assert "ssh:[USER@]HOST" in str(problem)
    assert not (tmp_path / "was-run").exists()


def test_over_ssh_changes_are_followed_and_nothing_is_left_there(database: Database, server: int) -> None:  # noqa: F811
    database.vsctl("add-br", "br-int", "--", "add-port", "br-int", "p1")
    source = f"ssh:root@127.0.0.1:{server}"
    with watching("draw", "--watch", "-f", "json", f"h={source}") as watch:
        assert ports(watch.change()["document"]) == {"br-int", "p1"}
        until(lambda: len(monitors(database)) == len(COLUMNS))
        database.vsctl("add-port", "br-int", "p2")
        change = watch.change()
        assert ports(change["document"]) == {"br-int", "p1", "p2"}
        assert change["changed"] == [source] and not change["unreachable"]
        for count in range(5):
            database.vsctl("set", "interface", "p1", f"statistics:rx_packets={count}")
        database.vsctl("del-port", "p2")
        assert ports(watch.change()["document"]) == {"br-int", "p1"}, "counters made no line before this one"
        before = set(monitors(database))
        os.kill(min(before), signal.SIGTERM)
        until(lambda: len(set(monitors(database)) - before) == len(COLUMNS))
        database.vsctl("add-port", "br-int", "p3")
        while "p3" not in ports((change := watch.change())["document"]) or change["unreachable"]:
            pass
        assert watch.end() == 0
    until(lambda: monitors(database) == [])


def test_a_host_that_cannot_be_followed_over_ssh_is_told_with_the_reason(database: Database, server: int) -> None:  # noqa: F811
    database.vsctl("add-br", "br-int")
    source = f"ssh:root@127.0.0.1:{server}"
    with watching(
        "check", "--watch", "-f", "json", f"h={database.remote}", f"ssh:root@127.0.0.1:{free_port()}"
    ) as watch:
        (reason,) = watch.change()["unreachable"].values()
        assert "refused" in reason
    with watching("draw", "--watch", "-f", "json", f"h={source}") as watch:
        assert ports(watch.change()["document"]) == {"br-int"}
        until(lambda: len(monitors(database)) == len(COLUMNS))
        os.kill(int((database.folder / "ovsdb.pid").read_text()), signal.SIGKILL)
        while not (change := watch.change())["unreachable"]:
            pass
        assert ports(change["document"]) == {"br-int"}, "shown as it was"
        revive(database)
        while watch.change()["unreachable"]:
            pass


def monitors(database: Database) -> list[int]:  # noqa: F811
    """The processes that follow this test's database over ssh."""
    return [pid for pid, line in processes() if b"monitor" in line and b"ovsdb-client" in line[0] and at(pid, database)]


def processes() -> Iterator[tuple[int, list[bytes]]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(folder.name), (folder / "cmdline").read_bytes().split(b"\0")


def at(pid: int, database: Database) -> bool:  # noqa: F811
    with contextlib.suppress(OSError):
        return f"OVS_RUNDIR={database.folder}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def test_a_host_that_says_nothing_is_given_up_in_time() -> None:
    from tunbridge.inspect.content import SourceError
    from tunbridge.inspect.ssh import read_ssh

    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with pytest.raises(SourceError, match=r"no answer in 0\.5 s"):
            read_ssh(f"ssh:127.0.0.1:{mute.getsockname()[1]}", None, timeout=0.5)


def test_an_answer_without_end_is_cut_off_and_the_client_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tunbridge.inspect import ssh
    from tunbridge.inspect.content import SourceError

    client = tmp_path / "ssh"
    client.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec yes\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ssh, "MAX_BYTES", 1 << 20)
    with pytest.raises(SourceError, match="ssh:h: an answer longer than 1 MiB"):
        ssh.read_ssh("ssh:h", None)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_an_answer_that_trickles_without_end_is_given_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tunbridge.inspect import ssh
    from tunbridge.inspect.content import SourceError

    client = tmp_path / "ssh"
    client.write_text("#!/bin/sh\nexec sh -c 'while :; do echo x; done'\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SourceError, match=r"ssh:h: no answer in 0\.5 s"):
        ssh.read_ssh("ssh:h", None, timeout=0.5)
