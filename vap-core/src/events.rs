//! Probabilities in, turn events out: a plain state machine, one step a hop.
//!
//! The algorithm, with the options of [`Policy`] by their names:
//!
//! 1. **Loud.** A channel becomes loud when its VAD reaches `vadOnset` and quiet again below `vadOffset`.
//! 2. **Speech.** Once loud with `minSpeechMs` of hops at or above onset, its sound is speech: `speechStart`. After
//!    `minPauseMs` of quiet, or when its turn ends, the sound is over: `speechEnd`. Silence is counted from the last
//!    loud hop of speech, so a blip does not break it.
//! 3. **Overlap.** When both are in speech and have been loud together for `minOverlapMs` (with the overlap
//!    probability at `overlapThreshold` or above): `overlapStart` of the one whose sound began later. When one
//!    of them ends, or after `minPauseMs` without overlap: `overlapEnd`.
//! 4. **Turns.** A sound in the own open turn belongs to it. A sound begun while the other has no open turn opens a
//!    turn at once. A sound begun in the other's open turn is listened to for `decideMs`, or to its end if that
//!    comes first, and judged: with a mean backchannel probability of at least `backchannelThreshold`, and not
//!    longer than `maxBackchannelMs`, it is a `backchannel` and changes nothing; else it opens a turn. A backchannel
//!    that goes on beyond `maxBackchannelMs` opens a turn after all.
//! 5. **Interruption.** A turn whose sound has been loud together with the floor holder for `minOverlapMs` while
//!    the holder's turn goes on aloud: `interruption`, once a turn. While a sound is listened to,
//!    [`EventMachine::barge_in`] tells the evidence so far. An `overlapStart` of such a sound carries it too, with
//!    `soundMs`, and exactly one verdict with that `startMs` and speaker follows: `backchannel`, `interruption`, or,
//!    where the other had fallen silent by then, `turnShift`, or `endOfTurn` when that turn is over at once. Only a
//!    backchannel that goes on too long is judged once more.
//! 6. **End of turn.** The end-of-turn probability of a speaker counts only in its open turn (running mean over
//!    `eotSmoothingMs`). A quiet channel ends its turn when it was silent for `minSilenceMs` and the probability is
//!    at least `endThreshold` (reason `model`), or was silent for `maxSilenceMs` (reason `silence`): `endOfTurn`.
//!    What the speaker says afterwards is a new turn.
//! 7. **Eager end.** When the probability reaches `eagerThreshold` in an open turn, also shortly before the sound
//!    ends: `eagerEndOfTurn`. It waits for exactly one answer: `endOfTurn`, or `turnResumed` when a later sound has
//!    gone on for `minSpeechMs`, or when the same sound goes on for `eagerHoldMs` and the probability is below
//!    `eagerThreshold` again. The next one needs the probability to have been below, or another `speechEnd`.
//! 8. **Floor.** The first turn takes the floor. It passes when the other has an open turn while the holder is not
//!    speaking: `endOfTurn` of the holder if its turn is still open (reason `shift`), then `turnShift`.
//! 9. **Finish.** What is open is closed: overlap, speech (an unjudged sound is judged), turns (reason `finish`).
//!
//! Policy and expectation may change between two hops; what was heard, told and opened stays. An [`Expectation`] moves
//! the end of the user's turns alone.
//!
//! Probabilities that are not finite count as 0. Frames are taken once, in order: one that is not newer than the
//! last is passed over; hops that are left out count as time.

mod event;
mod overlap;
mod sound;
mod turns;

#[cfg(test)]
mod tests;

pub use event::{BargeIn, EndReason, Event, EventKind};

use crate::state::{self, Reader, Writer};
use crate::{Expectation, Frame, HOP_MS, Policy, Result, Speaker};
use overlap::Overlap;
use serde::Serialize;
use sound::{Change, Channel, Role, Sound};
use turns::Turn;

/// What holds after the last hop. Pairs are `[user, agent]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnState {
    /// Between `speechStart` and `speechEnd`.
    pub speaking: [bool; 2],
    /// Has an open turn.
    pub in_turn: [bool; 2],
    /// Has an `eagerEndOfTurn` that is not answered yet.
    pub eager_pending: [bool; 2],
    /// Who had the floor last; none before the first turn.
    pub floor: Option<Speaker>,
}

