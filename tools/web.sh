#!/usr/bin/env bash
# Build the page's scripts when their sources changed. The division codes are an npm package too.
set -euo pipefail
cd web

if ! command -v npm >/dev/null; then
  echo "缺少 Node.js（≥ 20.19）和 npm / Node.js (20.19 or newer) with npm is missing" >&2
  exit 5
fi
packages=$(cat package.json package-lock.json | sha256sum | cut -c1-16)
if [ "$(cat node_modules/.kunyu 2>/dev/null || true)" != "$packages" ]; then
  echo "安装网页组件 / installing web packages" >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
  echo "$packages" >node_modules/.kunyu
fi
sources=$({ echo "$packages"; find src ./*.config.ts tsconfig.json -type f -print0 | sort -z | xargs -0 cat; } | sha256sum | cut -c1-16)
if [ "$(cat dist/.kunyu 2>/dev/null || true)" != "$sources" ]; then
  echo "构建网页 / building the web parts" >&2
  npm run build --silent -- --logLevel warn >&2
  echo "$sources" >dist/.kunyu
fi
