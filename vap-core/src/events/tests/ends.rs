//! Rules 6 to 8: how a turn ends, nearly ends, goes on, and how the floor passes in silence.

use super::script::{HUM, QUIET, Script, TALK, lines, only, policy};
use crate::events::{EndReason, EventKind};
use crate::{Policy, Speaker};

/// A user who has spoken for 400 ms: `speechStart` at 60 ms, last loud hop to 400 ms.
fn spoken() -> Script {
    Script::default().user(20, TALK)
}

fn of_turn(script: &Script) -> Vec<String> {
    let speech = |line: &String| !line.contains("speech") && !line.contains("overlap");
    lines(&script.live(policy())).into_iter().filter(speech).collect()
}

#[test]
fn a_sure_model_ends_the_turn_at_min_silence() {
    let sure = QUIET.eot(0.8);
    assert_eq!(of_turn(&spoken().user(9, sure)), ["420 user eagerEndOfTurn"]);
    spoken().user(60, sure).expect(&[
        "60 user speechStart",
        "420 user eagerEndOfTurn",
        "500 user speechEnd",
        "600 user endOfTurn model",
    ]);
}

#[test]
fn an_unsure_model_ends_the_turn_at_max_silence() {
    let unsure = QUIET.eot(0.49);
    assert!(of_turn(&spoken().user(49, unsure)).is_empty());
    assert_eq!(of_turn(&spoken().user(120, unsure)), ["1400 user endOfTurn silence"]);
}

#[test]
fn an_end_tells_its_times() {
    let events = Script::default().user(5, QUIET).user(20, TALK).user(12, QUIET.eot(0.9)).live(policy());
    let end = only(&events, EventKind::EndOfTurn, Speaker::User);
    assert_eq!((end.start_ms, end.end_ms, end.duration_ms), (Some(100), Some(500), Some(400)));
    assert_eq!((end.time_ms, end.sample, end.silence_ms), (700, 11200, Some(200)));
    assert_eq!((end.probability, end.reason), (Some(0.9), Some(EndReason::Model)));
    let eager = only(&events, EventKind::EagerEndOfTurn, Speaker::User);
    assert_eq!((eager.silence_ms, eager.probability), (Some(20), Some(0.9)));
}

#[test]
fn the_duration_of_a_turn_spans_its_pauses() {
    let events = spoken().user(30, QUIET).user(20, TALK).user(10, QUIET.eot(0.9)).live(policy());
    let end = only(&events, EventKind::EndOfTurn, Speaker::User);
    assert_eq!((end.start_ms, end.end_ms, end.duration_ms), (Some(0), Some(1400), Some(1400)));
}

#[test]
fn end_without_eager_when_both_are_due_at_once() {
    assert_eq!(of_turn(&spoken().user(15, QUIET).user(1, QUIET.eot(0.9))), ["720 user endOfTurn model"]);
}

#[test]
fn an_end_before_the_pause_is_over_ends_the_speech_first() {
    let quick = Policy { min_silence_ms: 40, ..policy() };
    let script = spoken().user(2, QUIET.eot(0.9)).user(20, QUIET);
    let expected =
        ["60 user speechStart", "420 user eagerEndOfTurn", "440 user speechEnd", "440 user endOfTurn model"];
    assert_eq!(lines(&script.live(quick)), expected);
}

#[test]
fn one_end_a_turn_and_speech_after_it_is_a_new_turn() {
    let script = spoken().user(60, QUIET.eot(0.9)).user(20, TALK).user(60, QUIET.eot(0.9));
    let expected = [
        "420 user eagerEndOfTurn",
        "600 user endOfTurn model",
        "2020 user eagerEndOfTurn",
        "2200 user endOfTurn model",
    ];
    assert_eq!(of_turn(&script), expected);
}

#[test]
fn end_of_turn_means_nothing_outside_a_turn() {
    let sure = QUIET.eot(1.0);
    Script::default().add(300, sure, sure).expect(&[]);
    let listening = Script::default().add(40, TALK, QUIET.eot(1.0));
    assert_eq!(of_turn(&listening), Vec::<String>::new());
}

