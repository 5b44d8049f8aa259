"""The Networking API as a client sees it: found as the `openstack` command finds it, by clouds.yaml or OS_* variables.

Only what the command line needs of it: names to ids, ports, what a port's network allows. With each mode of Tunbridge's
own server, or any Neutron behind a Keystone.
"""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from tunbridge.errors import TunbridgeError

TIMEOUT_S = 30.0
_PLACES = ("clouds.yaml", "~/.config/openstack/clouds.yaml", "/etc/openstack/clouds.yaml")
_AUTH = (
    "auth_url", "endpoint", "token", "username", "user_id", "user_domain_name", "user_domain_id", "password",
    "project_name", "project_id", "project_domain_name", "project_domain_id", "application_credential_id",
    "application_credential_secret", "system_scope",
)  # fmt: skip


class CloudError(TunbridgeError):
    """The API cannot be found, reached or used; the text says what it answered."""


class NotFoundError(CloudError):
    """There is nothing of this name or id."""

    exit_status = 1


def settings(cloud: str | None, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """A cloud of clouds.yaml (`cloud`, else OS_CLOUD), else OS_* variables. Raises CloudError."""
    name = cloud or environ.get("OS_CLOUD")
    if name is None:
        auth = {key: environ[f"OS_{key.upper()}"] for key in _AUTH if environ.get(f"OS_{key.upper()}")}
        if not auth:
            raise CloudError(
                "no cloud is named: --os-cloud NAME or OS_CLOUD names one of a clouds.yaml (OS_CLIENT_CONFIG_FILE), or"
                " OS_AUTH_URL, OS_USERNAME, … are set, as for the `openstack` command"
            )
        keys = {"auth_type": "OS_AUTH_TYPE", "region_name": "OS_REGION_NAME", "interface": "OS_INTERFACE"}
        return {"auth": auth, **{key: environ[variable] for key, variable in keys.items() if environ.get(variable)}}
    own = environ.get("OS_CLIENT_CONFIG_FILE")
    for place in (own,) if own else _PLACES:
        path = Path(place).expanduser()
        if path.exists():
            return _cloud_of(path, name)
    raise CloudError(f"cloud {name}: there is no clouds.yaml; looked for {own or ', '.join(_PLACES)}")


def _cloud_of(path: Path, name: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise CloudError(f"{path}: cannot be read: {e}") from e
    clouds = content.get("clouds") if isinstance(content, dict) else None
    if not isinstance(clouds, dict) or not isinstance(clouds.get(name), dict):
        known = ", ".join(map(str, clouds)) if isinstance(clouds, dict) else "none"
        raise CloudError(f"{path}: has no cloud {name!r}; it has {known}")
    found: dict[str, Any] = clouds[name]
    return found


class Cloud:
    """A connection to one cloud's Networking API. All of it raises CloudError."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        auth = {key: str(value) for key, value in (found.get("auth") or {}).items()}
        kind = found.get("auth_type") or ("password" if "auth_url" in auth else "none")
        has_login = kind not in ("none", "http_basic", "admin_token")
        self._client = _client(auth.get("auth_url" if has_login else "endpoint", ""), found)
        if not has_login:
            if "endpoint" not in auth:
                raise CloudError(f"auth_type {kind}: auth has no endpoint")
            endpoint = auth["endpoint"]
            if kind == "http_basic":
                self._client.auth = httpx.BasicAuth(auth.get("username", ""), auth.get("password", ""))
            elif "token" in auth:
                self._client.headers["X-Auth-Token"] = auth["token"]
        else:
            endpoint = self._log_in(auth, found)
            if endpoint.startswith("https:") and not auth["auth_url"].startswith("https:"):
                self._begin_tls(endpoint, found)
        endpoint = endpoint.rstrip("/")
        self.url = endpoint if endpoint.endswith("/v2.0") else f"{endpoint}/v2.0"

    def _begin_tls(self, endpoint: str, found: Mapping[str, Any]) -> None:
        """Go on with TLS where the login was without."""
        headers = self._client.headers
        self._client.close()
        self._client = _client(endpoint, found)
        self._client.headers = headers

    def _log_in(self, auth: Mapping[str, str], found: Mapping[str, Any]) -> str:
        """Get a token, and where the Networking API is."""
        base = auth.get("auth_url", "").rstrip("/")
        if not base:
            raise CloudError("the cloud has no auth_url")
        base = base if base.endswith("/v3") else f"{base}/v3"
        reply = self._send("POST", f"{base}/auth/tokens", json={"auth": _identity(auth)})
        self._client.headers["X-Auth-Token"] = reply.headers.get("X-Subject-Token", "")
        if override := found.get("network_endpoint_override"):
            return str(override)
        interface = str(found.get("interface") or "public").removesuffix("URL")
        region = found.get("region_name")
        for service in _json(reply).get("token", {}).get("catalog", []):
            for endpoint in service.get("endpoints", []) if service.get("type") == "network" else []:
                if endpoint.get("interface") == interface and region in (None, endpoint.get("region")):
                    return str(endpoint["url"])
        raise CloudError(f"{base}: the catalog has no network service ({interface}, region {region or 'any'})")

    def __enter__(self) -> "Cloud":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """GET a path below /v2.0."""
        return _json(self._send("GET", f"{self.url}/{path}", params=query))

    def list(self, plural: str, **query: str) -> list[dict[str, Any]]:
        """List resources; `plural` is the collection, `security-groups`."""
        found: list[dict[str, Any]] = self.get(plural, **query).get(plural.replace("-", "_"), [])
        return found

    def create(self, plural: str, **values: Any) -> dict[str, Any]:
        """Make a resource."""
        singular = plural.replace("-", "_").removesuffix("s")
        found: dict[str, Any] = _json(self._send("POST", f"{self.url}/{plural}", json={singular: values}))[singular]
        return found

    def update(self, plural: str, id: str, **values: Any) -> None:
        """Change a resource."""
        singular = plural.replace("-", "_").removesuffix("s")
        self._send("PUT", f"{self.url}/{plural}/{id}", json={singular: values})

    def put(self, path: str, **values: Any) -> dict[str, Any]:
        """PUT a path below /v2.0: an action of a resource."""
        return _json(self._send("PUT", f"{self.url}/{path}", json=values))

    def delete(self, plural: str, id: str) -> None:
        """Delete a resource; one that is gone is no error."""
        try:
            self._send("DELETE", f"{self.url}/{plural}/{id}")
        except NotFoundError:
            return

    def find(self, plural: str, name_or_id: str) -> dict[str, Any]:
        """One resource by its id or its name. Raises NotFoundError, and CloudError when several have the name."""
        for query in ({"id": name_or_id}, {"name": name_or_id}):
            found = self.list(plural, **query)
            if len(found) == 1:
                return found[0]
            if found:
                ids = ", ".join(sorted(f["id"] for f in found))
                raise CloudError(f"{len(found)} {plural.replace('-', ' ')} are named {name_or_id!r}: {ids}")
        raise NotFoundError(f"there is no {plural.replace('-', ' ').removesuffix('s')} {name_or_id!r}")

    def _send(self, method: str, url: str, **more: Any) -> httpx.Response:
        try:
            reply = self._client.request(method, url, **more)
        except (httpx.HTTPError, httpx.InvalidURL) as e:
            raise CloudError(f"{url}: cannot be reached: {e}") from e
        if reply.is_success:
            return reply
        message = f"{method} {url}: {reply.status_code} {_reason(reply)}"
        raise (NotFoundError if reply.status_code == 404 else CloudError)(message)


def _client(url: str, found: Mapping[str, Any]) -> httpx.Client:
    """Give a client for a URL. Without TLS it trusts no certificate at all: to load those of all CAs takes 0.1 s."""
    verify = found.get("cacert") or found.get("verify", True)
    if url.startswith("http:"):
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    headers = {"Accept": "application/json"}
    return httpx.Client(timeout=TIMEOUT_S, verify=verify, headers=headers, follow_redirects=False)


def connect(cloud: str | None, environ: Mapping[str, str] = os.environ) -> Cloud:
    """Connect to a cloud as the `openstack` command would. Raises CloudError."""
    return Cloud(settings(cloud, environ))


def _identity(auth: Mapping[str, str]) -> dict[str, Any]:
    """The body of a token request (Identity API v3)."""
    if "application_credential_id" in auth:
        known = {"id": auth["application_credential_id"], "secret": auth.get("application_credential_secret", "")}
        return {"identity": {"methods": ["application_credential"], "application_credential": known}}
    if "token" in auth and "password" not in auth:
        who: dict[str, Any] = {"methods": ["token"], "token": {"id": auth["token"]}}
    else:
        user = {"password": auth.get("password", ""), **_named(auth, "user", "username")}
        who = {"methods": ["password"], "password": {"user": user}}
    if "system_scope" in auth:
        return {"identity": who, "scope": {"system": {auth["system_scope"]: True}}}
    project = _named(auth, "project", "project_name")
    return {"identity": who, **({"scope": {"project": project}} if project else {})}


def _named(auth: Mapping[str, str], what: str, name: str) -> dict[str, Any]:
    """A user or project, by id or by name and domain."""
    if f"{what}_id" in auth:
        return {"id": auth[f"{what}_id"]}
    if name not in auth:
        return {}
    by_id = f"{what}_domain_id" in auth
    domain = {"id": auth[f"{what}_domain_id"]} if by_id else {"name": auth.get(f"{what}_domain_name", "Default")}
    return {"name": auth[name], "domain": domain}


def _json(reply: httpx.Response) -> dict[str, Any]:
    try:
        found = reply.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CloudError(f"{reply.request.url}: did not answer with a JSON object")
    return found


def _reason(reply: httpx.Response) -> str:
    """What the service says is wrong."""
    try:
        found = reply.json()
        error = found.get("NeutronError") or found.get("error") or found
        return str(error.get("message") or error.get("title") or error)
    except (ValueError, AttributeError):
        return reply.reason_phrase
