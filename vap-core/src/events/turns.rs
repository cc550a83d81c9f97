//! Turns and the floor: what a sound means, when a turn may end, has ended or goes on, and who holds the floor.

use super::sound::{Change, Role};
use super::{EndReason, Event, EventKind, EventMachine, Sound, chance, ms, reaches};
use crate::state::{Reader, Writer, met};
use crate::{Frame, HOP_MS, Policy, Result, Speaker};

/// An eager end that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Eager {
    hop: u64,
    /// Raised within speech that has not ended since.
    in_speech: bool,
}

/// An open turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    /// First hop of its first sound.
    start: u64,
    eager: Option<Eager>,
    /// Whether an eager end may be raised when none is pending: not again on the strength of the one before.
    armed: bool,
    /// Running mean of the end-of-turn probability.
    eot: Option<f32>,
    /// Whether its `interruption` was raised.
    interrupted: bool,
}

impl Turn {
    fn new(start: u64) -> Self {
        Turn { start, eager: None, armed: true, eot: None, interrupted: false }
    }

    pub fn save(self, out: &mut Writer) {
        let Turn { start, eager, armed, eot, interrupted } = self;
        out.count(start);
        out.option(eager, |Eager { hop, in_speech }, out| {
            out.count(hop);
            out.flag(in_speech);
        });
        out.flag(armed);
        out.option(eot, |eot, out| out.floats(&[eot]));
        out.flag(interrupted);
    }

    /// Reads what [`Turn::save`] wrote `now` hops into the stream.
    pub fn restore(reader: &mut Reader, now: u64) -> Result<Self> {
        Ok(Turn {
            start: reader.count("start", now)?,
            eager: reader
                .option(|reader| Ok(Eager { hop: reader.count("hop", now)?, in_speech: reader.flag()? }))?,
            armed: reader.flag()?,
            eot: reader.option(|reader| {
                let mut eot = [0.0];
                reader.floats("mean", 1.0, &mut eot)?;
                met(eot[0] >= 0.0, "mean")?;
                Ok(eot[0])
            })?,
            interrupted: reader.flag()?,
        })
    }

    pub fn eager_pending(&self) -> bool {
        self.eager.is_some()
    }

    fn follow(&mut self, eot: f32, change: Change, policy: &Policy) -> f32 {
        // A ratio, not exp(): the same bits on every platform.
        let weight = HOP_MS as f32 / (HOP_MS + policy.eot_smoothing_ms) as f32;
        let eot = self.eot.map_or(eot, |mean| mean + weight * (eot - mean));
        self.eot = Some(eot);
        let ended = matches!(change, Change::Ended(_));
        self.armed |= ended || !reaches(eot, policy.eager_threshold);
        if let Some(eager) = &mut self.eager {
            eager.in_speech &= !ended;
        }
        eot
    }
}

impl EventMachine {
    /// Decides what the sounds of this hop mean: part of a turn, a backchannel, an interruption.
    pub(super) fn judge_sounds(&mut self, now: u64, changes: [Change; 2], out: &mut Vec<Event>) {
        // When both begin in one hop, the floor holder comes first.
        let first = self.floor.unwrap_or(Speaker::User);
        for speaker in [first, first.other()] {
            let s = speaker.index();
            let ended = match changes[s] {
                Change::Ended(sound) => Some(sound),
                _ => None,
            };
            let Some(mut sound) = ended.or(self.channels[s].speech()) else { continue };
            self.judge(speaker, &mut sound, ended.is_some(), now, out);
            if ended.is_none() {
                self.channels[s].assign(sound.role, sound.contested);
            }
        }
    }

    fn judge(&mut self, speaker: Speaker, sound: &mut Sound, ended: bool, now: u64, out: &mut Vec<Event>) {
        let (s, o) = (speaker.index(), speaker.other().index());
        if sound.role == Role::New {
            sound.contested = self.turns[s].is_none() && self.turns[o].is_some();
            sound.role = if sound.contested { Role::Undecided } else { Role::Turn };
        }
        let longest_ms = u64::from(self.policy.max_backchannel_ms);
        let heard_ms = ms(now.saturating_sub(sound.start));
        if sound.role == Role::Undecided && (ended || heard_ms >= u64::from(self.policy.decide_ms)) {
            let probability = sound.backchannel();
            let short = sound.length_ms() <= longest_ms;
            if short && reaches(probability, self.policy.backchannel_threshold) {
                sound.role = Role::Backchannel;
                let event = Event::at(now, EventKind::Backchannel, speaker).lasting(sound.start, sound.end);
                out.push(Event {
                    probability: Some(probability),
                    overlap_ms: Some(sound.overlap_ms()),
                    ..event
                });
            } else {
                sound.role = Role::Turn;
            }
        }
        if sound.role == Role::Backchannel && sound.length_ms() > longest_ms {
            sound.role = Role::Turn;
        }
        if sound.role != Role::Turn {
            return;
        }
        self.floor.get_or_insert(speaker);
        // An overlap that was told is long enough, whatever the policy says by now.
        let long = sound.in_overlap || sound.overlap_ms() >= u64::from(self.policy.min_overlap_ms);
        let claims = long && self.holds_aloud(speaker.other());
        let turn = self.turns[s].get_or_insert(Turn::new(sound.start));
        if claims && !turn.interrupted {
            turn.interrupted = true;
            let event = Event::at(now, EventKind::Interruption, speaker).lasting(sound.start, sound.end);
            let (probability, overlap_ms) = (Some(sound.claim()), Some(sound.overlap_ms()));
            out.push(Event { probability, overlap_ms, ..event });
        }
    }

