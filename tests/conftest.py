"""Real hosts for tests: labs of namespaces with their own Open vSwitch, removed again whatever happens."""

import itertools
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from tests.kernels import Kernels
from tunbridge.agent.config import Provider
from tunbridge.lab.lab import Lab
from tunbridge.lab.plan import HostPlan, LabPlan, checked

MakeLab = Callable[..., Lab]
KERNEL_TIMEOUT_S = 900
_KERNEL = re.compile(r"\[vm[]-]|/test_kernel\w*\.py|_kernels_datapath")
"""Which tests boot kernels, by their ids: all that a scheduler knows of them."""
_SHARED_KERNELS = re.compile(r"\[vm[]-]|_kernels_datapath")
"""Which of them use the kernels that are kept from test to test."""
_KEYSTONE = re.compile(r"/auth/test_(keystone|same_as_keystone|service_tokens)\.py|/day/test_modes\.py::test_keystone")
"""Which tests use a real Keystone: all by one process, which starts it once; several at a time answer too slowly."""
_kernels = pytest.StashKey[Kernels]()
_numbers = itertools.count()

# CI looks in the same places each time: a new counterexample is for who develops, not for who merges.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)  # a machine that is busy makes no test wrong
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")


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
def kernels(pytestconfig: pytest.Config) -> Iterator[Kernels]:
    """Keep kernels that were booted, for the next tests of this process that use them."""
    made = pytestconfig.stash[_kernels] = Kernels()
    yield made
    made.remove()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the kernels that were kept when the next test has no use for them: where they are emulated, idling costs."""
    kept = item.config.stash.get(_kernels, None)
    if kept is not None and (nextitem is None or _SHARED_KERNELS.search(nextitem.nodeid) is None):
        kept.remove()


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
        return _up(lab_name(), plans, prefix_length)

    return make


def _up(name: str, plans: list[HostPlan], prefix_length: int) -> Lab:
    lab = Lab(name)
    plan = checked(LabPlan(name=lab.name, hosts=plans, prefix_length=prefix_length))
    lab.up(plan, lambda _part, _what: None, agents=False)
    return lab


@pytest.fixture(scope="module")
def make_lasting_lab(module_lab_name: Callable[[], str]) -> MakeLab:
    """Make a lab of one bare host in a namespace, which tests of a module share."""

    def make(name: str, address: str, providers: dict[str, Provider], prefix_length: int = 24) -> Lab:
        return _up(module_lab_name(), [HostPlan(name=name, local_ip=address, providers=providers)], prefix_length)

    return make


_SHORT = re.compile(r"^tests/(dataplane|database|inspect|model|openvswitch|rules)/")
"""Files that take less than a minute each, and mostly compute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have tests on kernels of their own run first, with more time: they take longest, and the first one boots them.

    The short ones come last, so that no process has a long file left when the others have nothing.
    """
    for item in items:
        if _KERNEL.search(item.nodeid) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(KERNEL_TIMEOUT_S))
    items.sort(key=lambda item: (_KERNEL.search(item.nodeid) is None, _SHORT.search(item.nodeid) is not None))


class _ByFile(LoadFileScheduling):
    """Files go to processes as wholes; all tests on kernels of their own go to one process.

    Kernels are booted once for all tests of a process, and are emulated on most machines: two at a time slow each other
    and all else.
    """

    def _split_scope(self, nodeid: str) -> str:
        if _KERNEL.search(nodeid):
            return "kernels"
        return "keystone" if _KEYSTONE.search(nodeid) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Schedule by file where that was asked for, in the order of collection."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return _ByFile(config, log)


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
