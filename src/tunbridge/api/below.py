"""What stands below another thing in paths: /qos/policies/POLICY/bandwidth_limit_rules/RULE."""

from collections.abc import Collection

from tunbridge.api.controller import Controller
from tunbridge.api.query import Query
from tunbridge.rules.caller import Caller
from tunbridge.rules.request import Reader, Row, Txn, Values


class Below(Controller):
    """The controller of what stands below one thing: another's of it, as far as it stands there."""

    def __init__(self, things: Controller, parents: Controller, id: str) -> None:
        super().__init__(things.resource, things.rules, things.database, things.views, things.max_limit)
        self._parents = parents
        self._id = id

    def _parent(self, reader: Reader, caller: Caller) -> Row:
        return self._parents.visible(reader, caller, self._id)

    def visible(self, reader: Reader, caller: Caller, id: str) -> Row:
        """Give a row that the caller may know of. Raises NotFound."""
        self._parent(reader, caller)
        return super().visible(reader, caller, id)

    def _row(self, reader: Reader, id: str) -> Row:
        parent = self._parents.rules.get(reader, self._id)
        row = self.rules.row_below(reader, parent.id, id)
        if row is None or getattr(row, self.rules.above) != parent.id:
            raise self.rules.absent_below(id, parent.id)
        return row

    def _candidates(self, caller: Caller, _wanted: Query) -> Collection[Row]:
        store = self.database.store
        parent = self._parent(store, caller)
        return store.find(self.resource.table, self.rules.above, parent.id)

    def _may_create(self, txn: Txn, caller: Caller, values: Values) -> None:
        parent = self._parents.rules.get(txn, self._id)
        values.update({self.rules.above: parent.id, "project_id": self._parents.rules.project(parent)})
        super()._may_create(txn, caller, values)
