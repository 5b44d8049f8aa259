"""/v3/projects, users, domains, roles, role_assignments: to read. Changes are made with `tunbridge user`."""

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tunbridge.api.auth.identity.answers import collection, json, one, refuse_missing
from tunbridge.api.auth.identity.service import Service
from tunbridge.api.auth.identity.token_body import DOMAIN
from tunbridge.api.auth.roles import ROLES, implied
from tunbridge.api.auth.users import DOMAIN_ID, DOMAIN_NAME, ROLE_OF_ID, Project, User, role_id

_FALSE = frozenset({"false", "0", "no", "off"})
_KINDS = ("projects", "users", "domains", "roles")
View = dict[str, Any]


def project_view(project: Project) -> View:
    """Give a project as Keystone shows it."""
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "enabled": project.enabled,
        "domain_id": DOMAIN_ID,
        "parent_id": DOMAIN_ID,
        "is_domain": False,
        "tags": [],
        "options": {},
    }


def _user_view(user: User) -> View:
    view: View = {
        "id": user.id,
        "name": user.name,
        "enabled": user.enabled,
        "domain_id": DOMAIN_ID,
        "password_expires_at": None,
        "options": {},
    }
    if user.default_project_id is not None:
        view["default_project_id"] = user.default_project_id
    return view


def _role_view(role: str) -> View:
    return {"id": role_id(role), "name": role, "domain_id": None, "description": None, "options": {"immutable": True}}


def _domain_view() -> View:
    return {
        "id": DOMAIN_ID,
        "name": DOMAIN_NAME,
        "enabled": True,
        "description": "The default domain",
        "tags": [],
        "options": {},
    }


class ReadingPages:
    """The pages of who there is."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Give the routes, below /identity."""
        made = [
            Route("/v3/projects", self.projects, methods=["GET"]),
            Route("/v3/projects/{id}", self.project, methods=["GET"]),
            Route("/v3/users", self.users, methods=["GET"]),
            Route("/v3/users/{id}", self.user, methods=["GET"]),
            Route("/v3/users/{id}/projects", self.projects_of, methods=["GET"]),
            Route("/v3/domains", self.domains, methods=["GET"]),
            Route("/v3/domains/{id}", self.domain, methods=["GET"]),
            Route("/v3/roles", self.roles, methods=["GET"]),
            Route("/v3/roles/{id}", self.role, methods=["GET"]),
            Route("/v3/role_assignments", self.assignments, methods=["GET"]),
        ]
        for kind in _KINDS:
            made.append(Route(f"/v3/{kind}", self.change, methods=["POST"]))
            made.append(Route(f"/v3/{kind}/{{id}}", self.change, methods=["PATCH", "PUT", "DELETE"]))
        return made

    async def change(self, request: Request) -> Response:
        """Refuse."""
        raise await self._service.unchangeable(request)

    def _list(self, kind: str, request: Request, views: list[View]) -> Response:
        return collection(kind, self._service.url(request), [v for v in views if _fits(v, request)])

    async def projects(self, request: Request) -> Response:
        """List projects."""
        self._service.reader(request, "identity:list_projects")
        return self._list("projects", request, [project_view(p) for p in self._service.directory.projects.values()])

    async def project(self, request: Request) -> Response:
        """Show a project: its own to anybody with a role in it."""
        id = request.path_params["id"]
        session = self._service.session(request)
        if session.project is None or session.project.id != id:
            self._service.reader(request, "identity:get_project")
        found = self._service.directory.projects.get(id)
        if found is None:
            raise refuse_missing("project", id)
        return one("project", "projects", self._service.url(request), project_view(found))

    async def users(self, request: Request) -> Response:
        """List users."""
        self._service.reader(request, "identity:list_users")
        return self._list("users", request, [_user_view(u) for u in self._service.directory.users.values()])

    async def user(self, request: Request) -> Response:
        """Show a user: themselves, or anybody to an admin."""
        found = self._user(request, "identity:get_user")
        return one("user", "users", self._service.url(request), _user_view(found))

    def _user(self, request: Request, action: str) -> User:
        id = request.path_params["id"]
        self._service.self_or_reader(request, id, action)
        found = self._service.directory.users.get(id)
        if found is None:
            raise refuse_missing("user", id)
        return found

    async def projects_of(self, request: Request) -> Response:
        """List the projects in which a user has a role."""
        user = self._user(request, "identity:list_user_projects")
        views = [project_view(project) for project in self._service.directory.projects_of(user)]
        return self._list("projects", request, views)

    async def domains(self, request: Request) -> Response:
        """List the one domain."""
        self._service.reader(request, "identity:list_domains")
        return self._list("domains", request, [_domain_view()])

    async def domain(self, request: Request) -> Response:
        """Show it; everybody is in it."""
        self._service.session(request)
        if request.path_params["id"] != DOMAIN_ID:
            raise refuse_missing("domain", request.path_params["id"])
        return one("domain", "domains", self._service.url(request), _domain_view())

    async def roles(self, request: Request) -> Response:
        """List roles."""
        self._service.reader(request, "identity:list_roles")
        return self._list("roles", request, [_role_view(role) for role in ROLES])

    async def role(self, request: Request) -> Response:
        """Show a role."""
        self._service.reader(request, "identity:get_role")
        id = request.path_params["id"]
        if id not in ROLE_OF_ID:
            raise refuse_missing("role", id)
        return one("role", "roles", self._service.url(request), _role_view(ROLE_OF_ID[id]))

    async def assignments(self, request: Request) -> Response:
        """List who has which role where; one's own to anybody."""
        asked = request.query_params.get("user.id")
        session = self._service.session(request)
        if asked != session.user.id:
            self._service.reader(request, "identity:list_role_assignments")
        url = f"{self._service.url(request)}/v3"
        found = [a for a in self._assignments(request, url) if _assignment_fits(a, request)]
        return _assignment_list(found, url)

    def _assignments(self, request: Request, url: str) -> Iterator[View]:
        names, effective = _on(request, "include_names"), _on(request, "effective")
        directory = self._service.directory
        for user in directory.users.values():
            for project_id, roles in user.roles.items():
                project = directory.projects[project_id]
                scope = {"project": _named(project.id, project.name, names, DOMAIN)}
                for role in sorted(implied(roles) if effective else roles):
                    yield _assignment(user, role, scope, names, f"{url}/projects/{project.id}")
            for role in sorted(implied(user.system_roles) if effective else user.system_roles):
                yield _assignment(user, role, {"system": {"all": True}}, names, f"{url}/system")


