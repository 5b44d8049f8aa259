"""A sosreport as folder and as archive, whole, without the command's output, and made to harm."""

import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.inspect.test_live import SCHEMA, Database
from tunbridge.inspect import sosreport
from tunbridge.inspect.content import Reading
from tunbridge.inspect.sources import read_sources

COMPUTE = Path(__file__).parents[2] / "examples" / "compute0.txt"
SHOWN = "sos_commands/openvswitch/ovs-vsctl_-t_5_show"


def report(folder: Path, content: bytes, at: str = SHOWN) -> Path:
    top = folder / "sosreport-compute7-2024-01-01-abcdefg"
    (top / at).parent.mkdir(parents=True)
    (top / at).write_bytes(content)
    (top / "sos_commands" / "host").mkdir(parents=True)
    (top / "sos_commands" / "host" / "hostname").write_text("compute7.example.org\n")
    (top / "hostname").symlink_to("sos_commands/host/hostname")
    return top


def packed(top: Path, kind: str) -> Path:
    path = top.with_name(f"{top.name}.tar{'.' if kind else ''}{kind}")
    mode: Any = f"w:{kind}"
    with tarfile.open(path, mode) as archive:
        archive.add(top, top.name)
    shutil.rmtree(top)
    return path


def read(path: Path) -> Reading:
    return read_sources([str(path)], lambda _: {})


@pytest.mark.parametrize("kind", ["folder", "", "xz", "gz", "bz2"])
def test_a_report_gives_its_host_by_its_own_name(tmp_path: Path, kind: str) -> None:
    top = report(tmp_path, COMPUTE.read_bytes())
    path = top if kind == "folder" else packed(top, kind)
    reading = read(path)
    assert not reading.problems
    (host,) = reading.hosts
    (plain,) = read(COMPUTE).hosts
    assert (host.name, host.source, host.bridges) == ("compute7", f"{path}/{SHOWN}", plain.bridges)
    (named,) = read_sources([f"x={path}"], lambda _: {}).hosts
    assert named.name == "x"


@pytest.mark.skipif(not SCHEMA.exists() or shutil.which("ovsdb-tool") is None, reason="Open vSwitch is not installed")
@pytest.mark.parametrize("failed", [False, True])
def test_where_the_command_failed_the_database_file_tells_the_host(tmp_path: Path, failed: bool) -> None:
    from tests.inspect.test_database_file import serve

    (tmp_path / "ovs").mkdir()
    base = Database(tmp_path / "ovs")
    base.run("ovsdb-tool", "create", str(base.folder / "conf.db"), str(SCHEMA))
    serve(base)
    base.vsctl("init", "--", "add-br", "br-int")
    base.run("ovs-appctl", "-t", f"{base.folder}/ovsdb.ctl", "exit")
    top = report(tmp_path, (base.folder / "conf.db").read_bytes(), "etc/openvswitch/conf.db")
    if failed:
        (top / SHOWN).parent.mkdir()
        (top / SHOWN).write_text("ovs-vsctl: unix:/var/run/openvswitch/db.sock: database connection failed\n")
    reading = read(packed(top, "xz"))
    (host,) = reading.hosts
    assert (host.name, host.bridges[0].name) == ("compute7", "br-int")
    assert {"error", "is_connected"} <= {*host.not_told}


def test_a_report_without_open_vswitch_says_what_is_missing(tmp_path: Path) -> None:
    top = report(tmp_path, b"x", "sos_commands/kernel/uname")
    (problem,) = read(top).problems
    assert SHOWN in str(problem) and str(top) in str(problem)
    (problem,) = read(packed(top, "gz")).problems
    assert SHOWN in str(problem)


def hostile(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, data in members:
            member.size = len(data) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize("name", [f"/sos/{SHOWN}", f"../sos/{SHOWN}", f"sos/../{SHOWN}", f"sos/x/../{SHOWN}"])
def test_members_that_lead_out_are_passed_over(tmp_path: Path, name: str) -> None:
    path = hostile(tmp_path / "r.tar.gz", (tarfile.TarInfo(name), COMPUTE.read_bytes()))
    assert not read(path).hosts


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_an_archive_are_not_followed(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo(f"sos/{SHOWN}")
    member.type, member.linkname = kind, str(COMPUTE)
    assert not read(hostile(tmp_path / "r.tar.gz", (member, b""))).hosts


def test_links_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    top = report(tmp_path, b"x")
    (top / SHOWN).unlink()
    (top / SHOWN).symlink_to(COMPUTE)
    assert not read(top).hosts


def test_nothing_is_written_beside_the_archive(tmp_path: Path) -> None:
    path = packed(report(tmp_path, COMPUTE.read_bytes()), "gz")
    read(path)
    assert list(tmp_path.iterdir()) == [path]


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filler = tarfile.TarInfo("sos/filler")
    wanted = tarfile.TarInfo(f"sos/{SHOWN}")
    path = hostile(tmp_path / "r.tar.gz", (filler, bytes(3_000_000)), (wanted, bytes(2_000_000)))
    monkeypatch.setattr(sosreport, "MAX_BYTES", 1_000_000)
    assert "longer than" in str(read(path).problems[0])
    monkeypatch.setattr(sosreport, "MAX_ARCHIVE", 2_000_000)
    assert "unpacks to more than" in str(read(path).problems[0])


def test_what_takes_too_long_to_unpack_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = hostile(tmp_path / "r.tar.gz", (tarfile.TarInfo("sos/filler"), bytes(3_000_000)))
    monkeypatch.setattr(sosreport, "_STEP", 1_000_000)
    monkeypatch.setattr(sosreport, "MAX_SECONDS", 0)
    assert "takes more than 0 s" in str(read(path).problems[0])


def test_a_header_that_claims_to_be_huge_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sosreport, "MAX_BYTES", 1_000_000)
    path = tmp_path / "r.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo(f"sos/{SHOWN}")
        member.pax_headers = {"comment": "x" * 3_000_000}
        archive.addfile(member, io.BytesIO())
    assert "longer than" in str(read(path).problems[0])


@pytest.mark.parametrize("kind", ["", "xz", "gz", "bz2"])
def test_an_archive_that_was_cut_off_is_an_error_of_ours(tmp_path: Path, kind: str) -> None:
    path = packed(report(tmp_path, COMPUTE.read_bytes() * 50), kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    reading = read(path)
    assert not reading.hosts and str(path) in str(reading.problems[0])
