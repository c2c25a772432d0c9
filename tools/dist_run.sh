#!/usr/bin/env bash
# What dist_train.sh and dist_test.sh share: dist_run.sh SCRIPT CONFIG PROCESSES [arguments of the script]
set -euo pipefail
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON=${MMHSSAKD_PYTHON:-$TOOLS/../.venv/bin/python}
[ -x "$PYTHON" ] || PYTHON=python
NNODES=${NNODES:-1} NODE_RANK=${NODE_RANK:-0} MASTER_ADDR=${MASTER_ADDR:-127.0.0.1}
if [ "$NNODES" = 1 ] && [ -z "${PORT:-}" ]; then
    RENDEZVOUS=(--standalone) # a free port: two runs on one machine do not meet
elif [ "${MAX_RESTARTS:-0}" = 0 ]; then
    RENDEZVOUS=(--node-rank "$NODE_RANK" --master-addr "$MASTER_ADDR" --master-port "${PORT:-29500}")
else # machines may leave and come back
    # how the others reach this one, whose name may be 127.0.1.1 in its own /etc/hosts; nothing is sent
    FIND="import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.connect(('$MASTER_ADDR', 1)); print(s.getsockname()[0])"
    RENDEZVOUS=(--rdzv-backend c10d --rdzv-endpoint "$MASTER_ADDR:${PORT:-29500}"
        --rdzv-conf "is_host=$((NODE_RANK == 0))" --local-addr "$("$PYTHON" -c "$FIND")")
    # torch 2.14: machines that stayed would look for a process 0 that came back at its old port
    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
fi
exec "$PYTHON" -m torch.distributed.run "${RENDEZVOUS[@]}" --nnodes "$NNODES" --nproc-per-node "$3" \
    --max-restarts "${MAX_RESTARTS:-0}" "$TOOLS/$1" "$2" "${@:4}" --launcher pytorch
