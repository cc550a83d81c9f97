//! One conversation, live or from a file: sound of both channels in, frames and events out.
//!
//! Chunks may have any size and the channels may come unequal: the one ahead waits. Frame `k` covers the sound from
//! `20 k` to `20 (k + 1)` ms of the stream, on both channels.

use crate::ears::Ears;
use crate::error::{Error, Result};
use crate::listener::{Listener, Model};
use std::sync::Arc;
use vap_core::projection::OUTPUTS;
use vap_core::{Error as CoreError, Event, EventMachine, Frame, Policy};

pub use crate::ears::MAX_AHEAD_MS;

/// What a session is told at its beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionOptions {
    /// Sample rate of the user's channel, in Hz.
    pub user_rate_hz: u32,
    /// Sample rate of the agent's channel, in Hz.
    pub agent_rate_hz: u32,
    /// Thresholds of the events; those of the model when `None`.
    pub policy: Option<Policy>,
}

/// What one push gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// Frames, in order of time.
    pub frames: Vec<Frame>,
    /// Events, in order of time.
    pub events: Vec<Event>,
}

/// One conversation.
pub struct Session {
    model: Arc<dyn Model>,
    ears: Ears,
    listener: Box<dyn Listener>,
    /// Hops that the listener has begun and not finished.
    begun: usize,
    teller: Teller,
    finished: bool,
}

impl Session {
    /// Session at the beginning of a conversation.
    ///
    /// # Errors
    /// `sample-rate` for a rate that cannot be resampled, `option` for a policy out of range.
    pub fn new<M: Model + 'static>(model: &Arc<M>, options: SessionOptions) -> Result<Self> {
        Self::over(Arc::<M>::clone(model), options)
    }

    /// As [`Session::new`], over a model of any kind.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn over(model: Arc<dyn Model>, options: SessionOptions) -> Result<Self> {
        let policy = options.policy.unwrap_or(model.card().policy);
        Ok(Session {
            ears: Ears::new([options.user_rate_hz, options.agent_rate_hz])?,
            listener: Arc::clone(&model).listen(),
            begun: 0,
            teller: Teller::new(policy)?,
            finished: false,
            model,
        })
    }

    /// Takes sound of both channels and gives every frame it completes.
    ///
    /// Samples are mono, nominally in `[-1, 1]`; those that are not finite count as 0, those beyond are clipped. A
    /// channel that is `None` is silent for as long as the other sounds. One that is empty has nothing new yet: the
    /// other's sound waits for it.
    ///
    /// # Errors
    /// `channels-apart` when one channel would be more than [`MAX_AHEAD_MS`] ahead, `finished` after
    /// [`Session::finish`]: the session is then as it was before. `not-finite` or `backend` when the model fails.
    pub fn push(&mut self, user: Option<&[f32]>, agent: Option<&[f32]>) -> Result<Output> {
        let mut output = Output::default();
        self.push_into(user, agent, &mut output)?;
        Ok(output)
    }

    /// As [`Session::push`], behind what `output` holds. With kernels and an output that has grown to its size,
    /// nothing is allocated.
    ///
    /// # Errors
    /// As [`Session::push`].
    pub fn push_into(
        &mut self,
        user: Option<&[f32]>,
        agent: Option<&[f32]>,
        output: &mut Output,
    ) -> Result<()> {
        if self.finished {
            return Err(Error::Finished);
        }
        let mut sound = self.ears.offer([user, agent])?;
        while self.ears.hear(&mut sound, &self.model.card().statistics) {
            while self.work(output)? {}
        }
        Ok(())
    }

    /// Takes sound as [`Session::push`] does, and leaves the frames it completes to [`Session::work`].
    ///
    /// # Errors
    /// `channels-apart` and `finished`, as [`Session::push`].
    pub fn hear(&mut self, user: Option<&[f32]>, agent: Option<&[f32]>) -> Result<()> {
        if self.finished {
            return Err(Error::Finished);
        }
        let mut sound = self.ears.offer([user, agent])?;
        while self.ears.hear(&mut sound, &self.model.card().statistics) {}
        Ok(())
    }

    /// Does one slice of the work that waits, a layer of a hop with kernels; true while there is more. Frames and
    /// events go behind what `output` holds when their hop is done.
    ///
    /// # Errors
    /// `not-finite` or `backend` when the model fails.
    pub fn work(&mut self, output: &mut Output) -> Result<bool> {
        if self.begun == 0 {
            self.begun = self.ears.hops().min(self.listener.most_hops());
            if self.begun == 0 {
                return Ok(false);
            }
            self.listener.begin(self.ears.take(self.begun));
        }
        if self.listener.step()? {
            self.begun = 0;
            self.teller.tell(self.listener.logits(), output)?;
        }
        Ok(self.begun > 0 || self.ears.hops() > 0)
    }

    /// Ends the conversation: what the resamplers still hold comes out, the channel that is behind is silent up to
    /// the other's end, the last hop is filled up with silence, and pending events are decided. A second call gives
    /// nothing.
    ///
    /// # Errors
    /// `not-finite` or `backend` when the model fails.
    pub fn finish(&mut self) -> Result<Output> {
        let mut output = Output::default();
        if self.finished {
            return Ok(output);
        }
        self.finished = true;
        self.ears.finish(&self.model.card().statistics);
        while self.work(&mut output)? {}
        self.teller.finish(&mut output);
        Ok(output)
    }

    /// Back to the beginning of a conversation, as if new.
    ///
    /// # Errors
    /// As [`Session::new`]; rates and policy were accepted before, so none is expected.
    pub fn reset(&mut self) -> Result<()> {
        let [user_rate_hz, agent_rate_hz] = self.ears.rates_hz();
        let policy = Some(self.teller.policy);
        *self = Self::over(Arc::clone(&self.model), SessionOptions { user_rate_hz, agent_rate_hz, policy })?;
        Ok(())
    }

    /// Longest time between the end of a hop going in and its frame coming out, in ms: what resampling holds back.
    pub fn delay_ms(&self) -> f64 {
        self.ears.delay_ms()
    }

    /// Thresholds in use.
    pub fn policy(&self) -> &Policy {
        &self.teller.policy
    }

    /// Frames given so far.
    pub fn frames(&self) -> u64 {
        self.teller.frames
    }

    /// Samples so far that were not finite and counted as 0, of both channels.
    pub fn replaced(&self) -> u64 {
        self.ears.replaced()
    }

    /// Bytes that the model remembers of the stream.
    pub fn state_bytes(&self) -> usize {
        self.listener.state_bytes()
    }
}

/// Logits in, frames and events out.
pub(crate) struct Teller {
    policy: Policy,
    machine: EventMachine,
    frames: u64,
}

impl Teller {
    pub fn new(policy: Policy) -> Result<Self> {
        Ok(Teller { policy, machine: EventMachine::new(policy)?, frames: 0 })
    }

    /// Takes the logits of the next hops, `[hops, 27]`.
    pub fn tell(&mut self, logits: &[f32], output: &mut Output) -> Result<()> {
        if let Some(index) = logits.iter().position(|x| !x.is_finite()) {
            return Err(CoreError::NotFinite { place: "logits".into(), index }.into());
        }
        for logits in logits.as_chunks::<OUTPUTS>().0 {
            let frame = Frame::from_logits(self.frames, logits);
            self.frames += 1;
            self.machine.step(&frame, &mut output.events);
            output.frames.push(frame);
        }
        Ok(())
    }

    pub fn finish(&mut self, output: &mut Output) {
        self.machine.finish(&mut output.events);
    }
}
