"""Neutron's own mapping of physical networks is read where a source can see its agent's files, and nowhere else."""

import io
import tarfile
from pathlib import Path

import pytest

from tests.inspect.hosts import two
from tunbridge.errors import TunbridgeError
from tunbridge.inspect import mappings
from tunbridge.inspect.check import check
from tunbridge.inspect.machine import with_answers
from tunbridge.inspect.model import Bridge, Finding, Host
from tunbridge.inspect.sources import read_sources
from tunbridge.inspect.understand import understand

EXAMPLES = Path(__file__).parents[2] / "examples"
INI = (
    "# comment\n[DEFAULT]\ndebug = %(x)s\n[ovs]\nlocal_ip = 10.0.0.27\n"
    "bridge_mappings = physnet1:br-eth1, physnet2:br-vlan\n"
)
SHOWN = "sos_commands/openvswitch/ovs-vsctl_-t_5_show"


def no_lab(name: str) -> dict[str, str]:
    raise TunbridgeError(name)


def missing(hosts: list[Host]) -> list[Finding]:
    return [f for f in check(understand(hosts)).findings if f.code == "bridge-mapping-missing"]


@pytest.mark.parametrize("place", mappings.FILES)
def test_a_sosreport_holds_the_agent_s_file(tmp_path: Path, place: str) -> None:
    for name, text in ((SHOWN, (EXAMPLES / "network.txt").read_text()), (place, INI), ("hostname", "net0\n")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    archive = tmp_path / "report.tar"
    with tarfile.open(archive, "w") as tar:
        for path in sorted(p for p in tmp_path.rglob("*") if p.is_file() and p != archive):
            member = tarfile.TarInfo(f"sosreport-net0/{path.relative_to(tmp_path)}")
            member.size = path.stat().st_size
            tar.addfile(member, io.BytesIO(path.read_bytes()))
    for source in (tmp_path, archive):
        reading = read_sources([str(source)], no_lab)
        assert not reading.problems
        assert reading.hosts[0].bridge_mappings == {"physnet1": "br-eth1", "physnet2": "br-vlan"}
        assert "bridge_mappings" not in reading.hosts[0].not_told
        (finding,) = missing(reading.hosts)
        assert (finding.subject, finding.severity) == ("br-vlan", "error")
        assert "bridge_mappings in openvswitch_agent.ini" in finding.fix and "restart the agent" in finding.fix


def test_an_answer_over_ssh_may_hold_it_and_ovn_s_own_goes_first() -> None:
    network = two()[1]
    asked = with_answers(network, "", "", ["[ovs]\n", "[ovs]\nbridge_mappings =\n  a:br-a,\n  b:br-b\n"])
    assert asked.bridge_mappings == {"a": "br-a", "b": "br-b"}
    assert with_answers(network, "", "", ["no ini at all", "[ovs", ""]).bridge_mappings is None
    ovn = Host(name="o", bridge_mappings={"x": "br-x"})
    assert with_answers(ovn, "", "", [INI]).bridge_mappings == {"x": "br-x"}
    plain = Host(name="p")
    assert with_answers(plain, "", "", [INI]).bridge_mappings is None  # no agent of Neutron's wired it


def test_this_machine_s_files_are_read_as_far_as_they_may_be(tmp_path: Path) -> None:
    place = tmp_path / mappings.FILES[-2]
    place.parent.mkdir(parents=True)
    (tmp_path / mappings.FILES[-3]).mkdir(parents=True)  # a folder of that name is no file
    place.write_text(INI)
    assert list(mappings.of_this_machine(tmp_path)) == [INI]


def test_tunbridge_s_agent_writes_it_at_its_bridges() -> None:
    marks = {"br-int": {}, "br-tun": {}, "br-ex": {"tunbridge-physical-network": "physnet1"}}
    ids = {name: {"tunbridge-origin": "created", **more} for name, more in marks.items()}
    bridges = [Bridge(name=name, external_ids=found) for name, found in ids.items()]
    assert mappings.of_bridges(bridges) == {"physnet1": "br-ex"}
    assert mappings.of_bridges(bridges[:2]) == {}
    assert mappings.of_bridges([Bridge(name="br-ex", external_ids={"bridge-id": "br-ex"})]) is None
    assert mappings.of_bridges([Bridge(name="br-ex")]) is None
