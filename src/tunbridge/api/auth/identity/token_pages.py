"""/v3/auth/…: get, look at and revoke tokens; the catalog; the projects one may have a token for."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tunbridge.api.auth.base import RefusedError
from tunbridge.api.auth.identity import bodies
from tunbridge.api.auth.identity.answers import collection, json, nothing, refuse_action, refuse_token
from tunbridge.api.auth.identity.reading_pages import project_view
from tunbridge.api.auth.identity.service import Service
from tunbridge.api.auth.identity.token_body import token_body
from tunbridge.api.auth.sessions import TokenSession
from tunbridge.api.auth.tokens import InvalidTokenError


class TokenPages:
    """The pages under /v3/auth."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Give the routes, below /identity."""
        return [
            Route("/v3/auth/tokens", self.create, methods=["POST"]),
            Route("/v3/auth/tokens", self.show, methods=["GET"]),
            Route("/v3/auth/tokens", self.revoke, methods=["DELETE"]),
            Route("/v3/auth/catalog", self.catalog, methods=["GET"]),
            Route("/v3/auth/projects", self.projects, methods=["GET"]),
            Route("/v3/auth/domains", self.domains, methods=["GET"]),
            Route("/v3/auth/system", self.system, methods=["GET"]),
        ]

    def _body(self, request: Request, session: TokenSession) -> dict[str, object]:
        wanted = "nocatalog" not in request.query_params
        return token_body(session, self._service.services(request) if wanted else None)

    async def create(self, request: Request) -> Response:
        """Give a token."""
        service = self._service
        challenge = service.challenge(request)
        auth = (await bodies.read(request, bodies.AuthBody)).auth
        address = request.client.host if request.client else ""
        try:
            claims = await service.login.claims(auth, address, challenge)
        except RefusedError as e:
            service.log.info("login refused", methods=_methods(auth), client=address or None, status=e.status)
            raise
        service.log.info("token made", token=claims.id, user=claims.user, methods="+".join(claims.methods))
        body = self._body(request, service.sessions.of(claims))
        return json(body, 201, X_Subject_Token=service.sessions.tokens.issue(claims))

    def _subject(
        self, request: Request, action: str, *others: str, expired_too: bool = False
    ) -> tuple[str, TokenSession]:
        """Give the token in question, which is the asker's own user's unless an admin or one of these roles asks."""
        asker = self._service.session(request)
        token = request.headers.get("x-subject-token", "")
        try:
            subject = self._service.sessions.read(token, expired_too)
        except InvalidTokenError:
            raise refuse_token() from None
        if subject.user.id != asker.user.id and asker.roles.isdisjoint(("admin", *others)):
            raise refuse_action(action)
        return token, subject

    async def show(self, request: Request) -> Response:
        """Tell what a token stands for."""
        expired_too = request.query_params.get("allow_expired", "").lower() in ("1", "true")
        token, subject = self._subject(request, "identity:validate_token", "service", expired_too=expired_too)
        return json(self._body(request, subject), X_Subject_Token=token)

    async def revoke(self, request: Request) -> Response:
        """End a token."""
        _, subject = self._subject(request, "identity:revoke_token")
        revoked = self._service.sessions.tokens.revoked
        await asyncio.to_thread(revoked.add, subject.claims.id, subject.claims.exp)
        self._service.log.info("token revoked", token=subject.claims.id)
        return nothing()

    async def catalog(self, request: Request) -> Response:
        """Give the catalog."""
        session = self._service.session(request)
        if session.project is None and not session.claims.system:
            raise refuse_action("identity:get_auth_catalog")
        url = f"{self._service.url(request)}/v3/auth/catalog"
        return json(
            {"catalog": self._service.services(request), "links": {"self": url, "next": None, "previous": None}}
        )

    async def projects(self, request: Request) -> Response:
        """Give the projects in which the user has a role."""
        session = self._service.session(request)
        projects = [project_view(project) for project in self._service.directory.projects_of(session.user)]
        return collection("projects", self._service.url(request), projects)

    async def domains(self, request: Request) -> Response:
        """Nobody has a role in the domain itself."""
        self._service.session(request)
        return collection("domains", self._service.url(request), [])

    async def system(self, request: Request) -> Response:
        """Tell whether the user has a role in the system."""
        session = self._service.session(request)
        url = f"{self._service.url(request)}/v3/auth/system"
        return json({"system": [{"all": True}] if session.user.system_roles else [], "links": {"self": url}})


def _methods(auth: bodies.Auth) -> str:
    known = {"password", "token", "application_credential"}
    return "+".join(method if method in known else "?" for method in auth.identity.methods)
