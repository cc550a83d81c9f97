//! The rooms of the trainer together, on a few seconds of made-up voices.

// What simulated dialogues promise.
mod simulation;
// What they hold beside clean talk.
mod beside;
// Windows of real calls.
mod excerpts;
// Optimiser, loss, resume, model.
mod training;
// Several processes.
mod distributed;
// The verb `evaluate`.
mod evaluation;
// Every run file.
mod configs;

use crate::config::SimulationConfig;
use crate::data::Split;
use crate::data::prepared::{
    Gender, MAGIC, Manifest, NoiseClip, Prepared, RATE_HZ, RoomResponse, StoredSamples, Timing, TimingCorpus,
    TurnKind, TurnTiming, Utterance, UtteranceKind, VERSION,
};

/// libtorch draws from one generator a process: tests that draw take turns.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Two voices a split: harmonic tones with an inner pause of 0.3 s over room tone, the recordings cut at their very
/// end, on true timings.
pub(crate) fn data() -> Prepared {
    let mut speech = Vec::new();
    let mut utterances = Vec::new();
    for split in Split::ALL {
        for (voice, pitch_hz) in [("low", 110.0), ("high", 220.0)] {
            for (i, spoken_s) in [0.4f32, 0.9, 1.4].into_iter().enumerate() {
                let offset = speech.len();
                let island = (spoken_s * RATE_HZ as f32) as u32;
                let (lead, pause) = (3_200, 4_800);
                let islands = vec![[lead, lead + island], [lead + island + pause, lead + 2 * island + pause]];
                let samples = lead + 2 * island + pause;
                speech.extend((0..samples).map(|n| {
                    let inside = islands.iter().any(|[a, b]| (*a..*b).contains(&n));
                    let phase = std::f32::consts::TAU * pitch_hz * n as f32 / RATE_HZ as f32;
                    let tone: f32 = (1..8).map(|k| (phase * k as f32).sin() / k as f32).sum();
                    // Room tone of the recording, some 30 dB under the voice.
                    let room = (n.wrapping_mul(2_654_435_761) >> 16) as i16 / 300;
                    if inside { (tone * 3_000.0) as i16 + room } else { room }
                }));
                utterances.push(Utterance {
                    set: "tones".into(),
                    speaker: format!("{split:?}-{voice}"),
                    gender: Gender::Unknown,
                    lang: "en".into(),
                    split,
                    kind: if i == 0 { UtteranceKind::Prompted } else { UtteranceKind::Read },
                    offset_samples: offset as u64,
                    samples,
                    islands,
                    speech_db: -20.0,
                    floor_db: -90.0,
                });
            }
        }
    }
    let noise = vec![300i16; 8_000];
    let mut rooms = vec![0.0f32; 800];
    rooms[0] = 1.0;
    let turn =
        |speaker, start_s: f32, end_s, kind, pauses| TurnTiming { speaker, start_s, end_s, kind, pauses };
    let timing = |split| Timing {
        corpus: TimingCorpus::Ami,
        meeting: "ES1a".into(),
        split,
        channels: ['A', 'B'],
        offset_s: 0.0,
        turns: vec![
            turn(0, 0.0, 2.6, TurnKind::Turn, vec![(1.0, 1.5)]),
            turn(1, 1.2, 1.5, TurnKind::Backchannel, vec![]),
            turn(1, 3.0, 5.0, TurnKind::Turn, vec![]),
            turn(0, 4.8, 7.0, TurnKind::Turn, vec![(1.0, 2.2)]),
            turn(1, 7.5, 8.5, TurnKind::Turn, vec![]),
        ],
    };
    let manifest = Manifest {
        magic: MAGIC.into(),
        version: VERSION,
        rate_hz: RATE_HZ,
        inputs: Vec::new(),
        samples: StoredSamples {
            speech: speech.len() as u64,
            noise: noise.len() as u64,
            rooms: rooms.len() as u64,
            calls: 0,
        },
        utterances,
        noises: vec![NoiseClip {
            set: "hum".into(),
            label: "Hum".into(),
            offset_samples: 0,
            samples: 8_000,
            level_db: -40.0,
        }],
        rooms: vec![RoomResponse { name: "room".into(), rt60_s: 0.3, offset_samples: 0, samples: 800 }],
        calls: Vec::new(),
        timings: Split::ALL.map(timing).to_vec(),
        licences: Default::default(),
        counts: Default::default(),
        skipped: Vec::new(),
    };
    Prepared::from_parts(manifest, speech, noise, rooms, Vec::new())
}

/// No degradation at all and a digital room tone.
fn bare() -> SimulationConfig {
    SimulationConfig { silent_room_tone: 1.0, ..SimulationConfig::default().clean() }
}
