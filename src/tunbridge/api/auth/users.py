"""The users file: who there is in the modes `builtin` and `http_basic`, with which roles in which projects.

JSON, 0600, replaced whole. Passwords and secrets of application credentials are in it as argon2 hashes only. Everybody
is in the one domain `Default`. Ids are 32 hexadecimal digits, as Keystone's.
"""

import contextlib
import re
import secrets
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from tunbridge.api.auth.files import locked, make_directory, read_private, write_private
from tunbridge.api.auth.roles import ROLES
from tunbridge.errors import TunbridgeError

FILE = "users.json"
DOMAIN_ID = "default"
DOMAIN_NAME = "Default"
DEFAULT_PROJECT = "admin"
_NAMESPACE = uuid.UUID("6d0e4f7e-9f1c-4a52-8e51-6f2b8a6e1a54")

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Role = Literal["admin", "manager", "member", "reader", "service"]


class UsersError(TunbridgeError):
    """The users file, or a change to it, is not right."""


class Project(Struct, kw_only=True, forbid_unknown_fields=True):
    """What resources belong to."""

    id: Id
    name: Name
    description: str = ""
    enabled: bool = True


class User(Struct, kw_only=True, forbid_unknown_fields=True):
    """One who may get a token."""

    id: Id
    name: Name
    password_hash: str
    stamp: str
    """Changes with the password: tokens that name another one are void."""
    enabled: bool = True
    default_project_id: Id | None = None
    roles: dict[str, list[Role]] = field(default_factory=dict)
    """Project id -> roles there, without the implied ones."""
    system_roles: list[Role] = field(default_factory=list)


class ApplicationCredential(Struct, kw_only=True, forbid_unknown_fields=True):
    """A secret with which a program acts for a user, in one project."""

    id: Id
    name: Name
    user_id: Id
    project_id: Id
    secret_hash: str
    roles: list[str]
    description: str | None = None
    expires_at: float | None = None
    """Seconds since 1970."""
    unrestricted: bool = False


class Users(Struct, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    version: Literal[1] = 1
    projects: list[Project] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    application_credentials: list[ApplicationCredential] = field(default_factory=list)

    def user(self, name: str) -> User:
        """Give the user of this name. Raises UsersError."""
        for user in self.users:
            if user.name == name:
                return user
        raise UsersError(f"there is no user {name!r}; `tunbridge user list` tells who there is")

    def project(self, name: str) -> Project | None:
        """Give the project of this name."""
        return next((project for project in self.projects if project.name == name), None)


def role_id(role: str) -> str:
    """Give a role's id: made from its name, so it is the same on every server."""
    return uuid.uuid5(_NAMESPACE, role).hex


ROLE_OF_ID = {role_id(role): role for role in ROLES}


def new_id() -> str:
    """Give an id that nobody has."""
    return uuid.uuid4().hex


def new_stamp() -> str:
    """Give a stamp for a new password."""
    return secrets.token_hex(8)


def check_name(kind: str, name: str) -> str:
    """See that a name can be typed, logged and sent in HTTP Basic. Raises UsersError."""
    if (
        not 1 <= len(name) <= 255
        or not name.isprintable()
        or name != name.strip()
        or re.search(r"[:\ud800-\udfff]", name)
    ):
        raise UsersError(f"{kind} name {name!r}: 1 to 255 printable characters, no colon, no space at either end")
    return name


def add_project(users: Users, name: str) -> Project:
    """Give the project of this name, made if it is not there. Raises UsersError."""
    found = users.project(name)
    if found is None:
        found = Project(id=new_id(), name=check_name("project", name))
        users.projects.append(found)
    return found


def add_user(users: Users, name: str, password_hash: str, project: str, role: Role, *, system: bool = False) -> User:
    """Add a user with a role in a project. Raises UsersError."""
    check_name("user", name)
    if any(user.name == name for user in users.users):
        raise UsersError(
            f"there is a user {name!r} already; `tunbridge user passwd` changes the password,"
            " `tunbridge user grant` adds a role"
        )
    home = add_project(users, project)
    user = User(
        id=new_id(),
        name=name,
        password_hash=password_hash,
        stamp=new_stamp(),
        default_project_id=home.id,
        roles={home.id: [role]},
        system_roles=[role] if system else [],
    )
    users.users.append(user)
    return user


def remove_user(users: Users, name: str) -> None:
    """Remove a user, and the user's application credentials. Raises UsersError."""
    user = users.user(name)
    users.users.remove(user)
    users.application_credentials = [c for c in users.application_credentials if c.user_id != user.id]


def grant(users: Users, name: str, project: str, role: Role) -> None:
    """Give a user a role in a project, which is made if it is not there. Raises UsersError."""
    user = users.user(name)
    found = add_project(users, project)
    held = user.roles.setdefault(found.id, [])
    if role not in held:
        held.append(role)
    if user.default_project_id not in user.roles:
        user.default_project_id = found.id


def revoke(users: Users, name: str, project: str, role: Role) -> None:
    """Take a user's role in a project away. Raises UsersError: the user has it not."""
    user = users.user(name)
    found = users.project(project)
    if found is None or role not in user.roles.get(found.id, []):
        raise UsersError(f"user {name!r} has not the role {role} in project {project!r}")
    user.roles[found.id].remove(role)
    if not user.roles[found.id]:
        del user.roles[found.id]
    if user.default_project_id not in user.roles:
        user.default_project_id = next(iter(user.roles), None)


def read(directory: Path) -> Users | None:
    """Read the users file; None when there is none yet. Raises UsersError, PrivateFileError."""
    path = directory / FILE
    try:
        users = msgspec.json.decode(read_private(path), type=Users)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise UsersError(f"{path}: {e}") from e
    _check(path, users)
    return users


def _check(path: Path, users: Users) -> None:
    """See that nothing is there twice, or missing. Raises UsersError."""
    for kind, values in (
        ("project id", [p.id for p in users.projects]),
        ("project name", [p.name for p in users.projects]),
        ("user id", [u.id for u in users.users]),
        ("user name", [u.name for u in users.users]),
        ("application credential id", [c.id for c in users.application_credentials]),
    ):
        twice = {value for value in values if values.count(value) > 1} if len(set(values)) < len(values) else set()
        if twice:
            raise UsersError(f"{path}: {kind} {sorted(twice)[0]!r} is there more than once")
    projects = {project.id for project in users.projects}
    for user in users.users:
        for project in user.roles.keys() - projects:
            raise UsersError(f"{path}: user {user.name!r} has roles in project {project!r}, which is not there")


@contextlib.contextmanager
def edit(directory: Path) -> Iterator[Users]:
    """Read the users (none if there is no file), and write what the caller made of them, unless it raises.

    One editor at a time, over all processes. Raises UsersError, PrivateFileError.
    """
    make_directory(directory)
    path = directory / FILE
    with locked(path):
        users = read(directory) or Users()
        yield users
        _check(path, users)
        write_private(path, msgspec.json.format(msgspec.json.encode(users), indent=1) + b"\n")
