"""A client that writes all the time: python -m tests.attacks.writer REMOTE… It obeys words on standard input.

`count` prints how many writes were acknowledged; `gap` the longest time without one since it was asked last, and for
what reasons the connection was lost; `end` the names of all that was acknowledged.
"""

import asyncio
import json
import sys
import time

from tests.database.tables import TABLES
from tests.database.test_connection import insert
from tunbridge.database.connection import Database
from tunbridge.database.errors import DatabaseUnavailable

CLIENTS = 4


class Writer:
    """Counts what is acknowledged, and when."""

    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self.longest = 0.0
        self.reasons: list[str] = []
        self._last = time.monotonic()

    def count(self) -> None:
        now = time.monotonic()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    async def write(self, db: Database, number: int) -> None:
        for turn in range(10**9):
            name = f"{number}-{turn}"
            try:
                await db.commit(insert("Group", name=name))
            except DatabaseUnavailable:
                continue
            self.acknowledged.append(name)
            self.count()
            await asyncio.sleep(0.005)

    async def watch(self, db: Database) -> None:
        while True:
            if db.problem is not None and db.problem not in self.reasons[-1:]:
                self.reasons.append(db.problem)
            await asyncio.sleep(0.001)

    async def obey(self) -> None:
        while True:
            word = (await asyncio.to_thread(sys.stdin.readline)).strip()
            if word == "count":
                said: object = len(self.acknowledged)
            elif word == "gap":
                said = {"seconds": self.longest, "reasons": self.reasons}
                self.longest, self.reasons = 0.0, []
            else:
                said = self.acknowledged
            print(json.dumps({"said": said}), flush=True)
            if word == "end":
                return


async def main(remotes: list[str]) -> None:
    """Write until told to end."""
    writer, db = Writer(), Database(TABLES)
    await db.start(remotes)
    await db.wait_ready(20)
    tasks = [asyncio.create_task(writer.write(db, number)) for number in range(CLIENTS)]
    tasks.append(asyncio.create_task(writer.watch(db)))
    await writer.obey()
    for task in tasks:
        task.cancel()
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
