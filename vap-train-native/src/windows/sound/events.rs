//! Sounds that are no speech, in a channel's silence: coughs, doors and the like from the noise clips, and sounds made
//! by rule. Where each channel speaks comes in, sounds with their places go out.
//!
//! Behind speech a sound begins soon, or late: when it begins must not depend on how long the silence lasts, or it
//! would tell a pause from an end.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::tones::Kind;
use super::{amplitude, draw};
use crate::config::SimulationConfig;
use crate::data::prepared::Prepared;
use crate::windows::voices::samples;

/// Words in the labels of clips that hold events; the others are steady backgrounds, or unknown.
const WORDS: [&str; 36] = [
    "cough",
    "laugh",
    "breath",
    "sneez",
    "snor",
    "gasp",
    "sniff",
    "throat",
    "yawn",
    "burp",
    "hiccup",
    "clap",
    "snap",
    "typing",
    "keyboard",
    "mouse",
    "click",
    "door",
    "knock",
    "creak",
    "footstep",
    "horn",
    "siren",
    "alarm",
    "clock",
    "bell",
    "phone",
    "glass",
    "can_opening",
    "drinking",
    "water_drops",
    "toilet",
    "baby",
    "dog",
    "rooster",
    "brushing",
];
/// Most sounds in one dialogue.
const MOST: usize = 4;
/// Longest recorded sound, in seconds.
const LONGEST_CLIP_S: f32 = 4.0;
/// A sound soon behind speech begins within this, in seconds, and is this long.
const SOON_S: [f32; 2] = [0.05, 0.5];
const SOON_LENGTH_S: [f32; 2] = [0.15, 1.2];
/// A sound late in a silence keeps this far from the speech before and behind it, in seconds.
const FROM_SPEECH_S: [f32; 2] = [1.0, 0.1];
/// Loudest sound, RMS in dB below full scale.
const LOUDEST_DB: f32 = -9.0;
/// Steps in which a clip is looked at.
const STEP: usize = 320;
/// Power against the loudest step's below which a clip is silent, and for how many steps it may be.
const SILENT: f32 = 0.003;
const SILENT_STEPS: usize = 8;
/// Clips are cut this wide around what sounds, and faded there.
const MARGIN: usize = 320;

/// A sound that is no speech.
pub struct Event {
    /// Whose channel it is in.
    pub channel: usize,
    /// First sample.
    pub at: usize,
    /// What sounds.
    pub samples: Vec<f32>,
    /// Whether it comes over the line, not through the air of the speaker's room.
    pub line: bool,
}

/// Whether a clip of this label holds events.
pub fn is_event(label: &str) -> bool {
    let label = label.to_lowercase();
    WORDS.iter().any(|word| label.contains(word))
}

/// Where each channel speaks, `[start, end)` in samples in order, and the level of its speech.
pub struct Talk<'t> {
    /// Spans of both channels.
    pub speech: &'t [Vec<[usize; 2]>; 2],
    /// Levels of both, in dB below full scale.
    pub level_db: [f32; 2],
    /// Samples of the dialogue.
    pub length: usize,
}

/// Draws the sounds of a dialogue. `clips` are the noise clips that hold events.
pub fn place(
    data: &Prepared,
    clips: &[usize],
    config: &SimulationConfig,
    talk: &Talk,
    rng: &mut ChaCha8Rng,
) -> Vec<Event> {
    let quiet = talk.speech.iter().all(Vec::is_empty);
    let mut out: Vec<Event> = Vec::new();
    if !rng.random_bool(if quiet { config.quiet_sounds } else { config.sounds }) {
        return out;
    }
    for _ in 0..rng.random_range(1..=MOST) {
        let channel = rng.random_range(0..2);
        let speech = &talk.speech[channel];
        let soon = !speech.is_empty() && rng.random_bool(0.5);
        let made = clips.is_empty() || rng.random_bool(config.made_sounds);
        let Some((at, longest)) =
            (if soon { soon_after(talk, speech, rng) } else { late(talk, speech, rng) })
        else {
            continue;
        };
        let mut sound = if made {
            Kind::draw(rng, soon).make(longest, rng)
        } else {
            let clip = data.noise_audio(clips.choose(rng).copied().unwrap_or(clips[0]));
            cut(clip, longest.min(samples(LONGEST_CLIP_S)), rng)
        };
        let level_db = (talk.level_db[channel] + draw(rng, config.sound_db)).min(LOUDEST_DB);
        sound.iter_mut().for_each(|x| *x *= amplitude(level_db));
        let clear =
            |e: &Event| e.channel != channel || e.at >= at + sound.len() || at >= e.at + e.samples.len();
        if !sound.is_empty() && out.iter().all(clear) {
            out.push(Event { channel, at, samples: sound, line: made });
        }
    }
    out
}

