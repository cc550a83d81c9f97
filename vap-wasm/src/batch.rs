//! Many live conversations on one thread: whoever has a hop ready goes through the model in the same pass, so that
//! weights are read once for all of them.

use crate::ears::Ears;
use crate::error::{Error, Result};
use crate::kernels::{KernelModel, KernelState, Pass};
use crate::session::{Output, SessionOptions, Teller};
use std::sync::Arc;

/// Conversations that share passes.
pub struct Batch {
    model: Arc<KernelModel>,
    pass: Pass,
    /// Most conversations a pass takes.
    width: usize,
    /// By number; `None` where one left.
    calls: Vec<Option<Call>>,
    /// Where the next pass begins to look, so that nobody waits for ever.
    next: usize,
}

struct Call {
    ears: Ears,
    state: KernelState,
    teller: Teller,
    output: Output,
    /// What the model failed with; the call then takes no more sound.
    failed: Option<Error>,
}

impl Call {
    fn is_ready(&self) -> bool {
        self.failed.is_none() && self.ears.hops() > 0
    }
}

impl Batch {
    /// Room for passes of up to `width` conversations, at least one.
    pub fn new(model: &Arc<KernelModel>, width: usize) -> Self {
        let width = width.max(1);
        Batch { pass: model.pass(width), width, calls: Vec::new(), next: 0, model: Arc::clone(model) }
    }

    /// Begins a conversation and gives its number.
    ///
    /// # Errors
    /// As [`crate::Session::new`].
    pub fn join(&mut self, options: SessionOptions) -> Result<usize> {
        let policy = options.policy.unwrap_or(self.model.card().policy);
        let call = Call {
            ears: Ears::new([options.user_rate_hz, options.agent_rate_hz])?,
            state: self.model.init_state(),
            teller: Teller::new(policy)?,
            output: Output::default(),
            failed: None,
        };
        let free = self.calls.iter().position(Option::is_none);
        let number = free.unwrap_or(self.calls.len());
        match free {
            Some(number) => self.calls[number] = Some(call),
            None => self.calls.push(Some(call)),
        }
        Ok(number)
    }

    /// Takes sound of a conversation, as [`crate::Session::hear`] does.
    ///
    /// # Errors
    /// `channels-apart` as there; `option` for a number of no conversation; what the model failed with before.
    pub fn hear(&mut self, number: usize, user: Option<&[f32]>, agent: Option<&[f32]>) -> Result<()> {
        let statistics = &self.model.card().statistics;
        let call = call(&mut self.calls, number)?;
        if let Some(error) = &call.failed {
            return Err(error.clone());
        }
        let mut sound = call.ears.offer([user, agent])?;
        while call.ears.hear(&mut sound, statistics) {}
        Ok(())
    }

    /// Takes one hop of as many conversations as have one ready and fit a pass; gives their number.
    pub fn work(&mut self) -> usize {
        let count = self.calls.len();
        let (later, earlier) = self.calls.split_at_mut(self.next.min(count));
        let ready = earlier.iter_mut().chain(later).flatten().filter(|call| call.is_ready());
        let mut ready: Vec<&mut Call> = ready.take(self.width).collect();
        for (stream, call) in ready.iter_mut().enumerate() {
            self.pass.begin(stream, call.ears.take(1));
        }
        if ready.is_empty() {
            return 0;
        }
        let mut states: Vec<&mut KernelState> = ready.iter_mut().map(|call| &mut call.state).collect();
        while !self.pass.step(&self.model, &mut states) {}
        for (stream, call) in ready.iter_mut().enumerate() {
            call.failed = call.teller.tell(self.pass.logits(stream), &mut call.output).err();
        }
        let worked = ready.len();
        self.next = if count == 0 { 0 } else { (self.next + worked) % count };
        worked
    }

    /// What a conversation has told since it was last asked.
    ///
    /// # Errors
    /// What the model failed with, `option` for a number of no conversation.
    pub fn take(&mut self, number: usize) -> Result<Output> {
        let call = call(&mut self.calls, number)?;
        match &call.failed {
            Some(error) => Err(error.clone()),
            None => Ok(std::mem::take(&mut call.output)),
        }
    }

    /// Ends a conversation, works what is left of it and gives what it still tells; its number is free again.
    ///
    /// # Errors
    /// As [`Batch::take`].
    pub fn leave(&mut self, number: usize) -> Result<Output> {
        call(&mut self.calls, number)?;
        let Some(mut call) = self.calls[number].take() else { return Ok(Output::default()) };
        if let Some(error) = call.failed {
            return Err(error);
        }
        call.ears.finish(&self.model.card().statistics);
        while call.ears.hops() > 0 {
            self.pass.begin(0, call.ears.take(1));
            while !self.pass.step(&self.model, &mut [&mut call.state]) {}
            call.teller.tell(self.pass.logits(0), &mut call.output)?;
        }
        call.teller.finish(&mut call.output);
        Ok(call.output)
    }
}

fn call(calls: &mut [Option<Call>], number: usize) -> Result<&mut Call> {
    let unknown = || Error::Options(format!("call: expected the number of a live one, found {number}"));
    calls.get_mut(number).and_then(Option::as_mut).ok_or_else(unknown)
}
