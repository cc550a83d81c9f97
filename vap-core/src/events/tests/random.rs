//! What must hold for any probabilities: seeded random dialogues, kind and hostile, under random policies.

use super::script::{Script, Voice, lines, policy};
use crate::events::{EndReason, Event, EventKind, EventMachine, TurnState};
use crate::{Policy, Speaker};

/// A small linear congruential generator (Knuth's MMIX constants).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }

    fn unit(&mut self) -> f32 {
        self.below(1001) as f32 / 1000.0
    }

    fn voice(&mut self, hostile: bool) -> Voice {
        let vad = if self.below(2) == 0 { 0.1 } else { 0.9 };
        let mut voice = Voice { vad, eot: self.unit() * self.unit(), backchannel: self.unit() };
        if hostile {
            let bad = [f32::NAN, f32::INFINITY, -3.0, 7.0, f32::MIN_POSITIVE, self.unit()];
            voice.vad = bad[self.below(6) as usize];
            voice.eot = bad[self.below(6) as usize];
        }
        voice
    }

    /// Stretches of up to 0.8 s; one hop in ten is noise.
    pub fn script(&mut self, stretches: usize) -> Script {
        let mut script = Script::default();
        for _ in 0..stretches {
            let (user, agent) = (self.voice(false), self.voice(false));
            for _ in 0..1 + self.below(40) {
                let noise = self.below(10) == 0;
                let hostile = noise && self.below(3) == 0;
                script = match noise {
                    true => script.add(1, self.voice(hostile), self.voice(hostile)),
                    false => script.add(1, user, agent),
                };
            }
        }
        script
    }

    pub fn policy(&mut self) -> Policy {
        let mut time = |least: u64, most: u64| (least + self.below(most - least)) as u32;
        let (min_silence_ms, max_backchannel_ms) = (time(0, 400), time(40, 900));
        Policy {
            min_speech_ms: time(40, 200),
            min_pause_ms: time(20, 300),
            min_silence_ms,
            max_silence_ms: min_silence_ms + time(20, 900),
            eot_smoothing_ms: time(0, 100),
            eager_hold_ms: time(0, 600),
            max_backchannel_ms,
            decide_ms: time(0, u64::from(max_backchannel_ms)),
            min_overlap_ms: time(20, 200),
            ..policy()
        }
    }
}

/// Runs many random dialogues through a check.
pub fn every(check: impl Fn(&Script, Policy)) {
    for seed in 0..300 {
        let mut random = Random(seed);
        let policy = if seed % 3 == 0 { policy() } else { random.policy() };
        check(&random.script(40), policy);
    }
}

fn of(events: &[Event], speaker: Speaker) -> impl Iterator<Item = &Event> {
    events.iter().filter(move |event| event.speaker == speaker)
}

#[test]
fn every_kind_of_event_occurs() {
    let mut seen = std::collections::HashSet::new();
    let mut reasons = std::collections::HashSet::new();
    for seed in 0..20 {
        for event in Random(seed).script(60).all(policy()) {
            seen.insert(event.kind);
            reasons.extend(event.reason);
        }
    }
    assert_eq!((seen.len(), reasons.len()), (10, 4), "{seen:?} {reasons:?}");
}

#[test]
fn an_event_has_the_fields_of_its_kind_and_no_others() {
    every(|script, policy| {
        for event in script.all(policy) {
            let serde_json::Value::Object(json) = serde_json::to_value(&event).unwrap() else { panic!() };
            let common = ["type", "speaker", "timeMs", "sample"];
            let mut found: Vec<_> =
                json.keys().map(String::as_str).filter(|key| !common.contains(key)).collect();
            let (always, sometimes) = event.kind.fields();
            let mut expected = always.to_vec();
            if sometimes.iter().any(|field| json.contains_key(*field)) {
                expected.extend(sometimes);
            }
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{json:?}");
        }
    });
}

#[test]
fn times_never_decrease_and_agree() {
    every(|script, policy| {
        let events = script.all(policy);
        assert!(events.windows(2).all(|pair| pair[0].time_ms <= pair[1].time_ms));
        for event in events {
            assert_eq!(event.sample, event.time_ms * 16);
            assert!(event.start_ms.is_none_or(|start| start < event.time_ms), "{event:?}");
            assert!(event.end_ms.is_none_or(|end| end <= event.time_ms && Some(end) > event.start_ms));
            assert!(event.probability.is_none_or(|p| (0.0..=1.0).contains(&p)), "{event:?}");
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        }
    });
}

#[test]
fn starts_and_ends_are_paired() {
    every(|script, policy| {
        let events = script.all(policy);
        for speaker in Speaker::BOTH {
            let (mut speech, mut overlap) = (None, None);
            for event in of(&events, speaker) {
                match event.kind {
                    EventKind::SpeechStart => assert_eq!(speech.replace(event.start_ms), None),
                    EventKind::SpeechEnd => assert_eq!(speech.take(), Some(event.start_ms)),
                    EventKind::OverlapStart => assert_eq!(overlap.replace(event.start_ms), None),
                    EventKind::OverlapEnd => assert_eq!(overlap.take(), Some(event.start_ms)),
                    _ => {}
                }
            }
            assert_eq!((speech, overlap), (None, None));
        }
    });
}