/// The state machine of one stream. Its size does not grow, and a step allocates only what `out` needs.
///
/// ```
/// use vap_core::{EventMachine, Frame, Policy, events::EventKind};
///
/// let mut machine = EventMachine::new(Policy::default())?;
/// let mut events = Vec::new();
/// let silence = Frame::from_logits(0, &[-9.0; 27]);
/// for index in 0..200 {
///     let user_talks = index < 50;
///     machine.step(&Frame { index, vad: [if user_talks { 0.9 } else { 0.1 }, 0.0], ..silence }, &mut events);
/// }
/// machine.finish(&mut events);
/// let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
/// assert_eq!(kinds, [EventKind::SpeechStart, EventKind::SpeechEnd, EventKind::EndOfTurn]);
/// # Ok::<(), vap_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EventMachine {
    policy: Policy,
    expectation: Expectation,
    /// Hops heard so far: the lowest index the next frame can have.
    now: u64,
    channels: [Channel; 2],
    overlap: Overlap,
    turns: [Option<Turn>; 2],
    floor: Option<Speaker>,
}

impl EventMachine {
    /// Machine at the start of a stream.
    ///
    /// # Errors
    /// [`Error::Option`](crate::Error::Option) when [`Policy::validate`] refuses the policy.
    pub fn new(policy: Policy) -> Result<Self> {
        policy.validate()?;
        Ok(Self::at_start(policy, Expectation::default()))
    }

    fn at_start(policy: Policy, expectation: Expectation) -> Self {
        EventMachine {
            policy,
            expectation,
            now: 0,
            channels: Default::default(),
            overlap: Overlap::default(),
            turns: [None; 2],
            floor: None,
        }
    }

    /// Forgets the stream, what was pending included; policy and expectation stay.
    pub fn reset(&mut self) {
        *self = Self::at_start(self.policy, self.expectation);
    }

    /// The policy it was given.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The policy of a speaker's turns: for the user, as the expectation moves it.
    pub fn policy_of(&self, speaker: Speaker) -> Policy {
        match speaker {
            Speaker::User => self.policy.expecting(self.expectation),
            Speaker::Agent => self.policy,
        }
    }

    /// Another policy from the next hop on; the stream goes on.
    ///
    /// # Errors
    /// [`Error::Option`](crate::Error::Option) when [`Policy::validate`] refuses it; the old one then stays.
    pub fn set_policy(&mut self, policy: Policy) -> Result<()> {
        policy.validate()?;
        self.policy = policy;
        Ok(())
    }

    /// What the user is expected to say.
    pub fn expectation(&self) -> Expectation {
        self.expectation
    }

    /// Another expectation from the next hop on; the stream goes on.
    pub fn expect(&mut self, expectation: Expectation) {
        self.expectation = expectation;
    }

    /// The sound there may be in the other's turn that is not judged yet; never one of each speaker.
    pub fn barge_in(&self) -> Option<BargeIn> {
        let heard = |speaker: Speaker| self.channels[speaker.index()].speech().map(|sound| (speaker, sound));
        let (speaker, sound) =
            Speaker::BOTH.into_iter().filter_map(heard).find(|(_, sound)| sound.role == Role::Undecided)?;
        Some(BargeIn {
            speaker,
            time_ms: ms(self.now),
            start_ms: ms(sound.start),
            duration_ms: sound.length_ms(),
            overlap_ms: sound.overlap_ms(),
            probability: sound.claim(),
        })
    }

    /// What holds after the last hop.
    pub fn state(&self) -> TurnState {
        TurnState {
            speaking: [0, 1].map(|s| self.channels[s].speaking()),
            in_turn: [0, 1].map(|s| self.turns[s].is_some()),
            eager_pending: [0, 1].map(|s| self.turns[s].is_some_and(|turn| turn.eager_pending())),
            floor: self.floor,
        }
    }

    /// Takes one frame; appends what it decides to `out`, `timeMs` never decreasing.
    pub fn step(&mut self, frame: &Frame, out: &mut Vec<Event>) {
        if frame.index < self.now {
            return;
        }
        let hop = frame.index.min(u64::MAX - 1);
        self.now = hop + 1;
        let mut changes = [Change::Nothing; 2];
        for speaker in Speaker::BOTH {
            let s = speaker.index();
            let (vad, backchannel) = (chance(frame.vad[s]), chance(frame.backchannel[s]));
            changes[s] = self.channels[s].hear(hop, vad, backchannel, &self.policy);
            if changes[s] == Change::Started
                && let Some(sound) = self.channels[s].speech()
            {
                out.push(Event::at(self.now, EventKind::SpeechStart, speaker).since(sound.start));
            }
        }
        let both_loud = self.channels.iter().all(|channel| channel.loud);
        if both_loud {
            self.channels.iter_mut().for_each(Channel::count_together);
        }
        let together = both_loud && reaches(chance(frame.overlap), self.policy.overlap_threshold);
        let sounds = [0, 1].map(|s| self.channels[s].sound);
        let floor = self.floor.unwrap_or(Speaker::User);
        let told = out.len();
        self.overlap.hear(hop, together, sounds, floor, &self.policy, out);
        self.tell_ends(changes, out);
        self.judge_sounds(self.now, changes, out);
        self.weigh_overlap(told, sounds, out);
        self.follow_turns(frame, self.now, changes, out);
        self.pass_floor(self.now, out);
    }

