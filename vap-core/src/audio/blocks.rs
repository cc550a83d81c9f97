//! Resampling block by block: rubato's, for a rate that is not 16 kHz.

use crate::SAMPLE_RATE_HZ;
use crate::error::Result;
use crate::state;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, Fft, FixedAsync, FixedSync, Indexing, Resampler as _, Resizable, SincInterpolationParameters,
    SincInterpolationType, WindowFunction,
};

/// Above this block length the FFT resampler would hold sound back too long.
const MAX_BLOCK_MS: u32 = 40;

/// Length of the sinc, in input samples.
const SINC_POINTS: usize = 128;

/// A resampler of rubato, and how to bring another to where this one stands.
///
/// What rubato holds cannot be read: a few samples of input, and with a sinc the place between two of them, a sum of as
/// many roundings as there were outputs. Both are the same again when the last input is replayed. So that this need
/// not go back to the beginning, a sinc is replayed itself whenever input and output are in step, once a period.
pub(super) struct Blocks {
    pub rubato: Rubato,
    /// Input samples after which input and output are in step again: a second, or the block of an FFT.
    period: u64,
    /// Blocks a period.
    blocks: u64,
    /// Place of the next block in its period.
    next: u64,
    /// Input samples before a block that it sees.
    pub memory: usize,
    /// Output of the last block.
    pub block: Vec<f32>,
    /// Input of a block that is replayed.
    replayed: Vec<f32>,
    /// Moves on without computing what comes out.
    unheard: Indexing,
}

impl Blocks {
    pub fn new(rate_hz: u32) -> Option<Self> {
        let (rubato, period, memory) = match fft(rate_hz) {
            Some(fft) => {
                let block = fft.input_frames_next();
                (fft, block as u64, block)
            }
            None => (sinc(rate_hz)?, u64::from(rate_hz), 2 * SINC_POINTS),
        };
        let longest = rubato.input_frames_next();
        let unheard = Indexing {
            input_offset: 0,
            output_offset: 0,
            partial_len: None,
            active_channels_mask: Some(vec![false]),
        };
        let mut inner = Blocks {
            period,
            blocks: period.div_ceil(longest.max(1) as u64),
            next: 0,
            memory,
            block: vec![0.0; rubato.output_frames_max()],
            replayed: vec![0.0; longest],
            rubato,
            unheard,
        };
        inner.size_next();
        Some(inner)
    }

    /// Where the block `next` of a period begins.
    fn start(&self, next: u64) -> u64 {
        self.period * next / self.blocks
    }

    /// Tells rubato how long the next block is.
    fn size_next(&mut self) {
        let length = (self.start(self.next + 1) - self.start(self.next)) as usize;
        if length != self.rubato.input_frames_next() {
            self.rubato.resize(length);
        }
    }

    /// Goes on to the next block; `heard` is the input up to it.
    pub fn advance(&mut self, heard: &[f32]) {
        self.next += 1;
        if self.next == self.blocks {
            self.next = 0;
            if self.blocks > 1 {
                self.replay(self.period, &heard[heard.len() - heard.len().min(self.memory)..]);
            }
        }
        self.size_next();
    }

    /// Begins anew and goes through `length` samples of input, a period and the blocks of another at most, that end
    /// with `heard`.
    fn replay(&mut self, length: u64, heard: &[f32]) {
        self.rubato.reset();
        let target = self.next;
        self.next = 0;
        let mut at = 0;
        while at < length {
            self.size_next();
            let wanted = self.rubato.input_frames_next();
            at += wanted as u64;
            // What is not at hand is not seen by the block to come.
            let after = (length.saturating_sub(at) as usize).min(heard.len());
            let seen = &heard[..heard.len() - after];
            let seen = &seen[seen.len() - seen.len().min(wanted)..];
            let input = &mut self.replayed[..wanted];
            let (missing, there) = input.split_at_mut(wanted - seen.len());
            missing.fill(0.0);
            there.copy_from_slice(seen);
            let indexing = seen.is_empty().then_some(&self.unheard);
            self.rubato.process(input, &mut self.block, indexing);
            self.next = (self.next + 1) % self.blocks;
        }
        self.next = target;
        self.size_next();
    }

