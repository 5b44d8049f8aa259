"""`draw --watch`, `check --watch`: what is shown follows the hosts until Ctrl-C."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from rich.text import Text

from tunbridge.cli import labs, terminal
from tunbridge.cli.findings import STYLES, one_line
from tunbridge.cli.output import print_safely, write_out
from tunbridge.errors import TunbridgeError

if TYPE_CHECKING:
    from tunbridge.inspect.model import Document, Finding, Host
    from tunbridge.inspect.watch import Update

Understand = Callable[[list["Host"]], "Document"]


class NothingLiveError(TunbridgeError):
    """There is nothing that could change."""

    exit_status = 2


def follow(sources: Sequence[str], timeout: float | None, show: "Callable[[Update], None]") -> None:
    """Call `show` with the hosts, and again at each change, until SIGINT or SIGTERM. Raises NothingLiveError."""
    from tunbridge.inspect import watch
    from tunbridge.inspect.sources import taken_apart

    parts = taken_apart(sources, labs.sockets, timeout)
    if all(part.remote is None for part in parts):
        parts[0].read()  # says what is wrong with it, if that is why
        raise NothingLiveError(f"--watch: {parts[0].label}: is not live: nothing will change there")
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_until_ended(watch.follow(parts, show)))


async def _until_ended(following: Any) -> None:
    task = asyncio.ensure_future(following)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task


def pictures(
    understand: Understand, paint: "Callable[[Document], None]", *, as_lines: bool, to_screen: bool
) -> "Callable[[Update], None]":
    """Give what shows a change as a picture: on a terminal in place of the last one, else after it."""

    def show(change: "Update") -> None:
        document = understand(change.hosts)
        if as_lines:
            write_out(_line(change, document=document))
            return
        if to_screen:
            sys.stdout.write("\x1b[H\x1b[2J\x1b[3J" if sys.stdout.isatty() else _headline(change).plain + "\n")
        paint(document)
        if to_screen and sys.stdout.isatty():
            print_safely(_headline(change))
        elif not to_screen:
            terminal.console(stderr=True).print(_headline(change))

    return show


class News:
    """Shows findings that come and go; keeps the last document."""

    def __init__(self, understand: Understand, report: "Callable[[Document], Text]", as_lines: bool) -> None:
        self.document: Document | None = None
        self._understand = understand
        self._report = report
        self._as_lines = as_lines

    def __call__(self, change: "Update") -> None:
        """Show what a change brought."""
        first = self.document is None
        before = [] if self.document is None else self.document.findings
        self.document = self._understand(change.hosts)
        found = [one for one in self.document.findings if _key(one) not in map(_key, before)]
        gone = [one for one in before if _key(one) not in map(_key, self.document.findings)]
        if self._as_lines:
            write_out(_line(change, found=found, gone=gone))
            return
        if first:
            print_safely(self._report(self.document))
        text = _headline(change)
        for word, style, findings in (("found", "red", [] if first else found), ("no more", "green", gone)):
            for one in findings:
                text.append(f"\n  {word:<7}  ", style=style).append(one.severity, style=STYLES[one.severity])
                text.append(f" {one.code}: {one_line(one.host)}: {one_line(one.message)}")
        print_safely(text)


def _key(finding: "Finding") -> tuple[str, str, str]:
    return finding.code, finding.host, finding.message


def _now() -> datetime:
    return datetime.now(UTC)


def _headline(change: "Update") -> Text:
    text = Text(f"{_now().astimezone():%H:%M:%S} ", style="dim")
    text.append(one_line(", ".join(change.changed)), style="bold")
    text.append("; Ctrl-C ends" if sys.stdout.isatty() else "", style="dim")
    for label, reason in change.unreachable.items():
        text.append(f"\n  {one_line(label)}: shown as it was: {one_line(reason)}", style="yellow")
    return text


def _line(change: "Update", **more: Any) -> str:
    """Give a change as one line of JSON."""
    told = {"time": f"{_now():%Y-%m-%dT%H:%M:%S.%fZ}", "changed": change.changed, "unreachable": change.unreachable}
    return json.dumps(msgspec.to_builtins(told | more))
