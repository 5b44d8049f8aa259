"""What is alike for every resource: fields go to their columns and come back, revisions, timestamps, quotas.

A resource with rules of its own overrides `create`, `update`, `delete` and `computed`, and ends in `insert`, `save`,
`remove` of this class.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import msgspec

from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import UNSET, Absent, Field, Resource
from tunbridge.model.resources.common import MAX_TAGS
from tunbridge.model.tables import Cardinality, Column, Type
from tunbridge.rules import quota
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import BadRequest, PreconditionFailed, not_found
from tunbridge.rules.request import Reader, Request, Row, Txn, Values

_EMPTY: dict[Cardinality, Any] = {Cardinality.OPTIONAL: None, Cardinality.SET: (), Cardinality.MAP: {}}
_ZERO: dict[Type, Any] = {Type.TEXT: "", Type.INTEGER: 0, Type.BOOLEAN: False, Type.JSON: "null"}


Filter = Callable[[Reader, Row, list[Any], Caller], bool]


class Action(NamedTuple):
    """What PUT /COLLECTION/ID/NAME does, and who may."""

    who: Who
    run: Callable[[Any, Any, Request, Row, Any], Values | list[Values] | None]
    """Called with the rules, the transaction (a `Reader` for GET), the request, the row and the body."""
    fields: tuple[str, ...] = ()
    """The answer is only these fields of the thing; none: {RESOURCE: {…}}."""
    read: Callable[[Values], Any] = dict
    """Makes of the body what `run` gets; looks at nothing else, so that it may take its time in a thread."""
    tells: bool = False
    """The answer is what `run` gives."""
    method: str = "PUT"
    """With GET, `run` only reads."""
    parts: Mapping[str, Who] = MappingProxyType({})
    """Who may give a key of the dictionaries that `read` makes of the body."""
    extension: str | None = None
    """Alias of the extension that brings it; None: it belongs to the resource's own."""


def stored(column: Column, value: Any) -> Any:
    """Give a field's value as its column keeps it."""
    if isinstance(value, Absent) or value is None:
        return _EMPTY[column.many] if column.many in _EMPTY else _ZERO[column.type]
    if column.type is Type.JSON:
        return msgspec.json.encode(value).decode()
    if column.many is Cardinality.SET:
        return tuple(dict.fromkeys(value))
    return value


def shown(column: Column, value: Any) -> Any:
    """Give a column's value as users see it."""
    if column.type is Type.JSON:
        return None if value is None else msgspec.json.decode(value)
    return list(value) if column.many is Cardinality.SET else value


