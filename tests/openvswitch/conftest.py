"""One Open vSwitch for all tests of a process, and a bridge of its own for each test."""

import itertools
from collections.abc import Iterator

import pytest

from tests.openvswitch.dummy import Dummy, running

_numbers = itertools.count()


@pytest.fixture(scope="session")
def ovs() -> Iterator[Dummy]:
    with running(Dummy) as dummy:
        yield dummy


@pytest.fixture
def bridge(ovs: Dummy) -> Iterator[str]:
    name = f"b{next(_numbers)}"
    ovs.add_bridge(name)
    yield name
    ovs.vsctl("del-br", name)
