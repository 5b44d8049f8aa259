"""GET /v2.0/events: what is created, updated and deleted, as it happens, for whoever may see it (server-sent events).

Names and payloads are those of Neutron's notifications (`port.update.end`, `{"port": {…}}`), which need a message queue
there. Every server tells of all changes, whichever server or host made them.

    stream.begin    first: all changes from now on come; what was before is to be listed
    KIND.create.end, KIND.update.end, KIND.delete.end
    stream.end      last, where the server ends it: `reason` says why

A client that reads too slowly, whose token has ended, or whose server ends, connects again and lists anew.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import msgspec

from tunbridge.api import metrics, policy
from tunbridge.api.auth.base import RefusedError
from tunbridge.api.http import Receive, Send
from tunbridge.api.policy import Target
from tunbridge.api.query import MAX_PARAMETERS
from tunbridge.api.views import DEPENDENTS, Views, ViewStore
from tunbridge.model.resource import Resource
from tunbridge.rules.base import Rules
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import Unavailable, http_bad_request
from tunbridge.rules.request import Row
from tunbridge.shares import Shares

PATH = "/events"
MOST = 100
"""Streams of one server at a time; of further ones each project has a share."""
KEEP_ALIVE_S = 15.0
"""So often at least something is sent, so that whatever stands between knows that the connection lives."""
AGAIN_S = 60.0
"""So often it is asked whether the caller may still call."""
MAX_WAITING = 4 * 1024 * 1024
"""Bytes that wait for a client; more end its stream."""
_BESIDE = {
    ("Port_Status", "Port"),
    ("Port_Status", "Floating_Ip"),
    ("Port_Status", "Trunk"),
    ("Port_Status", "Tap_Service"),
    ("Port_Status", "Tap_Flow"),
    ("Router", "Port"),
}
"""Tables whose rows change what is shown of another's without changing its row."""
Again = Callable[[], Awaitable[Caller]]
"""Finds out anew who calls. Raises RefusedError."""
_ORDER = ("create", "update", "delete")
"""What one transaction did is told in this order."""
_Change = tuple[str, Row | None, Row | None]


class _Stream:
    """What waits for one client."""

    def __init__(self, caller: Caller, names: frozenset[str]) -> None:
        self.caller = caller
        self.names = names
        """Kinds of things that it wants; none: all."""
        self.waiting: list[bytes] = []
        self.size = 0
        self.end = ""
        """Why it ends."""
        self.woken = asyncio.Event()

    def put(self, event: bytes) -> None:
        if self.end:
            return
        self.waiting.append(event)
        self.size += len(event)
        if self.size > MAX_WAITING:
            self.waiting.clear()
            self.end = "events came faster than they were read"
        self.woken.set()

    def take(self) -> bytes:
        taken, self.waiting, self.size = b"".join(self.waiting), [], 0
        self.woken.clear()
        return taken

    def finish(self, reason: str) -> None:
        self.end = self.end or reason
        self.woken.set()


