"""KVM is used where a kernel was seen to boot on it, and a QEMU that hangs or fails there costs a few seconds, once."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tunbridge.lab import qemu
from tunbridge.lab.kernel import Kernel, cpio
from tunbridge.lab.namespaces import LabError

BOOTS = 'echo "$0 $@" >> {calls}; echo SeaBIOS; echo tunbridge-kvm-works'
HANGS = "echo once >> {calls}; exec sleep 60"
ABORTS = 'echo once >> {calls}; echo "error: failed to set MSR 0x10a to 0x69" >&2; kill -ABRT $$'


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """A kernel whose files are packed without modules."""
    monkeypatch.setattr(qemu, "initrd", lambda _kernel, environ: repr(environ).encode())
    return Kernel(tmp_path / "kernel", "6.1.0-test")


def ask(kernel: Kernel, tmp_path: Path, script: str, device: str = "kvm") -> qemu.Accelerator:
    """Ask which acceleration works, of a QEMU that is a script. It counts its calls in the file `calls`."""
    program = tmp_path / "qemu"
    text = "#!/bin/sh\n" + script.format(calls=tmp_path / "calls") + "\n"
    if not program.exists() or program.read_text() != text:
        program.write_text(text)
        program.chmod(0o755)
    (tmp_path / "kvm").touch()
    return qemu.accelerator(kernel, tmp_path / "cache", tmp_path / device, str(program), seconds=1)


def calls(tmp_path: Path) -> int:
    return len((tmp_path / "calls").read_text().splitlines())


def test_kvm_on_which_a_kernel_boots_is_used(kernel: Kernel, tmp_path: Path) -> None:
    found = ask(kernel, tmp_path, BOOTS)
    assert found == qemu.KVM
    assert "-accel kvm" in (tmp_path / "calls").read_text()
    assert "norandmaps" not in found.kernel_line


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (HANGS, "a kernel did not boot with KVM within 1 s"),
        (ABORTS, "does not boot with KVM (error: failed to set MSR"),
    ],
    ids=["hangs", "aborts"],
)
def test_kvm_that_does_not_work_is_found_out_once(kernel: Kernel, tmp_path: Path, script: str, why: str) -> None:
    for _ in range(2):
        found = ask(kernel, tmp_path, script)
        assert found.name == "tcg"
        assert why in found.why
        assert found.arguments[:2] == ["-accel", "tcg,tb-size=256"]
    assert calls(tmp_path) == 1


def test_the_answer_is_not_kept_for_another_qemu(kernel: Kernel, tmp_path: Path) -> None:
    assert ask(kernel, tmp_path, ABORTS).name == "tcg"
    assert ask(kernel, tmp_path, BOOTS).name == "kvm"
    assert calls(tmp_path) == 2


def test_an_answer_that_cannot_be_read_is_found_again(kernel: Kernel, tmp_path: Path) -> None:
    assert ask(kernel, tmp_path, BOOTS).name == "kvm"
    (tmp_path / "cache" / "kvm.json").write_text("{")
    assert ask(kernel, tmp_path, BOOTS).name == "kvm"
    assert calls(tmp_path) == 2


def test_without_a_device_nothing_is_tried(kernel: Kernel, tmp_path: Path) -> None:
    found = ask(kernel, tmp_path, BOOTS, device="no-kvm")
    assert found.why == f"emulated, since there is no {tmp_path}/no-kvm to use"
    assert not (tmp_path / "calls").exists()


def test_a_monitor_that_is_gone_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="QEMU's monitor does not answer"):
        qemu.qmp(tmp_path / "qmp", ("device_del", {"id": "x"}))


@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")
def test_an_archive_is_one_that_cpio_reads(tmp_path: Path) -> None:
    archive = cpio(["folder"], {"folder/file": (0o755, b"content"), "empty": (0o644, b"")})
    subprocess.run(["cpio", "-i", "--quiet"], input=archive, cwd=tmp_path, check=True)
    assert (tmp_path / "folder" / "file").read_bytes() == b"content"
    assert (tmp_path / "folder" / "file").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "empty").read_bytes() == b""
