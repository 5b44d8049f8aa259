"""What explain says is the same in both languages, rests on lines that exist, and does not claim what is not there."""

import json
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.inspect.explain_hosts import SEED_COMPUTE, SEED_NETWORK, assert_paths_hold, document, without
from tunbridge.inspect.explain import Section, Sentence, en, explain, ko, to_text
from tunbridge.inspect.model import Bridge, Controller, Document, End, Host, Interface, Link, Manager, Port
from tunbridge.inspect.reader import read_show
from tunbridge.inspect.understand import understand

DUMPS = Path(__file__).parents[3] / "shared" / "dumps"


def sentences(sections: list[Section]) -> Iterator[Sentence]:
    for section in sections:
        yield from section.sentences


def said(found: Document, containing: str) -> Sentence:
    (sentence,) = [s for s in sentences(explain(found)) if containing in s.text]
    return sentence


def lines(sentence: Sentence) -> list[tuple[str, int | None]]:
    return [(citation.source, citation.line) for citation in sentence.citations]


@pytest.fixture(scope="module")
def seed() -> Document:
    return document(compute0=SEED_COMPUTE, network0=SEED_NETWORK)


# -- languages ------------------------------------------------------------------------------------------------------


def test_both_languages_have_the_same_messages_with_the_same_placeholders() -> None:
    assert list(en.MESSAGES) == list(ko.MESSAGES)
    for key, text in en.MESSAGES.items():
        assert _placeholders(text) == _placeholders(ko.MESSAGES[key]), key


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_cite_the_same(seed: Document) -> None:
    english, korean = explain(seed, "en"), explain(seed, "ko")
    assert [[s.citations for s in section.sentences] for section in english] == [
        [s.citations for s in section.sentences] for section in korean
    ]


def test_korean_uses_the_terms_and_particles_of_the_field(seed: Document) -> None:
    text = to_text(explain(seed, "ko"), width=1000)
    assert "br-int는 통합 브리지입니다." in text
    assert "br-tun은 터널 브리지입니다." in text
    assert "br-eth1은 프로바이더 브리지입니다." in text
    assert "패치 포트 쌍 patch-tun(br-int) ↔ patch-int(br-tun)" in text
    assert "시큐어 모드" in text
    assert "vxlan-0a00001b는 network0으로 가는 VXLAN 터널입니다: 10.0.0.25에서 10.0.0.27로." in text


# -- truth ----------------------------------------------------------------------------------------------------------


def test_the_tunnel_cites_the_line_with_its_options(seed: Document) -> None:
    sentence = said(seed, "vxlan-0a00001b is the VXLAN tunnel")
    assert "to network0: from 10.0.0.25 to 10.0.0.27" in sentence.text
    assert lines(sentence) == [("compute0.txt", 25)]


def test_managers_and_controllers_cite_themselves_and_their_state(seed: Document) -> None:
    manager = next(s for s in sentences(explain(seed)) if s.text.startswith("Manager ptcp:6640:127.0.0.1"))
    assert "a program is connected" in manager.text
    assert lines(manager) == [("compute0.txt", 2), ("compute0.txt", 3)]
    controllers = [s for s in sentences(explain(seed)) if s.text.startswith("Controller tcp:127.0.0.1:6633")]
    assert [s.text.partition(" of ")[2].partition(":")[0] for s in controllers] == [
        "br-int, br-tun",
        "br-int, br-tun, br-eth1",
    ]
    assert all("it is connected" in s.text for s in controllers)


def test_a_controller_that_is_gone_is_told_apart() -> None:
    dump = SEED_COMPUTE.replace('tcp:127.0.0.1:6633"\n            is_connected: true', 'tcp:127.0.0.1:6633"', 1)
    found = document(compute0=dump)
    assert said(found, "NOT connected").text.startswith("Controller tcp:127.0.0.1:6633 of br-int:")


