"""The agent's configuration: one TOML file, every setting also as an environment variable.

The file's keys are the fields of `AgentConfig`. `TUNBRIDGE_AGENT_<KEY>` (upper case) overrides a key; its value is what
would stand right of `=` in the file, and a string needs no quotes.
"""

import ipaddress
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from tunbridge import configuration
from tunbridge.configuration import ConfigurationError
from tunbridge.dataplane import names

ENV_PREFIX = "TUNBRIDGE_AGENT_"
USUAL_PATH = Path("/etc/tunbridge/agent.toml")
DEFAULT_RUN_DIR = "/run/tunbridge-agent"
FIXED = (
    "ovsdb", "ovs_rundir", "controller", "state_dir", "log_format", "log_level", "manager", "run_dir", "metrics",
    "metrics_anywhere", "host", "database", "database_tls", "metadata", "network_log",
)  # fmt: skip
"""Settings that only a restart changes."""

TunnelType = Literal["vxlan", "geneve", "gre"]
DatapathType = Literal["system", "netdev"]
LogFormat = Literal["logfmt", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

InterfaceName = Annotated[str, Meta(pattern=r"^[^\s/\x00-\x1f\x7f]{1,15}$")]
"""A Linux network device name: 1 to 15 characters, no slash, no white space (net/core/dev.c, dev_valid_name)."""
PhysicalNetwork = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class Peer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another host of the overlay: its name and its tunnel address."""

    host: str
    ip: str


class Provider(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one physical network is on this host: a bridge, and the NICs that belong into it.

    With no `nics`, those that the operator has put into the bridge are used as they are.
    """

    bridge: InterfaceName
    nics: list[InterfaceName] = field(default_factory=list)


class DatabaseTls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files in PEM form for `ssl:` remotes of the central database."""

    certificate: str
    private_key: str
    ca_certificate: str


class MetadataConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The metadata service for this host's VMs: Tunbridge's own, or Nova's where `nova_url` says where that is."""

    enabled: bool = True
    nova_url: str | None = None
    """Where nova-api-metadata listens: `http://controller:8775`."""
    shared_secret_file: str | None = None
    """File with Nova's `[neutron] metadata_proxy_shared_secret`."""
    nova_ca_file: str | None = None
    """Certificates in PEM form that an `https:` Nova is held against; none: the system's."""
    timeout: Annotated[int, Meta(ge=1, le=300)] = 60
    """Seconds that Nova may take."""


class NetworkLogConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where what security groups allow and drop is written, of ports that a log of the API is about."""

    rate_limit: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Packets per second of each port that are written; what is above goes its way and is not written."""
    burst_limit: Annotated[int, Meta(ge=1, le=10_000)] = 25
    """Packets at once."""
    agent_log: bool = True
    """Write to the agent's own log."""
    file: str | None = None
    """A file for them, one JSON object in a line; it may be renamed (logrotate) at any time."""


class FlowExport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records of what passes br-int, sent by Open vSwitch itself to collectors."""

    protocol: Literal["ipfix", "sflow"]
    targets: Annotated[list[str], Meta(min_length=1)]
    """Collectors: `IP:PORT`, by UDP; an IPv6 address in brackets."""
    sampling: Annotated[int, Meta(ge=1, le=2**32 - 1)] = 64
    """One of so many packets is looked at."""


Rate = Annotated[int, Meta(ge=1, le=2**31 - 1)]
"""kbit/s, or thousands of packets per second: what Placement takes as a total."""
TUNNELS = "rp_tunnelled"
"""Neutron's name for what stands in `resource_provider_bandwidths` for networks in tunnels."""


class Rates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What there is in each direction; None: nothing is said of it."""

    egress: Rate | None = None
    ingress: Rate | None = None


class Inventory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """What Placement is told of an inventory besides its total (its API: "Update resource provider inventory")."""

    allocation_ratio: Annotated[float, Meta(gt=0)] = 1.0
    min_unit: Rate = 1
    max_unit: Rate | msgspec.UnsetType = msgspec.UNSET
    step_size: Rate = 1
    reserved: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class AgentConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of the agent. Times are seconds."""

    local_ip: str
    """Tunnel address of this host, IPv4 or IPv6: outer source address of its overlay packets."""
    host: str = field(default_factory=socket.gethostname)
    """Name of this host, as its peers and the API know it."""
    tunnel_types: tuple[TunnelType, ...] = ("vxlan",)
    """A tunnel of each to each other host, for the networks of that type; the first carries BFD and taps besides."""
    tunnel_dscp: Literal["inherit"] | Annotated[int, Meta(ge=0, le=63)] = 0
    """DSCP field of outer headers: a value, or that of the packet inside (Neutron's `dscp` and `dscp_inherit`)."""
    peers: list[Peer] = field(default_factory=list)
    """The other hosts; this host's own entry, recognised by `local_ip`, is skipped, so all hosts can share one list."""
    providers: dict[PhysicalNetwork, Provider] = field(default_factory=dict)
    """Physical network -> bridge and NICs."""
    datapath_type: DatapathType | None = None
    """`datapath_type` of the bridges that the agent makes: None leaves Open vSwitch's default (the kernel module)."""
    ovsdb: str = "unix:/var/run/openvswitch/db.sock"
    """The local OVSDB. The agent starts here, and goes on over `manager` once that answers."""
    ovs_rundir: str = "/var/run/openvswitch"
    """Where `<bridge>.mgmt`, the OpenFlow management sockets, are."""
    manager: str | Literal[False] = "ptcp:6640:127.0.0.1"
    """OVSDB remote to configure, as Neutron does; `false` for none: the agent then stays on `ovsdb`."""
    controller: str = "tcp:127.0.0.1:6633"
    """OpenFlow controller target of every bridge, which the agent listens on: `tcp:IP:PORT` or `unix:PATH`."""
    state_dir: str = "/var/lib/tunbridge"
    """Where flows of an adopted bridge are kept while Open vSwitch empties its tables."""
    run_dir: str = DEFAULT_RUN_DIR
    """Where the socket is on which the agent tells its status (`tunbridge host status`); root's alone."""
    database: list[str] = field(default_factory=list)
    """Remotes of the central database, all members: the host registers itself there; none: it stands alone."""
    database_tls: DatabaseTls | None = None
    availability_zone: str | None = None
    """Zone that the host is in, as the API shows it."""
    report_interval: Annotated[int, Meta(ge=1, le=3600)] = 30
    """Seconds between heartbeats to the central database."""
    bfd_interval: Annotated[int, Meta(ge=10, le=10_000)] | None = None
    """Milliseconds between two BFD packets to a host that has, or would take over, a router's gateway; three that are
    missed end the session. None: 100, and 200 on a host with more than 25 sessions."""
    dhcp_lease_duration: Annotated[int, Meta(ge=-1)] = 86400
    """Seconds of a DHCP lease, -1 for ever."""
    dns_domain: str = "openstacklocal"
    """The cloud's own domain, in which the names of ports are; the server's setting of this name."""
    resolvers: list[str] = field(default_factory=list)
    """Addresses of DNS servers that are asked for names that are not the cloud's; none: those are refused."""
    metadata: MetadataConfig = field(default_factory=MetadataConfig)
    network_log: NetworkLogConfig = field(default_factory=NetworkLogConfig)
    flow_export: FlowExport | None = None
    resource_provider_bandwidths: dict[str, Rates] = field(default_factory=dict)
    """Provider bridge, or `rp_tunnelled` -> kbit/s for Placement; and of a NIC that does not say how fast it is."""
    resource_provider_packet_processing_without_direction: Rate | None = None
    """Thousands of packets per second that this host can switch, for Placement; or, instead:"""
    resource_provider_packet_processing_with_direction: Rates | None = None
    resource_provider_inventory_defaults: Inventory = field(default_factory=Inventory)
    resource_provider_packet_processing_inventory_defaults: Inventory = field(default_factory=Inventory)
    resource_provider_default_hypervisor: str | None = None
    """Name of this host's root provider in Placement (Nova's `hypervisor_hostname`); None: `host`."""
    resource_provider_hypervisors: dict[str, str] = field(default_factory=dict)
    """Key of `resource_provider_bandwidths` -> name of the root provider, where that is another one."""
    metrics: str | Literal[False] = False
    """`IP:PORT` where the agent serves /metrics (for Prometheus) and /healthz over HTTP; `false` for none."""
    metrics_anywhere: bool = False
    """Allow `metrics` on an address that other hosts can reach: anyone there can then read them."""
    vswitchd_restart: Annotated[list[str], Meta(min_length=1)] = field(
        default_factory=lambda: ["systemctl", "restart", "ovs-vswitchd.service"]
    )
    """Command with which `tunbridge ovs restart` restarts ovs-vswitchd, and nothing else of Open vSwitch."""
    log_format: LogFormat = "logfmt"
    log_level: LogLevel = "info"


def config_path(given: Path | None) -> Path | None:
    """The configuration file: the one that was named, else the usual one if it is there."""
    return given if given is not None else (USUAL_PATH if USUAL_PATH.exists() else None)


def load(path: Path | None, environ: Mapping[str, str] = os.environ) -> AgentConfig:
    """Read the configuration from `path` (None: from the environment alone). Raises ConfigurationError."""
    return _checked(configuration.load(AgentConfig, path, ENV_PREFIX, environ))


def _checked(config: AgentConfig) -> AgentConfig:
    """What types cannot say: addresses, one family, nothing twice. Addresses come out in their canonical form.

    Raises ConfigurationError.
    """
    local = _address("local_ip", config.local_ip)
    seen: dict[str, str] = {}
    for number, peer in enumerate(config.peers):
        ip = _address(f"peers[{number}].ip", peer.ip)
        if ip.version != local.version:
            raise ConfigurationError(
                f"peers[{number}].ip: {peer.ip} is IPv{ip.version}, but local_ip is IPv{local.version}"
            )
        if str(ip) in seen:
            raise ConfigurationError(f"peers[{number}].ip: {peer.ip} is already the address of {seen[str(ip)]}")
        seen[str(ip)] = peer.host
    used: dict[str, str] = {
        names.INTEGRATION_BRIDGE: "the integration bridge",
        names.TUNNEL_BRIDGE: "the tunnel bridge",
    }
    for network, provider in config.providers.items():
        for name in (provider.bridge, *provider.nics):
            if name in used:
                raise ConfigurationError(f"providers.{network}: {name} is already {used[name]}")
            used[name] = f"used by physical network {network}"
    if not config.tunnel_types or len(set(config.tunnel_types)) < len(config.tunnel_types):
        raise ConfigurationError("tunnel_types: name at least one type, and each once")
    _check_controller(config.controller, config.ovs_rundir)
    if not re.fullmatch(r"unix:.+|tcp:.+:\d+", config.ovsdb):
        raise ConfigurationError(f"ovsdb: {config.ovsdb!r} is neither unix:PATH nor tcp:IP:PORT")
    if config.manager is not False:
        manager_remote(config.manager)
    if config.metrics is not False:
        _check_metrics(config.metrics, config.metrics_anywhere)
    _check_metadata(config.metadata)
    _check_resources(config)
    for target in () if config.flow_export is None else config.flow_export.targets:
        _check_collector(target)
    peers = [Peer(host=p.host, ip=str(ipaddress.ip_address(p.ip))) for p in config.peers]
    return msgspec.structs.replace(config, local_ip=str(local), peers=peers)


def _address(key: str, text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ConfigurationError(f"{key}: {text!r} is not an IPv4 or IPv6 address") from None
    if address.is_multicast or address.is_unspecified:
        raise ConfigurationError(f"{key}: {text} is not the address of one host")
    return address


def manager_remote(manager: str) -> str:
    """Give what to connect to for a `ptcp:PORT:IP` manager. Raises ConfigurationError: not that, not loopback."""
    match = re.fullmatch(r"ptcp:(\d{1,5}):(\S+)", manager)
    if match is None:
        raise ConfigurationError(f"manager: {manager!r} is not ptcp:PORT:IP, such as ptcp:6640:127.0.0.1, nor false")
    port, ip = match.groups()
    if not _address("manager", ip.strip("[]")).is_loopback:
        raise ConfigurationError(
            f"manager: {manager} would open this host's OVSDB to the network; use a loopback address"
        )
    return f"tcp:{ip}:{port}"


def metrics_address(metrics: str) -> tuple[str, int]:
    """Give IP and port of the `metrics` setting. Raises ConfigurationError: not that form."""
    match = re.fullmatch(r"(\S+):(\d{1,5})", metrics)
    if match is None or not 0 < int(match[2]) < 65536:
        raise ConfigurationError(f"metrics: {metrics!r} is not IP:PORT, such as 127.0.0.1:9697, nor false")
    ip = match[1].strip("[]")
    try:
        return str(ipaddress.ip_address(ip)), int(match[2])
    except ValueError:
        raise ConfigurationError(f"metrics: {ip!r} is not an IPv4 or IPv6 address") from None


def _check_metrics(metrics: str, anywhere: bool) -> None:
    ip, _ = metrics_address(metrics)
    if not ipaddress.ip_address(ip).is_loopback and not anywhere:
        raise ConfigurationError(
            f"metrics: {metrics} would tell other hosts about this one; use a loopback address, or set"
            " metrics_anywhere = true"
        )


def _check_collector(target: str) -> None:
    match = re.fullmatch(r"(\[\S+\]|[^\s:]+):(\d{1,5})", target)
    if match is None or not 0 < int(match[2]) < 65536:
        raise ConfigurationError(f"flow_export.targets: {target!r} is not IP:PORT, such as 192.0.2.9:4739")
    _address("flow_export.targets", match[1].strip("[]"))


def reloaded(running: AgentConfig, new: AgentConfig) -> tuple[AgentConfig, list[str]]:
    """What an agent that runs takes of a new configuration, and which settings wait for a restart."""
    fixed = {name: getattr(running, name) for name in FIXED}
    later = [name for name in FIXED if getattr(new, name) != fixed[name]]
    return msgspec.structs.replace(new, **fixed), later


def _check_resources(config: AgentConfig) -> None:
    known = {provider.bridge for provider in config.providers.values()} | {TUNNELS}
    for key in ("resource_provider_bandwidths", "resource_provider_hypervisors"):
        for name in getattr(config, key):
            if name not in known:
                raise ConfigurationError(f"{key}.{name}: not one of {', '.join(sorted(known))}")
    without, with_ = (f"resource_provider_packet_processing_{way}_direction" for way in ("without", "with"))
    if getattr(config, without) is not None and getattr(config, with_) is not None:
        raise ConfigurationError(f"{with_}: exclusive with {without}")


def _check_metadata(metadata: MetadataConfig) -> None:
    if metadata.nova_url is None:
        return
    if not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", metadata.nova_url):
        raise ConfigurationError(
            f"metadata.nova_url: {metadata.nova_url!r} is not http://HOST:PORT, such as http://controller:8775"
        )
    if metadata.shared_secret_file is None:
        raise ConfigurationError(
            "metadata.shared_secret_file: with nova_url it names the file with Nova's [neutron]"
            " metadata_proxy_shared_secret"
        )


def _check_controller(target: str, rundir: str) -> None:
    scheme, _, rest = target.partition(":")
    if scheme == "unix":
        # ovs-vswitchd refuses a controller socket elsewhere (ovs-vswitchd.conf.db(5), Controller.target)
        if Path(rest).parent != Path(rundir):
            raise ConfigurationError(f"controller: {target}: the socket must be directly in ovs_rundir, {rundir}")
        return
    match = re.fullmatch(r"(\S+):(\d{1,5})", rest)
    if scheme != "tcp" or match is None:
        raise ConfigurationError(f"controller: {target!r} is neither tcp:IP:PORT nor unix:PATH")
    if not _address("controller", match.group(1).strip("[]")).is_loopback:
        raise ConfigurationError(
            f"controller: {target} would let others speak OpenFlow to the agent; use a loopback address"
        )
