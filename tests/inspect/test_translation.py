"""Findings in Korean: every message and fix of every check has a translation, and names in it stay as they are."""

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from tests.inspect.check_cases import NEAR_MISS, RAISED, Hosts, checked
from tests.inspect.test_check_fixes import damaged
from tests.inspect.test_reader import COMPUTE, NETWORK, read
from tunbridge.cli.findings import report
from tunbridge.inspect import translation
from tunbridge.inspect.checks.interfaces import _MEANINGS
from tunbridge.inspect.checks.registry import CODES
from tunbridge.inspect.draw import text as draw_text
from tunbridge.inspect.draw.safe import cells
from tunbridge.inspect.formats import html
from tunbridge.inspect.model import Document, Finding, NotChecked
from tunbridge.inspect.translation import ko, say, speaking
from tunbridge.inspect.translation.ko import codes, lab, pieces, words
from tunbridge.inspect.understand import understand

SOURCE = Path(translation.__file__).parents[2]
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
    tables = [*ko.FINDINGS.values(), pieces.PIECES, pieces.REASONS, words.WORDS, lab.LAB]
    for table in tables:
        for english, korean in table.items():
            there = {name for _, name, _, _ in Formatter().parse(english.replace("!}", "}")) if name}
            used = {name for _, name, _, _ in Formatter().parse(korean) if name}
            assert used <= there, english
            same = {"same", "kind", "second", "third"}  # said once in Korean
            assert there - used <= same, english
    assert set(ko.FINDINGS) <= set(CODES)


def test_every_code_is_explained_with_its_commands_and_columns() -> None:
    assert set(codes.CODES) == set(CODES)
    for code, entry in CODES.items():
        shown = translation.code(entry, "ko")
        assert shown.severity == entry.severity and translation.code(entry, "en") is entry
        for field in ("summary", "meaning", "not_when", "fix"):
            english, korean = getattr(entry, field), getattr(shown, field)
            assert HANGUL.search(korean), (code, field)
            assert set(re.findall("`[^`]+`", english)) == set(re.findall("`[^`]+`", korean)), (code, field)


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


def said_in_code() -> Iterator[str]:
    """Every text that pictures, pages and reports are made of, as it stands in the code."""
    for path in (*(SOURCE / "inspect" / "draw").glob("*.py"), *(SOURCE / "inspect" / "formats").glob("*.py"),
                 SOURCE / "cli" / "findings.py"):  # fmt: skip
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                first = node.args[0]
                choices = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                yield from (str(one.value) for one in choices if isinstance(one, ast.Constant))


def test_every_text_of_pictures_and_pages_is_translated() -> None:
    texts = list(said_in_code())
    assert len(texts) > 60
    assert [text for text in texts if text not in words.WORDS] == []


def test_the_page_s_own_texts_are_what_is_translated() -> None:
    """A text that changed in the page must change in the catalogue too."""
    for name, catalogue in (("page.html", words.PAGE), ("page.js", words.SCRIPT)):
        text = (SOURCE / "inspect" / "formats" / name).read_text(encoding="utf-8")
        assert [english for english in catalogue if english not in text] == []


def test_picture_and_page_speak_korean() -> None:
    shown = translation.document(understand([read(COMPUTE), read(NETWORK)]), "ko")
    broken = translation.document(checked(*damaged_compute()), "ko")
    with speaking("ko"):
        drawn = draw_text.render(shown, width=120)
        page = html.render(broken)
    for word in ("컴퓨트", "프로바이더", "컨트롤러 ✓", "VXLAN 오버레이", "물리 네트워크"):
        assert word in drawn
    lines = [line for line in drawn.splitlines() if line.startswith(("│", "╭", "╰"))]
    assert len({cells(line) for line in lines}) == 1  # wide characters do not push the frames apart
    assert '<html lang="ko">' in page and ">점검 결과<" in page and "오류: patch-peer-missing" in page
    assert "br-int의 패치 포트 patch-tun은 patch-int로 이어지지만" in page
    assert "Zoom" not in page and "Go to the other end" not in page
    english = html.render(checked(*damaged_compute()))
    assert not HANGUL.search(english)


def samples(node: ast.expr) -> list[str]:
    """The texts that an expression can be, with something in the place of each value."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return [*samples(node.body), *samples(node.orelse)]
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(v.value) if isinstance(v, ast.Constant) else "12" for v in node.values)]
    return []


def told_by_labs() -> Iterator[str]:
    """What the lab's modules give to `progress`, and what stands beside the next steps."""
    for path in (SOURCE / "lab").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "progress":
                yield from samples(node.args[-1])
    cli = ast.parse((SOURCE / "cli" / "lab.py").read_text(encoding="utf-8"))
    for function in (n for n in cli.body if isinstance(n, ast.FunctionDef) and n.name.endswith("_steps")):
        for node in ast.walk(function):
            if isinstance(node, ast.Tuple) and len(node.elts) == 2:
                yield from (text for text in samples(node.elts[1]) if text)


def test_what_a_lab_tells_is_translated() -> None:
    texts = {*told_by_labs(), "12: the dump of its peer 12 was not given; the tunnel to it leads nowhere in this lab"}
    texts |= {"note: " + text for text in texts if text.startswith("12: the dump")}
    assert len(texts) > 25
    with speaking("ko"):
        assert [text for text in sorted(texts) if not HANGUL.search(translation.of_lab(text))] == ["12: 12"]
        wired = (
            "2 hosts wired in 1.8 s; datapath netdev: this kernel has no openvswitch module, so packets are switched "
        )
        assert translation.of_lab(f"{wired}in userspace").endswith("사용자 공간에서 패킷을 처리합니다")
    assert translation.of_lab("starting the agent") == "starting the agent"
