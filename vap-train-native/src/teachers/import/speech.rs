//! Speech that the fits listen to, out of a prepared folder's train split.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::front_end::SPEECH_RMS;
use crate::data::Split;
use crate::data::prepared::{Prepared, Utterance};
use crate::error::{Error, Result};

/// Clips that are heard at most.
const CLIPS: usize = 400;
/// Samples of a clip that are heard at most: 15 s.
const LONGEST: usize = 240_000;
/// Shortest clip, in samples: 1 s.
const SHORTEST: usize = 16_000;
/// Speech at least this far above its recording's floor is used, in dB.
const LEAST_SNR_DB: f32 = 10.0;
/// Speech is laid this far around [`SPEECH_RMS`], in dB.
const LEVELS_DB: f64 = 8.0;
/// Highest sample of the noise under every clip, -80 dB below full scale, so that none is digitally silent.
const NOISE: f32 = 1.7e-4;

/// Clips of speech at 16 kHz, drawn and laid at levels by `seed`.
///
/// # Errors
/// [`Error::Data`] for a folder without speech.
pub fn clips(data: &Prepared, seed: u64) -> Result<Vec<Vec<f32>>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let heard = |(_, u): &(usize, &Utterance)| {
        u.split == Split::Train && u.samples as usize >= SHORTEST && u.speech_db - u.floor_db >= LEAST_SNR_DB
    };
    let mut chosen: Vec<_> = data.utterances().iter().enumerate().filter(heard).collect();
    chosen.shuffle(&mut rng);
    if chosen.is_empty() {
        return Err(Error::Data("import: expected utterances of a second or more in the train split".into()));
    }
    let clip = |(i, utterance): (usize, &Utterance)| {
        let level_db = 20.0 * SPEECH_RMS.log10() + rng.random_range(-LEVELS_DB..=LEVELS_DB);
        let gain = 10f64.powf((level_db - f64::from(utterance.speech_db)) / 20.0) as f32 / 32768.0;
        let heard = data.utterance_audio(i).iter().take(LONGEST);
        heard.map(|x| gain * f32::from(*x) + NOISE * rng.random_range(-1.0f32..1.0)).collect()
    };
    Ok(chosen.into_iter().take(CLIPS).map(clip).collect())
}

/// So many windows of `samples` of clips behind one another, each ending at a place of its own in its last clip.
pub fn windows(clips: &[Vec<f32>], count: usize, samples: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let clips: Vec<&Vec<f32>> = clips.iter().filter(|clip| !clip.is_empty()).collect();
    if clips.is_empty() {
        return Vec::new();
    }
    let mut window = |_| {
        // Built from its end.
        let mut parts: Vec<&[f32]> = Vec::new();
        let mut length = 0;
        while length < samples {
            let clip = clips[rng.random_range(0..clips.len())];
            let cut = if parts.is_empty() {
                rng.random_range(clip.len().div_ceil(2)..=clip.len())
            } else {
                clip.len()
            };
            length += cut;
            parts.push(&clip[..cut]);
        }
        let whole: Vec<f32> = parts.into_iter().rev().flatten().copied().collect();
        whole[length - samples..].to_vec()
    };
    (0..count).map(&mut window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_full() {
        let clips: Vec<Vec<f32>> = vec![vec![0.1; 3_000], vec![0.2; 5_000], Vec::new()];
        let found = windows(&clips, 5, 16_000, 1);
        assert!(found.len() == 5 && found.iter().all(|w| w.len() == 16_000));
        assert_ne!(found[0], found[1]);
        assert_eq!(found, windows(&clips, 5, 16_000, 1));
        assert!(windows(&[Vec::new()], 5, 16_000, 1).is_empty());
    }

    #[test]
    fn clips_are_loud_enough() {
        let clips = clips(&crate::tests::data(), 1).unwrap();
        // Three of a voice, of which one is shorter than a second.
        assert_eq!(clips.len(), 6);
        for clip in clips {
            let peak = clip.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
            assert!((0.01..1.0).contains(&peak), "{peak}");
        }
    }
}
