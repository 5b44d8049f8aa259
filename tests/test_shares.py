"""Who gets room when there is none left."""

from tunbridge.shares import Shares


def test_one_who_takes_all_leaves_the_others_their_share() -> None:
    shares = Shares[str](10)
    assert [shares.take("greedy") for _ in range(12)] == [True] * 10 + [False] * 2
    assert [shares.take("other") for _ in range(6)] == [True] * 5 + [False]
    assert [shares.take("third") for _ in range(4)] == [True] * 3 + [False]
    shares.leave("greedy")
    assert not shares.take("greedy")  # it still has more than its share


def test_room_that_is_left_is_had_by_whoever_comes() -> None:
    shares = Shares[str](2)
    assert shares.take("one") and shares.take("one") and not shares.take("one")
    shares.leave("one")
    assert shares.take("one")
    for who in ("two", "three", "four"):
        assert shares.take(who) and not shares.take(who)  # each has one at least
