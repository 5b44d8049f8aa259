# mypy: ignore-errors
# Runs with the Python of .venv-suites, whose modules are not there where types are checked.
"""The `openstack` command, by forks of a process that has loaded it: to start it takes longer than what it does.

As a program: PYTHON forked.py SOCKET PROGRAM serves at a socket, and writes the program that asks there.
"""

import contextlib
import io
import json
import os
import signal
import socket
import sys
from pathlib import Path

PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({path!r})
    told = json.dumps({{"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}}).encode()
    socket.send_fds(asked, [len(told).to_bytes(4, "big")], [0, 1, 2])
    asked.sendall(told)
    sys.exit(int(asked.recv(16) or b"70"))
"""


def main(path, program):
    from openstackclient import shell

    sys.argv[0] = "openstack"

    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        shell.main(["help"])  # loads all that commands need
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as served:
        served.bind(path)
        served.listen(16)
        written = Path(program + ".new")
        written.write_text(PROGRAM.format(python=sys.executable, path=path))
        written.chmod(0o755)
        written.rename(program)
        while True:
            asked, _ = served.accept()
            if os.fork() == 0:
                _run(asked, shell)
            asked.close()


def _run(asked, shell):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    length, files, _, _ = socket.recv_fds(asked, 4, 3)
    told = json.loads(_all_of(asked, int.from_bytes(length, "big")))
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["env"])
    try:
        status = shell.main(told["argv"])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    asked.send(str(status or 0).encode())
    os._exit(0)


def _all_of(asked, length):
    found = b""
    while len(found) < length:
        found += asked.recv(length - len(found))
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
