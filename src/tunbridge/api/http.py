"""A request and its answer on the wire (ASGI), with the limits that keep one client from harming the others."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from tunbridge.rules.errors import NetworkingError

MAX_BODY = 1024 * 1024
"""Bytes of a request's body: a bulk of some thousand ports."""
BODY_TIMEOUT = 30.0
"""Seconds in which the whole body of a request is to come."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]


class TooLarge(NetworkingError):  # noqa: N818 - HTTP's name of it
    """The body is larger than the server takes."""

    status = 413


class TooSlow(NetworkingError):  # noqa: N818
    """The body did not come in time."""

    status = 408


class NotAllowed(NetworkingError):  # noqa: N818
    """The path has no such method."""

    status = 405


def not_allowed() -> NotAllowed:
    """Give the error for a method that a path does not have."""
    return NotAllowed("HTTPMethodNotAllowed", "The method is not allowed for this resource.")


class Gone(Exception):  # noqa: N818
    """The client went away before its request was complete."""


class Exchange:
    """A request; the body is read when it is asked for."""

    def __init__(self, scope: Scope, receive: Receive, prefix: str) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1")[len(prefix) :]
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: Mapping[str, str] = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        self._scope = scope
        self._receive = receive

    @property
    def url(self) -> str:
        """Give the URL without the query, as the client wrote it or a trusted proxy in front says."""
        host = self.headers.get("host") or "localhost"
        return f"{self._scope['scheme']}://{host}{self._scope['raw_path'].decode('latin-1')}"

    async def content(self) -> bytes:
        """Give the whole body. Raises TooLarge, TooSlow, Gone."""
        length = self.headers.get("content-length", "0")
        if length.isdigit() and int(length[:12]) > MAX_BODY:
            raise _too_large()
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                return await self._read()
        except TimeoutError:
            message = f"The body did not come within {BODY_TIMEOUT:g} s."
            raise TooSlow("HTTPRequestTimeout", message) from None

    async def _read(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > MAX_BODY:
                raise _too_large()
            if not message.get("more_body", False):
                return b"".join(parts)


def _too_large() -> TooLarge:
    return TooLarge("HTTPRequestEntityTooLarge", f"The body is larger than {MAX_BODY} bytes.")
