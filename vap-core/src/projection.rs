//! One output frame: the 27 numbers of the heads, and what they say about now and the near future.

use serde::{Deserialize, Serialize};

/// Projection bins a speaker.
pub const BINS: usize = 10;
/// Frames a bin: 0.2 s.
pub const BIN_FRAMES: usize = 10;
/// Frames the projection looks ahead: 2 s.
pub const HORIZON_FRAMES: usize = BINS * BIN_FRAMES;
/// Numbers the heads give a frame: bins `[user 10, agent 10]`, then end of turn, backchannel and VAD `[user, agent]`
/// each, then overlap.
pub const OUTPUTS: usize = 2 * BINS + 7;

/// Index of the end-of-turn pair in the outputs.
pub const EOT_AT: usize = 2 * BINS;
/// Index of the backchannel pair in the outputs.
pub const BACKCHANNEL_AT: usize = EOT_AT + 2;
/// Index of the VAD pair in the outputs.
pub const VAD_AT: usize = BACKCHANNEL_AT + 2;
/// Index of the overlap number in the outputs.
pub const OVERLAP_AT: usize = VAD_AT + 2;

/// Index of `p_now` in a packed frame, behind the outputs.
pub const P_NOW_AT: usize = OUTPUTS;
/// Index of `p_future` in a packed frame.
pub const P_FUTURE_AT: usize = P_NOW_AT + 2;
/// Numbers of a packed frame.
pub const PACKED: usize = P_FUTURE_AT + 2;

/// Probabilities of one hop. Pairs are `[user, agent]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// Number of the hop since the stream began, from 0.
    pub index: u64,
    /// Chance that each speaker speaks in each 0.2 s bin of the next 2 s, `[speaker, bin]`.
    #[cfg_attr(feature = "contract", ts(type = "[user: number[], agent: number[]]"))]
    pub bins: [[f32; BINS]; 2],
    /// Share of each speaker in the next 0 to 600 ms.
    #[cfg_attr(feature = "contract", ts(type = "Pair"))]
    pub p_now: [f32; 2],
    /// Share of each speaker in the next 600 to 2000 ms.
    #[cfg_attr(feature = "contract", ts(type = "Pair"))]
    pub p_future: [f32; 2],
    /// Chance that each speaker's turn is at its end.
    #[cfg_attr(feature = "contract", ts(type = "Pair"))]
    pub eot: [f32; 2],
    /// Chance that what each speaker says is a backchannel.
    #[cfg_attr(feature = "contract", ts(type = "Pair"))]
    pub backchannel: [f32; 2],
    /// Chance that each speaker speaks in this hop.
    #[cfg_attr(feature = "contract", ts(type = "Pair"))]
    pub vad: [f32; 2],
    /// Chance that both speak in this hop.
    pub overlap: f32,
}

impl Frame {
    /// Frame from the heads' logits, `[27]`.
    pub fn from_logits(index: u64, logits: &[f32; OUTPUTS]) -> Self {
        let p = logits.map(sigmoid);
        let mut bins = [[0.0; BINS]; 2];
        bins[0].copy_from_slice(&p[..BINS]);
        bins[1].copy_from_slice(&p[BINS..2 * BINS]);
        let (p_now, p_future) = now_and_future(&bins);
        let pair = |at: usize| [p[at], p[at + 1]];
        Frame {
            index,
            bins,
            p_now,
            p_future,
            eot: pair(EOT_AT),
            backchannel: pair(BACKCHANNEL_AT),
            vad: pair(VAD_AT),
            overlap: p[OVERLAP_AT],
        }
    }

