"""Designate's API v2, as far as recordsets go.

The service user is an admin and acts for projects (`X-Auth-Sudo-Project-ID`): a name is written only to a zone that is
the project's, or that was shared with it. Whose a recordset is stands in its description.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from tunbridge.api.designate.config import DesignateConfig
from tunbridge.api.designate.records import Wanted
from tunbridge.api.keystone_service import KeystoneService, ServiceError
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
PAGE = 1000
"""Recordsets in one answer, at most; there may be fewer, since Designate has a limit of its own."""
_EVERYWHERE = {"X-Auth-All-Projects": "true"}
_AWAY = (502, 503, 504)


class DesignateError(ServiceError):
    """Designate or its Keystone does not answer, or not as expected; it may later."""


class RefusedError(TunbridgeError):
    """Designate refuses one recordset; the text says why."""


class FailedError(RefusedError):
    """Designate failed with one recordset; it may not the next time."""


class TakenError(RefusedError):
    """There is a recordset of this name and type that is another's."""


class Recordset(Struct, frozen=True):
    """A recordset as Designate has it."""

    id: str
    zone_id: str
    zone_name: str
    name: str
    type: str
    records: list[str]
    description: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.zone_name, self.name, self.type


class _Page(Struct, frozen=True):
    recordsets: list[Recordset]


class _Zone(Struct, frozen=True):
    id: str
    name: str


class _Zones(Struct, frozen=True):
    zones: list[_Zone]