def test_no_workload_is_claimed_where_there_is_none(seed: Document) -> None:
    text = to_text(explain(seed))
    assert "No workload is plugged into br-int yet." in text
    assert "Ports of VMs" not in text


def test_workloads_are_told_by_kind_and_local_vlan() -> None:
    port = '        Port "qvo1"\n            tag: 3\n            Interface "qvo1"\n'
    found = document(compute0=SEED_COMPUTE.replace("    Bridge br-tun\n", f"{port}    Bridge br-tun\n"))
    assert said(found, "Ports of VMs: qvo1.").citations[0].line == 15
    assert said(found, "Local VLANs: 3: qvo1.").citations[0].line == 16


def test_a_missing_patch_peer_is_said_where_it_is_and_ends_the_way() -> None:
    found = document(compute0=without(SEED_COMPUTE, "patch-int"), network0=SEED_NETWORK)
    assert lines(said(found, "wants the patch port patch-int as its peer")) == [("compute0.txt", 14)]
    stops = [s.text for s in sentences(explain(found)) if s.text.startswith("It ends at")]
    assert set(stops) == {"It ends at patch-tun of br-int on compute0: the cable to br-tun is not in order."}


def test_a_host_that_was_not_given_is_not_described() -> None:
    sections = explain(document(compute0=SEED_COMPUTE))
    assert not any(section.title == "Host 10.0.0.27" for section in sections)
    assert "the host there was not given" in to_text(sections, width=1000)
    assert "How it goes on is not known: 10.0.0.27 was not given." in to_text(sections, width=1000)


def test_every_way_says_on_what_it_rests(seed: Document) -> None:
    assert lines(said(seed, "The source shows wiring, not flows")) == [("compute0.txt", 1), ("network0.txt", 1)]


def test_hosts_wired_alike_are_explained_once() -> None:
    dumps = {f"compute{n}": SEED_COMPUTE.replace("10.0.0.25", f"10.0.0.{30 + n}") for n in range(5)}
    sections = explain(document(**dumps))
    assert [s.title for s in sections if s.title.startswith("Host")] == ["Host compute0", "Hosts like compute0"]
    (alike,) = [s.text for s in sentences(sections) if s.text.startswith("Wired like compute0")]
    assert alike.endswith("compute1, compute2, compute3, compute4.")


def test_the_length_does_not_grow_with_the_hosts() -> None:
    def length(hosts: int) -> int:
        dumps = {
            f"h{n}": SEED_COMPUTE.replace("10.0.0.25", f"10.0.1.{n}").replace("7d7c87c8", f"{n:08d}")
            for n in range(1, hosts)
        }
        return len(list(sentences(explain(document(**dumps)))))

    assert length(20) == length(40)


# -- citations ------------------------------------------------------------------------------------------------------


def test_every_sentence_of_the_seed_cites_a_line_that_exists(seed: Document) -> None:
    ends = {"compute0.txt": SEED_COMPUTE.count("\n"), "network0.txt": SEED_NETWORK.count("\n")}
    for sentence in sentences(explain(seed)):
        assert sentence.citations, sentence.text
        for citation in sentence.citations:
            assert citation.line is not None
            assert 1 <= citation.line <= ends[citation.source]


def test_a_live_source_is_cited_by_its_objects() -> None:
    live = Host(name="h", source=None, bridges=[Bridge(name="br-int", role="integration", fail_mode="secure")])
    (sentence,) = [s for s in sentences(explain(Document(hosts=[live]))) if "is the integration bridge" in s.text]
    assert [(c.source, c.line, c.subject) for c in sentence.citations] == [("h", None, "h br-int")]
    assert "[h: br-int]" in to_text(explain(Document(hosts=[live])))


def test_lines_are_printed_as_ranges(seed: Document) -> None:
    text = to_text(explain(seed), width=1000)
    assert "a program is connected. [compute0.txt:2-3]" in text
    assert "both ends agree. [compute0.txt:25; network0.txt:29]" in text


