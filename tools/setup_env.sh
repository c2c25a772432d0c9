#!/usr/bin/env bash
# Makes everything that mmhssakd needs, once; a second call takes seconds.
#
#   bash tools/setup_env.sh
#
# MMHSSAKD_PYTHON=/path/to/python  use that environment (it has torch and torchvision) instead of .venv
# MMHSSAKD_CACHE=DIR               where compiled mmcv wheels are kept (default ~/.cache/mmhssakd)
# FORCE_CUDA=1 TORCH_CUDA_ARCH_LIST="8.0"  compile mmcv's CUDA ops on a machine without a card
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

CACHE="${MMHSSAKD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mmhssakd}"
STAMP=.venv/.mmhssakd-ready

say() { printf '[setup %s] %s\n' "$(date +%H:%M:%S)" "$*"; }
die() { printf '[setup] ERROR: %s\n' "$*" >&2; exit 1; }
pin() { sed -n "s/^$1==\([^ ]*\).*/\1/p" requirements.txt; }

stamp() { { pwd; cat requirements.txt setup.py tools/setup_env.sh; } | cksum; }

make_venv() {
    local base
    if [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1; then return; fi
    for base in python3.11 python3 python3.12 python3.10; do
        if command -v "$base" >/dev/null &&
            "$base" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null; then
            say "making .venv with $("$base" --version)"
            rm -rf .venv
            "$base" -m venv .venv
            return
        fi
    done
    die "no Python 3.10 to 3.12 with the venv module was found. Install one (Debian: apt-get install python3-venv python3-dev) or set MMHSSAKD_PYTHON."
}

install_torch() {
    if "$PY" -c 'import torch, torchvision' 2>/dev/null; then return; fi
    [ -z "${MMHSSAKD_PYTHON:-}" ] || die "MMHSSAKD_PYTHON=$MMHSSAKD_PYTHON cannot import torch and torchvision. Install them there, or unset it."
    say "installing torch $(pin torch) and torchvision $(pin torchvision) (some GB: about 3 minutes)"
    "$PY" -m pip install --progress-bar off -q "torch==$(pin torch)" "torchvision==$(pin torchvision)" ||
        die "pip could not install torch; see its message above. Call this script again to go on."
    "$PY" -c 'import torch, torchvision' || die "torch was installed but cannot be imported; see the traceback above."
}

# CUDA ops need nvcc, a CUDA build of torch, and a card or a list of architectures.
wants_cuda() {
    command -v nvcc >/dev/null || [ -n "${CUDA_HOME:-}" ] || return 1
    "$PY" - <<'PY'
import os, sys, torch
asked = os.environ.get('FORCE_CUDA') == '1' and os.environ.get('TORCH_CUDA_ARCH_LIST')
sys.exit(not (torch.version.cuda and (torch.cuda.is_available() or asked)))
PY
}

install_mmcv() {
    if "$PY" -c 'import mmcv.ops' 2>/dev/null; then return; fi
    local arch=cpu folder wheel
    if wants_cuda; then
        export FORCE_CUDA=1
        export TORCH_CUDA_ARCH_LIST="${TORCH_CUDA_ARCH_LIST:-$("$PY" -c 'import torch; print("%d.%d" % torch.cuda.get_device_capability())')}"
        arch="cuda-${TORCH_CUDA_ARCH_LIST//[^0-9.+A-Z]/_}"
    else
        unset FORCE_CUDA
    fi
    folder="$CACHE/mmcv-$(pin mmcv)-$("$PY" -c 'import sys, torch, platform; print("torch%s-cp%d%d-%s" % (torch.__version__, *sys.version_info[:2], platform.machine()))')-$arch"
    mkdir -p "$folder"
    exec 9>"$folder/.lock"
    flock 9 # two set-ups at once: the second waits and finds the wheel
    wheel=$(find "$folder" -maxdepth 1 -name '*.whl')
    if [ -z "$wheel" ]; then
        build_mmcv "$folder" "$arch"
        wheel=$(find "$folder" -maxdepth 1 -name '*.whl')
    fi
    exec 9>&-
    say "installing $(basename "$wheel") from $folder"
    "$PY" -m pip install --progress-bar off -q "$wheel"
    "$PY" -c 'import mmcv.ops' || die "the mmcv wheel in $folder does not load. Delete that folder and call this script again."
}

build_mmcv() {
    local folder=$1 arch=$2 work log jobs
    command -v c++ >/dev/null || command -v g++ >/dev/null ||
        die "mmcv's ops must be compiled for this torch, and no C++ compiler was found (Debian: apt-get install g++ python3-dev).
  With an older torch there are prebuilt mmcv wheels: 'pip install openmim; mim install mmcv==$(pin mmcv)' in that environment, then MMHSSAKD_PYTHON=<its python>."
    jobs=${MAX_JOBS:-$(nproc)}
    work=$(mktemp -d)
    log="$folder/build.log"
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    say "compiling mmcv $(pin mmcv) ops ($arch) with $jobs jobs: about 12 minutes on 2 cores, once. Log: $log"
    say "(where your torch has a prebuilt mmcv wheel, 'mim install mmcv==$(pin mmcv)' is faster: see MMHSSAKD_PYTHON above)"
    "$PY" -m pip install --progress-bar off -q 'setuptools<81' wheel ninja psutil
    "$PY" -m pip download --progress-bar off -q --no-deps --no-build-isolation --no-binary mmcv \
        -d "$work" "mmcv==$(pin mmcv)" >"$log" 2>&1 || { tail -20 "$log"; die "the source package of mmcv could not be fetched; see $log"; }
    tar -xzf "$work"/mmcv-*.tar.gz -C "$work"
    # torch >= 2.12 needs C++20 where mmcv's setup.py asks for C++17: the one change.
    "$PY" -c 'import torch,sys; sys.exit(tuple(map(int, torch.__version__.split(".")[:2])) < (2, 12))' &&
        sed -i 's/-std=c++17/-std=c++20/g' "$work"/mmcv-*/setup.py
    # -O2 -g0 compiles faster than Python's own -O3 -g, and the wheel is a tenth of the size.
    (cd "$work"/mmcv-*/ && PATH="$(dirname "$PY"):$PATH" MMCV_WITH_OPS=1 MAX_JOBS=$jobs CFLAGS="-O2 -g0" \
        "$PY" setup.py -q bdist_wheel -d "$work/out" 2>&1) | tee -a "$log" | progress ||
        { grep -n -m5 -E 'error|Error' "$log" || tail -20 "$log"; die "compiling mmcv failed; nothing was installed. The whole log: $log"; }
    mv "$work"/out/*.whl "$folder/" || die "no wheel was made; see $log"
    rm -rf "$work"
    trap - EXIT
}

# From ninja's "[12/77] c++ ..." lines, one short line each eight files.
progress() {
    awk -v start="$(date +%s)" 'match($0, /^\[[0-9]+\/[0-9]+\]/) {
        split(substr($0, 2, RLENGTH - 2), n, "/")
        if (n[1] % 8 == 0 || n[1] == n[2]) {
            "date +%s" | getline now; close("date +%s")
            printf "[setup] mmcv: file %d of %d, %d s so far, about %d s to go\n", n[1], n[2], now - start, (now - start) * (n[2] - n[1]) / n[1]
            fflush()
        }
    }'
}

install_rest() {
    say "installing mmengine, mmdet, mmpretrain and mmhssakd (editable)"
    # torch and mmcv stand; the rest of the pins follow.
    sed -e '/^torch/d' -e '/^mmcv/d' requirements.txt >"$1"
    "$PY" -m pip install --progress-bar off -q -r "$1"
    "$PY" -m pip install --progress-bar off -q --no-deps --no-build-isolation -e .
}

main() {
    if [ -n "${MMHSSAKD_PYTHON:-}" ]; then
        PY=$(command -v "$MMHSSAKD_PYTHON") || die "MMHSSAKD_PYTHON=$MMHSSAKD_PYTHON is not an executable."
        if "$PY" tools/check_env.py --quiet >/dev/null 2>&1; then say "ready: $PY"; return; fi
    else
        if [ "$(cat "$STAMP" 2>/dev/null)" = "$(stamp)" ]; then say "ready: .venv"; return; fi
        make_venv
        PY="$PWD/.venv/bin/python"
        rm -f "$STAMP"
    fi
    local list
    install_torch
    install_mmcv
    list=$(mktemp)
    install_rest "$list"
    rm -f "$list"
    "$PY" tools/check_env.py
    [ -n "${MMHSSAKD_PYTHON:-}" ] || stamp >"$STAMP"
    say "ready"
}

main
