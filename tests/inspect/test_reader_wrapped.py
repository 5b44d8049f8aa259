"""What programs, web pages and people put around the output is taken off; the host and its name come out the same."""

import html
import json
import re
from collections.abc import Callable

import pytest

from tests.inspect.test_reader import COMPUTE, NETWORK, names, read, unnumbered
from tunbridge.inspect.content import read_content
from tunbridge.inspect.interfaces import is_nic_of, is_workload, looks_like_nic
from tunbridge.inspect.model import Bridge, Interface, Port
from tunbridge.inspect.reader import ReadError, read_show
from tunbridge.openvswitch.listed import ListedError, parse_listed

LINES = NETWORK.splitlines()
ESCAPED = html.escape(NETWORK)


def each(change: Callable[[str], str], text: str = NETWORK) -> str:
    return "".join(change(line) + "\n" for line in text.splitlines())


def page(body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><title>Bridge mode</title>\n<script>\nvar x = "Port";\n'
        "if (a < b) {\n}\n"
        "</script></head>\n<body>\n<p>Bridge\n</p>\n<h1>My OVS does not work</h1>\n<p>Here it is, as of today:</p>\n"
        f"<pre><code>{body}</code></pre>\n<p>Thanks a lot!</p>\n</body>\n</html>\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(page(ESCAPED), id="a saved page"),
        pytest.param(page(ESCAPED).replace("Thanks a lot!", 'He said "thanks"'), id="straight quotes elsewhere"),
        pytest.param("<pre>" + ESCAPED + "</pre>", id="pre"),
        pytest.param(each(lambda line: f"{html.escape(line)}<br />"), id="br at each end"),
        pytest.param("<p>" + ESCAPED.replace("\n", "<br/>") + "</p>", id="one line with br"),
        pytest.param(each(lambda line: f'<span class="k">{html.escape(line)}</span>'), id="spans"),
        pytest.param('I said: "look"\n' + re.sub(r'"([^"\n]*)"', "“\\1”", NETWORK), id="curly beside straight quotes"),
        pytest.param(each(lambda line: f"Nov  9 10:11:12 net0 script[123]: {line}"), id="syslog"),
        pytest.param(each(lambda line: f"2024-05-01T10:11:12.123456Z {line}"), id="CI time stamps"),
        pytest.param(each(lambda line: f"[2024-05-01 10:11:12] {line}"), id="bracketed time stamps"),
        pytest.param("".join(f"{n:6}\t{line}\n" for n, line in enumerate(LINES, 1)), id="cat -n"),
        pytest.param("".join(f"{n}:{line}\n" for n, line in enumerate(LINES, 1)), id="grep -n"),
        pytest.param(each(lambda line: f"net0: {line}"), id="pdsh"),
        pytest.param(NETWORK.replace("Port patch-tun", "Port patch-tun   <1>"), id="callouts"),
        pytest.param(NETWORK.replace("type: patch\n", "type: patch   # a cable\n"), id="comments"),
        pytest.param(NETWORK.replace("Bridge br-tun", "Bridge br-tun    <-- this one"), id="arrows"),
        pytest.param(re.sub(r"(Bridge|Port|Interface|Manager|Controller) ", r"\1: ", NETWORK), id="like YAML"),
        pytest.param(re.sub(r"(Bridge|Port|Interface) ", r"- \1: ", NETWORK), id="like YAML's lists"),
        pytest.param(
            'ok: [net0] => {\n    "out.stdout_lines": [\n'
            + ",\n".join(f"        {json.dumps(line)}" for line in LINES) + "\n    ]\n}\n",
            id="ansible debug",
        ),
        pytest.param(
            "ok: [net0] => \n  out.stdout_lines:\n" + each(lambda line: f"  - '{line}'"), id="ansible debug in YAML"
        ),
        pytest.param(
            f'net0 | CHANGED => {{\n "stdout": {json.dumps(NETWORK)},\n "stdout_lines": {json.dumps(LINES)}\n}}\n',
            id="ansible in one line",
        ),
        pytest.param(f'net0 | CHANGED => {{\n    "stdout": {json.dumps(NETWORK)}\n}}\n', id="ansible stdout"),
        pytest.param(
            f"net0 | CHANGED | rc=0 | (stdout) {NETWORK.rstrip()}".replace("\n", "\\n") + "\n", id="ansible -o"
        ),
        pytest.param(f'changed: [net0] => (item=x) => {{"stdout_lines": {json.dumps(LINES)}}}\n', id="ansible item"),
        pytest.param(f'ok: [net0] => {{\n    "msg": {json.dumps(LINES, indent=8)}\n}}\n', id="ansible msg, a list"),
        pytest.param(f'ok: [net0] => {{\n    "msg": {json.dumps(NETWORK)}\n}}\n', id="ansible msg"),
        pytest.param(each(lambda line: f"web_1  | {line}"), id="docker compose"),
        pytest.param(each(lambda line: f"│ {line}"), id="a border"),
        pytest.param(each(lambda line: f"| {line:100} |"), id="borders on both sides"),
        pytest.param(each(lambda line: f"+{line}"), id="diff"),
        pytest.param("".join(f"{n:4} | {line}\n" for n, line in enumerate(LINES, 1)), id="numbers and bars"),
        pytest.param("".join(f"{n}. {line}\n" for n, line in enumerate(LINES, 1)), id="a numbered list"),
        pytest.param("".join(f"{n:6}  {line}\n" for n, line in enumerate(LINES, 1)), id="nl"),
        pytest.param(each(lambda line: f"<13>1 2024-05-01T10:11:12Z net0 app 1 - - {line}"), id="syslog of RFC 5424"),
        pytest.param(each(lambda line: f"2024-05-01 10:11:12.123456 | net0 | {line}"), id="zuul"),
        pytest.param(each(lambda line: f"[pod/ovs-abc/ovs] {line}"), id="kubectl logs --prefix"),
        pytest.param(each(lambda line: f"[net0] out: {line}"), id="fabric"),
        pytest.param(html.escape(ESCAPED), id="escaped twice"),
        pytest.param(NETWORK.replace('"', "'"), id="single quotes"),
        pytest.param(re.sub(r'"([^"\n]*)"', "‘\\1’", NETWORK), id="curly single quotes"),
        pytest.param(re.sub(r"(Bridge|Port) (\S+)", r"**\1 \2**", NETWORK), id="bold lines"),
        pytest.param(re.sub(r"Bridge (\S+)", r"Bridge **\1**", NETWORK), id="bold names"),
        pytest.param("`" + NETWORK.replace("\n", "`\n`"), id="backticks"),
        pytest.param(f"[code]{NETWORK}[/code]", id="a forum's code"),
        pytest.param(f"{{noformat}}\n{NETWORK}{{noformat}}\n", id="Jira"),
        pytest.param(NETWORK.replace("Bridge br-tun", "<mark>Bridge br-tun</mark>"), id="mark"),
        *(
            pytest.param(NETWORK.replace("Bridge br-tun", f"Bridge br-tun  {note}"), id=f"note {note}")
            for note in ("⇐ here", "(tunnels)", "// tunnels", "-- tunnels", "<== tunnels", "<<< this", "!!!")
        ),
        pytest.param(
            NETWORK.replace("    Bridge br-tun", "--More--" + "\b" * 8 + " " * 8 + "\b" * 8 + "    Bridge br-tun"),
            id="a pager's mark that it took back",
        ),
        pytest.param(f"Here is my setup, in full.\n\n{NETWORK}\nIt does not work: what is wrong here?\n", id="article"),
    ],
)  # fmt: skip
def test_it_is_taken_off(text: str) -> None:
    (found,) = read_content(text.encode(), "paste.txt", None).hosts
    assert unnumbered(found).bridges == unnumbered(read(NETWORK)).bridges
    assert found.missing_parts == [] and found.ovs_version == "2.11.0"


