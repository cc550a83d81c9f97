//! Where a teacher is asked along a track: "were this the end, would it sound like one?"

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use vap_core::SAMPLE_RATE_HZ;

use super::track::{Source, Track};

/// Speech that must have been heard before a question, in samples: without any the teacher calls everything an end.
const LEAST_SPEECH: u32 = 4_800;
/// Silence that counts as a pause, in samples: 200 ms.
const SHORTEST_PAUSE: u32 = 3_200;
/// Distance of a hesitation's cut from both ends of its phrase, in samples.
const CUT_MARGIN: u32 = 2_400;
/// Seconds of speech for each hesitation.
const SECONDS_A_CUT: f32 = 3.0;

/// Why a question stands where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// At the end of an utterance, or of a call's last speech.
    End,
    /// Before a silence of 200 ms or more.
    Pause,
    /// At a cut inside a phrase, as a hesitation makes it.
    Cut,
    /// On a grid along the speech.
    Speech,
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Kind, String> {
        match text {
            "end" => Ok(Kind::End),
            "pause" => Ok(Kind::Pause),
            "cut" => Ok(Kind::Cut),
            "speech" => Ok(Kind::Speech),
            _ => Err(format!("expected end, pause, cut or speech, found {text}")),
        }
    }
}

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Sample before which the sound stops.
    pub at: u32,
    /// Why there.
    pub kind: Kind,
}

/// Which questions are asked.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct Wanted {
    /// Kinds of questions: end, pause, cut (inside a phrase), speech (every so many ms of it).
    #[arg(long = "ask", value_delimiter = ',', default_value = "end,pause,cut")]
    pub kinds: Vec<Kind>,
    /// Distance of the questions of kind speech, in ms.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(20..=10_000))]
    pub every_ms: u32,
    /// Share of the recordings that get questions of kind speech, 0 to 1; always the same ones, first those that a
    /// smaller share has.
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    pub share: f64,
}

fn share(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("expected 0 to 1, found {text}"))?;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(format!("expected 0 to 1, found {text}")) }
}

/// The questions of a track in the order of time; the same for the same track, and one of a kind at a place.
pub fn questions(track: &Track, wanted: &Wanted) -> Vec<Question> {
    let Some(first) = track.islands.first() else { return Vec::new() };
    let asks = |kind| wanted.kinds.contains(&kind);
    let mut found = Vec::new();
    let mut add = |at: u32, kind| found.push(Question { at, kind });
    for (i, [_, end]) in track.islands.iter().enumerate() {
        match track.islands.get(i + 1) {
            None if asks(Kind::End) => add(*end, Kind::End),
            Some([next, _]) if asks(Kind::Pause) && next - end >= SHORTEST_PAUSE => add(*end, Kind::Pause),
            _ => {}
        }
    }
    // Sound is asked about once enough of it has been heard.
    let begun = first[0].saturating_add(LEAST_SPEECH);
    if asks(Kind::Cut) {
        let mut rng = ChaCha8Rng::seed_from_u64(track.key);
        for [start, end] in &track.islands {
            let wished = (end - start) as f32 / SAMPLE_RATE_HZ as f32 / SECONDS_A_CUT;
            // The part behind the point is a chance, so that short phrases get their share.
            let count = wished as u32 + u32::from(rng.random_bool(f64::from(wished.fract())));
            let places = begun.max(start.saturating_add(CUT_MARGIN))..end.saturating_sub(CUT_MARGIN);
            if !places.is_empty() {
                (0..count).for_each(|_| add(rng.random_range(places.clone()), Kind::Cut));
            }
        }
    }
    if asks(Kind::Speech) && chosen(track.key, wanted.share) {
        let step = u64::from(wanted.every_ms * (SAMPLE_RATE_HZ / 1000));
        for [start, end] in &track.islands {
            // On one grid from the first sound, so that a denser run asks between the places of this one.
            let origin = u64::from(first[0]);
            let from = u64::from(begun.max(*start)) - origin;
            let places = (from.div_ceil(step)..).map(|i| origin + i * step);
            places.take_while(|at| *at < u64::from(*end)).for_each(|at| add(at as u32, Kind::Speech));
        }
    }
    found.retain(|q| q.at >= begun || (q.kind == Kind::End && is_utterance(track)));
    found.sort_by_key(|q| (q.at, q.kind));
    found.dedup();
    found
}

