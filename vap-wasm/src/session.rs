//! One conversation, live or from a file: sound of both channels in, frames and events out.
//!
//! Chunks may have any size and the channels may come unequal: the one ahead waits. Frame `k` covers the sound from
//! `20 k` to `20 (k + 1)` ms of the stream, on both channels.

use crate::conversation::Conversation;
use crate::error::{Error, Result};
use crate::model_info::ModelInfo;
use crate::model_stream::{Model, ModelStream};
use std::sync::Arc;
use vap_core::state::{self, Reader, Writer};
use vap_core::{Expectation, Policy, Speaker};

pub use crate::conversation::{MAX_WAITING_MS, Output, SessionOptions};
pub use crate::front_end::MAX_AHEAD_MS;

/// Samples of a channel that an audio thread may write at once.
pub const INPUT_SAMPLES: usize = 4096;

/// Room for the sound that a saved session holds at common rates while nothing waits.
const SOUND_BYTES: usize = 16_384;

/// One conversation.
pub struct Session {
    model: Arc<dyn Model>,
    conversation: Conversation,
    stream: Box<dyn ModelStream>,
    /// Hops that the stream has begun and not finished.
    begun: usize,
}

impl Session {
    /// Session at the beginning of a conversation.
    ///
    /// # Errors
    /// `sample-rate` for a rate that cannot be resampled, `option` for a policy out of range.
    pub fn new(model: Arc<dyn Model>, options: SessionOptions) -> Result<Self> {
        let conversation = Conversation::new(model.info(), &options)?;
        let stream = Arc::clone(&model).stream();
        Ok(Session { model, conversation, stream, begun: 0 })
    }

    /// Goes on where another session of the same model was saved, in this process or another.
    ///
    /// # Errors
    /// `state` for bytes that [`Session::save`] did not write, or not of a session of this model.
    pub fn restore(model: Arc<dyn Model>, bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, model.identity())?;
        let conversation = Conversation::restore(model.info(), &mut reader)?;
        let mut stream = Arc::clone(&model).stream();
        stream.restore(&mut reader)?;
        reader.finish()?;
        // Fewer, when the session goes on for a remote one: what a stream remembers is counted from where it began.
        state::met(stream.position() <= conversation.frames(), "the memory of no more hops")?;
        Ok(Session { model, conversation, stream, begun: 0 })
    }

    /// Everything that later output depends on, as bytes: rates, policy, sound that waits, what the model remembers,
    /// open turns, counters. A session [restored](Session::restore) from them gives what this one would have given, to
    /// the bit. What was told already is not in them.
    ///
    /// # Errors
    /// `state` between two slices of a hop's [work](Session::work); that of the model, once it has failed.
    pub fn save(&self) -> Result<Vec<u8>> {
        self.conversation.check()?;
        if self.begun > 0 {
            return Err(Error::UnderWay);
        }
        let mut out = Writer::new(self.model.identity());
        out.reserve(self.stream.state_bytes() + SOUND_BYTES);
        self.conversation.save(&mut out);
        self.stream.save(&mut out)?;
        Ok(out.finish())
    }

    /// Session in the middle of a conversation, whose past `stream` has heard.
    pub(crate) fn going_on(
        model: Arc<dyn Model>,
        conversation: Conversation,
        stream: Box<dyn ModelStream>,
    ) -> Self {
        Session { model, conversation, stream, begun: 0 }
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
            self.begun = self.conversation.hops().min(self.stream.most_hops());
            if self.begun == 0 {
                return Ok(false);
            }
            self.stream.begin(self.conversation.take(self.begun));
        }
        match self.stream.step() {
            Ok(false) => return Ok(true),
            Ok(true) => self.conversation.tell(Ok(self.stream.logits()), output)?,
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

    /// Back to the beginning of a conversation, as if new; policy and expectation stay.
    ///
    /// # Errors
    /// As [`Session::new`]; rates and policy were accepted before, so none is expected.
    pub fn reset(&mut self) -> Result<()> {
        let expectation = self.expectation();
        *self = Session::new(Arc::clone(&self.model), self.conversation.options())?;
        self.expect(expectation);
        Ok(())
    }

    /// Other thresholds from the next hop on, those that wait included; the conversation goes on.
    ///
    /// # Errors
    /// `option` for a policy out of range; the old one then stays.
    pub fn set_policy(&mut self, policy: Policy) -> Result<()> {
        self.conversation.set_policy(policy)
    }

    /// What the user is expected to say from the next hop on.
    pub fn expect(&mut self, expectation: Expectation) {
        self.conversation.expect(expectation);
    }

    /// What the user is expected to say.
    pub fn expectation(&self) -> Expectation {
        self.conversation.machine().expectation()
    }

    /// Weights, and what led here: to begin again with.
    pub(crate) fn beginning(&self) -> (&Arc<dyn Model>, SessionOptions) {
        (&self.model, self.conversation.options())
    }

    /// Longest time between the end of a hop going in and its frame coming out, in ms: what resampling holds back.
    pub fn delay_ms(&self) -> f64 {
        self.conversation.delay_ms()
    }

    /// Sample rates of user and agent, in Hz.
    pub fn rates_hz(&self) -> [u32; 2] {
        self.conversation.rates_hz()
    }

    /// What travels with the weights.
    pub fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    /// Thresholds it was given.
    pub fn policy(&self) -> &Policy {
        self.conversation.machine().policy()
    }

    /// Thresholds of a speaker's turns: for the user, as the expectation moves them.
    pub fn policy_of(&self, speaker: Speaker) -> Policy {
        self.conversation.machine().policy_of(speaker)
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
        self.stream.state_bytes()
    }
}
