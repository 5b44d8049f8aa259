"""Cardinality sources: a file that lists them, a limit of time for each, a bar on a terminal and none elsewhere."""

import json
import os
import pty
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.test_see import COMPUTE, NETWORK, TUNBRIDGE, run


def names(text: str) -> list[str]:
    return [host["name"] for host in json.loads(text)["hosts"] if host["known"]]


def test_a_file_lists_sources_after_those_of_the_command_line(tmp_path: Path) -> None:
    listed = tmp_path / "hosts"
    listed.write_text(f"# ours\n\n  network0={NETWORK}   # the gateway\n")
    done = run("draw", "-f", "json", f"compute0={COMPUTE}", "--hosts", listed)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(done.stdout) == ["compute0", "network0"]


def test_standard_input_lists_them_too() -> None:
    done = run("draw", "-f", "json", "--hosts", "-", stdin=f"a={COMPUTE}\r\nb={NETWORK}\r\n")
    assert names(done.stdout) == ["a", "b"]


def test_a_bare_host_name_is_read_over_ssh(tmp_path: Path) -> None:
    client = tmp_path / "ssh"
    client.write_text('#!/bin/sh\necho "asked: $*" | head -n1 | cut -c1-300 >&2\nexit 1\n')
    client.chmod(0o755)
    listed = tmp_path / "hosts"
    listed.write_text("node-1.example.org\nx=root@node-2\n")
    done = run("check", "--hosts", listed, "--timeout", "7", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert "ssh:node-1.example.org: asked: -T -o BatchMode=yes -o ConnectTimeout=7 -- node-1.example.org sh" in first
    assert "ssh:root@node-2: asked: " in second


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("# none\n", "hosts: names no host"),
        ("a b\n", "hosts, line 1: 'a b': one SOURCE on each line"),
        ("\n-\n", "hosts, line 2: standard input is no host"),
        (b"\xff\xfe\n", "hosts: not text in UTF-8"),
        (None, "hosts: cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_with_the_file_is_told_by_line(tmp_path: Path, content: str | bytes | None, told: str) -> None:
    listed = tmp_path / "hosts"
    if content is not None:
        listed.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = run("draw", "--hosts", listed)
    assert done.returncode == 2
    assert told in done.stderr


def test_standard_input_cannot_be_both() -> None:
    done = run("draw", "-", "--hosts", "-", stdin="")
    assert done.returncode == 2
    assert "standard input is a SOURCE already" in done.stderr


def test_a_host_that_does_not_answer_keeps_nobody_waiting_longer_than_its_time() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        mutes = [f"m{n}=tcp:127.0.0.1:{mute.getsockname()[1]}" for n in range(12)]
        done = run("draw", "-f", "json", *mutes, f"c={COMPUTE}", "--timeout", "0.5")
    assert done.returncode == 2
    assert names(done.stdout) == ["c"]
    assert done.stderr.count("connected, but no answer in time") == 12


def test_a_terminal_is_shown_how_far_it_is_and_a_pipe_is_not() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        argv = [*TUNBRIDGE, "draw", "-f", "json", f"m=tcp:127.0.0.1:{mute.getsockname()[1]}", f"c={COMPUTE}"]
        ours, theirs = pty.openpty()
        process = subprocess.Popen([*argv, "--timeout", "1"], stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        shown, deadline = b"", time.monotonic() + 30
        while b"1/2" not in shown and time.monotonic() < deadline:
            shown += os.read(ours, 4096)
        assert b"1/2" in shown
        assert process.stdout is not None
        assert names(process.stdout.read().decode()) == ["c"]
        process.wait(30)
        os.close(ours)
        assert "1/2" not in run(*argv[3:], "--timeout", "0.5").stderr


def test_reading_that_takes_longer_than_a_second_shows_that_it_is_at_work() -> None:
    ours, theirs = pty.openpty()
    argv = [*TUNBRIDGE, "check", "-f", "json", "-"]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    assert process.stdin is not None
    shown, deadline = b"", time.monotonic() + 30
    while b"reading" not in shown and time.monotonic() < deadline:  # nothing comes on its standard input
        shown += os.read(ours, 4096)
    process.stdin.write(Path(COMPUTE).read_bytes())
    process.stdin.close()
    process.wait(30)
    os.close(ours)
    assert b"reading" in shown
