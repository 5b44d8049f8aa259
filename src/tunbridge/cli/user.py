"""`tunbridge user`: who may log in, in the modes `builtin` and `http_basic`. A running server notices at once.

Passwords come from a prompt, from standard input or are generated: never from the command line, which others can see.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from tunbridge.api.auth.users import DEFAULT_PROJECT, Role, User, Users, UsersError
from tunbridge.cli import terminal
from tunbridge.cli.app import App
from tunbridge.cli.output import AsForm, AsJson, Form, print_json
from tunbridge.configuration import SERVER_CONFIG, server_config

app = App(help="Who may log in to the server, where it does that itself.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="User name.")]
ProjectName = Annotated[str, typer.Option("--project", metavar="NAME", help="Project; made when it is not there.")]
RoleName = Annotated[Role, typer.Option("--role", help="Each of the first four implies those after it.")]
Generate = Annotated[bool, typer.Option("--generate", help="Make up a password and print it, on standard output.")]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        envvar="TUNBRIDGE_AUTH_DIRECTORY",
        metavar="DIR",
        help="`auth.directory` of the server. (default: as its configuration says)",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help=f"The server's. (default: {SERVER_CONFIG}, if it is there)"),
]
MIN_LENGTH = 8


@app.command()
def add(
    name: Name,
    project: ProjectName = DEFAULT_PROJECT,
    role: RoleName = "member",
    system: Annotated[bool, typer.Option("--system", help="The role is for the whole system as well.")] = False,
    generate: Generate = False,
    directory: Directory = None,
    config: Config = None,
) -> None:
    """Add a user with a role in a project. The password is asked for, or read from standard input."""
    from tunbridge.api.auth import users

    place = _place(directory, config)
    users.check_name("user", name)
    users.check_name("project", project)
    current = users.read(place)
    if current is not None and any(user.name == name for user in current.users):
        users.add_user(current, name, "", project, role)  # refuses, before a password is asked for
    password_hash = _new_password(generate)
    with users.edit(place) as all_users:
        users.add_user(all_users, name, password_hash, project, role, system=system)
    _tell(place)


@app.command("list")
def list_(
    form: AsForm = Form.text,
    as_json: AsJson = False,
    directory: Directory = None,
    config: Config = None,
) -> None:
    """List users, and their roles in projects."""
    from tunbridge.api.auth import users

    place = _place(directory, config)
    if not place.is_dir():
        raise UsersError(
            f"{place}: no such directory: a server makes it when it first starts, and `tunbridge user add` does too "
            "(--config FILE or --directory DIR names another)"
        )
    found = users.read(place) or Users()
    rows = [_row(user, found) for user in sorted(found.users, key=lambda user: user.name)]
    if as_json or form is Form.json:
        print_json(rows)
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
def passwd(name: Name, generate: Generate = False, directory: Directory = None, config: Config = None) -> None:
    """Give a user another password. Tokens got with the old one end at once."""
    from tunbridge.api.auth import bootstrap, users

    place = _place(directory, config)
    (users.read(place) or Users()).user(name)
    password_hash = _new_password(generate)
    with users.edit(place) as all_users:
        user = all_users.user(name)
        user.password_hash = password_hash
        user.stamp = users.new_stamp()
    if name == bootstrap.ADMIN and bootstrap.forget_password(place):
        typer.echo(f"{place / bootstrap.KEPT_IN} held the old password and is removed", err=True)
    _tell(place)


@app.command()
def remove(name: Name, directory: Directory = None, config: Config = None) -> None:
    """Remove a user. Tokens and application credentials end at once; the project and what is in it stay."""
    from tunbridge.api.auth import bootstrap, users

    place = _place(directory, config)
    with users.edit(place) as all_users:
        users.remove_user(all_users, name)
    if name == bootstrap.ADMIN:
        bootstrap.forget_password(place)
    _tell(place)


@app.command()
def grant(
    name: Name,
    project: ProjectName = DEFAULT_PROJECT,
    role: RoleName = "member",
    directory: Directory = None,
    config: Config = None,
) -> None:
    """Give a user a role in a project."""
    from tunbridge.api.auth import users

    place = _place(directory, config)
    with users.edit(place) as all_users:
        users.grant(all_users, name, project, role)
    _tell(place)


@app.command()
def revoke(
    name: Name,
    project: ProjectName = DEFAULT_PROJECT,
    role: RoleName = "member",
    directory: Directory = None,
    config: Config = None,
) -> None:
    """Take a user's role in a project away. Tokens lose it at once."""
    from tunbridge.api.auth import users

    place = _place(directory, config)
    with users.edit(place) as all_users:
        users.revoke(all_users, name, project, role)
    _tell(place)


def _place(directory: Path | None, config: Path | None) -> Path:
    """Give the directory of users: as named, or as the server's configuration has it. Raises ConfigurationError."""
    if directory is not None:
        return directory
    from tunbridge.api import config as configuration

    return configuration.load(server_config(config)).auth.path


def _tell(place: Path) -> None:
    """Say whom a change concerns, on standard error."""
    from tunbridge.api.auth import presence

    servers = presence.users_of(place)
    if servers:
        text = f"the server at {', '.join(servers)} knows it now"
    else:
        text = (
            f"no server uses {place} now: this is for the next one that starts with it"
            " (a server with another state_dir: --config FILE or --directory DIR)"
        )
    typer.echo(terminal.printable(text), err=True)


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
