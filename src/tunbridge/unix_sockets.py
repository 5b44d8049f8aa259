"""Unix sockets on which only the owner's processes may connect."""

import errno
import os
import socket
from pathlib import Path


def bound(path: Path, backlog: int) -> socket.socket:
    """Listen at a path that is free; the socket is the owner's alone from its first moment. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        sock.bind(str(path))
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(before)
    return sock


def listen(path: Path, backlog: int) -> socket.socket:
    """Listen at a path; a socket that a killed process left is replaced, one that answers is not. Raises OSError."""
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as asking:
            try:
                asking.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
            else:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    return bound(path, backlog)
