"""A fix that is printed must do no harm: it restores what was, has no placeholder, and keeps silent on cut dumps."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.inspect.check_cases import DUMPS, RAISED
from tests.inspect.hosts import bridge, change, compute, host, ovn, patch, port, two
from tunbridge.inspect.check import check
from tunbridge.inspect.draw import text as picture
from tunbridge.inspect.explain import explain, predict, to_text
from tunbridge.inspect.model import Document, Finding, Host, Interface, Port
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.understand import understand

ROOT = Path(__file__).parents[2]
COMPUTE = (ROOT / "examples" / "compute0.txt").read_text()
NETWORK = (ROOT / "examples" / "network.txt").read_text()
PROVIDER = re.findall(r'Bridge "?(br-e[^\s"]+)', NETWORK)[0]


def read(text: str, source: str = "network.txt") -> Host:
    (found,) = read_show(text, source=source)
    return found


def checked(*hosts: Host) -> Document:
    return check(understand(hosts))


def without(whole: Host, *names: str) -> Host:
    return replace(whole, bridges=[b for b in whole.bridges if b.name not in names])


def found(document: Document, code: str) -> list[Finding]:
    return [finding for finding in document.findings if finding.code == code]


def damaged(whole: Host) -> Iterator[Host]:
    """The host without each of its bridges and ports, and without each two of them."""
    things: list[tuple[str, str | None]] = [(b.name, None) for b in whole.bridges]
    things += [(b.name, p.name) for b in whole.bridges for p in b.ports]
    for index, first in enumerate(things):
        for second in things[index:]:
            yield _without(_without(whole, first), second)


def _without(whole: Host, thing: tuple[str, str | None]) -> Host:
    bridge_name, port_name = thing
    return without(whole, bridge_name) if port_name is None else change(whole, bridge_name, port_name, None)


ADDED = re.compile(r"ovs-vsctl add-port (\S+) (\S+)(?: -- set interface \S+ type=(\S+))?(?: options:peer=(\S+))?")
SET = re.compile(r"ovs-vsctl set interface (\S+) options:peer=(\S+)")


@pytest.mark.parametrize("whole", [read(COMPUTE), read(NETWORK), *two()], ids=lambda h: h.name)
def test_what_a_fix_adds_is_what_was_there_before(whole: Host) -> None:
    before = {(b.name, p.name): p.interfaces[0] for b in whole.bridges for p in b.ports}
    peers = {i.name: i.options.get("peer") for i in before.values()}
    commands = 0
    for broken in damaged(whole):
        for finding in checked(broken).findings:
            for at, name, _, peer in ADDED.findall(finding.fix):
                commands += 1
                assert (at, name) in before, finding.fix
                assert before[at, name].options.get("peer") in (peer or None, None)
                assert at in {b.name for b in broken.bridges}, f"it is not there: {finding.fix}"
            for name, peer in SET.findall(finding.fix):
                assert peers[name] == peer, finding.fix
    assert commands


COMMAND = re.compile(r"\b(?:ovs-vsctl|ovs-appctl|openstack|ip link|ip -)[^;,()]*")
PLACEHOLDER = re.compile(r"\b(?:BRIDGE|PEER|ADDRESS|NIC|NETWORK|PORT|HOST|NAME|UUID)\b|<\w+>|its address")


def test_no_command_holds_a_placeholder() -> None:
    hosts = [alternative for alternatives in RAISED.values() for alternative in alternatives]
    hosts += [[broken] for whole in two() for broken in damaged(whole)]
    for each in hosts:
        for finding in checked(*each).findings:
            for command in COMMAND.findall(finding.fix):
                assert not PLACEHOLDER.search(command.replace("show that UUID", "")), finding.fix


def test_a_bridge_that_is_missing_is_named_and_no_other_is_taken_for_it() -> None:
    (finding,) = found(checked(without(read(NETWORK), PROVIDER)), "patch-peer-missing")
    assert f"nor does its bridge {PROVIDER}" in finding.message
    assert "add-port" not in finding.fix and "bridge_mappings" in finding.fix
    assert finding.fix.endswith(f"if this half is left over: ovs-vsctl del-port br-int int-{PROVIDER}")

    without_int = checked(without(read(NETWORK), "br-int"))
    assert {f.subject for f in found(without_int, "patch-peer-missing")} == {"patch-int", f"phy-{PROVIDER}"}
    for finding in without_int.findings:
        assert "add-port" not in finding.fix
    for finding in found(without_int, "patch-peer-missing"):
        assert "integration bridge br-int" in finding.message


def test_a_peer_whose_name_tells_nothing_is_put_nowhere() -> None:
    lonely = host("h", bridge("br0", patch("a", "b")), bridge("br1"), bridge("br2"))
    (finding,) = found(checked(lonely), "patch-peer-missing")
    assert "add-port" not in finding.fix and "ovs-vsctl del-port br0 a" in finding.fix


def test_names_that_neutron_shortened_are_found_by_their_hash() -> None:
    long = "br-provider-long"  # get_interface_name("br-provider-long", "phy-"), max. 15 characters
    from tunbridge.inspect.checks.homes import shortened

    near, far = shortened(long, "int-"), shortened(long, "phy-")
    assert len(near) == 15 and near.startswith("int-br-pr")
    whole = host("h", bridge("br-int", patch(near, far)), bridge(long, patch(far, near), port("eth0")))
    (finding,) = found(checked(change(whole, long, far, None)), "patch-peer-missing")
    assert f"ovs-vsctl add-port {long} {far}" in finding.fix
    (finding,) = found(checked(without(whole, long)), "patch-peer-missing")
    assert "add-port" not in finding.fix and far in finding.message


def test_ovn_makes_its_patch_ports_itself() -> None:
    chassis = ovn("o", ["10.0.0.2"], patch("patch-br-int-to-provnet-1", "patch-provnet-1-to-br-int"))
    (finding,) = found(checked(replace(chassis, bridges=[*chassis.bridges, bridge("br-ex")])), "patch-peer-missing")
    assert finding.fix.startswith("restart ovn-controller") and "add-port" not in finding.fix


def test_a_one_sided_pair_leaves_alone_what_is_in_use() -> None:
    def fix(near: Port) -> str:
        document = checked(change(two()[1], "br-int", near.name, near))
        return next(f for f in found(document, "patch-peer-one-sided") if f.subject == near.name).fix

    assert "set interface" not in fix(patch("extra", "eth1"))  # a NIC must not become a patch port
    assert "set interface" not in fix(patch("extra", "patch-int"))  # the end of another whole pair
    assert "ovs-vsctl del-port br-int extra" in fix(patch("extra", "patch-int"))


def test_of_a_circle_the_wire_that_no_agent_made_is_to_go() -> None:
    hosts = two()
    for first, second in (("x", "y"), ("a", "b")):
        bent = change(change(hosts[1], "br-tun", first, patch(first, second)), "br-ex", second, patch(second, first))
        (finding,) = found(checked(bent), "bridge-loop")
        assert finding.fix == f"ovs-vsctl del-port {first} -- del-port {second}"
        reordered = replace(bent, bridges=bent.bridges[::-1])
        (finding,) = found(checked(reordered), "bridge-loop")
        assert {first, second} == set(re.findall(r"del-port (\S+)", finding.fix))


@pytest.mark.parametrize(
    ("whole", "then"),
    [
        (two()[0], "neutron-openvswitch-agent"),
        (ovn("o", ["10.0.0.2"]), "ovn-controller"),
        (host("k", bridge("br-int", port("antrea-gw0", "internal"))), "antrea-agent Pod"),
        (host("h", bridge("br-int", port("vnet0"))), "has to be added again"),
    ],
)
def test_emptying_tables_says_who_must_fill_them_again(whole: Host, then: str) -> None:
    loose = replace(whole, bridges=[replace(whole.bridges[0], fail_mode=None), *whole.bridges[1:]])
    (finding,) = found(checked(loose), "fail-mode-not-secure")
    assert then in finding.fix and "empties its flow tables" in finding.fix
    waiting = replace(whole, flow_restore_wait=True)
    assert then in found(checked(waiting), "flow-restore-wait")[0].fix


def test_taking_a_manager_away_keeps_the_others() -> None:
    from tunbridge.inspect.model import Manager

    managers = [
        Manager(target=t, is_connected=t.startswith("ptcp")) for t in ("ptcp:6640:127.0.0.1", "tcp:1.2.3.4:6640")
    ]
    (finding,) = found(checked(replace(two()[0], managers=managers)), "manager-disconnected")
    assert finding.fix.endswith("ovs-vsctl set-manager ptcp:6640:127.0.0.1")


def test_a_bridge_with_something_in_it_is_not_to_be_deleted() -> None:
    alone = host("x", bridge("br-int", port("tap1", tag=1)), bridge("br-vlan", port("eth7")))
    fixes = " ".join(finding.fix for finding in checked(alone).findings)
    assert "bridge-unconnected" in {f.code for f in checked(alone).findings} and "del-br" not in fixes


# -- part of the dump is missing --------------------------------------------------------------------------------------

CUT: dict[str, Callable[[str], str]] = {
    "head -20": lambda text: "\n".join(text.splitlines()[:20]) + "\n",
    "no ovs_version line": lambda text: re.sub(r".*ovs_version.*\n?", "", text),
    "cut in a line": lambda text: text[: text.index("Interface patch-int") + len("Interface pat")],
}
MARKS = (
    "...", "…", "<snip>", "[...]", "--More--", "--More--(42%)", "[~150 more ports]", "[~150 more …]",
    "<output omitted>",
    "---snip---", "-- snip --", "(truncated)", "... 150 more like this ...", "# ... snip ...",
    "<other taps>", "(and the other ports)", "-----", "~~~", "* * *", "lines 1-24", "lines 1-24/80 29%",
)  # fmt: skip


def elided(mark: str) -> str:
    """The network node's dump with a mark in place of the port that the integration bridge's one leads to."""
    return re.sub(r" +Port patch-int\n(.*\n){3}", f"        {mark}\n", NETWORK)


def assert_not_checked(text: str) -> None:
    document = predict(checked(read(text)))
    assert [f for f in document.findings if f.severity != "info"] == []
    assert "patch-peer-missing" in {entry.code for entry in document.not_checked}
    assert all("missing" in e.reason or "left out" in e.reason for e in document.not_checked if "patch" in e.code)
    words = to_text(explain(document))
    assert "there is none" not in words and "ends here" not in words
    assert "not seen" in words or "may stand" in words
    drawn = picture.render(document, width=120)
    assert "broken" not in drawn and "\u2717" not in drawn


@pytest.mark.parametrize("text", [cut(NETWORK) for cut in CUT.values()], ids=list(CUT))
def test_a_dump_whose_end_is_missing_proves_nothing(text: str) -> None:
    host_ = read(text)
    assert host_.missing_parts == ["end"] and not host_.is_whole
    document = checked(host_)
    assert [f for f in document.findings if f.severity != "info"] == []


def test_the_beginning_of_a_dump_is_not_taken_for_all_of_it() -> None:
    assert_not_checked(CUT["head -20"](NETWORK))


@pytest.mark.parametrize("mark", MARKS)
def test_a_dump_with_something_left_out_proves_nothing(mark: str) -> None:
    assert read(elided(mark)).missing_parts == ["middle"]
    assert_not_checked(elided(mark))


def test_a_line_that_a_terminal_cut_is_something_left_out() -> None:
    cut = NETWORK.replace("options: {peer=patch-tun}", "options: {peer=patch-")
    assert read(cut).missing_parts == ["middle"]
    assert [f for f in checked(read(cut)).findings if f.severity != "info"] == []


@pytest.mark.parametrize("text", [COMPUTE, NETWORK])
def test_no_lines_that_were_left_out_raise_what_the_whole_does_not(text: str) -> None:
    lines = text.splitlines()
    for start in range(1, len(lines) - 1):
        for length in (1, 2, 3, 5, 8):
            left = [*lines[:start], "    ...", *lines[start + length :]]
            document = predict(checked(read("\n".join(left) + "\n")))
            assert [f for f in document.findings if f.severity != "info"] == [], left
            words = to_text(explain(document))
            assert "it ends here" not in words and "No fail_mode" not in words, left


def test_what_follows_left_out_lines_is_given_to_nobody() -> None:
    left = """\
