"""The bodies that clients send, as structs that check themselves. Keystone ignores what it does not know; so do we."""

import asyncio
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct, field
from starlette.requests import ClientDisconnect, Request

from tunbridge.api.auth.base import MAX_TOKEN, RefusedError
from tunbridge.api.auth.identity.answers import refuse_bad_request
from tunbridge.api.auth.passwords import MAX_LENGTH
from tunbridge.api.http import BODY_TIMEOUT, Gone

MAX_BODY = 64 * 1024

Text = Annotated[str, Meta(max_length=255)]
Password = Annotated[str, Meta(max_length=MAX_LENGTH)]


class Named(Struct, frozen=True):
    """A domain."""

    id: Text | None = None
    name: Text | None = None


class InDomain(Struct, frozen=True):
    """A user or project: by id, or by name and domain."""

    id: Text | None = None
    name: Text | None = None
    domain: Named | None = None


class PasswordUser(InDomain, frozen=True):
    """Who, and the password."""

    password: Password | None = None


class PasswordMethod(Struct, frozen=True):
    """`identity.password`."""

    user: PasswordUser


class TokenMethod(Struct, frozen=True):
    """`identity.token`."""

    id: Annotated[str, Meta(max_length=MAX_TOKEN)]


class CredentialMethod(Struct, frozen=True):
    """`identity.application_credential`."""

    secret: Password
    id: Text | None = None
    name: Text | None = None
    user: InDomain | None = None


class Identity(Struct, frozen=True):
    """Who, and how that is shown."""

    methods: Annotated[list[Text], Meta(min_length=1, max_length=8)]
    password: PasswordMethod | None = None
    token: TokenMethod | None = None
    application_credential: CredentialMethod | None = None


class SystemScope(Struct, frozen=True):
    """The whole system."""

    all: bool = False


class Scope(Struct, frozen=True):
    """What the token is for."""

    project: InDomain | None = None
    domain: Named | None = None
    system: SystemScope | None = None
    trust: dict[str, Any] | None = field(name="OS-TRUST:trust", default=None)
    unscoped: dict[str, Any] | None = None


class Auth(Struct, frozen=True):
    """`auth`."""

    identity: Identity
    scope: Scope | str | None = None


class AuthBody(Struct, frozen=True):
    """POST /v3/auth/tokens."""

    auth: Auth


class RoleName(Struct, frozen=True):
    """A role: by id or name."""

    id: Text | None = None
    name: Text | None = None


class NewCredential(Struct, frozen=True):
    """`application_credential`."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    secret: Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH)] | None = None
    description: Annotated[str, Meta(max_length=4096)] | None = None
    expires_at: Text | None = None
    roles: Annotated[list[RoleName], Meta(max_length=32)] | None = None
    unrestricted: bool | None = None
    access_rules: list[Any] | None = None


class CredentialBody(Struct, frozen=True):
    """POST /v3/users/ID/application_credentials."""

    application_credential: NewCredential


T = TypeVar("T")


async def read(request: Request, kind: type[T]) -> T:
    """Give the request's body. Raises RefusedError: 400, 408, 413."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            raw = await _content(request)
    except TimeoutError:
        raise RefusedError(408, f"The body did not come within {BODY_TIMEOUT:g} s.") from None
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as e:
        # says the place and the type expected, never the value
        raise refuse_bad_request(f"{e}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refuse_bad_request("The body is not JSON in UTF-8.") from None


async def _content(request: Request) -> bytes:
    raw = bytearray()
    try:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > MAX_BODY:
                raise RefusedError(413, f"Request is too large: at most {MAX_BODY} bytes.")
    except ClientDisconnect:
        raise Gone from None
    return bytes(raw)
