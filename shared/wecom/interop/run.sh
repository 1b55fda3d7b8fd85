#!/bin/sh
# Exchanges random messages with Tencent's npm package @wecom/crypto and with wechatpy from PyPI, in both directions.
# Needs node, npm and python3. Installs into the cargo target directory and nowhere else.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cd "$here/.."
target=${CARGO_TARGET_DIR:-$(cargo metadata --no-deps --format-version 1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')}
work="$target/interop"
mkdir -p "$work/node"

cargo build --quiet --package wecom-sdk --no-default-features --example interop
export INTEROP_BINARY="$target/debug/examples/interop"

[ -d "$work/node/node_modules/@wecom/crypto" ] || npm install --silent --no-fund --no-audit --prefix "$work/node" @wecom/crypto@1.0.1
[ -x "$work/python/bin/python" ] || python3 -m venv "$work/python"
"$work/python/bin/python" -c 'import wechatpy.enterprise.crypto, cryptography' 2>/dev/null ||
    "$work/python/bin/pip" install --quiet --disable-pip-version-check 'wechatpy[cryptography]==1.8.18'

NODE_PATH="$work/node/node_modules" node "$here/wecom_crypto.cjs"
"$work/python/bin/python" "$here/with_wechatpy.py"
