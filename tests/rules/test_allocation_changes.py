"""What is to be taken back of a change of an allocation, by what Placement says later."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tunbridge.rules.allocation_changes import Amounts, left, steps

AMOUNTS = (("device", "EGR", 400), ("device", "IGR", -50), ("agent", "RATE", 7))
UNDONE = (("device", "EGR", -400), ("device", "IGR", 50), ("agent", "RATE", -7))
VCPUS = {"resources": {"VCPU": 2}}
BEFORE = {"host": VCPUS, "device": {"resources": {"EGR": 300, "IGR": 50}}}
AFTER = {"host": VCPUS, "device": {"resources": {"EGR": 700}}, "agent": {"resources": {"RATE": 7}}}
OTHER = {"host": VCPUS, "device": {"resources": {"EGR": 500, "IGR": 50}}}


@pytest.mark.parametrize(
    ("generation", "there", "expected"),
    [
        pytest.param(5, BEFORE, (), id="it has not come to pass"),
        pytest.param(6, AFTER, UNDONE, id="it has"),
        pytest.param(7, AFTER | {"host": {"resources": {"VCPU": 3}}}, UNDONE, id="it has, and then another change"),
        pytest.param(6, OTHER, (), id="another change has come before it"),
        pytest.param(8, BEFORE, (), id="what it was for has it as before"),
        pytest.param(7, OTHER, None, id="two changes, and one was of the same"),
        pytest.param(1, AFTER, (), id="the server was removed and came again"),
        pytest.param(0, {}, (), id="the server was removed"),
    ],
)
def test_what_is_left_of_a_change(generation: int, there: dict[str, Any], expected: Amounts | None) -> None:
    row: Any = SimpleNamespace(generation=5, steps=msgspec.json.encode(steps(BEFORE, AMOUNTS)).decode())
    assert left(row, generation, there) == expected
