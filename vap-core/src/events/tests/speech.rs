//! Rules 1 to 3 and 9: speech, overlap, digital silence, bad numbers, the state that can be read.

use super::script::{HUM, QUIET, Script, TALK, lines, only, policy};
use crate::events::{Event, EventKind, EventMachine, TurnState};
use crate::{Policy, Speaker};

fn new() -> Script {
    Script::default()
}

#[test]
fn speech_needs_min_speech() {
    new().user(2, TALK).user(100, QUIET).expect(&[]);
    new().user(3, TALK).expect(&["60 user speechStart"]);
}

#[test]
fn hot_hops_do_not_add_up_over_quiet_ones() {
    new().user(2, TALK).user(1, QUIET).user(2, TALK).user(60, QUIET).expect(&[]);
}

#[test]
fn hops_between_offset_and_onset_keep_a_sound_but_do_not_start_speech() {
    let lukewarm = QUIET.vad(0.4);
    new().user(1, TALK).user(50, lukewarm).expect(&[]);
    new().user(50, lukewarm).user(2, TALK).user(1, lukewarm).user(1, TALK).expect(&["1080 user speechStart"]);
    new().user(3, TALK).user(40, lukewarm).expect(&["60 user speechStart"]);
}

#[test]
fn one_hot_hop_starts_nothing_at_the_lowest_setting() {
    let policy = Policy { min_speech_ms: 40, ..policy() };
    assert!(new().user(1, TALK).user(1, QUIET.vad(0.4)).user(60, QUIET).live(policy).is_empty());
    assert!(EventMachine::new(Policy { min_speech_ms: 39, ..policy }).is_err());
}

#[test]
fn speech_ends_after_min_pause() {
    new().user(10, TALK).user(4, QUIET).user(10, TALK).expect(&["60 user speechStart"]);
    new().user(10, TALK).user(5, QUIET).expect(&["60 user speechStart", "300 user speechEnd"]);
}

#[test]
fn start_and_end_are_those_of_the_sound() {
    let events = new().user(7, QUIET).user(10, TALK).user(5, QUIET).live(policy());
    let start = only(&events, EventKind::SpeechStart, Speaker::User);
    assert_eq!((start.start_ms, start.time_ms, start.sample), (Some(140), 200, 3200));
    let end = only(&events, EventKind::SpeechEnd, Speaker::User);
    assert_eq!((end.start_ms, end.end_ms, end.duration_ms), (Some(140), Some(340), Some(200)));
    assert_eq!((end.time_ms, end.sample), (440, 7040));
}

#[test]
fn overlap_needs_min_overlap_and_names_who_came_second() {
    let start = new().user(20, TALK);
    start.clone().add(3, TALK, TALK).user(4, TALK).expect(&["60 user speechStart", "460 agent speechStart"]);
    let events = start.add(4, TALK, TALK).user(5, TALK).live(policy());
    let raised = only(&events, EventKind::OverlapStart, Speaker::Agent);
    assert_eq!((raised.start_ms, raised.time_ms), (Some(400), 480));
    let ended = only(&events, EventKind::OverlapEnd, Speaker::Agent);
    assert_eq!((ended.start_ms, ended.end_ms, ended.time_ms), (Some(400), Some(480), 580));
}

#[test]
fn a_short_dip_does_not_end_an_overlap() {
    let script = new().user(20, TALK).add(6, TALK, HUM).user(4, TALK).add(6, TALK, HUM).user(5, TALK);
    let overlaps: Vec<_> =
        lines(&script.live(policy())).into_iter().filter(|l| l.contains("overlap")).collect();
    assert_eq!(overlaps, ["480 agent overlapStart", "820 agent overlapEnd"]);
}

#[test]
fn an_overlap_ends_after_a_pause_of_the_overlap_probability() {
    let unlikely = |hops: usize| {
        let mut script = new().user(20, TALK).add(10 + hops, TALK, TALK).add(10, TALK, TALK);
        script.0[30..30 + hops].iter_mut().for_each(|frame| frame.overlap = 0.0);
        let lines = lines(&script.live(policy()));
        lines.into_iter().filter(|line| line.contains("overlap")).collect::<Vec<_>>()
    };
    assert_eq!(unlikely(4), ["480 agent overlapStart"]);
    assert_eq!(unlikely(5), ["480 agent overlapStart", "700 agent overlapEnd", "780 agent overlapStart"]);
}

#[test]
fn an_overlap_ends_with_a_turn_that_ends_before_its_pause_is_over() {
    let quick = Policy { min_silence_ms: 40, ..policy() };
    let script = new().user(20, TALK).add(10, TALK, TALK).add(2, QUIET.eot(0.9), TALK);
    let lines = lines(&script.live(quick));
    let expected =
        ["640 agent overlapEnd", "640 user speechEnd", "640 user endOfTurn model", "640 agent turnShift"];
    assert_eq!(lines[lines.len() - 4..], expected);
}

#[test]
fn overlap_events_follow_the_overlap_probability_and_interruptions_the_vads() {
    let mut script = new().user(20, TALK).add(20, TALK, TALK).user(10, TALK);
    script.0.iter_mut().for_each(|frame| frame.overlap = 0.39);
    let events = script.live(policy());
    assert!(!events.iter().any(|e| matches!(e.kind, EventKind::OverlapStart | EventKind::OverlapEnd)));
    only(&events, EventKind::Interruption, Speaker::Agent);
    let open = script.live(Policy { overlap_threshold: 0.0, ..policy() });
    only(&open, EventKind::OverlapStart, Speaker::Agent);
    only(&open, EventKind::OverlapEnd, Speaker::Agent);
}