/// Whether a track is of the share. The high bits of its key choose; the work is ordered by all of them.
fn chosen(key: u64, share: f64) -> bool {
    ((key >> 32) as f64) < share * f64::from(u32::MAX) + share
}

/// An utterance of its own is asked about however short it is; a call's first 300 ms are not.
fn is_utterance(track: &Track) -> bool {
    matches!(track.source, Source::Utterance(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;
    use crate::teachers::label::track;

    fn wanted(kinds: &[Kind], share: f64) -> Wanted {
        Wanted { kinds: kinds.into(), every_ms: 200, share }
    }

    fn utterance(key: u64, islands: &[[u32; 2]]) -> Track {
        track::plain(Source::Utterance(0), key, Split::Train, islands)
    }

    fn places(track: &Track, kinds: &[Kind]) -> Vec<u32> {
        questions(track, &wanted(kinds, 1.0)).iter().map(|q| q.at).collect()
    }

    #[test]
    fn pauses_are_long_silences_and_the_last_is_the_end() {
        let track = utterance(1, &[[1_000, 20_000], [22_000, 40_000], [44_000, 60_000]]);
        assert_eq!(places(&track, &[Kind::Pause]), [40_000]);
        assert_eq!(places(&track, &[Kind::End]), [60_000]);
    }

    #[test]
    fn the_grid_lies_on_speech_that_has_begun() {
        let track = utterance(1, &[[1_000, 12_000], [20_000, 24_000]]);
        assert_eq!(places(&track, &[Kind::Speech]), [7_400, 10_600, 20_200, 23_400]);
        let dense = Wanted { every_ms: 100, ..wanted(&[Kind::Speech], 1.0) };
        let dense: Vec<u32> = questions(&track, &dense).iter().map(|q| q.at).collect();
        assert!(places(&track, &[Kind::Speech]).iter().all(|at| dense.contains(at)), "{dense:?}");
    }

    #[test]
    fn cuts_lie_inside_phrases() {
        let mut count = 0;
        for key in 0..200 {
            let track = utterance(key, &[[1_000, 20_000], [25_000, 90_000], [95_000, 97_000]]);
            for at in places(&track, &[Kind::Cut]) {
                assert!(
                    (1_000 + LEAST_SPEECH..17_600).contains(&at) || (27_400..87_600).contains(&at),
                    "{at}"
                );
                count += 1;
            }
        }
        // 5.3 s of two phrases at one in 3 s.
        assert!((250..450).contains(&count), "{count}");
    }

    #[test]
    fn a_short_answer_is_asked_once() {
        let track = utterance(1, &[[500, 3_000]]);
        let all = [Kind::End, Kind::Pause, Kind::Cut, Kind::Speech];
        assert_eq!(questions(&track, &wanted(&all, 1.0)), [Question { at: 3_000, kind: Kind::End }]);
        let call = track::plain(Source::Channel(0, 1), 1, Split::Train, &[[500, 3_000]]);
        assert!(questions(&call, &wanted(&all, 1.0)).is_empty());
        assert!(questions(&utterance(1, &[]), &wanted(&all, 1.0)).is_empty());
    }

    #[test]
    fn a_share_of_the_tracks_is_asked_densely() {
        let asked = |share| {
            let keys = (0..1_000u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let track = |key| utterance(key, &[[0, 32_000]]);
            keys.filter(|key| !questions(&track(*key), &wanted(&[Kind::Speech], share)).is_empty()).count()
        };
        assert_eq!((asked(0.0), asked(1.0)), (0, 1_000));
        assert!((200..300).contains(&asked(0.25)), "{}", asked(0.25));
    }
}
