//! What a stream remembers between two hops: convolution tails, rings of keys and values, and its position.
//!
//! Fixed size from the first hop to the last. A fresh state is the only way to begin or to reset a stream.

use super::attention::{HeadRoom, Shape};
use super::ring_floats::FloatRing;
use super::ring_integers::IntegerRing;
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

/// Keys and values of an attention, in the numbers that its model is computed in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ring {
    Floats(FloatRing),
    Integers(IntegerRing),
}

impl Ring {
    /// Empty ring of an attention of this shape.
    pub fn new(shape: &Shape, integers: bool) -> Self {
        match integers {
            true => Ring::Integers(IntegerRing::new(shape)),
            false => Ring::Floats(FloatRing::new(shape)),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Ring::Floats(ring) => ring.bytes(),
            Ring::Integers(ring) => ring.bytes(),
        }
    }

    fn save(&self, out: &mut Writer) {
        match self {
            Ring::Floats(ring) => ring.save(out),
            Ring::Integers(ring) => ring.save(out),
        }
    }

    fn restore(&mut self, reader: &mut Reader) -> Result<()> {
        match self {
            Ring::Floats(ring) => ring.restore(reader),
            Ring::Integers(ring) => ring.restore(reader),
        }
    }

    /// Writes the key and the value of a frame, `[dim]` each, into `slot` of a channel.
    pub fn remember(
        &mut self,
        shape: &Shape,
        channel: usize,
        slot: usize,
        keys: &[f32],
        values: &[f32],
        room: &mut HeadRoom,
    ) {
        match self {
            Ring::Floats(ring) => ring.remember(shape, channel, slot, keys, values),
            Ring::Integers(ring) => ring.remember(shape, channel, slot, keys, values, room),
        }
    }

    /// What `query`, `[dim]`, sees in a channel's ring, into `y`, `[dim]`; `room` holds the distance bias.
    pub fn attend(&self, shape: &Shape, channel: usize, query: &[f32], room: &mut HeadRoom, y: &mut [f32]) {
        match self {
            Ring::Floats(ring) => ring.attend(shape, channel, query, room, y),
            Ring::Integers(ring) => ring.attend(shape, channel, query, room, y),
        }
    }
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
