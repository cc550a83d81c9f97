//! Silences behind one speaker's speech: ends of turns and pauses within them, and what was said about each.

use vap_core::events::EventKind;
use vap_core::{Event, FRAME_HZ, Frame, Speaker};

use crate::evaluation::metrics::SilenceSpan;
use crate::labels::Activity;

/// Frames from score to score: 0.1 s.
pub const SCORE_STEP_FRAMES: usize = 5;
/// Longest silence looked at, in seconds.
const LONGEST_S: f64 = 4.0;

/// A silence of a speaker.
#[derive(Debug, Clone, Copy)]
pub struct Silence {
    /// First silent frame.
    pub start: usize,
    /// Frame in which the same speaker sounds again, if ever.
    pub next: Option<usize>,
    /// Whether the floor passes here.
    pub end: bool,
    /// Frames of the dialogue.
    frames: usize,
}

/// The event machine's answer to a silence.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// Whether the turn ended here.
    pub end: bool,
    /// Time until the same speaker sounds again, in seconds; infinite when that does not happen.
    pub until_speech_s: f64,
    /// Time from the start of the silence to `endOfTurn`, if it came before the speaker went on: at the very end of a
    /// silence the speaker already sounds.
    pub latency_s: Option<f64>,
}

/// All silences of `speaker` whose outcome is known. Backchannels neither make nor break them; turns that end while
/// the other already speaks are left out.
pub fn silences(activity: &Activity, speaker: usize) -> Vec<Silence> {
    let claims = |s: usize, t: usize| activity.speech[s][t] && !activity.backchannel[s][t];
    let frames = activity.frames();
    let mut out = Vec::new();
    for start in 1..frames {
        if !claims(speaker, start - 1) || claims(speaker, start) || claims(1 - speaker, start) {
            continue;
        }
        let next = (start..frames).find(|&t| claims(speaker, t));
        let sound = (start..frames).find(|&t| activity.speech[speaker][t]);
        let other = (start..next.unwrap_or(frames)).find(|&t| claims(1 - speaker, t));
        if other.is_some() || next.is_some() {
            out.push(Silence { start, next: sound, end: other.is_some(), frames });
        }
    }
    out
}

impl Silence {
    /// The silence with the end-of-turn scores of `frames`, each 0.1 s, until the same speaker sounds again.
    pub fn scored(&self, frames: &[Frame], speaker: usize) -> SilenceSpan {
        self.with(&frames.iter().map(|frame| frame.eot[speaker]).collect::<Vec<_>>(), SCORE_STEP_FRAMES)
    }

    /// The silence with the `values` of its frames, `[frames]`, every so many until the same speaker sounds again.
    pub fn with(&self, values: &[f32], step_frames: usize) -> SilenceSpan {
        self.spanning(self.steps(values.len(), step_frames).map(|t| values[t]).collect())
    }

    /// Last frame of each step of the silence, of the first `frames` frames, until the same speaker sounds again.
    pub fn steps(&self, frames: usize, step_frames: usize) -> impl Iterator<Item = usize> + use<> {
        let longest = self.start + (LONGEST_S * FRAME_HZ as f64) as usize;
        let stop = self.next.unwrap_or(self.frames).min(longest).min(frames);
        (self.start + step_frames - 1..stop).step_by(step_frames)
    }

    /// The silence with a score for each of its steps.
    pub fn spanning(&self, scores: Vec<f32>) -> SilenceSpan {
        let until_speech_s = self.next.map_or(f64::INFINITY, |n| (n - self.start) as f64 / FRAME_HZ as f64);
        SilenceSpan { until_speech_s, end: self.end, scores }
    }
}

/// When the event machine ended the turn in each silence.
pub fn answers(silences: &[Silence], events: &[Event], speaker: usize) -> Vec<Answer> {
    let ends: Vec<f64> = events
        .iter()
        .filter(|event| event.kind == EventKind::EndOfTurn && event.speaker == Speaker::BOTH[speaker])
        .map(|event| event.time_ms as f64 / 1000.0)
        .collect();
    let seconds = |frame: usize| frame as f64 / FRAME_HZ as f64;
    silences
        .iter()
        .map(|s| {
            let until = s.next.map_or(f64::INFINITY, seconds);
            let fired = ends.iter().find(|t| **t >= seconds(s.start) && **t < until);
            Answer {
                end: s.end,
                until_speech_s: until - seconds(s.start),
                latency_s: fired.map(|t| t - seconds(s.start)),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(text: &str) -> Vec<bool> {
        text.chars().map(|c| c != '.').collect()
    }

    fn marks(text: &str) -> Vec<bool> {
        text.chars().map(|c| c == 'b').collect()
    }

    #[test]
    fn ends_pauses_and_backchannels() {
        let (user, agent) = ("xxx...xxx......xx", "....b......xxx...");
        let activity = Activity {
            speech: [track(user), track(agent)],
            backchannel: [marks(user), marks(agent)],
            complete: false,
        };
        let found = silences(&activity, 0);
        let seen: Vec<_> = found.iter().map(|s| (s.start, s.next, s.end)).collect();
        assert_eq!(seen, [(3, Some(6), false), (9, Some(15), true)]);
        assert_eq!(silences(&activity, 1).iter().map(|s| (s.start, s.end)).collect::<Vec<_>>(), [(14, true)]);
    }

    #[test]
    fn an_end_with_the_other_already_speaking_is_left_out() {
        let activity = Activity {
            speech: [track("xxxx......"), track("..xxxxxxxx")],
            backchannel: [vec![false; 10], vec![false; 10]],
            complete: false,
        };
        assert!(silences(&activity, 0).is_empty());
    }

    #[test]
    fn scores_stand_at_tenths_of_the_silence() {
        let silence = Silence { start: 10, next: Some(22), end: false, frames: 100 };
        let values: Vec<f32> = (0..100).map(|i| i as f32).collect();
        let span = silence.with(&values, SCORE_STEP_FRAMES);
        assert_eq!(span.scores, [14.0, 19.0]);
        assert!((span.until_speech_s - 0.24).abs() < 1e-9);
    }
}
