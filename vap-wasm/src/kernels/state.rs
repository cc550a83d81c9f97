//! What a stream remembers between two hops: convolution tails, rings of keys and values, and its position.
//!
//! Fixed size from the first hop to the last. A fresh state is the only way to begin or to reset a stream.

use super::rings::Ring;
use crate::error::Result;
use vap_core::config::{CONV1_KERNEL, MEL_BANDS};
use vap_core::state::{self, Reader, Writer};

/// State of one conversation, both channels.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelState {
    /// User, then agent.
    pub(super) tails: [Tails; 2],
    /// One an attention, in the order of the model.
    pub(super) rings: Vec<Ring>,
    /// Hops worked so far.
    pub(super) position: u64,
}

/// Last inputs of the convolutions of a channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tails {
    /// Mel frames, `[2, 80]`.
    pub mels: Vec<f32>,
    /// Outputs of the first convolution, `[2, dim]`, or one where the second convolution looks back on one.
    pub frames: Vec<f32>,
}

impl KernelState {
    /// State at the beginning of a stream of a model that keeps `frames` numbers of the first convolution.
    pub(super) fn init(frames: usize, rings: Vec<Ring>) -> Self {
        let tails = Tails { mels: vec![0.0; (CONV1_KERNEL - 1) * MEL_BANDS], frames: vec![0.0; frames] };
        KernelState { tails: [tails.clone(), tails], rings, position: 0 }
    }

    /// Writes all of it, as it is between two hops.
    pub fn save(&self, out: &mut Writer) {
        out.count(self.position);
        for tails in &self.tails {
            out.floats(&tails.mels);
            out.floats(&tails.frames);
        }
        self.rings.iter().for_each(|ring| ring.save(out));
    }

    /// Takes over what [`KernelState::save`] wrote of a state of the same model.
    ///
    /// # Errors
    /// `state` for what it cannot have written; the state is then of no stream.
    pub fn restore(&mut self, reader: &mut Reader) -> Result<()> {
        self.position = reader.count("hops", state::MOST)?;
        for tails in &mut self.tails {
            reader.floats("mels", f32::MAX, &mut tails.mels)?;
            reader.floats("frames", f32::MAX, &mut tails.frames)?;
        }
        self.rings.iter_mut().try_for_each(|ring| ring.restore(reader))
    }

    /// Hops worked since the stream began.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Bytes held: the same for the whole life of the state.
    pub fn bytes(&self) -> usize {
        let tails = self.tails.iter().map(|t| 4 * (t.mels.len() + t.frames.len()));
        tails.chain(self.rings.iter().map(Ring::bytes)).sum()
    }
}
