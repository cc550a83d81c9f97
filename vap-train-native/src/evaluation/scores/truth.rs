//! What is known about a dialogue, whatever the model says: events, silences, TurnBench's labels, and the baselines.

use vap_core::FRAME_HZ;

use crate::error::Result;
use crate::evaluation::metrics::SilenceSpan;
use crate::evaluation::recordings::spans::{self, Silence};
use crate::evaluation::recordings::{Recording, baselines};
use crate::evaluation::turnbench::files::Labels;
use crate::evaluation::turnbench::labels;
use crate::labels::reference_events::{EventConfig, Events, Region, events};
use crate::labels::{Activity, Targets, targets};

/// What is known about a dialogue.
pub struct Truth {
    /// Activity of the frames that have sound.
    pub activity: Activity,
    /// Targets of the heads, the future included.
    pub targets: Targets,
    /// Whether the channel has any sound; who has none cannot be heard, and is not scored.
    pub audible: [bool; 2],
    /// Published events of audible speakers.
    pub events: Events,
    /// Length in frames of each shift's (`true`) and hold's silence.
    pub silence_frames: Vec<(f32, bool)>,
    /// Silences of audible speakers, `[speaker]`.
    pub silences: [Vec<Silence>; 2],
    /// What TurnBench would ask.
    pub labels: Labels,
    /// Speech by each baseline, `[baseline][speaker][frames]`.
    pub baselines: [[Vec<bool>; 2]; 4],
}

impl Truth {
    /// Finds it all.
    ///
    /// # Errors
    /// [`crate::Error::Core`] if the activity is uneven.
    pub fn of(recording: &Recording, config: &EventConfig) -> Result<Truth> {
        let frames = recording.frames();
        let cut = |tracks: &[Vec<bool>; 2]| tracks.each_ref().map(|t| t[..frames].to_vec());
        let whole = &recording.activity;
        let activity = Activity {
            speech: cut(&whole.speech),
            backchannel: cut(&whole.backchannel),
            complete: whole.complete && frames == whole.frames(),
        };
        let audible = recording.audio.each_ref().map(|channel| channel.iter().any(|x| *x != 0.0));
        let mut events = events(&activity.speech, config)?;
        keep_audible(&mut events, audible);
        let length = |r: &Region| (r.end_frame - r.start_frame) as f32;
        let shifts = events.shift_hold.shifts.iter().map(|r| (length(r), true));
        let silence_frames =
            shifts.chain(events.shift_hold.holds.iter().map(|r| (length(r), false))).collect();
        let silences = [0, 1].map(|s| if audible[s] { spans::silences(&activity, s) } else { Vec::new() });
        let audio = recording.audio.each_ref().map(|channel| &channel[..]);
        Ok(Truth {
            targets: targets(whole)?,
            labels: labels::of_activity(&activity, audible),
            baselines: baselines::speech(audio, &activity),
            activity,
            audible,
            events,
            silence_frames,
            silences,
        })
    }

    /// How long a baseline has heard silence in each silence, every frame.
    pub fn baseline_spans(&self, baseline: usize) -> Vec<SilenceSpan> {
        let mut out = Vec::new();
        for (speaker, silences) in self.silences.iter().enumerate() {
            let silent_s = baselines::silent_s(&self.baselines[baseline][speaker]);
            out.extend(silences.iter().map(|silence| silence.with(&silent_s, 1)));
        }
        out
    }

    /// Speech by a baseline against the truth, audible speakers.
    pub fn baseline_vad(&self, baseline: usize) -> Vec<(f32, bool)> {
        let mut out = Vec::new();
        for s in (0..2).filter(|s| self.audible[*s]) {
            let heard = self.baselines[baseline][s].iter().zip(&self.activity.speech[s]);
            out.extend(heard.map(|(heard, speech)| (f32::from(u8::from(*heard)), *speech)));
        }
        out
    }

    /// `score` of each silence that is still open `ms` into it, with whether it is an end; `score` takes the
    /// speaker and the frame that ends then.
    pub fn open_at(&self, ms: usize, score: impl Fn(usize, usize) -> f32) -> Vec<(f32, bool)> {
        let hops = ms * FRAME_HZ / 1000;
        let mut out = Vec::new();
        for (speaker, silences) in self.silences.iter().enumerate() {
            for silence in silences {
                // At 0 ms the last frame of the sound.
                let frame = silence.start + hops - 1;
                let open = self.activity.speech.iter().all(|track| {
                    track.get(silence.start..=frame).is_some_and(|heard| !heard.contains(&true))
                });
                if open {
                    out.push((score(speaker, frame), silence.end));
                }
            }
        }
        out
    }
}

/// Leaves out events whose speaker, or the one whose speech is to tell them, has no sound.
fn keep_audible(events: &mut Events, audible: [bool; 2]) {
    let own = |r: &Region| audible[r.speaker];
    let other = |r: &Region| audible[1 - r.speaker];
    let found = &mut events.shift_hold;
    found.shifts.retain(other);
    found.holds.retain(own);
    found.shift_predictions.retain(other);
    found.longs.retain(own);
    events.shift_negatives.retain(other);
    events.backchannels.backchannels.retain(own);
    events.backchannels.predictions.retain(other);
    events.backchannel_negatives.retain(other);
    if !(audible[0] && audible[1]) {
        events.overlaps.clear();
    }
}
