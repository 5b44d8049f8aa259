"""Queries of lists: filters, fields, order and pages, as Neutron's API reference has them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from tunbridge.model.convert import key_values, to_boolean, to_int
from tunbridge.model.resource import Field, Resource
from tunbridge.model.validators import InvalidError
from tunbridge.rules.errors import BadRequest, http_bad_request
from tunbridge.rules.request import Row

_OTHERS = ("fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse")
TAG_FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")
_JSON_TYPES: dict[type, str] = {bool: "boolean", int: "integer", str: "string"}
_BY_TYPE = {"boolean": to_boolean, "integer": to_int}
"""What makes a value of the text in a query, for fields without a conversion of their own: no request sets them."""
MAX_PARAMETERS = 1000
"""A query has no more parameters than this; with a page of ids, clients ask for some hundred at a time."""


class Query(msgspec.Struct, frozen=True):
    """What a client wants of a list."""

    filters: dict[str, list[Any]] = {}
    """Values, one of which a thing must have; by name of a field."""
    tags: dict[str, list[str]] = {}
    fields: frozenset[str] = frozenset()
    """Names to show; none: all. `fields=` names nothing, so nothing is shown."""
    sorts: tuple[tuple[str, bool], ...] = ()
    """Name of a field, and whether upwards."""
    limit: int = 0
    """Things in a page; 0: all."""
    marker: str | None = None
    reverse: bool = False


def parse(resource: Resource, query: str, max_limit: int = -1, extra: frozenset[str] = frozenset()) -> Query:
    """Read a query; `extra` are filters that are no fields. Raises BadRequest."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
    except ValueError as e:
        raise http_bad_request(f"The query cannot be read: {e}") from None
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    filters, tags = _filters(resource, given, extra)
    limit = _limit(given, max_limit)
    return Query(
        filters=filters,
        tags=tags,
        fields=frozenset(given.get("fields", [])),
        sorts=_sorts(resource, given),
        limit=limit,
        marker=(given.get("marker") or [""])[-1] or None if limit else None,
        reverse=(given.get("page_reverse") or ["false"])[-1].lower() == "true",
    )


def fields_of(query: str) -> frozenset[str]:
    """Give only the names to show, for a single thing. Raises BadRequest."""
    if not query:
        return frozenset()
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
    except ValueError as e:
        raise http_bad_request(f"The query cannot be read: {e}") from None
    return frozenset(value for name, value in pairs if name == "fields")


def _filters(
    resource: Resource, given: dict[str, list[str]], extra: frozenset[str]
) -> tuple[dict[str, list[Any]], dict[str, list[str]]]:
    known: dict[str, Field] = {field.name: field for field in resource.fields if field.filter}
    filters: dict[str, list[Any]] = {}
    tags: dict[str, list[str]] = {}
    wrong: list[str] = []
    for name, values in given.items():
        if name in _OTHERS:
            continue
        if resource.tags and name in TAG_FILTERS:
            tags[name] = [tag for value in values for tag in value.split(",")]
            if len(tags[name]) > MAX_PARAMETERS:
                raise http_bad_request(f"A filter has at most {MAX_PARAMETERS} tags")
            continue
        field = known.get("project_id" if name == "tenant_id" else name)
        if field is not None and field.key_values:
            filters[field.name] = [_pairs(values)]
        elif field is not None:
            filters[field.name] = filters.get(field.name, []) + [
                _converted(field, value, name not in extra) for value in values
            ]
        elif name in extra or name == "id":
            filters[name] = list(values)
        else:
            wrong.append(name)
    if wrong:
        raise http_bad_request(f"{wrong} is invalid attribute for filtering")
    return filters, tags


def _converted(field: Field, value: str, by_type: bool) -> Any:
    """Give a value as the field holds it; filters that rules have of their own (not `by_type`) read text themselves."""
    convert = field.convert or (_BY_TYPE.get(_type(field) or "") if by_type else None)
    if convert is None:
        return value
    try:
        return convert(value)
    except InvalidError as e:
        raise BadRequest(e.type or "InvalidInput", e.reason) from None


