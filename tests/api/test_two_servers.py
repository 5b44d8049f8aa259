"""Two servers on one database: what one acknowledged the other shows, and no change of one is lost in the other."""

import os
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.api.crowd import at_once, two_servers
from tests.api.serving import Cloud, error

ROUNDS = int(os.environ.get("TUNBRIDGE_TEST_ROUNDS", "150"))
"""Things that are made on one server and looked for on the other; 10,000 take some minutes."""
Pair = tuple[Cloud, Cloud]


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    networking = {"default_quotas": "{ network = -1 }"}
    with two_servers(tmp_path_factory.mktemp("two"), networking=networking) as both:
        yield both


def test_what_one_acknowledged_the_other_shows_and_deletes(clouds: Pair) -> None:
    def round_trip(number: int) -> None:
        here, there = (cloud.user("mia") for cloud in (clouds if number % 2 else clouds[::-1]))
        id = here.create("network", name=f"seen-{number}")["id"]
        assert there.get(f"/networks/{id}").status_code == 200
        assert [n["id"] for n in there.list("network", name=f"seen-{number}")] == [id]
        assert there.delete(f"/networks/{id}").status_code == 204
        assert here.get(f"/networks/{id}").status_code == 404
        assert here.list("network", name=f"seen-{number}") == []

    at_once(round_trip, range(ROUNDS))


def test_of_those_that_change_the_same_revision_one_does_and_the_others_are_told(clouds: Pair) -> None:
    network = clouds[0].user("mia").create("network")
    match = {"If-Match": f"revision_number={network['revision_number']}"}

    def rename(number: int) -> httpx.Response:
        user = clouds[number % 2].user("mia")
        return user.put(f"/networks/{network['id']}", {"network": {"name": f"name-{number}"}}, **match)

    replies = at_once(rename, range(8))
    assert Counter(reply.status_code for reply in replies) == {200: 1, 412: 7}
    assert {error(r)[1] for r in replies if r.status_code == 412} == {"RevisionNumberConstraintFailed"}
    (winner,) = [r.json()["network"] for r in replies if r.status_code == 200]
    assert clouds[1].user("mia").show("network", network["id"]) == winner


def test_a_delete_for_another_revision_deletes_nothing(clouds: Pair) -> None:
    mia = clouds[0].user("mia")
    network = mia.create("network")
    mia.update("network", network["id"], name="renamed")
    reply = clouds[1].user("mia").delete(f"/networks/{network['id']}", **{"If-Match": "revision_number=0"})
    assert error(reply)[:2] == (412, "RevisionNumberConstraintFailed")
    assert mia.show("network", network["id"])["name"] == "renamed"


def test_no_update_is_lost(clouds: Pair) -> None:
    group = clouds[0].user("mia").create("address_group", name="race", addresses=["10.0.0.0/24"])["id"]

    def add(number: int) -> int:
        user = clouds[number % 2].user("mia")
        body = {"addresses": [f"10.0.{number + 1}.0/24"]}
        return user.put(f"/address-groups/{group}/add_addresses", body).status_code

    assert set(at_once(add, range(24))) == {200}
    assert len(clouds[1].user("mia").show("address_group", group)["addresses"]) == 25
