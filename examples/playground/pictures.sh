#!/usr/bin/env bash
# Draws the pictures of the documentation from real runs: those of pictures.json, by the engine of the playground.
# `pictures.sh` writes src/guide/pictures/*.svg.
# `pictures.sh --check` writes nothing, and fails if what is checked in is not what the runs give.
# Needs a Rust toolchain, node 20 and npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

mode="${1:-}"
if [ -n "$mode" ] && [ "$mode" != --check ]; then
    echo "usage: pictures.sh [--check]" >&2
    exit 2
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cargo run --quiet --locked --manifest-path engine/Cargo.toml --example script -- pictures.json "$work/timelines"
cd page
[ -d node_modules/esbuild ] || npm ci --no-audit --no-fund --silent
node_modules/.bin/esbuild pictures.ts --bundle --platform=node --format=esm --log-level=warning --outfile="$work/pictures.mjs"
node "$work/pictures.mjs" ../pictures.json "$work/timelines" ../../../src/guide/pictures $mode
