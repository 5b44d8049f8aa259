"""How a host is asked: over the control socket of its `ovs-vswitchd` on this machine, or by ssh.

What conntrack says of a packet has to be told to a trace, for each lookup in turn (`--ct-next`). Where the lookup
translates the source, it says that besides: so the question is asked again, once the trace has shown such a lookup.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from tunbridge.errors import TunbridgeError
from tunbridge.inspect import ssh
from tunbridge.inspect.model import Document
from tunbridge.inspect.trace.follow import Ask
from tunbridge.openvswitch import unixctl

_NEW = "trk,new"
"""What a trace takes conntrack to say, unless it is told."""
_LOOKED_UP = re.compile(r"^recirc\((0x[0-9a-f]+)\) - resume conntrack", re.M)
_TRANSLATED = re.compile(r"nat\(src=[^)]*\)[^)]*\),recirc\((0x[0-9a-f]+)\)")
"""In "Datapath actions": a lookup that translates the source, and the round that goes on from there."""
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

    def ask(host: str, bridge: str, flow: str, frame: str | None) -> str:
        packet = [flow] if frame is None else [flow, frame]
        return answered(lambda states: once(host, bridge, packet, ["--names", *states]), [ct_state or _NEW] * _LOOKUPS)

    def once(host: str, bridge: str, packet: Sequence[str], options: Sequence[str]) -> str:
        source = sources.get(host, "")
        kind, _, path = source.partition(":")
        try:
            if kind == "ssh":
                return ssh.run(source, ["ovs-appctl", "ofproto/trace", *options, bridge, *packet], timeout)
            if kind != "unix":
                raise NotAskedError(f"{source or 'a text'} is no running Open vSwitch that can be asked")
            control = unixctl.control_socket(Path(path).parent, "ovs-vswitchd")
            if control is None:
                return run(source, ["ovs-appctl", "ofproto/trace", *options, bridge, *packet])
            return unixctl.call(control, "ofproto/trace", *options, bridge, *packet, timeout=timeout)
        except TunbridgeError as e:
            raise NotAskedError(f"{host}: cannot be asked for a trace: {e}") from e

    return ask


def answered(trace: Callable[[Sequence[str]], str], states: Sequence[str]) -> str:
    """Trace a packet with what conntrack says at each lookup; `trace` takes options of `ofproto/trace`.

    What a lookup is depends on those before it alone: so each round has one more of them right, at least.
    """
    said = list(states)
    while True:
        text = trace([option for state in said for option in ("--ct-next", state)])
        translated = set(_TRANSLATED.findall(text))
        lookups = zip(states, _LOOKED_UP.findall(text), strict=False)
        told = [f"{state},snat" if id in translated and "inv" not in state else state for state, id in lookups]
        told += states[len(told) :]
        if told == said:
            return text
        said = told
