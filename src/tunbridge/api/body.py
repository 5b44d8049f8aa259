"""Bodies of requests: JSON to values with defaults, in Neutron's order and with its errors."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from tunbridge.api.offer import why_not
from tunbridge.model.resource import MAX_ITEMS, REQUIRED, UNSET, Field, Resource
from tunbridge.model.validators import InvalidError
from tunbridge.rules.caller import Caller
from tunbridge.rules.errors import BadRequest, Conflict, NetworkingError, http_bad_request
from tunbridge.rules.request import Values

_INVALID = "Body contains invalid data"
PROJECT = ("project_id", "tenant_id")
ASIDE = 16 * 1024
"""Bytes of a body from which on it is read and checked beside the event loop."""
_NAMED = 20
"""Unknown attributes that an error names."""
T = TypeVar("T")


async def aside(content: bytes, work: Callable[[], T]) -> T:
    """Do work that takes time by the length of a body: in a thread if it is long, so that nobody waits for it."""
    return work() if len(content) < ASIDE else await asyncio.to_thread(work)


def encode(value: Any) -> bytes:
    """Give JSON."""
    return msgspec.json.encode(value)


def parse(content: bytes) -> dict[str, Any]:
    """Give the object that a request's body is. Raises BadRequest."""
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise http_bad_request(_INVALID) from None
    if not isinstance(body, dict):
        raise http_bad_request(_INVALID)
    if b"\\u0000" in content and _holds_nul(body):
        raise http_bad_request("Text with the character NUL (\\u0000) cannot be kept")
    if not body:
        raise http_bad_request("Resource body required")
    return body


def _holds_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(one) for pair in value.items() for one in pair)
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value


def items(resource: Resource, content: bytes) -> tuple[list[Values], bool]:
    """Give the things of a POST as the client wrote them, and whether it is a bulk. Raises BadRequest."""
    body = parse(content) if content.strip() not in (b"", b"{}") else {}
    if resource.collection in body and not _is_one(resource, body):
        found = body[resource.collection]
        if not found:
            raise http_bad_request("Resources required")
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise http_bad_request(
                _INVALID if isinstance(found, list) else f"Object '{resource.name}' contains invalid data"
            )
        return [_object(resource, item if resource.name in item else {resource.name: item}) for item in found], True
    return [_object(resource, body)], False


def _is_one(resource: Resource, body: dict[str, Any]) -> bool:
    """Whether a body is of one thing, of a kind whose one and many have the same name."""
    return resource.collection == resource.name and isinstance(body[resource.name], dict)


def updated(resource: Resource, caller: Caller, content: bytes) -> Values:
    """Give what a PUT changes. Raises BadRequest."""
    body = parse(content) if content.strip() not in (b"", b"{}") else {}
    if resource.name not in body and resource.collection in body:
        raise http_bad_request("Bulk operation not supported")
    values = _object(resource, body)
    _project(resource, caller, values, create=False)
    _refuse_unknown(resource, values)
    for field in resource.fields:
        if field.name in values and not field.put:
            raise http_bad_request(f"Cannot update read-only attribute {field.alias or field.name}")
    _convert(resource.fields, values)
    return values


def refused(field: Field, error: InvalidError) -> NetworkingError:
    """Give the error for a value that a check refuses: of Neutron's own type where it has one."""
    if error.type is None:
        return http_bad_request(f"Invalid input for {field.name}. Reason: {error.reason}.")
    made = Conflict if error.status == 409 else BadRequest
    return made(error.type, error.reason)


def refuse_many(name: str, items: Sequence[Any], most: int = MAX_ITEMS) -> None:
    """Refuse a list that is too long to be looked at. Raises BadRequest."""
    if len(items) > most:
        raise http_bad_request(f"Invalid input for {name}. Reason: {len(items)} items are more than {most}.")


def _object(resource: Resource, body: dict[str, Any]) -> Values:
    values = body.get(resource.name)
    if values is None:
        raise http_bad_request(f"Unable to find '{resource.name}' in request body")
    if not isinstance(values, dict):
        raise http_bad_request(f"Object '{resource.name}' contains invalid data")
    return dict(values)


def created(resource: Resource, caller: Caller, values: Values) -> Values:
    """Give one thing that a POST makes, with defaults. Raises NetworkingError."""
    _project(resource, caller, values, create=True)
    _refuse_unknown(resource, values)
    for field in resource.fields:
        if not field.post:
            if field.name in values:
                raise http_bad_request(f"Attribute '{field.name}' not allowed in POST")
        elif field.name not in values:
            if field.default is REQUIRED:
                raise http_bad_request(f"Failed to parse request. Required attribute '{field.name}' not specified")
            values[field.name] = field.default
    _convert(resource.fields, values)
    return values


def _project(resource: Resource, caller: Caller, values: Values, create: bool) -> None:
    """Give the thing its owner, under the one name that it has inside. Raises BadRequest."""
    given = [values.pop(name) for name in PROJECT if name in values]
    owned = any(field.name == "project_id" for field in resource.fields)
    if len(given) == 2 and given[0] != given[1]:
        raise http_bad_request("'project_id' and 'tenant_id' do not match")
    if given:
        if not owned:
            raise http_bad_request("Unrecognized attribute(s) 'project_id'")
        if given[0] != caller.project_id and not caller.is_admin and "service" not in caller.roles:
            raise http_bad_request(
                "Specifying 'project_id' other than the authenticated project in request is not allowed for the current"
                " user."
            )
        values["project_id"] = given[0]
    elif create and owned:
        if not caller.project_id:
            raise http_bad_request("Running without keystone AuthN requires that project_id is specified")
        values["project_id"] = caller.project_id


def _refuse_unknown(resource: Resource, values: Values) -> None:
    known = {field.name for field in resource.fields}
    unknown = [name for name in values if name not in known]
    if unknown:
        more = ", …" if len(unknown) > _NAMED else ""
        message = f"Unrecognized attribute(s) '{', '.join(sorted(unknown)[:_NAMED])}{more}'"
        waiting = {name: resource.withheld[name] for name in sorted(unknown) if name in resource.withheld}
        raise http_bad_request("; ".join([message, *(f"{n}: {why_not(alias)}" for n, alias in waiting.items())]))


def _convert(fields: Iterable[Field], values: Values) -> None:
    for field in fields:
        value = values.get(field.name, UNSET)
        if value is UNSET:
            continue
        if isinstance(value, list):
            refuse_many(field.name, value, field.most)
        try:
            values[field.name] = field.clean(value)
        except InvalidError as e:
            raise refused(field, e) from None
        except (ValueError, TypeError, OverflowError) as e:
            raise http_bad_request(f"Invalid input for {field.name}. Reason: {e}.") from None