class Events:
    """All streams of this server."""

    def __init__(
        self,
        store: ViewStore,
        resources: Mapping[str, Resource],
        rules: Mapping[str, Rules],
        views: Views,
        ready: Callable[[], bool],
    ) -> None:
        """`ready` says whether the store shows the database: what is loaded when it comes back is no news."""
        self._store = store
        self._rules = rules
        self._views = views
        self._ready = ready
        told = (r for r in resources.values() if r.stored and r.name in rules and rules[r.name].cached)
        self._resources = {resource.table: resource for resource in told}
        """By table. Not there: bindings, which show in their ports; what changes with the time (`alive` of agents)."""
        self._dependents = [d for d in DEPENDENTS if (d.table, d.shows_in) in _BESIDE and d.shows_in in self._resources]
        self._names = frozenset(r.name for r in self._resources.values())
        self._streams: set[_Stream] = set()
        self._room = Shares[str](MOST)
        """Of projects, by their ids."""
        self._changes: list[_Change] = []
        self._count = 0
        store.listen(self._changed)
        store.watch(self._tell)

    # What changed

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        if self._streams:
            self._changes.append((table, old, new))

    def _tell(self) -> None:
        """Tell all streams of the changes of one update."""
        changes, self._changes = self._changes, []
        for resource, verb, row in sorted(self._found(changes), key=lambda found: _ORDER.index(found[1])):
            for stream in self._streams:
                if not stream.names or resource.name in stream.names:
                    body = self._body(resource, row, stream.caller, verb == "delete")
                    if body is not None:
                        stream.put(
                            self._event(f"{resource.name}.{verb}.end", b'{"%s":%s}' % (resource.name.encode(), body))
                        )

    def _found(self, changes: list[_Change]) -> Iterator[tuple[Resource, str, Row]]:
        """Each thing once: what happened to it, and its row, of a deleted one the last."""
        seen = {(table, (old or new).id) for table, old, new in changes}  # type: ignore[union-attr]
        for table, old, new in changes:
            resource = self._resources.get(table)
            if resource is not None and _shows(resource, old, new):
                row = new if new is not None else old
                assert row is not None
                yield resource, "delete" if new is None else "create" if old is None else "update", row
            for shown in self._beside(table, old, new):
                if shown not in seen:
                    seen.add(shown)
                    other = self._store.get(*shown)
                    if other is not None:
                        yield self._resources[shown[0]], "update", other

    def _beside(self, table: str, old: Row | None, new: Row | None) -> Iterator[tuple[str, str]]:
        for dependent in self._dependents:
            if dependent.table == table:
                yield from ((dependent.shows_in, id) for id in dependent.affected(self._store, old, new))

    def _body(self, resource: Resource, row: Row, caller: Caller, is_gone: bool) -> bytes | None:
        """The thing as the caller may see it; None: not at all. Of one that is gone, what can still be told."""
        try:
            target = self._views.target(resource, self._store, row, caller)
        except Exception:
            if not is_gone:
                raise
            target = Target(project_id=self._rules[resource.name].project(row))  # what it stood in went with it
        if not policy.may_see(resource, caller, target):
            return None
        try:
            return self._views.json(resource, row, caller, target, reader=self._store if is_gone else None)
        except Exception:
            if not is_gone:
                raise
            return msgspec.json.encode({"id": row.id})

    def _event(self, name: str, payload: bytes) -> bytes:
        self._count += 1
        moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f").encode()
        data = b'{"event_type":"%s","timestamp":"%s","payload":%s}' % (name.encode(), moment, payload)
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self._count, name.encode(), data)

    # Streams

    def wanted(self, query: str) -> frozenset[str]:
        """The kinds of things that a query names (`resource=port`). Raises BadRequest."""
        try:
            pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
        except ValueError as e:
            raise http_bad_request(f"The query cannot be read: {e}") from None
        for name, value in pairs:
            if name != "resource":
                raise http_bad_request(f"{name} is no parameter of a stream of events; resource is")
            if value not in self._names:
                raise http_bad_request(f"resource={value}: it is one of {', '.join(sorted(self._names))}")
        return frozenset(value for _, value in pairs)

    async def serve(self, caller: Caller, names: frozenset[str], again: Again, receive: Receive, send: Send) -> None:
        """Send one client what happens, until it goes or the stream ends. Raises Unavailable."""
        if not self._ready():
            raise Unavailable("ServiceUnavailable", "The database cannot be reached now. Try again later.")
        project = caller.project_id or ""
        if not self._room.take(project):
            message = f"This server has {MOST} streams of events, and your project its share of them. Try again later."
            raise Unavailable("ServiceUnavailable", message)
        stream = _Stream(caller, names)
        stream.put(self._event("stream.begin", b"{}"))
        self._streams.add(stream)
        metrics.STREAMS.set(len(self._streams))
        gone = asyncio.create_task(_gone(receive))
        gone.add_done_callback(lambda _: stream.woken.set())
        try:
            headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._send(stream, again, gone, send)
        finally:
            self._streams.discard(stream)
            self._room.leave(project)
            metrics.STREAMS.set(len(self._streams))
            gone.cancel()

    async def _send(self, stream: _Stream, again: Again, gone: "asyncio.Task[None]", send: Send) -> None:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while not gone.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(KEEP_ALIVE_S):
                    await stream.woken.wait()
            if loop.time() - asked > AGAIN_S:
                asked = loop.time()
                try:
                    stream.caller = await again()
                except RefusedError as e:
                    stream.finish(str(e))
            content = stream.take() or (b"" if stream.end else b": alive\n\n")
            if stream.end:
                content += self._event("stream.end", msgspec.json.encode({"reason": stream.end}))
            await send({"type": "http.response.body", "body": content, "more_body": not stream.end})
            if stream.end:
                return

    def close(self) -> None:
        """End all streams: the server ends."""
        for stream in self._streams:
            stream.finish("the server ends")


async def _gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _shows(resource: Resource, old: Row | None, new: Row | None) -> bool:
    """Whether a change of a row is one that users see."""
    if old is None or new is None:
        return True
    columns: Iterable[str] = (f.column.name for f in resource.fields if f.column is not None and f.visible)
    return any(getattr(old, name) != getattr(new, name) for name in columns)
