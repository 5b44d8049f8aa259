"""One controller for every resource: list, show, create, update, delete by its declaration and its rules."""

import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Generator, Hashable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from tunbridge.api import body, policy, query
from tunbridge.api.policy import Target
from tunbridge.api.query import Query
from tunbridge.api.views import Views, ViewStore
from tunbridge.database.slices import Slices, uncollected
from tunbridge.model.resource import Field, Resource
from tunbridge.rules import quota
from tunbridge.rules.base import Action, Rules
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import NetworkingError, NotFound, http_bad_request, no_such_resource
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

T = TypeVar("T")
_MANY = 100
"""Things of a bulk from which on its quota is looked at before anything else."""


class Database(Protocol):
    """What the API asks of the central database."""

    @property
    def store(self) -> ViewStore:
        """Give the rows as they are here."""

    async def barrier(self) -> None:
        """Return when the store shows all that any server had acknowledged before the call."""

    async def current(self) -> None:
        """Do the same, but do not wait for a large transaction of this server."""

    async def commit(self, build: Callable[[Any], T]) -> T:
        """Build a transaction, again after every lost race, and give what building gave once it has happened."""

    async def commit_in_slices(self, build: Callable[[Any], Generator[None, None, T]]) -> T:
        """Do the same with a generator, in whose pauses other requests run."""


Write = Callable[[Request], Awaitable[None]]
Around = Callable[[Request, Write], Awaitable[None]]


async def _plainly(request: Request, write: Write) -> None:
    await write(request)