#[test]
fn a_blip_before_the_sound_does_not_move_the_overlap_start() {
    let script = new().user(20, TALK).add(1, TALK, TALK).user(1, TALK).add(10, TALK, TALK);
    let raised = only(&script.live(policy()), EventKind::OverlapStart, Speaker::Agent);
    assert_eq!(raised.start_ms, Some(440));
}

#[test]
fn both_silent_says_nothing() {
    let silence = QUIET.vad(0.0);
    assert!(new().add(2000, silence, silence).all(policy()).is_empty());
}

#[test]
fn one_digitally_silent_channel_never_matters() {
    let mut script = new();
    for _ in 0..5 {
        script = script.user(30, TALK).user(20, QUIET).user(30, TALK).user(60, QUIET.eot(0.9));
    }
    let events = script.all(policy());
    assert!(events.iter().all(|e| e.speaker == Speaker::User && e.kind != EventKind::TurnShift));
    assert_eq!(events.iter().filter(|e| e.kind == EventKind::EndOfTurn).count(), 5);
}

#[test]
fn values_that_are_not_numbers_count_as_zero() {
    let clean = new().user(20, TALK).add(20, TALK, TALK).user(30, QUIET.eot(0.0));
    let mut dirty = clean.clone();
    for (at, frame) in dirty.0.iter_mut().enumerate() {
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][at % 3];
        for value in [&mut frame.eot, &mut frame.vad, &mut frame.backchannel].into_iter().flatten() {
            if *value < 0.5 {
                *value = bad;
            }
        }
    }
    assert_eq!(lines(&dirty.all(policy())), lines(&clean.all(policy())));
    let mut nothing = new().add(200, TALK, TALK);
    nothing.0.iter_mut().for_each(|frame| frame.vad = [f32::NAN; 2]);
    assert!(nothing.all(policy()).is_empty());
}

#[test]
fn a_probability_at_the_threshold_counts() {
    let policy = Policy { vad_onset: 0.7, ..policy() };
    assert_eq!(new().user(3, TALK.vad(0.7)).live(policy).len(), 1);
    assert!(new().user(30, TALK.vad(0.699)).live(policy).is_empty());
}

#[test]
fn finish_closes_what_is_open_once() {
    let script = new().user(20, TALK).add(20, TALK, TALK);
    let (mut machine, mut out) = (EventMachine::new(policy()).unwrap(), Vec::new());
    script.0.iter().for_each(|frame| machine.step(frame, &mut out));
    out.clear();
    machine.finish(&mut out);
    let expected = [
        "800 agent overlapEnd",
        "800 user speechEnd",
        "800 agent speechEnd",
        "800 user endOfTurn finish",
        "800 agent endOfTurn finish",
    ];
    assert_eq!(lines(&out), expected);
    out.clear();
    machine.finish(&mut out);
    assert_eq!(out, Vec::<Event>::new());
    let idle = TurnState {
        speaking: [false; 2],
        in_turn: [false; 2],
        eager_pending: [false; 2],
        floor: Some(Speaker::User),
    };
    assert_eq!(machine.state(), idle);
}

#[test]
fn finish_judges_a_sound_that_was_still_listened_to() {
    let start = new().user(20, TALK);
    let hummed = start.clone().add(6, TALK, HUM).all(policy());
    only(&hummed, EventKind::Backchannel, Speaker::Agent);
    assert_eq!(hummed.iter().filter(|e| e.kind == EventKind::EndOfTurn).count(), 1);
    let claimed = start.add(6, TALK, TALK).all(policy());
    assert_eq!(claimed.iter().filter(|e| e.kind == EventKind::EndOfTurn).count(), 2);
}

#[test]
fn speech_after_finish_starts_from_nothing() {
    let script = new().user(25, TALK);
    let (mut machine, mut out) = (EventMachine::new(policy()).unwrap(), Vec::new());
    script.0[..20].iter().for_each(|frame| machine.step(frame, &mut out));
    machine.finish(&mut out);
    out.clear();
    script.0[20..].iter().for_each(|frame| machine.step(frame, &mut out));
    assert_eq!(lines(&out), ["460 user speechStart"]);
    assert_eq!(out[0].start_ms, Some(400));
}

#[test]
fn finish_before_any_frame_and_after_a_blip_says_nothing() {
    assert!(new().all(policy()).is_empty());
    assert!(new().user(2, TALK).all(policy()).is_empty());
}

#[test]
fn the_state_can_be_read() {
    let (mut machine, mut out) = (EventMachine::new(policy()).unwrap(), Vec::new());
    let script = new().user(20, TALK).user(3, QUIET.eot(0.6));
    script.0.iter().for_each(|frame| machine.step(frame, &mut out));
    let state = machine.state();
    assert_eq!(
        (state.speaking, state.in_turn, state.eager_pending),
        ([true, false], [true, false], [true, false])
    );
    let json = serde_json::to_string(&state).unwrap();
    assert!(json.contains(r#""eagerPending":[true,false],"floor":"user""#), "{json}");
}

#[test]
fn frames_that_are_not_newer_are_passed_over() {
    let script = new().user(20, TALK).user(12, QUIET.eot(0.9));
    let (mut machine, mut out) = (EventMachine::new(policy()).unwrap(), Vec::new());
    for frame in &script.0 {
        machine.step(frame, &mut out);
        machine.step(frame, &mut out);
        machine.step(&script.0[0], &mut out);
    }
    assert_eq!(out, script.live(policy()));
}

#[test]
fn the_last_index_there_is_does_not_overflow() {
    let mut script = new().user(3, TALK);
    script.0[2].index = u64::MAX;
    assert_eq!(script.all(policy()).len(), 3);
}
