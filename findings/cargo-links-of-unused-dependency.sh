#!/usr/bin/env bash
# One would expect: a dependency that no enabled feature asks for takes no part in a build, so that what it links to
# cannot stand in the way of anything else.
#
# What happens: burn 0.22.1 names an optional libtorch backend through weak features. With no feature that enables it,
# `cargo tree` shows no trace of it, but cargo resolves it all the same, down to torch-sys 0.22, whose `links = "tch"` no
# other package may share. A project that uses burn on the CPU and, apart from it, torch-sys 0.24 has no lock file at all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
echo 'fn main() {}' >"$folder/src/main.rs"
cd "$folder"

manifest() {
  printf '%s\n' '[package]' 'name = "probe"' 'version = "0.0.0"' 'edition = "2021"' '[dependencies]' "$@" >Cargo.toml
}

burn='burn = { version = "=0.22.1", default-features = false, features = ["std", "flex"] }'
cargo --version
manifest "$burn"
cargo generate-lockfile --quiet
echo "built by burn alone: $(cargo tree --quiet --edges normal --prefix none | grep -c '^torch-sys ' || true) torch-sys"
echo "in its lock file:    $(grep -A1 '^name = "torch-sys"' Cargo.lock | tr '\n' ' ')"
! cargo tree --quiet --edges normal --prefix none | grep -q '^torch-sys ' || { echo "burn builds torch-sys now"; exit 1; }

manifest "$burn" 'torch-sys = "=0.24.0"'
if cargo generate-lockfile 2>error; then
  echo "both resolve now: this finding is over"
  exit 1
fi
grep -m1 'links to the native library' error
