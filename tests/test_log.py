"""Lines of the log, as people and machines read them."""

import json
from collections.abc import Iterator

import pytest

from tunbridge import log

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def silent_again() -> Iterator[None]:
    yield
    log.silence()


def test_logfmt_begins_with_when_how_grave_and_what(capsys: Capture) -> None:
    log.configure("logfmt", "info").info("in sync", took_ms=12, why=None, done=True, text='say "a=b"')
    moment, _, rest = capsys.readouterr().out.partition(" ")
    assert moment.startswith("timestamp=") and moment.endswith("Z")
    assert rest == 'level=info event="in sync" took_ms=12 why= done=true text="say \\"a=b\\""\n'


def test_what_the_level_leaves_out_is_not_written(capsys: Capture) -> None:
    told = log.configure("logfmt", "warning")
    told.info("not seen")
    log.get("tunbridge.database.link").warning("seen")
    told_so_far = capsys.readouterr().out
    assert "event=seen" in told_so_far
    assert "not seen" not in told_so_far


def test_json_has_the_traceback_of_an_error(capsys: Capture) -> None:
    told = log.configure("json", "info")
    try:
        raise ValueError("no such thing")
    except ValueError as e:
        told.error("failed", port="p", exc_info=e)
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["event"], line["port"]) == ("error", "failed", "p")
    assert line["exception"].splitlines()[-1] == "ValueError: no such thing"
