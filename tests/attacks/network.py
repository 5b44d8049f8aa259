"""A small network for a cluster's members and a client: a namespace each, and one with the router between them.

A router and no bridge: not every kernel that runs tests has bridges.
"""

import contextlib
import itertools
import os
import subprocess
from collections.abc import Iterator

ROUTER = "10.0.0.254"
_numbers = itertools.count()


class Network:
    """Namespaces by number, each with the address 10.0.0.NUMBER + 1, behind a router that can cut it off."""

    def __init__(self, size: int) -> None:
        run = f"tba{os.getpid()}-{next(_numbers)}"
        self.router = f"{run}r"
        self.names = [f"{run}n{number}" for number in range(size)]

    def address(self, number: int) -> str:
        return f"10.0.0.{number + 1}"

    def make(self) -> None:
        for name in (self.router, *self.names):
            ip("netns", "add", name)
        ip("netns", "exec", self.router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        for number, name in enumerate(self.names):
            peer, address = f"p{number}", f"{self.address(number)}/32"
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", peer, "netns", self.router)
            ip("-n", name, "address", "add", address, "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "route", "add", ROUTER, "dev", "eth0")
            ip("-n", name, "route", "add", "default", "via", ROUTER)
            ip("-n", self.router, "address", "add", f"{ROUTER}/32", "dev", peer)
            ip("-n", self.router, "route", "add", "blackhole", address, "metric", "100")
            self.mend(number)

    def cut(self, number: int) -> None:
        """Let nothing through any more, without a word to either side."""
        ip("-n", self.router, "link", "set", f"p{number}", "down")

    def mend(self, number: int) -> None:
        peer, address = f"p{number}", f"{self.address(number)}/32"
        ip("-n", self.router, "link", "set", peer, "up")
        ip("-n", self.router, "route", "replace", address, "dev", peer)

    def remove(self) -> None:
        for name in (*self.names, self.router):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextlib.contextmanager
def network(size: int) -> Iterator[Network]:
    """Give a network; it is removed whatever happens."""
    made = Network(size)
    try:
        made.make()
        yield made
    finally:
        made.remove()
