"""What a resource of the Networking API is made of: fields with their validation, their column and who may use them.

One declaration gives the database's columns, the API's validation and its OpenAPI schema. The names, defaults and rules
are Neutron's; a test holds them against `neutron-lib`.
"""

from enum import Enum
from typing import Any, Final

import msgspec

from tunbridge.model.convert import Convert
from tunbridge.model.policy_rules import Who
from tunbridge.model.tables import Cardinality, Column, Table, Type
from tunbridge.model.validators import Check, Schema


class Absent(Enum):
    """What stands for a value that a request did not give."""

    REQUIRED = "required"  # no default: a create without it is refused
    UNSET = "unset"  # the rules compute it (Neutron's ATTR_NOT_SPECIFIED)


MAX_ITEMS = 1000
"""Items of a list in a request; one that is longer is refused before any of them is looked at."""

REQUIRED: Final = Absent.REQUIRED
UNSET: Final = Absent.UNSET


class Field(msgspec.Struct, frozen=True):
    """One attribute of a resource, as users see it."""

    name: str
    check: Check | None = None
    """Refuses a converted value with a reason."""
    convert: Convert | None = None
    """Makes the value that is kept of what the client sent; comes before the check, as in Neutron."""
    default: Any = REQUIRED
    post: bool = True
    put: bool = True
    visible: bool = True
    filter: bool = False
    sort: bool = False
    extension: str | None = None
    """Alias of the extension that brings it; None: it belongs to the resource's own."""
    column: Column | None = None
    """Where it is kept. None: it is computed when a body is made, or acts only on a request."""
    create_by: Who | None = None
    """Who may give it when creating; None: whoever may create."""
    update_by: Who | None = None
    seen_by: Who | None = None
    part_create_by: dict[str, Who] = {}
    """Who may give a key of it when creating: `ip_address` of `fixed_ips`."""
    part_update_by: dict[str, Who] = {}
    alias: str | None = None
    """Another name by which it is taken, filtered and shown: tenant_id."""
    key_values: bool = False
    """In a query it is filtered by pairs: `fixed_ips=ip_address=10.0.0.1` (`convert.key_values`)."""
    most: int = MAX_ITEMS
    """Items that a list given for it may have, before the check and the rules, which may allow fewer."""
    schema: Schema | None = None
    """JSON Schema of it in answers, where neither the check nor the conversion tells."""

    def clean(self, value: Any) -> Any:
        """Give what is kept of a value that a client sent. Raises InvalidError."""
        if self.convert is not None:
            value = self.convert(value)
        if self.check is not None:
            self.check(value)
        return value

    @property
    def answer_schema(self) -> Schema:
        """Give the JSON Schema of it in answers."""
        if self.schema is not None:
            return self.schema
        if self.check is not None:
            return self.check.schema
        return self.convert.gives if self.convert is not None else {}

    @property
    def request_schema(self) -> Schema:
        """Give the JSON Schema of what a request may have for it."""
        schema = self.answer_schema
        besides = self.convert.takes if self.convert is not None else ()
        if self.convert is not None and self.convert.gives and self.schema is not None:
            besides = (self.convert.gives, *besides)  # the answer has it in another form
        return {"anyOf": [schema, *besides]} if besides and schema else schema


class Resource(msgspec.Struct, frozen=True):
    """A kind of thing with paths, bodies and a table."""

    name: str  # network
    collection: str  # networks
    table: str  # Network
    fields: tuple[Field, ...]
    extension: str | None = None
    columns: tuple[Column, ...] = ()
    """Columns that no user sees."""
    indexes: tuple[tuple[str, ...], ...] = ()
    path: str | None = None
    """Path under /v2.0, when it is not /COLLECTION (with - for _); of two parts at most."""
    create_by: Who = Who.ADMIN_OR_MEMBER
    update_by: Who = Who.ADMIN_OR_MEMBER
    delete_by: Who = Who.ADMIN_OR_MEMBER
    get_by: Who = Who.ADMIN_OR_READER
    has_list: bool = True
    """GET /COLLECTION is there; so below."""
    has_post: bool = True
    has_put: bool = True
    has_delete: bool = True
    tags: bool = False
    """Has /COLLECTION/ID/tags."""
    delete_tags_by: Who | None = None
    """Who may remove tags; None: whoever may set them."""
    key: str = "id"
    """Name of the field that stands in its paths."""
    stored: bool = True
    """False: it has no table of its own, it is computed from others (availability zones)."""
    root: bool = True
    """False: its rows go with the row of the parent that points at them."""
    quota: str | None = None
    """Name of its quota; None: not limited."""
    hides_update: bool = False
    """Who sees it only because it is shared gets 404 for an update, not 403: so Neutron does for address groups."""
    withheld: dict[str, str] = {}
    """Fields that are declared and not offered now -> alias of the extension that brings them."""
    parent: str | None = None
    """Name of the resource below which its paths stand."""

    def field(self, name: str) -> Field:
        """Give a field by name. Raises KeyError."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name} has no attribute {name}")

    def as_table(self) -> Table:
        """Give the table that holds its rows."""
        return Table(
            name=self.table,
            columns=tuple(f.column for f in self.fields if f.column is not None) + self.columns,
            indexes=self.indexes,
            root=self.root,
        )


class Extension(msgspec.Struct, frozen=True):
    """An extension of the API, as /v2.0/extensions lists it."""

    alias: str
    name: str
    description: str
    updated: str
    needs: frozenset[str] = frozenset()
    """Features of the data plane without which it is not advertised (`features.py`)."""


def column_name(field: str) -> str:
    """Give the name of the column that keeps a field: `provider:network_type` is kept in `provider_network_type`."""
    return field.replace(":", "_").replace("-", "_")


def text(name: str, many: Cardinality = Cardinality.ONE, indexed: bool = False) -> Column:
    """Give a column of text."""
    return Column(column_name(name), Type.TEXT, many, indexed=indexed)


def integer(name: str, many: Cardinality = Cardinality.ONE) -> Column:
    """Give a column of a number."""
    return Column(column_name(name), Type.INTEGER, many)


def boolean(name: str) -> Column:
    """Give a column of a truth value."""
    return Column(column_name(name), Type.BOOLEAN)


def json(name: str) -> Column:
    """Give a column of one JSON value, null for none."""
    return Column(column_name(name), Type.JSON)


def ref(name: str, table: str, many: Cardinality = Cardinality.ONE, strong: bool = True) -> Column:
    """Give a column that points at a row of another table; the store finds rows by it."""
    return Column(column_name(name), Type.REF, many, table=table, strong=strong, indexed=True)
