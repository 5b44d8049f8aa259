"""The README and the page of commands show what the program really prints."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = ["examples/compute0.txt", "network0=examples/network.txt"]


def tunbridge(*arguments: str) -> str:
    argv = [sys.executable, "-m", "tunbridge", *arguments]
    return subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def block_after(heading: str, number: int) -> str:
    """Give one of the code blocks below a heading."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks: list[str] = re.findall(r"```\n(.*?)```", section, re.DOTALL)
    return blocks[number]


def test_the_drawing_is_the_one_that_is_printed() -> None:
    drawn = tunbridge("draw", "--width", "100", *EXAMPLES)
    assert block_after("Draw the hosts in front of you", 1).strip("\n") == drawn.strip("\n")


def test_a_blog_post_as_a_whole_is_drawn_as_its_two_hosts() -> None:
    drawn = tunbridge("draw", "--width", "100", "examples/blog-post.md")
    assert drawn == tunbridge("draw", "--width", "100", *EXAMPLES)


def test_each_line_of_the_explanation_is_printed() -> None:
    explained = tunbridge("explain", *EXAMPLES).splitlines()
    shown = block_after("Have them explained", 0).splitlines()
    assert len(shown) > 5
    assert [line for line in shown if line and line not in explained] == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:`|^|\$ )make ([a-z]+)", README, re.MULTILINE)
    assert len(named) > 5
    assert set(named) <= targets


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_page_of_commands_is_current() -> None:
    argv = [sys.executable, "-m", "typer", "tunbridge.cli.main", "utils", "docs", "--name", "tunbridge"]
    made = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8").strip() == made.strip()
