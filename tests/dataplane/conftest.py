"""One Open vSwitch for all tests of a process, and worlds in it."""

import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.dataplane.dummy import Dummy
from tests.dataplane.world import World
from tests.openvswitch.dummy import running

MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def vswitch() -> Iterator[Dummy]:
    if shutil.which("ovs-vswitchd") is None:
        pytest.skip("ovs-vswitchd is not installed")
    with running(Dummy) as started:
        yield started


@pytest.fixture
def make_world(vswitch: Dummy) -> Iterator[MakeWorld]:
    yield from _worlds(vswitch)


@pytest.fixture(scope="module")
def make_lasting_world(vswitch: Dummy) -> Iterator[MakeWorld]:
    """For worlds that a module's tests share, and do not change."""
    yield from _worlds(vswitch)


def _worlds(vswitch: Dummy) -> Iterator[MakeWorld]:
    made: list[World] = []

    def make(*names: str, **options: object) -> World:
        made.append(World(vswitch, *names, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture(params=[1, 2])
def vlan_limit(vswitch: Dummy, request: pytest.FixtureRequest) -> Iterator[int]:
    """Behind how many tags Open vSwitch looks."""
    vswitch.vsctl("set", "Open_vSwitch", ".", f"other_config:vlan-limit={request.param}")
    yield request.param
    vswitch.vsctl("remove", "Open_vSwitch", ".", "other_config", "vlan-limit")
