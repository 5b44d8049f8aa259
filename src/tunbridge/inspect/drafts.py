"""A host while its text is read: objects that lines add to, until they are whole.

HostDraft  BridgeDraft  PortDraft  InterfaceDraft  RemoteDraft (a Manager or a Controller)
"""

import re
from collections.abc import Callable

from tunbridge.inspect.model import Bridge, Controller, Host, Interface, Lines, Manager, Part, Port
from tunbridge.inspect.names import stem
from tunbridge.inspect.values import integer, integers, mapping, string

NO_BRIDGE = "?"
"""Name of a bridge whose own line is missing from a text with a truncated head, and that no local port tells."""

NOT_SHOWN = [
    "bond_mode", "lacp", "bond_active_slave", "other_config", "external_ids", "mtu", "mtu_request", "mac_in_use",
    "admin_state", "link_state", "link_speed", "duplex", "lacp_current", "bfd", "statistics", "status",
    "mac_table_size", "mac_table_used", "chassis_id", "flow_restore_wait", "underlay",
    "bridge_mappings", "master", "fake_bridge",
]  # fmt: skip
"""What the model has and `ovs-vsctl show` does not print."""

_FIELD = re.compile(r'[a-z][a-z0-9_]{0,40}: (?:"(?:[^"\\]|\\.)*+"|[^\s"{\[]+|\{[^{}]*\}|\[[^\[\]]*\])')
"""A field of a vendor's, which has one value: prose has several words."""


class InterfaceDraft:
    def __init__(self, name: str, line: int) -> None:
        self.name = name
        self.type = "system"
        self.options: dict[str, str] = {}
        self.error: str | None = None
        self.bfd_status: dict[str, str] | None = None
        self.extra: dict[str, str] = {}
        self.lines: Lines = {"name": line}

    def done(self) -> Interface:
        return Interface(
            name=self.name,
            type=self.type,
            options=self.options,
            error=self.error,
            bfd_status=self.bfd_status,
            extra=self.extra,
            lines=self.lines,
        )


class PortDraft:
    def __init__(self, name: str, lines: Lines) -> None:
        self.name = name
        self.tag: int | None = None
        self.trunks: list[int] = []
        self.bond_mode: str | None = None
        self.interfaces: list[InterfaceDraft] = []
        self.extra: dict[str, str] = {}
        self.lines = lines

    def done(self) -> Port:
        return Port(
            name=self.name,
            tag=self.tag,
            trunks=self.trunks,
            bond_mode=self.bond_mode,
            interfaces=[interface.done() for interface in self.interfaces],
            extra=self.extra,
            lines=self.lines,
        )


class RemoteDraft:
    """A Manager or a Controller."""

    def __init__(self, target: str, line: int) -> None:
        self.target = target
        self.is_connected: bool | None = False
        self.extra: dict[str, str] = {}
        self.lines: Lines = {"name": line}

    @property
    def stated_target(self) -> str:
        """The target: what stands in its heading, or in a line of its own where a vendor's heading is a number."""
        return self.target if ":" in self.target else self.extra.get("target", self.target)

    def manager(self) -> Manager:
        return Manager(target=self.stated_target, is_connected=self.is_connected, extra=self.extra, lines=self.lines)

    def controller(self) -> Controller:
        return Controller(target=self.stated_target, is_connected=self.is_connected, extra=self.extra, lines=self.lines)


class BridgeDraft:
    def __init__(self, name: str, lines: Lines) -> None:
        self.name = name
        self.fail_mode: str | None = None
        self.datapath_type: str | None = None
        self.controllers: list[RemoteDraft] = []
        self.ports: list[PortDraft | Port] = []
        self.extra: dict[str, str] = {}
        self.lines = lines

    def done(self) -> Bridge:
        return Bridge(
            name=self.name if "name" in self.lines else self._guess(),
            fail_mode=self.fail_mode,
            datapath_type=self.datapath_type,
            controllers=[remote.controller() for remote in self.controllers],
            ports=[port if isinstance(port, Port) else port.done() for port in self.ports],
            extra=self.extra,
            lines=self.lines,
        )

    def _guess(self) -> str:
        """Name a bridge whose line was cut off by its local port: the one internal interface called br-something."""
        local = [i.name for p in self.ports for i in p.interfaces if i.type == "internal" and i.name.startswith("br")]
        return local[0] if len(local) == 1 else NO_BRIDGE


