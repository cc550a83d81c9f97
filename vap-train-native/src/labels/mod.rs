//! What the heads should have said: frame activity of both speakers comes in, the 27 targets of every frame and
//! their mask go out.
//!
//! Activity is at 50 Hz, and the targets stand in the order of [`vap_core::projection`]. A frame is masked where the
//! answer is unknown (the future of a crop) or has no meaning (the end of a turn of a speaker who has none).

pub mod reference_events;
mod end_of_turn;
#[cfg(test)]
mod tests;

use std::ops::Range;

use vap_core::HOP_SAMPLES;
use vap_core::error::{Error, Result};
use vap_core::projection::{BACKCHANNEL_AT, BIN_FRAMES, BINS, EOT_AT, OUTPUTS, OVERLAP_AT, VAD_AT};

use self::reference_events::EventConfig;

/// Frames before the end of an utterance from which its end of turn counts: 0.2 s.
pub const EOT_LEAD_FRAMES: usize = 10;

/// Who speaks in each frame of a dialogue, or of a crop of one. Pairs are `[user, agent]`, 50 frames a second.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activity {
    /// Whether the speaker makes speech sound in the frame, backchannels included, `[speaker][frames]`.
    pub speech: [Vec<bool>; 2],
    /// Frames of speech that are backchannels, `[speaker][frames]`. Marks outside speech are ignored.
    pub backchannel: [Vec<bool>; 2],
    /// Whether the last frame is the end of the dialogue, after which both are silent. If not, the future is
    /// unknown.
    pub complete: bool,
}

/// Frames of which at least half lies between two samples: those that are spoken where the samples are.
pub fn frames_of(samples: [usize; 2]) -> Range<usize> {
    let [start, end] = samples.map(|sample| (sample + HOP_SAMPLES / 2) / HOP_SAMPLES);
    start..end
}

impl Activity {
    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.speech[0].len()
    }

    /// Checks that all four tracks are of one length.
    ///
    /// # Errors
    /// [`Error::Length`] naming the track.
    pub fn validate(&self) -> Result<()> {
        let expected = self.frames();
        let tracks = [
            ("activity: speech of the agent", &self.speech[1]),
            ("activity: backchannels of the user", &self.backchannel[0]),
            ("activity: backchannels of the agent", &self.backchannel[1]),
        ];
        for (what, track) in tracks {
            if track.len() != expected {
                return Err(Error::Length { what, expected, found: track.len() });
            }
        }
        Ok(())
    }

    /// Speech that is not a backchannel, `[frames]`: what turns are made of.
    fn claims(&self, speaker: usize) -> Vec<bool> {
        let marked = &self.backchannel[speaker];
        self.speech[speaker]
            .iter()
            .zip(marked)
            .map(|(&speech, &backchannel)| speech && !backchannel)
            .collect()
    }
}

/// Targets of the heads and where they count.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// Number of frames.
    pub frames: usize,
    /// 0 or 1, `[frames, 27]`; 0 where masked.
    pub values: Vec<f32>,
    /// 1 where the value counts, else 0, `[frames, 27]`.
    pub mask: Vec<f32>,
}

impl Targets {
    fn masked(frames: usize) -> Self {
        Targets { frames, values: vec![0.0; frames * OUTPUTS], mask: vec![0.0; frames * OUTPUTS] }
    }

    fn set(&mut self, frame: usize, output: usize, value: bool) {
        let at = frame * OUTPUTS + output;
        self.values[at] = f32::from(u8::from(value));
        self.mask[at] = 1.0;
    }

    /// The target of one output, or `None` where it is masked.
    ///
    /// # Panics
    /// If `frame` or `output` is out of range.
    pub fn at(&self, frame: usize, output: usize) -> Option<bool> {
        assert!(output < OUTPUTS, "output {output} of {OUTPUTS}");
        let at = frame * OUTPUTS + output;
        (self.mask[at] > 0.0).then(|| self.values[at] > 0.5)
    }
}

/// Targets of every frame.
///
/// - Bin k of s at t: s speaks in at least half of the frames (t + 10k, t + 10(k+1)]. A bin that reaches past the
///   end sees silence there when the dialogue is complete, and is masked in a crop.
/// - VAD, overlap: one speaks, both speak, in this frame.
/// - End of turn of s: 1 from 0.2 s before the end of an utterance after which the floor passes (the other starts
///   before s resumes or is already talking, or the dialogue is over) until either next speaks; 0 in the rest of
///   the turn, pauses included; masked outside turns. Backchannels are no turns and take no floor. An utterance
///   shorter than 0.2 s is positive from its start. In a crop, what follows the last utterance is unknown, so it
///   is masked from 0.2 s before its end.
/// - Backchannel of s: whether the sound of s is one; masked while s is silent.
///
/// # Errors
/// [`Error::Length`] for tracks of different lengths.
pub fn targets(activity: &Activity) -> Result<Targets> {
    activity.validate()?;
    let mut targets = Targets::masked(activity.frames());
    let claims = [activity.claims(0), activity.claims(1)];
    for speaker in 0..2 {
        bins(activity, speaker, &mut targets);
        for frame in 0..activity.frames() {
            let speech = activity.speech[speaker][frame];
            targets.set(frame, VAD_AT + speaker, speech);
            if speech {
                targets.set(frame, BACKCHANNEL_AT + speaker, activity.backchannel[speaker][frame]);
            }
        }
        end_of_turn::mark(activity, &claims, speaker, |frame, value| {
            targets.set(frame, EOT_AT + speaker, value)
        });
    }
    for frame in 0..activity.frames() {
        targets.set(frame, OVERLAP_AT, activity.speech[0][frame] && activity.speech[1][frame]);
    }
    Ok(targets)
}

fn bins(activity: &Activity, speaker: usize, targets: &mut Targets) {
    let frames = activity.frames();
    // before[i] = frames of speech before frame i
    let mut before = Vec::with_capacity(frames + 1);
    before.push(0usize);
    for &speech in &activity.speech[speaker] {
        before.push(before[before.len() - 1] + usize::from(speech));
    }
    for frame in 0..frames {
        for bin in 0..BINS {
            let start = frame + 1 + bin * BIN_FRAMES;
            let end = start + BIN_FRAMES;
            if end > frames && !activity.complete {
                continue;
            }
            let spoken = before[end.min(frames)] - before[start.min(frames)];
            targets.set(frame, speaker * BINS + bin, 2 * spoken >= BIN_FRAMES);
        }
    }
}

/// Backchannels by the published definition, from frame activity alone, `[speaker][frames]`; for corpora without
/// annotations.
///
/// The whole dialogue is read: no least context, no greatest time. See [`reference_events::backchannels`] for the
/// definition and for what we ask beyond it. Tracks of different lengths have none; [`Activity::validate`] refuses
/// them.
pub fn mark_backchannels(speech: &[Vec<bool>; 2]) -> [Vec<bool>; 2] {
    let config = EventConfig { min_context_s: 0.0, max_time_s: None, ..EventConfig::default() };
    let found = reference_events::backchannels(speech, &config).unwrap_or_default();
    let mut marks = [vec![false; speech[0].len()], vec![false; speech[1].len()]];
    for region in found.backchannels {
        for frame in region.start_frame..region.end_frame {
            marks[region.speaker][frame] = speech[region.speaker][frame];
        }
    }
    marks
}
