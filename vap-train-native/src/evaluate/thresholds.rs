//! Thresholds of the 2022 papers' weighted F1, tuned on dialogues that are not scored.

use serde::{Deserialize, Serialize};
use vap_core::metrics::best_weighted_f1;
use vap_core::reference_events::EventConfig;

use super::rows::{BACKCHANNEL_PREDICTION, Foresight, LONG_SHORT, SHIFT_HOLD, SHIFT_PREDICTION};
use super::scored::Scored;
use super::truth::Truth;

/// Thresholds of a model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Shift against hold.
    pub shift_hold: f32,
    /// Shift prediction.
    pub shift_prediction: f32,
    /// Long against short.
    pub long_short: f32,
    /// Backchannel prediction.
    pub backchannel_prediction: f32,
}

impl Default for Thresholds {
    /// The papers' own.
    fn default() -> Self {
        Thresholds { shift_hold: 0.5, shift_prediction: 0.3, long_short: 0.5, backchannel_prediction: 0.1 }
    }
}

impl Thresholds {
    /// Those with the highest weighted F1 on these dialogues; the papers' own where there is nothing to tune on.
    pub(super) fn tuned(truths: &[Truth], scored: &[Scored], config: &EventConfig) -> Thresholds {
        let best = |foresight: Foresight, otherwise: f32| {
            let each = truths.iter().zip(scored).flat_map(|(truth, scored)| foresight(truth, scored, config));
            let pairs: Vec<(f32, bool)> = each.collect();
            let both = pairs.iter().any(|p| p.1) && pairs.iter().any(|p| !p.1);
            best_weighted_f1(&pairs).filter(|_| both).map_or(otherwise, |(threshold, _)| threshold)
        };
        let published = Thresholds::default();
        Thresholds {
            shift_hold: best(SHIFT_HOLD, published.shift_hold),
            shift_prediction: best(SHIFT_PREDICTION, published.shift_prediction),
            long_short: best(LONG_SHORT, published.long_short),
            backchannel_prediction: best(BACKCHANNEL_PREDICTION, published.backchannel_prediction),
        }
    }
}