class HostDraft:
    def __init__(self, system_id: str | None, name: str | None, lines: Lines) -> None:
        self.system_id = system_id
        self.name = name
        self.ovs_version: str | None = None
        self.managers: list[RemoteDraft] = []
        self.bridges: list[BridgeDraft] = []
        self.bridge_names: set[str] = set()
        self.lines = lines
        self.missing: dict[Part, None] = {} if system_id else {"beginning": None}
        self.bridge: BridgeDraft | None = None
        self.port: PortDraft | None = None
        self.interface: InterfaceDraft | None = None
        self.remote: RemoteDraft | None = None
        self.latest: RemoteDraft | BridgeDraft | PortDraft | InterfaceDraft | None = None
        """The object that was begun last."""
        self.is_adrift = False
        """Whether lines were left out since the last `Bridge` line: it may not be the bridge of what follows."""

    @property
    def is_only_words(self) -> bool:
        """Whether nothing but bare names was read: neither a UUID nor any port."""
        return self.system_id is None and not any(bridge.ports for bridge in self.bridges)

    def begin(self, kind: str, name: str, line: int) -> None:
        """Begin the object that a line names, in the object of the next higher kind that was begun last."""
        if kind == "Bridge":
            self._begin_bridge(name, {"name": line})
        elif kind == "Port":
            self._begin_port(name, {"name": line})
        elif kind == "Interface":
            if self.port is None:
                self._begin_port(name, {})  # its Port line was cut off: all but bonds have one interface of their name
            assert self.port is not None
            self.interface = self.latest = InterfaceDraft(name, line)
            self.port.interfaces.append(self.interface)
        else:
            remotes = self.managers if kind == "Manager" else self._some_bridge().controllers
            self.remote = self.latest = RemoteDraft(name, line)
            remotes.append(self.remote)

    def _begin_bridge(self, name: str, lines: Lines) -> BridgeDraft:
        self.bridge = self.latest = BridgeDraft(name, lines)
        self.bridges.append(self.bridge)
        self.bridge_names.add(name)
        self.port = self.interface = self.remote = None
        self.is_adrift = False
        return self.bridge

    def _begin_port(self, name: str, lines: Lines) -> None:
        ports = self._some_bridge().ports
        self.port = self.latest = PortDraft(name, lines)
        ports.append(self.port)
        self.interface = self.remote = None

    def add_port(self, port: Port) -> None:
        """Take a port that was read as a whole."""
        self._some_bridge().ports.append(port)
        self.port = self.interface = self.remote = self.latest = None

    def leave_out(self) -> None:
        """Note that lines were left out here: what the next attributes belong to may be among them."""
        self.missing["middle"] = None
        self.port = self.interface = self.remote = self.latest = None
        self.is_adrift = True

    def _some_bridge(self) -> BridgeDraft:
        return self.bridge or self._begin_bridge(NO_BRIDGE, {})

    def set(self, key: str, value: str, line: int) -> None:
        """Take one `key: value`; what Open vSwitch does not print is `extra` of the object that was begun last.

        What has lost its object is passed over. Raises BadValueError.
        """
        if key == "ovs_version":
            self.ovs_version = string(value) or None
            self.lines[key] = line
        elif key in ("fail_mode", "datapath_type"):
            if self.bridge is not None and not self.is_adrift:
                setattr(self.bridge, key, string(value) or None)
                self.bridge.lines[key] = line
        elif key == "is_connected":
            if self.remote is not None:
                self.remote.is_connected = string(value) == "true"
                self.remote.lines[key] = line
        elif key in _PORT_KEYS:
            if self.port is not None:
                setattr(self.port, key, _PORT_KEYS[key](value))
                self.port.lines[key] = line
        elif key in _INTERFACE_KEYS:
            if self.interface is not None:
                setattr(self.interface, key, _INTERFACE_KEYS[key](value))
                self.interface.lines[key] = line
        elif self.latest is not None and _FIELD.fullmatch(f"{key}: {value}"):
            self.latest.extra[key] = string(value) if value[:1] == '"' else value
            self.latest.lines[key] = line

    def _forget_what_was_cut_off(self) -> None:
        """Make unknown whether remotes are connected, where the line that tells it may be what is missing."""
        if "middle" in self.missing:
            remotes = [*self.managers, *(controller for bridge in self.bridges for controller in bridge.controllers)]
        else:
            remotes = [self.remote] if self.remote is not None and self.ovs_version is None else []
        for remote in remotes:
            remote.is_connected = remote.is_connected or None

    def done(self, source: str, name: str | None) -> Host:
        self._forget_what_was_cut_off()
        return Host(
            name=name or self.name or stem(source) or self.system_id or "host",
            source=source,
            system_id=self.system_id,
            ovs_version=self.ovs_version,
            managers=[remote.manager() for remote in self.managers],
            bridges=[bridge.done() for bridge in self.bridges],
            not_told=NOT_SHOWN,
            missing_parts=list(self.missing if self.ovs_version else {**self.missing, "end": None}),
            lines=self.lines,
        )


_PORT_KEYS: dict[str, Callable[[str], object]] = {
    "tag": integer,
    "trunks": integers,
    "bond_mode": lambda value: string(value) or None,
}
_INTERFACE_KEYS: dict[str, Callable[[str], object]] = {
    "type": lambda value: string(value) or "system",
    "options": mapping,
    "error": lambda value: string(value) or None,
    "bfd_status": mapping,
}


KEYS = frozenset((*_PORT_KEYS, *_INTERFACE_KEYS, "fail_mode", "datapath_type", "is_connected"))
