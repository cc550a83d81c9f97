//! What people use today, on the same sound: voice activity detectors whose silence runs into a timeout. The true
//! activity is the best such detector there can be.

use vap_core::{FRAME_HZ, HOP_SAMPLES};
use webrtc_vad::{SampleRate, Vad as WebRtc, VadMode};

use crate::labels::Activity;

/// Heads of the baselines' columns.
pub const NAMES: [&str; 4] = ["silence timeout", "energy VAD", "WebRTC VAD", "earshot VAD"];

/// Lowest level the energy detector takes for a noise floor, in dB below full scale.
const LOWEST_FLOOR_DB: f32 = -70.0;
/// Speech is this far above the floor, in dB.
const ABOVE_FLOOR_DB: f32 = 10.0;
/// The floor rises by this much in a second of sound above it, in dB.
const FLOOR_RISE_DB: f32 = 3.0;
/// Speech goes on for this long after the last loud frame, in frames.
const HANGOVER_FRAMES: usize = 5;
/// Earshot's own frame, in samples.
const EARSHOT_SAMPLES: usize = 256;

/// Speech by each baseline in the order of [`NAMES`], `[baseline][speaker][frames]`; channels at 16 kHz.
pub fn speech(audio: [&[f32]; 2], activity: &Activity) -> [[Vec<bool>; 2]; 4] {
    let frames = activity.frames();
    let all = |detect: fn(&[f32]) -> Vec<bool>| {
        audio.map(|channel| {
            let mut speech = detect(channel);
            speech.resize(frames, false);
            speech
        })
    };
    [activity.speech.clone(), all(energy), all(web_rtc), all(earshot)]
}

/// Frames that stand out from a floor which follows the lowest level heard so far and rises slowly.
fn energy(channel: &[f32]) -> Vec<bool> {
    let (hops, _) = channel.as_chunks::<HOP_SAMPLES>();
    let mut floor_db = f32::INFINITY;
    let mut since_loud = usize::MAX;
    let speech = hops.iter().map(|hop| {
        let power = hop.iter().map(|x| x * x).sum::<f32>() / HOP_SAMPLES as f32;
        let level_db = 10.0 * power.max(1e-12).log10();
        floor_db = (floor_db + FLOOR_RISE_DB / FRAME_HZ as f32).min(level_db).max(LOWEST_FLOOR_DB);
        since_loud = if level_db > floor_db + ABOVE_FLOOR_DB { 0 } else { since_loud.saturating_add(1) };
        since_loud <= HANGOVER_FRAMES
    });
    speech.collect()
}

/// The detector of WebRTC, mode 2 of 0 to 3, on frames of 20 ms.
fn web_rtc(channel: &[f32]) -> Vec<bool> {
    let mut detector = WebRtc::new_with_rate_and_mode(SampleRate::Rate16kHz, VadMode::Aggressive);
    let (hops, _) = channel.as_chunks::<HOP_SAMPLES>();
    let speech = hops.iter().map(|hop| {
        let samples = hop.map(|x| (x.clamp(-1.0, 1.0) * 32767.0) as i16);
        detector.is_voice_segment(&samples).unwrap_or(false)
    });
    speech.collect()
}

/// Earshot at 0.5; a hop has the score of the last of its frames of 16 ms that is whole by then.
fn earshot(channel: &[f32]) -> Vec<bool> {
    let mut detector = earshot::Detector::default();
    let (frames, _) = channel.as_chunks::<EARSHOT_SAMPLES>();
    let scores: Vec<f32> = frames.iter().map(|frame| detector.predict_f32(frame)).collect();
    let hops = 1..=channel.len() / HOP_SAMPLES;
    hops.map(|hop| scores[hop * HOP_SAMPLES / EARSHOT_SAMPLES - 1] >= 0.5).collect()
}

/// How long each frame has been silent for, in s; 0 in speech.
pub fn silent_s(speech: &[bool]) -> Vec<f32> {
    let mut hops = 0;
    let silent = speech.iter().map(|speech| {
        hops = if *speech { 0 } else { hops + 1 };
        hops as f32 / FRAME_HZ as f32
    });
    silent.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    /// Two seconds each of noise, a harmonic tone over it that wavers as a voice does, and noise.
    fn sound() -> Vec<f32> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let sample = |n: usize| {
            let time_s = n as f32 / 16_000.0;
            let pitch = 150.0 + 20.0 * (3.0 * time_s).sin();
            let voice: f32 =
                (1..12).map(|k| (std::f32::consts::TAU * pitch * k as f32 * time_s).sin() / k as f32).sum();
            let wave = 0.6 + 0.4 * (std::f32::consts::TAU * 4.0 * time_s).sin();
            if (2.0..4.0).contains(&time_s) { 0.1 * wave * voice } else { 0.0 }
        };
        (0..96_000).map(|n| sample(n) + rng.random_range(-0.001f32..0.001)).collect()
    }

    #[test]
    fn detectors_hear_the_voice_and_not_the_noise() {
        let sound = sound();
        for (name, detect) in [("energy", energy as fn(&[f32]) -> Vec<bool>), ("WebRTC", web_rtc)] {
            let speech = detect(&sound);
            assert_eq!(speech.len(), 300, "{name}");
            let share = |range: std::ops::Range<usize>| {
                let frames = range.len() as f32;
                speech[range].iter().filter(|s| **s).count() as f32 / frames
            };
            assert!(share(110..195) > 0.9, "{name}: {} of the voice", share(110..195));
            assert!(share(10..95) < 0.1 && share(230..300) < 0.1, "{name} hears noise");
        }
        let speech = earshot(&sound);
        assert_eq!(speech.len(), 300);
        assert!(!speech[10..95].contains(&true), "earshot hears noise");
    }

    #[test]
    fn digital_silence_is_silent() {
        for detect in [energy, web_rtc, earshot] {
            assert!(!detect(&[0.0; 32_000])[5..].contains(&true));
            assert!(detect(&[]).is_empty());
        }
    }

    #[test]
    fn silence_is_counted_from_the_last_speech() {
        assert_eq!(silent_s(&[false, true, false, false, true]), [0.02, 0.0, 0.02, 0.04, 0.0]);
    }
}
