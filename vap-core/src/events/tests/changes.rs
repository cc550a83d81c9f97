//! Policies and expectations that change while a stream goes on, and what a barge-in is owed.

use super::random::{Random, every};
use super::script::{HUM, QUIET, Script, TALK, lines, only, policy};
use crate::events::{Event, EventKind, EventMachine};
use crate::{Expectation, Policy, Speaker};
use std::cell::Cell;

/// An agent who has spoken for 400 ms and goes on.
fn agent() -> Script {
    Script::default().add(20, QUIET, TALK)
}

/// Events of a script during which `change` is called before each hop.
fn steered(script: &Script, policy: Policy, mut change: impl FnMut(u64, &mut EventMachine)) -> Vec<Event> {
    let (mut machine, mut out) = (EventMachine::new(policy).unwrap(), Vec::new());
    for frame in &script.0 {
        change(frame.index, &mut machine);
        machine.step(frame, &mut out);
    }
    machine.finish(&mut out);
    out
}

/// Any policy or expectation in one hop of ten.
fn restless(random: &mut Random) -> impl FnMut(u64, &mut EventMachine) {
    |_, machine| match random.below(20) {
        0 => machine.set_policy(random.policy()).unwrap(),
        1 => machine.expect(Expectation::ALL[random.below(4) as usize]),
        _ => {}
    }
}

fn of(events: &[Event], speaker: Speaker) -> impl Iterator<Item = &Event> {
    events.iter().filter(move |event| event.speaker == speaker)
}

#[test]
fn a_change_counts_from_the_next_hop_and_keeps_the_stream() {
    // Silent from 400 ms on; the end is due at 600 ms.
    let script = Script::default().user(20, TALK).user(60, QUIET.eot(0.9));
    let end = |at: u64, min_silence_ms: u32| {
        let changed = Policy { min_silence_ms, ..policy() };
        let events = steered(&script, policy(), |hop, machine| {
            if hop == at {
                machine.set_policy(changed).unwrap();
            }
        });
        let end = only(&events, EventKind::EndOfTurn, Speaker::User);
        (end.start_ms, end.time_ms)
    };
    assert_eq!(end(25, 400), (Some(0), 800));
    assert_eq!(end(29, 400), (Some(0), 800));
    assert_eq!(end(30, 400), (Some(0), 600));
    // Lowered beyond what was waited already: at once.
    assert_eq!(end(27, 20), (Some(0), 560));
}

#[test]
fn a_wrong_policy_leaves_the_old_one() {
    let mut machine = EventMachine::new(policy()).unwrap();
    agent().0.iter().for_each(|frame| machine.step(frame, &mut Vec::new()));
    let before = machine.clone();
    assert!(machine.set_policy(Policy { end_threshold: 0.4, ..policy() }).is_err());
    assert_eq!(machine, before);
}

#[test]
fn an_expectation_moves_the_ends_of_the_user_alone() {
    let script = Script::default().user(20, TALK).user(200, QUIET.eot(0.85));
    let ended = |script: &Script, speaker, expectation| {
        let events = steered(script, policy(), |_, machine| machine.expect(expectation));
        only(&events, EventKind::EndOfTurn, speaker).time_ms
    };
    // 0.8 becomes 0.57, 0.92 and 0.96; the least silence of 200 ms stays, the most becomes 600, 1500 and 2000 ms.
    let expected = [600, 600, 1900, 2400];
    assert_eq!(Expectation::ALL.map(|e| ended(&script, Speaker::User, e)), expected);
    assert_eq!(Expectation::ALL.map(|e| ended(&script.swapped(), Speaker::Agent, e)), [600; 4]);
    let unsure = Script::default().user(20, TALK).user(200, QUIET.eot(0.4));
    let expected = [1400, 1000, 1900, 2400];
    assert_eq!(Expectation::ALL.map(|e| ended(&unsure, Speaker::User, e)), expected);
}

#[test]
fn open_takes_an_expectation_back_exactly() {
    every(|script, policy| {
        let events = steered(script, policy, |hop, machine| {
            let last = Expectation::ALL[hop as usize % 4];
            [last, Expectation::Open].into_iter().for_each(|expectation| machine.expect(expectation));
        });
        assert_eq!(events, script.all(policy));
    });
}