class Rules:
    """The rules of one resource."""

    name = ""
    """The resource's name for people, as its errors say it: `Security group`."""
    first_revision = 0
    """As Neutron's, which counts what it writes while it makes a thing."""
    cached = True
    """Bodies change only with rows; False where they depend on the time or on settings."""
    filters: ClassVar[dict[str, Filter]] = {}
    """Filters of lists that are more than comparing a field, by name."""
    actions: ClassVar[dict[str, Action]] = {}
    """What PUT /COLLECTION/ID/NAME does, by name."""
    above = ""
    """The column that names what a thing stands below in paths."""
    others: Mapping[str, "Rules"] = {}
    """The rules of all resources, by name."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        """As it is declared; `offer` puts in its place what users see of it."""
        self.table = resource.table
        self._stored: tuple[tuple[Field, Column], ...] = tuple(
            (field, field.column) for field in resource.fields if field.column is not None
        )
        self._columns = {column.name for column in resource.as_table().columns}

    def offer(self, resource: Resource) -> None:
        """Tell which part of the resource users see; all of it is kept."""
        self.resource = resource

    # Reading

    def row(self, reader: Reader, id: str) -> Row | None:
        """Give a row, if there is one."""
        return reader.get(self.table, id)

    def all(self, reader: Reader) -> Collection[Row]:
        """Give all rows."""
        return reader.all(self.table)

    def narrowed(self, rows: list[Row], _filters: Mapping[str, Sequence[Any]]) -> list[Row]:
        """Give the rows of a list, with what its filters say of what is shown of them."""
        return rows

    def get(self, reader: Reader, id: str) -> Row:
        """Give a row. Raises the resource's NotFound."""
        row = self.row(reader, id)
        if row is None:
            raise self.absent(id)
        return row

    def visible(self, reader: Reader, caller: Caller, id: str) -> Row:
        """Give a row that the caller may know of. Raises NotFound."""
        row, project = self.get(reader, id), caller.project_id
        if not (
            caller.is_admin
            or project in (self.project(row), self.network_project(reader, row))
            or self.shared_with(reader, row, project)
            or self.external_for(reader, row, project)
        ):
            raise self.absent(id)
        return row

    def absent(self, id: str) -> Exception:
        """Give the error for a row that is not there."""
        return not_found(self.name or self.resource.name.replace("_", " ").capitalize(), id)

    def row_below(self, reader: Reader, _parent: str, id: str) -> Row | None:
        """Give a row by what stands in its path, below the thing of that id, or below another one."""
        return self.row(reader, id)

    def absent_below(self, id: str, _parent: str) -> Exception:
        """Give the error for a row that is not below the thing which its path names."""
        return self.absent(id)

    def hidden(self, id: str) -> Exception:
        """Give the error for a row that the caller may not know of: mostly as if it were not there."""
        return self.absent(id)

    def check_parent(self, reader: Reader, values: Values, _caller: Caller) -> None:
        """Refuse a create in something that is not there. Raises NotFound."""
        id = values.get("network_id")
        if isinstance(id, str) and reader.get("Network", id) is None:
            raise self.others["network"].absent(id)

    def check_together(self, things: list[Values]) -> None:
        """Refuse things that cannot be made in one request. Raises BadRequest."""

    def body(self, reader: Reader, row: Row) -> Values:
        """Give all that can be seen of a row, by field, but for what depends on who looks (`shared`)."""
        body: Values = {"id": row.id}
        for field, column in self._stored:
            if field.visible:
                body[field.name] = shown(column, getattr(row, column.name))
        body.update(self.computed(reader, row))
        return body

    def computed(self, _reader: Reader, _row: Row) -> Values:
        """Give the fields that have no column."""
        return {}

    def project(self, row: Row) -> str | None:
        """Give the project that owns a row; None where rows have no owner."""
        return getattr(row, "project_id", None)

    def network_project(self, _reader: Reader, _row: Row) -> str | None:
        """Give the project that owns the network of a row, for policy; None where rows have no network."""
        return None

    def network_project_of(self, reader: Reader, values: Values) -> str | None:
        """Give the project that owns the network which the body of a create names, for policy."""
        network = reader.get("Network", values["network_id"]) if isinstance(values.get("network_id"), str) else None
        return None if network is None else str(network.project_id)

    def network_shared_with(self, reader: Reader, values: Values, project: str | None) -> bool:
        """Say whether the network which the body of a create names is shared with a project, for policy."""
        id = values.get("network_id")
        network = reader.get("Network", id) if isinstance(id, str) else None
        return network is not None and self.others["network"].shared_with(reader, network, project)

    def alike(self, _row: Row) -> Hashable | None:
        """Give what two rows share that are the same for policy; None: each is looked at by itself."""
        return None

    def group_project(self, _reader: Reader, _row: Row) -> str | None:
        """Give the project that owns the security group of a row, for policy; None where rows have no group."""
        return None

    def group_project_of(self, reader: Reader, values: Values) -> str | None:
        """Give the project that owns the security group which the body of a create names, for policy."""
        id = values.get("security_group_id")
        group = reader.get("Security_Group", id) if isinstance(id, str) else None
        return None if group is None else str(group.project_id)

    def prepare(
        self, _reader: Reader, _request: Request, _filters: Mapping[str, Sequence[Any]]
    ) -> Callable[[Txn], object] | None:
        """Give what has to be written before a list can be shown; None: nothing."""
        return None

    def candidates(self, _reader: Reader, _caller: Caller) -> list[Row] | None:
        """Give the rows among which all that a caller may see are; None: all rows, each is asked for."""
        return None

    def external_for(self, _reader: Reader, _row: Row, _project: str | None) -> bool:
        """Say whether a row is a network that is external for a project."""
        return False

    def shared_with(self, _reader: Reader, _row: Row, _project: str | None) -> bool:
        """Say whether a project may use a row of another one."""
        return False

    # Writing

    def create(self, txn: Txn, request: Request, values: Values) -> str:
        """Make a thing and give its id. Raises NetworkingError."""
        return self.insert(txn, request, values)

    def update(self, txn: Txn, request: Request, row: Row, values: Values) -> None:
        """Change what `values` names. Raises NetworkingError."""
        self.save(txn, request, row, values)

    def delete(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a thing. Raises NetworkingError."""
        self.remove(txn, request, row)

    # What these end in

    def with_defaults(self, values: Values) -> Values:
        """The values of a create that no client asked for, with what stands for what it did not give."""
        return {field.name: field.default for field in self.resource.fields if field.post} | values

    def insert(
        self, txn: Txn, request: Request, values: Values, id: str | None = None, limited: bool = True, **more: Any
    ) -> str:
        """Add the row: fields of `values`, columns of `more`, and what every row has.

        What is not `limited` counts against the quota, which does not refuse it.
        """
        columns = {column.name: stored(column, values.get(field.name, UNSET)) for field, column in self._stored}
        now = request.timestamp
        stamps = {"created_at": now, "updated_at": now, "revision_number": self.first_revision}
        columns.update({name: value for name, value in stamps.items() if name in self._columns})
        columns.update(more)
        project, kind = columns.get("project_id", ""), self.resource.quota
        if limited or kind is None:
            quota.take(txn, request, project, kind)
        else:
            quota.count(txn, request, project, kind)
        return txn.insert(self.table, columns, id)

    def save(self, txn: Txn, request: Request, row: Row, values: Values, **more: Any) -> None:
        """Change a row where something differs: its revision counts up, and nobody else's change is lost."""
        wanted = {
            column.name: stored(column, values[field.name]) for field, column in self._stored if field.name in values
        }
        wanted.update(more)
        self.change(txn, request, row, wanted)

    def change(self, txn: Txn, request: Request, row: Row, columns: Mapping[str, Any]) -> None:
        """Change columns of a row where they differ."""
        self.check_revision(request, row)
        changed = {name: value for name, value in columns.items() if differs(getattr(row, name), value)}
        if changed:
            self.touch(txn, request, row, changed)
        else:
            txn.exists(self.table, row.id)

    def touch(self, txn: Txn, request: Request, row: Row, columns: Mapping[str, Any]) -> None:
        """Count up a row's revision, with changes or because something below it changed; also a lock on the row."""
        stamps: Values = {}
        if "revision_number" in self._columns:
            txn.verify(self.table, row.id, "revision_number")
            stamps = {"revision_number": row.revision_number + 1, "updated_at": request.timestamp}
        else:
            txn.verify(self.table, row.id, *columns)
        txn.update(self.table, row.id, {**columns, **stamps})

    def remove(self, txn: Txn, request: Request, row: Row) -> None:
        """Remove a row, and count it no more."""
        self.check_revision(request, row)
        if "revision_number" in self._columns and request.if_match is not None:
            txn.verify(self.table, row.id, "revision_number")
        quota.give_back(txn, request, self.project(row) or "", self.resource.quota)
        txn.delete(self.table, row.id)

    def check_revision(self, request: Request, row: Row) -> None:
        """Refuse when the request is for another revision. Raises Neutron's RevisionNumberConstraintFailed."""
        expected = request.if_match
        if expected is not None and expected != getattr(row, "revision_number", expected):
            raise PreconditionFailed(
                "RevisionNumberConstraintFailed",
                f"Constrained to {expected}, but current revision is {row.revision_number}",
            )


def check_tag_count(resource: Resource, tags: Collection[str]) -> None:
    """Refuse more tags than one thing can have. Raises BadRequest."""
    if len(tags) > MAX_TAGS:
        name = resource.collection
        message = f"Bad {name} request: The number of tags exceed the per-resource limit of {MAX_TAGS}."
        raise BadRequest("BadRequest", message)


def differs(old: Any, new: Any) -> bool:
    """Say whether a column changes; the order of a set does not count."""
    if isinstance(old, tuple) and isinstance(new, tuple):
        return set(old) != set(new)
    return bool(old != new)
