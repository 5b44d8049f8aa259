"""Make the man pages from docs/cli.md, docs/agent.md and docs/server.md: `tools/manpages.py DIRECTORY`.

    tunbridge(1)            the command, its sub-commands, exit status
    tunbridge-<command>(1)  each sub-command; of agent and server in section 8, followed by their page of docs/

lowdown turns Markdown into man(7).
"""

import html
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DAEMONS = {"agent": "agent.md", "server": "server.md"}
_SECTION = re.compile(r"^## `tunbridge (\S+)`\n", re.MULTILINE)
_LABEL = re.compile(r"^\*\*(\w+)\*\*:$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")


def main(directory: Path) -> None:
    """Write all pages into a directory, below man1/ and man8/."""
    head, *parts = _SECTION.split((ROOT / "docs/cli.md").read_text())
    commands = dict(zip(parts[::2], parts[1::2], strict=True))
    see = ", ".join(f"tunbridge-{name}({_section(name)})" for name in commands)
    _write(directory, "tunbridge", 1, f"{_page('tunbridge', head.partition(chr(10))[2])}\n# SEE ALSO\n\n{see}\n")
    for name, text in commands.items():
        page = _page(f"tunbridge {name}", text)
        if name in DAEMONS:
            # Its sections stand beside those of the command; its title is one of them.
            page += "\n" + _headings((ROOT / "docs" / DAEMONS[name]).read_text(), up=1)
        _write(directory, f"tunbridge-{name}", _section(name), f"{page}\n# SEE ALSO\n\ntunbridge(1)\n")


def _section(name: str) -> int:
    return 8 if name in DAEMONS else 1


def _page(name: str, text: str) -> str:
    summary, _, rest = text.strip().partition("\n\n")
    summary = summary.rstrip(".").partition(". ")[0]
    rest = _LABEL.sub(lambda label: f"# {label[1].upper().replace('USAGE', 'SYNOPSIS')}", _headings(rest, up=1))
    return f"# NAME\n\n{name.replace(' ', '-')} - {summary}\n\n{rest}\n"


def _headings(text: str, up: int) -> str:
    """Raise the headings, outside of code: man pages have two levels."""
    blocks = text.split("```")
    blocks[::2] = [re.sub(r"^#(#{1,4}) ", lambda m: m[1][: 3 - up] + " ", block, flags=re.M) for block in blocks[::2]]
    return "```".join(blocks)


def _write(directory: Path, name: str, section: int, markdown: str) -> None:
    place = directory / f"man{section}"
    place.mkdir(parents=True, exist_ok=True)
    text = html.unescape(_LINK.sub(r"\1", markdown))
    meta = {"title": name.upper(), "section": str(section), "source": "Tunbridge", "volume": "Tunbridge manual"}
    options = [part for key, value in meta.items() for part in ("-M", f"{key}={value}")]
    argv = ["lowdown", "-s", "-Tman", "--out-no-smarty", "--parse-no-intraemph", *options]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=True)
    (place / f"{name}.{section}").write_text(done.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
