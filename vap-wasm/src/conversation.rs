//! All of a conversation but the model: sound on its way to mels, and logits on their way to frames and events.

use crate::error::{Error, Result};
use crate::front_end::{FrontEnd, Sound};
use crate::model_info::ModelInfo;
use vap_core::features::FeatureStatistics;
use vap_core::projection::OUTPUTS;
use vap_core::state::{self, Reader, Writer};
use vap_core::{
    BargeIn, Error as CoreError, Event, EventMachine, Expectation, Frame, HOP_MS, HOP_SAMPLES, Policy,
};

/// How much sound may wait to be worked, in ms.
pub const MAX_WAITING_MS: u64 = 10_000;

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
    /// Of each hop after which a sound in the other's turn was not judged yet: the evidence so far.
    pub barge_ins: Vec<BargeIn>,
}

impl Output {
    /// Empties it and keeps its room.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.events.clear();
        self.barge_ins.clear();
    }

    /// Appends what came later.
    pub fn extend(&mut self, later: Output) {
        self.frames.extend(later.frames);
        self.events.extend(later.events);
        self.barge_ins.extend(later.barge_ins);
    }
}

pub(crate) struct Conversation {
    statistics: FeatureStatistics,
    front_end: FrontEnd,
    machine: EventMachine,
    frames: u64,
    finished: bool,
    /// Pending events were decided.
    ended: bool,
    /// What the model failed with: without that hop all that follows would be told for the wrong time.
    failed: Option<Error>,
}

impl Conversation {
    pub fn new(info: &ModelInfo, options: &SessionOptions) -> Result<Self> {
        let policy = options.policy.unwrap_or(info.policy);
        Ok(Conversation {
            statistics: info.statistics.clone(),
            front_end: FrontEnd::new([options.user_rate_hz, options.agent_rate_hz])?,
            machine: EventMachine::new(policy)?,
            frames: 0,
            finished: false,
            ended: false,
            failed: None,
        })
    }

    /// Writes all of it.
    pub fn save(&self, out: &mut Writer) {
        out.count(self.frames);
        out.flag(self.finished);
        out.flag(self.ended);
        self.machine.save(out);
        self.front_end.save(out);
    }

    /// Reads what [`Conversation::save`] wrote.
    ///
    /// # Errors
    /// `state` for what it cannot have written.
    pub fn restore(info: &ModelInfo, reader: &mut Reader) -> Result<Self> {
        let frames = reader.count("hops", state::MOST / HOP_SAMPLES as u64)?;
        let (finished, ended) = (reader.flag()?, reader.flag()?);
        state::met(finished || !ended, "events that end behind the sound")?;
        let machine = EventMachine::restore(reader)?;
        state::met(machine.hops() == frames, "events of as many hops")?;
        Ok(Conversation {
            statistics: info.statistics.clone(),
            front_end: FrontEnd::restore(reader, frames, finished)?,
            machine,
            frames,
            finished,
            ended,
            failed: None,
        })
    }

    /// What led here, to begin again with.
    pub fn options(&self) -> SessionOptions {
        let [user_rate_hz, agent_rate_hz] = self.front_end.rates_hz();
        SessionOptions { user_rate_hz, agent_rate_hz, policy: Some(*self.machine.policy()) }
    }

    /// Takes note of sound, which [`Conversation::hear_piece`] then hears.
    pub fn offer<'a>(&mut self, user: Option<&'a [f32]>, agent: Option<&'a [f32]>) -> Result<[Sound<'a>; 2]> {
        self.check()?;
        if self.finished {
            return Err(Error::Finished);
        }
        self.front_end.offer([user, agent])
    }

    /// Hears the next piece of what was offered; false when there is nothing left of it.
    pub fn hear_piece(&mut self, sound: &mut [Sound; 2]) -> bool {
        self.front_end.hear(sound, &self.statistics)
    }

    /// Hears all of it, for later work.
    pub fn hear(&mut self, user: Option<&[f32]>, agent: Option<&[f32]>) -> Result<()> {
        let found_ms = self.hops() as u64 * u64::from(HOP_MS);
        if found_ms >= MAX_WAITING_MS {
            return Err(Error::Behind { found_ms, limit_ms: MAX_WAITING_MS });
        }
        let mut sound = self.offer(user, agent)?;
        while self.hear_piece(&mut sound) {}
        Ok(())
    }

    /// Hops that wait.
    pub fn hops(&self) -> usize {
        self.front_end.hops()
    }

    /// Mels of the next hops, `[2 x hops, 80]` a channel; they wait no longer.
    pub fn take(&mut self, hops: usize) -> [&[f32]; 2] {
        self.front_end.take(hops)
    }

    /// Takes the logits of the next hops, `[hops, 27]`.
    pub fn tell(&mut self, logits: Result<&[f32]>, output: &mut Output) -> Result<()> {
        match logits.and_then(finite) {
            Ok(logits) => {
                for logits in logits.as_chunks::<OUTPUTS>().0 {
                    let frame = Frame::from_logits(self.frames, logits);
                    self.frames += 1;
                    self.machine.step(&frame, &mut output.events);
                    output.frames.push(frame);
                    output.barge_ins.extend(self.machine.barge_in());
                }
            }
            Err(error) => self.failed = Some(error),
        }
        self.check()
    }

    /// The error of the model, once there was one.
    pub fn check(&self) -> Result<()> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Ends the sound; a second call does nothing.
    pub fn end_sound(&mut self) {
        if !self.finished {
            self.front_end.finish(&self.statistics);
            self.finished = true;
        }
    }

    /// Decides pending events, after the last hop; a second call does nothing.
    pub fn end_events(&mut self, output: &mut Output) {
        if !self.ended {
            self.machine.finish(&mut output.events);
            self.ended = true;
        }
    }

    /// What decides the events.
    pub fn machine(&self) -> &EventMachine {
        &self.machine
    }

    /// Another policy from the next hop on; a wrong one leaves the old one.
    pub fn set_policy(&mut self, policy: Policy) -> Result<()> {
        Ok(self.machine.set_policy(policy)?)
    }

    /// Another expectation from the next hop on.
    pub fn expect(&mut self, expectation: Expectation) {
        self.machine.expect(expectation);
    }

    pub fn rates_hz(&self) -> [u32; 2] {
        self.front_end.rates_hz()
    }

    pub fn frames(&self) -> u64 {
        self.frames
    }

    pub fn delay_ms(&self) -> f64 {
        self.front_end.delay_ms()
    }

    pub fn replaced(&self) -> u64 {
        self.front_end.replaced()
    }
}

/// Logits that are numbers.
pub(crate) fn finite(logits: &[f32]) -> Result<&[f32]> {
    match logits.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(CoreError::NotFinite { place: "logits".into(), index }.into()),
        None => Ok(logits),
    }
}
