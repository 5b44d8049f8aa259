"""Unix sockets of ours: the owner's alone, left-over ones are replaced, and one that answers is never taken away."""

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from tunbridge import unix_sockets
from tunbridge.api import server


def test_it_is_the_owner_s_alone_and_the_umask_is_as_before(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with unix_sockets.listen(tmp_path / "s", 8):
            assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_socket_that_was_left_is_replaced_and_one_that_answers_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    unix_sockets.listen(path, 8).close()
    with unix_sockets.listen(path, 8):
        with pytest.raises(OSError, match="in use") as refused:
            unix_sockets.listen(path, 8)
        assert refused.value.errno == errno.EADDRINUSE
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        unix_sockets.listen(path, 8)
    assert path.read_text() == "mine"


def test_a_second_server_does_not_take_the_socket_of_the_first(tmp_path: Path) -> None:
    (first,) = server.sockets([f"unix:{tmp_path}/api"])
    with first, pytest.raises(server.ServerError, match="in use"):
        server.sockets([f"unix:{tmp_path}/api"])