#[test]
fn an_expectation_held_where_no_end_is_near_leaves_no_trace() {
    let moved = Cell::new(0);
    every(|script, policy| {
        // Without smoothing a hop's mean is that of the frame.
        let policy = Policy { eot_smoothing_ms: 0, ..policy };
        let mut held = 0;
        let events = steered(script, policy, |hop, machine| {
            let frame = &script.0[hop as usize];
            let far = frame.vad[0].is_finite() && frame.vad[0] >= 0.5 && frame.eot[0] < 0.5;
            held += u32::from(far);
            machine.expect(if far { Expectation::Digits } else { Expectation::Open });
        });
        let expected = script.all(policy);
        assert_eq!(events, expected);
        assert!(held > 50, "held in {held} hops");
        let always = steered(script, policy, |_, machine| machine.expect(Expectation::Digits));
        moved.set(moved.get() + u32::from(always != expected));
    });
    assert!(moved.get() > 250, "digits move the ends of {} dialogues", moved.get());
}

#[test]
fn reset_keeps_policy_and_expectation_and_forgets_what_is_pending() {
    let mut machine = EventMachine::new(policy()).unwrap();
    let mut out = Vec::new();
    Script::default().user(20, TALK.eot(0.6)).0.iter().for_each(|frame| machine.step(frame, &mut out));
    assert!(machine.state().eager_pending[0]);
    let patient = Policy { min_silence_ms: 300, ..policy() };
    machine.set_policy(patient).unwrap();
    machine.expect(Expectation::Digits);
    machine.reset();
    out.clear();
    machine.finish(&mut out);
    assert!(out.is_empty());
    assert_eq!((*machine.policy(), machine.expectation()), (patient, Expectation::Digits));
    assert_eq!(machine.policy_of(Speaker::User), patient.expecting(Expectation::Digits));
    assert_eq!(machine.policy_of(Speaker::Agent), patient);
}

#[test]
fn eager_ends_are_answered_once_whatever_changes() {
    let (mut resumed, mut ended) = (0, 0);
    for seed in 0..400 {
        let mut random = Random(seed);
        let script = random.script(40);
        let (mut machine, mut out) = (EventMachine::new(policy()).unwrap(), Vec::new());
        let mut change = restless(&mut random);
        for frame in &script.0 {
            change(frame.index, &mut machine);
            machine.step(frame, &mut out);
            if frame.index % 301 == 300 {
                machine.finish(&mut out);
            }
        }
        machine.finish(&mut out);
        for speaker in Speaker::BOTH {
            let mut pending = false;
            for event in of(&out, speaker) {
                match event.kind {
                    EventKind::EagerEndOfTurn => assert!(!std::mem::replace(&mut pending, true)),
                    EventKind::TurnResumed => {
                        resumed += 1;
                        assert!(std::mem::replace(&mut pending, false));
                    }
                    EventKind::EndOfTurn => ended += i32::from(std::mem::replace(&mut pending, false)),
                    _ => {}
                }
            }
            assert!(!pending, "seed {seed}: {:#?}", lines(&out));
        }
    }
    assert!(resumed > 100 && ended > 100, "{resumed} resumed, {ended} ended");
}

/// Every `overlapStart` with evidence is followed by one verdict on its sound; gives how many of each kind.
fn verdicts(events: &[Event]) -> [usize; 4] {
    let mut counts = [0; 4];
    for (at, start) in events.iter().enumerate().filter(|(_, event)| event.sound_ms.is_some()) {
        assert_eq!(start.kind, EventKind::OverlapStart);
        assert!(start.overlap_ms.is_some() && start.probability.is_some());
        let same = |event: &&Event| event.speaker == start.speaker && event.start_ms == start.sound_ms;
        let answers: Vec<_> = of(&events[at..], start.speaker)
            .filter(same)
            .filter_map(|event| match event.kind {
                EventKind::Backchannel => Some((0, event.time_ms)),
                EventKind::Interruption => Some((1, event.time_ms)),
                EventKind::TurnShift => Some((2, event.time_ms)),
                EventKind::EndOfTurn => Some((3, event.time_ms)),
                _ => None,
            })
            .collect();
        let Some((verdict, time_ms)) = answers.first() else {
            panic!("no verdict on {start:?}: {:#?}", lines(events))
        };
        counts[*verdict] += 1;
        let by_then = |kind| {
            let other = of(events, start.speaker.other());
            other.filter(|event| event.kind == kind && event.time_ms <= *time_ms).count()
        };
        let silent = by_then(EventKind::SpeechStart) == by_then(EventKind::SpeechEnd);
        assert!(*verdict < 2 || silent, "the other speaks, no claim in {start:?}: {:#?}", lines(events));
        // A backchannel is judged once more when it goes on too long; a turn goes on and ends.
        assert!(
            answers.windows(2).all(|pair| pair[0] < pair[1]),
            "{answers:?} on {start:?}: {:#?}",
            lines(events)
        );
        let told = events[..at].iter().filter(same);
        let early = [EventKind::Backchannel, EventKind::Interruption, EventKind::TurnShift];
        assert!(told.clone().all(|event| !early.contains(&event.kind)), "{:#?}", lines(events));
    }
    counts
}

