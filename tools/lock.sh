#!/usr/bin/env bash
# Writes requirements.lock anew: one set of versions, with hashes, for both stacks and all extras of pyproject.toml.
#   bash tools/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export MMCV_WITH_OPS=0 UV_CUSTOM_COMPILE_COMMAND="bash tools/lock.sh"
uv=$(command -v uv || echo .venv/bin/uv)
exec "$uv" pip compile -q pyproject.toml --extra lite --extra onedl --extra tests --extra docs --extra slurm \
    --universal --python-version 3.10 --generate-hashes --no-annotate --no-emit-index-url --output-file requirements.lock "$@"
