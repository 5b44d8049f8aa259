"""Cardinality names told in few characters, in the notation of cluster tools: `compute[0-16,18-479]`."""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

Natural = tuple[tuple[int, str], ...]

_NUMBERED = re.compile(r"(.*?)([0-9]{1,9})([^0-9]*)", re.DOTALL)


def ranges(names: Iterable[str]) -> str:
    """Fold names that differ in their last number only; the order is that of the names' first appearance."""
    runs: dict[tuple[str, str] | str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(names):
        found = _NUMBERED.fullmatch(name)
        if found:
            runs[found[1], found[3]].append(found[2])
        else:
            runs[name] = []
    return ",".join(_run(key, numbers) for key, numbers in runs.items())


def _run(key: tuple[str, str] | str, numbers: list[str]) -> str:
    if isinstance(key, str):
        return key
    before, after = key
    if len(numbers) == 1:
        return f"{before}{numbers[0]}{after}"
    return f"{before}[{','.join(_spans(numbers))}]{after}"


def _spans(numbers: list[str]) -> list[str]:
    """Give "0-16", "18" ...; `001` and `1` are two names: where zeros lead, numbers of one length belong together."""
    padded = {len(number) for number in numbers if number.startswith("0") and len(number) > 1}
    order = sorted((len(number) if len(number) in padded else 0, int(number), number) for number in numbers)
    spans: list[list[str]] = []
    for (width, value, number), (before, last, _) in zip(order, [(-1, -1, ""), *order], strict=False):
        if (width, value) == (before, last + 1):
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    return ["-".join(span) for span in spans]


_NUMBER = re.compile(r"([0-9]{1,18})")


@lru_cache(maxsize=16384)
def natural(name: str) -> Natural:
    """Split a name into text and numbers: eth2 sorts before eth10. A mesh asks for the same names again and again."""
    parts = _NUMBER.split(name)
    return tuple((int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts))
