"""Objects are cut out of a stream as Open vSwitch's own parser does it, however the stream is cut into pieces."""

import itertools
import json
from typing import Any

import ovs.json
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunbridge.database.framing import Framer, FramingError

# OVSDB has no NUL; `values.normal` refuses it.
_texts = st.text(
    st.sampled_from(list('{}[]"\\ ,:nu\u00e9\u4e2d\U0001f600'))
    | st.characters(min_codepoint=1, exclude_categories=["Cs"])
)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_objects = st.dictionaries(_texts, _values, max_size=4)


def ovs_cut(text: str) -> list[Any]:
    """Give the objects as `ovs.jsonrpc` reads them."""
    found = []
    while text.strip():
        parser = ovs.json.Parser()
        used = parser.feed(text)
        assert parser.is_done()
        found.append(parser.finish())
        text = text[used:]
    return found


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    cuts = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(cuts)]


@given(
    objects=st.lists(_objects, max_size=4),
    space=st.sampled_from(["", "\n", " \r\n\t"]),
    ascii_only=st.booleans(),
    places=st.lists(st.integers(0, 10**6), max_size=12),
)
def test_the_same_objects_as_the_ovs_library_however_the_stream_is_cut(
    objects: list[Any], space: str, ascii_only: bool, places: list[int]
) -> None:
    text = space.join(json.dumps(item, ensure_ascii=ascii_only) for item in objects)
    framer = Framer()
    found = [json.loads(message) for piece in cut_at(text.encode(), places) for message in framer.feed(piece)]
    assert found == objects == ovs_cut(text)


def test_byte_by_byte() -> None:
    text = b'{"a\\\\":"}\\"{","b":{"c":[{},{}]}}{"d":"\\\\"}'
    framer = Framer()
    found = [message for at in range(len(text)) for message in framer.feed(text[at : at + 1])]
    assert found == [text[:-10], text[-10:]]


@pytest.mark.parametrize("garbage", [b"[]", b"}", b'"x"', b"HTTP/1.1 400 Bad Request\r\n", b"{}}{"])
def test_what_is_no_object_is_refused(garbage: bytes) -> None:
    with pytest.raises(FramingError):
        Framer().feed(garbage)
