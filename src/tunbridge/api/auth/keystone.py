"""Mode `keystone`: tokens are validated by a real Keystone, which is asked once for each and not while it is away.

A token that was valid is believed until it expires, and at most `cache_seconds`, also while Keystone does not answer;
one that was not valid is refused as long. Requests with the same unknown token wait for one question. Keystone may come
up after the server. Tokens of application credentials with access rules are refused: Keystone only vouches for those to
services that say that they check the rules.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from starlette.routing import BaseRoute

from tunbridge.api.auth.base import MAX_TOKEN, SERVICE_ROLE, Unauthorized, for_user, keystone_challenge
from tunbridge.api.auth.config import KeystoneConfig
from tunbridge.api.auth.remote import Keystone, TokenData, UnreachableError
from tunbridge.api.auth.roles import implied
from tunbridge.api.context import Caller

_MAX_CACHED = 10_000
_Key = tuple[bytes, bool]
"""Digest of a token, and whether it counts also when it has expired."""


class _Known(Struct, frozen=True):
    caller: Caller | None
    """None: not a valid token."""
    until: float


class KeystoneAuthenticator:
    """Asks Keystone, and remembers."""

    def __init__(self, config: KeystoneConfig, log: Any, clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._log = log
        self._clock = clock
        self._keystone = Keystone(config)
        self._known: OrderedDict[_Key, _Known] = OrderedDict()
        self._asking: dict[_Key, asyncio.Task[_Known]] = {}
        self._away = False

    async def start(self) -> None:
        """Do nothing: Keystone is asked when the first token comes."""

    async def close(self) -> None:
        """Close the connections."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        await self._keystone.close()

    def routes(self) -> list[BaseRoute]:
        """Give nothing."""
        return []

    async def authenticate(self, headers: Mapping[str, str], address: str = "") -> Caller:  # noqa: ARG002 - not needed for tokens
        """Tell whose token it is, and which service sent it on (X-Service-Token).

        Raises Unauthorized, and UnreachableError for a token that only Keystone knows.
        """
        service = None
        if headers.get("x-service-token"):
            service = await self._caller(headers["x-service-token"])
            if SERVICE_ROLE not in service.roles:
                raise self._unauthorized()
        caller = await self._caller(headers.get("x-auth-token", ""), expired_too=service is not None)
        return for_user(caller, service)

    async def _caller(self, token: str, expired_too: bool = False) -> Caller:
        if not token or len(token) > MAX_TOKEN or not token.isascii() or not token.isprintable():
            raise self._unauthorized()
        key = (hashlib.sha256(token.encode()).digest(), expired_too)
        known = self._known.get(key)
        if known is None or known.until <= self._clock():
            known = await self._asked(key, token)
        if known.caller is None:
            raise self._unauthorized()
        return known.caller

    def _unauthorized(self) -> Unauthorized:
        return Unauthorized(keystone_challenge(self._config.public_auth_url or self._config.auth_url))

    async def _asked(self, key: _Key, token: str) -> _Known:
        """Ask, or wait for the answer to the same question; a client that goes away ends it for nobody else."""
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(key, token))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(task)

    def _answered(self, key: _Key, task: asyncio.Task[_Known]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # its waiters have it; without one it is nobody's

    async def _ask(self, key: _Key, token: str) -> _Known:
        expired_too = key[1]
        try:
            data = await self._keystone.token(token, expired_too)
        except UnreachableError as e:
            if not self._away:
                self._log.error("Keystone cannot be asked", reason=e.reason)
            self._away = True
            raise
        if self._away:
            self._log.info("Keystone answers again")
        self._away = False
        known = self._made(data, expired_too)
        self._known[key] = known
        self._known.move_to_end(key)
        if len(self._known) > _MAX_CACHED:
            self._known.popitem(last=False)
        return known

    def _made(self, data: TokenData | None, expired_too: bool) -> _Known:
        until = self._clock() + self._config.cache_seconds
        if data is None:
            return _Known(None, until)
        caller = Caller(
            user_id=data.user.id,
            user_name=data.user.name,
            project_id=data.project.id if data.project else None,
            project_name=data.project.name if data.project else None,
            roles=implied(role.name for role in data.roles),
            system=data.system is not None,
        )
        return _Known(caller, until if expired_too else min(until, data.expires))
