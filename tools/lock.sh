#!/usr/bin/env bash
# Make the locks anew: every package with the hashes of all its files, so x86-64 and aarch64 alike; no addresses.
set -euo pipefail

uv=${UV:-$(command -v uv || true)}
[ -n "$uv" ] || { echo "uv is needed: pip install uv, or UV=/path/to/uv make lock" >&2; exit 5; }
lock() { # NAME OPTIONS: the extra of that name, into the file of that name
  CUSTOM_COMPILE_COMMAND="make lock" "$uv" pip compile pyproject.toml --extra "$1" --universal --python-version 3.11 \
    --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet --output-file "requirements/$1.txt" "${@:2}"
}
lock dev
# the smaller ones are parts of the large one: the same versions everywhere
constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
grep -E '^[a-z0-9._-]+==' requirements/dev.txt | sed 's/ *\\$//' >"$constraints"
rm -f requirements/node.txt requirements/check.txt
lock node --extra build --constraint "$constraints"
lock check --constraint "$constraints"
