"""The same short day in every mode of authentication; Keystone is the real one."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.api.auth.keystone_service import KeystoneService
from tests.api.day import short
from tests.api.day.people import add_people
from tests.api.day.steps import Day
from tests.api.serving import PASSWORD, Cloud, serving

Environment = dict[str, str]


@contextlib.contextmanager
def beginning(people: Mapping[str, Environment]) -> Iterator[Day]:
    day = Day(people)
    try:
        yield day
    finally:
        day.close()


def clouds(cloud: Cloud, **more: str) -> Environment:
    """Use the clouds.yaml that the server wrote, and of it all that is not said otherwise."""
    return {"OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml), "OS_CLOUD": "tunbridge", **more}


def test_builtin_with_the_clouds_yaml(tmp_path: Path) -> None:
    with serving(tmp_path, no_people=True) as cloud:
        add_people(cloud)
        mia = clouds(cloud, OS_USERNAME="mia", OS_PASSWORD=PASSWORD, OS_PROJECT_NAME="demo")
        with beginning({"admin": clouds(cloud), "mia": mia}) as day:
            day.spend(short.ADMINS + short.WITH_PROJECTS + short.MEMBERS + short.ENDING)


def test_http_basic(tmp_path: Path) -> None:
    with serving(tmp_path, no_people=True, auth=["mode = 'http_basic'"]) as cloud:
        add_people(cloud)
        mia = clouds(cloud, OS_USERNAME="mia", OS_PASSWORD=PASSWORD)
        with beginning({"admin": clouds(cloud), "mia": mia}) as day:
            day.spend(short.ADMINS + short.MEMBERS + short.ENDING)


def test_no_authentication_on_loopback(tmp_path: Path) -> None:
    with serving(tmp_path, no_people=True, auth=["mode = 'none'"]) as cloud, beginning({"admin": clouds(cloud)}) as day:
        day.spend(short.ADMINS + short.ENDING)


@pytest.fixture
def behind_keystone(tmp_path: Path, keystone: KeystoneService) -> Iterator[Cloud]:
    secret = tmp_path / "password"
    secret.write_text("tunbridgetunbridge\n")
    user = f"auth_url = '{keystone.url}', username = 'tunbridge', password_file = '{secret}'"
    with serving(tmp_path, no_people=True, auth=["mode = 'keystone'", f"keystone = {{ {user} }}"]) as cloud:
        yield cloud


def test_keystone(behind_keystone: Cloud, keystone: KeystoneService) -> None:
    admin = clouds(behind_keystone, OS_USERNAME="admin", OS_PASSWORD=keystone.password)
    mia = clouds(behind_keystone, OS_USERNAME="mia", OS_PASSWORD="miamia", OS_PROJECT_NAME="demo")
    with beginning({"admin": admin, "mia": mia}) as day:
        day.spend(short.ADMINS + short.WITH_PROJECTS + short.MEMBERS + short.ENDING)