/// A place just behind speech, and how long the sound may be.
fn soon_after(talk: &Talk, speech: &[[usize; 2]], rng: &mut ChaCha8Rng) -> Option<(usize, usize)> {
    let room = samples(SOON_S[1]);
    let next = |i: usize| speech.get(i + 1).map_or(talk.length, |span| span[0].min(talk.length));
    let open = (0..speech.len()).filter(|i| speech[*i][1] + room < next(*i));
    let ends: Vec<usize> = open.map(|i| speech[i][1]).collect();
    let end = *ends.choose(rng)?;
    Some((end + samples(draw(rng, SOON_S)), samples(draw(rng, SOON_LENGTH_S))))
}

/// A place far behind speech or where there is none, and the samples until there is some.
fn late(talk: &Talk, speech: &[[usize; 2]], rng: &mut ChaCha8Rng) -> Option<(usize, usize)> {
    let [behind, before] = FROM_SPEECH_S.map(samples);
    let shortest = samples(0.2);
    let starts = [0].into_iter().chain(speech.iter().map(|span| span[1] + behind));
    let ends = speech.iter().map(|span| span[0].saturating_sub(before)).chain([talk.length]);
    let open: Vec<[usize; 2]> = starts
        .zip(ends)
        .map(|(start, end)| [start, end.min(talk.length)])
        .filter(|[start, end]| start + shortest < *end)
        .collect();
    let [start, end] = *open.choose_weighted(rng, |[start, end]| end - start).ok()?;
    // Any length up to all of it, by its logarithm.
    let whole = (end - start) as f32;
    let length = shortest as f32 * (whole / shortest as f32).powf(rng.random_range(0.0..1.0));
    let length = (length as usize).min(end - start);
    Some((start + rng.random_range(0..=end - start - length), length))
}