#[test]
fn a_blip_does_not_break_the_silence() {
    let unsure = QUIET.eot(0.1);
    let script = spoken().user(30, unsure).user(2, TALK).user(30, unsure);
    assert_eq!(of_turn(&script), ["1400 user endOfTurn silence"]);
    // A channel that is loud right now is not ended: the sound may be the turn going on.
    let script = spoken().user(48, unsure).user(2, TALK).user(30, unsure);
    assert_eq!(of_turn(&script), ["1420 user endOfTurn silence"]);
    let script = spoken().user(48, unsure).user(20, TALK).user(30, unsure);
    assert!(of_turn(&script).is_empty());
}

#[test]
fn an_eager_end_is_taken_back_by_sustained_speech() {
    let likely = QUIET.eot(0.6);
    let paused = spoken().user(8, likely);
    assert_eq!(of_turn(&paused.clone().user(2, TALK).user(3, likely)), ["420 user eagerEndOfTurn"]);
    let script = paused.user(20, TALK);
    assert_eq!(of_turn(&script), ["420 user eagerEndOfTurn", "620 user turnResumed"]);
    let resumed = only(&script.live(policy()), EventKind::TurnResumed, Speaker::User);
    assert_eq!((resumed.start_ms, resumed.probability), (Some(560), Some(0.0)));
}

#[test]
fn speech_in_the_pause_before_speech_end_takes_an_eager_end_back_too() {
    let script = spoken().user(2, QUIET.eot(0.6)).user(20, TALK);
    assert_eq!(of_turn(&script), ["420 user eagerEndOfTurn", "500 user turnResumed"]);
}

#[test]
fn a_sound_that_was_not_yet_speech_takes_an_eager_end_back_as_soon_as_it_is() {
    let script = spoken().user(8, QUIET).user(1, TALK.eot(0.6)).user(20, TALK);
    assert_eq!(of_turn(&script), ["580 user eagerEndOfTurn", "620 user turnResumed"]);
}

#[test]
fn an_eager_end_may_come_before_the_sound_ends() {
    let script = spoken().user(10, TALK.eot(0.7)).user(10, QUIET.eot(0.9));
    assert_eq!(of_turn(&script), ["420 user eagerEndOfTurn", "800 user endOfTurn model"]);
    let eager = only(&script.live(policy()), EventKind::EagerEndOfTurn, Speaker::User);
    assert_eq!(eager.silence_ms, Some(0));
}

#[test]
fn an_eager_end_within_speech_is_taken_back_after_the_hold() {
    let early = spoken().user(1, TALK.eot(0.7));
    assert_eq!(of_turn(&early.clone().user(24, TALK)), ["420 user eagerEndOfTurn"]);
    assert_eq!(of_turn(&early.clone().user(60, TALK)), ["420 user eagerEndOfTurn", "920 user turnResumed"]);
    // Quiet when the hold is over: the answer waits for the end or for more sound.
    assert_eq!(of_turn(&early.clone().user(24, TALK).user(20, QUIET)), ["420 user eagerEndOfTurn"]);
    // Still likely: the answer waits.
    assert_eq!(of_turn(&early.user(60, TALK.eot(0.5))), ["420 user eagerEndOfTurn"]);
}

#[test]
fn a_dip_in_the_sound_is_not_a_pause_for_an_early_eager_end() {
    let script = spoken().user(1, TALK.eot(0.7)).user(1, QUIET).user(20, TALK);
    assert_eq!(of_turn(&script), ["420 user eagerEndOfTurn"]);
    let script = spoken().user(1, TALK.eot(0.7)).user(5, QUIET).user(3, TALK);
    assert_eq!(of_turn(&script), ["420 user eagerEndOfTurn", "580 user turnResumed"]);
}

#[test]
fn an_eager_end_is_not_repeated_on_the_same_evidence() {
    let stuck = 0.6;
    let script = spoken().user(8, QUIET.eot(stuck)).user(40, TALK.eot(stuck));
    assert_eq!(of_turn(&script), ["420 user eagerEndOfTurn", "620 user turnResumed"]);
    // Another speechEnd is new evidence, and so is a probability that was low in between.
    let paused = script.clone().user(5, QUIET.eot(stuck));
    assert_eq!(of_turn(&paused)[2..], ["1460 user eagerEndOfTurn"]);
    let again = script.user(1, TALK).user(1, TALK.eot(stuck));
    assert_eq!(of_turn(&again)[2..], ["1400 user eagerEndOfTurn"]);
}

