"""Real hosts for tests: labs of namespaces with their own Open vSwitch, removed again whatever happens."""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from tunbridge.agent.config import Provider
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import HostPlan, LabPlan, checked

MakeLab = Callable[..., Lab]
_numbers = itertools.count()

# CI looks in the same places each time: a new counterexample is for who develops, not for who merges.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")


def _missing() -> str | None:
    if os.geteuid() != 0:
        return "needs root: it makes network namespaces"
    for command in ("ovs-vswitchd", "ovsdb-server", "ip", "nsenter", "unshare", "ethtool"):
        if shutil.which(command) is None:
            return f"{command} is not installed"
    return None


def _names() -> Iterator[Callable[[], str]]:
    missing = _missing()
    if missing is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    made: list[str] = []

    def new() -> str:
        made.append(f"t{os.getpid() % 100000}-{next(_numbers)}")
        return made[-1]

    yield new
    for name in made:
        Lab(name).down()


@pytest.fixture
def lab_name() -> Iterator[Callable[[], str]]:
    """Give names of labs that no other run uses; the labs of these names are removed at the end."""
    yield from _names()


@pytest.fixture(scope="module")
def module_lab_name() -> Iterator[Callable[[], str]]:
    """Give names of labs that all tests of a module share."""
    yield from _names()


@pytest.fixture
def make_lab(lab_name: Callable[[], str]) -> MakeLab:
    """Make a lab of bare hosts: Open vSwitch runs, no agent. Hosts are name=tunnel address."""

    def make(providers: dict[str, dict[str, Provider]] | None = None, prefix_length: int = 24, **hosts: str) -> Lab:
        plans = [
            HostPlan(name=name, local_ip=ip, providers=(providers or {}).get(name, {})) for name, ip in hosts.items()
        ]
        lab = Lab(lab_name())
        plan = checked(LabPlan(name=lab.name, hosts=plans, prefix_length=prefix_length))
        lab.up(plan, lambda _part, _what: None, agents=False)
        return lab

    return make
