"""Which server of a database to use. Of a cluster, only its leader is sure to show what was acknowledged elsewhere;
other members and relays may show rows of a while ago, and forward what is written: good enough for hosts.

Each `ovsdb-server` tells of itself in the table `Database` of its database `_Server` (ovsdb-server(5)).
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from tunbridge.database.access import SERVER, Access
from tunbridge.database.schema import Schema
from tunbridge.database.session import Session, SessionError, connect
from tunbridge.database.values import optional

if TYPE_CHECKING:
    from tunbridge.openvswitch.tls import Files

_AGAIN_S = 0.1
"""Members that do not lead are asked again so often, while others have not answered yet: one of them may lead soon."""

_SERVER_MONITOR = "_Server"


class Found(msgspec.Struct):
    """A member that can be used."""

    session: Session
    schema: Schema
    cluster: str | None
    """Its cluster's UUID; None: a database that is not clustered."""
    index: int
    """Of the last entry of the Raft log that it has."""


async def find(
    remotes: Sequence[str], tls: "Files | None", newest: tuple[str | None, int], access: Access = SERVER
) -> Found:
    """Ask all servers at once, and give the first that will do. `newest`: cluster and index that were seen already.

    Raises SessionError, naming what is wrong with each, when all have answered that they do not lead, or not in time.
    """
    problems: dict[str, str] = {}
    all_answered = asyncio.Event()

    async def seek(remote: str) -> Found:
        while True:
            try:
                return await _ask(remote, tls, newest, access)
            except SessionError as e:
                problems[remote] = str(e)
            if len(problems) == len(set(remotes)):
                all_answered.set()
            await asyncio.sleep(_AGAIN_S)

    asking = [asyncio.create_task(seek(remote)) for remote in remotes]
    given_up = asyncio.create_task(all_answered.wait())
    found: Found | None = None
    try:
        done, _ = await asyncio.wait([*asking, given_up], return_when=asyncio.FIRST_COMPLETED)
        for task in asking:
            if task in done:
                found = task.result()
                return found
    finally:
        given_up.cancel()
        await _drop(asking, found)
    raise SessionError("; ".join(problems.values()))


async def _drop(asking: list[asyncio.Task[Found]], kept: Found | None) -> None:
    for task in asking:
        task.cancel()
    for result in await asyncio.gather(*asking, return_exceptions=True):
        if isinstance(result, Found) and result is not kept:
            result.session.close("not needed")


async def _ask(remote: str, tls: "Files | None", newest: tuple[str | None, int], access: Access) -> Found:
    session = None
    try:
        async with asyncio.timeout(access.connect_s):
            session = await connect(remote, tls, access.probe_s)
            found = await _examine(session, newest, access)
    except TimeoutError:
        _close(session)
        raise SessionError(f"{remote}: no answer in {access.connect_s:g} s") from None
    except (SessionError, asyncio.CancelledError):
        _close(session)
        raise
    return found


def _close(session: Session | None) -> None:
    if session is not None:
        session.close("not needed")


async def _examine(session: Session, newest: tuple[str | None, int], access: Access) -> Found:
    """Check that this server will do, and have the session end when it no longer does."""
    session.notified = lambda method, params: watch(session, method, params, access)
    # Otherwise a conversion ends our monitors without a word (seen with 3.1), and we would not hear of any more rows.
    await session.request("set_db_change_aware", [True])
    columns = ["name", "connected", "leader"]
    wanted = {"Database": [{"columns": columns, "where": [["name", "==", access.database]]}]}
    reply = await session.request("monitor_cond", ["_Server", _SERVER_MONITOR, wanted])
    if reply.error is not None:
        raise SessionError(f"{session.remote}: {reply.error}: needs Open vSwitch 2.15 or newer")
    row = await _row(session, access)
    cluster, index = optional(row["cid"]), optional(row["index"]) or 0
    if row["model"] == "relay" and access.leader_only:
        raise SessionError(f"{session.remote}: a relay; a server needs a member of the cluster itself")
    if row["model"] != "standalone":
        if not row["connected"]:
            lost = "the database behind it" if row["model"] == "relay" else "the majority of its cluster"
            raise SessionError(f"{session.remote}: has no contact with {lost}")
        if access.leader_only and not row["leader"]:
            raise SessionError(f"{session.remote}: does not lead its cluster")
    if row["model"] == "clustered" and cluster == newest[0] and index < newest[1]:
        raise SessionError(f"{session.remote}: has older data than was seen already")
    return Found(session, msgspec.json.decode(optional(row["schema"]) or "{}"), cluster, index)


async def _row(session: Session, access: Access) -> dict[str, Any]:
    select = {"op": "select", "table": "Database", "where": [["name", "==", access.database]]}
    reply = await session.request("transact", ["_Server", select])
    rows = msgspec.json.decode(reply.result)[0]["rows"]
    if not rows:
        hint = "; `tunbridge db create` makes one" if access.is_ours else ""
        raise SessionError(f"{session.remote}: has no database {access.database}{hint}")
    row: dict[str, Any] = rows[0]
    return row


def watch(session: Session, method: str, params: msgspec.Raw, access: Access = SERVER) -> None:
    """End the session when its server will do no more, or the database has been converted."""
    if method == "monitor_canceled":
        session.close(f"{session.remote}: the database has been converted")
    if method != "update2":
        return
    monitor, updates = msgspec.json.decode(params, type=tuple[Any, dict[str, dict[str, dict[str, Any]]]])
    if monitor != _SERVER_MONITOR:
        return
    for update in updates.get("Database", {}).values():
        changed = update.get("modify") or {}
        if access.leader_only and (changed.get("leader") is False or changed.get("connected") is False):
            session.close(f"{session.remote}: does not lead its cluster any more")
        elif changed.get("connected") is False:
            session.close(f"{session.remote}: has lost the contact with its cluster")
