"""What a kernel starts with runs by itself, whichever busybox this machine has."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tunbridge.lab import kernel

BUSYBOX = shutil.which("busybox")


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")
@pytest.mark.skipif(BUSYBOX is None, reason="busybox is not installed")
@pytest.mark.parametrize("program", ["sh", "busybox"])
def test_the_first_program_finds_its_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """A shell that is linked with libc, and the busybox that is here: Debian has one of each kind."""
    found = str(Path(str(shutil.which(program))).resolve())
    monkeypatch.setattr(shutil, "which", lambda _name: found)
    archive = kernel.initrd(kernel.Kernel(tmp_path, "6.1.0-test"), {"NAME": "a b"}, modules=())
    files = tmp_path / "files"
    files.mkdir()
    subprocess.run([str(BUSYBOX), "cpio", "-i"], input=archive, cwd=files, check=True)
    argv = ["/busybox", *(["sh"] if program == "busybox" else []), "-c", ". /environ; echo $NAME"]
    done = subprocess.run(
        argv, executable="/busybox", preexec_fn=lambda: os.chroot(files), capture_output=True, text=True, check=False
    )
    assert done.stdout == "a b\n", done.stderr
