"""The people of the day, and the environments in which they run `openstack`."""

from tests.api.auth.cheap import CHEAP
from tests.api.serving import PASSWORD, Cloud
from tunbridge.api.auth.bootstrap import ADMIN
from tunbridge.api.auth.users import Role, add_user, edit, new_stamp

PEOPLE: dict[str, tuple[str, Role]] = {
    "admin": ("admin", "admin"),
    "mia": ("demo", "member"),
    "nova": ("service", "service"),
    "otto": ("other", "member"),
    "rita": ("demo", "reader"),
}
"""Name -> project and role."""


def add_people(cloud: Cloud) -> None:
    """Put the people into the server's file."""
    with edit(cloud.folder / "auth") as users:
        for name, (project, role) in PEOPLE.items():
            if name != ADMIN:  # is there from the start
                add_user(users, name, CHEAP.hash(PASSWORD), project, role)
    cheapened(cloud)


def cheapened(cloud: Cloud) -> None:
    """Hash everybody's password in a way that costs nothing."""
    with edit(cloud.folder / "auth") as users:
        for user in users.users:
            password = cloud.admin_password if user.name == ADMIN else PASSWORD
            user.password_hash, user.stamp = CHEAP.hash(password), new_stamp()


def environment(name: str, auth_url: str, password: str) -> dict[str, str]:
    """Give what a user of a Keystone, or of our own, sets before working."""
    return {
        "OS_AUTH_URL": auth_url,
        "OS_USERNAME": name,
        "OS_PASSWORD": password,
        "OS_PROJECT_NAME": PEOPLE[name][0],
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
    }


def people(cloud: Cloud) -> dict[str, dict[str, str]]:
    """Give everybody's environment, for a server in mode `builtin`."""
    passwords = {name: cloud.admin_password if name == ADMIN else PASSWORD for name in PEOPLE}
    return {name: environment(name, f"{cloud.url}/identity", password) for name, password in passwords.items()}
