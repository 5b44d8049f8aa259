"""`tunbridge draw | explain | check | trace`: sources in, a picture, words, findings, or a packet's path out."""

import typer

from tunbridge.cli.see.check import check
from tunbridge.cli.see.draw import draw
from tunbridge.cli.see.explain import explain
from tunbridge.cli.see.options import examples
from tunbridge.cli.see.trace import trace


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
    app.command(
        "trace",
        epilog=examples(
            "trace vm0 vm1 lab:",
            "trace vm0 vm1 --tcp 443 lab:",
            "trace compute0:tap1f75d8a4-df 10.0.0.7 --from-ip 10.0.0.5 --to-mac fa:16:3e:00:00:07 ssh:compute0",
        )
        + " Exit status: 0 TO receives it or who gets it decides, 1 it is dropped, 2 it cannot be traced.",
    )(trace)
