//! One conversation, live or from a file: sound of both channels in, frames and events out.
//!
//! Chunks may have any size and the channels may come unequal: the one ahead waits. Frame `k` covers the sound from
//! `20 k` to `20 (k + 1)` ms of the stream, on both channels.

use crate::conversation::Conversation;
use crate::error::Result;
use crate::listener::{Listener, Model};
use crate::relay::Relay;
use std::sync::Arc;
use vap_core::{Event, Frame, Policy};

pub use crate::conversation::MAX_WAITING_MS;
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
    conversation: Conversation,
    listener: Box<dyn Listener>,
    /// Hops that the listener has begun and not finished.
    begun: usize,
}

impl Session {
    /// Session at the beginning of a conversation.
    ///
    /// # Errors
    /// `sample-rate` for a rate that cannot be resampled, `option` for a policy out of range.
    pub fn new(model: Arc<dyn Model>, options: SessionOptions) -> Result<Self> {
        let conversation = Conversation::new(model.card(), &options)?;
        let listener = Arc::clone(&model).listen();
        Ok(Session { model, conversation, listener, begun: 0 })
    }

    /// Session in the middle of a conversation, whose past `listener` has heard.
    pub(crate) fn going_on(
        model: Arc<dyn Model>,
        conversation: Conversation,
        listener: Box<dyn Listener>,
    ) -> Self {
        Session { model, conversation, listener, begun: 0 }
    }

    /// A relay at the beginning of a conversation, with the model and the options of this one.
    ///
    /// # Errors
    /// As [`Session::new`]; rates and policy were accepted before, so none is expected.
    pub fn relay(&self) -> Result<Relay> {
        Relay::new(Arc::clone(&self.model), &self.conversation.options())
    }

    /// Takes sound of both channels and gives every frame it completes.
    ///
    /// Samples are mono, nominally in `[-1, 1]`; those that are not finite count as 0, those beyond are clipped. A
    /// channel that is `None` is silent for as long as the other sounds. One that is empty has nothing new yet: the
    /// other's sound waits for it.
    ///
    /// # Errors
    /// `channels-apart` when one channel would be more than [`MAX_AHEAD_MS`] ahead, `finished` after
    /// [`Session::finish`]: the session is then as it was before. `not-finite` or `backend` when the model fails, and
    /// from then on until [`Session::reset`].
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
        let mut sound = self.conversation.offer(user, agent)?;
        while self.conversation.hear_piece(&mut sound) {
            while self.work(output)? {}
        }
        Ok(())
    }

    /// Takes sound as [`Session::push`] does, and leaves the frames it completes to [`Session::work`].
    ///
    /// # Errors
    /// As [`Session::push`]; `behind` while [`MAX_WAITING_MS`] of sound wait: the session is then as it was before.
    pub fn hear(&mut self, user: Option<&[f32]>, agent: Option<&[f32]>) -> Result<()> {
        self.conversation.hear(user, agent)
    }

    /// Does one slice of the work that waits, a layer of a hop with kernels; true while there is more. Frames and
    /// events go behind what `output` holds when their hop is done.
    ///
    /// # Errors
    /// `not-finite` or `backend` when the model fails.
    pub fn work(&mut self, output: &mut Output) -> Result<bool> {
        self.conversation.check()?;
        if self.begun == 0 {
            self.begun = self.conversation.hops().min(self.listener.most_hops());
            if self.begun == 0 {
                return Ok(false);
            }
            self.listener.begin(self.conversation.take(self.begun));
        }
        match self.listener.step() {
            Ok(false) => return Ok(true),
            Ok(true) => self.conversation.tell(Ok(self.listener.logits()), output)?,
            Err(error) => self.conversation.tell(Err(error), output)?,
        }
        self.begun = 0;
        Ok(self.conversation.hops() > 0)
    }

    /// Hops of both channels that wait for [`Session::work`], the one under way included.
    pub fn waiting(&self) -> usize {
        self.begun + self.conversation.hops()
    }

    /// Ends the conversation: what the resamplers still hold comes out, the channel that is behind is silent up to
    /// the other's end, the last hop is filled up with silence, and pending events are decided. A second call gives
    /// nothing.
    ///
    /// # Errors
    /// `not-finite` or `backend` when the model fails.
    pub fn finish(&mut self) -> Result<Output> {
        let mut output = Output::default();
        self.finish_into(&mut output)?;
        Ok(output)
    }

    /// As [`Session::finish`], behind what `output` holds.
    ///
    /// # Errors
    /// As [`Session::finish`].
    pub fn finish_into(&mut self, output: &mut Output) -> Result<()> {
        self.conversation.end_sound();
        while self.work(output)? {}
        self.conversation.end_events(output);
        Ok(())
    }

    /// Back to the beginning of a conversation, as if new.
    ///
    /// # Errors
    /// As [`Session::new`]; rates and policy were accepted before, so none is expected.
    pub fn reset(&mut self) -> Result<()> {
        *self = Session::new(Arc::clone(&self.model), self.conversation.options())?;
        Ok(())
    }

    /// Longest time between the end of a hop going in and its frame coming out, in ms: what resampling holds back.
    pub fn delay_ms(&self) -> f64 {
        self.conversation.delay_ms()
    }

    /// Thresholds in use.
    pub fn policy(&self) -> &Policy {
        self.conversation.policy()
    }

    /// Frames given so far.
    pub fn frames(&self) -> u64 {
        self.conversation.frames()
    }

    /// Samples so far that were not finite and counted as 0, of both channels.
    pub fn replaced(&self) -> u64 {
        self.conversation.replaced()
    }

    /// Bytes that the model remembers of the stream.
    pub fn state_bytes(&self) -> usize {
        self.listener.state_bytes()
    }
}
