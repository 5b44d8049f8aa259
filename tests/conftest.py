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
KERNEL_TIMEOUT_S = 900
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
    """Give what hosts are made of: "namespace", or "vm" in modules that run with both."""
    found: str = getattr(request, "param", "namespace")
    return found


@pytest.fixture(scope="session")
def kernels() -> Iterator[Kernels]:
    """Keep kernels that were booted, for all tests of this process."""
    made = Kernels()
    yield made
    made.remove()


@pytest.fixture
def make_lab(request: pytest.FixtureRequest, kind: str, lab_name: Callable[[], str]) -> MakeLab:
    """Make a lab of bare hosts: Open vSwitch runs, no agent. Hosts are name=tunnel address."""
    only = request.node.get_closest_marker("namespaces_only")
    if kind == "vm" and only is not None:
        pytest.skip(only.args[0])

    def make(providers: dict[str, dict[str, Provider]] | None = None, prefix_length: int = 24, **hosts: str) -> Lab:
        plans = [
            HostPlan(name=name, local_ip=ip, providers=(providers or {}).get(name, {})) for name, ip in hosts.items()
        ]
        if kind == "vm":
            kept: Kernels = request.getfixturevalue("kernels")
            return kept.lab(plans, prefix_length)
        lab = Lab(lab_name())
        plan = checked(LabPlan(name=lab.name, hosts=plans, prefix_length=prefix_length))
        lab.up(plan, lambda _part, _what: None, agents=False)
        return lab

    return make


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one process run all tests on kernels of their own, first; the others are grouped by file.

    Kernels are booted once for all tests of a process, and are emulated on most machines: two at a time slow each other
    and all else. With more time: the first test boots them.
    """
    for item in items:
        if _on_kernel(item):
            item.add_marker(pytest.mark.xdist_group("kernels"))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(KERNEL_TIMEOUT_S))
        elif item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
    items.sort(key=lambda item: not _on_kernel(item))


def _on_kernel(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function):
        return False
    kind = item.callspec.params.get("kind") if hasattr(item, "callspec") else None
    return "kernels" in item.fixturenames or kind == "vm" or item.get_closest_marker("on_kernel") is not None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a module that says `KINDS` with each kind of host: all tests on demand, else those marked `kernel_too`.

    Processes are about ten times slower in an emulated kernel.
    """
    kinds = getattr(metafunc.module, "KINDS", None)
    if kinds is not None and "make_lab" in metafunc.fixturenames:
        every = os.environ.get("TUNBRIDGE_KERNEL_TESTS") == "all"
        if not every and metafunc.definition.get_closest_marker("kernel_too") is None:
            kinds = [one for one in kinds if one != "vm"]
        metafunc.parametrize("kind", kinds, indirect=True, scope="module")
