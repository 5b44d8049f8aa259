"""What does not pass is told to whoever reads the page."""

from pathlib import Path

from tests.api.suites.known import KNOWN

PAGE = Path(__file__).parents[3] / "docs" / "suites.md"


def test_the_page_has_each_test_that_does_not_pass_and_why() -> None:
    _, _, rest = PAGE.read_text().partition("## What does not pass")
    lines, _, _ = rest.partition("\n## ")
    rows = dict(line.strip("| ").split(" | ") for line in lines.splitlines() if line.startswith("| `"))
    assert {name.strip("`"): why for name, why in rows.items()} == KNOWN
