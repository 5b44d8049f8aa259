"""docs/agent.md and the unit file hold what the agent takes."""

import configparser
from pathlib import Path

import msgspec
import pytest

from tunbridge.agent.config import FIXED, AgentConfig

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "agent.md").read_text()


@pytest.mark.parametrize("field", msgspec.structs.fields(AgentConfig), ids=lambda f: f.name)
def test_every_setting_is_told_with_its_default(field: msgspec.structs.FieldInfo) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{field.name}` |"))
    if isinstance(field.default, str):
        assert f'`"{field.default}"`' in row


@pytest.mark.parametrize("name", FIXED)
def test_every_setting_that_waits_for_a_restart_is_told(name: str) -> None:
    paragraph = PAGE.partition("`SIGHUP`")[2].partition("###")[0]
    assert f"`{name}`" in paragraph


def test_the_unit_is_notified_watched_and_restarted() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # systemd's keys have capitals
    unit.read(ROOT / "packaging" / "tunbridge-agent.service")
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 0
    assert service["Restart"] == "always"
