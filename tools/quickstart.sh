#!/usr/bin/env bash
# From an empty machine to distilled networks on real images: set-up, data, training, tables.
#   bash tools/quickstart.sh [--quick] [--seeds 0 1 2 3 4] [--work-dir DIR]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/setup_env.sh
PYTHON=${MMHSSAKD_PYTHON:-.venv/bin/python}
"$PYTHON" tools/dataset_converters/prepare_fashion_mnist.py
exec "$PYTHON" tools/quickstart.py "$@"
