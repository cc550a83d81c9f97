//! Scores of a detector: scores with labels, spans of silence or times of events come in, figures go out.
//!
//! A figure without a meaning on what it was given (no positives, no pauses) is `None`, never a number.

mod bootstrap;
mod classification;
mod ranked;
mod reliability;
mod silence_policy;
mod silence_counts;
mod silence_sweep;
mod turnbench;
pub mod table;

pub use bootstrap::{Interval, bootstrap};
pub use classification::{Confusion, average_precision, best_weighted_f1, roc_auc};
pub use ranked::Ranked;
pub use reliability::{Reliability, ReliabilityBin, reliability};
pub use silence_counts::SilenceCounts;
pub use silence_policy::{OperatingPoint, SilencePolicy, SilenceRules, SilenceSpan, SweepGrid};
pub use silence_sweep::{SweepSummary, evaluate, silence_sweep, silence_timeout, summarise, sweep};
pub use turnbench::{Latency, TurnBench, best_within_fp_rate, turnbench};

/// The value below which the share `of` (0 to 1) of the values lies, interpolated linearly; `None` for no values.
pub fn quantile(values: &[f64], of: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = of.clamp(0.0, 1.0) * (sorted.len().checked_sub(1)? as f64);
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

/// `part / whole`, `None` for an empty whole.
fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.5), Some(2.5));
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 1.0), Some(4.0));
        assert!((quantile(&values, 0.1).unwrap() - 1.3).abs() < 1e-12);
        assert_eq!(quantile(&[7.0], 0.9), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
