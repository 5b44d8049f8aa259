"""What the codec does not know is encoded by `ovs-ofctl` itself: it is given a socket on which we play the bridge, and
keep the messages that it sends.

So a rare action costs a process, and still goes into the same atomic bundle as all others.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tunbridge.openvswitch.ofctl import VERSION, OfctlError, call
from tunbridge.openvswitch.openflow.wire import (
    BARRIER_REPLY,
    BARRIER_REQUEST,
    ECHO_REPLY,
    ECHO_REQUEST,
    FEATURES_REPLY,
    FEATURES_REQUEST,
    HEADER,
    HELLO,
    HELLO_BODY,
    message,
)  # fmt: skip

_ANSWERS = {BARRIER_REQUEST: (BARRIER_REPLY, b""), FEATURES_REQUEST: (FEATURES_REPLY, bytes(24))}


async def bodies(command: str, kind: int, lines: Sequence[str]) -> list[bytes | str]:
    """Give, for each line of text, the body of the message of this type that `ovs-ofctl COMMAND` makes of it.

    A line that ovs-ofctl refuses gives what it says of it. Raises OfctlError if it cannot be run.
    """
    found, error = await _run(command, kind, lines)
    if len(found) == len(lines):
        return list(found)
    if len(lines) == 1:
        return [error]
    return [one for line in lines for one in await bodies(command, kind, [line])]


async def _run(command: str, kind: int, lines: Sequence[str]) -> tuple[list[bytes], str]:
    found: list[bytes] = []

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _play(reader, writer, kind, found)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    import tempfile  # late: it is large, and seldom anything comes here

    with tempfile.TemporaryDirectory(prefix="tunbridge-") as directory:
        path = Path(directory) / "bridge"
        async with await asyncio.start_unix_server(play, str(path)):
            try:
                argv = ["ovs-ofctl", "-O", VERSION, "--no-names", command, f"unix:{path}", "-"]
                await call("encoding", argv, "".join(f"{line}\n" for line in lines))
            except OfctlError as e:
                return [], str(e)
    return found, "ovs-ofctl sent something else"


async def _play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: int, found: list[bytes]) -> None:
    writer.write(message(HELLO, HELLO_BODY))
    while True:
        _, given, length, xid = HEADER.unpack(await reader.readexactly(HEADER.size))
        body = await reader.readexactly(length - HEADER.size)
        if given == kind:
            found.append(body)
        elif given == ECHO_REQUEST:
            writer.write(message(ECHO_REPLY, body, xid))
        elif given in _ANSWERS:
            answer, content = _ANSWERS[given]
            writer.write(message(answer, content, xid))
