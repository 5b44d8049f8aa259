"""The page docs/checks.md, from the registry: `python -m tunbridge.inspect.checks.document > docs/checks.md`."""

from tunbridge.inspect.checks.registry import CODES

_HEAD = """\
# What `tunbridge check` finds

One section per code, as `tunbridge check --explain CODE` prints it; this page is made from the same texts
(`python -m tunbridge.inspect.checks.document > docs/checks.md`), and a test keeps the two equal.

A finding names the host, the subject (a bridge, port, interface or address), what it means, how to fix it, and the
line of the source that states it. Codes are stable: `--ignore CODE` and scripts may rely on them.

What `ovs-vsctl show` prints is enough for most. It prints no flows, and no state of devices: the checks of links,
MTUs, MAC tables and counters need a live [source](sources.md). What could not be checked is no finding: it is listed as
*not checked*, with the reason, as is what concerns the other end of a tunnel that was not given, and whatever rests on
something's absence where part of the dump is missing.

A fix is one that does no harm. Where an agent wired the host (the names of its ports tell: Neutron's, OVN's,
Antrea's), to restart that agent comes first and a command by hand second, if at all: a port made by hand has an
OpenFlow number that the agent's flows do not know. A port is put only where its name says that it belongs. In the
text, equal findings of one host are one entry; the JSON has each. A live source that says that a controller is not
connected is asked again for up to 5.5 s, as Open vSwitch writes that down every 5 s only.

In Korean (`--lang ko`, or by the locale) the text says the same, as do `--explain CODE` and `--list-codes`; codes,
names and commands stay as they are. JSON is in English.

Counters tell something only when they grow: `tunbridge check --counters 10` reads each source twice, 10 seconds apart,
and `tunbridge diff` compares those of two saved documents.

| code | severity | |
|---|---|---|
"""


def checks_page() -> str:
    """Give the page, in Markdown."""
    rows = [f"| [`{c.code}`](#{c.code}) | {c.severity} | {c.summary} |\n" for c in CODES.values()]
    sections = [
        f"\n## {c.code}\n\n*{c.severity}*: {c.summary}\n\n{c.meaning}\n\nNot reported when {c.not_when}\n\n"
        f"To fix: {c.fix}\n"
        for c in CODES.values()
    ]
    return _HEAD + "".join(rows) + "".join(sections)


if __name__ == "__main__":
    print(checks_page(), end="")
