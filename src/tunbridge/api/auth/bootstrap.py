"""The first user: `admin`, made when there is no users file, with a password that stays in a file for `clouds.yaml`."""

from pathlib import Path

from tunbridge.api.auth.files import read_private, write_private
from tunbridge.api.auth.passwords import generate, hashed
from tunbridge.api.auth.users import DEFAULT_PROJECT, add_user, edit

ADMIN = "admin"
KEPT_IN = "admin-password"


def make_admin(directory: Path) -> bool:
    """Make the user `admin` if there is nobody; says whether it did. Raises TunbridgeError."""
    with edit(directory) as users:
        if users.users:
            return False
        password = generate()
        # before the user: a crash in between leaves a password without a user, and the next start makes both
        write_private(directory / KEPT_IN, password.encode() + b"\n")
        add_user(users, ADMIN, hashed(password), DEFAULT_PROJECT, "admin", system=True)
    return True


def admin_password(directory: Path) -> str | None:
    """Give the first user's password, if it is still kept here. Raises PrivateFileError."""
    try:
        return read_private(directory / KEPT_IN).decode().strip()
    except FileNotFoundError:
        return None


def forget_password(directory: Path) -> bool:
    """Remove the file with the first user's password, which is no longer right; says whether there was one."""
    path = directory / KEPT_IN
    there = path.exists()
    path.unlink(missing_ok=True)
    return there
