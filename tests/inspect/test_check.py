"""Each code is found in the hosts that have it, and in no near miss; what findings say and in which order."""

import re
import shlex
from collections.abc import Callable

import msgspec
import pytest

from tests.inspect.check_cases import (
    NEAR_MISS,
    NOT_GIVEN,
    RAISED,
    ROOT,
    Hosts,
    changed,
    checked,
    failing,
    headless,
    tunnel_of_compute,
    with_bridge,
    with_first_bridge,
)
from tests.inspect.hosts import (
    bridge,
    codes,
    compute,
    errors,
    network,
    patch,
    port,
    two,
)
from tunbridge.inspect.check import check
from tunbridge.inspect.checks.registry import CODES
from tunbridge.inspect.model import Controller, Finding
from tunbridge.inspect.reader import read_show

VARYING = {
    "bridge-unconnected",
    "interface-error",
    "bond-member-down",
    "lacp-not-negotiated",
    "mac-table-full",
    "system-id-duplicate",
}
"""Codes whose severity depends on the case."""


def cases(table: dict[str, list[Hosts]]) -> list[object]:
    return [
        pytest.param(code, hosts, id=f"{code}-{number}")
        for code, alternatives in table.items()
        for number, hosts in enumerate(alternatives)
    ]


@pytest.mark.parametrize(("code", "hosts"), cases(RAISED))
def test_it_is_found(code: str, hosts: Hosts) -> None:
    document = checked(*hosts)
    found = [finding for finding in document.findings if finding.code == code]
    assert found, f"not found among {codes(document)}"
    for finding in found:
        assert finding.severity == CODES[code].severity or code in VARYING
        assert finding.host in {h.name for h in document.hosts}
        assert finding.message and finding.fix and "{" not in finding.fix


@pytest.mark.parametrize(("code", "hosts"), cases(NEAR_MISS))
def test_a_near_miss_is_not(code: str, hosts: Hosts) -> None:
    assert code not in codes(checked(*hosts))


def test_every_code_has_a_case_and_a_near_miss() -> None:
    assert set(RAISED) == set(NEAR_MISS) == set(CODES)


def test_nothing_is_found_on_two_healthy_hosts() -> None:
    document = checked(*two())
    assert document.findings == [] and document.not_checked == []


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda text: re.sub(r" +Port patch-int\n(.*\n){3}", "", text, count=1), {"patch-peer-missing"}),
        (lambda text: text.replace("peer=patch-int", "peer=patch-nit"), {"patch-peer-missing", "patch-peer-one-sided"}),
        (lambda text: re.sub(r' +Port "vxlan.*\n(.*\n){3}', "", text), {"tunnel-one-way"}),
        (lambda text: text.replace('remote_ip="10.0.0.27"', 'remote_ip="10.0.0.72"'),
         {"tunnel-address-mismatch", "tunnel-name-mismatch"}),
        (lambda text: text.replace("type: vxlan", "type: geneve"), {"tunnel-type-mismatch"}),
        (lambda text: text.replace("in_key=flow", 'in_key="5"'), {"tunnel-key-mismatch"}),
        (lambda text: text.replace('local_ip="10.0.0.25"', 'local_ip="10.0.0.27"'),
         {"local-ip-duplicate", "tunnel-address-mismatch"}),
    ],
)  # fmt: skip
def test_one_damage_to_the_readme_s_hosts_gives_one_story(damage: Callable[[str], str], expected: set[str]) -> None:
    texts = [(ROOT / "examples" / name).read_text() for name in ("compute0.txt", "network.txt")]
    damaged = damage(texts[0])
    assert damaged != texts[0]
    hosts = [h for i, text in enumerate((damaged, texts[1])) for h in read_show(text, source=f"{i}.txt")]
    document = checked(*hosts)
    assert {finding.code for finding in document.findings if finding.severity != "info"} == expected
    for finding in document.findings:
        assert finding.line is not None or "bridge" in finding.subject


def test_on_neutron_s_hosts_the_agent_comes_first_and_the_exact_command_second() -> None:
    def fixes(hosts: Hosts) -> list[str]:
        return [finding.fix for finding in errors(checked(*hosts))]

    for hosts, command in (
        (
            changed(1, "br-ex", "phy-br-ex", None),
            "ovs-vsctl add-port br-ex phy-br-ex -- set interface phy-br-ex type=patch options:peer=int-br-ex",
        ),
        (
            changed(1, "br-tun", "vxlan-0a000019", None),
            "ovs-vsctl add-port br-tun vxlan-0a000019 -- set interface vxlan-0a000019 type=vxlan "
            "options:local_ip=10.0.0.27 options:remote_ip=10.0.0.25 options:in_key=flow options:out_key=flow",
        ),
    ):
        (fix,) = fixes(hosts)
        assert fix.endswith(command) and 0 <= fix.index("restart the agent") < fix.index("ovs-vsctl")
    assert fixes(tunnel_of_compute(remote_ip="10.0.0.99"))[0] == (
        "ovs-vsctl set interface vxlan-0a00001b options:remote_ip=10.0.0.27"
    )


