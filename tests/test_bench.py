"""The statistics that `make bench` prints: percentiles are values that were measured, ratios are of medians."""

import pytest

from bench.figures import Figure, as_json, percentile


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_smallest_value_that_covers_the_share(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_with_few_runs_p99_is_the_slowest() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0


def test_the_ratio_is_of_medians_so_that_one_slow_run_does_not_move_it() -> None:
    assert Figure("x", "ms", [4.0, 4.0, 900.0], "y", [2.0, 2.0, 700.0]).ratio == 2.0


def test_without_a_reference_there_is_no_ratio() -> None:
    assert as_json([Figure("x", "ms", [1.0])])[0]["ratio"] is None
