"""docs/server.md and the unit file hold what the server takes."""

import configparser
from pathlib import Path

import msgspec
import pytest

from tunbridge.api.config import ServerConfig
from tunbridge.rules.settings import NetworkingSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "server.md").read_text()
SETTINGS = (*msgspec.structs.fields(ServerConfig), *msgspec.structs.fields(NetworkingSettings))


@pytest.mark.parametrize("field", SETTINGS, ids=lambda f: f.name)
def test_every_setting_is_told_with_its_default(field: msgspec.structs.FieldInfo) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{field.name}` |"))
    if isinstance(field.default, bool):
        assert f"`{str(field.default).lower()}`" in row
    elif isinstance(field.default, str):
        assert f'`"{field.default}"`' in row
    elif isinstance(field.default, int):
        assert f"`{field.default}`" in row


def test_no_setting_is_told_that_is_not_there() -> None:
    told = {line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `") and not line.startswith("| `/")}
    assert told == {field.name for field in SETTINGS}


def test_the_unit_is_notified_restarted_and_has_no_rights() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # systemd's keys have capitals
    unit.read(ROOT / "packaging" / "tunbridge-server.service")
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert service["CapabilityBoundingSet"] == ""
    assert service["StateDirectory"] == Path(str(ServerConfig().state_dir)).name
    assert service["RuntimeDirectory"] == Path(str(ServerConfig().run_dir)).name
