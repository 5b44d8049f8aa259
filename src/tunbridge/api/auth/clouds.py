"""The `clouds.yaml` with which `openstack --os-cloud tunbridge …` works at once, in every mode.

A file of our own beside the users, 0600 since it may hold the first user's password; the clouds.yaml of others is not
touched. `OS_CLIENT_CONFIG_FILE` names it to openstackclient, openstacksdk, Ansible and (through gophercloud) Terraform.
"""

import json
from pathlib import Path
from typing import Any

from tunbridge.api.auth import bootstrap
from tunbridge.api.auth.config import AuthConfig
from tunbridge.api.auth.files import make_directory, write_private
from tunbridge.api.auth.identity.answers import PATH
from tunbridge.api.auth.users import DEFAULT_PROJECT, DOMAIN_NAME

CLOUD = "tunbridge"
FILE = "clouds.yaml"


def clouds_yaml(config: AuthConfig, url: str) -> str:
    """Give the text for clients that reach the server at `url`. Raises PrivateFileError.

    Where nobody's password is kept here, there is none in it: the client asks, or takes OS_USERNAME and OS_PASSWORD.
    """
    cloud = _cloud(config, (config.public_url or url).rstrip("/"))
    return "\n".join([*_HEAD, "clouds:", f"  {CLOUD}:", *_lines(cloud, 4)]) + "\n"


_HEAD = (
    "# Made by `tunbridge server` at each start. Use: export OS_CLIENT_CONFIG_FILE=<this file> OS_CLOUD=tunbridge",
)


def write_clouds_yaml(config: AuthConfig, url: str) -> Path:
    """Write it, and give the file for OS_CLIENT_CONFIG_FILE. Raises PrivateFileError."""
    make_directory(config.path)
    path = config.path / FILE
    write_private(path, clouds_yaml(config, url).encode())
    return path


def _cloud(config: AuthConfig, url: str) -> dict[str, Any]:
    if config.mode == "none":
        return {"auth_type": "none", "auth": {"endpoint": url}}
    if config.mode == "http_basic":
        return {"auth_type": "http_basic", "auth": {"endpoint": url, **_first_user(config)}}
    project = {"project_name": DEFAULT_PROJECT, "project_domain_name": DOMAIN_NAME, "user_domain_name": DOMAIN_NAME}
    if config.mode == "keystone":
        assert config.keystone is not None
        auth = {"auth_url": config.keystone.public_auth_url or config.keystone.auth_url, **project}
        # The catalog of that Keystone need not know this server, which is therefore named
        return {"auth": auth, "network_endpoint_override": url, "region_name": config.region}
    auth = {"auth_url": url + PATH, **_first_user(config), **project}
    return {"auth": auth, "region_name": config.region, "identity_api_version": "3"}


def _first_user(config: AuthConfig) -> dict[str, str]:
    password = bootstrap.admin_password(config.path)
    return {} if password is None else {"username": bootstrap.ADMIN, "password": password}


def _lines(values: dict[str, Any], indent: int) -> list[str]:
    """Give YAML: strings in double quotes, as JSON writes them, are YAML too (YAML 1.2, 1.3)."""
    lines = []
    for key, value in values.items():
        if isinstance(value, dict):
            lines += [f"{' ' * indent}{key}:", *_lines(value, indent + 2)]
        else:
            lines.append(f"{' ' * indent}{key}: {json.dumps(value)}")
    return lines
