"""What `make up` ends with, as its user sees it: `lab up --server --vms`, once and again."""

import re
from collections.abc import Callable

import pytest

from tests.lab.commands import lab, traces, tunbridge

pytestmark = pytest.mark.ovs


def test_two_vms_ping_and_one_is_reached_from_outside_by_its_floating_ip(
    module_lab_name: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    name, out = module_lab_name(), tmp_path_factory.mktemp("out")
    up = ("up", "--name", name, "--server", "--vms", "--compute", "1", "--network", "1", "--out", str(out))
    pages = set()
    for _ in range(2):
        done = lab(*up)
        assert done.returncode == 0, done.stdout + done.stderr
        assert " 0% packet loss" in done.stdout
        match = re.search(
            r"outside -- curl (http://203\.0\.113\.\d+/)\nHello 203\.0\.113\.1, here is vm0\.", done.stdout
        )
        assert match is not None, done.stdout
        pages.add(match[1])
    assert len(pages) == 1, "the second time finds what is there"

    page = pages.pop()
    fetched = lab("exec", "--name", name, "outside", "--", "curl", "--silent", "--max-time", "4", page)
    assert fetched.stdout == "Hello 203.0.113.1, here is vm0.\n"
    picture = (out / f"lab-{name}.txt").read_text()
    address = page.removeprefix("http://").rstrip("/")
    assert re.search(rf"vm0 · VM · tag \d+ · net demo · {re.escape(address)}", picture), picture
    assert re.search(r"router demo 203\.0\.113\.\d+", picture), picture
    checked = tunbridge("check", f"lab:{name}")
    assert "2 hosts checked: nothing found" in checked.stdout, checked.stdout
    told = " ".join(tunbridge("explain", f"lab:{name}").stdout.split())
    assert re.search(r"Local VLANs, and the network of each: \d+ \(demo\): tap", told), told

    assert lab("down", "--name", name).returncode == 0
    assert traces(name) == []
