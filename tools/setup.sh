#!/usr/bin/env bash
# Make the virtual environment $1 with exactly the locked packages, and `tunbridge` in it; with the word `developer`, those
# of tests, lint and docs as well.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
lock=requirements.lock
[ "${2:-}" != developer ] || lock=requirements-dev.lock
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "tunbridge needs Python 3.11 or newer; $python is $("$python" -V 2>&1). Set PYTHON to a newer one." >&2
    exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing python3-venv"
        tools/apt.sh python3-venv
    else
        echo "Python's venv module is missing: as root, apt-get install python3-venv" >&2
        exit 1
    fi
fi

pip() { "$venv/bin/python" -m pip "$@" --disable-pip-version-check --no-input; }

# Show how far pip is: one line that is written over on a terminal, else a line for every tenth package.
progress() {
    local line count=0 total
    total=$(grep -c '^[A-Za-z0-9].*==' "$lock")
    while IFS= read -r line; do
        case $line in
        Collecting\ * | Processing\ * | Requirement\ already\ satisfied:*)
            count=$((count + 1))
            if [ -t 1 ]; then
                line=${line#Requirement already satisfied:} line=${line#[CP]*ing} line=${line# } line=${line%% *} line=${line##*/}
                printf '\r\033[K  %d of %d packages: %s' "$count" "$total" "${line%%[=-]*}"
            elif [ $((count % 10)) = 0 ]; then
                echo "  $count of $total packages"
            fi ;;
        Installing\ collected*) if [ -t 1 ]; then printf '\r\033[K  installing them'; else echo "  installing them"; fi ;;
        ERROR* | *error:*) printf '\n%s\n' "$line" >&2 ;;
        esac
    done
    if [ -t 1 ]; then printf '\r\033[K'; fi
}

echo "making $venv"
[ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$venv"
pip install --require-hashes --no-deps -r "$lock" 2>&1 | progress
if [ "$lock" = requirements-dev.lock ]; then
    pip install --quiet --no-deps --no-build-isolation -e .
    touch "$venv/.done"
else
    pip install --quiet --no-deps -e .
fi
touch "$venv/.installed"
echo "$("$venv/bin/tunbridge" --version) is in $venv/bin/tunbridge"
