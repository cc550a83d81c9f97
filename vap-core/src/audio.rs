//! The front door: one channel at any sample rate in, the same channel at 16 kHz out.
//!
//! Resampling is rubato's. Its delay is compensated: output sample `k` always stands for input time `k / 16000` s,
//! so times of frames and events are times of the recording. The delay is still there as latency
//! ([`Resampler::delay_ms`]): a sample comes out that much later than it went in.

mod blocks;

use crate::SAMPLE_RATE_HZ;
use crate::error::{Error, Result};
use crate::state::{self, Reader, Writer};
use blocks::Blocks;

/// Lowest input rate, in Hz.
pub const MIN_RATE_HZ: u32 = 4_000;
/// Highest input rate, in Hz.
pub const MAX_RATE_HZ: u32 = 384_000;

/// Streaming resampler of one mono channel to 16 kHz.
///
/// Samples that are not finite become 0 (and are counted), samples beyond full scale are clipped to `[-1, 1]`.
pub struct Resampler {
    inner: Option<Blocks>,
    rate_hz: u32,
    /// The last input of finished blocks, which the next one still sees, and that which does not fill a block yet.
    pending: Vec<f32>,
    /// How much of it is of finished blocks.
    kept: usize,
    /// Output samples of the start-up delay still to drop.
    to_skip: usize,
    consumed: u64,
    produced: u64,
    replaced: u64,
}

impl Resampler {
    /// Resampler for input at `rate_hz`.
    ///
    /// # Errors
    /// [`Error::SampleRate`] outside [`MIN_RATE_HZ`] to [`MAX_RATE_HZ`].
    pub fn new(rate_hz: u32) -> Result<Self> {
        let out_of_range = Error::SampleRate { min: MIN_RATE_HZ, max: MAX_RATE_HZ, found: rate_hz };
        if !(MIN_RATE_HZ..=MAX_RATE_HZ).contains(&rate_hz) {
            return Err(out_of_range);
        }
        let inner =
            if rate_hz == SAMPLE_RATE_HZ { None } else { Some(Blocks::new(rate_hz).ok_or(out_of_range)?) };
        let to_skip = inner.as_ref().map_or(0, |inner| inner.rubato.output_delay());
        Ok(Resampler {
            inner,
            rate_hz,
            pending: Vec::new(),
            kept: 0,
            to_skip,
            consumed: 0,
            produced: 0,
            replaced: 0,
        })
    }

    /// Input rate in Hz.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Longest time a sample waits between going in and coming out, in ms: filter delay and block length.
    pub fn delay_ms(&self) -> f64 {
        self.inner.as_ref().map_or(0.0, |Blocks { rubato, .. }| {
            let out_ms = 1000.0 / f64::from(SAMPLE_RATE_HZ);
            (rubato.output_delay() + rubato.output_frames_max()) as f64 * out_ms
        })
    }

    /// Input samples taken so far.
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Output samples given so far.
    pub fn produced(&self) -> u64 {
        self.produced
    }

    /// Input samples so far that were not finite and became 0.
    pub fn replaced(&self) -> u64 {
        self.replaced
    }

