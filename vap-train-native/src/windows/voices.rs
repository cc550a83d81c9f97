//! Who can speak in a simulated dialogue: the speakers of a split and what each of them can say.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use vap_core::SAMPLE_RATE_HZ;

use crate::data::Split;
use crate::data::prepared::{Gender, Prepared, UtteranceKind};
use crate::error::{Error, Result};

/// Name that stands for many speakers.
const UNKNOWN_SPEAKER: &str = "anon";
/// Lengths of sounds that can stand for a backchannel, in seconds.
const BACKCHANNEL_S: [f32; 2] = [0.12, 0.75];
/// Utterances looked at for one turn.
const CANDIDATES: usize = 12;

/// What saying the same again weighs against a wrong length, in log seconds.
const REPEAT_PENALTY: f32 = 3.0;

/// Speech at least this far above its recording's own floor is used, in dB: less would be learned as room tone.
const LOWEST_SNR_DB: f32 = 10.0;
/// Speakers with fewer utterances share a voice with others of their set and gender: no one says one thing only.
const FEWEST_UTTERANCES: usize = 3;
/// Most utterances of a voice of unknown or shared speakers.
const SHARED_UTTERANCES: usize = 24;

/// Speakers of one split.
pub struct Voices {
    voices: Vec<Voice>,
    /// Sounds of a word or two, standing alone: (utterance, samples).
    short: Vec<(usize, [u32; 2])>,
}

struct Voice {
    gender: Gender,
    /// Whether it speaks in sentences: what an agent's voice does.
    fluent: bool,
    utterances: Vec<usize>,
    short: Vec<(usize, [u32; 2])>,
}

impl Voice {
    fn new(data: &Prepared, utterances: Vec<usize>) -> Voice {
        let first = &data.utterances()[utterances[0]];
        let short = utterances.iter().flat_map(|i| brief(data, *i)).collect();
        Voice { gender: first.gender, fluent: first.kind == UtteranceKind::Read, utterances, short }
    }
}

/// Sounds of an utterance that can stand for a backchannel.
fn brief(data: &Prepared, utterance: usize) -> Vec<(usize, [u32; 2])> {
    let fits = |island: &[u32; 2]| {
        let length = (island[1] - island[0]) as f32 / SAMPLE_RATE_HZ as f32;
        (BACKCHANNEL_S[0]..=BACKCHANNEL_S[1]).contains(&length)
    };
    let islands = data.utterances()[utterance].islands.iter().copied();
    islands.filter(fits).map(|island| (utterance, island)).collect()
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
        let mut speakers: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        let mut short = Vec::new();
        for (i, u) in data.utterances().iter().enumerate() {
            if u.split != split || u.speech_db - u.floor_db < LOWEST_SNR_DB {
                continue;
            }
            short.extend(brief(data, i));
            if !u.kind.is_fragment() && u.span_s() <= 25.0 {
                speakers.entry((&u.set, &u.speaker)).or_default().push(i);
            }
        }
        let mut voices = Vec::new();
        let mut shared: BTreeMap<(&str, u8), Vec<usize>> = BTreeMap::new();
        for ((set, speaker), own) in speakers {
            if speaker == UNKNOWN_SPEAKER || own.len() < FEWEST_UTTERANCES {
                let gender = data.utterances()[own[0]].gender as u8;
                shared.entry((set, gender)).or_default().extend(own);
            } else {
                voices.push(Voice::new(data, own));
            }
        }
        for pool in shared.into_values() {
            voices.extend(pool.chunks(SHARED_UTTERANCES).map(|part| Voice::new(data, part.to_vec())));
        }
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
        let (first, second) = (self.draw(rng, |_| true), self.draw(rng, |_| true));
        if second != first { [first, second] } else { [first, (first + 1) % self.voices.len()] }
    }

    /// A person, and the voice of an agent that reads its answers, if there is such a voice.
    pub fn person_and_agent(&self, rng: &mut ChaCha8Rng) -> [usize; 2] {
        let person = if rng.random_bool(0.6) {
            self.draw(rng, |voice| !voice.fluent)
        } else {
            self.draw(rng, |_| true)
        };
        let agent = self.draw(rng, |voice| voice.fluent);
        if person != agent { [person, agent] } else { [person, (agent + 1) % self.voices.len()] }
    }

    /// A voice of those `wanted`, else of all.
    fn draw(&self, rng: &mut ChaCha8Rng, wanted: impl Fn(&Voice) -> bool) -> usize {
        let weight = |i: &usize| (self.voices[*i].utterances.len() as f64).sqrt();
        let wanted: Vec<usize> = (0..self.voices.len()).filter(|i| wanted(&self.voices[*i])).collect();
        let all: Vec<usize> = if wanted.is_empty() { (0..self.voices.len()).collect() } else { wanted };
        all.choose_weighted(rng, weight).copied().unwrap_or(0)
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
