"""The page docs/checks.md, from the registry: `python -m tunbridge.inspect.checks.document > docs/checks.md`."""

from tunbridge.inspect.checks.registry import CODES

_HEAD = """\
# What `tunbridge check` finds

One section per code, as `tunbridge check --explain CODE` prints it; this page is made from the same texts
(`python -m tunbridge.inspect.checks.document > docs/checks.md`), and a test keeps the two equal.

A finding names the host, the subject (a bridge, port, interface or address), what it means, how to mend it, and the
line of the source that states it. Codes are stable: `--ignore CODE` and scripts may rely on them.

Every check works on what `ovs-vsctl show` prints. It prints no flows, no link state and no addresses of devices, so
nothing is concluded from those. Where the other end of a tunnel was not given, what concerns it is no finding: it is
listed as *not checked*, with the reason.

| code | severity | |
|---|---|---|
"""


def checks_page() -> str:
    """Give the page, in Markdown."""
    rows = [f"| [`{c.code}`](#{c.code}) | {c.severity} | {c.summary} |\n" for c in CODES.values()]
    sections = [
        f"\n## {c.code}\n\n*{c.severity}*: {c.summary}\n\n{c.meaning}\n\nNot reported when {c.not_when}\n\n"
        f"To mend: {c.mend}\n"
        for c in CODES.values()
    ]
    return _HEAD + "".join(rows) + "".join(sections)


if __name__ == "__main__":
    print(checks_page(), end="")
