"""Puts the contributions of all owners into one set of flows and meters, and finds who collides.

Equal flows for one key are one flow, and conjunctions for one key are put together. Any other two exclude each other:
the later owner is left out with all its flows, the others stand. Which one is later does not depend on who came first,
so that a restart finds the same.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from tunbridge.dataplane.contribution import Contribution, Meter, Owner, Place, merge
from tunbridge.dataplane.flows import Flow, FlowKey


class Merged:
    """Flows and meters by bridge. `records` are the contributions, kept by the caller; `order` sorts owners."""

    def __init__(self, records: Mapping[Owner, Contribution], order: Callable[[Owner], Any]) -> None:
        self.excluded: Mapping[Owner, str] = {}
        """Owners that are left out, and why."""
        self._records = records
        self._order = order
        self._holders: dict[Place, Owner | tuple[Owner, ...]] = {}
        self._contested: set[Place] = set()
        self._flows: dict[str, dict[FlowKey, Flow]] = {}
        self._meters: dict[str, dict[int, Meter]] = {}
        self._touched: set[Place] = set()
        self._touched_meters: set[tuple[str, int]] = set()
        self._meter_owners: dict[tuple[str, int], dict[Owner, Meter]] = {}

    def flows(self, bridge: str) -> Mapping[FlowKey, Flow]:
        return self._flows.get(bridge, {})

    def meters(self, bridge: str) -> Mapping[int, Meter]:
        return self._meters.get(bridge, {})

    @property
    def bridges(self) -> Collection[str]:
        return self._flows.keys()

    def replace(self, owner: Owner, old: Contribution, new: Contribution) -> None:
        """Take another contribution of an owner, after `records` has it."""
        self._replace_flows(owner, old.flows, new.flows)
        self._replace_meters(owner, old.meters, new.meters)

    def _replace_flows(self, owner: Owner, old: dict[Place, Flow], new: dict[Place, Flow]) -> None:
        for place in new:
            if place not in old:
                self._hold(place, owner)
            if old.get(place) != new[place]:
                self._touched.add(place)
        for place in old.keys() - new.keys():
            self._release(place, owner)
            self._touched.add(place)

    def _hold(self, place: Place, owner: Owner) -> None:
        holders = self._holders.get(place)
        if holders is None:
            self._holders[place] = owner
        else:
            self._holders[place] = (*self.owners(place), owner)

    def _release(self, place: Place, owner: Owner) -> None:
        rest = [o for o in self.owners(place) if o != owner]
        if not rest:
            del self._holders[place]
        else:
            self._holders[place] = rest[0] if len(rest) == 1 else tuple(rest)

    def owners(self, place: Place) -> list[Owner]:
        """Who wants the flow of a key."""
        holders = self._holders.get(place)
        if holders is None:
            return []
        return [holders] if isinstance(holders[0], str) else list(holders)

    def _replace_meters(
        self, owner: Owner, old: dict[tuple[str, int], Meter], new: dict[tuple[str, int], Meter]
    ) -> None:
        for where in old.keys() | new.keys():
            if old.get(where) != new.get(where):
                self._touched_meters.add(where)
                holders = self._meter_owners.setdefault(where, {})
                if where in new:
                    holders[owner] = new[where]
                else:
                    del holders[owner]

    def exclude(self, given: Mapping[Owner, str]) -> set[Owner]:
        """Leave out these owners, and the later of any two that collide. Gives the owners for which that changed."""
        for place in self._touched:
            owners = self.owners(place)
            contested = len(owners) > 1 and merge([self._records[o].flows[place] for o in owners]) is None
            (self._contested.add if contested else self._contested.discard)(place)
        excluded = {**given, **self._collisions(given)}
        changed = excluded.keys() ^ self.excluded.keys()
        for owner in changed & self._records.keys():
            self._touched.update(self._records[owner].flows)
        self.excluded = excluded
        return changed

    def _collisions(self, out: Mapping[Owner, str]) -> dict[Owner, str]:
        places: dict[Owner, list[Place]] = {}
        for place in self._contested:
            for owner in self.owners(place):
                places.setdefault(owner, []).append(place)
        taken: dict[Place, tuple[Owner, Flow]] = {}
        found: dict[Owner, str] = {}
        for owner in sorted(places.keys() - out.keys(), key=self._order):
            wanted = self._records[owner].flows
            rivals = [taken[p] for p in places[owner] if p in taken and merge([taken[p][1], wanted[p]]) is None]
            if rivals:
                (feature, id), flow = rivals[0]
                found[owner] = f"collides with {feature} {id} on {flow.add_line().removeprefix('flow add ')}"
            else:
                taken |= {p: (owner, wanted[p]) for p in places[owner]}
        return found

    def changed_flows(self) -> dict[str, dict[FlowKey, Flow | None]]:
        """What is wanted otherwise than at the last call; None: no more."""
        changed: dict[str, dict[FlowKey, Flow | None]] = {}
        for place in self._touched:
            bridge, key = place
            present = self._flows.setdefault(bridge, {})
            flows = [self._records[o].flows[place] for o in self.owners(place) if o not in self.excluded]
            wanted = merge(flows) if flows else None
            if present.get(key) != wanted:
                changed.setdefault(bridge, {})[key] = wanted
                if wanted is None:
                    del present[key]
                else:
                    present[key] = wanted
        self._touched.clear()
        return changed

    def changed_meters(self) -> dict[str, dict[int, Meter | None]]:
        """Likewise."""
        changed: dict[str, dict[int, Meter | None]] = {}
        for where in self._touched_meters:
            bridge, id = where
            present = self._meters.setdefault(bridge, {})
            holders = self._meter_owners[where]
            meter = holders[min(holders)] if holders else None
            if not holders:
                del self._meter_owners[where]
            if present.get(id) != meter:
                changed.setdefault(bridge, {})[id] = meter
                if meter is None:
                    del present[id]
                else:
                    present[id] = meter
        self._touched_meters.clear()
        return changed
