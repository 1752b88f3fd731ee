#!/usr/bin/env bash
# Calls rustc. Cargo tells crates apart by a number that depends on the folder of their sources, and the order of the functions
# depends on that number; here name and version tell them apart.
rustc="$1"
shift
arguments=()
for argument in "$@"; do
    case "$argument" in
    metadata=*) argument="metadata=$CARGO_PKG_NAME-$CARGO_PKG_VERSION" ;;
    esac
    arguments+=("$argument")
done
exec "$rustc" "${arguments[@]}"