#[test]
fn each_barge_in_gets_one_verdict_whatever_changes() {
    let mut counts = [0; 4];
    let mut count = |events: &[Event]| {
        verdicts(events).into_iter().zip(&mut counts).for_each(|(found, sum)| *sum += found);
    };
    for seed in 0..400 {
        let mut random = Random(seed);
        let script = random.script(40);
        count(&script.all(policy()));
        count(&script.all(random.policy()));
        count(&steered(&script, policy(), restless(&mut random)));
    }
    assert!(counts.into_iter().all(|found| found > 5), "{counts:?}");
}

#[test]
fn evidence_grows_until_the_verdict() {
    let script =
        agent().add(5, TALK.backchannel(0.2), TALK).add(5, HUM.backchannel(0.8), TALK).add(9, HUM, TALK);
    let (mut machine, mut out) = (EventMachine::new(policy()).unwrap(), Vec::new());
    let mut grown = Vec::new();
    for frame in &script.0 {
        machine.step(frame, &mut out);
        if let Some(evidence) = machine.barge_in() {
            assert_eq!((evidence.speaker, evidence.start_ms), (Speaker::User, 400));
            assert_eq!(evidence.time_ms, 20 * (frame.index + 1));
            let claim = (evidence.probability * 100.0).round();
            grown.push((evidence.duration_ms, evidence.overlap_ms, claim));
        }
    }
    // From speech at 460 ms to the verdict at 600 ms.
    let expected = [
        (60, 60, 80.0),
        (80, 80, 80.0),
        (100, 100, 80.0),
        (120, 120, 70.0),
        (140, 140, 63.0),
        (160, 160, 58.0),
        (180, 180, 53.0),
    ];
    assert_eq!(grown, expected);
    let start = only(&out, EventKind::OverlapStart, Speaker::User);
    assert_eq!((start.time_ms, start.start_ms, start.sound_ms), (480, Some(400), Some(400)));
    assert_eq!((start.overlap_ms, start.probability), (Some(80), Some(0.8)));
    let verdict = only(&out, EventKind::Backchannel, Speaker::User);
    assert_eq!((verdict.time_ms, verdict.start_ms, verdict.overlap_ms), (600, Some(400), Some(200)));
}

#[test]
fn no_verdict_is_owed_within_a_turn_or_after_one() {
    // A second sound in the turn that has interrupted already.
    let events = agent().add(15, TALK, TALK).add(8, QUIET, TALK).add(30, TALK, TALK).live(policy());
    let evidence: Vec<_> = events
        .iter()
        .filter(|event| event.kind == EventKind::OverlapStart)
        .map(|event| (event.time_ms, event.sound_ms))
        .collect();
    assert_eq!(evidence, [(480, Some(400)), (940, None)]);
    // A backchannel that is judged before there is enough overlap.
    let late = Policy { min_overlap_ms: 300, ..policy() };
    let events = agent().add(20, HUM, TALK).live(late);
    assert_eq!(only(&events, EventKind::Backchannel, Speaker::User).time_ms, 600);
    assert_eq!(only(&events, EventKind::OverlapStart, Speaker::User).sound_ms, None);
}

#[test]
fn an_overlap_that_was_told_still_claims_when_overlaps_must_be_longer() {
    let script = agent().add(6, TALK, TALK).add(30, QUIET, TALK);
    let events = steered(&script, policy(), |hop, machine| {
        if hop == 25 {
            machine.set_policy(Policy { min_overlap_ms: 1000, ..policy() }).unwrap();
        }
    });
    let claim = only(&events, EventKind::Interruption, Speaker::User);
    assert_eq!((claim.start_ms, claim.overlap_ms), (Some(400), Some(120)));
}

#[test]
fn a_holder_who_falls_silent_first_answers_by_a_shift() {
    let events = agent().add(5, TALK, TALK).add(30, TALK, QUIET).live(policy());
    let start = only(&events, EventKind::OverlapStart, Speaker::User);
    let shift = only(&events, EventKind::TurnShift, Speaker::User);
    assert_eq!((start.sound_ms, shift.start_ms), (Some(400), Some(400)));
    assert!(!events.iter().any(|event| event.kind == EventKind::Interruption));
}
