//! Times and choices of the event definitions, checked, and the same in frames.

use serde::{Deserialize, Serialize};
use vap_core::error::{Error, Result};

/// From where the windows are drawn in which nothing is to be foreseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Negatives {
    /// As the published code: for shifts the region before each hold, for backchannels the trimmed turns of one
    /// speaker.
    #[default]
    Code,
    /// As the 2022 paper: windows of non-shift, for shifts only where one speaks, for backchannels in silence too.
    Paper,
}

/// The published `EventConfig`, times in seconds. Times become frames by truncation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventConfig {
    /// Frames a second.
    pub frame_hz: usize,
    /// Nothing is scored before this time.
    pub min_context_s: f64,
    /// Events must start before this time; `None` (a missing key is the published 20 s) takes the whole dialogue.
    pub max_time_s: Option<f64>,
    /// With `metric_pad_s`, the shortest silence of a shift or hold.
    pub metric_s: f64,
    /// See `metric_s`; also where the papers' window into the silence begins.
    pub metric_pad_s: f64,
    /// Length of the papers' window into the silence.
    pub metric_window_s: f64,
    /// Length of the regions before shifts and backchannels.
    pub prediction_region_s: f64,
    /// How long the last speaker alone must have spoken before a shift or hold.
    pub sh_pre_cond_s: f64,
    /// How long the next speaker alone must speak after a shift or hold.
    pub sh_post_cond_s: f64,
    /// Whether the last utterance must fill the region before a shift or hold.
    pub sh_prediction_region_on_active: bool,
    /// Own silence before a backchannel.
    pub bc_pre_cond_s: f64,
    /// Own silence after a backchannel: 1.0 in the code, 2.0 in the papers.
    pub bc_post_cond_s: f64,
    /// Longest backchannel.
    pub bc_max_s: f64,
    /// Shortest backchannel: 0.2 in the 2022 code, else 0.
    pub bc_min_s: f64,
    /// Whether the other must hold the floor; not asked by the published code.
    pub bc_other_holds_floor: bool,
    /// Trimmed from the start of a turn before backchannel negatives are drawn from it.
    pub bc_negative_pad_left_s: f64,
    /// Trimmed from its end.
    pub bc_negative_pad_right_s: f64,
    /// Scored part of a long utterance.
    pub long_onset_region_s: f64,
    /// Shortest long utterance.
    pub long_onset_condition_s: f64,
    /// How far ahead a non-shift looks.
    pub non_shift_horizon_s: f64,
    /// Shortest overlap event (ours).
    pub overlap_min_s: f64,
    /// How long after an overlap its outcome is read (ours).
    pub overlap_outcome_s: f64,
    /// Whether holds are sampled down to the number of shifts.
    pub equal_hold_shift: bool,
    /// From where negatives are drawn.
    pub negatives: Negatives,
}

impl Default for EventConfig {
    fn default() -> Self {
        EventConfig {
            frame_hz: vap_core::FRAME_HZ,
            min_context_s: 3.0,
            max_time_s: Some(20.0),
            metric_s: 0.2,
            metric_pad_s: 0.05,
            metric_window_s: 0.1,
            prediction_region_s: 0.5,
            sh_pre_cond_s: 1.0,
            sh_post_cond_s: 1.0,
            sh_prediction_region_on_active: true,
            bc_pre_cond_s: 1.0,
            bc_post_cond_s: 1.0,
            bc_max_s: 1.0,
            bc_min_s: 0.0,
            bc_other_holds_floor: true,
            bc_negative_pad_left_s: 1.0,
            bc_negative_pad_right_s: 2.0,
            long_onset_region_s: 0.2,
            long_onset_condition_s: 1.0,
            non_shift_horizon_s: 2.0,
            overlap_min_s: 0.2,
            overlap_outcome_s: 1.0,
            equal_hold_shift: true,
            negatives: Negatives::Code,
        }
    }
}

