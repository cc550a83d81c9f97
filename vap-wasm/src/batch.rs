//! Many live conversations on one thread: whoever has a hop ready goes through the model in the same pass, so that
//! its weights are fetched once for all of them.

use crate::conversation::{Conversation, Output, SessionOptions};
use crate::error::{Error, Result};
use crate::kernels::{KernelModel, KernelState, Pass};
use std::collections::BTreeMap;
use std::sync::Arc;
use vap_core::{Expectation, Policy};

/// Most conversations a pass can take.
pub const MAX_WIDTH: usize = 256;

/// Conversations that share passes.
pub struct Batch {
    model: Arc<KernelModel>,
    pass: Pass,
    /// Most conversations a pass takes.
    width: usize,
    calls: BTreeMap<u32, Call>,
    /// Number of the next conversation; none is given twice.
    next_call: u32,
    /// Whose turn it is: the next pass begins with the first conversation from here on that is ready.
    turn: u32,
}

struct Call {
    conversation: Conversation,
    state: KernelState,
    output: Output,
}

impl Batch {
    /// Room for passes of up to `width` conversations, 1 to [`MAX_WIDTH`].
    ///
    /// # Errors
    /// `option` for another width.
    pub fn new(model: &Arc<KernelModel>, width: usize) -> Result<Self> {
        if !(1..=MAX_WIDTH).contains(&width) {
            let message = format!("width: expected 1 to {MAX_WIDTH} conversations, found {width}");
            return Err(Error::Options(message));
        }
        let (pass, model) = (model.pass(width), Arc::clone(model));
        Ok(Batch { model, pass, width, calls: BTreeMap::new(), next_call: 0, turn: 0 })
    }

    /// Begins a conversation and gives its number.
    ///
    /// # Errors
    /// As [`crate::Session::new`].
    pub fn join(&mut self, options: SessionOptions) -> Result<u32> {
        let conversation = Conversation::new(self.model.info(), &options)?;
        let call = Call { conversation, state: self.model.init_state(), output: Output::default() };
        let number = self.next_call;
        self.next_call += 1;
        self.calls.insert(number, call);
        Ok(number)
    }

    /// Takes sound of a conversation, as [`crate::Session::hear`] does.
    ///
    /// # Errors
    /// As there; `option` for a number of no conversation.
    pub fn hear(&mut self, number: u32, user: Option<&[f32]>, agent: Option<&[f32]>) -> Result<()> {
        self.call(number)?.conversation.hear(user, agent)
    }

    /// Other thresholds for a conversation, as [`crate::Session::set_policy`].
    ///
    /// # Errors
    /// As there; `option` for a number of no conversation.
    pub fn set_policy(&mut self, number: u32, policy: Policy) -> Result<()> {
        self.call(number)?.conversation.set_policy(policy)
    }

    /// What the user of a conversation is expected to say, as [`crate::Session::expect`].
    ///
    /// # Errors
    /// `option` for a number of no conversation.
    pub fn expect(&mut self, number: u32, expectation: Expectation) -> Result<()> {
        self.call(number)?.conversation.expect(expectation);
        Ok(())
    }

    /// Takes one hop of as many conversations as have one ready and fit a pass, in turn; gives their number.
    pub fn work(&mut self) -> usize {
        let ready = |call: &Call| call.conversation.check().is_ok() && call.conversation.hops() > 0;
        let mut ready: Vec<_> = self.calls.iter_mut().filter(|(_, call)| ready(call)).collect();
        let first = ready.iter().position(|(number, _)| **number >= self.turn).unwrap_or(0);
        ready.rotate_left(first);
        ready.truncate(self.width);
        let Some((last, _)) = ready.last() else { return 0 };
        self.turn = *last + 1;

        for (stream, (_, call)) in ready.iter_mut().enumerate() {
            self.pass.begin(stream, call.conversation.take(1));
        }
        let mut states: Vec<_> = ready.iter_mut().map(|(_, call)| &mut call.state).collect();
        while !self.pass.step(&self.model, &mut states) {}
        for (stream, (_, call)) in ready.iter_mut().enumerate() {
            // A failure is kept by the conversation, and told when it is asked.
            let _ = call.conversation.tell(Ok(self.pass.logits(stream)), &mut call.output);
        }
        ready.len()
    }

    /// What a conversation has told since it was last asked.
    ///
    /// # Errors
    /// What the model failed with, once all that was told before has been taken; `option` for a number of no
    /// conversation.
    pub fn take(&mut self, number: u32) -> Result<Output> {
        let call = self.call(number)?;
        if call.output == Output::default() {
            call.conversation.check()?;
        }
        Ok(std::mem::take(&mut call.output))
    }

    /// Ends a conversation, works what is left of it and gives what it still tells.
    ///
    /// # Errors
    /// What the model failed with; `option` for a number of no conversation.
    pub fn leave(&mut self, number: u32) -> Result<Output> {
        self.call(number)?;
        let Some(mut call) = self.calls.remove(&number) else { return Ok(Output::default()) };
        call.conversation.check()?;
        call.conversation.end_sound();
        while call.conversation.hops() > 0 {
            self.pass.begin(0, call.conversation.take(1));
            while !self.pass.step(&self.model, &mut [&mut call.state]) {}
            call.conversation.tell(Ok(self.pass.logits(0)), &mut call.output)?;
        }
        call.conversation.end_events(&mut call.output);
        Ok(call.output)
    }

    fn call(&mut self, number: u32) -> Result<&mut Call> {
        self.calls.get_mut(&number).ok_or_else(|| Error::UnknownCall(number.to_string()))
    }
}
