#!/usr/bin/env bash
# Set up what is missing, check the style, and run the tests: bash tools/run_tests.sh [options of pytest]
# tests/slow, which interrupts runs and watches their memory (docs/reliability.md), is 4 minutes of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/setup_env.sh --tests
PYTHON=${MMHSSAKD_PYTHON:-.venv/bin/python}
"$PYTHON" tools/dataset_converters/prepare_fashion_mnist.py
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # a test process on each core: more threads would only get in each other's way
"$PYTHON" -m ruff check .
"$PYTHON" -m ruff format --check -q .
exec "$PYTHON" -m pytest tests -n auto --dist loadfile "$@"
