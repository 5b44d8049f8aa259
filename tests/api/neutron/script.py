"""Scripts: one request a line, by a named user, with names for what was made.

    mia create network {"name": "blue"} -> net
    mia update network $net {"mtu": 1400}
    mia list network name=blue
    mia show network $net
    otto delete network $net
    admin POST /networks/$net/tags {"tags": ["a"]}
    mia PUT /networks/$net {"network": {}} If-Match: revision_number=$net.revision_number
    mia+nova delete port $vm
    agent PUT /agent/host1/up/$vm

`$net` is the id of what the request with `-> net` made, `$net.KEY` one of its values, `$demo` the id of a project.
What stands after the method and path is sent as it is, JSON or not. `#` begins a line of comment. `mia+nova` is mia's
token with one of nova's as X-Service-Token; `agent` is what a host's agent reports of a port: `up` or `down`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.api.neutron.normal import Normal
from tests.api.serving import path_of

FOLDER = Path(__file__).parent
SCRIPTS = sorted((FOLDER / "scripts").glob("*.txt"))
_VERBS = {"create": "POST", "update": "PUT", "show": "GET", "list": "GET", "delete": "DELETE"}
_NAME = re.compile(r"\$(\w+)(?:\.(\w+))?")
AGENT = "agent"
Call = Callable[[str, str, str, bytes | None, dict[str, str]], httpx.Response]
"""Gets user, method, path below /v2.0, body and headers."""


class Step(NamedTuple):
    """One request; placeholders are not yet filled in."""

    text: str
    user: str
    method: str
    path: str
    body: str | None
    headers: dict[str, str]
    name: str | None
    """What the thing that it makes is called from here on."""


def steps(text: str) -> Iterator[Step]:
    """Give the requests of a script."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield _step(line.strip())


def _step(line: str) -> Step:
    rest, _, name = line.partition(" -> ")
    rest, _, tag = rest.partition(" If-Match: ")
    user, verb, what, *more = rest.split(maxsplit=3) if rest.count(" ") else (rest, "", "")
    after = more[0] if more else ""
    body: str | None = after or None
    path = what
    if verb in _VERBS:
        what = what.replace("-", "_")
        path = path_of(what)
        if verb in ("update", "show", "delete"):
            id, _, body = after.partition(" ")
            path += f"/{id}"
        if verb == "list":
            path, body = (f"{path}?{after}" if after else path), None
        elif verb in ("create", "update"):
            body = f'{{"{what}": {body or "{}"}}}'
    headers = {"If-Match": tag} if tag else {}
    return Step(line, user, _VERBS.get(verb, verb), path, body or None, headers, name or None)


def run(text: str, call: Call, projects: Mapping[str, str], url: str) -> list[dict[str, Any]]:
    """Carry out a script; gives for each request its answer in normal form."""
    normal = Normal(text, projects, url)
    things: dict[str, dict[str, Any]] = {name: {"id": id} for name, id in projects.items()}

    def filled(text: str) -> str:
        def value(match: re.Match[str]) -> str:
            thing = things.get(match[1])
            return match[0] if thing is None else str(thing.get(match[2] or "id", match[0]))

        return _NAME.sub(value, text)

    answers = []
    for step in steps(text):
        body = None if step.body is None else filled(step.body).encode()
        headers = {name: filled(value) for name, value in step.headers.items()}
        reply = call(step.user, step.method, filled(step.path), body, headers)
        if step.name and reply.status_code < 300:
            things[step.name] = made = _thing(reply)
            normal.know(step.name, made.get("id", ""))
        answers.append({"request": step.text, "status": reply.status_code, **normal.answer(step.path, reply)})
    return answers


def _thing(reply: httpx.Response) -> dict[str, Any]:
    """Give what was made, the first of several."""
    thing = next(iter(json.loads(reply.content).values()))
    found: dict[str, Any] = thing[0] if isinstance(thing, list) else thing
    return found