def test_the_sections_are_json(seed: Document) -> None:
    data = json.loads(msgspec.json.encode(explain(seed)))
    assert set(data[0]) == {"title", "sentences"}
    assert set(data[0]["sentences"][0]) == {"text", "citations"}
    assert msgspec.convert(data, list[Section]) == explain(seed)


# -- hostile and any input ------------------------------------------------------------------------------------------


def test_hostile_names_come_through_unchanged() -> None:
    evil = "br\x1b[31m{host}%s\u202e"
    host = Host(name="{0}{bridge!r}", source="a.txt", bridges=[Bridge(name=evil, role="provider", lines={"name": 3})])
    for lang in ("en", "ko"):
        found = [s.text for s in sentences(explain(Document(hosts=[host]), lang))]
        assert any(evil in text for text in found)
        assert any("{0}{bridge!r}" in text for text in found)


def test_a_line_break_in_a_name_cannot_pass_for_a_line_of_ours() -> None:
    host = Host(name="h", bridges=[Bridge(name="x\n• all is well", role="provider")])
    assert not any(line.startswith("• all is well") for line in to_text(explain(Document(hosts=[host]))).splitlines())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"key": "7"}, "is fixed: 7 in, 7 out."),
        ({"out_key": "7"}, "is fixed: 0 in, 7 out."),
        (
            {"in_key": "flow", "out_key": "7"},
            "Flows read the number in the tunnel header of what comes in; what goes out has 7.",
        ),
        (
            {"in_key": "7", "out_key": "flow"},
            "What comes in must have 7 in the tunnel header; of what goes out flows write it.",
        ),
    ],
)
def test_how_the_number_in_a_tunnels_header_is_chosen_is_told(options: dict[str, str], told: str) -> None:
    made = Interface(name="gre-1", type="gre", options={"remote_ip": "10.0.0.2", **options})
    bridge = Bridge(name="br-tun", role="tunnel", ports=[Port(name="gre-1", interfaces=[made])])
    assert told in to_text(explain(Document(hosts=[Host(name="h", bridges=[bridge])]))).replace("\n", " ")


