"""What a host shall look like in OVSDB: its bridges and ports, computed from its configuration alone."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from tunbridge.dataplane import names

_NONE: Mapping[str, str] = MappingProxyType({})

TUNNEL_OPTIONS = {"df_default": "true", "egress_pkt_mark": "0", "in_key": "flow", "out_key": "flow"}
"""Options of every tunnel port besides its addresses; the key is set and matched by flows."""


class ProviderSpec(Struct, frozen=True, kw_only=True):
    """A physical network on this host."""

    physical_network: str
    bridge: str
    nics: tuple[str, ...] = ()


class Export(Struct, frozen=True, kw_only=True):
    """Records of what passes br-int, sent to collectors. `table` is that of OVSDB: IPFIX or sFlow."""

    table: Literal["IPFIX", "sFlow"]
    targets: tuple[str, ...]
    sampling: int
    """One of so many packets is looked at."""


class Collector(Struct, frozen=True, order=True):
    """Who is sent copies of packets, and in which tunnel."""

    kind: Literal["erspan", "gre"]
    remote_ip: str


class HostSpec(Struct, frozen=True, kw_only=True):
    """What the operator wants of this host. `manager` None: none."""

    local_ip: str
    tunnel_types: tuple[str, ...] = ("vxlan",)
    tunnel_dscp: Literal["inherit"] | int = 0
    remote_ips: tuple[str, ...] = ()
    providers: tuple[ProviderSpec, ...] = ()
    datapath_type: str | None = None
    manager: str | None = None
    controller: str
    export: Export | None = None
    collectors: tuple[Collector, ...] = ()


class WantedPort(Struct, frozen=True, kw_only=True):
    """A port with one interface of the same name."""

    name: str
    type: str
    options: Mapping[str, str] = _NONE


class WantedBridge(Struct, frozen=True, kw_only=True):
    """A bridge, our ports in it, and the NICs that belong there. `physical_network` is set on provider bridges."""

    name: str
    ports: tuple[WantedPort, ...] = ()
    nics: tuple[str, ...] = ()
    physical_network: str | None = None


class WantedHost(Struct, frozen=True, kw_only=True):
    """Everything that we keep in the OVSDB of one host."""

    manager: str | None
    controller: str
    datapath_type: str | None
    tunnel_types: tuple[str, ...]
    bridges: tuple[WantedBridge, ...]
    export: Export | None = None

    @property
    def tunnel_ports(self) -> list[str]:
        """Names of the tunnel ports."""
        return [p.name for b in self.bridges for p in b.ports if p.type in self.tunnel_types]

    @property
    def provider_bridges(self) -> list[str]:
        """Names of the provider bridges."""
        return [b.name for b in self.bridges if b.physical_network is not None]


def wanted(spec: HostSpec) -> WantedHost:
    """Work out bridges, patch pairs, a tunnel to each other host, and provider bridges."""
    integration = [_patch(names.PATCH_TO_TUNNEL, names.PATCH_TO_INTEGRATION), *map(_mirror, spec.collectors)]
    providers = []
    for provider in spec.providers:
        inner, outer = names.integration_patch(provider.bridge), names.provider_patch(provider.bridge)
        integration.append(_patch(inner, outer))
        providers.append(
            WantedBridge(
                name=provider.bridge,
                ports=(_patch(outer, inner),),
                nics=provider.nics,
                physical_network=provider.physical_network,
            )
        )
    tunnels = [_tunnel(spec, type, ip) for type in spec.tunnel_types for ip in spec.remote_ips if ip != spec.local_ip]
    return WantedHost(
        manager=spec.manager,
        controller=spec.controller,
        datapath_type=spec.datapath_type,
        tunnel_types=spec.tunnel_types,
        export=spec.export,
        bridges=(
            WantedBridge(name=names.INTEGRATION_BRIDGE, ports=tuple(integration)),
            WantedBridge(
                name=names.TUNNEL_BRIDGE,
                ports=(_patch(names.PATCH_TO_INTEGRATION, names.PATCH_TO_TUNNEL), *tunnels),
            ),
            *providers,
        ),
    )


def _patch(name: str, peer: str) -> WantedPort:
    return WantedPort(name=name, type="patch", options={"peer": peer})


_IN_KEY = "0xffffffff"
"""A tunnel with a key of its own for what comes in is another one than that to a host with the same address."""


def _mirror(collector: Collector) -> WantedPort:
    """A port for copies only; flows set their tunnel ids. What is larger than the wire takes is fragmented."""
    options = {"remote_ip": collector.remote_ip, "in_key": _IN_KEY, "out_key": "flow", "df_default": "false"}
    if collector.kind == "erspan":
        options |= {"erspan_ver": "1", "erspan_idx": "flow"}
    type_ = f"ip6{collector.kind}" if ":" in collector.remote_ip else collector.kind
    return WantedPort(name=names.mirror_port(collector.kind, collector.remote_ip), type=type_, options=options)


def _tunnel(spec: HostSpec, type: str, remote_ip: str) -> WantedPort:
    options = {**TUNNEL_OPTIONS, "local_ip": spec.local_ip, "remote_ip": remote_ip}
    if dscp := spec.tunnel_dscp:
        # The whole byte: its two lower bits, ECN, come from the packet inside in any case (ovs-vswitchd.conf.db(5)).
        options["tos"] = dscp if dscp == "inherit" else f"{dscp << 2:#x}"
    return WantedPort(name=names.tunnel_port(type, remote_ip), type=type, options=options)
