"""A file is written whole or not at all."""

from pathlib import Path

import pytest

from tunbridge.files import write_whole


def test_a_file_takes_the_place_of_the_old_one_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    assert write_whole(path, b"new", mode=0o640)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)


def test_nobody_else_may_read_it_unless_that_is_said(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"secret")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_one_that_has_to_be_new_leaves_the_one_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert write_whole(path, b"first", new=True)
    assert not write_whole(path, b"second", new=True)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"first")]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new", prepare=full)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"old")]
