"""`tunbridge draw | explain | check`: sources in, a picture, words or findings out. All three print the same JSON."""

import typer

from tunbridge.cli.see.check import check
from tunbridge.cli.see.draw import draw
from tunbridge.cli.see.explain import explain
from tunbridge.cli.see.options import examples


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("draw", epilog=examples("draw compute0.txt network.txt", "draw -o cloud.svg *.txt", "draw lab:"))(draw)
    app.command(
        "explain",
        epilog=examples(
            "explain compute0.txt network.txt",
            "explain --brief lab:",
            "explain --path compute0 outside lab:",
            "explain --lang ko -o cloud.md lab:",
        ),
    )(explain)
    app.command(
        "check",
        epilog=examples("check", "check --fail-on warning *.txt", "check --explain tunnel-one-way")
        + " Exit status: 0 nothing found at or above --fail-on, 1 something, 2 a source could not be read.",
    )(check)