@pytest.mark.parametrize("text", [page(ESCAPED), each(lambda line: f"net0: {line}"), "a\nb\n" + each(html.escape)])
def test_lines_keep_the_numbers_of_the_source(text: str) -> None:
    for bridge in read(text).bridges:
        assert f"Bridge {bridge.name}" in text.splitlines()[bridge.lines["name"] - 1].replace("&quot;", "").replace(
            '"', ""
        )


def test_outputs_of_several_hosts_that_came_mixed_are_told_apart() -> None:
    ours = [f"compute0: {line}" for line in COMPUTE.splitlines()]
    theirs = [f"net-0.example.org: {line}" for line in LINES]
    mixed = (
        [line for pair in zip(ours, theirs, strict=False) for line in pair] + theirs[len(ours) :] + ours[len(theirs) :]
    )
    one, other = read_show("\n".join(mixed) + "\n", source="pdsh.txt")
    assert (one.name, other.name) == ("compute0", "net-0.example.org")
    assert names(one) == names(read(COMPUTE)) and names(other) == names(read(NETWORK))


def test_ansible_s_json_gives_each_host_under_its_name() -> None:
    results = {"compute0": COMPUTE, "net0": NETWORK}
    text = json.dumps(
        {
            "plays": [
                {"tasks": [{"hosts": {n: {"stdout": t, "stdout_lines": t.splitlines()} for n, t in results.items()}}]}
            ],
            "stats": {},
        }
    )
    found = read_content(text.encode(), "run.json", None).hosts
    assert [host.name for host in found] == ["compute0", "net0"]
    assert [names(host) for host in found] == [names(read(COMPUTE)), names(read(NETWORK))]


