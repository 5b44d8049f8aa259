"""Series of measurements, and how they are told: several runs, beside something else run on the same machine."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One thing that was measured: `values` in `unit`, and what it is compared with, in the same unit."""

    name: str
    unit: str
    values: Sequence[float]
    reference_name: str = ""
    reference: Sequence[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        """Median over the reference's median."""
        return self.median / statistics.median(self.reference) if self.reference else None


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def table(figures: Sequence[Figure]) -> Table:
    """Give the figures for people."""
    made = Table("what", "unit", "runs", "min", "median", "p99", "max", "ratio", "to", box=None, pad_edge=False)
    for column in made.columns[1:8]:
        column.justify = "right"
    for f in figures:
        numbers = (min(f.values), f.median, percentile(f.values, 0.99), max(f.values))
        ratio = "" if f.ratio is None else f"{f.ratio:.3g}"
        made.add_row(f.name, f.unit, str(len(f.values)), *(f"{n:.4g}" for n in numbers), ratio, f.reference_name)
    return made


def as_line(figure: Figure) -> str:
    """Give one figure in a line."""
    p99 = f", p99 {percentile(figure.values, 0.99):.4g}" if len(figure.values) > 1 else ""
    ratio = "" if figure.ratio is None else f", {figure.ratio:.3g} of {figure.reference_name}"
    return f"{figure.name}: {figure.median:.4g} {figure.unit}{p99}{ratio}"


def as_json(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """Give the figures for programs."""
    return [{**asdict(f), "median": f.median, "p99": percentile(f.values, 0.99), "ratio": f.ratio} for f in figures]


def repeat(count: int, measure: Callable[[], float]) -> list[float]:
    """Measure several times."""
    return [measure() for _ in range(count)]


console = Console(width=max(150, Console().width))
