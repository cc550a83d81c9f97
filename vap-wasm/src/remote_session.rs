//! A conversation whose model is computed elsewhere, as on a GPU: hops of mels go out, their logits come back. When
//! they no longer do, a session goes on in its place.

use crate::conversation::{Conversation, Output, SessionOptions, finite};
use crate::error::{Error, Result};
use crate::model_info::ModelInfo;
use crate::model_stream::{Model, ModelStream};
use crate::session::Session;
use std::sync::Arc;
use vap_core::config::HOP_MELS;
use vap_core::projection::OUTPUTS;
use vap_core::{Error as CoreError, Expectation, HOP_MS, Policy, Speaker};

/// Hops that may be out at once.
pub const MOST_HOPS: usize = 4096;

/// Sound in, mels out, logits in, frames and events out.
pub struct RemoteSession {
    /// What goes on when the other computation is lost.
    model: Arc<dyn Model>,
    conversation: Conversation,
    past: Past,
    /// Hops that are out.
    out: usize,
}

impl RemoteSession {
    /// Session at the beginning of a conversation.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn new(model: Arc<dyn Model>, options: &SessionOptions) -> Result<Self> {
        let conversation = Conversation::new(model.info(), options)?;
        let past = Past::new(model.info().config.past_frames());
        Ok(RemoteSession { model, conversation, past, out: 0 })
    }

    /// Takes sound, as [`Session::hear`] does.
    ///
    /// # Errors
    /// As there.
    pub fn hear(&mut self, user: Option<&[f32]>, agent: Option<&[f32]>) -> Result<()> {
        self.conversation.hear(user, agent)
    }

    /// Hops that wait to go out.
    pub fn waiting(&self) -> usize {
        self.conversation.hops()
    }

    /// Normalised mels of the next hops, at most `most`, `[2 x hops, 80]` each of user and agent. None go out while
    /// others are.
    pub fn next_mels(&mut self, most: usize) -> [&[f32]; 2] {
        if self.out > 0 {
            return self.past.last(0);
        }
        self.out = self.conversation.hops().min(most);
        self.past.push(self.conversation.take(self.out));
        self.past.last(self.out)
    }

    /// Takes the logits of the hops that are out, `[hops, 27]`. Frames and events go behind what `output` holds.
    ///
    /// # Errors
    /// `length` when they are not those of as many hops, `not-finite` when one is no number; the hops then stay out.
    pub fn push_logits(&mut self, logits: &[f32], output: &mut Output) -> Result<()> {
        let (expected, found) = (self.out * OUTPUTS, logits.len());
        if expected != found {
            return Err(CoreError::Length { what: "logits of the hops that are out", expected, found }.into());
        }
        let logits = finite(logits)?;
        self.out = 0;
        self.conversation.tell(Ok(logits), output)
    }

    /// Ends the sound; its last hops still wait to go out.
    pub fn end_sound(&mut self) {
        self.conversation.end_sound();
    }

    /// Decides pending events, after the last hop.
    ///
    /// # Errors
    /// `behind` while hops wait or are out.
    pub fn finish(&mut self, output: &mut Output) -> Result<()> {
        let found_ms = (self.out + self.waiting()) as u64 * u64::from(HOP_MS);
        if found_ms > 0 {
            return Err(Error::Behind { found_ms, limit_ms: HOP_MS.into() });
        }
        self.end_sound();
        self.conversation.end_events(output);
        Ok(())
    }

    /// The session that goes on in its place. It has heard as much of the past as can have any influence, and worked
    /// what was out, whose frames and events go behind what `output` holds: none is lost or told twice.
    ///
    /// # Errors
    /// `not-finite` or `backend` when the model fails here as well.
    pub fn into_session(mut self, output: &mut Output) -> Result<Session> {
        let mut stream = Arc::clone(&self.model).stream();
        let hops = self.past.hops();
        let told = hops - self.out;
        let from = told.saturating_sub(self.past.limit_hops);
        let most = stream.most_hops();
        for start in (from..told).step_by(most) {
            work(&mut *stream, self.past.range(start, told.min(start + most)))?;
        }
        for start in (told..hops).step_by(most) {
            let logits = work(&mut *stream, self.past.range(start, hops.min(start + most)))?;
            self.conversation.tell(Ok(logits), output)?;
        }
        Ok(Session::going_on(self.model, self.conversation, stream))
    }

    /// Longest time between the end of a hop going in and its mels going out, in ms: what resampling holds back.
    pub fn delay_ms(&self) -> f64 {
        self.conversation.delay_ms()
    }

    /// What travels with the weights.
    pub fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    /// Thresholds of a speaker's turns: for the user, as the expectation moves them.
    pub fn policy_of(&self, speaker: Speaker) -> Policy {
        self.conversation.machine().policy_of(speaker)
    }

    /// Other thresholds from the next hop on, those that wait or are out included.
    ///
    /// # Errors
    /// `option` for a policy out of range; the old one then stays.
    pub fn set_policy(&mut self, policy: Policy) -> Result<()> {
        self.conversation.set_policy(policy)
    }

    /// What the user is expected to say.
    pub fn expectation(&self) -> Expectation {
        self.conversation.machine().expectation()
    }

    /// Another expectation from the next hop on, those that wait or are out included.
    pub fn expect(&mut self, expectation: Expectation) {
        self.conversation.expect(expectation);
    }
}

impl Session {
    /// A remote session at the beginning of a conversation, with the model, the options and the expectation of this
    /// one.
    ///
    /// # Errors
    /// As [`Session::new`]; rates and policy were accepted before, so none is expected.
    pub fn remote(&self) -> Result<RemoteSession> {
        let (model, options) = self.beginning();
        let mut remote = RemoteSession::new(Arc::clone(model), &options)?;
        remote.expect(self.expectation());
        Ok(remote)
    }
}

fn work<'a>(stream: &'a mut dyn ModelStream, mels: [&[f32]; 2]) -> Result<&'a [f32]> {
    stream.begin(mels);
    while !stream.step()? {}
    Ok(stream.logits())
}

/// Mels of the last hops that went out, `[2 x hops, 80]` a channel.
struct Past {
    channels: [Vec<f32>; 2],
    /// Hops that are kept at least.
    limit_hops: usize,
}

impl Past {
    fn new(limit_hops: usize) -> Self {
        Past { channels: [Vec::new(), Vec::new()], limit_hops }
    }

    fn hops(&self) -> usize {
        self.channels[0].len() / HOP_MELS
    }

    /// Adds hops, behind at least the last `limit_hops` of those before.
    fn push(&mut self, mels: [&[f32]; 2]) {
        if self.hops() >= 2 * self.limit_hops {
            let old = self.channels[0].len() - self.limit_hops * HOP_MELS;
            self.channels.iter_mut().for_each(|channel| drop(channel.drain(..old)));
        }
        for (channel, mels) in self.channels.iter_mut().zip(mels) {
            channel.extend_from_slice(mels);
        }
    }

    fn last(&self, hops: usize) -> [&[f32]; 2] {
        self.range(self.hops() - hops, self.hops())
    }

    fn range(&self, from: usize, to: usize) -> [&[f32]; 2] {
        self.channels.each_ref().map(|channel| &channel[from * HOP_MELS..to * HOP_MELS])
    }
}