@pytest.mark.parametrize("text", [
    json.dumps({"net0": NETWORK}), json.dumps({"net0": {"pid": 1, "stdout": NETWORK}}),
    "net0: |\n" + each(lambda line: f"  {line}"), "net0:\n" + each(lambda line: f"    {line}"),
])  # fmt: skip
def test_salt_s_forms_name_the_host(text: str) -> None:
    (found,) = read_content(text.encode(), "run.json", None).hosts
    assert found.name == "net0" and names(found) == names(read(NETWORK))


@pytest.mark.parametrize(
    "heading",
    [
        "===== net0 =====", "=== net0 ===", "##### net0 #####", "- UnitId: net0", "[1] 10:11:12 [SUCCESS] net0",
        "net0:", "---------------\nnet0\n---------------", "ok: [net0] => {", "**_root@net0:~# ovs-vsctl show_**",
        "**[root@net0 ~]# ovs-vsctl show**", "$ oc debug node/net0\nStarting pod/x-debug ...\nsh-4.4# ovs-vsctl show",
        "`root@net0:~# ovs-vsctl show`",
    ],
)  # fmt: skip
def test_headings_name_the_host(heading: str) -> None:
    assert read(f"{heading}\n{NETWORK}", "paste.txt").name == "net0"
    both = read_show(f"===== first =====\n{COMPUTE}\n{heading}\n{NETWORK}", source="paste.txt")
    assert [host.name for host in both] == ["first", "net0"]


def test_juju_s_units_are_told_apart() -> None:
    text = f"- UnitId: nova-compute/0\n  Stdout: |\n{COMPUTE}- UnitId: nova-compute/1\n  Stdout: |\n{NETWORK}"
    assert [host.name for host in read_show(text, source="run.txt")] == ["nova-compute-0", "nova-compute-1"]


def without_version(text: str) -> str:
    return re.sub(r".*ovs_version.*\n", "", text)


@pytest.mark.parametrize("error", ["<A>", "a <br> b", "`x`", "**", "[code]", "(No such device)", "‘x’ «y»", "a -- b"])
def test_what_stands_in_quotes_is_meant(error: str) -> None:
    host = read(f'{without_version(NETWORK)}            error: "{error}"\n    ovs_version: "2.11.0"\n')
    assert host.bridges[-1].ports[-1].interfaces[0].error == error


