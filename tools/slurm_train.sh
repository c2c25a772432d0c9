#!/usr/bin/env bash
# Train under Slurm: bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options of train.py]
# From the environment: GPUS processes (8), GPUS_PER_NODE of them on each node (8), each with one GPU and CPUS_PER_TASK
# cores (5). GPUS_PER_NODE=0 asks for no GPU: the processes use gloo on the CPU, and Slurm chooses their nodes.
# SRUN_ARGS: more options of srun. PORT: where the processes meet; drawn at random, so that jobs on one node do not.
set -euo pipefail
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON=${MMHSSAKD_PYTHON:-$TOOLS/../.venv/bin/python}
[ -x "$PYTHON" ] || PYTHON=python
PER_NODE=${GPUS_PER_NODE:-8}
ON_GPUS="--gres=gpu:$PER_NODE --ntasks-per-node=$PER_NODE"
[ "$PER_NODE" != 0 ] || ON_GPUS=
export MASTER_PORT=${PORT:-$((10000 + RANDOM % 20000))}
# shellcheck disable=SC2086
exec srun -p "${1:?partition}" --job-name="${2:?job name}" --ntasks="${GPUS:-8}" $ON_GPUS \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "$PYTHON" -u "$TOOLS/train.py" "${3:?config file}" --work-dir "${4:?work dir}" --launcher slurm "${@:5}"
