//! What a user downloads: raw and gzip sizes of the built files, and the ceiling that the gate holds.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::paths;

/// The CPU binary may not grow past this, gzip, in bytes. Raise it knowingly, with the reason in the commit.
const WASM_CEILING_BYTES: u64 = 300_000;

/// The same of the GPU binary, which only pages with WebGPU load.
const GPU_CEILING_BYTES: u64 = 2_600_000;

const WASM: &str = "npm/dist/wasm/vap_wasm_bg.wasm";
const GPU: [&str; 2] = ["npm/dist/gpu/vap_gpu_bg.wasm", "npm/dist/gpu/vap_gpu.js"];
const OTHERS: [&str; 2] = ["npm/dist/wasm/vap_wasm.js", "npm/models/optimized.safetensors"];

/// Prints each file's size and their sums.
pub fn report() -> Result<()> {
    println!("\n{:<34} {:>10} {:>10}", "kB", "raw", "gzip");
    let names: Vec<_> = [WASM].iter().chain(&OTHERS).copied().collect();
    for (names, title) in [(&names[..], "over the wire"), (&GPU, "and for WebGPU")] {
        let mut sum = (0, 0);
        for name in names {
            let path = paths::inside(name);
            if !path.is_file() {
                println!("{name:<34} {:>10}", "missing");
                continue;
            }
            let (raw, gzip) = of_file(&path)?;
            sum = (sum.0 + raw, sum.1 + gzip);
            println!("{name:<34} {:>10.1} {:>10.1}", kilobytes(raw), kilobytes(gzip));
        }
        println!("{title:<34} {:>10.1} {:>10.1}", kilobytes(sum.0), kilobytes(sum.1));
    }
    println!();
    Ok(())
}

/// Fails when a wasm binary is over its ceiling.
pub fn hold_ceilings() -> Result<()> {
    for (name, ceiling) in [(WASM, WASM_CEILING_BYTES), (GPU[0], GPU_CEILING_BYTES)] {
        let (_, gzip) = of_file(&paths::inside(name))?;
        let (found, most) = (kilobytes(gzip), kilobytes(ceiling));
        if gzip > ceiling {
            bail!("{name} is {found:.1} kB in gzip, over its ceiling of {most:.1} kB");
        }
        println!("{name}: {found:.1} kB in gzip, ceiling {most:.1} kB");
    }
    Ok(())
}

/// Raw and gzip size in bytes.
fn of_file(path: &Path) -> Result<(u64, u64)> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((bytes.len() as u64, gzip_bytes(&bytes)?))
}

fn gzip_bytes(bytes: &[u8]) -> Result<u64> {
    let mut encoder = GzEncoder::new(Counter(0), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.0)
}

fn kilobytes(bytes: u64) -> f64 {
    bytes as f64 / 1000.0
}

/// Counts what is written and keeps nothing.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_compresses_and_noise_does_not() {
        let mut seed = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        })
        .take(10_000)
        .collect();
        assert!(gzip_bytes(&[7; 10_000]).unwrap() < 100);
        assert!(gzip_bytes(&noise).unwrap() > 9_000);
    }
}
