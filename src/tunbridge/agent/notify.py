"""The systemd side of a service: readiness, status text and the watchdog (sd_notify(3)). Without systemd, nothing."""

import os
import socket
import time


class Notifier:
    """Sends states to `NOTIFY_SOCKET`, and `WATCHDOG=1` in time."""

    def __init__(self, environ: dict[str, str] | os._Environ[str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        usec = int(environ.get("WATCHDOG_USEC", "0") or 0)
        mine = environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
        self._interval_s = usec / 2e6 if usec and mine else None
        self._next_s = 0.0

    def send(self, text: str) -> None:
        """Send one state, such as READY=1. A service manager that has gone is no reason to stop."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.sendto(text.encode(), address)
            except OSError:
                return

    def run(self) -> None:
        """Feed the watchdog when it is time."""
        if self._interval_s is not None and time.monotonic() >= self._next_s:
            self.send("WATCHDOG=1")
            self._next_s = time.monotonic() + self._interval_s

    def deadline_ms(self) -> int | None:
        """Monotonic time of the next watchdog message, in milliseconds; None without a watchdog."""
        return None if self._interval_s is None else int(self._next_s * 1000) + 1
