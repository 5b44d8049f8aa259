"""Tokens of the mode `builtin`: signed claims (JWT, HS256) that expire, and the list of those revoked before.

The key is made at the first start and stays in `token.key`; whoever has it can be anybody. `revoked` is a text file to
which lines are only added, one `ID EXPIRY` each, so that servers that share the directory share it; a start drops what
not even a service token beside it makes valid any more.
"""

import hashlib
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import jwt
import msgspec
from msgspec import Struct

from tunbridge.api.auth.base import EXPIRED_WINDOW_S, MAX_TOKEN
from tunbridge.api.auth.files import PrivateFileError, locked, make_directory, read_private, write_private

KEY_FILE = "token.key"
REVOKED_FILE = "revoked"
_ALGORITHM = "HS256"
_CACHED = 4096


class InvalidTokenError(Exception):
    """Not a token of ours, or no longer valid. Says nothing more: neither would the answer."""


class Claims(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token says. Times are seconds since 1970."""

    id: str
    """Audit id: names the token in logs and in the list of revoked ones."""
    parent: str | None = None
    """Audit id of the first token of a chain of rescoped ones."""
    user: str
    stamp: str
    """The user's, when the token was made: a new password voids it."""
    methods: list[str]
    roles: list[str]
    """As given then, without implied ones. Those taken away since do not count."""
    project: str | None = None
    system: bool = False
    credential: str | None = None
    """Application credential with which it was got."""
    issued: float
    exp: int

    @property
    def audit_ids(self) -> list[str]:
        """Give the ids as a token's body has them."""
        return [self.id] if self.parent is None else [self.id, self.parent]


def new_audit_id() -> str:
    """Give an id for a token."""
    return secrets.token_urlsafe(16)


class Revoked:
    """The tokens that ended before their time."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / REVOKED_FILE
        self._file = str(self._path)
        self._ids: dict[str, int] = {}
        self._seen: tuple[int, int] = (0, 0)  # inode, bytes read of it

    def add(self, id: str, expiry: int) -> None:
        """Revoke; durable when this returns. Raises PrivateFileError."""
        with locked(self._path):
            try:
                descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(f"{id} {expiry}\n".encode())
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as e:
                raise PrivateFileError(f"{self._path}: cannot be written: {e.strerror}") from e

    def __contains__(self, id: str) -> bool:
        self._read()
        return id in self._ids

    def _read(self) -> None:
        """Take in what was added; one `stat` when nothing was."""
        try:
            status = os.stat(self._file)  # noqa: PTH116 - on every request
        except FileNotFoundError:
            return
        if (status.st_ino, status.st_size) == self._seen:
            return
        inode, offset = self._seen
        if inode != status.st_ino:
            offset = 0
        with self._path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            file.seek(offset)
            whole, newline, _ = file.read().rpartition(b"\n")  # a line may be half there
        self._take(whole.decode("ascii", "replace"))
        self._seen = (inode, offset + len(whole) + len(newline))

    def _take(self, text: str) -> None:
        for line in text.splitlines():
            id, _, expiry = line.partition(" ")
            if expiry.isdecimal():
                self._ids[id] = int(expiry)

    def tidy(self, now: float) -> None:
        """Drop what can be used no more in any way, from the file too. Raises PrivateFileError."""
        with locked(self._path):
            self._read()
            live = {id: expiry for id, expiry in self._ids.items() if expiry + EXPIRED_WINDOW_S > now}
            if len(live) < len(self._ids):
                write_private(self._path, "".join(f"{id} {expiry}\n" for id, expiry in live.items()).encode())
            self._ids = live


class Tokens:
    """Makes tokens and reads them."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        make_directory(directory)
        self._key = _key(directory / KEY_FILE)
        self._clock = clock
        self._cache: OrderedDict[bytes, Claims] = OrderedDict()
        self.revoked = Revoked(directory)
        self.revoked.tidy(clock())

    def now(self) -> float:
        """Give the time by which tokens expire."""
        return self._clock()

    def issue(self, claims: Claims) -> str:
        """Sign."""
        return jwt.encode(msgspec.to_builtins(claims), self._key, _ALGORITHM)

    def read(self, text: str, expired_too: bool = False) -> Claims:
        """Give what a token says. Takes microseconds for one seen before. Raises InvalidTokenError.

        With `expired_too` one that a valid service token vouches for lasts EXPIRED_WINDOW_S longer.
        """
        if not text or len(text) > MAX_TOKEN:
            raise InvalidTokenError
        digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
        claims = self._cache.get(digest)
        if claims is None:
            claims = self._decoded(text)
            self._cache[digest] = claims
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(digest)
        end = claims.exp + (EXPIRED_WINDOW_S if expired_too else 0)
        if end <= self._clock() or claims.id in self.revoked:
            raise InvalidTokenError
        return claims

    def _decoded(self, text: str) -> Claims:
        try:
            # `exp` is compared on every use, not only here
            said = jwt.decode(text, self._key, [_ALGORITHM], options={"require": ["exp"], "verify_exp": False})
            return msgspec.convert(said, Claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError, UnicodeError, ValueError):
            raise InvalidTokenError from None


def _key(path: Path) -> bytes:
    """Give the key, made if there is none. Raises PrivateFileError."""
    with locked(path):
        try:
            key = bytes.fromhex(read_private(path).decode("ascii"))
        except FileNotFoundError:
            key = secrets.token_bytes(32)
            write_private(path, key.hex().encode() + b"\n", new=True)
        except ValueError as e:
            raise PrivateFileError(f"{path}: is not a key in hexadecimal; remove it to get a new one") from e
    if len(key) < 32:
        raise PrivateFileError(f"{path}: the key has less than 32 bytes; remove it to get a new one")
    return key
