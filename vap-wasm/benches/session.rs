//! `cargo bench --profile dev -p vap-wasm --features burn -- MODEL`: what a session costs on one thread of this
//! machine, on kernels and in Burn.
//!
//! Two numbers each: milliseconds a 20 ms hop of both channels, from 48 kHz sound to events, the two taking turns; and
//! minutes of 16 kHz recordings worked a second. Lines to read, then one line of JSON.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Instant;
use vap_wasm::{KernelModel, Model, Session, SessionOptions};

const HOP_SAMPLES_48K: usize = 960;
/// Hops before timing begins; more than any attention window.
const WARM_UP_HOPS: usize = 300;
const TIMED_HOPS: usize = 1500;
/// Hops of one engine before the other's turn.
const TURN_HOPS: usize = 50;
const FILE_SECONDS: usize = 60;

struct Engine {
    name: &'static str,
    model: Arc<dyn Model>,
    load_ms: f64,
    hops_ms: Vec<f64>,
}

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let path = std::env::args().skip(1).find(|a| !a.starts_with("--")).context("usage: session MODEL")?;
    let bytes = std::fs::read(&path).with_context(|| path.clone())?;
    let mut engines = engines(&bytes)?;

    let sound = [1, 2].map(|seed| noise(seed, (WARM_UP_HOPS + TIMED_HOPS) * HOP_SAMPLES_48K));
    let mut sessions = engines.iter().map(|engine| session(engine, 48_000)).collect::<Result<Vec<_>>>()?;
    for turn in (0..sound[0].len()).step_by(TURN_HOPS * HOP_SAMPLES_48K) {
        for (engine, session) in engines.iter_mut().zip(&mut sessions) {
            for at in (turn..turn + TURN_HOPS * HOP_SAMPLES_48K).step_by(HOP_SAMPLES_48K) {
                let [user, agent] = sound.each_ref().map(|s| &s[at..at + HOP_SAMPLES_48K]);
                let start = Instant::now();
                session.push(Some(user), Some(agent))?;
                if at >= WARM_UP_HOPS * HOP_SAMPLES_48K {
                    engine.hops_ms.push(start.elapsed().as_secs_f64() * 1000.0);
                }
            }
        }
    }

    let sound = [3, 4].map(|seed| noise(seed, FILE_SECONDS * 16_000));
    let mut results = Map::new();
    for mut engine in engines {
        let mut session = session(&engine, 16_000)?;
        let start = Instant::now();
        session.push(Some(&sound[0]), Some(&sound[1]))?;
        session.finish()?;
        let minutes_a_second = FILE_SECONDS as f64 / 60.0 / start.elapsed().as_secs_f64();

        engine.hops_ms.sort_by(f64::total_cmp);
        let (median, p99) = (engine.hops_ms[TIMED_HOPS / 2], engine.hops_ms[TIMED_HOPS * 99 / 100]);
        let info = engine.model.info();
        println!(
            "{}, {} ({} parameters): {median:.2} ms a hop (p99 {p99:.2}), files at {minutes_a_second:.2} minutes of \
             sound a second",
            engine.name, info.config.name, info.parameters
        );
        let result = json!({
            "model": info.config.name,
            "parameters": info.parameters,
            "hopMs": { "median": median, "p99": p99 },
            "minutesASecond": minutes_a_second,
            "loadMs": engine.load_ms,
        });
        results.insert(engine.name.into(), result);
    }
    println!("{}", Value::Object(results));
    Ok(())
}

fn engines(bytes: &[u8]) -> Result<Vec<Engine>> {
    let timed = |name, load: &dyn Fn() -> Result<Arc<dyn Model>>| -> Result<Engine> {
        let start = Instant::now();
        let model = load()?;
        Ok(Engine { name, model, load_ms: start.elapsed().as_secs_f64() * 1000.0, hops_ms: Vec::new() })
    };
    Ok(vec![
        timed("kernels", &|| Ok(Arc::new(KernelModel::from_bytes(bytes)?)))?,
        #[cfg(feature = "burn")]
        timed("burn", &|| {
            let file = vap_core::ModelFile::from_bytes(bytes)?;
            Ok(Arc::new(vap_wasm::BurnModel::from_file(&file, &vap_wasm::burn::backend::cpu())?))
        })?,
    ])
}

fn session(engine: &Engine, rate_hz: u32) -> Result<Session> {
    let options = SessionOptions { user_rate_hz: rate_hz, agent_rate_hz: rate_hz, policy: None };
    Ok(Session::new(Arc::clone(&engine.model), options)?)
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
