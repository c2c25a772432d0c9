#!/usr/bin/env bash
# All arms and seeds of a transfer benchmark, resumable, with a table:
#   bash tools/benchmark_transfer.sh CONFIG [--arm NAME=CHECKPOINT ...] [--seeds 0 1 2] [--work-dir DIR] [--jobs N]
#       [--cfg-options KEY=VALUE ...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${MMHSSAKD_PYTHON:-.venv/bin/python}
[ -x "$PYTHON" ] || PYTHON=python
exec "$PYTHON" tools/benchmark_transfer.py "$@"