class Designate:
    """One Designate, told as the service user."""

    def __init__(self, config: DesignateConfig) -> None:
        """Raise AuthConfigError for files that cannot be read."""
        self._service = KeystoneService(config, "dns", "designate", DesignateError, "/v2")
        self._zones: dict[tuple[str | None, str], str] = {}
        """Project and name of a zone -> its id, as found since `forget_zones`."""

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    def forget_zones(self) -> None:
        """Look for zones anew: they come and go."""
        self._zones.clear()

    async def find(self, mark: str) -> list[Recordset]:
        """Give all recordsets whose description begins with a text. Raises DesignateError."""
        found: list[Recordset] = []
        query = {"description": f"{mark}*", "limit": str(PAGE), "sort_key": "created_at"}
        while True:
            more = {"marker": found[-1].id} if found else {}
            path = f"/v2/recordsets?{urlencode({**query, **more})}"
            reply = await self._service.ask("GET", path, headers={**_EVERYWHERE, "OpenStack-DNS-Hide-Counts": "true"})
            page = self._page(reply)
            found += page
            if not page:
                return found

    async def set(self, wanted: Wanted, mark: str) -> Recordset:
        """Make a recordset, marked as ours; one that we have made already is changed.

        Raises DesignateError, RefusedError.
        """
        zone = await self._zone(wanted)
        body = {"name": wanted.name, "type": wanted.type, "records": wanted.records, "description": mark}
        reply = await self._ask("POST", f"/v2/zones/{zone}/recordsets", body, _for(wanted.project_id))
        if reply.status_code == 409:
            return await self._take(zone, wanted, mark)
        if reply.status_code == 404:
            self._zones.pop((wanted.project_id, wanted.zone), None)
        return self._read(reply, wanted.name, Recordset)

    async def change(self, there: Recordset, wanted: Wanted, mark: str) -> Recordset | None:
        """Change the records of a recordset; None: it is not there any more. Raises DesignateError, RefusedError."""
        path = f"/v2/zones/{there.zone_id}/recordsets/{there.id}"
        body = {"records": wanted.records, "description": mark}
        reply = await self._ask("PUT", path, body, _for(wanted.project_id))
        return None if reply.status_code == 404 else self._read(reply, there.name, Recordset)

    async def remove(self, there: Recordset) -> None:
        """Remove a recordset; one that is gone is removed. Raises DesignateError, RefusedError."""
        path = f"/v2/zones/{there.zone_id}/recordsets/{there.id}"
        reply = await self._ask("DELETE", path, None, _EVERYWHERE)
        if reply.status_code not in (202, 204, 404):
            raise _refused(there.name, reply)

    # Parts

    def _page(self, reply: "httpx.Response") -> list[Recordset]:
        where = self._service.endpoint
        if reply.status_code == 403:
            raise DesignateError(
                f"{where}: the service user may not see the recordsets of all projects: it needs the role admin"
            )
        if reply.status_code == 404:
            raise DesignateError(f"{where}: is no Designate, it has no /v2/recordsets: set designate.endpoint")
        if reply.status_code != 200:
            raise DesignateError(f"{where}: answered {reply.status_code}")
        return self._read(reply, where, _Page).recordsets

    async def _take(self, zone: str, wanted: Wanted, mark: str) -> Recordset:
        """Take what is there for ours, if it is: made before an answer was lost, or by Neutron for the same address."""
        query = urlencode({"name": wanted.name, "type": wanted.type})
        path = f"/v2/zones/{zone}/recordsets?{query}"
        reply = await self._ask("GET", path, None, _for(wanted.project_id))
        there = next(iter(self._read(reply, wanted.name, _Page).recordsets), None)
        if there is None:
            raise TakenError(f"{wanted.name}: Designate says that there is such a name already, and shows none")
        is_same = sorted(there.records) == sorted(wanted.records)
        if there.description == mark and is_same:
            return there
        if there.description == mark or (is_same and not there.description):
            changed = await self.change(there, wanted, mark)
            if changed is not None:
                return changed
        raise TakenError(f"{wanted.name}: there is a recordset {wanted.type} of this name already, made by others")

    async def _zone(self, wanted: Wanted) -> str:
        """Give the id of a zone in which a project may have names; a reverse zone is made if there is none."""
        key = (wanted.project_id, wanted.zone)
        if key not in self._zones:
            path = f"/v2/zones?name={quote(wanted.zone, safe='')}"
            reply = await self._ask("GET", path, None, _for(wanted.project_id))
            found = next((z for z in self._read(reply, wanted.zone, _Zones).zones if z.name == wanted.zone), None)
            if found is None and wanted.project_id is not None:
                raise RefusedError(
                    f"{wanted.zone}: project {wanted.project_id} has no such zone in Designate, and none is shared"
                    " with it"
                )
            self._zones[key] = found.id if found is not None else await self._make_reverse_zone(wanted)
        return self._zones[key]

    async def _make_reverse_zone(self, wanted: Wanted) -> str:
        body = {"name": wanted.zone, "email": wanted.email, "description": "For reverse lookups, made by Tunbridge"}
        reply = await self._ask("POST", "/v2/zones", body, {})
        if reply.status_code == 409:
            raise RefusedError(
                f"{wanted.zone}: the reverse zone is another project's, and not shared with that of the service user"
            )
        return self._read(reply, wanted.zone, _Zone).id

    async def _ask(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> "httpx.Response":
        reply = await self._service.ask(method, path, body, headers)
        if reply.status_code in _AWAY or reply.status_code == 401:
            raise DesignateError(f"{self._service.endpoint}: answered {reply.status_code}")
        return reply

    def _read(self, reply: "httpx.Response", what: str, type: type[T]) -> T:
        """Read an answer. Raises RefusedError for one that is an error, DesignateError for one that makes no sense."""
        if reply.status_code not in (200, 201, 202):
            raise _refused(what, reply)
        try:
            return msgspec.json.decode(reply.content, type=type)
        except msgspec.DecodeError as e:
            where = self._service.endpoint
            raise DesignateError(f"{where}: is no Designate, its answer cannot be read: {e}") from e


def _for(project_id: str | None) -> dict[str, str]:
    return {} if project_id is None else {"X-Auth-Sudo-Project-ID": project_id}


def _refused(what: str, reply: "httpx.Response") -> RefusedError:
    """Say what Designate refused, in its words."""
    try:
        body = msgspec.json.decode(reply.content, type=dict[str, Any])
    except msgspec.DecodeError:
        body = {}
    reason = " ".join(str(body[part]) for part in ("type", "message", "errors") if body.get(part))
    kind = FailedError if reply.status_code >= 500 else RefusedError
    return kind(f"{what}: Designate answered {reply.status_code} {reason}".rstrip())
