//! Shifts, holds, shift-overlaps, long onsets and prediction regions.

use super::*;

fn found(speech: &[Vec<bool>; 2]) -> ShiftHold {
    shift_hold(speech, &EventConfig::default()).unwrap()
}

/// User until `silence`, then the agent.
fn shift(silence: Range<usize>) -> [Vec<bool>; 2] {
    speech(500, &[100..silence.start], &[silence.end..400])
}

#[test]
fn a_shift_in_both_directions() {
    let expected = ShiftHold {
        shifts: vec![region(200..220, 1)],
        longs: vec![region(220..230, 1)],
        shift_predictions: vec![region(175..200, 1)],
        ..ShiftHold::default()
    };
    assert_eq!(found(&shift(200..220)), expected);
    assert_eq!(found(&swapped(shift(200..220))).shifts, [region(200..220, 0)]);
}

#[test]
fn a_hold_in_both_directions() {
    let hold = speech(500, &[100..200, 220..400], &[]);
    let expected = ShiftHold {
        holds: vec![region(200..220, 0)],
        hold_predictions: vec![region(175..200, 0)],
        ..ShiftHold::default()
    };
    assert_eq!(found(&hold), expected);
    assert_eq!(found(&swapped(hold)).holds, [region(200..220, 1)]);
}

#[test]
fn silence_of_twelve_frames_counts_and_of_eleven_does_not() {
    assert_eq!(found(&shift(200..212)).shifts, [region(200..212, 1)]);
    assert_eq!(found(&shift(200..211)), ShiftHold::default());
    assert_eq!(found(&speech(500, &[100..200, 212..400], &[])).holds, [region(200..212, 0)]);
    assert_eq!(found(&speech(500, &[100..200, 211..400], &[])).holds, []);
}

#[test]
fn silence_starts_from_the_least_context_on() {
    assert_eq!(found(&shift(150..170)).shifts.len(), 1);
    assert_eq!(found(&shift(149..170)).shifts, []);
}

#[test]
fn silence_starts_before_the_greatest_time() {
    let at = |start: usize| speech(1200, &[800..start], &[start + 20..1200]);
    assert_eq!(found(&at(999)).shifts.len(), 1);
    assert_eq!(found(&at(1000)).shifts, []);
    let whole = EventConfig { max_time_s: None, ..EventConfig::default() };
    assert_eq!(shift_hold(&at(1000), &whole).unwrap().shifts.len(), 1);
}

#[test]
fn previous_speaker_fills_the_second_before() {
    assert_eq!(found(&speech(500, &[150..200], &[220..400])).shifts.len(), 1);
    assert_eq!(found(&speech(500, &[151..200], &[220..400])).shifts, []);
    // A pause of the same speaker is filled, so it does not break the second.
    assert_eq!(found(&speech(500, &[100..160, 180..200], &[220..400])).shifts.len(), 1);
    // The other's sound ends right before the second, or one frame inside of it.
    assert_eq!(found(&speech(500, &[100..200], &[120..150, 220..400])).shifts.len(), 1);
    assert_eq!(found(&speech(500, &[100..200], &[120..151, 220..400])).shifts, []);
}

#[test]
fn next_speaker_fills_the_second_after() {
    assert_eq!(found(&speech(500, &[100..200], &[220..270])).shifts.len(), 1);
    assert_eq!(found(&speech(500, &[100..200], &[220..269])).shifts, []);
    assert_eq!(found(&speech(500, &[100..200], &[220..240, 250..300])).shifts.len(), 1);
    assert_eq!(found(&speech(500, &[100..200, 270..280], &[220..400])).shifts.len(), 1);
    assert_eq!(found(&speech(500, &[100..200, 269..280], &[220..400])).shifts, []);
}

#[test]
fn the_second_after_must_be_in_the_dialogue() {
    assert_eq!(found(&speech(270, &[100..200], &[220..270])).shifts.len(), 1);
    assert_eq!(found(&speech(269, &[100..200], &[220..269])).shifts, []);
}