#[test]
fn each_eager_end_has_exactly_one_answer() {
    every(|script, policy| {
        let events = script.all(policy);
        for speaker in Speaker::BOTH {
            let mut pending = false;
            for event in of(&events, speaker) {
                match event.kind {
                    EventKind::EagerEndOfTurn => assert!(!std::mem::replace(&mut pending, true)),
                    EventKind::TurnResumed => assert!(std::mem::replace(&mut pending, false)),
                    EventKind::EndOfTurn => pending = false,
                    _ => {}
                }
            }
            assert!(!pending, "{:#?}", lines(&events));
        }
    });
}

#[test]
fn a_turn_ends_once_and_never_before_its_silence() {
    every(|script, policy| {
        let events = script.all(policy);
        for speaker in Speaker::BOTH {
            let mut last_start = None;
            for end in of(&events, speaker).filter(|e| e.kind == EventKind::EndOfTurn) {
                assert!(end.start_ms > last_start, "{:#?}", lines(&events));
                last_start = end.start_ms;
                let least = match end.reason {
                    Some(EndReason::Model) => policy.min_silence_ms,
                    Some(EndReason::Silence) => policy.max_silence_ms,
                    _ => 0,
                };
                assert!(end.silence_ms >= Some(u64::from(least)), "{end:?}");
            }
        }
    });
}

#[test]
fn the_floor_alternates_and_a_silent_turn_never_outlives_its_limit() {
    every(|script, policy| {
        let (mut machine, mut out) = (EventMachine::new(policy).unwrap(), Vec::new());
        let mut quiet = [0; 2];
        for frame in &script.0 {
            machine.step(frame, &mut out);
            let state = machine.state();
            for (s, quiet) in quiet.iter_mut().enumerate() {
                let silent = !frame.vad[s].is_finite() || frame.vad[s] < 0.3;
                *quiet = if silent { *quiet + 20 } else { 0 };
                assert!(!state.in_turn[s] || *quiet < policy.max_silence_ms, "hop {}", frame.index);
                assert!(!state.eager_pending[s] || state.in_turn[s]);
                let holder = state.floor == Some(Speaker::BOTH[s]);
                assert!(!(holder && state.speaking[s]) || state.in_turn[s], "hop {}", frame.index);
                assert!(holder || !state.in_turn[s] || state.speaking[1 - s], "hop {}", frame.index);
            }
        }
        let shifts: Vec<_> = out.iter().filter(|e| e.kind == EventKind::TurnShift).collect();
        assert!(shifts.windows(2).all(|pair| pair[0].speaker != pair[1].speaker));
        assert_eq!(shifts.last().map_or(machine.state().floor, |e| Some(e.speaker)), machine.state().floor);
    });
}

#[test]
fn interruptions_and_backchannels_lie_in_the_others_turn() {
    every(|script, policy| {
        let (mut machine, mut out) = (EventMachine::new(policy).unwrap(), Vec::new());
        for frame in &script.0 {
            let before = machine.state();
            let from = out.len();
            machine.step(frame, &mut out);
            let after = machine.state();
            for event in &out[from..] {
                let (own, other) = (event.speaker.index(), event.speaker.other());
                match event.kind {
                    EventKind::Interruption => {
                        let held =
                            |state: TurnState| state.in_turn[other.index()] && state.floor == Some(other);
                        assert!(held(before) || held(after), "{event:?}");
                    }
                    EventKind::Backchannel => {
                        assert!(!before.in_turn[own], "{event:?}");
                        assert!(event.duration_ms <= Some(u64::from(policy.max_backchannel_ms)));
                    }
                    _ => {}
                }
            }
        }
    });
}

#[test]
fn same_frames_same_events_however_they_come() {
    every(|script, policy| {
        let expected = script.all(policy);
        let (mut machine, mut out) = (EventMachine::new(policy).unwrap(), Vec::new());
        let mut drained = Vec::new();
        for chunk in script.0.chunks(7) {
            chunk.iter().for_each(|frame| machine.step(frame, &mut out));
            drained.append(&mut out);
        }
        machine.finish(&mut drained);
        assert_eq!(drained, expected);
        machine.finish(&mut drained);
        assert_eq!(drained.len(), expected.len());

        machine.reset();
        assert_eq!(machine, EventMachine::new(policy).unwrap());
        script.0.iter().for_each(|frame| machine.step(frame, &mut out));
        machine.finish(&mut out);
        assert_eq!(out, expected);
    });
}

#[test]
fn a_later_frame_never_changes_an_earlier_event() {
    every(|script, policy| {
        let all = script.live(policy);
        let half = Script(script.0[..script.0.len() / 2].to_vec()).live(policy);
        assert_eq!(half, all[..half.len()]);
    });
}

#[test]
fn a_stream_goes_on_after_finish() {
    every(|script, policy| {
        let (mut machine, mut out) = (EventMachine::new(policy).unwrap(), Vec::new());
        for (at, frame) in script.0.iter().enumerate() {
            machine.step(frame, &mut out);
            if at % 50 == 49 {
                machine.finish(&mut out);
                let state = machine.state();
                assert_eq!((state.speaking, state.in_turn), ([false; 2], [false; 2]));
            }
        }
        machine.finish(&mut out);
        let count = |kind| out.iter().filter(|e| e.kind == kind).count();
        assert_eq!(count(EventKind::SpeechStart), count(EventKind::SpeechEnd));
        assert_eq!(count(EventKind::OverlapStart), count(EventKind::OverlapEnd));
    });
}
