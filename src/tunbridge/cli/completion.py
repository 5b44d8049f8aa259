"""Completion in bash, for which `:` and `=` end a word: `lab:de` comes as the words `lab`, `:` and `de`.

Typer would complete `de` alone. Here the words are put together again, and what is offered is cut to what bash
replaces: the last of them.
"""

import io
import os
from collections.abc import Callable, MutableMapping
from contextlib import redirect_stdout, suppress

VARIABLE = "_TUNBRIDGE_COMPLETE"
_ENDS = (":", "=")


def is_asked(environ: MutableMapping[str, str] = os.environ) -> bool:
    """Whether bash asks for what may follow."""
    return environ.get(VARIABLE) == "complete_bash"


def complete(app: Callable[[], object], environ: MutableMapping[str, str] = os.environ) -> None:
    """Print what may stand in place of the last word; `app` answers as Typer's applications do."""
    words = environ.get("COMP_WORDS", "").split("\n")
    at = environ.get("COMP_CWORD", "")
    joined, prefix = _joined(words, int(at)) if at.isdigit() else (words, "")
    if prefix:
        environ.update(COMP_WORDS="\n".join(joined), COMP_CWORD=str(len(joined) - 1))
        own = prefix.startswith("-")  # of `--lang=k`, Typer itself offers the value alone
        offered = [line.removeprefix(prefix) for line in _answer(app) if own or line.startswith(prefix)]
        if offered:
            print("\n".join(offered))
            return
        environ.update(COMP_WORDS="\n".join(words), COMP_CWORD=at)  # `lab: x`: a space stands between the two
    for line in _answer(app):
        print(line)


def _joined(words: list[str], at: int) -> tuple[list[str], str]:
    """Return the words up to the one to complete, put together, and what stands before that one in its own."""
    joined: list[str] = []
    prefix = ""
    goes_on = False
    for word in [*words, ""][: at + 1]:
        if joined and (goes_on or word in _ENDS) and len(joined) > 1:
            prefix = joined[-1] + (word if word in _ENDS else "")
            joined[-1] += word
        else:
            prefix = ""
            joined.append(word)
        goes_on = word in _ENDS
    return joined, prefix


def _answer(app: Callable[[], object]) -> list[str]:
    with redirect_stdout(io.StringIO()) as printed, suppress(SystemExit):
        app()
    return printed.getvalue().splitlines()
