"""A host that was told of nothing for long needs no more than what changed when its database was away."""

import asyncio
from pathlib import Path

import pytest

from tests.agent.clouds import Api, cloud, host, until
from tests.api.serving import Cloud

pytestmark = pytest.mark.ovs
HISTORY = 100
"""Transactions that `ovsdb-server` remembers."""


def test_a_host_resumes_after_more_transactions_of_others_than_the_history_holds(tmp_path: Path) -> None:
    async def scene(made: Cloud, api: Api) -> None:
        async with host("one", made.database.remote) as one:
            blue = await api.network(name="blue")
            port = await api.port(blue, "one")
            await until(lambda: one.source.port(port["id"]), "the host is told of its port")
            for _ in range(2):
                before = [row.number for row in one._store.all("Milestone")]
                for _ in range(HISTORY):
                    await api.create("network")
                await until(lambda: [row.number for row in one._store.all("Milestone")] > before, "a milestone is set")  # noqa: B023 - awaited here
            await asyncio.to_thread(made.database.kill)
            await until(lambda: not one.connected, "the database is away")
            assert one.source.port(port["id"])
            await asyncio.to_thread(made.database.start)
            await until(lambda: one.connected and one.registered, "it is back, and the host's entry is there")
            assert (one._replica.stats.resumes, one._replica.stats.loads) == (1, 1)
            later = await api.port(blue, "two")
            await until(lambda: one.source.port(later["id"]), "and it is told again")

    with cloud(tmp_path) as made:
        asyncio.run(scene(made, Api(made.user())))
