//! `cargo run -p vap-wasm --example analyze -- MODEL WAV [--frames]`: the events of a recording as JSON lines.
//!
//! Channel 0 of the WAV is the user, channel 1 the agent; a mono WAV has a silent agent. With `--frames` every
//! frame is a line too, before the events it raised.

use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use vap_core::projection::BINS;
use vap_core::{Frame, wav};
use vap_wasm::{KernelModel, Session, SessionOptions};

fn main() -> Result<()> {
    let (switches, paths): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let [model, sound] = &paths[..] else { bail!("usage: analyze MODEL WAV [--frames]") };
    if let Some(unknown) = switches.iter().find(|s| *s != "--frames") {
        bail!("unknown option {unknown}");
    }
    let with_frames = !switches.is_empty();

    let model = Arc::new(KernelModel::from_bytes(&std::fs::read(model).with_context(|| model.clone())?)?);
    let wav = wav::decode(&std::fs::read(sound).with_context(|| sound.clone())?)?;
    let (user, agent) = match &wav.channels[..] {
        [user] => (user, None),
        [user, agent] => (user, Some(&agent[..])),
        more => bail!("expected a WAV of one or two channels, found {}", more.len()),
    };
    let options = SessionOptions { user_rate_hz: wav.rate_hz, agent_rate_hz: wav.rate_hz, policy: None };
    let mut session = Session::new(model, options)?;
    let mut output = session.push(Some(user), agent)?;
    output.extend(session.finish()?);

    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut events = output.events.iter().peekable();
    for frame in output.frames.iter().filter(|_| with_frames) {
        while let Some(event) = events.next_if(|e| e.time_ms < frame.time_ms()) {
            writeln!(out, "{}", serde_json::to_string(event)?)?;
        }
        writeln!(out, "{}", serde_json::to_string(&Line::of(frame))?)?;
    }
    for event in events {
        writeln!(out, "{}", serde_json::to_string(event)?)?;
    }
    Ok(out.flush()?)
}

/// A frame as the package's command line prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    r#type: &'static str,
    time_ms: u64,
    bins: [[f32; BINS]; 2],
    p_now: [f32; 2],
    p_future: [f32; 2],
    eot: [f32; 2],
    backchannel: [f32; 2],
    vad: [f32; 2],
    overlap: f32,
}

impl Line {
    fn of(frame: &Frame) -> Self {
        let Frame { bins, p_now, p_future, eot, backchannel, vad, overlap, .. } = *frame;
        Line {
            r#type: "frame",
            time_ms: frame.time_ms(),
            bins,
            p_now,
            p_future,
            eot,
            backchannel,
            vad,
            overlap,
        }
    }
}
