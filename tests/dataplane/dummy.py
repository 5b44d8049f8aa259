"""A real ovs-vswitchd on the dummy datapath; `ofproto/trace` says where packets come out.

Needs no root and no namespaces. One daemon serves all tests of a process; each simulated host has bridges of its own in
it, named HOST-int, HOST-tun and so on, since names of bridges are unique in one Open vSwitch.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.openvswitch import dummy
from tunbridge.dataplane import pipeline
from tunbridge.dataplane.contribution import Meter
from tunbridge.dataplane.flows import Flow, parse_dump
from tunbridge.inspect.trace.ask import answered
from tunbridge.openvswitch import ofctl

PortSpec = tuple[int, str, Mapping[str, str]]
"""OpenFlow port, type, options."""
LOOKUPS = 8
"""Times that conntrack is asked about one packet, at most."""


class Dummy(dummy.Dummy):
    """A running Open vSwitch."""

    options = (*dummy.Dummy.options, "--disable-system", "--disable-system-route")

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._devices: dict[int, str] | None = None

    def vsctl(self, *arguments: str) -> str:
        self._devices = None
        return super().vsctl(*arguments)

    def add_bridges(self, bridges: Mapping[str, Mapping[str, PortSpec]]) -> None:
        """Add bridges with ports."""
        arguments: list[str] = []
        for name, ports in bridges.items():
            arguments += ["--", "add-br", name, "--", "set", "bridge", name, "datapath_type=dummy", "fail_mode=secure"]
            for port, (number, kind, options) in ports.items():
                settings = [f"options:{k}={v}" for k, v in options.items()]
                arguments += ["--", "add-port", name, port, "--", "set", "interface", port]
                arguments += [f"type={kind}", f"ofport_request={number}", *settings]
        self.vsctl(*arguments)
        for name in bridges:
            ofctl.command(self.rundir, name, "set-frags", pipeline.FRAGMENTS)

    def install(self, bridge: str, flows: Iterable[Flow], meters: Iterable[Meter] = ()) -> None:
        """Replace everything in a bridge."""
        rundir = self.rundir
        # A flow of the datapath that is there yet would have its packets learned by a revalidator, later.
        self.appctl("revalidator/purge")
        for meter in meters:
            there = f"meter={meter.id} " in self.meters(bridge)
            ofctl.command(rundir, bridge, "mod-meter" if there else "add-meter", meter.text)
        ofctl.bundle(rundir, bridge, "flow delete\n" + "".join(f"{f.add_line()}\n" for f in flows))

    def remove(self, bridge: str, flow: Flow) -> None:
        ofctl.bundle(self.rundir, bridge, f"{flow.delete_line()}\n")

    def dump(self, bridge: str) -> list[Flow]:
        return parse_dump(ofctl.dump_flows(self.rundir, bridge))

    def named_dump(self, bridge: str) -> list[str]:
        """The flows as operators see them."""
        command = ["ovs-ofctl", "-O", ofctl.VERSION, "--names", "--no-stats", "dump-flows"]
        text = self._run(*command, f"unix:{self.directory}/{bridge}.mgmt")
        return [line for line in text.splitlines() if line.startswith(" cookie=")]

    def meters(self, bridge: str) -> str:
        return ofctl.command(self.rundir, bridge, "dump-meters")

    def devices(self) -> dict[int, str]:
        """Datapath port -> device."""
        if self._devices is None:
            shown = self.appctl("dpif/show")
            self._devices = {int(m[2]): m[1] for m in re.finditer(r"^ {4}(\S+) \d+/(\d+):", shown, re.M)}
        return self._devices

    def trace(self, bridge: str, packet: str, *ct_next: str) -> str:
        """Trace a packet, with what conntrack says at each lookup."""
        for word in ("udp", "tcp", "sctp"):
            if f"{word}," in packet or f"{word}6," in packet:  # tp_src is read in flows, but not here
                packet = packet.replace("tp_src=", f"{word}_src=").replace("tp_dst=", f"{word}_dst=")
        if "icmp6," in packet:
            packet = packet.replace("icmp_type=", "icmpv6_type=").replace("icmp_code=", "icmpv6_code=")
        states = [*ct_next, *["trk,new"] * (LOOKUPS - len(ct_next))]
        return answered(lambda options: self.appctl("ofproto/trace", *options, bridge, packet), states)
