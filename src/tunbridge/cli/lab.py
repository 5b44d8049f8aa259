"""Placeholder."""

import typer

app = typer.Typer(help="Whole hosts on this machine.", no_args_is_help=True)


@app.callback()
def _lab() -> None:
    """Whole hosts on this machine."""
