"""docs/coverage.md is current, says of everything why it is not there, and names tests that are."""

from pathlib import Path

from tests.model import coverage
from tunbridge.model import catalog, features

ROOT = Path(__file__).parents[2]
OFFERED = {e.alias for e in catalog.EXTENSIONS if e.needs <= features.AVAILABLE}


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "coverage.md").read_text() == coverage.page(), "run: make docs"


def test_what_is_offered_is_not_said_to_be_missing_and_all_else_has_a_reason() -> None:
    assert OFFERED & coverage.WHY_NOT.keys() == set()
    declared = {e.alias for e in catalog.EXTENSIONS}
    assert coverage.names().keys() - declared - coverage.WHY_NOT.keys() == set()


def test_no_reason_is_given_for_what_there_is_not() -> None:
    assert coverage.WHY_NOT.keys() - coverage.names().keys() == set()


def test_what_hosts_carry_out_is_shown_by_packets() -> None:
    for feature in features.AVAILABLE:
        assert (ROOT / coverage.SHOWN_BY[feature]).is_file()
