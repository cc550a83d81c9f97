//! `cargo bench --profile dev -p vap-wasm -- MODEL`: what a session costs on one thread of this machine.
//!
//! Two numbers: milliseconds a 20 ms hop of both channels, from 48 kHz sound to events; and minutes of 16 kHz
//! recordings worked a second. One line to read, one line of JSON.

use anyhow::{Context, Result};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;
use vap_core::ModelFile;
use vap_wasm::{Session, SessionOptions, VapModel, backend};

const HOP_SAMPLES_48K: usize = 960;
/// Hops before timing begins; more than any attention window.
const WARM_UP_HOPS: usize = 300;
const TIMED_HOPS: usize = 1500;
const FILE_SECONDS: usize = 60;

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let path = std::env::args().skip(1).find(|a| !a.starts_with("--")).context("usage: session MODEL")?;
    let bytes = std::fs::read(&path).with_context(|| path.clone())?;
    let start = Instant::now();
    let model = Arc::new(VapModel::from_file(&ModelFile::from_bytes(&bytes)?, &backend::cpu())?);
    let load_ms = start.elapsed().as_secs_f64() * 1000.0;

    let sound = [1, 2].map(|seed| noise(seed, (WARM_UP_HOPS + TIMED_HOPS) * HOP_SAMPLES_48K));
    let mut session = session(&model, 48_000)?;
    let mut hops_ms = Vec::with_capacity(TIMED_HOPS);
    for (hop, at) in (0..sound[0].len()).step_by(HOP_SAMPLES_48K).enumerate() {
        let [user, agent] = sound.each_ref().map(|s| &s[at..at + HOP_SAMPLES_48K]);
        let start = Instant::now();
        session.push(Some(user), Some(agent))?;
        if hop >= WARM_UP_HOPS {
            hops_ms.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
    hops_ms.sort_by(f64::total_cmp);
    let (median, p99) = (hops_ms[TIMED_HOPS / 2], hops_ms[TIMED_HOPS * 99 / 100]);

    let sound = [3, 4].map(|seed| noise(seed, FILE_SECONDS * 16_000));
    let mut session = self::session(&model, 16_000)?;
    let start = Instant::now();
    session.push(Some(&sound[0]), Some(&sound[1]))?;
    session.finish()?;
    let minutes_a_second = FILE_SECONDS as f64 / 60.0 / start.elapsed().as_secs_f64();

    let (name, parameters) = (&model.config().name, model.parameters());
    println!(
        "{name} ({parameters} parameters): {median:.2} ms a hop (p99 {p99:.2}), files at {minutes_a_second:.2} \
         minutes of sound a second"
    );
    println!(
        "{}",
        json!({
            "model": name,
            "parameters": parameters,
            "hopMs": { "median": median, "p99": p99 },
            "minutesASecond": minutes_a_second,
            "loadMs": load_ms,
        })
    );
    Ok(())
}

fn session(model: &Arc<VapModel>, rate_hz: u32) -> Result<Session> {
    let options = SessionOptions { user_rate_hz: rate_hz, agent_rate_hz: rate_hz, policy: None };
    Ok(Session::new(model, options)?)
}

/// White noise that comes and goes every second, `[-0.3, 0.3]`.
fn noise(seed: u64, samples: usize) -> Vec<f32> {
    let mut x = seed;
    (0..samples)
        .map(|i| {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = (x >> 40) as f32 / (1 << 24) as f32 - 0.5;
            if i / 16_000 % 2 == 0 { 0.6 * value } else { 0.0 }
        })
        .collect()
}
