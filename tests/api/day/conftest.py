"""A whole server with people to spend a day with, and the clients that they use."""

from collections.abc import Iterator

import pytest

from tests.api.day.people import add_people, people
from tests.api.day.steps import Day, Step
from tests.api.serving import Cloud, serving


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run a server that nobody else has things in: a day looks at whole lists."""
    with serving(tmp_path_factory.mktemp("day"), no_people=True, preview=False) as cloud:
        add_people(cloud)
        yield cloud


@pytest.fixture(scope="module")
def day(own_cloud: Cloud) -> Iterator[Day]:
    """Begin a day in mode `builtin`."""
    begun = Day(people(own_cloud))
    for project in ("demo", "other"):
        begun.do(Step(f"project show {project}", keeps={project: "id"}))
    yield begun
    begun.close()
