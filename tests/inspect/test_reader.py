"""What people paste is read: every shape that real pastes have, and errors that name the line."""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tunbridge.inspect.drafts import NO_BRIDGE
from tunbridge.inspect.model import Host
from tunbridge.inspect.reader import ReadError, read_show

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DUMPS = ROOT.parent / "shared" / "dumps"
COMPUTE = (EXAMPLES / "compute0.txt").read_text()
NETWORK = (EXAMPLES / "network.txt").read_text()
UUID = "7d7c87c8-560d-4138-8742-8f745aea968b"


def read(text: str, source: str = "host.txt", name: str | None = None) -> Host:
    (host,) = read_show(text, source=source, name=name)
    return host


def unnumbered(host: Host) -> Host:
    """The host without line numbers: what must be equal however a text was folded."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if key != "lines"}
        return [strip(item) for item in value] if isinstance(value, list) else value

    return msgspec.convert(strip(msgspec.to_builtins(host)), Host)


def names(host: Host) -> dict[str, list[str]]:
    return {bridge.name: [port.name for port in bridge.ports] for bridge in host.bridges}


def test_a_whole_host_is_read_with_the_lines_that_state_it() -> None:
    host = read(COMPUTE, "compute0.txt")
    assert host.name == "compute0" and host.system_id == UUID and host.ovs_version == "2.11.0"
    assert [(m.target, m.is_connected) for m in host.managers] == [("ptcp:6640:127.0.0.1", True)]
    assert names(host) == {"br-int": ["br-int", "patch-tun"], "br-tun": ["br-tun", "vxlan-0a00001b", "patch-int"]}
    tunnel = host.bridges[1].ports[1].interfaces[0]
    assert tunnel.type == "vxlan" and tunnel.options["remote_ip"] == "10.0.0.27"
    lines = COMPUTE.splitlines()
    for line, expected in (
        (host.lines["system_id"], UUID),
        (host.lines["ovs_version"], "ovs_version"),
        (host.managers[0].lines["is_connected"], "is_connected"),
        (host.bridges[1].lines["name"], "Bridge br-tun"),
        (host.bridges[1].lines["fail_mode"], "fail_mode"),
        (host.bridges[1].controllers[0].lines["name"], "Controller"),
        (host.bridges[1].ports[1].lines["name"], 'Port "vxlan-0a00001b"'),
        (tunnel.lines["options"], "remote_ip"),
        (tunnel.lines["type"], "type: vxlan"),
    ):
        assert expected in lines[line - 1]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda t: t.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(lambda t: t.replace("    ", "\t"), id="tabs"),
        pytest.param(lambda t: t.replace("    ", "\xa0\xa0\xa0\xa0"), id="no-break spaces"),
        pytest.param(lambda t: "\n".join(line.strip() for line in t.split("\n")), id="no indentation"),
        pytest.param(lambda t: "\n".join("  " * (i % 5) + x.strip() for i, x in enumerate(t.split("\n"))), id="broken"),
        pytest.param(lambda t: "\ufeff" + t, id="byte order mark"),
        pytest.param(lambda t: t.replace("Bridge", "\x1b[1;32mBridge\x1b[0m"), id="colours"),
        pytest.param(lambda t: "\x1b]0;root@x: ~\x07" + t, id="terminal title"),
        pytest.param(lambda t: "\n\n  Here it is:\n```\n" + t + "```\nThanks!\n", id="text around"),
        pytest.param(lambda t: "\n".join("> " + x for x in t.split("\n")), id="mail quote"),
        pytest.param(lambda t: re.sub(r'"([^"\n]*)"', "“\\1”", t), id="curly quotes"),
        pytest.param(lambda t: t.replace('"', "&quot;"), id="HTML entities"),
        pytest.param(lambda t: t.replace("\n", "   \n"), id="trailing space"),
        pytest.param(lambda t: t.replace("\n", "\n\n"), id="blank lines"),
        pytest.param(lambda t: t + "root@compute0:~# ip a\n1: lo: <LOOPBACK>\nsomething else\n", id="goes on"),
    ],
)
def test_what_pasting_does_changes_nothing(change: Callable[[str], str]) -> None:
    assert unnumbered(read(change(NETWORK))) == unnumbered(read(NETWORK))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 132])
def test_lines_that_a_terminal_wrapped_are_joined(width: int) -> None:
    wrapped = "\n".join(line[i : i + width] for line in COMPUTE.split("\n") for i in range(0, max(1, len(line)), width))
    assert unnumbered(read(wrapped)) == unnumbered(read(COMPUTE))


@pytest.mark.parametrize("width", [60, 72, 80])
def test_a_long_name_without_quotes_that_was_wrapped_is_joined(width: int) -> None:
    name = "patch-br-int-to-provnet-355c0afa-9deb-481b-80f3-bec71cd73238"
    text = (
        f"{UUID}\n    Bridge br-int\n        Port {name}\n            Interface {name}\n                type: patch\n"
    )
    wrapped = "\n".join(line[i : i + width] for line in text.split("\n") for i in range(0, max(1, len(line)), width))
    assert wrapped.count("\n") > text.count("\n")
    assert read(wrapped).bridges[0].ports[0].interfaces[0].name == name


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("[root@compute0 ~]# ovs-vsctl show", "compute0"),
        ("root@compute0:~# ovs-vsctl show", "compute0"),
        ("ubuntu@compute-0.example.org:~$ sudo ovs-vsctl show", "compute-0.example.org"),
        ("(overcloud) [heat-admin@overcloud-novacompute-0 ~]$ sudo ovs-vsctl show", "overcloud-novacompute-0"),
        ("(openvswitch-vswitchd)[root@cc01 /]# ovs-vsctl show", "cc01"),
        ("compute0# ovs-vsctl show", "compute0"),
        ("compute0 ~ # ovs-vsctl show", "compute0"),
        ("root@jump:~# ssh root@compute7 ovs-vsctl show", "compute7"),
        ("root@jump:~# ssh -p 2222 -o StrictHostKeyChecking=no compute8 sudo ovs-vsctl show", "compute8"),
        ("compute9 | CHANGED | rc=0 >>", "compute9"),
        ("==> dumps/compute3.txt <==", "compute3"),
        ("mininet> sh ovs-vsctl show", "paste"),
        ("# ovs-vsctl show", "paste"),
        ("$ sudo ovs-vsctl show", "paste"),
        ("sh-4.4# ovs-vsctl show", "paste"),
    ],
)
def test_the_shell_prompt_names_the_host(prompt: str, name: str) -> None:
    assert read(f"{prompt}\n{COMPUTE}", "paste.txt").name == name


def test_a_name_given_comes_before_the_prompt_and_the_uuid_last() -> None:
    text = "root@compute0:~# ovs-vsctl show\n" + COMPUTE
    assert read(text, name="first").name == "first"
    assert read(COMPUTE, "-").name == UUID
    assert read(COMPUTE, "/dev/fd/63").name == UUID
    assert read(COMPUTE, "dir/node1.ovs-vsctl-show.txt").name == "node1"


def test_several_hosts_in_one_paste() -> None:
    text = (
        f"root@compute0:~# ovs-vsctl show\n{COMPUTE}root@compute0:~# logout\nbye\nroot@net:~# ovs-vsctl show\n{NETWORK}"
    )
    one, other = read_show(text, source="paste.txt")
    assert (one.name, other.name) == ("compute0", "net")
    assert names(one) == names(read(COMPUTE)) and names(other) == names(read(NETWORK))
    assert text.splitlines()[other.bridges[0].lines["name"] - 1].strip() == "Bridge br-int"


def test_several_hosts_without_a_prompt_are_numbered() -> None:
    assert [h.name for h in read_show(COMPUTE + "\n" + NETWORK, source="both.txt")] == ["both", "both-2"]
    assert [h.name for h in read_show(COMPUTE + NETWORK, source="both.txt", name="x")] == ["x", "x-2"]


def test_a_bond_has_its_interfaces_and_a_port_its_vlans() -> None:
    host = read(
        f"{UUID}\n    Bridge br0\n        Port bond0\n            tag: 7\n            trunks: [1, 2, 3]\n"
        '            Interface e0\n            Interface "e 1"\n                type: ""\n        Port last\n'
        "            trunks: 9\n            vlan_mode: native-untagged\n            bond_mode: balance-slb\n"
        '            Interface last\n                type: internal\n                bfd_status: {state=up, "a"="c}"}\n'
    )
    bond, last = host.bridges[0].ports
    assert (bond.tag, bond.trunks, [(i.name, i.type) for i in bond.interfaces]) == (
        7, [1, 2, 3], [("e0", "system"), ("e 1", "system")],
    )  # fmt: skip
    assert (last.trunks, last.bond_mode, last.interfaces[0].type) == ([9], "balance-slb", "internal")


def test_escapes_are_resolved() -> None:
    host = read(f'{UUID}\n    Bridge "b\\"x\\\\y"\n        Port "p\\u001b"\n            Interface "한글 é"\n'
                '                type: vxlan\n                options: {a="c,}d\\"=e", e="", remote_ip=flow}\n'
                '                error: "x\\ny (No such device)"\n')  # fmt: skip
    interface = host.bridges[0].ports[0].interfaces[0]
    assert (host.bridges[0].name, host.bridges[0].ports[0].name, interface.name) == ('b"x\\y', "p\x1b", "한글 é")
    assert interface.options == {"a": 'c,}d"=e', "e": "", "remote_ip": "flow"}
    assert interface.error == "x\ny (No such device)"


def test_is_connected_that_is_not_printed_is_false_unless_it_may_have_been_cut_off() -> None:
    text = f'{UUID}\n    Manager "ptcp:6640"\n    Bridge s1\n        Controller "tcp:127.0.0.1:6653"\n'
    whole, cut = read(text + '    ovs_version: "2.9.0"\n'), read(text)
    assert whole.managers[0].is_connected is False and whole.bridges[0].controllers[0].is_connected is False
    assert cut.managers[0].is_connected is False and cut.bridges[0].controllers[0].is_connected is None


def test_a_head_that_was_cut_off_keeps_what_is_left() -> None:
    lines = NETWORK.splitlines()
    for cut in range(1, len(lines) - 3):
        text = "\n".join(lines[cut:])
        (host,) = read_show(text, source="cut.txt")
        assert host.system_id is None
        assert len(re.findall(r"^\s*Bridge ", text, re.M)) in (len(host.bridges), len(host.bridges) - 1)
    inside = read("\n".join(lines[11:]))
    assert lines[11].strip() == "Port patch-tun" and inside.bridges[0].name == "br-int"
    assert read('Port "x"\n    Interface "x"\nBridge b\n').bridges[0].name == NO_BRIDGE


def test_a_tail_that_was_cut_off_keeps_what_is_whole() -> None:
    for end in range(len(UUID), len(COMPUTE)):
        (host,) = read_show(COMPUTE[:end], source="cut.txt")
        assert host.system_id == UUID
    cut = read(COMPUTE[: COMPUTE.index("local_ip") + 12]).bridges[1].ports[1].interfaces[0]
    assert cut.options == {"df_default": "true", "egress_pkt_mark": "0", "in_key": "flow"}


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", 1, "there is nothing"),
        ("\n\n\nhello world\n", 4, "hello world"),
        ("root:x:0:0:root:/root:/bin/bash\n", 1, "ovs-vsctl show"),
        ("Port 22\nAddressFamily any\n", 1, "Bridge NAME"),
        ("root@x:~# ovs-vsctl show\novs-vsctl: unix:/x/db.sock: database connection failed\n", 2, "connection failed"),
        ("bash: ovs-vsctl: command not found\n", 1, "command not found"),
        (f"{UUID}\n    Bridge br-int\n        Prot x\n", 3, "expected Bridge, Port"),
        (f"{UUID}\n    Bridge br int\n", 2, "found 'Bridge br int'"),
        (f"{UUID}\n    Bridge b\n        Port p\n            tag: many\n", 4, "a VLAN number"),
        (f"{UUID}\n    Bridge b\n        Port p\n            tag: 5000\n", 4, "a VLAN number"),
        (f"{UUID}\n  Bridge b\n  Port p\n  Interface p\n    options: {{a b c}}\n", 5, "{key=value"),
    ],
)
def test_what_is_no_dump_names_the_source_the_line_and_what_was_expected(text: str, line: int, expected: str) -> None:
    with pytest.raises(ReadError) as error:
        read_show(text, source="some/file.txt")
    assert str(error.value).startswith(f"some/file.txt, line {line}: ") and expected in str(error.value)


@pytest.mark.skipif(not DUMPS.is_dir(), reason="the real dumps are not here")
@pytest.mark.parametrize("path", sorted(DUMPS.glob("*-*.txt")), ids=lambda path: path.stem)
def test_real_dumps_are_read_whole(path: Path) -> None:
    text = path.read_text()

    def count(pattern: str) -> int:
        return len(re.findall(rf"^\s*{pattern}", text, re.M))

    hosts = read_show(text, source=str(path))
    bridges = [b for h in hosts for b in h.bridges]
    ports = [p for b in bridges for p in b.ports]
    interfaces = [i for p in ports for i in p.interfaces]
    remotes = [c for b in bridges for c in b.controllers] + [m for h in hosts for m in h.managers]
    assert len(hosts) == 1 and hosts[0].ovs_version
    assert (len(bridges), len(ports), len(interfaces)) == (count("Bridge "), count("Port "), count("Interface "))
    assert len(remotes) == count("(?:Controller|Manager) ")
    assert sum(bool(r.is_connected) for r in remotes) == count("is_connected: true")
    assert sum("type" in i.lines for i in interfaces) == count("type:")
    assert sum(bool(i.options) for i in interfaces) == count("options:")
    assert sum(i.error is not None for i in interfaces) == count("error:")
    assert sum(p.tag is not None for p in ports) == count("tag:")


@pytest.mark.timeout(60)  # what is not linear takes hours for these
def test_hostile_text_does_not_keep_the_reader_busy() -> None:
    for hostile in (
        'Interface "x\n' * 50_000,
        "options: {\n" * 50_000,
        '"' * 200_000,
        "\x1b]" * 100_000,
        "a@b " * 50_000,
    ):
        with contextlib.suppress(ReadError):
            read_show(f"{UUID}\nBridge b\n{hostile}", source="hostile")
