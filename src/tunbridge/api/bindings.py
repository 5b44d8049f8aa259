"""/v2.0/ports/PORT/bindings[/HOST[/activate]]: where a port is plugged in, also while it moves to another host."""

from typing import Any

import msgspec

from tunbridge.api import body, http, policy, query
from tunbridge.api.controller import Answer, Controller, Database
from tunbridge.api.http import Exchange
from tunbridge.api.policy import Target
from tunbridge.model.policy_rules import Who
from tunbridge.model.resource import Resource
from tunbridge.rules import bindings, extended_bindings, sub_ports
from tunbridge.rules.errors import Forbidden, http_bad_request, no_such_resource
from tunbridge.rules.request import Reader, Request, Row, Txn, Values


class BindingApi:
    """Answers for the bindings of ports."""

    def __init__(self, resource: Resource, ports: Controller, database: Database) -> None:
        self._resource = resource
        self._ports = ports
        self._database = database

    async def answer(self, exchange: Exchange, request: Request, port: str, parts: list[str]) -> Answer:
        """Answer a request for the bindings of one port. Raises NetworkingError."""
        method = exchange.method
        if not parts:
            if method == "GET":
                return await self._list(request, port, exchange.query)
            if method == "POST":
                return await self._create(request, port, await exchange.content())
            raise http.not_allowed()
        host = parts[0]
        if len(parts) == 1:
            if method == "GET":
                return await self._show(request, port, host, exchange.query)
            if method == "PUT":
                return await self._update(request, port, host, await exchange.content())
            if method == "DELETE":
                return await self._delete(request, port, host)
        if len(parts) == 2 and parts[1] == "activate" and method == "PUT":
            return await self._activate(request, port, host)
        raise http.not_allowed()

    def _must(self, who: Who, request: Request, action: str, hidden: bool = False) -> None:
        """Refuse what a caller may not do; with `hidden` as if it were not there, if they may not see it either."""
        if policy.may(who, request.caller, Target(None)):
            return
        if hidden and not policy.may(self._resource.get_by, request.caller, Target(None)):
            raise no_such_resource()
        raise Forbidden("PolicyNotAuthorized", f"rule:{action} is disallowed by policy")

    def _port(self, reader: Reader, request: Request, id: str) -> Row:
        """Give a port that the caller may know of and that moves. Raises NetworkingError."""
        row = self._ports.visible(reader, request.caller, id)
        extended_bindings.check_moves(row)
        return row

    async def _list(self, request: Request, port: str, text: str) -> Answer:
        wanted = query.parse(self._resource, text)
        await self._database.current()
        store = self._database.store
        row = self._port(store, request, port)
        # Who may not see them sees an empty list, as of any kind of thing.
        seen = policy.may(self._resource.get_by, request.caller, Target(None))
        found = [_shown(binding) for binding in bindings.of(store, row)] if seen else []
        matching = [one for one in found if all(one[name] in given for name, given in wanted.filters.items())]
        return Answer(200, body.encode({"bindings": [_only(one, wanted.fields) for one in matching]}))

    async def _show(self, request: Request, port: str, host: str, text: str) -> Answer:
        fields = query.fields_of(text)
        await self._database.current()
        store = self._database.store
        found = extended_bindings.binding(store, self._port(store, request, port), host)
        if not policy.may(self._resource.get_by, request.caller, Target(None)):
            raise no_such_resource()
        return Answer(200, body.encode({"binding": _only(_shown(found), fields)}))

    async def _create(self, request: Request, port: str, content: bytes) -> Answer:
        self._must(self._resource.create_by, request, "create_port_binding")
        given, bulk = body.items(self._resource, content)
        if bulk:
            raise http_bad_request("Bulk operation not supported")
        values = body.created(self._resource, request.caller, given[0])
        await self._database.commit(lambda txn: self._do(txn, request, port, extended_bindings.create, values))
        return self._one(port, values["host"], 201)

    async def _update(self, request: Request, port: str, host: str, content: bytes) -> Answer:
        self._must(self._resource.update_by, request, "update_port_binding")
        values = body.updated(self._resource, request.caller, content)
        new = values.get("host", host)
        changes = {**values, "host": host, "new_host": new}
        await self._database.commit(lambda txn: self._do(txn, request, port, extended_bindings.update, changes))
        return self._one(port, new, 200)

    async def _delete(self, request: Request, port: str, host: str) -> Answer:
        self._must(self._resource.delete_by, request, "delete_port_binding", hidden=True)
        await self._database.commit(lambda txn: self._do(txn, request, port, extended_bindings.delete, {"host": host}))
        return Answer(204, b"")

    async def _activate(self, request: Request, port: str, host: str) -> Answer:
        self._must(Who.SERVICE_ONLY, request, "activate", hidden=True)
        await self._database.commit(
            lambda txn: self._do(txn, request, port, extended_bindings.activate, {"host": host})
        )
        # As the answer to an action, without a name around it.
        return Answer(200, body.encode(self._found(port, host)))

    def _do(self, txn: Txn, request: Request, port: str, action: Any, values: Values) -> None:
        rules = self._ports.rules
        row = self._port(txn, request, port)
        columns = action(rules, txn, request, row, rules.others["network"].get(txn, row.network_id), values)
        rules.touch(txn, request, row, columns)
        sub_ports.follow(rules, txn, request, txn.get(rules.table, row.id))

    def _one(self, port: str, host: str, status: int) -> Answer:
        return Answer(status, body.encode({"binding": self._found(port, host)}))

    def _found(self, port: str, host: str) -> Values:
        store = self._database.store
        return _shown(extended_bindings.binding(store, self._ports.rules.get(store, port), host))


def _only(values: Values, fields: frozenset[str]) -> Values:
    return {name: value for name, value in values.items() if not fields or name in fields}


def _shown(row: Row) -> Values:
    return {
        "host": row.host,
        "vif_type": row.vif_type,
        "vif_details": msgspec.json.decode(row.vif_details or "{}"),
        "vnic_type": row.vnic_type,
        "profile": msgspec.json.decode(row.profile or "{}"),
        "status": row.status,
    }
