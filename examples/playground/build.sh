#!/usr/bin/env bash
# Builds the playground: the engine, if Rust can build for WebAssembly here, and the pages.
# `build.sh` writes examples/playground/quorate.html and src/adapters/record/viewer.html.
# `build.sh --check` writes nothing, and fails if the pages that are checked in are not what their sources give.
# Needs node 20 and npm; for the engine also a Rust toolchain with the target wasm32-unknown-unknown.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

mode="${1:-}"
if [ -n "$mode" ] && [ "$mode" != --check ]; then
    echo "usage: build.sh [--check]" >&2
    exit 2
fi
if [ "$mode" = --check ]; then
    # What the tools here cannot build is not compared, and build.mjs says so.
    engine/build.sh || rm -rf engine/pkg
else
    engine/build.sh
fi
cd page
npm ci --no-audit --no-fund
npm run --silent check
node build.mjs $mode