_NAMES = st.sampled_from(["br-int", "br-tun", "br-ex", "patch-tun", "patch-int", "qr-1", "qg-1", "antrea-gw0", "x", ""])
_KIND = st.sampled_from(["system", "internal", "patch", "vxlan", "gre"])
_OPTIONS = st.dictionaries(
    st.sampled_from(["peer", "remote_ip", "local_ip", "key", "in_key", "out_key", "df_default", "csum", "dst_port"]),
    st.sampled_from(["flow", "true", "10.0.0.1", "patch-int", "patch-tun", "7"]),
)
_ERRORS = st.none() | st.sampled_from(["could not open network device x (No such device)", "bad"])
_INTERFACES = st.builds(Interface, name=_NAMES, type=_KIND, options=_OPTIONS, error=_ERRORS)
_PORTS = st.builds(
    Port,
    name=_NAMES,
    tag=st.none() | st.sampled_from([1, 2, 4095]),
    trunks=st.lists(st.integers(1, 4094), max_size=2),
    interfaces=st.lists(_INTERFACES, max_size=2),
)
_CONNECTED = st.sampled_from([True, False, None])
_TARGETS = st.sampled_from(["ptcp:6640:127.0.0.1", "tcp:127.0.0.1:6633", "unix:/x", "ssl:10.0.0.9:6653", "odd"])
_BRIDGES = st.builds(
    Bridge,
    name=_NAMES,
    role=st.sampled_from(["integration", "tunnel", "provider", "other"]),
    fail_mode=st.sampled_from([None, "secure", "standalone"]),
    datapath_type=st.sampled_from([None, "netdev"]),
    controllers=st.lists(st.builds(Controller, target=_TARGETS, is_connected=_CONNECTED), max_size=2),
    ports=st.lists(_PORTS, max_size=4),
)
_HOSTS = st.builds(
    Host,
    name=st.sampled_from(["a", "b", "c"]),
    known=st.booleans(),
    role=st.sampled_from(["compute", "network", "gateway", "all-in-one", "unknown"]),
    managers=st.lists(st.builds(Manager, target=_TARGETS, is_connected=_CONNECTED), max_size=1),
    bridges=st.lists(_BRIDGES, max_size=3, unique_by=lambda bridge: bridge.name),
).map(lambda host: host if host.known else replace(host, bridges=[]))  # nothing is known inside a host not given
_STATES = ["ok", "one-way", "broken", "unknown"]


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any hosts, and any links between what there is, also such as no reader would make; patches stay in a host."""
    hosts = draw(st.lists(_HOSTS, min_size=1, max_size=3, unique_by=lambda host: host.name))
    ends = [
        End(host=host.name, bridge=bridge.name, port=port.name)
        for host in hosts
        for bridge in host.bridges
        for port in bridge.ports
    ]
    if not ends:
        return Document(hosts=hosts)
    anywhere = st.sampled_from(ends)
    far = st.none() | anywhere | st.sampled_from([End(host=host.name) for host in hosts])
    link = st.builds(
        Link,
        kind=st.sampled_from(["patch", "tunnel", "physical"]),
        type=st.sampled_from([None, "vxlan"]),
        local_address=st.sampled_from([None, "10.0.0.1"]),
        remote_address=st.sampled_from([None, "10.0.0.2", "flow"]),
        state=st.sampled_from(_STATES),
        a=anywhere,
        b=far,
    ).filter(lambda one: one.kind != "patch" or one.b is None or one.b.host == one.a.host)
    return Document(hosts=hosts, links=draw(st.lists(link, max_size=8)))


@settings(max_examples=250, deadline=None)
@given(documents())
def test_any_document_can_be_foretold_and_explained(found: Document) -> None:
    assert_paths_hold(found)
    english, korean = explain(found, "en"), explain(found, "ko")
    for one, other in zip(sentences(english), sentences(korean), strict=True):
        assert one.citations
        assert one.citations == other.citations
    to_text(english)
    to_text(korean)


def test_an_end_that_names_no_port_is_not_the_port_whose_name_is_empty() -> None:
    port = Port(name="", interfaces=[Interface(name="", type="vxlan")])
    hosts = [
        Host(name=name, known=True, bridges=[Bridge(name="", role="integration", ports=[port])]) for name in ("a", "b")
    ]
    link = Link(kind="tunnel", state="ok", a=End(host="b", bridge="", port=""), b=End(host="a"))
    assert_paths_hold(Document(hosts=hosts, links=[link]))


@pytest.mark.skipif(not DUMPS.is_dir(), reason="the real dumps are not here")
def test_real_dumps_are_explained_one_by_one_and_all_together() -> None:
    hosts = []
    for path in sorted(DUMPS.glob("[0-9]*.txt")):
        read = read_show(path.read_text(encoding="utf-8"), source=path.name)
        hosts += read
        for sentence in sentences(explain(understand(read))):
            assert sentence.citations, (path.name, sentence.text)
            assert all(c.line is not None and c.source == path.name for c in sentence.citations), sentence
    assert len(list(sentences(explain(understand(hosts))))) > len(hosts)


def test_a_port_to_a_collector_of_copies_is_told_apart_from_tunnels() -> None:
    port = (
        '        Port "tm_ers-c0000209"\n            Interface "tm_ers-c0000209"\n                type: erspan\n'
        '                options: {erspan_idx=flow, out_key=flow, remote_ip="192.0.2.9"}\n'
    )
    before, bridge, after = SEED_COMPUTE.partition("    Bridge br-int\n")
    found = document(compute0=before + bridge + port + after, network0=SEED_NETWORK)
    sentence = said(found, "tm_ers-c0000209")
    assert sentence.text.startswith("Copies of packets leave by tm_ers-c0000209, to collectors of them at 192.0.2.9")
    assert not [s for s in sentences(explain(found)) if "not given" in s.text]
