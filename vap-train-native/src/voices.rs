//! Who can speak in a simulated dialogue: the speakers of a split and what each of them can say.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use vap_core::SAMPLE_RATE_HZ;

use crate::corpora::Split;
use crate::error::{Error, Result};
use crate::prepared::{Gender, Prepared, UtteranceKind};

/// Lengths of sounds that can stand for a backchannel, in seconds.
const BACKCHANNEL_S: [f32; 2] = [0.12, 0.75];
/// Utterances looked at for one turn.
const CANDIDATES: usize = 12;

/// What saying the same again weighs against a wrong length, in log seconds.
const REPEAT_PENALTY: f32 = 3.0;

/// Speakers of one split.
pub struct Voices {
    voices: Vec<Voice>,
    /// Sounds of a word or two, standing alone: (utterance, samples).
    short: Vec<(usize, [u32; 2])>,
}

struct Voice {
    gender: Gender,
    utterances: Vec<usize>,
    short: Vec<(usize, [u32; 2])>,
}

/// Samples at 16 kHz in so many seconds.
pub fn samples(seconds: f32) -> usize {
    (seconds * SAMPLE_RATE_HZ as f32) as usize
}

impl Voices {
    /// Speakers of a split.
    ///
    /// # Errors
    /// [`Error::Data`] with fewer than two voices or no short sounds.
    pub fn new(data: &Prepared, split: Split) -> Result<Voices> {
        let mut speakers: BTreeMap<(&str, &str), Voice> = BTreeMap::new();
        let mut short = Vec::new();
        for (i, u) in data.utterances().iter().enumerate().filter(|(_, u)| u.split == split) {
            let alone = |island: &&[u32; 2]| {
                let length = (island[1] - island[0]) as f32 / SAMPLE_RATE_HZ as f32;
                (BACKCHANNEL_S[0]..=BACKCHANNEL_S[1]).contains(&length)
            };
            let brief = u.islands.iter().filter(alone).map(|island| (i, *island));
            short.extend(brief.clone());
            if u.kind != UtteranceKind::Keyword && u.span_s() <= 25.0 {
                let voice = speakers.entry((&u.set, &u.speaker)).or_insert(Voice {
                    gender: u.gender,
                    utterances: Vec::new(),
                    short: Vec::new(),
                });
                voice.utterances.push(i);
                voice.short.extend(brief);
            }
        }
        let voices: Vec<Voice> = speakers.into_values().collect();
        if voices.len() < 2 || short.is_empty() {
            return Err(Error::Data(format!(
                "split {split:?}: expected two voices and short sounds, found {} voices and {} sounds",
                voices.len(),
                short.len()
            )));
        }
        Ok(Voices { voices, short })
    }

    /// Two different voices. A voice is drawn by the square root of what it has to say, so that neither one long
    /// reader nor a hundred short ones fill the data.
    pub fn pair(&self, rng: &mut ChaCha8Rng) -> [usize; 2] {
        let weight = |i: &usize| (self.voices[*i].utterances.len() as f64).sqrt();
        let all: Vec<usize> = (0..self.voices.len()).collect();
        let draw = |rng: &mut ChaCha8Rng| all.choose_weighted(rng, weight).copied().unwrap_or(0);
        let first = draw(rng);
        let second = draw(rng);
        if second != first { [first, second] } else { [first, (first + 1) % self.voices.len()] }
    }

    /// Utterance and first island of a turn of about `spoken_s` seconds of speech, not one of `used` if that can be
    /// helped. With `phrases`, a turn may begin at a later phrase of the utterance; it always ends at its end.
    pub fn turn(
        &self,
        rng: &mut ChaCha8Rng,
        data: &Prepared,
        voice: usize,
        spoken_s: f32,
        phrases: bool,
        used: &[usize],
    ) -> (usize, usize) {
        let own = &self.voices[voice].utterances;
        let mut best = (own[0], 0);
        let mut distance = f32::INFINITY;
        for _ in 0..CANDIDATES {
            let utterance = own[rng.random_range(0..own.len())];
            let islands = &data.utterances()[utterance].islands;
            let again = if used.contains(&utterance) { REPEAT_PENALTY } else { 0.0 };
            let mut length_s = 0.0;
            for first in (0..islands.len()).rev() {
                length_s += (islands[first][1] - islands[first][0]) as f32 / SAMPLE_RATE_HZ as f32;
                let after_pause =
                    first == 0 || islands[first][0] - islands[first - 1][1] >= samples(0.2) as u32;
                let allowed = first == 0 || (phrases && after_pause && length_s >= 0.5);
                let off = (length_s.max(0.1) / spoken_s.max(0.1)).ln().abs() + again;
                if allowed && off < distance {
                    (best, distance) = ((utterance, first), off);
                }
            }
        }
        best
    }

    /// A short sound of the voice itself, else of another one, of the same gender where there is one.
    pub fn backchannel(
        &self,
        rng: &mut ChaCha8Rng,
        data: &Prepared,
        voice: usize,
    ) -> Option<(usize, [u32; 2])> {
        if let Some(own) = self.voices[voice].short.choose(rng) {
            return Some(*own);
        }
        let gender = self.voices[voice].gender;
        let fits = |(utterance, _): &&(usize, [u32; 2])| data.utterances()[*utterance].gender == gender;
        let drawn: Vec<_> = (0..CANDIDATES).filter_map(|_| self.short.choose(rng)).collect();
        drawn.iter().copied().find(fits).or_else(|| drawn.first().copied()).copied()
    }
}