def _assignment(user: User, role: str, scope: View, names: bool, place: str) -> View:
    return {
        "role": _named(role_id(role), role, names, None),
        "user": _named(user.id, user.name, names, DOMAIN),
        "scope": scope,
        "links": {"assignment": f"{place}/users/{user.id}/roles/{role_id(role)}"},
    }


def _named(id: str, name: str, names: bool, domain: View | None) -> View:
    if not names:
        return {"id": id}
    return {"id": id, "name": name} | ({"domain": domain} if domain else {})


def _assignment_list(found: list[View], url: str) -> Response:
    links = {"self": f"{url}/role_assignments", "next": None, "previous": None}
    return json({"role_assignments": found, "links": links})


def _assignment_fits(assignment: View, request: Request) -> bool:
    scope = assignment["scope"]
    has = {
        "user.id": assignment["user"]["id"],
        "role.id": assignment["role"]["id"],
        "scope.project.id": scope.get("project", {}).get("id"),
        "scope.system": "all" if "system" in scope else None,
        "group.id": None,
        "scope.domain.id": None,
    }
    return all(request.query_params[key] == value for key, value in has.items() if key in request.query_params)


def _on(request: Request, name: str) -> bool:
    """Say whether a flag is set: `?name` and `?name=true` are."""
    value = request.query_params.get(name)
    return value is not None and value.lower() not in _FALSE


def _fits(view: View, request: Request) -> bool:
    """Say whether a thing has the values asked for. What Keystone does not filter by is ignored, as there."""
    for key in ("id", "name", "domain_id", "parent_id"):
        if key in request.query_params and view.get(key) != (request.query_params[key] or None):
            return False
    for key in ("enabled", "is_domain"):
        if key in request.query_params and view.get(key, False) != _on(request, key):
            return False
    return True