    /// Whether the speaker holds the floor and is speaking; a holder who speaks always has an open turn.
    fn holds_aloud(&self, speaker: Speaker) -> bool {
        self.floor == Some(speaker) && self.channels[speaker.index()].speaking()
    }

    /// Ends the open turns that are over; raises and takes back eager ends in the others.
    pub(super) fn follow_turns(
        &mut self,
        frame: &Frame,
        now: u64,
        changes: [Change; 2],
        out: &mut Vec<Event>,
    ) {
        for speaker in Speaker::BOTH {
            let s = speaker.index();
            let policy = self.policy_of(speaker);
            let Some(turn) = &mut self.turns[s] else { continue };
            let eot = turn.follow(chance(frame.eot[s]), changes[s], &policy);
            let channel = &self.channels[s];
            let silence = channel.silence_ms(now);
            let sure = silence >= u64::from(policy.min_silence_ms) && reaches(eot, policy.end_threshold);
            if !channel.loud && (sure || silence >= u64::from(policy.max_silence_ms)) {
                let reason = if sure { EndReason::Model } else { EndReason::Silence };
                self.end_turn(speaker, reason, now, out);
                continue;
            }
            let likely = reaches(eot, policy.eager_threshold);
            let Some(eager) = turn.eager else {
                if likely && turn.armed {
                    let in_speech = channel.loud && channel.speaking();
                    turn.eager = Some(Eager { hop: now, in_speech });
                    let event = Event::at(now, EventKind::EagerEndOfTurn, speaker);
                    out.push(Event { silence_ms: Some(silence), probability: Some(eot), ..event });
                }
                continue;
            };
            let resumed = if eager.in_speech {
                let held = ms(now.saturating_sub(eager.hop)) >= u64::from(policy.eager_hold_ms);
                channel.loud && held && !likely
            } else {
                channel.sustained(&policy)
            };
            if resumed {
                turn.eager = None;
                turn.armed = !likely;
                let mut event = Event::at(now, EventKind::TurnResumed, speaker);
                event.start_ms = (!eager.in_speech).then_some(ms(channel.loud_since));
                out.push(Event { probability: Some(eot), ..event });
            }
        }
    }

    /// Passes the floor when its holder no longer speaks in a turn and the other has one open.
    pub(super) fn pass_floor(&mut self, now: u64, out: &mut Vec<Event>) {
        let Some(holder) = self.floor else { return };
        let next = holder.other();
        let Some(turn) = self.turns[next.index()] else { return };
        if self.holds_aloud(holder) {
            return;
        }
        self.end_turn(holder, EndReason::Shift, now, out);
        self.floor = Some(next);
        out.push(Event::at(now, EventKind::TurnShift, next).since(turn.start));
    }

    /// Ends the open turn there may be, and with it speech that was only waiting out a pause.
    pub(super) fn end_turn(&mut self, speaker: Speaker, reason: EndReason, now: u64, out: &mut Vec<Event>) {
        let s = speaker.index();
        let Some(turn) = self.turns[s].take() else { return };
        self.end_speech(speaker, now, out);
        let channel = &self.channels[s];
        let event = Event::at(now, EventKind::EndOfTurn, speaker).over(turn.start, channel.speech_end);
        let silence_ms = Some(channel.silence_ms(now));
        out.push(Event { silence_ms, probability: turn.eot, reason: Some(reason), ..event });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_that_is_no_probability_is_refused() {
        for (eot, fine) in [(0.0, true), (1.0, true), (-0.25, false), (1.25, false), (f32::NAN, false)] {
            let mut out = Writer::new(0);
            Turn { eot: Some(eot), ..Turn::new(3) }.save(&mut out);
            let bytes = out.finish();
            let found = Turn::restore(&mut Reader::new(&bytes, 0).unwrap(), 9);
            assert_eq!(found.map_or_else(|error| error.code(), |_| "fine") == "fine", fine, "{eot}");
        }
    }
}