#[test]
fn smoothing_holds_back_a_single_spike() {
    let spike = spoken().user(10, QUIET).user(1, QUIET.eot(0.9)).user(5, QUIET);
    let sure = spoken().user(10, QUIET).user(8, QUIET.eot(0.9));
    let smooth = Policy { eot_smoothing_ms: 40, ..policy() };
    let ends = |script: &Script, policy| {
        let found = script.live(policy).into_iter().find(|e| e.kind == EventKind::EndOfTurn);
        found.map(|e| e.time_ms)
    };
    assert_eq!(ends(&spike, policy()), Some(620));
    assert_eq!(ends(&spike, smooth), None);
    // 0.9 (1 - (2/3)^n) reaches 0.8 at n = 6.
    assert_eq!(ends(&sure, smooth), Some(720));
}

#[test]
fn smoothing_starts_afresh_with_each_turn() {
    let smooth = Policy { eot_smoothing_ms: 1000, ..policy() };
    let script =
        spoken().user(1, TALK.eot(1.0)).user(60, QUIET).user(20, TALK.eot(0.9)).user(10, QUIET.eot(0.9));
    let last = script.live(smooth).pop().unwrap();
    assert_eq!((last.kind, last.reason), (EventKind::EndOfTurn, Some(EndReason::Model)));
    assert!((last.probability.unwrap() - 0.9).abs() < 1e-6);
}

#[test]
fn the_other_speaks_after_the_end() {
    spoken().user(20, QUIET.eot(0.9)).add(20, QUIET, TALK).expect(&[
        "60 user speechStart",
        "420 user eagerEndOfTurn",
        "500 user speechEnd",
        "600 user endOfTurn model",
        "860 agent speechStart",
        "860 agent turnShift",
    ]);
}

#[test]
fn the_other_speaks_into_an_open_turn() {
    let script = spoken().user(20, QUIET.eot(0.6)).add(30, QUIET, TALK);
    script.expect(&[
        "60 user speechStart",
        "420 user eagerEndOfTurn",
        "500 user speechEnd",
        "860 agent speechStart",
        "1000 user endOfTurn shift",
        "1000 agent turnShift",
    ]);
    let shift = only(&script.live(policy()), EventKind::TurnShift, Speaker::Agent);
    assert_eq!(shift.start_ms, Some(800));
}

#[test]
fn a_short_answer_into_an_open_turn_takes_the_floor_at_its_end() {
    let script = spoken().user(8, QUIET).add(4, QUIET, TALK).user(5, QUIET);
    assert_eq!(of_turn(&script), ["740 user endOfTurn shift", "740 agent turnShift"]);
}

#[test]
fn a_backchannel_into_a_pause_leaves_the_turn_open() {
    let script = spoken().user(10, QUIET).add(8, QUIET, HUM).user(10, QUIET).user(20, TALK);
    assert_eq!(of_turn(&script), ["800 agent backchannel"]);
}

#[test]
fn the_same_speaker_again_is_no_shift() {
    let script = spoken().user(60, QUIET).user(20, TALK).user(60, QUIET);
    assert!(!lines(&script.live(policy())).iter().any(|line| line.contains("turnShift")));
}

#[test]
fn who_begins_first_holds_the_floor_and_the_holder_wins_a_tie() {
    let tie = Script::default().add(5, TALK, TALK).live(policy());
    only(&tie, EventKind::OverlapStart, Speaker::Agent);
    assert!(!tie.iter().any(|e| e.kind == EventKind::TurnShift));
    let agent_first =
        Script::default().add(20, QUIET, TALK).user(60, QUIET).add(5, TALK, TALK).live(policy());
    only(&agent_first, EventKind::OverlapStart, Speaker::User);
    assert!(!agent_first.iter().any(|e| e.kind == EventKind::TurnShift));
}
