#!/usr/bin/env bash
# Makes everything that mmhssakd needs, once; a second call takes a second.
#
#   bash tools/setup_env.sh [--stack classic|onedl] [--python 3.12] [--venv .venv] [--tests]
#
# --stack   the classic OpenMMLab packages (default), or their maintained forks; another one makes the environment anew
# --python  version or path of the Python to use (default: the first of 3.11, 3.12, 3.13, 3.10 that is there)
# --venv    where to make the environment
# --tests   with the packages of the tests and the documentation
# MMHSSAKD_PYTHON=/path/to/python  use that environment (it has torch and torchvision) instead of making one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '[setup] %s\n' "$*"; }
die() { printf '[setup] ERROR: %s\n' "$*" >&2; exit 1; }
checksum() { { pwd; cat pyproject.toml requirements.lock setup.py; } | cksum; }

# A Python by its version or path; on Debian it may lack the venv module, and pyenv's shims may lead nowhere.
find_python() {
    local name
    for name in "python$1" "$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1"{,.*}/bin/python; do
        if "$name" -c 'import venv, ensurepip' 2>/dev/null; then command -v "$name"; return; fi
    done
    return 1
}

make_venv() {
    local name base= start=$SECONDS
    if [ -x "$VENV/bin/python" ] && [ "$(cat "$VENV/.stack" 2>/dev/null)" = "$STACK" ] &&
        { [ -z "$PYTHON" ] || [ "$(cat "$VENV/.python")" = "$PYTHON" ]; }; then return; fi
    for name in ${PYTHON:-3.11 3.12 3.13 3.10 3}; do
        if base=$(find_python "$name"); then break; fi
    done
    [ -n "$base" ] || die "no Python ${PYTHON:-3.10 to 3.13} with the venv module was found. Install one (Debian: apt-get install python3-venv) or give --python."
    "$base" -c 'import runpy, sys
try: runpy.run_path("mmhssakd/compat/stacks.py")["check_python"]()
except ImportError as error: sys.exit(f"[setup] ERROR: {error}")' || exit 1
    say "making $VENV with $("$base" --version), for the $STACK stack"
    rm -rf "$VENV"
    "$base" -m venv "$VENV"
    echo "$STACK" >"$VENV/.stack"
    echo "$PYTHON" >"$VENV/.python"
    say "made in $((SECONDS - start)) s"
}

# uv is quicker than pip, but does not read pip's settings: where those name an index, and uv's do not, pip it is.
find_uv() {
    UV=
    [ -z "${MMHSSAKD_PYTHON:-}" ] || return 0 # that environment is not ours to add uv to
    if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX:-}${UV_INDEX_URL:-}${UV_CONFIG_FILE:-}" ] &&
        ! ls /etc/uv/uv.toml "${XDG_CONFIG_HOME:-$HOME/.config}/uv/uv.toml" >/dev/null 2>&1 &&
        "$PY" -m pip config list | grep -E '\.(no-index|index-url)=' >/dev/null; then
        say "pip's settings name a package index: installing with pip"
    elif command -v uv >/dev/null; then
        UV=$(command -v uv)
    elif "$PY" -m pip install -q uv >"$LOG" 2>&1; then
        UV=$(dirname "$PY")/uv
    else
        say "uv cannot be had: installing with pip"
    fi
}

# Installs the package, editable, with extras; the exact versions of requirements.lock where the environment is ours.
install() {
    local start=$SECONDS
    export MMCV_WITH_OPS=0 # the fork's mmcv comes as source: no compiling
    if [ -n "$UV" ]; then
        say "installing torch, torchvision, mmengine, mmdet, mmpretrain and what they need with uv (6 GB)"
        "$UV" pip install --python "$PY" -c requirements.lock -e ".[$1]" >>"$LOG" 2>&1 || explain
    elif [ -z "${MMHSSAKD_PYTHON:-}" ]; then
        say "installing torch, torchvision, mmengine, mmdet, mmpretrain and what they need with pip (6 GB, some minutes)"
        sed -e '/--hash/d' -e 's/ *\\$//' requirements.lock >"$VENV/constraints.txt" # hashes would have to be given for "." too
        "$PY" -m pip install -q -c "$VENV/constraints.txt" -e ".[$1]" >>"$LOG" 2>&1 || explain
    else
        say "adding what $PY lacks with pip"
        "$PY" -m pip install -q -e ".[$1]" >>"$LOG" 2>&1 || explain
    fi
    say "installed in $((SECONDS - start)) s"
}

