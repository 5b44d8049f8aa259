"""The Typer application that all sub-commands are made of: help and errors as people expect them.

Typer writes `<bool>` behind every flag, and "Value error, " before what is wrong with a value.
"""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from tunbridge.cli.values import light

_NOISE = "Value error, "


def _ours(parameter: Any) -> Any:
    """Return a parameter that is quick to read a value; a flag without a type beside its name."""
    if isinstance(parameter, TyperOption) and parameter.is_flag:
        parameter.metavar = ""
    return light(parameter)


class Command(TyperCommand):
    """One command."""

    def get_params(self, ctx: Any) -> list[Any]:
        return [_ours(parameter) for parameter in super().get_params(ctx)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises typer.BadParameter."""
        return _parsed(super().parse_args, ctx, args)


class Group(TyperGroup):
    """A command with sub-commands."""

    def get_params(self, ctx: Any) -> list[Any]:
        return [_ours(parameter) for parameter in super().get_params(ctx)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises typer.BadParameter."""
        return _parsed(super().parse_args, ctx, args)


def _parsed(parse: Callable[[Any, list[str]], list[str]], ctx: Any, args: list[str]) -> list[str]:
    try:
        return parse(ctx, args)
    except typer.BadParameter as e:
        e.message = e.message.removeprefix(_NOISE)
        raise


class App(typer.Typer):
    """`typer.Typer` whose commands are those of this module."""

    def __init__(self, **options: Any) -> None:
        super().__init__(cls=Group, **options)

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        return super().command(name, **{"cls": Command, **options})
