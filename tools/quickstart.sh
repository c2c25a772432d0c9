#!/usr/bin/env bash
# From an empty machine to distilled networks on real images: set-up, data, then the sweep that trains and tabulates.
#   bash tools/quickstart.sh [--quick] [--seeds 0 1 2 3 4] [--work-dir DIR] [--jobs N] [--verbose]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/setup_env.sh
PYTHON=${MMHSSAKD_PYTHON:-.venv/bin/python}
"$PYTHON" tools/dataset_converters/prepare_fashion_mnist.py
SCENES=data/fashion-scenes/ImageSets/Main/test.txt
[ "$(cat $SCENES 2>/dev/null | wc -l)" -ge 1000 ] || "$PYTHON" -W ignore tools/dataset_converters/make_fashion_scenes.py
exec "$PYTHON" tools/sweep.py configs/sweeps/quickstart.json --report "$@"
