//! How tests are written down: who sounds how for how many hops, and the events as short lines.

use crate::events::{Event, EventKind, EventMachine};
use crate::projection::BINS;
use crate::{Frame, Policy, Speaker};

/// What the model says of one speaker in a hop.
#[derive(Clone, Copy)]
pub struct Voice {
    pub vad: f32,
    pub eot: f32,
    pub backchannel: f32,
}

/// Silence.
pub const QUIET: Voice = Voice { vad: 0.05, eot: 0.0, backchannel: 0.0 };
/// Speech in a turn.
pub const TALK: Voice = Voice { vad: 0.95, eot: 0.0, backchannel: 0.1 };
/// Speech that is a backchannel.
pub const HUM: Voice = Voice { vad: 0.95, eot: 0.0, backchannel: 0.9 };

impl Voice {
    pub fn eot(self, eot: f32) -> Voice {
        Voice { eot, ..self }
    }

    pub fn vad(self, vad: f32) -> Voice {
        Voice { vad, ..self }
    }

    pub fn backchannel(self, backchannel: f32) -> Voice {
        Voice { backchannel, ..self }
    }
}

/// Times in hops of 20 ms: speech 3, pause 5, silence 10 to 50, decision 10, backchannel 30, overlap 4, hold 25.
pub fn policy() -> Policy {
    Policy {
        vad_onset: 0.5,
        vad_offset: 0.3,
        min_speech_ms: 60,
        min_pause_ms: 100,
        eager_threshold: 0.5,
        end_threshold: 0.8,
        eot_smoothing_ms: 0,
        eager_hold_ms: 500,
        min_silence_ms: 200,
        max_silence_ms: 1000,
        backchannel_threshold: 0.5,
        max_backchannel_ms: 600,
        decide_ms: 200,
        overlap_threshold: 0.4,
        min_overlap_ms: 80,
    }
}

/// Frames of a dialogue, from hop 0.
#[derive(Clone, Default)]
pub struct Script(pub Vec<Frame>);

impl Script {
    /// Appends hops in which each sounds as given; the overlap probability is the lower VAD.
    pub fn add(mut self, hops: usize, user: Voice, agent: Voice) -> Script {
        for _ in 0..hops {
            self.0.push(Frame {
                index: self.0.len() as u64,
                bins: [[0.0; BINS]; 2],
                p_now: [0.5; 2],
                p_future: [0.5; 2],
                eot: [user.eot, agent.eot],
                backchannel: [user.backchannel, agent.backchannel],
                vad: [user.vad, agent.vad],
                overlap: user.vad.min(agent.vad),
            });
        }
        self
    }

    /// Appends hops in which only the user may sound.
    pub fn user(self, hops: usize, user: Voice) -> Script {
        self.add(hops, user, QUIET)
    }

    /// The same dialogue with the channels exchanged.
    pub fn swapped(&self) -> Script {
        let mut swapped = self.clone();
        for frame in &mut swapped.0 {
            for pair in [&mut frame.eot, &mut frame.backchannel, &mut frame.vad] {
                pair.swap(0, 1);
            }
        }
        swapped
    }

    /// Events of the stream, without `finish`.
    pub fn live(&self, policy: Policy) -> Vec<Event> {
        let (mut machine, mut out) = (EventMachine::new(policy).unwrap(), Vec::new());
        self.0.iter().for_each(|frame| machine.step(frame, &mut out));
        out
    }

    /// Events of the stream and of its end.
    pub fn all(&self, policy: Policy) -> Vec<Event> {
        let (mut machine, mut out) = (EventMachine::new(policy).unwrap(), Vec::new());
        self.0.iter().for_each(|frame| machine.step(frame, &mut out));
        machine.finish(&mut out);
        out
    }

    /// Checks the events of the stream under [`policy`], and that exchanged channels exchange the speakers.
    #[track_caller]
    pub fn expect(&self, expected: &[&str]) {
        assert_eq!(lines(&self.live(policy())), expected);
        let exchange = |line: &str| line.replace("user", "?").replace("agent", "user").replace('?', "agent");
        let mut swapped: Vec<_> = lines(&self.swapped().live(policy())).iter().map(|l| exchange(l)).collect();
        let mut expected = expected.to_vec();
        swapped.sort();
        expected.sort();
        assert_eq!(swapped, expected, "with the channels exchanged");
    }
}

/// Events as `timeMs speaker type`, and the reason of an end.
pub fn lines(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| {
        let json = serde_json::to_value(event).unwrap();
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_string();
        let line = format!("{} {} {} {}", event.time_ms, text("speaker"), text("type"), text("reason"));
        line.trim_end().to_string()
    };
    events.iter().map(line).collect()
}

/// The only event of a kind and speaker.
#[track_caller]
pub fn only(events: &[Event], kind: EventKind, speaker: Speaker) -> Event {
    let found: Vec<_> = events.iter().filter(|e| e.kind == kind && e.speaker == speaker).collect();
    assert_eq!(found.len(), 1, "{:?}", lines(events));
    found[0].clone()
}
