#!/usr/bin/env bash
# Set up what is missing and run the tests: bash tools/run_tests.sh [options of pytest]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/setup_env.sh
PYTHON=${MMHSSAKD_PYTHON:-.venv/bin/python}
"$PYTHON" tools/dataset_converters/prepare_fashion_mnist.py
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
    echo "[tests] no chromium and no google-chrome: tests/visualization/test_browser.py is left out (Debian: apt-get install chromium)"
    set -- --ignore tests/visualization/test_browser.py "$@"
fi
exec "$PYTHON" -m pytest tests "$@"
