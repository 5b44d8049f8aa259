"""SOURCE strings: what each kind gives, and that one that cannot be read does not hide the others."""

import io
import sys
from pathlib import Path

import msgspec
import pytest

from tests.inspect.hosts import two
from tests.inspect.showtext import show
from tunbridge.errors import TunbridgeError
from tunbridge.inspect.check import check
from tunbridge.inspect.content import Reading
from tunbridge.inspect.document import to_json
from tunbridge.inspect.model import Document
from tunbridge.inspect.sources import local_ovsdb, read_sources, split_name
from tunbridge.inspect.understand import understand

EXAMPLES = Path(__file__).parents[2] / "examples"
COMPUTE, NETWORK = str(EXAMPLES / "compute0.txt"), str(EXAMPLES / "network.txt")


def no_lab(name: str) -> dict[str, str]:
    raise TunbridgeError(f"lab:{name}: no such lab")


def read(*sources: str) -> Reading:
    return read_sources(sources, no_lab)


def names(*sources: str) -> list[str]:
    reading = read(*sources)
    assert not reading.problems
    return [host.name for host in reading.hosts]


def test_files_are_read_in_their_order() -> None:
    assert names(NETWORK, COMPUTE) == ["network", "compute0"]


def test_a_name_can_be_given() -> None:
    assert names(f"network0={NETWORK}") == ["network0"]


def test_a_path_with_an_equals_sign_is_a_path_when_it_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a=b.txt").write_text(Path(COMPUTE).read_text())
    monkeypatch.chdir(tmp_path)
    assert names("a=b.txt") == ["a=b"]
    assert split_name("x=a=b.txt") == ("x", "a=b.txt")
    assert split_name("dir/x=y") == (None, "dir/x=y")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "root@c7:~# ovs-vsctl show\n" + Path(COMPUTE).read_text()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    (host,) = read("-").hosts
    assert (host.name, host.source) == ("c7", "standard input")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_of_other_systems(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "compute0.txt"
    path.write_bytes(Path(COMPUTE).read_text().replace("\n", "\r\n").encode(encoding))
    assert len(read(str(path)).hosts[0].bridges) == 2


def test_bytes_that_are_no_text_are_refused_with_our_error(tmp_path: Path) -> None:
    path = tmp_path / "noise"
    path.write_bytes(bytes(range(256)) * 100)
    assert str(path) in str(read(str(path)).problems[0])


def test_our_own_document_is_a_source(tmp_path: Path) -> None:
    document = check(understand(read(COMPUTE, NETWORK).hosts))
    path = tmp_path / "cloud.json"
    path.write_text(to_json(document))
    again = check(understand(read(str(path)).hosts))
    assert msgspec.to_builtins(again) == msgspec.to_builtins(document)


def test_a_document_with_unknown_hosts_gives_only_those_that_were_given(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(to_json(understand(read(COMPUTE).hosts)))
    assert [h.name for h in understand(read(str(path), NETWORK).hosts).hosts] == ["compute0", "network"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{}", "none"),
        ('{"version": "2.0"}', "version 2.0"),
        ('{"hosts": [{"name": 5}]}', "$.hosts[0].name"),
        ("{ not JSON", "JSON document"),
        ("OVSDB JSON 1234 abcd\n{}", "has no header"),
        ("", "ovs-vsctl show"),
    ],
)
def test_what_cannot_be_read_says_what_it_is(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "source"
    path.write_text(content)
    reading = read(str(path))
    assert not reading.hosts and expected in str(reading.problems[0]) and str(path) in str(reading.problems[0])


def test_further_fields_of_a_later_minor_version_are_passed_over(tmp_path: Path) -> None:
    later = msgspec.to_builtins(understand(two()))
    later |= {"version": "1.7", "new": 1}
    later["hosts"][0]["more"] = {}
    path = tmp_path / "later.json"
    path.write_bytes(msgspec.json.encode(later))
    assert names(str(path)) == ["compute0", "network0"]


def test_the_other_sources_are_still_read(tmp_path: Path) -> None:
    reading = read(str(tmp_path / "nothing"), COMPUTE, str(tmp_path), "lab:x", NETWORK)
    assert [host.name for host in reading.hosts] == ["compute0", "network"]
    texts = list(map(str, reading.problems))
    assert (
        len(texts) == 3
        and "No such file" in texts[0]
        and "there is no file in it" in texts[1]
        and "no such lab" in texts[2]
    )


def test_no_source_is_the_local_ovsdb_as_ovs_vsctl_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVS_RUNDIR", str(tmp_path))
    assert local_ovsdb() == f"unix:{tmp_path}/db.sock"
    (problem,) = read().problems
    assert f"{tmp_path}/db.sock" in str(problem) and "no such socket" in str(problem)
    assert local_ovsdb({}) == "unix:/var/run/openvswitch/db.sock"


@pytest.mark.timeout(120)  # what is not linear takes far longer; `make bench` tells the time
def test_a_thousand_hosts_are_read_and_checked(tmp_path: Path) -> None:
    from tests.inspect.hosts import network

    def address(i: int) -> str:
        return f"10.{i % 1000 // 250}.0.{i % 1000 % 250 + 1}"

    paths = []
    for i in range(1000):
        whole = network(f"h{i}", address(i), [address(i + d) for d in (1, 2, 3, 4, 5, -1, -2, -3, -4, -5)])
        paths.append(tmp_path / f"h{i}.txt")
        paths[-1].write_text(show(whole, "old"))
    document = check(understand(read(*map(str, paths)).hosts))
    assert isinstance(document, Document) and len(document.hosts) == 1000 and not document.findings


def test_a_folder_is_all_that_is_in_it(tmp_path: Path) -> None:
    for name, text in (
        ("b.txt", Path(NETWORK).read_text()), ("a.txt", Path(COMPUTE).read_text()), ("README.md", "Read me: all.\n"),
        (".hidden", Path(COMPUTE).read_text()), ("note.txt", "7d7c87c8-560d-4138-8742-8f745aea9680\n"),
        ("other.json", '{"a": 1}'), ("report/sos_commands/openvswitch/ovs-vsctl_show", Path(COMPUTE).read_text()),
        ("report/hostname", "r\n"), ("deeper/c.txt", Path(COMPUTE).read_text()),
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert names(str(tmp_path)) == ["a", "b", "r"]
    (tmp_path / "broken.txt").write_text(Path(COMPUTE).read_text().replace("Port patch-tun", "Prot patch-tun"))
    (problem,) = read(str(tmp_path)).problems
    assert "broken.txt, line" in str(problem)


def test_the_hosts_of_a_folder_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        text = (EXAMPLES / "compute0.txt").read_text().replace("7d7c87c8", f"{number:08x}")
        (tmp_path / f"compute{number}.txt").write_text(text)
    reading = read_sources([str(tmp_path)], no_lab)
    assert [host.name for host in reading.hosts] == ["compute1", "compute9", "compute10"]


def test_a_folder_without_a_source_says_so(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Read me.\n")
    (problem,) = read(str(tmp_path)).problems
    assert "none of its files is a source (README.md ...)" in str(problem)
