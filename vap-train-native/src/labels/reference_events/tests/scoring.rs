//! Scores and labels of the events.

use super::*;

fn shift_dialogue() -> Events {
    events(&speech(500, &[100..200], &[220..400]), &EventConfig::default()).unwrap()
}

/// The agent's share is `frame / 1000`.
fn ramp() -> Vec<[f32; 2]> {
    (0..500).map(|frame| frame as f32 / 1000.0).map(|agent| [1.0 - agent, agent]).collect()
}

fn close(found: &[(f32, bool)], expected: &[(f32, bool)]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.0 - expected.0).abs() < 1e-5 && found.1 == expected.1, "{found:?} {expected:?}");
    }
}

#[test]
fn three_readings_of_a_shift() {
    let config = EventConfig::default();
    let read = |reading| shift_hold_scores(&shift_dialogue(), &ramp(), reading, &config).unwrap();
    let frames: Vec<_> = (200..220).map(|frame| (frame as f32 / 1000.0, true)).collect();
    close(&read(HoldShiftReading::EveryFrame), &frames);
    // 50 to 150 ms in: two frames of pad, then five.
    close(&read(HoldShiftReading::Window), &frames[2..7]);
    close(&read(HoldShiftReading::EventMean), &[(0.2095, true)]);
}

#[test]
fn a_hold_scores_the_share_of_the_other() {
    let events = events(&speech(500, &[], &[100..200, 220..400]), &EventConfig::default()).unwrap();
    let mean =
        shift_hold_scores(&events, &ramp(), HoldShiftReading::EventMean, &EventConfig::default()).unwrap();
    close(&mean, &[(1.0 - 0.2095, false)]);
}

#[test]
fn shift_prediction_reads_who_might_take_the_floor() {
    let events =
        events(&speech(1000, &[100..200, 500..600, 620..800], &[220..400]), &EventConfig::default()).unwrap();
    let mut shares = ramp();
    shares.extend((500..1000).map(|frame| [frame as f32, 1000.0 - frame as f32]));
    let scores = shift_prediction_scores(&events, &shares).unwrap();
    assert_eq!(scores.len(), 75);
    // Before both shifts (to the agent at 200, to the user at 400), then before the hold of the user at 600.
    close(&[scores[0], scores[25], scores[50]], &[(0.175, true), (0.625, true), (425.0, false)]);
}

#[test]
fn long_onsets_against_backchannels() {
    let events = events(&speech(500, &[100..200], &[220..400]), &EventConfig::default()).unwrap();
    let long = long_short_scores(&events, &ramp()).unwrap();
    close(&[long[0], long[9]], &[(0.220, true), (0.229, true)]);
    assert_eq!(long.len(), 10);
    let short = super::events(&speech(500, &[0..500], &[200..205]), &EventConfig::default()).unwrap();
    let expected: Vec<_> = (200..205).map(|frame| (frame as f32 / 1000.0, false)).collect();
    close(&long_short_scores(&short, &ramp()).unwrap(), &expected);
}

#[test]
fn backchannel_prediction_reads_the_listener() {
    let events = events(&speech(500, &[0..500], &[200..220]), &EventConfig::default()).unwrap();
    let scores = backchannel_prediction_scores(&events, &ramp()).unwrap();
    // 25 frames before the backchannel of the agent; then the user's turn 220..500, trimmed to 270..400.
    close(&[scores[0], scores[24], scores[25]], &[(0.175, true), (0.199, true), (0.270, false)]);
    assert_eq!(scores.len(), 25 + 130);
}

#[test]
fn shares_must_be_as_long_as_the_dialogue() {
    let events = shift_dialogue();
    let short = &ramp()[..499];
    let expected = Error::Length { what: "shares of the speakers", expected: 500, found: 499 };
    let reading = HoldShiftReading::EveryFrame;
    assert_eq!(shift_hold_scores(&events, short, reading, &EventConfig::default()), Err(expected.clone()));
    assert_eq!(shift_prediction_scores(&events, short), Err(expected.clone()));
    assert_eq!(long_short_scores(&events, short), Err(expected.clone()));
    assert_eq!(backchannel_prediction_scores(&events, short), Err(expected));
}