7d7c87c8-560d-4138-8742-8f745aea968b
    Bridge br-int
        Port tap1
            Interface tap1
        ...
                type: patch
                options: {peer=patch-int}
                error: "could not open network device tap9 (No such device)"
        ...
        fail_mode: secure
        Port br-ex
            Interface br-ex
                type: internal
    ovs_version: "2.17.9"
"""
    host_ = read(left)
    (bridge_,) = host_.bridges
    interface = bridge_.ports[0].interfaces[0]
    assert (interface.type, interface.options, interface.error, bridge_.fail_mode) == ("system", {}, None, None)
    assert [p.name for p in bridge_.ports] == ["tap1", "br-ex"]


def test_in_which_bridge_a_port_is_may_be_left_out() -> None:
    text = NETWORK.replace('    Bridge "br-eth1"\n', "    ...\n").replace("    Bridge br-eth1\n", "    ...\n")
    assert text != NETWORK
    document = checked(read(re.sub(r"(?s)    Bridge br-tun.*?    \.\.\.", "    ...", text)))
    reasons = {entry.code: entry.reason for entry in document.not_checked}
    assert "what bridge eno16777736 is in may stand there" in reasons["nic-on-integration-bridge"]


def test_explain_claims_no_absence_where_the_end_is_missing() -> None:
    words = to_text(explain(predict(checked(read(CUT["head -20"](NETWORK))))))
    assert "No fail_mode secure" not in words and "nothing is set up yet" not in words
    (entry,) = [e for e in checked(read(CUT["head -20"](NETWORK))).not_checked if e.code == "tunnel-one-way"]
    assert "is seen in the part of the dump that is here" in entry.reason
    nothing = to_text(explain(predict(checked(read("\n".join(NETWORK.splitlines()[:3]) + "\n")))))
    assert "No bridge of" in nothing and "nothing is set up yet" not in nothing


def test_a_whole_dump_is_whole() -> None:
    for text in (COMPUTE, NETWORK, f"root@h:~# ovs-vsctl show\n{NETWORK}root@h:~# ...\n... and so on\n"):
        assert read(text).missing_parts == []


def test_the_other_end_of_a_tunnel_may_be_in_what_is_missing() -> None:
    half = NETWORK[: NETWORK.index("    Bridge br-tun")]
    document = checked(read(COMPUTE, "compute0.txt"), read(half))
    assert [f for f in document.findings if f.severity != "info"] == []


# -- one finding on the culprit ---------------------------------------------------------------------------------------


def cloud(count: int) -> list[Host]:
    own = [f"10.0.0.{number + 1}" for number in range(count)]
    return [compute(f"h{n}", own[n], [a for a in own if a != own[n]]) for n in range(count)]


def without_tunnels(whole: Host) -> Host:
    tunnels = [p.name for p in whole.bridges[1].ports if p.interfaces[0].type == "vxlan"]
    for name in tunnels:
        whole = change(whole, "br-tun", name, None)
    return whole


def test_a_host_that_lost_all_its_tunnels_is_one_finding_at_that_host() -> None:
    hosts = cloud(20)
    hosts[7] = without_tunnels(hosts[7])
    document = checked(*hosts)
    (finding,) = found(document, "tunnel-one-way")
    assert (finding.host, finding.subject) == ("h7", "br-tun") and "19 hosts have a tunnel to h7" in finding.message
    assert {f.host for f in document.findings} == {"h7"}
    words = to_text(explain(predict(document)))
    assert "171 of 190" in words


def test_a_host_whose_tunnels_have_no_other_end_is_one_finding_at_that_host() -> None:
    hosts = cloud(6)
    hosts = [hosts[0], *(change(h, "br-tun", "vxlan-0a000001", None) for h in hosts[1:])]
    (finding,) = found(checked(*hosts), "tunnel-one-way")
    assert finding.host == "h0" and "5 hosts that have none back" in finding.message


def test_a_host_without_tunnels_is_not_said_to_have_some() -> None:
    bare = host(
        "bare", bridge("br-int", patch("patch-tun", "patch-int")), bridge("br-tun", patch("patch-int", "patch-tun"))
    )
    other = host("other", *[replace(b) for b in bare.bridges])
    document = checked(*cloud(3)[:2], bare, other)
    for entry in document.not_checked:
        if entry.host in ("bare", "other"):
            assert "its tunnels state" not in entry.reason and "has no tunnel" in entry.reason


# -- what an error means depends on the type --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "error", "datapath", "means", "fix"),
    [
        ("dpdk", "Address family not supported by protocol", "netdev", "built without DPDK", "dpdk-init"),
        (
            "dpdkvhostuserclient",
            "Address family not supported by protocol",
            "netdev",
            "built without DPDK",
            "dpdk-init",
        ),
        ("gtpu", "Address family not supported by protocol", None, "no tunnels of this type", "iface_types"),
        ("stt", "Address family not supported by protocol", None, "no tunnels of this type", "iface_types"),
        ("lisp", "Address family not supported by protocol", None, "no tunnels of this type", "iface_types"),
        ("vxlan", "Address family not supported by protocol", None, "module", "modprobe"),
        ("vxlan", "Address already in use", None, "Flannel, Cilium, Docker", "ss -lnup"),
        ("geneve", "Address already in use", None, "another user of this UDP port", "dst_port"),
        ("dpdk", "Invalid argument", None, "only in the userspace datapath", "datapath_type=netdev"),
        ("dpdk", "Invalid argument", "netdev", "refused the options", "ovs-vswitchd.log"),
        ("system", "No such device", None, "there never was one", "type=internal"),
    ],
)
def test_an_error_is_explained_by_the_type(type_: str, error: str, datapath: str | None, means: str, fix: str) -> None:
    named = Port(
        name="mgmt20",
        tag=1,
        interfaces=[Interface(name="mgmt20", type=type_, error=f"could not open network device mgmt20 ({error})")],
    )
    fields = {"datapath_type": datapath} if datapath else {}
    document = checked(host("h", bridge("br-int", named, controller=False, **fields)))
    (finding,) = found(document, "interface-error")
    assert means in finding.message and fix in finding.fix
    assert found(document, "dpdk-on-system-bridge") == []


def test_an_internal_port_named_like_a_nic_is_said_to_be_none() -> None:
    bare = host("h", bridge("br-eth1", port("eth1", "internal"), controller=False))
    (finding,) = found(checked(bare), "bridge-unconnected")
    assert finding.severity == "info" and "eth1 is no NIC, though it is named like one" in finding.message


def test_the_sibling_that_has_the_uplink_is_named() -> None:
    document = checked(host("a", bridge("br-data", port("eth0"))), host("b", bridge("br-data", port("vnet0"))))
    (finding,) = found(document, "provider-without-nic")
    assert finding.host == "b" and "while br-data of a has one" in finding.message


def test_neutron_s_tunnel_bridge_may_have_any_name_and_no_tunnel_yet() -> None:
    whole = host(
        "h", bridge("br-int", patch("patch-tun", "patch-int")), bridge("br-tunnel", patch("patch-int", "patch-tun"))
    )
    document = checked(whole)
    assert document.hosts[0].bridges[1].role == "tunnel"
    assert document.findings == []


@pytest.mark.skipif(not DUMPS.is_dir(), reason="the real dumps are not here")
@pytest.mark.parametrize("path", sorted(DUMPS.glob("*-*.txt")), ids=lambda path: path.stem)
def test_no_part_of_a_real_dump_raises_more_than_the_whole(path: Path) -> None:
    text = path.read_text()
    lines = text.splitlines()
    whole = {f.code for f in checked(read(text, path.name)).findings if f.severity == "error"}
    for end in range(1, len(lines)):
        try:
            hosts = read_show("\n".join(lines[:end]), source=path.name)
        except Exception:
            continue
        assert {f.code for f in checked(*hosts).findings if f.severity == "error"} <= whole
