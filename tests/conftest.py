"""Real hosts for tests: labs of namespaces with their own Open vSwitch, removed again whatever happens."""

import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from tests.kernels import Kernels
from tunbridge.agent.config import Provider
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import HostPlan, LabPlan, checked

MakeLab = Callable[..., Lab]
_numbers = itertools.count()

# CI looks in the same places each time: a new counterexample is for who develops, not for who merges.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")


# A run in the background may be deaf to Ctrl-C, and what it starts would be too.
signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    """Give what hosts are made of: "namespace", or "uml" in modules that run with both."""
    found: str = getattr(request, "param", "namespace")
    return found


@pytest.fixture(scope="module")
def kernels() -> Iterator[Kernels]:
    """Keep kernels that were booted, for all tests of a module."""
    made = Kernels()
    yield made
    made.remove()


@pytest.fixture
def make_lab(request: pytest.FixtureRequest, kind: str, lab_name: Callable[[], str]) -> MakeLab:
    """Make a lab of bare hosts: Open vSwitch runs, no agent. Hosts are name=tunnel address."""
    only = request.node.get_closest_marker("namespaces_only")
    if kind == "uml" and only is not None:
        pytest.skip(only.args[0])

    def make(providers: dict[str, dict[str, Provider]] | None = None, prefix_length: int = 24, **hosts: str) -> Lab:
        plans = [
            HostPlan(name=name, local_ip=ip, providers=(providers or {}).get(name, {})) for name, ip in hosts.items()
        ]
        if kind == "uml":
            kept: Kernels = request.getfixturevalue("kernels")
            return kept.lab(plans, prefix_length)
        lab = Lab(lab_name())
        plan = checked(LabPlan(name=lab.name, hosts=plans, prefix_length=prefix_length))
        lab.up(plan, lambda _part, _what: None, agents=False)
        return lab

    return make


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a module that says `KINDS` with each kind of host: all tests on demand, else those marked `kernel_too`.

    Processes are ten to a hundred times slower in User Mode Linux: all of them take twenty minutes.
    """
    kinds = getattr(metafunc.module, "KINDS", None)
    if kinds is not None and "make_lab" in metafunc.fixturenames:
        every = os.environ.get("TUNBRIDGE_KERNEL_TESTS") == "all"
        if not every and metafunc.definition.get_closest_marker("kernel_too") is None:
            kinds = [one for one in kinds if one != "uml"]
        metafunc.parametrize("kind", kinds, indirect=True, scope="module")