def test_names_in_commands_are_quoted_for_the_shell() -> None:
    evil = "x; rm -rf /"
    (finding,) = errors(checked(*changed(0, "br-int", evil, patch(evil, "$(reboot)"))))
    assert shlex.split(finding.fix)[-4:] == ["ovs-vsctl", "del-port", "br-int", evil]


@pytest.mark.parametrize(
    ("error", "severity", "means"),
    [
        ("could not open network device tap1 (No such device)", "warning", "workload was deleted"),
        ("could not open network device tap1 (No\n such device)", "warning", "workload was deleted"),
        ("could not add network device tap1 to ofproto (File exists)", "error", "something else already is"),
        (
            "could not add network device tap1 to ofproto (Device or resource busy)",
            "error",
            "belongs to something else",
        ),
        ("could not open network device tap1 (Address family not supported by protocol)", "error", "module"),
        ("could not set configuration (Invalid argument)", "error", "refused the options"),
        ("could not open network device tap1 (Operation not supported)", "error", "cannot do this"),
        ("Error attaching device '0000:01:00.0' to DPDK", "error", "DPDK driver"),
        ("a text of the future", "error", "could not use"),
    ],
)
def test_what_an_interface_s_error_means(error: str, severity: str, means: str) -> None:
    document = checked(*changed(0, "br-int", "tap1", port("tap1", tag=1, error=error)))
    (finding,) = document.findings
    assert (finding.code, finding.severity) == ("interface-error", severity)
    assert means in finding.message and finding.fix


@pytest.mark.parametrize(("bridge_name", "name"), [("br-ex", "eth1"), ("br-int", "int-br-ex")])
def test_a_device_of_the_wiring_that_is_gone_is_an_error(bridge_name: str, name: str) -> None:
    document = checked(*failing(name, "No such device", bridge_name))
    assert [f.severity for f in document.findings if f.code == "interface-error"] == ["error"]


def test_what_has_no_input_is_listed_as_not_checked() -> None:
    document = checked(NOT_GIVEN)
    assert [(n.code, n.host) for n in document.not_checked] == [("tunnel-one-way", "compute0")]
    assert "10.0.0.27" in document.not_checked[0].reason
    assert [n.code for n in checked(*headless()).not_checked] == ["patch-peer-missing"]
    unknown = with_first_bridge(controllers=[Controller(target="tcp:127.0.0.1:6633", is_connected=None)])
    assert [n.code for n in checked(*unknown).not_checked] == ["controller-disconnected"]


def test_a_duplicate_address_is_one_story_and_not_ten() -> None:
    own = [f"10.0.0.{i + 1}" for i in range(5)]
    hosts = [compute(f"h{i}", own[i], [a for a in own if a != own[i]]) for i in range(5)]
    clone = compute("clone", own[0], own[1:])
    assert [f.code for f in errors(checked(*hosts, clone))] == ["local-ip-duplicate"]


def test_checking_twice_changes_nothing() -> None:
    for alternatives in RAISED.values():
        document = checked(*alternatives[0])
        assert msgspec.to_builtins(check(document)) == msgspec.to_builtins(document)


def test_findings_come_worst_first() -> None:
    document = checked(*with_bridge(bridge("br-new", controller=False)), compute("clone", "10.0.0.25", ["10.0.0.27"]))
    ranks = ["error", "warning", "info"]
    found = [ranks.index(f.severity) for f in document.findings]
    assert len(set(found)) > 1 and found == sorted(found)


def test_a_finding_cites_the_line_that_it_is_about() -> None:
    text = (ROOT / "examples" / "network.txt").read_text().replace("peer=patch-tun", "peer=nowhere")
    (host_,) = read_show(text, source="network.txt")
    found: list[Finding] = errors(checked(host_))
    lines = text.splitlines()
    assert {f.code: lines[(f.line or 0) - 1].strip() for f in found} == {
        "patch-peer-missing": "options: {peer=nowhere}",
        "patch-peer-one-sided": "options: {peer=patch-int}",
    }


def test_a_network_node_alone_is_healthy() -> None:
    assert codes(checked(network("n", "10.0.0.1", ["10.0.0.2"]))) == set()
