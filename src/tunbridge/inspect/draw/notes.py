"""What stands beside the name of a port or bridge: what is behind it, its network, where it leads, what it is for."""

from tunbridge.inspect import networks, plugged
from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.draw.views import Glyphs, PortKind
from tunbridge.inspect.interfaces import is_enslaved
from tunbridge.inspect.model import Bridge, Host, Link, Port
from tunbridge.inspect.roles import underlays
from tunbridge.inspect.translation import say
from tunbridge.inspect.wiring import Flavour, flavour
from tunbridge.openvswitch import sub_ports, vm_tags

DEAD_VLAN = 4095
UNDERLAY = "underlay"

_WORDS: dict[plugged.Kind, str] = {
    "vm": "VM",
    "pod": "pod",
    "dhcp": "DHCP",
    "router": "router",
    "gateway": "router, outside",
    "snat": "router, SNAT",
    "floating": "router, floating IPs",
    "ha": "router, HA",
    "node": "node",
    "antrea-gw": "node",
    "fake": "fake bridge",
}
"""What is behind a workload's port; of others no word is sure."""


_CARRIES = {vm_tags.TRANSPARENT: "VLAN-transparent", vm_tags.QINQ: "QinQ"}
"""What a network is whose VMs may have VLAN tags of their own."""


class Notes:
    """Makes them, with what is worked out once for a host or bridge and asked for each of its ports."""

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs
        self._flavours: dict[str, Flavour] = {}
        self._underlays: dict[str, set[str]] = {}
        self._with_pods: dict[tuple[str, str], bool] = {}

    def safe(self, text: str) -> str:
        """Make a text of a dump visible."""
        return visible(text, self.glyphs.is_ascii)

    def label(self, host: Host, bridge: Bridge) -> str:
        """Say in a word what a bridge is for."""
        if self._is_underlay(host, bridge):
            return say(UNDERLAY)
        return "" if bridge.role == "other" else say(bridge.role)

    def network(self, host: Host, bridge: Bridge) -> str:
        """Name the physical network that the NICs of a bridge are plugged into."""
        named = networks.physical(host, bridge)
        return self.safe(named) or (say(UNDERLAY) if self._is_underlay(host, bridge) else "")

    def _is_underlay(self, host: Host, bridge: Bridge) -> bool:
        if host.name not in self._underlays:
            self._underlays[host.name] = underlays(host)
        return bridge.name in self._underlays[host.name]

    def look(self, host: Host, bridge: Bridge) -> tuple[str, str]:
        """Give what hosts that are drawn as one must have in common here."""
        return self.label(host, bridge), self.network(host, bridge)

    def word(self, host: Host, bridge: Bridge, port: Port) -> str:
        """Say in a word what is behind a workload's port."""
        if host.name not in self._flavours:
            self._flavours[host.name] = flavour(host)
        at = (host.name, bridge.name)
        if at not in self._with_pods:
            self._with_pods[at] = plugged.of_pods(bridge.ports)
        word = _WORDS.get(plugged.kind(self._flavours[host.name], port, self._with_pods[at]), "")
        return say(word)

    def note(self, host: Host, bridge: Bridge, port: Port, kind: PortKind) -> tuple[str, ...]:
        """Say what stands beside the name of any port but a tunnel; then shorter forms, for less and less room.

        A workload that has a name can do without its local VLAN, then without its kind, then without its network.
        """
        notes = []
        spare = []
        if port.workload:
            notes.append(self.safe(port.workload))
        if kind == "workload" and (word := self.word(host, bridge, port)):
            notes.append(word)
            spare.append(word)
        if any(map(is_enslaved, port.interfaces)):
            notes.append(say("in a Linux bridge too"))
        if len(port.interfaces) > 1:
            notes.append("+".join(self.safe(interface.name) for interface in port.interfaces))
        if port.tag == DEAD_VLAN:
            notes.append(say("dead VLAN"))
        elif port.tag is not None:
            notes.append(f"{say('tag')} {port.tag}")
            spare.insert(0, notes[-1])
        if (network := networks.label(port)) is not None and port.tag != DEAD_VLAN:
            notes.append(f"{say('net')} {self.safe(network)}")
            spare.append(notes[-1])
            if (carries := (port.other_config or {}).get(vm_tags.KEY)) in _CARRIES:
                notes.append(say(_CARRIES[carries]))
        notes += [self.safe(address) for address in port.floating_ips]
        if port.trunks:
            notes.append(f"{say('trunk')} {','.join(map(str, port.trunks))}")
        if records := list(sub_ports.records_of((port.other_config or {}).get(sub_ports.KEY, ""))):
            notes.append(f"{say('trunk')} {','.join(str(one.vlan) for one in records)}")
        forms = [notes]
        for part in spare if port.workload else ():
            forms.append([one for one in forms[-1] if one != part])
        return tuple(f" {self.glyphs.dot} ".join(form) for form in forms)

    def peer(self, host: Host, port: Port, link: Link | None) -> str:
        """Say where a tunnel leads."""
        remote = next((i.options["remote_ip"] for i in port.interfaces if "remote_ip" in i.options), None)
        if remote is None and link is not None:
            far = link.b if (link.a.host, link.a.port) == (host.name, port.name) else link.a
            remote = link.remote_address if far is link.b else link.local_address
            remote = remote or (far.host if far else None)
        if remote is None:
            return ""
        return f"{self.glyphs.arrow} {say('any host') if remote == 'flow' else self.safe(remote)}"
