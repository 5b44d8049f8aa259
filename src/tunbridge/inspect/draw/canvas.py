"""A sheet of character cells on which lines join by themselves.

Each cell remembers to which of its four sides a line leads; the character follows from that. Text lies over lines.
"""

from dataclasses import dataclass

from rich.text import Text

from tunbridge.inspect.draw.safe import cells

N, E, S, W = 1, 2, 4, 8

_LIGHT = dict(
    zip(
        (E | W, N | S, E | S, S | W, N | E, N | W, N | E | S, N | S | W, E | S | W, N | E | W, N | E | S | W),
        "─│┌┐└┘├┤┬┴┼",
        strict=True,
    )
)
_HEAVY = dict(
    zip((E | W, N | E | W, E | S | W, N | E | S | W, N | S, E | S, S | W, N | E, N | W), "━┷┯┿┃┏┓┗┛", strict=True)
)
_DOUBLE = dict(
    zip(
        (E | W, N | S, E | S, N | E, N | E | S, N | E | W, E | S | W, N | E | S | W, N | W, S | W, N | S | W),
        "═║╔╚╠╧╤╪╝╗╣",
        strict=True,
    )
)
_DASHED = _LIGHT | {E | W: "┄", N | S: "┆"}
_ROUND = _LIGHT | {E | S: "╭", S | W: "╮", N | E: "╰", N | W: "╯"}
_ENDS = {N: N | S, S: N | S, E: E | W, W: E | W}

Stroke = dict[int, str]
LIGHT, HEAVY, DOUBLE, DASHED, ROUND = _LIGHT, _HEAVY, _DOUBLE, _DASHED, _ROUND


@dataclass(slots=True)
class _Cell:
    sides: int = 0
    stroke: Stroke | None = None
    char: str | None = None
    style: str = ""


class Canvas:
    """`width` x `height` cells. What is drawn outside of them is not seen."""

    def __init__(self, width: int, height: int, is_ascii: bool) -> None:
        self.width, self.height, self.is_ascii = width, height, is_ascii
        self._rows: list[dict[int, _Cell]] = [{} for _ in range(height)]

    def _cell(self, x: int, y: int) -> _Cell:
        if not (0 <= x < self.width and 0 <= y < self.height):
            return _Cell()
        return self._rows[y].setdefault(x, _Cell())

    def side(self, x: int, y: int, sides: int, stroke: Stroke, style: str = "") -> None:
        """Let a line lead from the middle of the cell to these sides."""
        cell = self._cell(x, y)
        cell.sides |= sides
        cell.stroke = cell.stroke or stroke
        cell.style = style or cell.style

    def across(self, x0: int, x1: int, y: int, stroke: Stroke, style: str = "") -> None:
        """Draw a line from the middle of cell x0 to the middle of cell x1."""
        for x in range(x0, x1 + 1):
            self.side(x, y, E * (x < x1) | W * (x > x0), stroke, style)

    def down(self, x: int, y0: int, y1: int, stroke: Stroke, style: str = "") -> None:
        """Draw a line from the middle of cell y0 to the middle of cell y1."""
        for y in range(y0, y1 + 1):
            self.side(x, y, S * (y < y1) | N * (y > y0), stroke, style)

    def frame(self, x: int, y: int, w: int, h: int, stroke: Stroke, style: str = "") -> None:
        """Draw a rectangle."""
        right, bottom = x + w - 1, y + h - 1
        for row in (y, bottom):
            self.across(x, right, row, stroke, style)
        for column in (x, right):
            self.down(column, y, bottom, stroke, style)

    def write(self, x: int, y: int, text: str, style: str = "") -> None:
        """Write text over whatever is there. It is already visible (see `safe`)."""
        for char in text:
            wide = cells(char)
            cell = self._cell(x, y)
            cell.char, cell.style = char, style
            if wide == 2:
                self._cell(x + 1, y).char = ""
            x += wide

    def lines(self) -> list[Text]:
        """Give the sheet line by line, with styles and without trailing spaces."""
        return [self._line(row) for row in self._rows]

    def _line(self, row: dict[int, _Cell]) -> Text:
        line = Text(end="", no_wrap=True)
        run, style = "", ""
        last = max((x for x, cell in row.items() if self._char(cell).strip()), default=-1)
        for x in range(last + 1):
            cell = row.get(x)
            char, own = (self._char(cell), cell.style) if cell else (" ", "")
            if own != style and char.strip():
                line.append(run, style or None)
                run, style = "", own
            run += char
        line.append(run, style or None)
        return line

    def _char(self, cell: _Cell) -> str:
        if cell.char is not None:
            return cell.char
        if not cell.sides or cell.stroke is None:
            return " "
        sides = _ENDS.get(cell.sides, cell.sides)
        if self.is_ascii:
            level = "=" if cell.stroke is _DOUBLE else "-"
            return {N | S: "|", E | W: level}.get(sides, "+")
        return cell.stroke.get(sides) or _LIGHT[sides]