    /// Takes input samples and appends what is ready to `out`, at 16 kHz.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.consumed += samples.len() as u64;
        self.replaced += samples.iter().filter(|sample| !sample.is_finite()).count() as u64;
        let clean =
            samples.iter().map(|sample| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 });
        if self.inner.is_none() {
            self.produced += samples.len() as u64;
            out.extend(clean);
        } else {
            self.pending.extend(clean);
        }
        self.work(out);
    }

    /// Ends the stream: appends the rest, so that as many samples have come out as the input lasted (rounded).
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        let ratio = f64::from(SAMPLE_RATE_HZ) / f64::from(self.rate_hz);
        let target = (self.consumed as f64 * ratio).round() as u64;
        while self.inner.is_some() && self.produced < target {
            let before_turn = (self.produced, self.to_skip);
            let missing = self.inner.as_ref().map_or(0, |inner| inner.rubato.input_frames_next());
            let length = self.pending.len().max(self.kept + missing);
            self.pending.resize(length, 0.0);
            let before = out.len();
            self.work(out);
            let surplus = self.produced.saturating_sub(target) as usize;
            out.truncate((out.len() - surplus.min(out.len() - before)).max(before));
            if (self.produced, self.to_skip) == before_turn {
                break;
            }
        }
        *self = match Resampler::new(self.rate_hz) {
            Ok(fresh) => Resampler { replaced: self.replaced, ..fresh },
            Err(_) => return,
        };
    }

    /// Writes where the stream stands and the input that later output depends on.
    pub fn save(&self, out: &mut Writer) {
        out.count(self.consumed);
        out.count(self.produced);
        out.count(self.to_skip as u64);
        out.count(self.replaced);
        out.list(&self.pending);
    }

    /// Reads what [`Resampler::save`] wrote of a resampler for the same rate. What it gives from here on is what the
    /// other would have given, to the bit.
    ///
    /// # Errors
    /// [`Error::State`] for what cannot have been written.
    pub fn restore(rate_hz: u32, reader: &mut Reader) -> Result<Self> {
        let mut restored = Resampler::new(rate_hz).map_err(|_| Error::State("a sample rate"))?;
        restored.consumed = reader.count("samples taken", state::MOST)?;
        restored.produced = reader.count("samples given", state::MOST)?;
        restored.to_skip = reader.count("samples to skip", restored.to_skip as u64)? as usize;
        restored.replaced = reader.count("samples replaced", state::MOST)?;
        restored.pending = reader.list("samples", 1.0)?;
        let due = restored.consumed as f64 * f64::from(SAMPLE_RATE_HZ) / f64::from(rate_hz);
        let apart = (due - restored.produced as f64).abs();
        state::met(apart <= f64::from(SAMPLE_RATE_HZ), "as many samples as were taken")?;
        let held = restored.pending.len();
        match &mut restored.inner {
            Some(inner) => restored.kept = inner.resume(restored.consumed, &restored.pending)?,
            None => state::met(held == 0, "no samples that wait")?,
        }
        Ok(restored)
    }

    fn work(&mut self, out: &mut Vec<f32>) {
        let Some(inner) = self.inner.as_mut() else { return };
        let mut at = self.kept;
        loop {
            let wanted = inner.rubato.input_frames_next();
            if self.pending.len() - at < wanted {
                break;
            }
            let input = &self.pending[at..at + wanted];
            let Some(made) = inner.rubato.process(input, &mut inner.block, None) else { break };
            at += wanted;
            let skip = self.to_skip.min(made);
            self.to_skip -= skip;
            self.produced += (made - skip) as u64;
            out.extend_from_slice(&inner.block[skip..made]);
            inner.advance(&self.pending[..at]);
        }
        self.kept = at.min(inner.memory);
        self.pending.drain(..at - self.kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn tone(rate_hz: u32, hz: f32, seconds: f32) -> Vec<f32> {
        let n = (rate_hz as f32 * seconds) as usize;
        (0..n).map(|i| 0.5 * (TAU * hz * i as f32 / rate_hz as f32).sin()).collect()
    }

    fn resample(rate_hz: u32, samples: &[f32], chunk: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(rate_hz).unwrap();
        let mut out = Vec::new();
        for part in samples.chunks(chunk) {
            resampler.push(part, &mut out);
        }
        resampler.finish(&mut out);
        out
    }

    #[test]
    fn a_tone_keeps_its_place_in_time_at_every_rate() {
        for rate_hz in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 44_099, 48_000, 96_000]
        {
            let out = resample(rate_hz, &tone(rate_hz, 440.0, 1.0), 333);
            let want = tone(SAMPLE_RATE_HZ, 440.0, 1.0);
            assert!(out.len().abs_diff(want.len()) <= 1, "{rate_hz}: {} samples", out.len());
            // Away from both edges, where the filter rings on the cut tone.
            let worst = (1600..14_000).map(|i| (out[i] - want[i]).abs()).fold(0.0, f32::max);
            // An odd block has its centre between two samples: half an input sample of shift is allowed. The sinc
            // resampler of rates without a short block tells its delay in whole output samples only.
            let shift_s = if rate_hz == 44_099 { 1.0 / 16_000.0 } else { 0.5 / rate_hz as f32 };
            assert!(worst < 5e-3 + 0.5 * TAU * 440.0 * shift_s, "{rate_hz} Hz: off by {worst}");
        }
    }

    #[test]
    fn what_16_khz_cannot_hold_is_filtered_away() {
        let out = resample(48_000, &tone(48_000, 10_000.0, 1.0), 480);
        let rms = (out[1600..14_000].iter().map(|x| x * x).sum::<f32>() / 12_400.0).sqrt();
        assert!(20.0 * rms.log10() < -60.0, "10 kHz comes through at {rms}");
    }

    #[test]
    fn any_chunking_gives_the_same_samples() {
        for rate_hz in [8_000, 44_100, 44_099, 48_000] {
            let input = tone(rate_hz, 300.0, 0.5);
            let whole = resample(rate_hz, &input, usize::MAX);
            for chunk in [1, 7, 160, 333, 4096] {
                assert_eq!(resample(rate_hz, &input, chunk), whole, "{rate_hz} Hz by {chunk}");
            }
        }
    }

    #[test]
    fn later_input_never_changes_earlier_output() {
        let input = tone(44_100, 300.0, 0.5);
        let (mut short, mut long) = (Vec::new(), Vec::new());
        Resampler::new(44_100).unwrap().push(&input[..10_000], &mut short);
        Resampler::new(44_100).unwrap().push(&input, &mut long);
        assert!(!short.is_empty());
        assert_eq!(short, long[..short.len()]);
    }

    #[test]
    fn finished_equals_new() {
        let input = tone(48_000, 300.0, 0.1);
        let mut resampler = Resampler::new(48_000).unwrap();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        resampler.push(&input, &mut first);
        resampler.finish(&mut first);
        resampler.push(&input, &mut second);
        resampler.finish(&mut second);
        assert_eq!(first, second);
        assert_eq!(first.len(), 1600);
    }

    fn restored(resampler: &Resampler) -> Result<Resampler> {
        let mut out = Writer::new(0);
        resampler.save(&mut out);
        let bytes = out.finish();
        let mut reader = Reader::new(&bytes, 0)?;
        let restored = Resampler::restore(resampler.rate_hz(), &mut reader)?;
        reader.finish()?;
        Ok(restored)
    }

    #[test]
    fn a_restored_one_goes_on_to_the_bit() {
        for rate_hz in [4_000, 8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 4_001, 12_345, 44_099, 383_999]
        {
            let input = tone(rate_hz, 300.0, 3.3);
            let (mut straight, mut moved) =
                (Resampler::new(rate_hz).unwrap(), Resampler::new(rate_hz).unwrap());
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            // Chunks that end anywhere, in a block and on its edge, before and behind whole seconds.
            let mut at = 0;
            for length in [1, 7, 440, 441, 100, 80, 1_000, 3_000].map(|n| n * rate_hz as usize / 16_000) {
                for _ in 0..12 {
                    let part = &input[at..input.len().min(at + length)];
                    straight.push(part, &mut expected);
                    moved.push(part, &mut found);
                    moved = restored(&moved).unwrap();
                    at += part.len();
                }
            }
            assert!(at as f32 / rate_hz as f32 > 3.2, "{at} samples");
            straight.finish(&mut expected);
            moved.finish(&mut found);
            assert_eq!(found, expected, "{rate_hz} Hz");
        }
    }

    #[test]
    fn a_state_that_cannot_be_is_refused() {
        for rate_hz in [8_000, 16_000, 44_099] {
            let mut resampler = Resampler::new(rate_hz).unwrap();
            resampler.push(&tone(rate_hz, 300.0, 1.234), &mut Vec::new());
            restored(&resampler).unwrap();
            type Change = fn(&mut Resampler);
            let changes: [Change; 5] = [
                |r| r.consumed += 1_000_000,
                |r| r.produced += 1_000_000,
                |r| r.to_skip += 1_000_000,
                |r| r.pending.push(0.0),
                |r| r.pending = vec![1.5; r.pending.len().max(1)],
            ];
            for (at, change) in changes.into_iter().enumerate() {
                let mut wrong = Resampler { inner: None, pending: resampler.pending.clone(), ..resampler };
                change(&mut wrong);
                assert_eq!(restored(&wrong).err().unwrap().code(), "state", "{rate_hz} Hz, change {at}");
            }
        }
    }

    #[test]
    fn a_state_at_a_rate_that_cannot_be_is_refused() {
        let mut out = Writer::new(0);
        Resampler::new(8_000).unwrap().save(&mut out);
        let bytes = out.finish();
        for rate_hz in [0, MIN_RATE_HZ - 1, u32::MAX] {
            let found = Resampler::restore(rate_hz, &mut Reader::new(&bytes, 0).unwrap());
            assert_eq!(found.err().unwrap().code(), "state", "{rate_hz} Hz");
        }
    }

    #[test]
    fn finish_ends_when_nothing_comes_out() {
        let mut resampler = Resampler::new(8_000).unwrap();
        // No room for output: every call of the resampler fails.
        resampler.inner.as_mut().unwrap().block.clear();
        let mut out = Vec::new();
        resampler.push(&[0.5; 800], &mut out);
        resampler.finish(&mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn hostile_samples_have_a_defined_outcome() {
        let mut resampler = Resampler::new(16_000).unwrap();
        let mut out = Vec::new();
        resampler.push(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -3.0, 0.25], &mut out);
        assert_eq!(out, [0.0, 0.0, 0.0, 1.0, -1.0, 0.25]);
        assert_eq!(resampler.replaced(), 3);
        assert!(matches!(Resampler::new(0), Err(Error::SampleRate { found: 0, .. })));
        assert!(Resampler::new(u32::MAX).is_err());
    }

    #[test]
    fn the_delay_is_short_at_common_rates() {
        for rate_hz in [8_000, 16_000, 24_000, 44_100, 48_000] {
            assert!(Resampler::new(rate_hz).unwrap().delay_ms() <= 15.0, "{rate_hz}");
        }
    }
}
