#!/usr/bin/env bash
# Train with several processes: bash tools/dist_train.sh CONFIG PROCESSES [options of train.py]
# One process a GPU; without a GPU, gloo on the CPU. Several machines: set NNODES, NODE_RANK, MASTER_ADDR, PORT.
exec "$(dirname "${BASH_SOURCE[0]}")/dist_run.sh" train.py "${1:?config file}" "${2:?number of processes}" "${@:3}"
