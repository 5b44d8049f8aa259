import socket
from pathlib import Path

from tunbridge.notify import Notifier


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
        assert manager.recv(100) == b"WATCHDOG=1"
        assert notifier.interval_s == 10.0


def test_without_systemd_or_with_a_manager_that_went_nothing_happens(tmp_path: Path) -> None:
    Notifier({}).send("READY=1")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).send("READY=1")
    assert Notifier({}).interval_s is None