    /// All its numbers but the index, in one row: the outputs in their order, then `p_now` and `p_future`.
    pub fn packed(&self) -> [f32; PACKED] {
        let mut row = [0.0; PACKED];
        for (speaker, bins) in self.bins.iter().enumerate() {
            row[speaker * BINS..][..BINS].copy_from_slice(bins);
        }
        let pairs = [
            (EOT_AT, self.eot),
            (BACKCHANNEL_AT, self.backchannel),
            (VAD_AT, self.vad),
            (P_NOW_AT, self.p_now),
            (P_FUTURE_AT, self.p_future),
        ];
        for (at, pair) in pairs {
            row[at..at + 2].copy_from_slice(&pair);
        }
        row[OVERLAP_AT] = self.overlap;
        row
    }

    /// End of the hop in ms since the stream began.
    pub fn time_ms(&self) -> u64 {
        (self.index + 1) * u64::from(crate::HOP_MS)
    }
}

/// `p_now` and `p_future`, `[user, agent]` each, from the bins `[speaker, bin]`.
///
/// The bins are regrouped to the published 0.2/0.4/0.6/0.8 s groups, unweighted by length, and normalised over
/// the speakers (ErikEkstedt/VoiceActivityProjection).
pub fn now_and_future(bins: &[[f32; BINS]; 2]) -> ([f32; 2], [f32; 2]) {
    let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
    let near = bins.map(|b| b[0] + mean(&b[1..3]));
    let far = bins.map(|b| mean(&b[3..6]) + mean(&b[6..10]));
    (shares(near), shares(far))
}

fn shares(of: [f32; 2]) -> [f32; 2] {
    const EPSILON: f32 = 1e-5;
    let sum = of[0] + of[1] + 2.0 * EPSILON;
    of.map(|x| (x + EPSILON) / sum)
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_regrouped_as_published() {
        let mut bins = [[0.0; BINS]; 2];
        bins[0][1] = 1.0; // g1 = 1/2 for the user
        bins[1][0] = 1.0; // g0 = 1 for the agent
        bins[1][9] = 1.0; // g3 = 1/4 for the agent
        let (now, future) = now_and_future(&bins);
        assert!((now[0] - 0.5 / 1.5).abs() < 1e-4 && (now[1] - 1.0 / 1.5).abs() < 1e-4, "{now:?}");
        assert!(future[1] > 0.999 && (future[0] + future[1] - 1.0).abs() < 1e-6, "{future:?}");
    }

    #[test]
    fn nobody_expected_is_an_even_share() {
        let (now, future) = now_and_future(&[[0.0; BINS]; 2]);
        assert_eq!((now, future), ([0.5; 2], [0.5; 2]));
    }

    #[test]
    fn logits_land_in_their_fields() {
        let mut logits = [-20.0; OUTPUTS];
        for at in [3, BINS + 4, EOT_AT, BACKCHANNEL_AT + 1, VAD_AT, OVERLAP_AT] {
            logits[at] = 20.0;
        }
        let frame = Frame::from_logits(4, &logits);
        assert!(frame.bins[0][3] > 0.99 && frame.bins[1][4] > 0.99 && frame.bins[0][4] < 0.01);
        assert!(frame.eot[0] > 0.99 && frame.eot[1] < 0.01);
        assert!(frame.backchannel[1] > 0.99 && frame.vad[0] > 0.99 && frame.overlap > 0.99);
        assert_eq!(frame.time_ms(), 100);
    }

    #[test]
    fn a_packed_frame_holds_every_number_once_and_the_outputs_as_they_came() {
        let logits: [f32; OUTPUTS] = std::array::from_fn(|at| (at as f32 - 13.0) / 4.0);
        let frame = Frame::from_logits(4, &logits);
        let row = frame.packed();
        assert_eq!(row[..OUTPUTS], logits.map(sigmoid));
        assert_eq!(row[P_NOW_AT..P_NOW_AT + 2], frame.p_now);
        assert_eq!(row[P_FUTURE_AT..], frame.p_future);
    }

    #[test]
    fn extreme_logits_stay_probabilities() {
        let frame = Frame::from_logits(0, &[f32::MAX; OUTPUTS]);
        assert!(frame.bins.iter().flatten().all(|p| (0.0..=1.0).contains(p)));
    }
}
