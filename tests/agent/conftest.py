"""Scenes on a server and its database, for tests of what an agent knows of them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.clouds import Api, Scene, cloud


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    """Play a scene on a cloud of its own."""

    def run(scene: Scene) -> None:
        with cloud(tmp_path) as made:
            asyncio.run(scene(made, Api(made.user())))

    return run
