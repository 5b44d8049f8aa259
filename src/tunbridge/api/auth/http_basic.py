"""Mode `http_basic`: user and password with every request; the project is the user's own. For keystoneauth's plugin.

A comparison takes 50 ms, too long for every request. So what was right is remembered for a minute, as a digest keyed
with a number that only this process knows: neither the password nor anything that could be tried against it elsewhere.
"""

import asyncio
import base64
import binascii
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from starlette.routing import BaseRoute

from tunbridge.api.auth import bootstrap
from tunbridge.api.auth.base import Unauthorized
from tunbridge.api.auth.config import AuthConfig
from tunbridge.api.auth.directory import Directory
from tunbridge.api.auth.passwords import MAX_LENGTH, Verifier
from tunbridge.api.auth.presence import Presence
from tunbridge.api.auth.users import User
from tunbridge.api.context import Caller

CHALLENGE = 'Basic realm="tunbridge", charset="UTF-8"'
_REMEMBERED_SECONDS = 60.0
_MAX_REMEMBERED = 1024


class HttpBasicAuthenticator:
    """Compares what comes in the Authorization header (RFC 7617) with the users file."""

    def __init__(self, config: AuthConfig, url: str, log: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = config.path
        self._log = log
        self._clock = clock
        self._directory = Directory(config.path, log)
        self._verifier = Verifier()
        self._presence = Presence(config.path, url)
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, tuple[str, str, float]] = OrderedDict()
        """Digest of a header -> user id, stamp of the password, until when."""

    async def start(self) -> None:
        """Read the users; make the first one where there is none. Raises TunbridgeError."""
        if await asyncio.to_thread(bootstrap.make_admin, self._path):
            self._log.info("made the user admin", password_file=str(self._path / bootstrap.KEPT_IN))
        self._directory.load()
        self._presence.announce()

    async def close(self) -> None:
        """Forget everything."""
        self._presence.close()
        self._verifier.close()
        self._right.clear()

    def routes(self) -> list[BaseRoute]:
        """Give nothing."""
        return []

    async def authenticate(self, headers: Mapping[str, str], address: str = "") -> Caller:
        """Tell who calls. Raises RefusedError."""
        header = headers.get("authorization", "")
        digest = hashlib.blake2b(header.encode("utf-8", "replace"), key=self._key).digest()
        user = self._remembered(digest)
        if user is None:
            user = await self._compared(header, address)
            self._remember(digest, user)
        return self._caller(user)

    async def _compared(self, header: str, address: str) -> User:
        name, password = _decoded(header)
        user = self._directory.fresh().user_named(name)
        right = await self._verifier.verify(name, address, user.password_hash if user else None, password)
        if not right or user is None or not user.enabled:
            raise Unauthorized(CHALLENGE)
        return user

    def _remembered(self, digest: bytes) -> User | None:
        """Give the user whose header this was, unless the password has changed since."""
        known = self._right.get(digest)
        if known is None:
            return None
        id, stamp, until = known
        user = self._directory.fresh().users.get(id)
        if user is None or not user.enabled or user.stamp != stamp or until <= self._clock():
            self._right.pop(digest, None)
            return None
        return user

    def _remember(self, digest: bytes, user: User) -> None:
        if digest not in self._right:
            self._right[digest] = (user.id, user.stamp, self._clock() + _REMEMBERED_SECONDS)
        while len(self._right) > _MAX_REMEMBERED:
            self._right.popitem(last=False)

    def _caller(self, user: User) -> Caller:
        project = self._directory.home(user)
        if project is None:
            raise Unauthorized(CHALLENGE, "This user has no role in a project.")
        return Caller(
            user_id=user.id,
            user_name=user.name,
            project_id=project.id,
            project_name=project.name,
            roles=self._directory.roles(user, project),
        )


def _decoded(header: str) -> tuple[str, str]:
    """Give user and password. Raises Unauthorized."""
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise Unauthorized(CHALLENGE)
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        raise Unauthorized(CHALLENGE) from None
    if not colon or len(name) > 255 or len(password) > MAX_LENGTH:
        raise Unauthorized(CHALLENGE)
    return name, password