class Answer(NamedTuple):
    """What goes back to a client."""

    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Controller:
    """What the API does with one resource."""

    def __init__(self, resource: Resource, rules: Rules, database: Database, views: Views, max_limit: int) -> None:
        self.resource = resource
        self.rules = rules
        self.database = database
        self.views = views
        self.max_limit = max_limit
        self.around: Around = _plainly
        """How an update is written: with what other services have to grant for it, where there are such."""
        self._fields = {field.name: field for field in resource.fields}
        self._ruled = {field.name for field in resource.fields if field.seen_by is not None}

    # Reading

    async def list(self, request: Request, text: str, url: str) -> Answer:
        """Answer GET /COLLECTION."""
        caller = request.caller
        wanted = query.parse(self.resource, text, self.max_limit, frozenset(self.rules.filters))
        await self.database.current()
        prepared = self.rules.prepare(self.database.store, request, wanted.filters)
        if prepared is not None:
            await self.database.commit(prepared)
        target = self._targets(caller)
        tells = self._telling(caller, wanted, target)
        rows = [
            row
            for row in self._matching(caller, wanted)
            if policy.may_see(self.resource, caller, target(row)) and not tells(row)
        ]
        if wanted.marker is not None and not any(row.id == wanted.marker for row in rows):
            self.visible(self.database.store, caller, wanted.marker)
        rows = self.rules.narrowed(rows, wanted.filters)
        shown = query.page(query.ordered(rows, wanted, self._value), wanted)
        content = b'{"%s":[%s]' % (
            self.resource.collection.encode(),
            b",".join(self.listed(row, caller, target(row), wanted.fields) for row in shown),
        )
        found = query.links(url, text, wanted, shown)
        if found:
            content += b',"%s_links":%s' % (self.resource.collection.encode(), body.encode(found))
        return Answer(200, content + b"}")

    def listed(self, row: Row, caller: Caller, target: Target, fields: frozenset[str]) -> bytes:
        """Give a row as lists have it, as JSON."""
        return self.views.json(self.resource, row, caller, target, fields)

    async def show(self, caller: Caller, id: str, text: str) -> Answer:
        """Answer GET /COLLECTION/ID."""
        fields = query.fields_of(text)
        await self.database.current()
        row = self.visible(self.database.store, caller, id)
        return Answer(200, self._wrapped(self._json(row, caller, fields)))

    def is_visible(self, row: Row, caller: Caller) -> bool:
        """Whether a caller may know of a row."""
        return policy.may_see(self.resource, caller, self._target(self.database.store, row, caller))

    def shown(self, row: Row, caller: Caller) -> bytes:
        """Give what a caller may see of a row, as JSON."""
        return self._json(row, caller)

    def visible(self, reader: Reader, caller: Caller, id: str) -> Row:
        """Give a row that the caller may know of. Raises NotFound."""
        row = self._row(reader, id)
        if not policy.may_see(self.resource, caller, self._target(reader, row, caller)):
            raise self.rules.hidden(id)
        return row

    def _row(self, reader: Reader, id: str) -> Row:
        """Give a row by what stands in a path. Raises NotFound."""
        return self.rules.get(reader, id)

    def _matching(self, caller: Caller, wanted: Query) -> Iterator[Row]:
        tests: list[Callable[[Row], bool]] = []
        store = self.database.store
        for name, values in wanted.filters.items():
            special = self.rules.filters.get(name)
            if name == "shared" and self._fields[name].column is None:
                tests.append(lambda row, v=values: self._target(store, row, caller).shared in v)  # type: ignore[misc]
            elif special is not None:
                tests.append(lambda row, f=special, v=values: f(store, row, v, caller))  # type: ignore[misc]
            else:
                tests.append(lambda row, n=name, v=values: _is_one_of(self._value(row, n), v))  # type: ignore[misc]
        if wanted.tags:
            tags = {name: frozenset(values) for name, values in wanted.tags.items()}
            tests.append(lambda row: _has_tags(frozenset(row.tags), tags))
        for row in self._candidates(caller, wanted):
            if all(test(row) for test in tests):
                yield row

    def _telling(self, caller: Caller, wanted: Query, target: Callable[[Row], Target]) -> Callable[[Row], bool]:
        """Give the test whether listing a row would tell the value of a field that the caller may not see."""
        asked = {*wanted.filters, *(("tags",) if wanted.tags else ())} & self._ruled
        if not asked:
            return lambda _: False
        return lambda row: not asked.isdisjoint(self.views.hidden(self.resource, caller, target(row)))

    def _candidates(self, caller: Caller, wanted: Query) -> Collection[Row]:
        """Give the fewest rows, by indexes, among which all that match are."""
        store = self.database.store
        if "id" in wanted.filters:
            found = (self.rules.row(store, id) for id in dict.fromkeys(wanted.filters["id"]))
            return [row for row in found if row is not None]
        best: list[Row] | None = None
        for name, values in wanted.filters.items():
            column = self._fields[name].column if name in self._fields else None
            if column is None or not column.indexed or name in self.rules.filters:
                continue
            if any(not isinstance(value, str) for value in values):
                continue
            if best is None or sum(store.count(self.resource.table, column.name, v) for v in set(values)) < len(best):
                by_id = {r.id: r for v in set(values) for r in store.find(self.resource.table, column.name, v)}
                best = list(by_id.values())
        if best is not None:
            return best
        if not caller.is_admin:
            own = self.rules.candidates(store, caller)
            if own is not None:
                return own
        return self.rules.all(store)

    def _targets(self, caller: Caller) -> Callable[[Row], Target]:
        """Give what policy looks at in a row, worked out once for all rows that are alike to it; for one answer."""
        known: dict[Hashable, Target] = {}
        store = self.database.store

        def target(row: Row) -> Target:
            key = self.rules.alike(row)
            found = known.get(key) if key is not None else None
            if found is None:
                found = self._target(store, row, caller)
                if key is not None:
                    known[key] = found
            return found

        return target

    def _value(self, row: Row, name: str) -> Any:
        """Give a field of a row for comparing."""
        if name == "id":
            return row.id
        field: Field | None = self._fields.get(name)
        if field is not None and field.column is not None:
            return getattr(row, field.column.name)
        return self.views.body(self.resource, self.database.store, row).get(name)

    def _target(self, reader: Reader, row: Row, caller: Caller) -> Target:
        return self.views.target(self.resource, reader, row, caller)

    def _json(self, row: Row, caller: Caller, fields: frozenset[str] = frozenset()) -> bytes:
        return self.views.json(self.resource, row, caller, self._target(self.database.store, row, caller), fields)

    def _wrapped(self, content: bytes) -> bytes:
        return b'{"%s":%s}' % (self.resource.name.encode(), content)

    # Writing

    async def create(self, request: Request, content: bytes) -> Answer:
        """Answer POST /COLLECTION: one thing or several, all of them or none."""
        given, bulk = await body.aside(content, lambda: body.items(self.resource, content))
        await self._refuse_over_quota(request, given)
        with uncollected() if len(given) >= _MANY else contextlib.nullcontext():
            return await self._create(request, content, given, bulk)

    async def _create(self, request: Request, content: bytes, given: Collection[Values], bulk: bool) -> Answer:
        slices = Slices()
        things = []
        for item in given:
            things.append(await body.aside(content, partial(body.created, self.resource, request.caller, item)))
            await slices.turn()
        self.rules.check_together(things)

        def build(txn: Txn) -> Generator[None, None, tuple[Txn, list[str]]]:
            ids = []
            for values in things:
                self._may_create(txn, request.caller, values)
                ids.append(self.rules.create(txn, request, dict(values)))
                yield
            return txn, ids

        txn, ids = await self.database.commit_in_slices(build)
        bodies = []
        for id in ids:
            bodies.append(self._made(request.caller, id, txn))
            await slices.turn()
        if bulk:
            return Answer(201, b'{"%s":[%s]}' % (self.resource.collection.encode(), b",".join(bodies)))
        return Answer(201, self._wrapped(bodies[0]))

    async def _refuse_over_quota(self, request: Request, given: Collection[Values]) -> None:
        """Refuse a large bulk that a quota does not let be made, before time goes into each of its things."""
        kind = self.resource.quota
        if kind is None or len(given) < _MANY:
            return
        caller = request.caller
        asked = Counter(str(one.get("project_id") or one.get("tenant_id") or caller.project_id) for one in given)
        for project, number in asked.items():
            if project != caller.project_id and not caller.is_admin:
                continue  # refused for another reason, or a service's
            if number > quota.room(self.database.store, request, project, kind):
                await self.database.barrier()  # rows that are here may be old
                if number > quota.room(self.database.store, request, project, kind):
                    raise quota.exceeded(kind)

    def _may_create(self, txn: Txn, caller: Caller, values: Values) -> None:
        self.rules.check_parent(txn, values, caller)
        target = Target(
            project_id=values.get("project_id"),
            network_project_id=self.rules.network_project_of(txn, values),
            group_project_id=self.rules.group_project_of(txn, values),
            shared=self.rules.network_shared_with(txn, values, caller.project_id),
        )
        policy.enforce_create(self.resource, caller, target, values)

    async def update(self, request: Request, id: str, content: bytes) -> Answer:
        """Answer PUT /COLLECTION/ID."""
        changes = await body.aside(content, lambda: body.updated(self.resource, request.caller, content))

        async def write(request: Request) -> None:
            def build(txn: Txn) -> None:
                row = self._row(txn, id)
                target = self._target(txn, row, request.caller)
                policy.enforce_update(self.resource, request.caller, target, changes, self.rules.hidden(id))
                self.rules.update(txn, request, row, dict(changes))

            await self.database.commit(build)

        await self.around(request, write)
        return Answer(200, self._wrapped(self._written(request.caller, id)))

    async def delete(self, request: Request, id: str, content: bytes) -> Answer:
        """Answer DELETE /COLLECTION/ID."""
        if content:
            raise http_bad_request("Request body is not supported in DELETE.")

        def build(txn: Txn) -> None:
            row = self._row(txn, id)
            target = self._target(txn, row, request.caller)
            policy.enforce_delete(self.resource, request.caller, target, self.rules.hidden(id))
            self.rules.delete(txn, request, row)

        await self.database.commit(build)
        return Answer(204, b"")

    def _made(self, caller: Caller, id: str, txn: Txn) -> bytes:
        """Give the body of what was just made; somebody may have deleted it since, then as its transaction saw it."""
        row = self.rules.row(self.database.store, id)
        if row is not None:
            return self._json(row, caller)
        row = self.rules.get(txn, id)
        return self.views.json(self.resource, row, caller, self._target(txn, row, caller), reader=txn)

    def _written(self, caller: Caller, id: str) -> bytes:
        """Give the body of what was just written. Raises NotFound when somebody deleted it meanwhile."""
        return self._json(self.rules.get(self.database.store, id), caller)

    # Actions

    async def act(self, request: Request, id: str, name: str, content: bytes) -> Answer:
        """Answer PUT /COLLECTION/ID/ACTION."""
        action = self.rules.actions[name]
        given = await body.aside(content, lambda: _read(action, _given(action, content)))

        def build(txn: Txn) -> Values | list[Values] | None:
            row = self.rules.get(txn, id)
            target = self._target(txn, row, request.caller)
            policy.enforce_action(
                self.resource, request.caller, target, name, action.who, self.rules.hidden(id), action.parts, given
            )
            if isinstance(given, NetworkingError):
                raise given  # only told to who may do the action at all
            return action.run(self.rules, txn, request, row, given)

        told = await self.database.commit(build)
        if action.tells:
            return Answer(200, body.encode(told))
        if action.fields:
            await self.database.barrier()
            row = self.rules.get(self.database.store, id)
            return Answer(200, self._json(row, request.caller, frozenset(action.fields)))
        return Answer(200, self._wrapped(self._written(request.caller, id)))

    async def tell(self, request: Request, id: str, name: str) -> Answer:
        """Answer GET /COLLECTION/ID/ACTION."""
        action, caller = self.rules.actions[name], request.caller
        await self.database.current()
        store = self.database.store
        row = self.rules.get(store, id)
        target = self._target(store, row, caller)
        policy.enforce_action(self.resource, caller, target, name, action.who, self.rules.hidden(id))
        return Answer(200, body.encode(action.run(self.rules, store, request, row, None)))

    # Tags

    async def tags(self, caller: Caller, id: str) -> Answer:
        """Answer GET /COLLECTION/ID/tags."""
        await self.database.current()
        row = self.visible(self.database.store, caller, id)
        return Answer(200, body.encode({"tags": list(row.tags)}))

    async def tag(self, caller: Caller, id: str, tag: str) -> Answer:
        """Answer GET /COLLECTION/ID/tags/TAG: 204 when it has it."""
        await self.database.current()
        if tag not in self.visible(self.database.store, caller, id).tags:
            raise NotFound("TagNotFound", f"Tag {tag} could not be found.")
        return Answer(204, b"")

    async def set_tags(
        self, request: Request, id: str, verb: str, change: Callable[[tuple[str, ...]], tuple[str, ...]]
    ) -> Row:
        """Change the tags of a thing; `verb` is create, update or delete, which have rules of their own."""

        def build(txn: Txn) -> None:
            row = self.rules.get(txn, id)
            target = self._target(txn, row, request.caller)
            policy.enforce_tags(self.resource, request.caller, target, verb, self.rules.hidden(id))
            self.rules.change(txn, request, row, {"tags": change(row.tags)})

        await self.database.commit(build)
        row = self.database.store.get(self.resource.table, id)
        if row is None:
            raise no_such_resource()
        return row


def _is_one_of(value: Any, wanted: list[Any]) -> bool:
    if isinstance(value, tuple | list):
        return any(one in wanted for one in value)
    return value in wanted


def _given(action: Action, content: bytes) -> Values:
    """Give an action's body; one that tells something says itself what it misses."""
    return {} if not content or (action.tells and content.strip() == b"{}") else body.parse(content)


def _read(action: Action, given: Values) -> Any:
    try:
        return action.read(given)
    except NetworkingError as e:
        return e


_TAG_TESTS: dict[str, Callable[[frozenset[str], frozenset[str]], bool]] = {
    "tags": lambda tags, given: given <= tags,
    "tags-any": lambda tags, given: not given.isdisjoint(tags),
    "not-tags": lambda tags, given: not given <= tags,
    "not-tags-any": lambda tags, given: given.isdisjoint(tags),
}


def _has_tags(tags: frozenset[str], wanted: dict[str, frozenset[str]]) -> bool:
    """Decide by the four filters of tags, as Neutron's API reference says (all, any, not all, not any)."""
    return all(_TAG_TESTS[name](tags, given) for name, given in wanted.items())
