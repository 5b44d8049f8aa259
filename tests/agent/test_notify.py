import socket
import time
from pathlib import Path

from tunbridge.agent.notify import Notifier


def test_readiness_reaches_the_service_manager(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        Notifier({"NOTIFY_SOCKET": path}).send("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_the_watchdog_is_fed_at_half_its_time(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.setblocking(False)
        notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "20000000"})
        notifier.run()
        notifier.run()
        assert manager.recv(100) == b"WATCHDOG=1"
        deadline = notifier.deadline_ms()
        assert deadline is not None
        assert 9_000 < deadline - time.monotonic() * 1000 < 11_000
        try:
            manager.recv(100)
        except BlockingIOError:
            pass
        else:
            raise AssertionError("the watchdog was fed twice at once")


def test_without_systemd_or_with_a_manager_that_went_nothing_happens(tmp_path: Path) -> None:
    Notifier({}).send("READY=1")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).send("READY=1")
    assert Notifier({}).deadline_ms() is None