def _type(field: Field) -> str | None:
    """Give the JSON type of a field's values; null besides it does not count."""
    schema = field.answer_schema
    kinds = schema.get("type") or [_JSON_TYPES.get(type(value)) for value in schema.get("enum", ())]
    found = {kinds} if isinstance(kinds, str) else {kind for kind in kinds if kind not in (None, "null")}
    return found.pop() if len(found) == 1 else None


def _pairs(values: list[str]) -> dict[str, list[str]]:
    try:
        return key_values(values)
    except InvalidError as e:
        raise BadRequest(e.type or "InvalidInput", e.reason) from None


def _sorts(resource: Resource, given: dict[str, list[str]]) -> tuple[tuple[str, bool], ...]:
    keys = [key for key in given.get("sort_key", []) if key]
    ways = [way for way in given.get("sort_dir", []) if way]
    if len(keys) != len(ways):
        raise http_bad_request("The number of sort_keys and sort_dirs must be same")
    known = {field.name for field in resource.fields if field.sort} | {"id"}
    if "project_id" in known:
        known.add("tenant_id")
    absent = [key for key in keys if key not in known]
    if absent:
        raise http_bad_request(f"{absent} is invalid attribute for sort_keys")
    invalid = [way for way in ways if way not in ("asc", "desc")]
    if invalid:
        raise http_bad_request(f"{invalid} is invalid value for sort_dirs, valid value is 'asc' and 'desc'")
    return tuple((key, way == "asc") for key, way in zip(keys, ways, strict=True))


def _limit(given: dict[str, list[str]], maximum: int) -> int:
    text = (given.get("limit") or ["0"])[-1]
    # Longer numbers than any table has rows are refused before int() spends time on them.
    limit = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else -1
    if limit < 0:
        raise BadRequest("BadRequest", f"Bad limit request: Limit must be an integer 0 or greater and not '{text}'.")
    return min(maximum, limit) or maximum if maximum > 0 else limit


def ordered(rows: list[Row], query: Query, value: Callable[[Row, str], Any]) -> list[Row]:
    """Sort by the query's keys, nothing before something; by id where they are equal."""
    if query.sorts or query.limit:
        rows.sort(key=lambda row: str(row.id))
    for key, upwards in reversed(query.sorts):
        name = "project_id" if key == "tenant_id" else key
        rows.sort(key=lambda row, name=name: _sortable(value(row, name)), reverse=not upwards)  # type: ignore[misc]
    return rows


def _sortable(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, "")
    if isinstance(value, bool | int):
        return (1, value)
    return (2, value if isinstance(value, str) else str(value))


def page(rows: list[Row], query: Query) -> list[Row]:
    """Cut the page that the query asks for out of ordered rows; nothing after an unknown marker, as in Neutron."""
    if not query.limit:
        return rows
    if query.marker is None:
        at = len(rows) if query.reverse else -1
    else:
        at = next((i for i, row in enumerate(rows) if row.id == query.marker), -2)
        if at == -2:
            return []
    if query.reverse:
        return rows[max(at - query.limit, 0) : at]
    return rows[at + 1 : at + 1 + query.limit]


def links(url: str, query_text: str, query: Query, shown: list[Row]) -> list[dict[str, str]]:
    """Give the links to the pages before and after."""
    if not query.limit:
        return []
    found = []
    rest = [(n, v) for n, v in parse_qsl(query_text, keep_blank_values=True) if n not in ("marker", "page_reverse")]
    if len(shown) >= query.limit or query.reverse:
        after = [("marker", str(shown[-1].id))] if shown else []
        found.append({"rel": "next", "href": f"{url}?{urlencode(rest + after)}"})
    if len(shown) >= query.limit or not query.reverse:
        before = [("marker", str(shown[0].id))] if shown else []
        found.append({"rel": "previous", "href": f"{url}?{urlencode([*rest, *before, ('page_reverse', 'True')])}"})
    return found
