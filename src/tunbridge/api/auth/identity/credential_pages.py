"""/v3/users/ID/application_credentials: secrets with which programs act for a user, made by the user."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tunbridge.api.auth.base import RefusedError
from tunbridge.api.auth.identity import bodies
from tunbridge.api.auth.identity.answers import (
    collection,
    nothing,
    one,
    refuse_action,
    refuse_bad_request,
    refuse_missing,
)
from tunbridge.api.auth.identity.service import Service
from tunbridge.api.auth.identity.token_body import moment
from tunbridge.api.auth.passwords import generate
from tunbridge.api.auth.sessions import TokenSession
from tunbridge.api.auth.users import ROLE_OF_ID, ApplicationCredential, Users, edit, new_id, role_id

MAX_PER_USER = 100


class CredentialPages:
    """The pages of application credentials."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Give the routes, below /identity."""
        path = "/v3/users/{user}/application_credentials"
        return [
            Route(path, self.list, methods=["GET"]),
            Route(path, self.create, methods=["POST"]),
            Route(path + "/{id}", self.show, methods=["GET"]),
            Route(path + "/{id}", self.delete, methods=["DELETE"]),
        ]

    def _url(self, request: Request) -> str:
        return f"{self._service.url(request)}/v3/users/{request.path_params['user']}"

    def _found(self, request: Request) -> ApplicationCredential:
        found = self._service.directory.credentials.get(request.path_params["id"])
        if found is None or found.user_id != request.path_params["user"]:
            raise refuse_missing("Application Credential", request.path_params["id"])
        return found

    def _view(self, credential: ApplicationCredential) -> dict[str, Any]:
        return {
            "id": credential.id,
            "name": credential.name,
            "description": credential.description,
            "project_id": credential.project_id,
            "user_id": credential.user_id,
            "expires_at": None if credential.expires_at is None else moment(credential.expires_at)[:-1],
            "unrestricted": credential.unrestricted,
            "roles": [{"id": role_id(role), "name": role, "domain_id": None} for role in credential.roles],
            "system": None,
        }

    async def list(self, request: Request) -> Response:
        """List a user's."""
        user = request.path_params["user"]
        self._service.self_or_reader(request, user, "identity:list_application_credentials")
        name = request.query_params.get("name")
        views = [
            self._view(credential)
            for credential in self._service.directory.credentials.values()
            if credential.user_id == user and name in (None, credential.name)
        ]
        return _collection(self._url(request), views)

    async def show(self, request: Request) -> Response:
        """Show one."""
        self._service.self_or_reader(request, request.path_params["user"], "identity:get_application_credential")
        return _one(self._url(request), self._view(self._found(request)))

    def _changer(self, request: Request, action: str) -> TokenSession:
        """Tell who asks, who must be the user, and not with a restricted application credential."""
        session = self._service.session(request)
        if session.user.id != request.path_params["user"]:
            raise refuse_action(action)
        if session.credential is not None and not session.credential.unrestricted:
            raise refuse_action("Restricted application credentials cannot manage application credentials")
        return session

    async def create(self, request: Request) -> Response:
        """Make one; its secret is in this answer and nowhere else."""
        session = self._changer(request, "identity:create_application_credential")
        wanted = (await bodies.read(request, bodies.CredentialBody)).application_credential
        if session.project is None:
            raise refuse_bad_request("Application credentials are made with a token for a project.")
        if wanted.access_rules:
            raise refuse_bad_request("access_rules are not supported.")
        secret = wanted.secret or generate()
        made = ApplicationCredential(
            id=new_id(),
            name=wanted.name,
            user_id=session.user.id,
            project_id=session.project.id,
            secret_hash="",
            roles=_roles(wanted, session),
            description=wanted.description,
            expires_at=_expiry(wanted.expires_at, self._service.sessions.tokens.now()),
            unrestricted=bool(wanted.unrestricted),
        )
        made.secret_hash = await self._service.verifier.hash(secret)
        await self._change(lambda users: _add(users, made))
        return _one(self._url(request), self._view(made) | {"secret": secret}, 201)

    async def delete(self, request: Request) -> Response:
        """Delete one; tokens that were got with it end."""
        session = self._service.session(request)
        if not session.is_admin or session.credential is not None:
            self._changer(request, "identity:delete_application_credential")
        found = self._found(request)
        await self._change(lambda users: _remove(users, found.id))
        return nothing()

    async def _change(self, change: Callable[[Users], None]) -> None:
        def write() -> None:
            with edit(self._service.config.path) as users:
                change(users)

        await asyncio.to_thread(write)


def _one(url: str, view: dict[str, Any], status: int = 200) -> Response:
    base = url.partition("/v3/")[0]
    return one("application_credential", f"{url.partition('/v3/')[2]}/application_credentials", base, view, status)


def _collection(url: str, views: list[dict[str, Any]]) -> Response:
    base, _, place = url.partition("/v3/")
    return collection("application_credentials", base, views, place=f"{place}/application_credentials")


def _roles(wanted: bodies.NewCredential, session: TokenSession) -> list[str]:
    """Give the roles asked for, or those of the token. Raises RefusedError: one that the token has not."""
    if not wanted.roles:
        return sorted(session.roles)
    names = [ROLE_OF_ID.get(role.id or "", role.name or "") for role in wanted.roles]
    if not set(names) <= session.roles:
        raise refuse_bad_request("Could not find role assignment with a role that was asked for.")
    return sorted(set(names))


def _expiry(text: str | None, now: float) -> float | None:
    if text is None:
        return None
    try:
        said = datetime.fromisoformat(text)
        seconds = said.replace(tzinfo=UTC).timestamp() if said.tzinfo is None else said.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise refuse_bad_request("expires_at is not a time such as 2030-01-31T12:00:00.") from None
    if seconds <= now:
        raise refuse_bad_request("expires_at is in the past.")
    return seconds


def _add(users: Users, made: ApplicationCredential) -> None:
    own = [credential for credential in users.application_credentials if credential.user_id == made.user_id]
    if all(user.id != made.user_id for user in users.users):
        raise refuse_missing("user", made.user_id)
    if any(credential.name == made.name for credential in own):
        raise RefusedError(
            409,
            "Conflict occurred attempting to store application_credential - Duplicate entry found with that name.",
        )
    if len(own) >= MAX_PER_USER:
        raise RefusedError(403, f"Unable to create additional application credentials, maximum of {MAX_PER_USER}.")
    users.application_credentials.append(made)


def _remove(users: Users, id: str) -> None:
    users.application_credentials = [c for c in users.application_credentials if c.id != id]
