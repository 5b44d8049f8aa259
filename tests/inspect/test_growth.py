"""What a host costs grows with its size, not with its square: elementary steps are counted, not seconds."""

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest
from msgspec.structs import replace

from tests.inspect.shapes import SHAPES
from tunbridge.cli.findings import report
from tunbridge.inspect.check import check
from tunbridge.inspect.document import to_json
from tunbridge.inspect.draw import svg, text
from tunbridge.inspect.explain import explain, predict, to_text
from tunbridge.inspect.formats import csv, dot, html, mermaid
from tunbridge.inspect.model import Document
from tunbridge.inspect.reader import MAX_LINE, MAX_LINES, ReadError, read_show
from tunbridge.inspect.understand import understand

SIZE = 120
"""Ports, bridges ... of the smaller host: more than any number up to which things are shown one by one."""
ALLOWED = 2.5
"""Steps of twice as much by those of once as much; what is quadratic takes 4 times as many."""


def steps(action: Callable[[], object]) -> int:
    """Count the lines of Python that run."""
    count = 0

    def local(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return local

    before = sys.gettrace()
    sys.settrace(lambda _frame, _event, _argument: local)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def known(size: int, shape: str) -> Document:
    return check(understand(read_show(SHAPES[shape](size), source="big.txt")))


VERBS: dict[str, Callable[[Document], object]] = {
    "predict": predict,
    "report": lambda d: report(d).plain,
    "explain": lambda d: to_text(explain(d)),
    "json": to_json,
    "text": lambda d: text.render(d, width=120),
    "svg": svg.render,
    "html": html.render,
    "mermaid": mermaid.render,
    "dot": dot.render,
    "csv": csv.render,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_reading_and_checking_grows_with_the_size(shape: str) -> None:
    once, twice = (steps(partial(known, size, shape)) for size in (SIZE, 2 * SIZE))
    assert twice <= ALLOWED * once


@pytest.mark.parametrize("shape", SHAPES)
def test_showing_grows_with_the_size(shape: str) -> None:
    documents = [known(size, shape) for size in (SIZE, 2 * SIZE)]
    for verb, show in VERBS.items():
        once, twice = (steps(partial(show, document)) for document in documents)
        assert twice <= ALLOWED * once, verb


def test_the_counter_sees_a_square() -> None:
    def square(size: int) -> None:
        for _ in range(size):
            for _ in range(size):
                pass

    assert steps(lambda: square(2 * SIZE)) > 3.5 * steps(lambda: square(SIZE))


class Counted(str):
    """A text that counts how often it is compared: a search through a list runs no line of Python."""

    __slots__ = ()
    comparisons = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return super().__eq__(other)


@pytest.mark.parametrize("shape", ["tunnels", "tunnels from as many addresses", "tunnels to one address"])
def test_no_address_is_searched_for_among_all(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = understand(read_show(SHAPES[shape](1000), source="big.txt"))
    addresses = [Counted(address) for address in document.hosts[0].addresses]
    assert addresses
    monkeypatch.setattr("tunbridge.inspect.checks.tunnels.canonical", lambda address: address)
    Counted.comparisons = 0
    check(replace(document, hosts=[replace(document.hosts[0], addresses=addresses), *document.hosts[1:]]))
    assert Counted.comparisons < 20_000


def test_what_is_drawn_of_very_many_is_bounded() -> None:
    for shape in (
        "bridges",
        "a chain of bridges",
        "a star of bridges",
        "patch pairs between two bridges",
        "equal errors",
    ):
        drawn = text.render(known(3000, shape), width=120)
        assert drawn.count("\n") < 700, shape


@pytest.mark.parametrize(
    ("hostile", "message"),
    [
        ("x" * (MAX_LINE + 1), "a line of more than"),
        ("a: " * (4 * MAX_LINE), "a line of more than"),
        ("\n" * (MAX_LINES + 1), "more than 1,000,000 lines"),
    ],
    ids=["long line", "10 MB line", "many lines"],
)
def test_what_is_too_large_to_be_a_dump_is_refused(hostile: str, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        read_show(f"7d7c87c8-560d-4138-8742-8f745aea968b\n    Bridge b\n{hostile}\n", source="hostile.txt")