    /// Goes to where another stands after `consumed` samples, the last of which are `pending`; gives how many of those
    /// are of finished blocks.
    pub fn resume(&mut self, consumed: u64, pending: &[f32]) -> Result<usize> {
        let (periods, rest) = (consumed / self.period, consumed % self.period);
        let next = (0..self.blocks).rev().find(|next| self.start(*next) <= rest).unwrap_or(0);
        let waiting = rest - self.start(next);
        let kept = (consumed - waiting).min(self.memory as u64);
        state::met(pending.len() as u64 == kept + waiting, "the last samples")?;
        self.next = next;
        let length = periods.min(1) * self.period + self.start(next);
        self.replay(length, &pending[..kept as usize]);
        Ok(kept as usize)
    }
}

/// Named, not `dyn`: the wasm binary would hold every method of both.
pub(super) enum Rubato {
    Fft(Box<Fft<f32>>),
    Sinc(Box<Async<f32>>),
}

impl Rubato {
    pub fn input_frames_next(&self) -> usize {
        match self {
            Rubato::Fft(fft) => fft.input_frames_next(),
            Rubato::Sinc(sinc) => sinc.input_frames_next(),
        }
    }

    pub fn output_frames_max(&self) -> usize {
        match self {
            Rubato::Fft(fft) => fft.output_frames_max(),
            Rubato::Sinc(sinc) => sinc.output_frames_max(),
        }
    }

    pub fn output_delay(&self) -> usize {
        match self {
            Rubato::Fft(fft) => fft.output_delay(),
            Rubato::Sinc(sinc) => sinc.output_delay(),
        }
    }

    fn reset(&mut self) {
        match self {
            Rubato::Fft(fft) => fft.reset(),
            Rubato::Sinc(sinc) => sinc.reset(),
        }
    }

    /// The next block takes this many samples, no more than the first.
    fn resize(&mut self, length: usize) {
        if let Rubato::Sinc(sinc) = self {
            let _ = sinc.set_chunk_size(length);
        }
    }

    /// Works a block; gives how many samples it made, or none when it fails, which it has no cause to: lengths are its
    /// own.
    pub fn process(
        &mut self,
        input: &[f32],
        output: &mut [f32],
        indexing: Option<&Indexing>,
    ) -> Option<usize> {
        let capacity = output.len();
        let input = InterleavedSlice::new(input, 1, input.len()).ok()?;
        let mut output = InterleavedSlice::new_mut(output, 1, capacity).ok()?;
        let made = match self {
            Rubato::Fft(fft) => fft.process_into_buffer(&input, &mut output, indexing),
            Rubato::Sinc(sinc) => sinc.process_into_buffer(&input, &mut output, indexing),
        };
        Some(made.ok()?.1)
    }
}

/// For rates with a short common block with 16 kHz.
fn fft(rate_hz: u32) -> Option<Rubato> {
    let (input, output) = (rate_hz as usize, SAMPLE_RATE_HZ as usize);
    if 1000 / gcd(rate_hz, SAMPLE_RATE_HZ).max(1) > MAX_BLOCK_MS {
        return None;
    }
    let chunk = (input / 100).max(1);
    let window = WindowFunction::BlackmanHarris2;
    let fft = Fft::<f32>::new_custom(input, output, chunk, 1, 1, window, FixedSync::Both);
    Some(Rubato::Fft(Box::new(fft.ok()?)))
}

/// For the others: windowed sinc, any ratio.
fn sinc(rate_hz: u32) -> Option<Rubato> {
    let (input, output) = (rate_hz as usize, SAMPLE_RATE_HZ as usize);
    let parameters = SincInterpolationParameters::new(SINC_POINTS, WindowFunction::BlackmanHarris2)
        .interpolation(SincInterpolationType::Cubic);
    let ratio = output as f64 / input as f64;
    let chunk = (input / 100).max(1);
    let sinc = Async::<f32>::new_sinc(ratio, 1.01, &parameters, chunk, 1, FixedAsync::Input);
    Some(Rubato::Sinc(Box::new(sinc.ok()?)))
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
