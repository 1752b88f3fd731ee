#!/usr/bin/env bash
# Builds the engine for the page: pkg/quorate_playground.js and pkg/quorate_playground_bg.wasm.
# Needs the target wasm32-unknown-unknown, the command wasm-bindgen in the version that Cargo.toml names, and wasm-opt (of
# binaryen). The same tools and sources give the same bytes, wherever the sources are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
    echo "engine/build.sh: $*" >&2
    exit 1
}

version="$(sed -n 's/^wasm-bindgen = "=\(.*\)"$/\1/p' Cargo.toml)"
command -v cargo >/dev/null || fail "there is no cargo"
command -v wasm-opt >/dev/null || fail "there is no wasm-opt: install binaryen"
[ "$(wasm-bindgen --version 2>/dev/null)" = "wasm-bindgen $version" ] ||
    fail "there is no wasm-bindgen $version: cargo install wasm-bindgen-cli --version $version"

root="$(cd ../../.. && pwd)"
cargo="${CARGO_HOME:-$HOME/.cargo}"
# No path of this machine is in the result.
export CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$root=/quorate"$'\x1f'"--remap-path-prefix=$cargo=/cargo"
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=
export RUSTC_WRAPPER="$PWD/rustc.sh"
cargo build --quiet --locked --release --lib --target wasm32-unknown-unknown
target="${CARGO_TARGET_DIR:-target}"

rm -rf pkg
mkdir pkg
# What the compiler assumes of every WebAssembly engine today. wasm-opt comes first: old ones mix up the two tables of what
# wasm-bindgen makes.
features=(--enable-mutable-globals --enable-sign-ext --enable-bulk-memory --enable-nontrapping-float-to-int
    --enable-multivalue --enable-reference-types)
wasm-opt -Oz "${features[@]}" "$target/wasm32-unknown-unknown/release/quorate_playground.wasm" -o pkg/optimized.wasm
wasm-bindgen --target web --no-typescript --out-dir pkg --out-name quorate_playground pkg/optimized.wasm
rm pkg/optimized.wasm
echo "engine: $(wc -c <pkg/quorate_playground_bg.wasm) bytes of WebAssembly"
