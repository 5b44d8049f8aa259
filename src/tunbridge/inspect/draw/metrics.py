"""The measures of the two pens: the same layout in pixels for SVG and in cells for a terminal."""

import math
from dataclasses import dataclass, field

from tunbridge.inspect.draw.safe import cells

Style = str
"""What a text is for: "host", "role", "meta", "bridge", "port", "note", "band", "physical", "legend", "ghost"."""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """All lengths in the pen's unit. `limit` is how many cells a name may take before its middle is cut out."""

    limit: int
    has_notes: bool = True
    word_gap: int
    """Between words that stand side by side."""
    per_cell: dict[Style, float] = field(default_factory=dict)
    """Width of one cell of text; one where the style is not listed. Estimated high: fonts differ."""
    ellipsis: str = "…"
    margin: int
    spine: int
    host_gap: int
    host_pad: int
    host_head: int
    host_lines: tuple[int, int]
    host_line: int
    host_foot: int
    workload_rows: int
    workload_gap: int
    row: int
    row_gap: int
    chip_pad: int
    chip_gap: int
    note_gap: int
    badge: int
    badge_gap: int
    pitch: int
    lead: int
    pad: int
    edge: int
    """Height of a bridge's upper or lower edge where no chip sits on it."""
    edge_gap: int
    head_line: int
    is_head_inline: bool
    layer_gap: int
    column_gap: int
    drop: int
    physical: int
    physical_gap: int
    band: int
    rows_gap: int
    legend_line: int
    stretch: float = 1.6

    def width(self, text: str, style: Style) -> int:
        """Give the width of `text`, rounded up."""
        return math.ceil(cells(text) * self.per_cell.get(style, 1))

    def room(self, width: int, style: Style) -> int:
        """Give how many cells of text fit into `width`."""
        return max(0, int(width / self.per_cell.get(style, 1)))


PIXELS = Metrics(
    limit=22,
    per_cell={
        "host": 9.6,
        "role": 7.0,
        "meta": 7.0,
        "bridge": 8.2,
        "bridge-role": 6.6,
        "bridge-meta": 6.2,
        "port": 6.85,
        "note": 6.5,
        "band": 8.2,
        "physical": 6.8,
        "legend": 7.2,
        "ghost": 7.0,
    },
    word_gap=12,
    margin=24,
    spine=26,
    host_gap=16,
    host_pad=14,
    host_head=66,
    host_lines=(14, 37),
    host_line=20,
    host_foot=16,
    workload_rows=3,
    workload_gap=20,
    row=22,
    row_gap=5,
    chip_pad=8,
    chip_gap=8,
    note_gap=7,
    badge=16,
    badge_gap=5,
    pitch=8,
    lead=6,
    pad=10,
    edge=8,
    edge_gap=7,
    head_line=19,
    is_head_inline=False,
    layer_gap=46,
    column_gap=14,
    drop=26,
    physical=24,
    physical_gap=16,
    band=30,
    rows_gap=34,
    legend_line=24,
)

CELLS = Metrics(
    limit=40,
    word_gap=2,
    margin=0,
    spine=2,
    host_gap=1,
    host_pad=2,
    host_head=2,
    host_lines=(0, 1),
    host_line=1,
    host_foot=1,
    workload_rows=8,
    workload_gap=1,
    row=1,
    row_gap=0,
    chip_pad=1,
    chip_gap=1,
    note_gap=1,
    badge=1,
    badge_gap=1,
    pitch=1,
    lead=1,
    pad=2,
    edge=1,
    edge_gap=0,
    head_line=1,
    is_head_inline=True,
    layer_gap=1,
    column_gap=1,
    drop=1,
    physical=2,
    physical_gap=0,
    band=1,
    rows_gap=1,
    legend_line=1,
)
