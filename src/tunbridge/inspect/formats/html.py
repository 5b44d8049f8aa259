"""One page with the picture in it: pan, zoom, search, details of every port, findings that lead to their place.

Nothing is fetched. The Content-Security-Policy allows this page's own script and styles by their hashes and nothing
else, so that a name from a dump could not run anything even if it were not escaped; and the script may not make markup
from text at all (trusted types). What is known of each thing is decided in `things`, and the script only displays it.
"""

import base64
import hashlib
import json
import re
from html import escape
from importlib import resources

from tunbridge.inspect.draw import svg
from tunbridge.inspect.draw.fleet import Grouping
from tunbridge.inspect.draw.safe import visible
from tunbridge.inspect.formats.things import Things
from tunbridge.inspect.model import Document, Finding, Severity
from tunbridge.inspect.translation import asset, say

KINDS = ("host", "bridge", "port", "tunnel")
"""What things are: the script has these for each."""
MAX_FINDINGS = 1000
"""More findings than this are counted; `check` lists each."""

SHOWN = 5
"""More findings of one code than this are folded."""


def render(document: Document, group: Grouping = "auto", width: int | None = None) -> str:
    """Give the page; for `width` see `svg.render`."""
    things = Things(document)
    drawn = svg.render(document, things.numbers, group, things.marks, width=width)
    sheet, script = _asset("page.css"), _asset("page.js")
    styles = [sheet, *re.findall(r"<style>(.*?)</style>", drawn, re.DOTALL)[:1]]
    parts = {
        "policy": escape(_policy(script, styles)),
        "title": _text(_title(document)),
        "sheet": sheet,
        "summary": _text(_summary(document)),
        "picture": drawn.strip(),
        "found": _count(len(document.findings), "finding"),
        "findings": _findings(document, things),
        "data": _json({"things": things.rows, "left_out": things.left_out, "kinds": {k: say(k) for k in KINDS}}),
        "script": script,
    }
    # one pass over the template: what is put in is never looked at again
    return re.sub(r"\{\{([a-z]+)\}\}", lambda match: parts[match[1]], _asset("page.html"))


def _policy(script: str, styles: list[str]) -> str:
    return (
        f"default-src 'none'; script-src {_hashes([script])}; style-src {_hashes(styles)}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _title(document: Document) -> str:
    names = [host.name for host in document.hosts if host.known]
    return f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''} - Tunbridge"


def _summary(document: Document) -> str:
    bridges = sum(len(host.bridges) for host in document.hosts)
    ports = sum(len(bridge.ports) for host in document.hosts for bridge in host.bridges)
    known = sum(host.known for host in document.hosts)
    return f"{_count(known, 'host')}, {_count(bridges, 'bridge')}, {_count(ports, 'port')}"


def _count(number: int, noun: str) -> str:
    return say(f"{{count}} {noun}{'' if number == 1 else 's'}", count=number)


def _findings(document: Document, things: Things) -> str:
    if not document.findings:
        return f'<p class="ui-none">{_text(say("Nothing was found wrong."))}</p>'
    numbers = {(line.severity, line.code): line.number for line in things.marks.legend}
    groups: dict[tuple[Severity, str], list[str]] = {}
    for finding in document.findings[:MAX_FINDINGS]:
        key = (finding.severity, finding.code)
        groups.setdefault(key, []).append(_finding(finding, numbers.get(key, 0), things))
    lists = []
    for (_, code), items in groups.items():
        lists.append(f"<ul>{''.join(items[:SHOWN])}</ul>")
        if rest := items[SHOWN:]:
            lists.append(
                f"<details><summary>{_text(say('{count} more {code}', count=len(rest), code=code))}</summary>"
                f"<ul>{''.join(rest)}</ul></details>"
            )
    more = len(document.findings) - MAX_FINDINGS
    if more > 0:
        command = "<code>tunbridge check</code>"
        said = say("and {count} more: {command} lists them", count=more, command=command)
        lists.append(f'<p class="ui-none">{said}</p>')
    return "".join(lists)


def _finding(finding: Finding, number: int, things: Things) -> str:
    at = " ".join(str(things.numbers[p]) for p in things.marks.places(finding) if p in things.numbers)
    where = say("{subject} on {host}", subject=finding.subject, host=finding.host)
    line = say(" · line {line}", line=str(finding.line)) if finding.line else ""
    return (
        f'<li><button type="button" class="ui-finding" data-at="{at}">'
        f'<span class="ui-badge ui-{finding.severity}" aria-hidden="true">{number}</span>'
        f'<span class="ui-code">{_text(say(finding.severity))}: {_text(finding.code)}</span>'
        f'<span class="ui-where">{_text(where)}{line}</span>'
        f'<span class="ui-message">{_text(finding.message)}</span>'
        f'<span class="ui-fix">{_text(finding.fix)}</span></button>'
        f'<button type="button" class="ui-copy">{_text(say("Copy the fix"))}</button></li>'
    )


def _text(text: str) -> str:
    return escape(visible(text))


def _json(value: object) -> str:
    """Write JSON that cannot end the element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _hashes(texts: list[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def _asset(name: str) -> str:
    return asset(name, resources.files("tunbridge.inspect.formats").joinpath(name).read_text(encoding="utf-8"))
