//! What an attention remembers: a ring of keys and values a channel, as floats or as integers.

mod floats;
mod integers;

use floats::FloatRing;
use integers::IntegerRing;

use super::shapes::Shape;
use super::workspace::HeadWorkspace;
use crate::error::Result;
use vap_core::state::{Reader, Writer};

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

    pub fn bytes(&self) -> usize {
        match self {
            Ring::Floats(ring) => ring.bytes(),
            Ring::Integers(ring) => ring.bytes(),
        }
    }

    pub fn save(&self, out: &mut Writer) {
        match self {
            Ring::Floats(ring) => ring.save(out),
            Ring::Integers(ring) => ring.save(out),
        }
    }

    pub fn restore(&mut self, reader: &mut Reader) -> Result<()> {
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
        workspace: &mut HeadWorkspace,
    ) {
        match self {
            Ring::Floats(ring) => ring.remember(shape, channel, slot, keys, values),
            Ring::Integers(ring) => ring.remember(shape, channel, slot, keys, values, workspace),
        }
    }

    /// What `query`, `[dim]`, sees in a channel's ring, into `y`, `[dim]`; `workspace` holds the distance bias.
    pub fn attend(
        &self,
        shape: &Shape,
        channel: usize,
        query: &[f32],
        workspace: &mut HeadWorkspace,
        y: &mut [f32],
    ) {
        match self {
            Ring::Floats(ring) => ring.attend(shape, channel, query, workspace, y),
            Ring::Integers(ring) => ring.attend(shape, channel, query, workspace, y),
        }
    }
}