def test_prose_and_a_second_host_after_a_dump_without_its_version() -> None:
    text = f"{without_version(COMPUTE)}And this is the network node, which is fine as far as I see:\n{NETWORK}"
    one, other = read_show(text, source="post.txt")
    assert names(one) == names(read(COMPUTE)) and names(other) == names(read(NETWORK))
    assert (one.missing_parts, other.missing_parts) == (["end"], [])
    ended = read(f"{without_version(COMPUTE)}Thanks in advance for any help.\nBest regards\nme")
    assert names(ended) == names(read(COMPUTE)) and ended.missing_parts == ["end"]


def test_a_bridge_name_that_comes_again_is_another_host() -> None:
    headless = NETWORK[NETWORK.index("    Bridge br-int") :]
    one, other = read_show(without_version(COMPUTE) + headless, source="both.txt")
    assert names(one) == names(read(COMPUTE)) and other.missing_parts == ["beginning"]


def test_a_mistake_in_the_middle_is_still_an_error() -> None:
    with pytest.raises(ReadError, match="line 13"):
        read("\n".join([*LINES[:12], "        Prot x", *LINES[12:]]))
    with pytest.raises(ReadError, match="line 13"):
        read("\n".join([*LINES[:12], "and this port is odd:", "    Port x", *LINES[12:]]))


def test_lists_for_people_name_the_option_that_is_needed() -> None:
    for text in ("_uuid               : 5f1f2b3a-0d3e-4a57\nbridges : []\n", "Bridge table\n_uuid   auto_attach\n"):
        with pytest.raises(ReadError, match="--format=json"):
            read(text)


def test_a_list_without_a_column_names_it() -> None:
    table = {"caption": "Port table", "headings": ["_uuid", "name"], "data": [[["uuid", "a"], "p"]]}
    with pytest.raises(
        ListedError, match=r"x\.json: table Port is listed without column tag, trunks.*--columns"
    ) as error:
        parse_listed(json.dumps(table), "x.json")
    assert "KeyError" not in str(error.value)


@pytest.mark.parametrize("name", ["p0", "swp1", "lan1", "hsn0", "xe0", "Ethernet 2", "eth0", "enp3s0", "bond0"])
def test_nics_are_known_by_the_names_of_many_systems(name: str) -> None:
    nic = Interface(name=name)
    assert looks_like_nic(nic) and not is_workload(nic)


def test_a_driver_tells_more_than_a_name() -> None:
    assert looks_like_nic(Interface(name="uplink-a", status={"driver_name": "ixgbe"}))
    assert not looks_like_nic(Interface(name="uplink-a", status={"driver_name": "veth"}))
    # The NIC of a host that is a container.
    assert looks_like_nic(Interface(name="eth7", status={"driver_name": "veth"}))


def test_a_bridge_s_own_port_without_its_type_is_no_nic() -> None:
    own = Port(name="br-ex", interfaces=[Interface(name="br-ex")])
    assert not is_nic_of(Bridge(name="br-ex", role="provider", ports=[own]), own)


def test_fields_of_a_vendor_are_kept_with_their_lines() -> None:
    text = NETWORK.replace(
        '        Controller "tcp:127.0.0.1:6633"\n',
        '        Controller "4f4e21c1-560d-4138-8742-8f745aea968b"\n            target: "tcp:10.0.0.9:6633"\n'
        "            role: master\n",
        1,
    ).replace("                type: patch\n", "                type: patch\n                pvid: 10\n", 1)
    host = read(text)
    (controller,) = host.bridges[0].controllers
    assert (controller.target, controller.is_connected) == ("tcp:10.0.0.9:6633", True)
    assert controller.extra == {"target": "tcp:10.0.0.9:6633", "role": "master"}
    line = text.splitlines().index("            role: master") + 1
    assert controller.lines["role"] == line
    (kept,) = [i for b in host.bridges for p in b.ports for i in p.interfaces if i.extra]
    assert kept.extra == {"pvid": "10"}
    prose = read(NETWORK.replace("    Bridge br-tun", "Note: this is what I see\n    Bridge br-tun"))
    assert not any(b.extra for b in prose.bridges)
