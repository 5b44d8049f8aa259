"""`tunbridge diff` as it is typed: words, JSON, sets of sources, exit statuses."""

import json
from pathlib import Path

from tests.cli.test_see import COMPUTE, NETWORK, damaged, run


def test_the_same_ends_with_0() -> None:
    done = run("diff", COMPUTE, COMPUTE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "no difference\n", "")


def test_a_changed_option_is_told_in_words_and_ends_with_1(tmp_path: Path) -> None:
    done = run("diff", COMPUTE, damaged(tmp_path))
    assert done.returncode == 1
    assert "changed  interface patch-tun of br-int: options:peer patch-int -> nowhere\n" in done.stdout
    assert "found    error patch-peer-missing: " in done.stdout
    assert run("diff", damaged(tmp_path), COMPUTE).stdout.count("no more  error patch-peer-missing: ") == 1


def test_sets_of_sources_are_told_apart_by_two_dashes(tmp_path: Path) -> None:
    assert run("diff", COMPUTE, NETWORK, "--", NETWORK, COMPUTE).returncode == 0
    done = run("diff", COMPUTE, NETWORK, "--", damaged(tmp_path), NETWORK)
    assert done.returncode == 1 and "damaged\n" in done.stdout
    done = run("diff", COMPUTE, NETWORK, "--", COMPUTE)
    assert done.returncode == 1 and "removed  host network" in done.stdout
    unclear = run("diff", COMPUTE, NETWORK, COMPUTE)
    assert unclear.returncode == 2 and "`--`" in unclear.stderr


def test_a_saved_document_is_compared_with_the_text_that_it_was_made_of(tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    assert run("draw", "-o", saved, COMPUTE, NETWORK).returncode == 0
    assert run("diff", saved, "--", COMPUTE, NETWORK).returncode == 0


def test_json_goes_to_a_file_by_its_name(tmp_path: Path) -> None:
    target = tmp_path / "changes.json"
    assert run("diff", "-o", target, COMPUTE, damaged(tmp_path)).returncode == 1
    first = json.loads(target.read_text())["changes"][0]
    assert (first["kind"], first["attribute"], first["old"]) == ("changed", "options:peer", "patch-int")
    assert run("diff", "-f", "json", COMPUTE, COMPUTE).stdout == '{\n  "version": "1.1",\n  "changes": []\n}\n'


def test_what_cannot_be_read_is_not_taken_for_removed(tmp_path: Path) -> None:
    done = run("diff", COMPUTE, tmp_path / "nowhere.txt")
    assert (done.returncode, done.stdout) == (2, "") and "nowhere.txt" in done.stderr
    local = run("diff", COMPUTE, OVS_RUNDIR=str(tmp_path))
    assert local.returncode == 2 and f"unix:{tmp_path}/db.sock" in local.stderr


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    hostile = r'"evil\u001b[31m\u202e\nadded port x"'
    for form in ("text", "json"):
        done = run("diff", "-f", form, COMPUTE, damaged(tmp_path, "Port patch-tun", f"Port {hostile}"))
        assert done.returncode == 1 and "evil" in done.stdout
        assert "\x1b" not in done.stdout and "\u202e" not in done.stdout and "\nadded" not in done.stdout
