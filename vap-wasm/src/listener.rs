//! What a session needs of whatever computes the model: weights that many streams share, and one stream over them.

use crate::card::Card;
use crate::error::Result;
use crate::kernels::{KernelModel, KernelState, Pass};
use std::sync::Arc;

/// Weights, on kernels or in Burn.
pub trait Model {
    /// What travelled with the weights.
    fn card(&self) -> &Card;

    /// A stream at its beginning.
    fn listen(self: Arc<Self>) -> Box<dyn Listener>;
}

/// One stream: hops of mels in, logits out, in steps between which the caller may do something else.
pub trait Listener {
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
}

impl Model for KernelModel {
    fn card(&self) -> &Card {
        KernelModel::card(self)
    }

    fn listen(self: Arc<Self>) -> Box<dyn Listener> {
        Box::new(KernelListener { state: self.init_state(), pass: self.pass(1), model: self })
    }
}

struct KernelListener {
    model: Arc<KernelModel>,
    state: KernelState,
    pass: Pass,
}

impl Listener for KernelListener {
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
}
