"""`tunbridge user`: who may log in, in the modes `builtin` and `http_basic`. A running server notices at once.

Passwords come from a prompt, from standard input or are generated: never from the command line, which others can see.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from tunbridge.api.auth.config import DIRECTORY
from tunbridge.api.auth.users import DEFAULT_PROJECT, Role, User, Users, UsersError
from tunbridge.cli import terminal

app = typer.Typer(help="Who may log in to the server, where it does that itself.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="User name.")]
ProjectName = Annotated[str, typer.Option("--project", metavar="NAME", help="Project; made when it is not there.")]
RoleName = Annotated[Role, typer.Option("--role", help="Each of the first four implies those after it.")]
Generate = Annotated[bool, typer.Option("--generate", help="Make up a password and print it, on standard output.")]
Directory = Annotated[
    Path,
    typer.Option(
        "--directory",
        envvar="TUNBRIDGE_AUTH_DIRECTORY",
        metavar="DIR",
        help="`auth.directory` of the server.",
    ),
]
DEFAULT_DIRECTORY = Path(DIRECTORY)
MIN_LENGTH = 8


@app.command()
def add(
    name: Name,
    project: ProjectName = DEFAULT_PROJECT,
    role: RoleName = "member",
    system: Annotated[bool, typer.Option("--system", help="The role is for the whole system as well.")] = False,
    generate: Generate = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Add a user with a role in a project. The password is asked for, or read from standard input."""
    from tunbridge.api.auth import users

    users.check_name("user", name)
    users.check_name("project", project)
    current = users.read(directory)
    if current is not None and any(user.name == name for user in current.users):
        users.add_user(current, name, "", project, role)  # refuses, before a password is asked for
    password_hash = _new_password(generate)
    with users.edit(directory) as all_users:
        users.add_user(all_users, name, password_hash, project, role, system=system)


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """List users, and their roles in projects."""
    from tunbridge.api.auth import users

    found = users.read(directory) or Users()
    rows = [_row(user, found) for user in sorted(found.users, key=lambda user: user.name)]
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    table = Table(box=None, pad_edge=False)
    for title in ("name", "roles", "id"):
        table.add_column(title)
    for row in rows:
        roles = [f"{role} in {project}" for project, held in row["projects"].items() for role in held]
        roles += [f"{role} of the system" for role in row["system"]]
        state = "" if row["enabled"] else " (disabled)"
        table.add_row(*(Text(terminal.printable(t)) for t in (row["name"] + state, ", ".join(roles), row["id"])))
    terminal.console().print(table)


def _row(user: User, users: Users) -> dict[str, Any]:
    names = {project.id: project.name for project in users.projects}
    return {
        "name": user.name,
        "id": user.id,
        "enabled": user.enabled,
        "projects": {names[id]: roles for id, roles in user.roles.items()},
        "system": user.system_roles,
    }


@app.command()
def passwd(name: Name, generate: Generate = False, directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Give a user another password. Tokens got with the old one end at once."""
    from tunbridge.api.auth import first, users

    (users.read(directory) or Users()).user(name)
    password_hash = _new_password(generate)
    with users.edit(directory) as all_users:
        user = all_users.user(name)
        user.password_hash = password_hash
        user.stamp = users.new_stamp()
    if name == first.ADMIN and first.forget_password(directory):
        typer.echo(f"{directory / first.KEPT_IN} held the old password and is removed", err=True)


@app.command()
def remove(name: Name, directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Remove a user. Tokens and application credentials end at once; the project and what is in it stay."""
    from tunbridge.api.auth import first, users

    with users.edit(directory) as all_users:
        users.remove_user(all_users, name)
    if name == first.ADMIN:
        first.forget_password(directory)


@app.command()
def grant(
    name: Name,
    project: ProjectName = DEFAULT_PROJECT,
    role: RoleName = "member",
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Give a user a role in a project."""
    from tunbridge.api.auth import users

    with users.edit(directory) as all_users:
        users.grant(all_users, name, project, role)


@app.command()
def revoke(
    name: Name,
    project: ProjectName = DEFAULT_PROJECT,
    role: RoleName = "member",
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Take a user's role in a project away. Tokens lose it at once."""
    from tunbridge.api.auth import users

    with users.edit(directory) as all_users:
        users.revoke(all_users, name, project, role)


def _new_password(generate: bool) -> str:
    """Give the hash of a new password. Raises UsersError."""
    from tunbridge.api.auth import passwords

    if generate:
        password = passwords.generate()
        typer.echo(password)
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not MIN_LENGTH <= len(password) <= passwords.MAX_LENGTH:
        raise UsersError(f"the password must have {MIN_LENGTH} to {passwords.MAX_LENGTH} characters")
    return passwords.hashed(password)
