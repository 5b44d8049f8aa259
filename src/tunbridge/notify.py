"""The systemd side of a service: readiness, status text and the watchdog (sd_notify(3)). Without systemd, nothing."""

import os
import socket


class Notifier:
    """Sends states to `NOTIFY_SOCKET`, and `WATCHDOG=1` in time."""

    def __init__(self, environ: dict[str, str] | os._Environ[str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        usec = int(environ.get("WATCHDOG_USEC", "0") or 0)
        mine = environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
        self.interval_s = usec / 2e6 if usec and mine else None
        """Half of what systemd allows; None without a watchdog."""

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
        """Feed the watchdog; to be called every `interval_s` seconds."""
        if self.interval_s is not None:
            self.send("WATCHDOG=1")
