//! Rules 4, 5 and 8 in overlap: backchannel or interruption, and what becomes of the floor.

use super::script::{HUM, QUIET, Script, TALK, lines, only, policy};
use crate::events::EventKind;
use crate::{Policy, Speaker};

/// An agent who has spoken for 400 ms and goes on.
fn agent() -> Script {
    Script::default().add(20, QUIET, TALK)
}

fn judged(script: &Script) -> Vec<String> {
    let kinds = ["backchannel", "interruption", "turnShift", "endOfTurn", "turnResumed"];
    let lines = lines(&script.live(policy()));
    lines.into_iter().filter(|line| kinds.iter().any(|kind| line.contains(kind))).collect()
}

#[test]
fn a_claim_is_judged_after_decide_ms() {
    assert!(judged(&agent().add(9, TALK, TALK)).is_empty());
    agent().add(40, TALK, TALK).expect(&[
        "60 agent speechStart",
        "460 user speechStart",
        "480 user overlapStart",
        "600 user interruption",
    ]);
}

#[test]
fn an_interruption_tells_its_times() {
    let events = agent().add(10, TALK.backchannel(0.25), TALK).live(policy());
    let claim = only(&events, EventKind::Interruption, Speaker::User);
    assert_eq!((claim.start_ms, claim.duration_ms, claim.time_ms), (Some(400), Some(200), 600));
    assert_eq!(claim.probability, Some(0.75));
}

#[test]
fn a_short_claim_is_judged_at_its_end() {
    let script = agent().add(4, TALK, TALK).add(30, QUIET, TALK);
    assert_eq!(judged(&script), ["580 user interruption"]);
}

#[test]
fn a_claim_without_enough_overlap_is_no_interruption() {
    let script = agent().add(3, TALK, TALK).add(30, QUIET, TALK);
    assert!(judged(&script).is_empty());
}

#[test]
fn a_backchannel_leaves_the_turn_and_the_floor() {
    let script = agent().add(12, HUM, TALK).add(40, QUIET, TALK).add(12, HUM, TALK).add(20, QUIET, TALK);
    assert_eq!(judged(&script), ["600 user backchannel", "1640 user backchannel"]);
    let short = agent().add(5, HUM, TALK).add(30, QUIET, TALK);
    assert_eq!(judged(&short), ["600 user backchannel"]);
}

#[test]
fn the_mean_over_the_sound_decides() {
    let mixed = |low: usize, high: usize| {
        agent().add(low, TALK.backchannel(0.0), TALK).add(high, HUM.backchannel(1.0), TALK)
    };
    assert_eq!(judged(&mixed(5, 5)), ["600 user backchannel"]);
    assert_eq!(judged(&mixed(6, 4)), ["600 user interruption"]);
    // Quiet hops say nothing about the sound: the head is not trained there.
    let gap = agent().add(4, HUM, TALK).add(3, QUIET, TALK).add(3, HUM, TALK);
    assert_eq!(judged(&gap), ["600 user backchannel"]);
}

#[test]
fn a_backchannel_that_goes_on_becomes_an_interruption_once() {
    let held = agent().add(30, HUM, TALK);
    assert_eq!(judged(&held.clone().add(20, QUIET, TALK)), ["600 user backchannel"]);
    let script = held.add(60, HUM, TALK);
    assert_eq!(judged(&script), ["600 user backchannel", "1020 user interruption"]);
}

#[test]
fn a_backchannel_that_goes_on_alone_takes_the_floor() {
    let script = agent().add(11, HUM, TALK).add(40, HUM, QUIET);
    assert_eq!(
        judged(&script),
        ["600 user backchannel", "1020 agent endOfTurn shift", "1020 user turnShift"]
    );
}

#[test]
fn the_floor_passes_when_the_interrupted_stops() {
    let script = agent().add(20, TALK, TALK).add(30, TALK, QUIET);
    script.expect(&[
        "60 agent speechStart",
        "460 user speechStart",
        "480 user overlapStart",
        "600 user interruption",
        "900 user overlapEnd",
        "900 agent speechEnd",
        "900 agent endOfTurn shift",
        "900 user turnShift",
    ]);
    let shift = only(&script.live(policy()), EventKind::TurnShift, Speaker::User);
    assert_eq!(shift.start_ms, Some(400));
}

#[test]
fn a_claim_that_is_given_up_leaves_the_floor() {
    let script = agent().add(15, TALK, TALK).add(30, QUIET.eot(0.9), TALK).add(20, QUIET, QUIET);
    assert_eq!(judged(&script)[..2], ["600 user interruption", "900 user endOfTurn model"]);
    assert!(!judged(&script).iter().any(|line| line.contains("turnShift")));
}

#[test]
fn a_second_claim_interrupts_again() {
    let gave_up = agent().add(15, TALK, TALK).add(30, QUIET.eot(0.9), TALK);
    let script = gave_up.add(15, TALK, TALK);
    assert_eq!(judged(&script)[2..], ["1500 user interruption"]);
}

#[test]
fn an_interruption_is_raised_once_a_turn() {
    let script = agent().add(15, TALK, TALK).add(8, QUIET, TALK).add(30, TALK, TALK);
    assert_eq!(judged(&script), ["600 user interruption"]);
}

#[test]
fn the_old_holder_who_speaks_again_is_judged_in_turn() {
    let passed = agent().add(20, TALK, TALK).add(10, TALK, QUIET);
    let hums = passed.clone().add(8, TALK, HUM).add(10, TALK, QUIET);
    assert_eq!(judged(&hums)[3..], ["1200 agent backchannel"]);
    let claims = passed.add(15, TALK, TALK).add(10, QUIET, TALK);
    let expected = ["1200 agent interruption", "1400 user endOfTurn shift", "1400 agent turnShift"];
    assert_eq!(judged(&claims)[3..], expected);
}

#[test]
fn a_terminal_overlap_is_a_shift_without_interruption() {
    // The user begins 60 ms before the agent's last hop.
    let script = agent().add(3, TALK, TALK).add(30, TALK, QUIET);
    assert_eq!(judged(&script), ["600 agent endOfTurn shift", "600 user turnShift"]);
}

#[test]
fn an_interrupter_answers_for_an_eager_end_of_the_holder() {
    let script = Script::default()
        .add(20, QUIET, TALK)
        .add(1, QUIET, TALK.eot(0.6))
        .add(4, TALK, TALK)
        .add(12, TALK, QUIET);
    let events = script.live(policy());
    only(&events, EventKind::EagerEndOfTurn, Speaker::Agent);
    only(&events, EventKind::EndOfTurn, Speaker::Agent);
    assert!(!events.iter().any(|e| e.kind == EventKind::TurnResumed));
}

#[test]
fn a_sound_after_the_end_is_a_turn_at_once_even_if_it_hums() {
    let script = agent().add(12, QUIET, QUIET.eot(0.9)).add(8, HUM, QUIET).add(20, QUIET, QUIET);
    assert_eq!(judged(&script), ["600 agent endOfTurn model", "700 user turnShift"]);
}

#[test]
fn a_long_decision_waits_for_it() {
    let patient = Policy { decide_ms: 600, ..policy() };
    let events = agent().add(40, TALK, TALK).live(patient);
    assert_eq!(only(&events, EventKind::Interruption, Speaker::User).time_ms, 1000);
}
