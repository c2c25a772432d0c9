#!/usr/bin/env bash
# What dist_train.sh and dist_test.sh share: dist_run.sh SCRIPT CONFIG PROCESSES [arguments of the script]
set -euo pipefail
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON=${MMHSSAKD_PYTHON:-$TOOLS/../.venv/bin/python}
[ -x "$PYTHON" ] || PYTHON=python
if [ "${NNODES:-1}" = 1 ] && [ -z "${PORT:-}" ]; then
    RENDEZVOUS=(--standalone) # a free port: two runs on one machine do not meet
else
    RENDEZVOUS=(--nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}"
        --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${PORT:-29500}")
fi
exec "$PYTHON" -m torch.distributed.run "${RENDEZVOUS[@]}" --nproc-per-node "$3" \
    "$TOOLS/$1" "$2" "${@:4}" --launcher pytorch
