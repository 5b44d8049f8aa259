"""The server's configuration: one TOML file, every setting also as an environment variable TUNBRIDGE_SERVER_<KEY>."""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field, structs

from tunbridge import configuration
from tunbridge.api.addresses import Proxies
from tunbridge.api.auth import config as auth_config
from tunbridge.api.auth.config import AuthConfig
from tunbridge.api.designate.config import DesignateConfig
from tunbridge.api.nova.config import NovaConfig
from tunbridge.api.offer import offer
from tunbridge.api.placement.config import PlacementConfig
from tunbridge.configuration import ConfigurationError
from tunbridge.model import catalog, features
from tunbridge.rules.settings import QUOTAS, NetworkingSettings

ENV_PREFIX = "TUNBRIDGE_SERVER_"


class TlsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files in PEM form for HTTPS."""

    certificate: str
    private_key: str
    client_ca: str | None = None
    """With it, clients have to show a certificate of this authority."""


class DatabaseTls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files in PEM form for `ssl:` remotes of the central database."""

    certificate: str
    private_key: str
    ca_certificate: str


class ServerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of the server. Times are seconds."""

    listen: Annotated[list[str], Meta(min_length=1)] = field(default_factory=lambda: ["127.0.0.1:9696"])
    """Where the API is: HOST:PORT, [IPv6]:PORT or unix:PATH."""
    tls: TlsConfig | None = None
    insecure: bool = False
    """Allow an API without TLS on an address that other hosts can reach."""
    database: list[str] = field(default_factory=list)
    """Remotes of the central database (tcp:…, ssl:…, unix:…), all members; none: the server runs one of its own."""
    database_listen: list[str] = field(default_factory=list)
    """Where its own database listens besides its Unix socket, for agents and other servers: ptcp:… or pssl:…"""
    database_tls: DatabaseTls | None = None
    trusted_proxies: list[str] = field(default_factory=list)
    """Addresses and networks of proxies whose X-Forwarded-For and -Proto are believed; `unix`: of the Unix socket."""
    state_dir: str = auth_config.STATE_DIR
    """Where the server's own database is, and its users (`auth.directory`)."""
    run_dir: str = "/run/tunbridge-server"
    """Where the socket of its own database is."""
    auth: AuthConfig = field(default_factory=AuthConfig)
    nova: NovaConfig | None = None
    """The Nova that is told what happens to ports of its servers; None: there is none."""
    placement: PlacementConfig | None = None
    """The Placement that is told what hosts have; None: there is none."""
    designate: DesignateConfig | None = None
    """The Designate that names are published in; set with `networking.external_dns_driver`."""
    networking: NetworkingSettings = field(default_factory=NetworkingSettings)
    log_format: Literal["logfmt", "json"] = "logfmt"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    access_log: bool = True


def load(
    path: Path | None, environ: Mapping[str, str] = os.environ, options: Mapping[str, Any] | None = None
) -> ServerConfig:
    """Read the configuration; options of the command line go before. Raises ConfigurationError, AuthConfigError."""
    config = structs.replace(configuration.load(ServerConfig, path, ENV_PREFIX, environ), **(options or {}))
    config = _placed(config)
    _check_quotas(config)
    _check_collectors(config)
    auth_config.check(config.auth)
    if config.nova is not None:
        auth_config.check_login(config.nova, "nova")
    if config.placement is not None:
        auth_config.check_login(config.placement, "placement")
    _check_designate(config)
    auth_config.check_listen(config.auth, config.listen)
    Proxies(config.trusted_proxies)
    for address in config.listen:
        split(address)
    if config.tls is None and not config.insecure:
        for address in config.listen:
            if not auth_config.is_local(address):
                raise ConfigurationError(
                    f"listen: {address} can be reached from other hosts, and passwords and tokens would cross the"
                    " network in the clear: set tls, or insecure = true where something in front does TLS"
                )
    return config


def _placed(config: ServerConfig) -> ServerConfig:
    """Put the users below `state_dir`, unless they have a place of their own: servers share them only if told so."""
    if config.auth.directory is not None:
        return config
    directory = str(Path(config.state_dir, auth_config.DIRECTORY))
    return structs.replace(config, auth=structs.replace(config.auth, directory=directory))


def _check_quotas(config: ServerConfig) -> None:
    """Refuse limits of what is not there. Raises ConfigurationError."""
    offered = offer(catalog.RESOURCES, catalog.EXTENSIONS, features.AVAILABLE, config.networking.preview)
    known = QUOTAS.keys() & offered.resources.keys()
    unknown = sorted(config.networking.default_quotas.keys() - known)
    if unknown:
        raise ConfigurationError(
            f"networking.default_quotas: {', '.join(unknown)}: nothing of this kind is offered, so it has no limit;"
            f" known are: {', '.join(sorted(known))}"
        )


def _check_designate(config: ServerConfig) -> None:
    """Refuse half of what publishing wants. Raises ConfigurationError, AuthConfigError."""
    if (config.designate is None) == bool(config.networking.external_dns_driver):
        raise ConfigurationError(
            'names are published with [designate] and networking.external_dns_driver = "designate":'
            " one of them is missing"
        )
    if config.designate is not None:
        auth_config.check_login(config.designate, "designate")


def _check_collectors(config: ServerConfig) -> None:
    """Refuse what is no network. Raises ConfigurationError."""
    for network in config.networking.mirror_collectors:
        try:
            ipaddress.ip_network(network)
        except ValueError as e:
            raise ConfigurationError(f"networking.mirror_collectors: {e}") from None


def split(address: str) -> tuple[str, int] | str:
    """Give host and port, or the path of a Unix socket. Raises ConfigurationError."""
    if address.startswith("unix:"):
        return address.removeprefix("unix:")
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) < 65536:
        raise ConfigurationError(f"listen: {address!r} is not HOST:PORT, [IPv6]:PORT or unix:PATH")
    return host.strip("[]"), int(port)
