//! What a model says about the events: its shares of now and the future come in, scores and labels go out.
//!
//! Shares are `[frames][speaker]` from the same frames as the activity. Pairs are `(score, label)`; a high score
//! says `true`.

use vap_core::error::{Error, Result};

use super::config::EventConfig;
use super::{Events, Region};

/// Which frames of a shift's or hold's silence are scored. Numbers of different readings do not compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldShiftReading {
    /// The published code: every frame of the silence, so long holds dominate.
    EveryFrame,
    /// The 2022 papers: the frames of `metric_window_s` that follow `metric_pad_s` of silence.
    Window,
    /// Inoue et al. 2024 (`hs2`), the one to headline: one decision an event, the mean over the silence.
    EventMean,
}

/// Shift against hold: the share of the next speaker in `p_now` at shifts (`true`), of the other at holds.
///
/// # Errors
/// [`Error::Length`] when `p_now` is not as long as the dialogue, [`Error::ConfigValue`] for a bad config.
pub fn shift_hold_scores(
    events: &Events,
    p_now: &[[f32; 2]],
    reading: HoldShiftReading,
    config: &EventConfig,
) -> Result<Vec<(f32, bool)>> {
    check(events, p_now)?;
    let frames = config.frames()?;
    let mut scores = Vec::new();
    for (regions, shift) in [(&events.shift_hold.shifts, true), (&events.shift_hold.holds, false)] {
        for region in regions {
            let score = |p: &[f32; 2]| if shift { p[region.speaker] } else { 1.0 - p[region.speaker] };
            let silence = &p_now[region.start_frame..region.end_frame];
            match reading {
                HoldShiftReading::EveryFrame => scores.extend(silence.iter().map(|p| (score(p), shift))),
                HoldShiftReading::Window => {
                    let window = silence.iter().skip(frames.window_pad).take(frames.window);
                    scores.extend(window.map(|p| (score(p), shift)));
                }
                HoldShiftReading::EventMean => {
                    let mean = silence.iter().map(score).sum::<f32>() / silence.len() as f32;
                    scores.push((mean, shift));
                }
            }
        }
    }
    Ok(scores)
}

/// Shift prediction: the future share of who takes the floor (`true`), or of who does not.
///
/// # Errors
/// [`Error::Length`] when `p_future` is not as long as the dialogue.
pub fn shift_prediction_scores(events: &Events, p_future: &[[f32; 2]]) -> Result<Vec<(f32, bool)>> {
    frame_scores(events, p_future, &events.shift_hold.shift_predictions, &events.shift_negatives)
}

/// Long against short: the future share of the speaker at the onset of a long turn (`true`), over a backchannel.
///
/// # Errors
/// [`Error::Length`] when `p_future` is not as long as the dialogue.
pub fn long_short_scores(events: &Events, p_future: &[[f32; 2]]) -> Result<Vec<(f32, bool)>> {
    frame_scores(events, p_future, &events.shift_hold.longs, &events.backchannels.backchannels)
}

/// Backchannel prediction: the share in `p_now` of who is about to give one (`true`), or of who is not.
///
/// # Errors
/// [`Error::Length`] when `p_now` is not as long as the dialogue.
pub fn backchannel_prediction_scores(events: &Events, p_now: &[[f32; 2]]) -> Result<Vec<(f32, bool)>> {
    frame_scores(events, p_now, &events.backchannels.predictions, &events.backchannel_negatives)
}

fn frame_scores(
    events: &Events,
    shares: &[[f32; 2]],
    positives: &[Region],
    negatives: &[Region],
) -> Result<Vec<(f32, bool)>> {
    check(events, shares)?;
    let mut scores = Vec::new();
    for (regions, label) in [(positives, true), (negatives, false)] {
        for region in regions {
            let frames = &shares[region.start_frame..region.end_frame];
            scores.extend(frames.iter().map(|share| (share[region.speaker], label)));
        }
    }
    Ok(scores)
}

fn check(events: &Events, shares: &[[f32; 2]]) -> Result<()> {
    let (expected, found) = (events.frames, shares.len());
    if expected != found {
        return Err(Error::Length { what: "shares of the speakers", expected, found });
    }
    Ok(())
}
