"""Findings in Korean: every message and fix of every check has a translation, and names in it stay as they are."""

import re
import time
from collections.abc import Iterator
from string import Formatter

import pytest

from tests.inspect.test_check import NEAR_MISS, RAISED, Hosts, checked
from tests.inspect.test_check_fixes import damaged
from tests.inspect.test_reader import COMPUTE, NETWORK, read
from tunbridge.cli.findings import report
from tunbridge.inspect import translation
from tunbridge.inspect.checks.interfaces import _MEANINGS
from tunbridge.inspect.checks.registry import CODES
from tunbridge.inspect.model import Document, Finding, NotChecked
from tunbridge.inspect.translation import ko, ko_words, say, speaking

HANGUL = re.compile("[가-힣]")
COMMAND = re.compile(r"(?:ovs-|ip |ethtool )")
"""A fix that is one command is the same in every language."""


def assert_translated(found: Finding) -> None:
    shown = translation.finding(found, "ko")
    assert HANGUL.search(shown.message), found.message
    assert HANGUL.search(shown.fix) or COMMAND.match(found.fix), found.fix
    assert translation.finding(found, "en") is found
    for text, translated in ((found.message, shown.message), (found.fix, shown.fix)):
        assert "{" not in translated or "{" in text
        for command in re.findall(r"ovs-vsctl (?:set|add|del)-?\w+ [\w-]+", text):
            assert command in translated


def every() -> Iterator[Hosts]:
    for table in (RAISED, NEAR_MISS):
        for alternatives in table.values():
            yield from alternatives


def test_all_that_the_checks_find_is_translated() -> None:
    codes = set()
    for hosts in every():
        document = checked(*hosts)
        for found in document.findings:
            codes.add(found.code)
            assert_translated(found)
        for entry in document.not_checked:
            assert HANGUL.search(translation.not_checked(entry, "ko").reason), entry.reason
    assert codes == set(CODES)


@pytest.mark.parametrize("text", [COMPUTE, NETWORK])
def test_and_what_they_find_in_damaged_dumps(text: str) -> None:
    for number, host in enumerate(damaged(read(text))):
        if number % 5 == 0:
            for found in checked(host).findings:
                assert_translated(found)
    for cut in range(5, text.count("\n"), 6):
        part = read("\n".join(text.splitlines()[:cut]) + "\n")
        for entry in checked(part).not_checked:
            assert HANGUL.search(translation.not_checked(entry, "ko").reason), entry.reason


def test_what_every_error_of_an_interface_means_is_translated() -> None:
    for meaning in _MEANINGS.values():
        names = {"name": "tap0", "port": "tap0", "bridge": "br-int"}
        found = Finding(
            severity="error", code="interface-error", host="h", subject="tap0",
            message=f"tap0 of br-int does not work: it broke. That means: {meaning.means.format(**names)}",
            fix=meaning.fix.format(**names),
        )  # fmt: skip
        assert_translated(found)


def test_translations_have_the_places_of_their_templates() -> None:
    tables = [*ko.FINDINGS.values(), ko.PIECES, ko.REASONS, ko_words.WORDS]
    for table in tables:
        for english, korean in table.items():
            there = {name for _, name, _, _ in Formatter().parse(english.replace("!}", "}")) if name}
            used = {name for _, name, _, _ in Formatter().parse(korean) if name}
            assert used <= there, english
            same = {"same", "kind", "second", "third"}  # said once in Korean
            assert there - used <= same, english
    assert set(ko.FINDINGS) <= set(CODES)


def test_a_finding_reads_as_a_sentence_of_the_field() -> None:
    (found,) = [f for f in checked(*damaged_compute()).findings if f.code == "patch-peer-missing"]
    shown = translation.finding(found, "ko")
    assert shown.message == (
        "br-int의 패치 포트 patch-tun은 patch-int로 이어지지만 이 호스트에 patch-int가 없습니다. "
        "br-int가 그쪽으로 보내는 패킷은 폐기(drop)됩니다"
    )
    assert shown.fix.startswith(
        "이 호스트의 에이전트(neutron-openvswitch-agent 또는 tunbridge-agent)를 다시 시작하세요. "
    )
    assert "ovs-vsctl add-port br-tun patch-int -- set interface patch-int type=patch" in shown.fix
    text = report(checked(*damaged_compute()), "ko").plain
    assert (
        "오류 patch-peer-missing: " in text
        and "  조치: " in text
        and text.endswith("호스트 1개 점검: 오류 1, 경고 0, 정보 0\n")
    )


def damaged_compute() -> Hosts:
    return [read(re.sub(r"        Port patch-int\n(?:            .*\n)+", "", COMPUTE))]


def test_hostile_names_cost_no_time_and_stay_as_they_are() -> None:
    name = " of br: leads to " * 500 + "{0}{name}"
    message = f"patch port {name} of br-int names no peer: it leads nowhere"
    found = Finding(severity="error", code="patch-peer-missing", host="h", subject="x", message=message, fix="none")
    begun = time.process_time()
    shown = translation.finding(found, "ko")
    assert time.process_time() - begun < 1
    assert "{0}{name}" in shown.message and HANGUL.search(shown.message)
    odd = NotChecked(code="x", host="h", reason="whether {a} is connected to {b!r} is not known")
    assert "{a}" in translation.not_checked(odd, "ko").reason
    assert translation.document(Document(findings=[found]), "en").findings == [found]


def test_words_are_english_unless_another_language_is_spoken() -> None:
    assert say("{count} errors", count=19899) == "19,899 errors"
    with speaking("ko"):
        assert say("{count} errors", count=19899) == "오류 19,899"
        assert say("no such word") == "no such word"
    assert say("nothing found") == "nothing found"
