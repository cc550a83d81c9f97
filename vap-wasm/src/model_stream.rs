//! What a session needs of whatever computes the model: weights that many streams share, and one stream over them.

use crate::error::Result;
use crate::kernels::{KernelModel, KernelState, Pass};
use crate::model_info::ModelInfo;
use std::sync::Arc;
use vap_core::state::{Reader, Writer};

/// Weights, on kernels or in Burn.
pub trait Model {
    /// What travelled with the weights.
    fn info(&self) -> &ModelInfo;

    /// What tells this model from others: a stream goes on with no other.
    fn identity(&self) -> u64;

    /// A stream at its beginning.
    fn stream(self: Arc<Self>) -> Box<dyn ModelStream>;
}

/// One stream: hops of mels in, logits out, in steps between which the caller may do something else.
pub trait ModelStream {
    /// Hops that may be begun at once.
    fn most_hops(&self) -> usize;

    /// Takes the next hops: normalised mels of user and agent, `[2 x hops, 80]` each.
    fn begin(&mut self, mels: [&[f32]; 2]);

    /// Works one part of what was begun; true when its logits are there.
    ///
    /// # Errors
    /// `backend` when the device that computes fails.
    fn step(&mut self) -> Result<bool>;

    /// Logits of what was begun, `[hops, 27]`.
    fn logits(&self) -> &[f32];

    /// Bytes that the stream remembers.
    fn state_bytes(&self) -> usize;

    /// Hops worked so far.
    fn position(&self) -> u64;

    /// Writes what the stream remembers, while nothing is begun.
    ///
    /// # Errors
    /// `state` where it cannot be written.
    fn save(&self, out: &mut Writer) -> Result<()>;

    /// Takes over what [`ModelStream::save`] wrote of a stream of the same model.
    ///
    /// # Errors
    /// `state` for what it cannot have written; the stream is then none.
    fn restore(&mut self, reader: &mut Reader) -> Result<()>;
}

impl Model for KernelModel {
    fn info(&self) -> &ModelInfo {
        KernelModel::info(self)
    }

    fn identity(&self) -> u64 {
        KernelModel::identity(self)
    }

    fn stream(self: Arc<Self>) -> Box<dyn ModelStream> {
        Box::new(KernelStream { state: self.init_state(), pass: self.pass(1), model: self })
    }
}

struct KernelStream {
    model: Arc<KernelModel>,
    state: KernelState,
    pass: Pass,
}

impl ModelStream for KernelStream {
    fn most_hops(&self) -> usize {
        1
    }

    fn begin(&mut self, mels: [&[f32]; 2]) {
        self.pass.begin(0, mels);
    }

    fn step(&mut self) -> Result<bool> {
        Ok(self.pass.step(&self.model, &mut [&mut self.state]))
    }

    fn logits(&self) -> &[f32] {
        self.pass.logits(0)
    }

    fn state_bytes(&self) -> usize {
        self.state.bytes()
    }

    fn position(&self) -> u64 {
        self.state.position()
    }

    fn save(&self, out: &mut Writer) -> Result<()> {
        self.state.save(out);
        Ok(())
    }

    fn restore(&mut self, reader: &mut Reader) -> Result<()> {
        self.state.restore(reader)
    }
}
