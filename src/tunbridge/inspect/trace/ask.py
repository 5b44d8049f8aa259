"""How a host is asked: over the control socket of its `ovs-vswitchd` on this machine, or by ssh."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tunbridge.errors import TunbridgeError
from tunbridge.inspect import ssh
from tunbridge.inspect.model import Document
from tunbridge.inspect.trace.follow import Ask
from tunbridge.openvswitch import unixctl

_LOOKUPS = 16
"""Times that conntrack is asked about one packet on one host, at most: for each the answer is given."""
TIMEOUT = 10.0
"""Seconds for one trace on one host."""

Run = Callable[[str, Sequence[str]], str]
"""(source, command line) -> what it prints. Raises TunbridgeError."""


class NotAskedError(TunbridgeError):
    """A host cannot be asked for a trace."""


def asking(document: Document, run: Run, ct_state: str | None = None, timeout: float = TIMEOUT) -> Ask:
    """Give what asks the hosts of a document, which were read live.

    `run`: runs a command on a host whose database answers here but whose daemons do not (a lab's virtual machine).
    `ct_state`: what conntrack is taken to say whenever it is asked, as `trk,est`; None: a new connection.
    """
    sources = {host.name: host.source or "" for host in document.hosts}
    options = ["--names", *(["--ct-next", ct_state] * _LOOKUPS if ct_state else [])]

    def ask(host: str, bridge: str, flow: str) -> str:
        source = sources.get(host, "")
        kind, _, path = source.partition(":")
        try:
            if kind == "ssh":
                return ssh.run(source, ["ovs-appctl", "ofproto/trace", *options, bridge, flow], timeout)
            if kind != "unix":
                raise NotAskedError(f"{source or 'a text'} is no running Open vSwitch that can be asked")
            control = unixctl.control_socket(Path(path).parent, "ovs-vswitchd")
            if control is None:
                return run(source, ["ovs-appctl", "ofproto/trace", *options, bridge, flow])
            return unixctl.call(control, "ofproto/trace", *options, bridge, flow, timeout=timeout)
        except TunbridgeError as e:
            raise NotAskedError(f"{host}: cannot be asked for a trace: {e}") from e

    return ask
