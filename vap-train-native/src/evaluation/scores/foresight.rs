//! What the published events ask a model to foresee.

use super::scene::Pairs;
use super::scored::Scored;
use super::truth::Truth;
use crate::labels::reference_events::{
    EventConfig, HoldShiftReading, backchannel_prediction_scores, long_short_scores, shift_hold_scores,
    shift_prediction_scores,
};

/// Scores with labels of one kind of event, from the regions of the truth.
pub type Foresight = fn(&Truth, &Scored, &EventConfig) -> Pairs;

/// Shift against hold, one decision an event (hs2).
pub const SHIFT_HOLD: Foresight = |truth, scored, config| {
    let reading = HoldShiftReading::EventMean;
    shift_hold_scores(&truth.events, &scored.p_now, reading, config).unwrap_or_default()
};
/// Shift prediction.
pub const SHIFT_PREDICTION: Foresight =
    |truth, scored, _| shift_prediction_scores(&truth.events, &scored.p_future).unwrap_or_default();
/// Long against short.
pub const LONG_SHORT: Foresight =
    |truth, scored, _| long_short_scores(&truth.events, &scored.p_future).unwrap_or_default();
/// Backchannel prediction.
pub const BACKCHANNEL_PREDICTION: Foresight =
    |truth, scored, _| backchannel_prediction_scores(&truth.events, &scored.p_now).unwrap_or_default();
