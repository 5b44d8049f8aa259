"""explain's options, the language, and the small things of the command line: help, errors, completion, counts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_see import COMPUTE, NETWORK, complete, run
from tunbridge.cli import labs, locale, pause
from tunbridge.cli.findings import report
from tunbridge.inspect.check import check
from tunbridge.inspect.model import Bridge, Host, Interface, Port
from tunbridge.inspect.understand import understand


def test_brief_has_no_citations_and_one_path() -> None:
    done = run("explain", "--brief", COMPUTE, NETWORK)
    assert done.returncode == 0 and "[" not in done.stdout
    assert done.stdout.count("⇒") == 1


def test_markdown_by_option_and_by_the_name_of_the_file(tmp_path: Path) -> None:
    asked = run("explain", "-f", "md", COMPUTE, NETWORK).stdout
    assert asked.startswith("## Overview\n\n* Hosts given")
    assert run("explain", "-o", tmp_path / "cloud.md", COMPUTE, NETWORK).returncode == 0
    assert (tmp_path / "cloud.md").read_text(encoding="utf-8") == asked


def test_the_path_between_two_hosts() -> None:
    done = run("explain", "--path", "network", "compute0", COMPUTE, NETWORK)
    assert done.stdout.startswith("From a workload on network to a VM on compute0\n")
    out = run("explain", "--path", "compute0", "outside", COMPUTE, NETWORK)
    assert out.stdout.startswith("From a VM on compute0 to the outside, via network\n")
    wrong = run("explain", "--path", "compute0", "netwrk", COMPUTE, NETWORK)
    assert wrong.returncode == 2 and "--path: netwrk: no such host; there are: network" in wrong.stderr
    same = run("explain", "--path", "compute0", "compute0", COMPUTE, NETWORK)
    assert same.returncode == 2 and "to itself" in same.stderr


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ko_KR.utf8"}, "ko"),
        ({"LANG": "kok_IN"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_locale_chooses_the_language(environ: dict[str, str], language: str) -> None:
    assert locale.spoken(None, environ) == language
    assert locale.spoken(locale.Language.en, environ) == "en"


def test_codes_are_explained_as_the_locale_speaks() -> None:
    listed = run("check", "--list-codes", LANG="ko_KR.UTF-8").stdout
    assert "오류    tunnel-one-way" in listed
    assert "보고하지 않는 경우: " in run("check", "--lang", "ko", "--explain", "tunnel-one-way").stdout
    assert "Not reported when " in run("check", "--lang", "en", "--explain", "tunnel-one-way", LANG="ko").stdout


def test_explain_speaks_as_the_locale_does() -> None:
    korean = {"LC_ALL": "ko_KR.UTF-8", "PYTHONUTF8": "1"}
    assert "통합 브리지" in run("explain", COMPUTE, **korean).stdout
    assert "integration bridge" in run("explain", "--lang", "en", COMPUTE, **korean).stdout


# -- help and errors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["draw", "lab up", "user add", "lab", ""])
def test_help_writes_no_type_beside_a_flag(command: str) -> None:
    done = run(*command.split(), "--help", COLUMNS="200")
    assert done.returncode == 0 and "--help" in done.stdout and "bool" not in done.stdout


def test_help_tells_defaults() -> None:
    done = run("draw", "--help", COLUMNS="200")
    assert "(default: by the name after -o, else text)" in done.stdout


def test_no_default_is_lost_to_the_markup_of_help() -> None:
    told = " ".join(run("lab", "up", "--help").stdout.replace("│", " ").split())
    assert "(default: 127.0.0.1:9696, or a free port where that one is taken)" in told


def test_trace_without_the_second_end_says_so() -> None:
    done = run("trace", "vm0", "lab:")
    assert done.returncode == 2 and "TO is missing: lab: is a SOURCE" in done.stderr


def test_a_wrong_value_is_refused_without_noise() -> None:
    for arguments in (("draw", "-f", "gif", COMPUTE), ("--color", "gif", "draw", COMPUTE)):
        done = run(*arguments, COLUMNS="200")
        assert done.returncode == 2 and "'gif' is not one of" in done.stderr and "Value error" not in done.stderr


def test_users_of_a_directory_that_is_not_there_are_an_error(tmp_path: Path) -> None:
    done = run("user", "list", "--directory", tmp_path / "no")
    assert done.returncode == 2 and "no such directory" in done.stderr and done.stdout == ""
    assert run("user", "list", "--directory", tmp_path).returncode == 0


def test_a_repair_that_was_none_has_no_time() -> None:
    assert "ms" not in pause.outcome([], 0.0001)
    assert pause.outcome(["patch-peer-missing patch-tun"], 0.0764).startswith("repaired 76 ms after")


def test_counts_have_separators() -> None:
    ports = [Port(name=f"p{n}", tag=4095, interfaces=[Interface(name=f"p{n}", type="internal")]) for n in range(1_200)]
    host = Host(name="h", system_id="u", ovs_version="3", bridges=[Bridge(name="br-int", ports=ports)])
    text = report(check(understand([host]))).plain
    assert "and 1,187 more (1,200 in all)" in text and "1,200 warnings" in text.replace("errors", "warnings")


# -- completion -------------------------------------------------------------------------------------------------------


CASES = {
    "draw lab : h": "here",
    "draw lab :": "here two",
    "draw x = a": "a.txt",
    "draw x = lab : t": "two",
    "draw lab : a": "a.txt",
    "explain --lang = k": "ko",
    "check --explain dead": "dead-vlan",
}
"""Words as bash cuts them, and what it is to put in place of the last one."""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_after_a_colon_and_an_equals_sign(tmp_path: Path) -> None:
    for place in ("labs/here", "labs/two", "work"):
        (tmp_path / place).mkdir(parents=True)
    work = tmp_path / "work"
    (work / "a.txt").touch()
    program = work / "tunbridge"
    program.write_text(
        f"#!{sys.executable}\nfrom pathlib import Path\nfrom tunbridge.cli import labs, main\n"
        f"labs.ROOT = Path({str(tmp_path / 'labs')!r})\nmain.main()\n"
    )
    program.chmod(0o755)
    script = """
source <(_TUNBRIDGE_COMPLETE=source_bash ./tunbridge)
for words; do
    COMP_WORDS=(tunbridge $words); COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
    _tunbridge_completion ./tunbridge
    echo "$words -> ${COMPREPLY[*]}"
done
"""
    done = subprocess.run(
        ["bash", "-c", script, "bash", *CASES], cwd=work, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stderr == ""
    assert dict(line.split(" -> ") for line in done.stdout.splitlines()) == CASES


def test_labs_are_completed_where_words_are_whole() -> None:
    before, offered = labs.names(), complete("tunbridge draw lab:").split()
    assert {f"lab:{name}" for name in {*before} & {*labs.names()}} <= {*offered}  # others come and go meanwhile
    assert os.environ.get("COMP_WORDS") is None