#[test]
fn no_window_starts_before_the_dialogue() {
    // Least context 0: the second before frame 40 does not exist.
    let config = EventConfig { min_context_s: 0.0, ..EventConfig::default() };
    let early = shift_hold(&speech(300, &[0..40], &[60..200]), &config).unwrap();
    assert_eq!(early, ShiftHold::default());
    let enough = shift_hold(&speech(300, &[0..50], &[70..200]), &config).unwrap();
    assert_eq!(enough.shifts.len(), 1);
    assert_eq!(enough.shift_predictions, [region(25..50, 1)]);
    let long_region =
        EventConfig { prediction_region_s: 1.02, sh_prediction_region_on_active: false, ..config };
    let none = shift_hold(&speech(300, &[0..50], &[70..200]), &long_region).unwrap();
    assert_eq!((none.shifts.len(), none.shift_predictions.len()), (1, 0));
}

#[test]
fn holds_ask_the_same_seconds() {
    assert_eq!(found(&speech(500, &[150..200, 220..270], &[])).holds.len(), 1);
    assert_eq!(found(&speech(500, &[151..200, 220..270], &[])).holds, []);
    assert_eq!(found(&speech(500, &[150..200, 220..269], &[])).holds, []);
    assert_eq!(found(&speech(500, &[150..200, 220..300], &[260..270])).holds, []);
}

#[test]
fn long_onset_needs_an_utterance_of_a_second() {
    // 0.98 s and a filled pause: a shift, but not a long onset.
    let short = found(&speech(500, &[100..200], &[220..269, 275..400]));
    assert_eq!((short.shifts.len(), short.longs.len()), (1, 0));
    let long = found(&speech(500, &[100..200], &[220..270, 275..400]));
    assert_eq!(long.longs, [region(220..230, 1)]);
}

#[test]
fn prediction_needs_half_a_second_of_the_last_utterance() {
    let last = |start: usize| speech(500, &[100..160, start..200], &[220..400]);
    assert_eq!(found(&last(175)).shift_predictions, [region(175..200, 1)]);
    let short = found(&last(176));
    assert_eq!((short.shifts.len(), short.shift_predictions.len()), (1, 0));
    let config = EventConfig { sh_prediction_region_on_active: false, ..EventConfig::default() };
    assert_eq!(shift_hold(&last(176), &config).unwrap().shift_predictions, [region(175..200, 1)]);
}

#[test]
fn prediction_starts_from_the_least_context_on() {
    assert_eq!(found(&shift(175..195)).shift_predictions, [region(150..175, 1)]);
    let early = found(&shift(174..195));
    assert_eq!((early.shifts.len(), early.shift_predictions.len()), (1, 0));
}

#[test]
fn shift_overlap_has_the_same_seconds_and_any_length() {
    let overlap = |user: Range<usize>, agent: Range<usize>| found(&speech(500, &[user], &[agent]));
    assert_eq!(overlap(150..201, 200..251).shift_overlaps, [region(200..201, 1)]);
    assert_eq!(overlap(151..201, 200..251).shift_overlaps, []);
    assert_eq!(overlap(150..201, 200..250).shift_overlaps, []);
    // From 149 on it starts before the least context.
    assert_eq!(overlap(90..160, 150..300).shift_overlaps.len(), 1);
    assert_eq!(overlap(90..160, 149..300).shift_overlaps, []);
    // The first speaker goes on: no shift, and no hold either.
    assert_eq!(overlap(100..400, 200..220), ShiftHold::default());
    assert_eq!(overlap(100..300, 200..400).shifts, []);
}

#[test]
fn silence_next_to_overlap_is_neither() {
    // The silence follows an overlap: the triad is not a shift.
    assert_eq!(found(&speech(500, &[100..200], &[190..200, 220..400])), ShiftHold::default());
}
