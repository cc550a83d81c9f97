#!/usr/bin/env bash
# One would expect: a WAV reader steps over a chunk it does not know, and over the pad byte that RIFF puts behind a chunk
# of odd length.
#
# What happens: hound 3.5.1 steps over the chunk's own bytes alone. The next chunk's name then begins with the pad byte,
# is not known either, and the search goes on from wrong lengths: the file is refused, or its samples are not found. With
# one byte more in the unknown chunk the same file is read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[dependencies]
hound = "=3.5.1"
TOML
cat >"$folder/src/main.rs" <<'RUST'
/// 16 kHz, one channel, 16 bit, four samples; before them a chunk that only its writer knows.
fn wav(unknown: &[u8]) -> Vec<u8> {
    let mut body = b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0".to_vec();
    body.extend(b"note");
    body.extend((unknown.len() as u32).to_le_bytes());
    body.extend(unknown);
    body.resize(body.len().next_multiple_of(2), 0);
    body.extend(b"data\x08\0\0\0\x01\0\x02\0\x03\0\x04\0");
    let mut file = b"RIFF".to_vec();
    file.extend((body.len() as u32).to_le_bytes());
    file.extend(body);
    file
}

fn read(unknown: &[u8]) -> Result<Vec<i16>, String> {
    let file = wav(unknown);
    let mut reader = hound::WavReader::new(&file[..]).map_err(|error| error.to_string())?;
    reader.samples::<i16>().collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn main() {
    let (even, odd) = (read(b"abcd"), read(b"abc"));
    println!("hound 3.5.1 | chunk of 4 bytes: {even:?} | chunk of 3 bytes and its pad: {odd:?}");
    assert_eq!(even.as_deref(), Ok(&[1, 2, 3, 4][..]));
    assert_ne!(odd.as_deref(), Ok(&[1, 2, 3, 4][..]), "the pad byte is stepped over now: this finding is over");
}
RUST
cargo run --quiet --manifest-path "$folder/Cargo.toml"
