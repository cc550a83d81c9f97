//! Speech that the fits listen to: from a prepared folder's train split, or from any folder of WAV files.

use std::path::{Path, PathBuf};

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::front_end::SPEECH_RMS;
use crate::data::Split;
use crate::data::formats::wav;
use crate::data::prepared::Prepared;
use crate::data::timing::islands::{self, IslandOptions};
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
/// Amplitude of the noise under every clip, -80 dB below full scale, so that none is digitally silent.
const NOISE: f32 = 1.7e-4;

/// Clips of speech at 16 kHz, drawn and laid at levels by `seed`.
///
/// # Errors
/// [`Error::Corpus`] for a folder that cannot be read, [`Error::Data`] for one without speech.
pub fn clips(folder: &Path, seed: u64) -> Result<Vec<Vec<f32>>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut found = Vec::new();
    let mut add = |audio: &[i16], speech_db: f32, rng: &mut ChaCha8Rng| {
        let level_db = 20.0 * SPEECH_RMS.log10() + rng.random_range(-LEVELS_DB..=LEVELS_DB);
        let gain = 10f64.powf((level_db - f64::from(speech_db)) / 20.0) as f32 / 32768.0;
        let heard = &audio[..audio.len().min(LONGEST)];
        found.push(
            heard.iter().map(|x| gain * f32::from(*x) + NOISE * rng.random_range(-1.0f32..1.0)).collect(),
        );
    };
    if folder.join(crate::data::prepared::MANIFEST_FILE).is_file() {
        let data = Prepared::open(folder)?;
        let heard = |(_, u): &(usize, &crate::data::prepared::Utterance)| {
            u.split == Split::Train
                && u.samples as usize >= SHORTEST
                && u.speech_db - u.floor_db >= LEAST_SNR_DB
        };
        let mut chosen: Vec<_> = data.utterances().iter().enumerate().filter(heard).collect();
        chosen.shuffle(&mut rng);
        for (i, utterance) in chosen.into_iter().take(CLIPS) {
            add(data.utterance_audio(i), utterance.speech_db, &mut rng);
        }
    } else {
        let mut paths = Vec::new();
        wavs(folder, &mut paths)?;
        paths.sort();
        paths.shuffle(&mut rng);
        for path in paths.into_iter().take(CLIPS) {
            let audio = wav::read_i16(&path)?;
            let levels = islands::find(&audio, &IslandOptions::default());
            if audio.len() >= SHORTEST && levels.speech_db - levels.floor_db >= LEAST_SNR_DB {
                add(&audio, levels.speech_db, &mut rng);
            }
        }
    }
    if found.is_empty() {
        let folder = folder.display();
        return Err(Error::Data(format!(
            "{folder}: expected a prepared folder or WAV files (16 kHz, mono, 16 bit) of speech, found none"
        )));
    }
    Ok(found)
}

fn wavs(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(Error::io(folder))?);
        if kind.is_dir() {
            wavs(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("wav")) {
            found.push(path);
        }
    }
    Ok(())
}

/// So many windows of `samples` of clips behind one another, each ending with speech at a place of its own.
pub fn windows(clips: &[Vec<f32>], count: usize, samples: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| {
            let mut window: Vec<f32> = Vec::new();
            while window.len() < samples && !clips.is_empty() {
                let clip = &clips[rng.random_range(0..clips.len())];
                // Built from its end: what is heard last is a clip cut somewhere behind its first half.
                let cut = if window.is_empty() {
                    rng.random_range(clip.len() / 2..=clip.len())
                } else {
                    clip.len()
                };
                let mut longer = clip[..cut].to_vec();
                longer.extend(window);
                window = longer;
            }
            let first = window.len().saturating_sub(samples);
            window.split_off(first)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_full() {
        let clips: Vec<Vec<f32>> = vec![vec![0.1; 3_000], vec![0.2; 5_000]];
        let found = windows(&clips, 5, 16_000, 1);
        assert!(found.len() == 5 && found.iter().all(|w| w.len() == 16_000));
        assert_ne!(found[0], found[1]);
        assert_eq!(found, windows(&clips, 5, 16_000, 1));
    }

    #[test]
    fn a_folder_without_speech_is_named() {
        let folder = std::env::temp_dir().join(format!("vap-speech-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let error = clips(&folder, 1).unwrap_err().to_string();
        assert!(error.contains("found none"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
