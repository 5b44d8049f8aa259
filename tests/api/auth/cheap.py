"""Passwords hashed at the least cost: a real hash takes 0.3 s of CPU, and so does each login with it.

What a real one costs is a test of its own (test_guessing.py).
"""

import contextlib
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from tunbridge.api.auth import passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@contextlib.contextmanager
def cheap_hashes() -> Iterator[None]:
    """Have this process hash passwords so. A server that reads them compares at the cost that they were made with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", CHEAP)
        yield
