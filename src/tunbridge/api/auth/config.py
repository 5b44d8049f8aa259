"""How the server is told to authenticate: the settings under `auth` in its configuration.

No setting holds a secret: each names a file that does, so that a configuration can be shown, logged and committed.
"""

import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tunbridge.errors import TunbridgeError

STATE_DIR = "/var/lib/tunbridge-server"
DIRECTORY = "auth"
"""In the server's `state_dir`, unless it is set."""

Url = Annotated[str, Meta(pattern=r"^https?://[^\s/?#\"]+(/[^\s?#\"]*)?$")]
Mode = Literal["builtin", "keystone", "http_basic", "none"]


class AuthConfigError(TunbridgeError):
    """The settings cannot be used; the text names the one, and what to write."""


class ServiceUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Keystone, and the user of it that the server is. Times are seconds."""

    auth_url: Url
    """As in a clouds.yaml, with or without /v3 at its end."""
    username: str | None = None
    user_domain_name: str = "Default"
    password_file: str | None = None
    """File whose first line is the service user's password."""
    project_name: str = "service"
    project_domain_name: str = "Default"
    application_credential_id: str | None = None
    """Instead of user name and password."""
    application_credential_secret_file: str | None = None
    cafile: str | None = None
    """CA certificates to trust, None for the system's."""
    timeout: Annotated[float, Meta(gt=0, le=60)] = 10.0


class KeystoneConfig(ServiceUser, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Keystone that validates tokens, and the service user who asks it. Times are seconds."""

    public_auth_url: Url | None = None
    """What clients are told, where it differs."""
    cache_seconds: Annotated[int, Meta(ge=0, le=3600)] = 300
    """How long a validated token is believed without asking again: the longest that a revoked one goes on."""


class AuthConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of authentication. Times are seconds."""

    mode: Mode = "builtin"
    directory: str | None = None
    """Where users, the tokens' key and the clouds.yaml are; None: `auth` in the server's `state_dir`.

    Servers behind one load balancer share it, or copies.
    """
    public_url: Url | None = None
    """The server as clients reach it, for catalog and links; None: as the request named it."""
    region: Annotated[str, Meta(min_length=1, max_length=255)] = "RegionOne"
    token_lifetime: Annotated[int, Meta(ge=60, le=7 * 24 * 3600)] = 3600
    keystone: KeystoneConfig | None = None
    none_project: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,255}$")] = "admin"
    """The project id of everything that is made in mode `none`."""

    @property
    def path(self) -> Path:
        """Give `directory`."""
        return Path(STATE_DIR, DIRECTORY) if self.directory is None else Path(self.directory)


def check(config: AuthConfig) -> None:
    """See to what types cannot say. Raises AuthConfigError."""
    if config.mode != "keystone":
        return
    settings = config.keystone
    if settings is None:
        raise AuthConfigError(
            'auth.mode is "keystone", but there is no auth.keystone: give it auth_url, and username with password_file'
            " or application_credential_id with application_credential_secret_file"
        )
    check_login(settings, "auth.keystone")


def check_login(settings: ServiceUser, where: str) -> None:
    """See that there is one whole way to log in. Raises AuthConfigError."""
    password = (settings.username, settings.password_file)
    credential = (settings.application_credential_id, settings.application_credential_secret_file)
    if all(password) == all(credential) or (any(password) and any(credential)):
        raise AuthConfigError(
            f"{where}: give either username and password_file, or application_credential_id and"
            " application_credential_secret_file"
        )


def check_listen(config: AuthConfig, addresses: Iterable[str]) -> None:
    """See that nobody is let in unasked from elsewhere: `none` wants Unix sockets and loopback addresses only.

    An address is `unix:PATH` or `HOST:PORT`, with or without `tcp:`, `ssl:` or `http://` before it.
    Raises AuthConfigError.
    """
    if config.mode != "none":
        return
    for address in addresses:
        if not is_local(address):
            raise AuthConfigError(
                f'auth.mode is "none", so whoever reaches {address} would be admin: listen on 127.0.0.1, [::1] or a'
                ' Unix socket (unix:PATH), or set auth.mode to "builtin", "keystone" or "http_basic"'
            )


def is_local(address: str) -> bool:
    """Say whether only this host reaches an address of the form that `check_listen` takes."""
    if address.startswith(("unix:", "/")):
        return True
    bare = re.sub(r"^(tcp|ssl|http|https):(//)?", "", address).rstrip("/")
    match = re.fullmatch(r"\[([^\]]+)\](:\d+)?|([^:]+)(:\d+)?|(.+)", bare)
    if match is None:
        return False
    host = match[1] or match[3] or match[5]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name, also localhost, is whatever the resolver says
