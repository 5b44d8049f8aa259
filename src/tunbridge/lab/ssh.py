"""The channel into a kernel host: OpenSSH, over a NIC that only the host's namespace leads to.

Streams, exit status, terminals and the forwarding of Unix sockets (which do not cross kernels) come with it, so there
is no protocol of ours. One connection that all commands share makes a command cheap.
"""

import shlex
import subprocess
from pathlib import Path

from tunbridge.lab import namespaces
from tunbridge.lab.machine import environment

OUTER, INNER = "169.254.255.1", "169.254.255.2"
"""Addresses of the NIC's two ends."""
FAILED = 255
"""Exit status of ssh when the connection is what failed."""


class Channel:
    """Commands of the root account of the kernel that the namespace leads to. `folder` holds keys and socket."""

    def __init__(self, lab: str, namespace: str, folder: Path) -> None:
        self.lab = lab
        self.namespace = namespace
        self.folder = folder

    def make_keys(self) -> None:
        """Make the key of the host and that of whoever connects."""
        for key in ("host_key", "key"):
            namespaces.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / key))

    def open(self, log: Path, forward: dict[Path, str], backward: dict[str, Path]) -> bool:
        """Connect, and forward Unix sockets: ours -> there, there -> ours. False when it does not answer."""
        options = [option for ours, there in forward.items() for option in ("-L", f"{ours}:{there}")]
        options += [option for there, ours in backward.items() for option in ("-R", f"{there}:{ours}")]
        with log.open("ab") as file:
            done = subprocess.run(
                [*self._ssh("-M", "-N", "-f", "-o", "StreamLocalBindUnlink=yes", *options), INNER],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False,
                env=environment(**{namespaces.MARK: self.lab}),
            )  # fmt: skip
        return done.returncode == 0

    def is_open(self) -> bool:
        """Whether the shared connection is there."""
        return namespaces.run(*self._ssh("-O", "check"), INNER, check=False).returncode == 0

    def line(self, *argv: str, terminal: bool = False, **environ: str) -> list[str]:
        """Give the command line that runs `argv` there in the folder /; ssh hands one string to a shell."""
        words = ["env", "-C", "/", *(f"{k}={v}" for k, v in environ.items()), *argv]
        return [*self._ssh("-tt" if terminal else "-T"), INNER, "exec " + shlex.join(words)]

    def _ssh(self, *options: str) -> list[str]:
        given = (
            "BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR",
            "ConnectTimeout=30", "IdentitiesOnly=yes", "ServerAliveInterval=10", f"ControlPath={self.folder}/ssh",
        )  # fmt: skip
        line = ["nsenter", f"--net=/run/netns/{self.namespace}", "--", "ssh", "-F", "none", "-l", "root"]
        return [*line, "-i", str(self.folder / "key"), *(f"-o{option}" for option in given), *options]
