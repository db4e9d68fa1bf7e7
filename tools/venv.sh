#!/usr/bin/env bash
# Bring .venv to the state of a lock: venv.sh node|dev. The dev lock contains the node lock.
set -euo pipefail

want=$1
stamp=.venv/.lock
digest() { cat "requirements/$1.txt" pyproject.toml | sha256sum | cut -c1-16; }
have=$(cat "$stamp" 2>/dev/null || true)
[ "$have" = "$want $(digest "$want")" ] && exit 0
[ "$want" = node ] && [ "$have" = "dev $(digest dev)" ] && exit 0
# never take packages away from a developer: once dev, always dev
[[ "$have" == dev* ]] && want=dev

[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
echo "安装 Python 组件 / installing Python packages (requirements/$want.txt)" >&2
pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet)
# pip compiles one file after another, the packages' own tests too; here all processors do, and leave those out
"${pip[@]}" install --no-compile --require-hashes --no-deps -r "requirements/$want.txt"
.venv/bin/python -m compileall -q -j 0 -x '/tests/' .venv/lib >/dev/null || true # a package may carry what is no Python
"${pip[@]}" install --no-deps --no-build-isolation --editable .
echo "$want $(digest "$want")" >"$stamp"
