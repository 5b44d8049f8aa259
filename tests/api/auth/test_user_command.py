"""`tunbridge user`, as a person and a script type it, beside a server that runs."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.api.auth.server import Running
from tunbridge.api.auth.files import PrivateFileError, write_private
from tunbridge.api.auth.users import UsersError, add_project, check_name, edit, read
from tunbridge.cli.main import app
from tunbridge.errors import TunbridgeError


def user(directory: Path, *arguments: str, password: str = "") -> Result:
    """Run the command in this process: starting Python anew takes longer than all that it does."""
    return CliRunner().invoke(app, ["user", *arguments, "--directory", str(directory)], input=password)


def test_as_a_program_it_reads_the_password_from_standard_input(server: Running) -> None:
    argv = [sys.executable, "-m", "tunbridge", "user", "add", "piped", "--directory", str(server.directory)]
    subprocess.run(argv, input=b"from a pipe\n", check=True)
    assert server.login("piped", "from a pipe").status_code == 201


def test_a_running_server_knows_users_as_soon_as_the_command_is_done(server: Running) -> None:
    made = user(server.directory, "add", "ann", "--project", "new", "--role", "manager", "--generate")
    assert (made.exit_code, made.stderr) == (0, f"the server at {server.url} knows it now\n")
    first = made.stdout.strip()
    token = server.login("ann", first).json()["token"]
    assert (token["project"]["name"], len(token["roles"])) == ("new", 3)
    assert user(server.directory, "passwd", "ann", password="the second one\n").exit_code == 0
    assert server.login("ann", first).status_code == 401
    assert server.login("ann", "the second one").status_code == 201
    assert user(server.directory, "remove", "ann").exit_code == 0
    assert server.login("ann", "the second one").status_code == 401


def test_the_first_user_makes_the_file_and_the_project(tmp_path: Path) -> None:
    directory = tmp_path / "made" / "here"
    assert user(directory, "add", "root", "--role", "admin", password="long enough\n").exit_code == 0
    listed = json.loads(user(directory, "list", "--json").stdout)
    assert [(row["name"], row["projects"]) for row in listed] == [("root", {"admin": ["admin"]})]


def test_no_option_takes_a_password(tmp_path: Path) -> None:
    for command in ("add", "passwd"):
        assert user(tmp_path, command, "x", "--password", "secret12").exit_code == 2
    assert "8 to 1024 characters" in str(user(tmp_path, "add", "x", password="short\n").exception)
    assert read(tmp_path) is None


def test_the_user_of_the_kept_password_gets_another_one(server: Running) -> None:
    before = server.password
    made = user(server.directory, "passwd", "admin", "--generate")
    assert not (server.directory / "admin-password").exists()
    assert server.login("admin", before).status_code == 401
    assert server.login("admin", made.stdout.strip()).status_code == 201


def test_what_is_wrong_is_said_and_changes_nothing(server: Running) -> None:
    before = (server.directory / "users.json").read_bytes()
    for arguments, said in (
        (["add", "mia"], "already"),
        (["remove", "nobody"], "no user 'nobody'"),
        (["passwd", "nobody"], "no user 'nobody'"),
        (["revoke", "mia", "--project", "demo", "--role", "admin"], "has not the role admin"),
    ):
        answer = user(server.directory, *arguments)
        assert isinstance(answer.exception, TunbridgeError)
        assert said in str(answer.exception)
    assert (server.directory / "users.json").read_bytes() == before


@pytest.mark.parametrize("name", ["", " a", "a:b", "a\nb", "a\x1b[31m", "x" * 256, "\ud800"])
def test_names_that_cannot_be_typed_or_sent_are_refused(name: str) -> None:
    with pytest.raises(UsersError):
        check_name("user", name)


def test_editors_at_once_lose_nothing(tmp_path: Path) -> None:
    def add(number: int) -> None:
        with edit(tmp_path) as users:
            add_project(users, f"p{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    users = read(tmp_path)
    assert users
    assert {project.name for project in users.projects} == {f"p{number}" for number in range(24)}


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_private(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(PrivateFileError, match="No space left"):
        write_private(path, b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"old")]


def test_where_no_server_runs_it_says_whom_a_change_is_for(tmp_path: Path) -> None:
    made = user(tmp_path, "add", "ann", "--generate")
    assert made.exit_code == 0
    assert made.stderr.startswith(f"no server uses {tmp_path} now: this is for the next one that starts with it")
    (tmp_path / ".used-by-1").write_text("http://killed")  # no process holds its lock any more
    assert "no server uses" in user(tmp_path, "passwd", "ann", "--generate").stderr


def test_users_are_those_of_the_server_whose_configuration_is_named(tmp_path: Path) -> None:
    config = tmp_path / "server.toml"
    config.write_text(f'state_dir = "{tmp_path}/state"\n')
    done = CliRunner().invoke(app, ["user", "add", "ann", "--generate", "--config", str(config)])
    assert done.exit_code == 0
    found = read(tmp_path / "state" / "auth")
    assert found is not None
    assert [one.name for one in found.users] == ["ann"]
