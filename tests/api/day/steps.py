"""How the day is written down: a command, what it must print, and what of that later commands need.

    Step("network create blue", shows={"name": "blue", "shared": False}, keeps={"blue": "id"})
    Step("network list --name blue", lists=({"ID": "$blue", "Name": "blue"},))
    Step("network delete blue", fails="There are one or more ports still in use")

`$name` stands for what a step before has kept, in commands and in what must come out.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any

from tests.api.day.shell import Shell

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One command; `shows`: of the one thing printed, `lists`: of each row in any order, `fails`: of the error."""

    command: str
    shows: Values | None = None
    lists: tuple[Values, ...] | None = None
    fails: str | None = None
    keeps: Mapping[str, str] = field(default_factory=dict)
    who: str = "admin"


class Day:
    """Does steps in order, as people whose environments it has."""

    def __init__(self, people: Mapping[str, dict[str, str]]) -> None:
        self._people = people
        self._shells: dict[str, Shell] = {}
        self.kept: dict[str, str] = {}

    def close(self) -> None:
        for shell in self._shells.values():
            shell.close()

    def spend(self, steps: Iterable[Step]) -> None:
        """Do all steps; each must come out as it says."""
        for step in steps:
            self.do(step)

    def do(self, step: Step) -> None:
        argv = [self._filled(word) for word in shlex.split(step.command)]
        prints = step.shows is not None or step.lists is not None or step.keeps
        status, output = self.run(step.who, argv + (["-f", "json"] if prints else []))
        told = f"$ openstack {shlex.join(argv)}\n{output}"
        if step.fails is not None:
            assert status != 0, told
            assert self._filled(step.fails) in output, told
            return
        assert status == 0, told
        if prints:
            self._compare(step, output, told)

    def run(self, who: str, argv: list[str]) -> tuple[int, str]:
        """Run `openstack ARGV` as somebody; give its exit status and all that it printed."""
        if who not in self._shells:
            self._shells[who] = Shell(self._people[who])
        return self._shells[who].run(argv)

    def _compare(self, step: Step, output: str, told: str) -> None:
        printed = json.loads(output)
        if step.lists is not None:
            wanted = [self._filled(row) for row in step.lists]
            assert len(printed) == len(wanted), told
            for row in wanted:
                assert any(_has(found, row) for found in printed), f"no {row}\n{told}"
            return
        for name, value in (step.shows or {}).items():
            assert printed.get(name) == self._filled(value), f"{name} is not {value!r}\n{told}"
        self.kept.update({name: printed[column] for name, column in step.keeps.items()})

    def _filled(self, value: Any) -> Any:
        """Put what was kept in the place of `$name`, at any depth."""
        if isinstance(value, str):
            return Template(value).substitute(self.kept)
        if isinstance(value, Mapping):
            return {name: self._filled(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._filled(one) for one in value]
        return value


def _has(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(found.get(name) == value for name, value in wanted.items())
