#!/bin/sh
# Write requirements/*.txt from requirements/*.in, with hashes and without the address of any index.
set -eu
cd "$(dirname "$0")/.."
for lock in base test build demo; do
    dependencies=
    [ "$lock" = demo ] && dependencies=--no-deps
    .venv/bin/python -I -m uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
        --no-annotate --python-version 3.12 $dependencies "$@" "requirements/$lock.in" -o "requirements/$lock.txt"
done
if grep -nE 'https?://|--(extra-)?index-url' requirements/*.txt; then
    echo "A lock names an address; locks must not." >&2
    exit 1
fi
