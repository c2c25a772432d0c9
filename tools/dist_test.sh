#!/usr/bin/env bash
# Evaluate with several processes: bash tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of test.py]
exec "$(dirname "${BASH_SOURCE[0]}")/dist_run.sh" test.py "${1:?config file}" "${3:?number of processes}" "${2:?checkpoint}" "${@:4}"
