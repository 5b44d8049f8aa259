"""Passwords: hashed with argon2id, compared off the event loop, and not to be guessed.

A comparison costs 50 ms and 64 MiB on purpose. So two run at a time, few wait, and one user from one address has one
try at a time, which after five wrong ones must wait 1 s, 2 s, 4 s … up to a minute. An unknown user costs the same.

What is known of failures is forgotten with time only, never to make room: each entry is a comparison that was made, so
there are no more of them than comparisons in FORGET_AFTER seconds, some ten thousands of 300 bytes.
"""

import asyncio
import base64
import hashlib
import math
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tunbridge.api.addresses import bucket
from tunbridge.api.auth.base import TooManyAttemptsError

MAX_LENGTH = 1024
"""Characters of a password."""
FREE_FAILURES = 5
LONGEST_WAIT = 60
FORGET_AFTER = 900
"""Seconds after the last failure until all are forgiven."""
_WORKERS = 2
_MAX_WAITING = 64
_SWEEP_EVERY = 1000
"""New entries after which the forgiven ones are dropped."""
_BUSY = "Too many passwords wait to be checked: try again in a second."
_hasher = PasswordHasher()
P = ParamSpec("P")
T = TypeVar("T")


def hashed(password: str) -> str:
    """Give what to store of a password. Takes 50 ms."""
    return _hasher.hash(password)


def generate() -> str:
    """Give a password that nobody guesses: 144 bits, in letters, digits, - and _."""
    return secrets.token_urlsafe(18)


def _of_nobody() -> str:
    """A hash that no password has, to compare with at the same cost; to make it takes no time."""
    sizes = (_hasher.salt_len, _hasher.hash_len)
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in sizes)
    return f"$argon2id$v=19$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}${salt}${digest}"


class _Failures:
    """What went wrong for one user from one address, and whose turn it is."""

    __slots__ = ("busy", "count", "last", "turn")

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.count = 0
        self.last = 0.0
        self.busy = 0

    def wait(self, now: float) -> float:
        """Give the seconds until the next try."""
        if self.count < FREE_FAILURES:
            return 0.0
        pause = float(min(2 ** min(self.count - FREE_FAILURES, 10), LONGEST_WAIT))
        return max(0.0, self.last + pause - now)


class Verifier:
    """Compares passwords with their hashes, a few at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="argon2")
        self._waiting = 0
        self._failures: dict[bytes, _Failures] = {}
        self._added = 0
        self._nobody = _of_nobody()

    async def verify(self, who: str, address: str, stored: str | None, password: str) -> bool:
        """Say whether `password` is the one. `stored` is None when there is no such user: that takes as long.

        `who` is the user as the client named it. Raises TooManyAttemptsError.
        """
        key = hashlib.blake2b(f"{bucket(address)}\0{who}".encode("utf-8", "replace"), digest_size=16).digest()
        known = self._known(key)
        if known.busy >= _MAX_WAITING:
            raise TooManyAttemptsError(1, _BUSY)
        known.busy += 1
        try:
            async with known.turn:
                wait = known.wait(self._clock())
                if wait > 0:
                    raise TooManyAttemptsError(
                        math.ceil(wait),
                        "Too many wrong passwords for this user from this address: wait, then try again.",
                    )
                right = await self._compare(stored, password)
                known.last = self._clock()
                known.count = 0 if right else known.count + 1
                return right
        finally:
            known.busy -= 1
            if not known.busy and not known.count:
                self._failures.pop(key, None)

    async def hash(self, password: str) -> str:
        """Give what to store of a password. Raises TooManyAttemptsError."""
        return await self._run(hashed, password)

    async def _compare(self, stored: str | None, password: str) -> bool:
        right = await self._run(_matches, stored or self._nobody, password)
        return right and stored is not None

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._waiting >= _MAX_WAITING:
            raise TooManyAttemptsError(1, _BUSY)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *args, **kwargs))
        finally:
            self._waiting -= 1

    def _known(self, key: bytes) -> _Failures:
        now = self._clock()
        known = self._failures.get(key)
        if known is None or _is_forgiven(known, now):
            self._added += 1
            if self._added % _SWEEP_EVERY == 0:
                self._failures = {one: kept for one, kept in self._failures.items() if not _is_forgiven(kept, now)}
            known = self._failures[key] = _Failures()
        return known

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _is_forgiven(known: _Failures, now: float) -> bool:
    return not known.busy and now - known.last > FORGET_AFTER


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
