#!/usr/bin/env bash
# Set up what is missing and run the tests: bash tools/run_tests.sh [options of pytest]
# Without options a check of style comes first, and the slow part follows: interruptions, processes, memory (docs/reliability.md).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/setup_env.sh
PYTHON=${MMHSSAKD_PYTHON:-.venv/bin/python}
"$PYTHON" tools/dataset_converters/prepare_fashion_mnist.py
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # a test process on each core: more threads would only get in each other's way
[ $# -gt 0 ] || "$PYTHON" -m ruff check .
"$PYTHON" -m pytest tests --ignore tests/slow -n auto --dist loadfile "$@"
[ $# -gt 0 ] || "$PYTHON" -m pytest tests/slow
