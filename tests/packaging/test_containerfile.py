"""The Containerfile against the code: its files are there, and its folders, user and command are the server's.

No container engine is needed, and none builds it here.
"""

import re
import tomllib
from pathlib import Path

import msgspec

from tunbridge.api.config import ServerConfig
from tunbridge.configuration import SERVER_CONFIG

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Containerfile").read_text().replace("\\\n", " ")
STEPS = [line.split(None, 1) for line in TEXT.splitlines() if line and not line.startswith("#")]


def of(instruction: str) -> list[str]:
    return [rest for name, rest in STEPS if name == instruction]


def test_what_it_copies_is_there_and_is_all_that_the_build_needs() -> None:
    copied = [source for rest in of("COPY") for source in rest.split()[:-1]]
    assert all((ROOT / source).exists() for source in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"pyproject.toml", project["readme"], *project["license-files"], "src", "requirements.lock"} <= set(copied)


def test_its_folders_belong_to_the_user_who_runs_the_server() -> None:
    (user,) = of("USER")
    defaults = {field.name: field.default for field in msgspec.structs.fields(ServerConfig)}
    made = re.search(rf"install -d -o {user} -g {user} -m 0700 (\S+) (\S+)", TEXT)
    assert made is not None and set(made.groups()) == {defaults["state_dir"], defaults["run_dir"]}
    assert of("VOLUME") == [defaults["state_dir"]]


def test_it_starts_the_server_with_its_usual_configuration() -> None:
    venv = re.search(r"python3 -m venv (\S+)", TEXT)
    assert venv is not None
    assert msgspec.json.decode(of("ENTRYPOINT")[0]) == [f"{venv[1]}/bin/tunbridge", "server"]
    assert msgspec.json.decode(of("CMD")[0]) == ["--config", str(SERVER_CONFIG)]
