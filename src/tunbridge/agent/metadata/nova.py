"""Requests handed on to nova-api-metadata, signed so that it knows for which server they are.

Nova (nova/api/metadata/handler.py, `service_metadata_proxy`) takes the id from `X-Instance-ID` when
`X-Instance-ID-Signature` is the HMAC-SHA256 of it with the shared secret, in hexadecimal digits, and answers only if
the server's project is `X-Tenant-ID`.
"""

import hashlib
import hmac
import ssl
from http import HTTPStatus
from pathlib import Path

from tunbridge.agent.config import MetadataConfig
from tunbridge.agent.endpoint import Caller
from tunbridge.agent.metadata import http
from tunbridge.agent.metadata.http import Request, Response
from tunbridge.configuration import ConfigurationError
from tunbridge.dataplane.view import Port
from tunbridge.log import Log

MOST_ANSWER = 1 << 20
"""Bytes of an answer of Nova's."""
_PASSED_ON = {400, 404, 409, 502, 503, 504}
"""Statuses that a VM may see as they are, as in Neutron's agent."""


class NovaError(Exception):
    """Nova does not answer as it should; the text says how."""


def read_secret(path: str) -> bytes:
    """The shared secret, without the line end. Raises ConfigurationError: not readable, or empty."""
    try:
        secret = Path(path).read_bytes().rstrip(b"\r\n")
    except OSError as e:
        raise ConfigurationError(f"metadata.shared_secret_file: {e}") from e
    if not secret:
        raise ConfigurationError(f"metadata.shared_secret_file: {path} is empty")
    return secret


def signature(secret: bytes, instance_id: str) -> str:
    return hmac.new(secret, instance_id.encode(), hashlib.sha256).hexdigest()


class Nova:
    """A client of nova-api-metadata."""

    def __init__(self, config: MetadataConfig, log: Log) -> None:
        """Raises ConfigurationError: the secret or the certificates cannot be read."""
        import httpx  # late: a cloud without Nova does without, and it takes memory

        assert config.nova_url is not None and config.shared_secret_file is not None
        self._secret = read_secret(config.shared_secret_file)
        self._log = log
        self._errors = (httpx.HTTPError, httpx.InvalidURL)
        self._url = httpx.URL(config.nova_url.rstrip("/"))
        self._client = httpx.AsyncClient(
            timeout=config.timeout, verify=_verify(config), follow_redirects=False, trust_env=False,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=10),
        )  # fmt: skip

    async def close(self) -> None:
        await self._client.aclose()

    async def answer(self, caller: Caller, port: Port, request: Request) -> Response:
        """What Nova says to a request of a server's port."""
        if not port.device_id or not port.device_id.isascii() or not port.device_id.isprintable():
            return http.error(HTTPStatus.NOT_FOUND)  # no server of Nova's has this port
        headers = {
            "X-Forwarded-For": caller.address,
            "X-Instance-ID": port.device_id,
            "X-Tenant-ID": port.project_id,
            "X-Instance-ID-Signature": signature(self._secret, port.device_id),
        }
        if request.body and (kind := request.headers.get("content-type")):
            headers["Content-Type"] = kind
        try:
            return await self._ask(request, headers)
        except (*self._errors, NovaError) as e:
            self._log.warning("Nova's metadata service does not answer", url=str(self._url), error=str(e) or repr(e))
            return http.error(HTTPStatus.SERVICE_UNAVAILABLE)

    async def _ask(self, request: Request, headers: dict[str, str]) -> Response:
        url = self._url.copy_with(raw_path=self._url.raw_path.rstrip(b"/") + request.target.encode("ascii"))
        async with self._client.stream(request.method, url, headers=headers, content=request.body) as reply:
            body = b""
            async for piece in reply.aiter_bytes():
                body += piece
                if len(body) > MOST_ANSWER:
                    raise NovaError(f"its answer has more than {MOST_ANSWER} bytes")
            kind = reply.headers.get("content-type", "text/plain; charset=utf-8")
        if reply.status_code == HTTPStatus.OK:
            return Response(reply.status_code, body, kind)
        if reply.status_code == HTTPStatus.FORBIDDEN:
            self._log.warning(
                "Nova's metadata service refuses the signature: is its [neutron]metadata_proxy_shared_secret the same?",
                url=str(self._url),
            )
            return http.error(HTTPStatus.FORBIDDEN)
        if reply.status_code in _PASSED_ON:
            return http.error(reply.status_code)
        return http.error(HTTPStatus.INTERNAL_SERVER_ERROR)


def _verify(config: MetadataConfig) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=config.nova_ca_file)
    except OSError as e:
        raise ConfigurationError(f"metadata.nova_ca_file: {config.nova_ca_file}: {e}") from e