    /// Ends the stream: closes what is open. A second call finds nothing open.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        self.overlap.close(self.now, out);
        let changes = [0, 1].map(|s| self.channels[s].cut().map_or(Change::Nothing, Change::Ended));
        self.tell_ends(changes, out);
        self.judge_sounds(self.now, changes, out);
        for speaker in Speaker::BOTH {
            self.end_turn(speaker, EndReason::Finish, self.now, out);
        }
    }

    /// Adds the evidence to an `overlapStart` that this hop may have told at place `told`; its sound, as it was
    /// before this hop's judgement, is owed a verdict when it is in the other's turn.
    fn weigh_overlap(&mut self, told: usize, before: [Option<Sound>; 2], out: &mut [Event]) {
        let Some(event) = out.get_mut(told).filter(|event| event.kind == EventKind::OverlapStart) else {
            return;
        };
        let channel = &mut self.channels[event.speaker.index()];
        let (Some(before), Some(now)) = (before[event.speaker.index()], channel.sound) else { return };
        if now.contested && matches!(before.role, Role::New | Role::Undecided) {
            event.sound_ms = Some(ms(before.start));
            event.overlap_ms = Some(before.overlap_ms());
            event.probability = Some(before.claim());
            channel.mark_overlap();
        }
    }

    /// Writes all it knows, policy and expectation included.
    pub fn save(&self, out: &mut Writer) {
        let EventMachine { policy, expectation, now, channels, overlap, turns, floor } = self;
        policy.save(out);
        expectation.save(out);
        out.count(*now);
        channels.iter().for_each(|channel| channel.save(out));
        overlap.save(out);
        turns.iter().for_each(|turn| out.option(*turn, Turn::save));
        out.option(*floor, save_speaker);
    }

    /// Reads what [`EventMachine::save`] wrote.
    ///
    /// # Errors
    /// [`Error::State`](crate::Error::State) for what it cannot have written.
    pub fn restore(reader: &mut Reader) -> Result<Self> {
        let policy = Policy::restore(reader)?;
        let expectation = Expectation::restore(reader)?;
        let now = reader.count("hops", state::MOST)?;
        Ok(EventMachine {
            policy,
            expectation,
            now,
            channels: [Channel::restore(reader, now)?, Channel::restore(reader, now)?],
            overlap: Overlap::restore(reader, now)?,
            turns: [
                reader.option(|reader| Turn::restore(reader, now))?,
                reader.option(|reader| Turn::restore(reader, now))?,
            ],
            floor: reader.option(restore_speaker)?,
        })
    }

    /// Hops heard so far.
    pub fn hops(&self) -> u64 {
        self.now
    }

    fn tell_ends(&self, changes: [Change; 2], out: &mut Vec<Event>) {
        for speaker in Speaker::BOTH {
            if let Change::Ended(sound) = changes[speaker.index()] {
                out.push(Event::at(self.now, EventKind::SpeechEnd, speaker).over(sound.start, sound.end));
            }
        }
    }

    /// Ends the speech there may be on a channel before its pause is over.
    fn end_speech(&mut self, speaker: Speaker, now: u64, out: &mut Vec<Event>) {
        if !self.channels[speaker.index()].speaking() {
            return;
        }
        self.overlap.close(now, out);
        if let Some(sound) = self.channels[speaker.index()].cut() {
            out.push(Event::at(now, EventKind::SpeechEnd, speaker).over(sound.start, sound.end));
        }
    }
}

fn save_speaker(speaker: Speaker, out: &mut Writer) {
    out.flag(speaker == Speaker::Agent);
}

fn restore_speaker(reader: &mut Reader) -> Result<Speaker> {
    Ok(if reader.flag()? { Speaker::Agent } else { Speaker::User })
}

/// Length of a number of hops, in ms.
fn ms(hops: u64) -> u64 {
    hops.saturating_mul(u64::from(HOP_MS))
}

/// The probability, or 0 where there is none.
fn chance(probability: f32) -> f32 {
    if probability.is_finite() { probability.clamp(0.0, 1.0) } else { 0.0 }
}

/// Whether a probability is at or above a threshold. In f32, so that a threshold of 0.7 is reached by 0.7.
fn reaches(probability: f32, threshold: f64) -> bool {
    probability >= threshold as f32
}
