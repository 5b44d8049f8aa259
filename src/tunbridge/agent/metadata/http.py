"""The part of HTTP/1.1 (RFC 9112) that a metadata service needs: short requests, whole answers, connections kept.

What a VM sends is not trusted: whatever cannot be read is refused, and a request has bounds.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

from msgspec import Struct

MOST_HEAD, MOST_BODY = 8192, 65536
"""Bytes of a request's head and of its body."""
_LINE = re.compile(rb"([A-Z]{1,16}) (/[\x21-\x7e]*) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*?)[ \t]*")


class HttpError(Exception):
    """A request cannot be served; it is answered with `status`, and the connection ends."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Request(Struct, frozen=True):
    """A request. `target`: path and query as they came; names of `headers` in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    keeps: bool
    """Whether the client wants to go on with this connection."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Response(Struct, frozen=True):
    """An answer."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = {}

    def encode(self, keeps: bool, has_body: bool = True) -> bytes:
        """The message; without its body for a HEAD request."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = ""
        fields = {
            "Content-Type": self.content_type,
            "Content-Length": str(len(self.body)),
            "Connection": "keep-alive" if keeps else "close",
            **self.headers,
        }
        head = f"HTTP/1.1 {self.status} {phrase}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n"
        return head.encode("latin-1") + (self.body if has_body else b"")


def error(status: int) -> Response:
    """An answer that says only what went wrong."""
    return Response(status, f"{status} {HTTPStatus(status).phrase}\n".encode())


def take_request(received: bytearray) -> Request | None:
    """Take the first request out of what was received; None while it is not all there. Raises HttpError."""
    end = received.find(b"\r\n\r\n", 0, MOST_HEAD)
    if end < 0:
        if len(received) >= MOST_HEAD:
            raise HttpError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return None
    line, *fields = bytes(received[:end]).split(b"\r\n")
    match = _LINE.fullmatch(line)
    if match is None:
        raise HttpError(HTTPStatus.BAD_REQUEST)
    headers = _headers(fields)
    length = _length(headers)
    if len(received) < end + 4 + length:
        return None
    body = bytes(received[end + 4 : end + 4 + length])
    del received[: end + 4 + length]
    connection = headers.get("connection", "").lower()
    keeps = connection != "close" if match[3] == b"1" else connection == "keep-alive"
    return Request(match[1].decode(), match[2].decode(), headers, body, keeps)


def _headers(fields: list[bytes]) -> dict[str, str]:
    """The header fields. Raises HttpError: one of them cannot be read, or those that count are there twice."""
    headers: dict[str, str] = {}
    for field in fields:
        match = _FIELD.fullmatch(field)
        if match is None:
            raise HttpError(HTTPStatus.BAD_REQUEST)
        name = match[1].decode().lower()
        if name in headers and name in ("content-length", "host"):
            raise HttpError(HTTPStatus.BAD_REQUEST)
        headers[name] = match[2].decode("latin-1")
    return headers


def _length(headers: Mapping[str, str]) -> int:
    """Bytes of the body. Raises HttpError."""
    if "transfer-encoding" in headers:
        raise HttpError(HTTPStatus.LENGTH_REQUIRED)
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise HttpError(HTTPStatus.BAD_REQUEST)
    if len(text) > 8 or int(text) > MOST_BODY:
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return int(text)
