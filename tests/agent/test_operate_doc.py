"""docs/operate.md says what is so: its commands for removal are run, on a host with a bridge of the operator's."""

import re
from pathlib import Path

import pytest

from tests.agent.hosts import NIC, PHYSNET, Wired
from tests.conftest import MakeLab
from tunbridge.agent.config import DEFAULT_RUN_DIR, AgentConfig
from tunbridge.agent.status import answer
from tunbridge.cli import host as cli_host
from tunbridge.dataplane.problems import Code
from tunbridge.lab.host import wait_until

PAGE = (Path(__file__).parents[2] / "docs" / "operate.md").read_text()


def test_every_exit_status_of_host_status_is_told() -> None:
    told = {int(number) for number in re.findall(r"^\| (\d) \|", PAGE.partition("## Is it well?")[2], re.MULTILINE)}
    assert told == {
        0, cli_host.EXIT_NOT_IN_SYNC, 2, answer.NotRunningError.exit_status, answer.HungError.exit_status,
    }  # fmt: skip


def test_the_unit_makes_the_folders_that_the_agent_writes_to_for_root_alone() -> None:
    unit = (Path(__file__).parents[2] / "packaging" / "tunbridge-agent.service").read_text()
    settings = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))
    assert f"/run/{settings['RuntimeDirectory']}" == DEFAULT_RUN_DIR
    assert f"/var/lib/{settings['StateDirectory']}" == AgentConfig(local_ip="10.0.0.1").state_dir
    assert settings["RuntimeDirectoryMode"] == settings["StateDirectoryMode"] == "0700"


@pytest.mark.ovs
def test_what_the_page_says_about_removal_gives_everything_back(make_lab: MakeLab) -> None:
    wired = Wired(make_lab(providers={"network0": PHYSNET}, network0="10.0.0.27"), "network0")
    wired.host.vsctl("add-br", "br-eth1", "--", "set", "bridge", "br-eth1", "datapath_type=netdev")
    wired.host.vsctl("add-port", "br-eth1", NIC)
    wired.ofctl("add-flow", "br-eth1", "cookie=0x5,table=3,priority=7,arp,actions=NORMAL")
    before = (wired.host.vsctl("show"), wired.flows("br-eth1"))
    wired.start()
    assert wired.host.vsctl("show") != before[0]
    wired.configure(providers={})
    wired.host.run("kill", "-HUP", str(wired.host.pid("agent")))
    folder = str(wired.host.folder / "tunbridge-agent")
    wait_until(lambda: "br-eth1" not in str(answer.ask(folder).status.bridges), "the bridge is given back")
    wait_until(lambda: answer.ask(folder).status.in_sync, "in sync")
    wired.stop()
    commands = PAGE.partition("## Remove")[2].partition("```\n")[2].partition("```")[0]
    assert "del-br br-int" in commands
    wired.host.run("sh", "-ec", commands)
    assert (wired.host.vsctl("show"), wired.flows("br-eth1")) == before
    assert "tunbridge-origin" not in wired.host.run("ovsdb-client", "dump", "unix:/run/openvswitch/db.sock").stdout


def test_the_page_has_each_code_of_a_problem_and_no_other() -> None:
    table = PAGE.partition("ends with a code")[2].partition("Three kinds")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == {str(code) for code in Code}
