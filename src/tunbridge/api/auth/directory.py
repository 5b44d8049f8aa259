"""The users as the server sees them: looked up by id and name, read again when the file changes."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tunbridge.api.auth.roles import implied
from tunbridge.api.auth.users import DOMAIN_ID, DOMAIN_NAME, FILE, ApplicationCredential, Project, User, Users, read
from tunbridge.errors import TunbridgeError


class Directory:
    """Users, projects and application credentials. `fresh()` before use; the rest only looks up."""

    def __init__(self, directory: Path, log: Any) -> None:
        self._log = log
        self._directory = directory
        self._file = str(directory / FILE)
        self.version = 0
        """Grows with each change."""
        self._seen: tuple[int, int, int] | None = None
        self._take(Users())

    def load(self) -> bool:
        """Read the file for the first time; says whether there is one. Raises TunbridgeError."""
        self._seen = self._look()
        users = read(self._directory)
        self._take(users or Users())
        return users is not None

    def fresh(self) -> "Directory":
        """Read the file again if it has changed: one `stat` when it has not.

        A file that is broken or gone leaves the users as they were, and says so in the log, once.
        """
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            try:
                users = read(self._directory)
                if users is None:
                    self._log.error("the users file is gone; the users stay as they were", path=self._file)
                else:
                    self._take(users)
            except TunbridgeError as e:
                self._log.error("the users file is not right; the users stay as they were", reason=str(e))
        return self

    def _look(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._file)  # noqa: PTH116 - on every request
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _take(self, users: Users) -> None:
        self.version += 1
        self.users = {user.id: user for user in users.users}
        self.projects = {project.id: project for project in users.projects}
        self.credentials = {credential.id: credential for credential in users.application_credentials}
        self._users = {user.name: user for user in users.users}
        self._projects = {project.name: project for project in users.projects}

    def user_named(self, name: str) -> User | None:
        """Give the user of this name."""
        return self._users.get(name)

    def project_named(self, name: str) -> Project | None:
        """Give the project of this name."""
        return self._projects.get(name)

    def credential_named(self, user: User, name: str) -> ApplicationCredential | None:
        """Give a user's application credential."""
        return next((c for c in self.credentials_of(user) if c.name == name), None)

    def credentials_of(self, user: User) -> list[ApplicationCredential]:
        """Give a user's application credentials."""
        return [c for c in self.credentials.values() if c.user_id == user.id]

    def roles(self, user: User, project: Project) -> frozenset[str]:
        """Give a user's roles in a project, with the implied ones."""
        return implied(user.roles.get(project.id, ()))

    def projects_of(self, user: User) -> list[Project]:
        """Give the projects in which a user has a role."""
        return [p for p in self.projects.values() if p.enabled and user.roles.get(p.id)]

    def home(self, user: User) -> Project | None:
        """Give the project that a user works in when none is asked for: the default one, where there is a role."""
        project = self.projects.get(user.default_project_id or "")
        return project if project and project.enabled and user.roles.get(project.id) else None


def is_domain(id: str | None = None, name: str | None = None) -> bool:
    """Say whether this names the one domain. Without either it does."""
    if id is not None:
        return id == DOMAIN_ID
    return name in (None, DOMAIN_NAME)


def held(claimed: Iterable[str], now: frozenset[str]) -> frozenset[str]:
    """Give which of the claimed roles are still held, with the implied ones."""
    return implied(claimed) & now