/// One sound out of a clip, at most `longest` samples, with a power of 1, faded at its edges.
fn cut(clip: &[i16], longest: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let power = |step: &[i16]| step.iter().map(|x| f32::from(*x).powi(2)).sum::<f32>() / step.len() as f32;
    let steps: Vec<f32> = clip.chunks_exact(STEP).map(power).collect();
    let loudest = steps.iter().fold(0.0f32, |most, p| most.max(*p));
    let mut sounds: Vec<[usize; 2]> = Vec::new();
    for (i, _) in steps.iter().enumerate().filter(|(_, p)| **p > SILENT * loudest) {
        match sounds.last_mut().filter(|sound| i - sound[1] < SILENT_STEPS) {
            Some(sound) => sound[1] = i + 1,
            None => sounds.push([i, i + 1]),
        }
    }
    let Some(&[first, last]) = sounds.choose(rng) else { return Vec::new() };
    let start = (first * STEP).saturating_sub(MARGIN);
    let end = clip.len().min((last * STEP + MARGIN).min(start + longest));
    let mean = steps[first..last.min(end.div_ceil(STEP)).max(first + 1)].iter().sum::<f32>();
    let mean = mean / (last.min(end.div_ceil(STEP)).max(first + 1) - first) as f32;
    let part = &clip[start..end];
    let edge = (MARGIN.min(part.len() / 2)).max(1) as f32;
    let fade = |n: usize| (n.min(part.len() - 1 - n) as f32 / edge).min(1.0);
    part.iter().enumerate().map(|(n, x)| fade(n) * f32::from(*x) / mean.max(1.0).sqrt()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn talk(speech: &[Vec<[usize; 2]>; 2]) -> Talk<'_> {
        Talk { speech, level_db: [-30.0, -20.0], length: samples(12.0) }
    }

    fn sounding() -> SimulationConfig {
        SimulationConfig { sounds: 1.0, quiet_sounds: 1.0, ..SimulationConfig::default() }
    }

    #[test]
    fn labels_tell_events_from_backgrounds() {
        for event in
            ["coughing", "laughing", "Person sneeze", "keyboard_typing", "car_horn", "door_wood_knock"]
        {
            assert!(is_event(event), "{event}");
        }
        for steady in
            ["Rain", "vacuum_cleaner", "white_noise", "street/ambience", "room background", "kitchen"]
        {
            assert!(!is_event(steady), "{steady}");
        }
    }

    #[test]
    fn sounds_lie_in_silence_at_the_level_of_speech() {
        let data = crate::tests::data();
        let spans = [vec![[16_000, 48_000], [64_000, 96_000]], vec![[100_000, 150_000]]];
        let mut seen = [0; 2];
        for seed in 0..200 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            for event in place(&data, &[0], &sounding(), &talk(&spans), &mut rng) {
                let inside = |at: usize| spans[event.channel].iter().any(|[a, b]| (*a..*b).contains(&at));
                assert!(!inside(event.at), "seed {seed}: begins in speech");
                assert!(event.at < samples(12.0) + samples(0.5), "seed {seed}");
                let peak = event.samples.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
                assert!(peak < 1.5 && peak > 1e-4, "seed {seed}: {peak}");
                seen[usize::from(event.line)] += 1;
            }
        }
        assert!(seen.iter().all(|n| *n > 50), "{seen:?} recorded and made");
    }

    /// When a sound begins behind speech does not tell how long the silence lasts.
    #[test]
    fn sounds_behind_short_and_long_silences_begin_alike() {
        let data = crate::tests::data();
        let after = |pause: usize| {
            let spans = [vec![[0, 16_000], [16_000 + pause, 16_000 + pause + 1_000]], vec![[0, 192_000]]];
            let mut starts = Vec::new();
            for seed in 0..3_000 {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let events = place(&data, &[0], &sounding(), &talk(&spans), &mut rng);
                let early = |e: &Event| e.channel == 0 && (16_000..16_000 + samples(0.5)).contains(&e.at);
                starts.extend(events.iter().find(|e| early(e)).map(|e| (e.at - 16_000) as f32));
            }
            (starts.len(), starts.iter().sum::<f32>() / starts.len() as f32)
        };
        let ((short, short_mean), (long, long_mean)) = (after(samples(0.7)), after(samples(5.0)));
        assert!(short > 200 && (0.8..1.25).contains(&(short as f32 / long as f32)), "{short} {long}");
        assert!((short_mean - long_mean).abs() < 400.0, "{short_mean} {long_mean}");
    }

    #[test]
    fn a_clip_is_cut_to_one_of_its_sounds() {
        let mut clip = vec![0i16; 80_000];
        for burst in [10_000..14_000, 50_000..56_000] {
            clip[burst].iter_mut().enumerate().for_each(|(n, x)| *x = if n % 2 == 0 { 900 } else { -900 });
        }
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..20 {
            let sound = cut(&clip, 64_000, &mut ChaCha8Rng::seed_from_u64(seed));
            lengths.insert(sound.len() / 1_000);
            let middle = &sound[1_500..2_500];
            let power = middle.iter().map(|x| x * x).sum::<f32>() / 1_000.0;
            assert!((power - 1.0).abs() < 0.2, "{power}");
        }
        assert!(lengths.len() == 2 && lengths.iter().all(|l| *l < 8), "{lengths:?}");
        assert!(cut(&[0; 640], 640, &mut ChaCha8Rng::seed_from_u64(0)).len() <= 640);
    }
}