impl EventConfig {
    /// The 2022 paper where it differs from the code: backchannels of at least 0.2 s with 2.0 s of own silence
    /// after them, and negatives from non-shift.
    pub fn paper() -> Self {
        EventConfig { bc_post_cond_s: 2.0, bc_min_s: 0.2, negatives: Negatives::Paper, ..Self::default() }
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::ConfigValue`] naming the key, what is allowed and what was found.
    pub fn validate(&self) -> Result<()> {
        self.frames().map(|_| ())
    }

    /// Everything in frames.
    pub(super) fn frames(&self) -> Result<Frames> {
        const MOST_S: f64 = 86_400.0;
        if !(1..=1000).contains(&self.frame_hz) {
            return Err(out_of_range("frame_hz", "1 to 1000", self.frame_hz));
        }
        let frames = |key, seconds: f64| {
            if !(0.0..=MOST_S).contains(&seconds) {
                return Err(out_of_range(key, "0 to 86400", seconds));
            }
            Ok((seconds * self.frame_hz as f64) as usize)
        };
        let at_least_one = |key, seconds: f64| match frames(key, seconds)? {
            0 => Err(out_of_range(key, "at least one frame", seconds)),
            frames => Ok(frames),
        };
        let max_start = match self.max_time_s {
            Some(seconds) if seconds <= self.min_context_s => {
                return Err(out_of_range("max_time_s", "above min_context_s", seconds));
            }
            Some(seconds) => frames("max_time_s", seconds)?,
            None => usize::MAX,
        };
        Ok(Frames {
            min_context: frames("min_context_s", self.min_context_s)?,
            max_start,
            // Like the reference, truncates the sum.
            min_silence: frames("metric_s", self.metric_s + self.metric_pad_s)?,
            window_pad: frames("metric_pad_s", self.metric_pad_s)?,
            window: at_least_one("metric_window_s", self.metric_window_s)?,
            prediction: at_least_one("prediction_region_s", self.prediction_region_s)?,
            pre: frames("sh_pre_cond_s", self.sh_pre_cond_s)?,
            post: frames("sh_post_cond_s", self.sh_post_cond_s)?,
            bc_pre: frames("bc_pre_cond_s", self.bc_pre_cond_s)?,
            bc_post: frames("bc_post_cond_s", self.bc_post_cond_s)?,
            bc_max: frames("bc_max_s", self.bc_max_s)?,
            bc_min: frames("bc_min_s", self.bc_min_s)?,
            bc_left: frames("bc_negative_pad_left_s", self.bc_negative_pad_left_s)?,
            bc_right: frames("bc_negative_pad_right_s", self.bc_negative_pad_right_s)?,
            long_region: at_least_one("long_onset_region_s", self.long_onset_region_s)?,
            long: frames("long_onset_condition_s", self.long_onset_condition_s)?,
            horizon: at_least_one("non_shift_horizon_s", self.non_shift_horizon_s)?,
            overlap: at_least_one("overlap_min_s", self.overlap_min_s)?,
            outcome: at_least_one("overlap_outcome_s", self.overlap_outcome_s)?,
        })
    }
}

fn out_of_range(key: &'static str, expected: &str, found: impl ToString) -> Error {
    Error::ConfigValue { key, expected: expected.into(), found: found.to_string() }
}

/// The times of an [`EventConfig`] in frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frames {
    pub min_context: usize,
    pub max_start: usize,
    pub min_silence: usize,
    pub window_pad: usize,
    pub window: usize,
    pub prediction: usize,
    pub pre: usize,
    pub post: usize,
    pub bc_pre: usize,
    pub bc_post: usize,
    pub bc_max: usize,
    pub bc_min: usize,
    pub bc_left: usize,
    pub bc_right: usize,
    pub long_region: usize,
    pub long: usize,
    pub horizon: usize,
    pub overlap: usize,
    pub outcome: usize,
}