explain() {
    tail -n 15 "$LOG" >&2
    if grep -qiE 'no space left|disk quota' "$LOG"; then
        die "the disk is full: $(df -h --output=avail "$(dirname "$LOG")" | tail -1 | tr -d ' ') are left where 6 GB are needed. Make room and call this again: it goes on."
    elif grep -qiE 'connection|network|dns error|name resolution|timed out|error sending request|proxy' "$LOG"; then
        die "the package index cannot be reached. Check the network (or the proxy and index settings of uv and pip) and call this again: it goes on."
    fi
    die "the packages could not be installed; the whole log is $LOG."
}

# mmcv-lite, unless that would overwrite an mmcv of somebody's own.
extras() {
    local stack=$STACK
    [ "$stack" = onedl ] || { "$PY" -c 'from importlib.metadata import version; version("mmcv")' 2>/dev/null || stack=lite; }
    echo "$stack${TESTS:+,tests,docs}"
}

main() {
    VENV=.venv PYTHON='' STACK='' TESTS=''
    while [ $# -gt 0 ]; do
        case $1 in
            --venv | --python | --stack) [ $# -gt 1 ] || die "$1 needs a value"; printf -v "$(tr a-z A-Z <<<"${1#--}")" %s "$2"; shift ;;
            --tests) TESTS=1 ;;
            *) die "unknown option $1; see the head of tools/setup_env.sh" ;;
        esac
        shift
    done
    local start=$SECONDS
    if [ -n "${MMHSSAKD_PYTHON:-}" ]; then
        PY=$(command -v "$MMHSSAKD_PYTHON") || die "MMHSSAKD_PYTHON=$MMHSSAKD_PYTHON is not an executable."
        if "$PY" tools/check_env.py --quiet ${TESTS:+--tests} >/dev/null 2>&1; then say "ready: $PY"; return; fi
        "$PY" -c 'import torch, torchvision' || die "$PY cannot import torch and torchvision. Install them there, or unset MMHSSAKD_PYTHON."
        STACK=$("$PY" -c 'import runpy; print(runpy.run_path("mmhssakd/compat/stacks.py")["current"]())') LOG=$(mktemp)
    else
        STACK=${STACK:-$(cat "$VENV/.stack" 2>/dev/null || echo classic)}
        [[ $STACK =~ ^(classic|onedl)$ ]] || die "--stack must be classic or onedl, not $STACK"
        make_venv
        PY=$(realpath -s "$VENV/bin/python") LOG=$VENV/setup.log
        if [ "$(cat "$VENV/.ready" 2>/dev/null)" = "$(checksum)" ] && { [ -z "$TESTS" ] || [ -f "$VENV/.tests" ]; }; then
            say "ready: $VENV"
            return
        fi
        rm -f "$VENV/.ready"
    fi
    find_uv
    install "$(extras)"
    local check=$SECONDS
    "$PY" -W ignore tools/check_env.py ${TESTS:+--tests} # the packages warn where Python 3.12 compiles them
    say "checked in $((SECONDS - check)) s"
    if [ -z "${MMHSSAKD_PYTHON:-}" ]; then
        checksum >"$VENV/.ready"
        [ -z "$TESTS" ] || touch "$VENV/.tests"
    fi
    say "ready: $PY, in $((SECONDS - start)) s"
}

main "$@"
