//! A network of others, asked about each silence at the times at which ours is scored: a column beside the timeout.

use std::path::Path;

use vap_core::HOP_SAMPLES;

use super::metrics::SilenceSpan;
use super::recordings::spans::{SCORE_STEP_FRAMES, Silence};
use crate::error::{Error, Result};
use crate::teachers::label::card::{Card, Said};
use crate::teachers::label::session::{Judge, Teacher, runtime};

/// Questions that are asked at once.
const BATCH: usize = 8;

/// A network that hears one channel and tells whether its turn has ended.
pub struct Peer {
    /// What its column is called.
    pub name: String,
    judge: Box<dyn Judge>,
}

impl Peer {
    /// The network of an ONNX file, in the form that [`crate::teachers::label`] takes; onnxruntime's library is where
    /// `library`, the environment or the system says.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Teacher`] without onnxruntime or for another kind of file.
    pub fn load(path: &Path, library: Option<&Path>) -> Result<Peer> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let stem = || path.file_stem().map_or_else(|| "peer".into(), |stem| stem.to_string_lossy().into());
        let name = Card::of(path, &bytes, &Said::default()).map_or_else(|_| stem(), |card| card.slug());
        let judge = Teacher::load(&runtime(library)?, path)?;
        Ok(Peer { name, judge: Box::new(judge) })
    }

    /// The silence with its answers, each 0.1 s, from the `audio` of its channel at 16 kHz up to then.
    ///
    /// # Errors
    /// [`Error::Teacher`].
    pub fn span(&mut self, silence: &Silence, audio: &[f32]) -> Result<SilenceSpan> {
        let frames: Vec<usize> = silence.steps(audio.len() / HOP_SAMPLES, SCORE_STEP_FRAMES).collect();
        let mut scores = Vec::with_capacity(frames.len());
        for part in frames.chunks(BATCH) {
            let heard: Vec<&[f32]> = part.iter().map(|t| &audio[..(t + 1) * HOP_SAMPLES]).collect();
            scores.extend(self.judge.ask(&heard)?);
        }
        Ok(silence.spanning(scores))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::recordings::spans::silences;
    use crate::labels::Activity;

    /// Tells how many hops it has heard.
    struct Hops;

    impl Judge for Hops {
        fn ask(&mut self, sounds: &[&[f32]]) -> Result<Vec<f32>> {
            Ok(sounds.iter().map(|sound| (sound.len() / HOP_SAMPLES) as f32).collect())
        }
    }

    #[test]
    fn a_peer_hears_up_to_each_step_of_a_silence() {
        let track = |spans: &[[usize; 2]]| -> Vec<bool> {
            (0..400).map(|t| spans.iter().any(|[first, end]| (*first..*end).contains(&t))).collect()
        };
        let speech = [track(&[[10, 100], [163, 200]]), track(&[[250, 300]])];
        let activity = Activity { backchannel: [vec![false; 400], vec![false; 400]], speech, complete: true };
        let mut peer = Peer { name: "hops".into(), judge: Box::new(Hops) };
        let audio = vec![0.0; 400 * HOP_SAMPLES];
        let found = silences(&activity, 0);
        let spans: Vec<_> = found.iter().map(|silence| peer.span(silence, &audio).unwrap()).collect();
        // The pause of 63 frames has twelve whole steps; the end lasts to the sound's own end.
        let pause: Vec<f32> = (1..=12).map(|step| (100 + 5 * step) as f32).collect();
        assert_eq!((spans[0].end, &spans[0].scores), (false, &pause));
        assert!(spans[1].end && spans[1].scores.len() == 40 && spans[1].scores[39] == 400.0);
    }
}
