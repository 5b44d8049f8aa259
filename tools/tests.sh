#!/usr/bin/env bash
# Run pytest as given; tests of a few files that fail are run once more, by themselves.
#
# The tests start real switches, kernels and servers on machines that others use too. What fails because a machine stood still for
# seconds passes when it runs alone; what is wrong fails again. Whatever needed its second run is named at the end.
set -uo pipefail
[ $# -gt 0 ] || { echo "usage: tools/tests.sh PYTHON -m pytest [ARGUMENT]..." >&2; exit 2; }
at_most=4
# Where Python may not keep bytecode, each process of the tests, and each server and agent, compiles everything anew.
unset PYTHONDONTWRITEBYTECODE
failed=.pytest_cache/v/cache/lastfailed

cd "$(dirname "$0")/.."
rm -f "$failed"
"$@"
status=$?
[ "$status" -eq 1 ] || exit "$status"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# By files: what the tests of a file share fails for all of them at once.
count=$("$1" -c 'import json, pathlib
print(len({test.split("::")[0] for test in json.loads(pathlib.Path("'"$failed"'").read_text())}))')
if [ "$count" -gt "$at_most" ]; then
    echo "Tests of $count files failed: too many to be a machine that stood still, not run again." >&2
    exit 1
fi
echo
echo "Tests of $count files failed. Run once more, one at a time:"
"$1" -m pytest --last-failed -v 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
if [ "$status" -eq 0 ]; then
    echo "Passed at the second run only (worth a look):"
    grep -oE '^tests/[^ ]+::.* PASSED' "$log" | sed 's/ PASSED$//; s/^/  /'
fi
exit "$status"
