//! Overlaps with their outcomes, and non-shift.

use super::*;

fn found(user: &[Range<usize>], agent: &[Range<usize>]) -> Vec<Overlap> {
    overlaps(&speech(500, user, agent), &EventConfig::default()).unwrap()
}

fn outcome(user: &[Range<usize>], agent: &[Range<usize>]) -> Option<OverlapOutcome> {
    let found = found(user, agent);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].outcome
}

#[test]
fn ten_frames_are_an_overlap_and_nine_are_not() {
    let ten = found(&[100..300], &[200..210]);
    let expected =
        Overlap { start_frame: 200, end_frame: 210, newcomer: Some(1), outcome: Some(OverlapOutcome::Kept) };
    assert_eq!(ten, [expected]);
    assert_eq!(found(&[100..300], &[200..209]), []);
}

#[test]
fn overlaps_start_in_the_scored_time() {
    assert_eq!(found(&[100..300], &[150..170]).len(), 1);
    assert_eq!(found(&[100..300], &[149..170]), []);
}

#[test]
fn the_floor_is_yielded_with_the_seconds_of_a_shift_overlap() {
    use OverlapOutcome::Yielded;
    assert_eq!(outcome(&[150..220], &[200..270]), Some(Yielded));
    assert_eq!(outcome(&[150..220], &[200..269]), None);
    assert_eq!(outcome(&[151..220], &[200..270]), None);
    assert_eq!(outcome(&[150..220], &[140..151, 200..270]), None);
    assert_eq!(outcome(&[200..270], &[150..220]), Some(Yielded));
}

#[test]
fn the_floor_is_kept_when_the_newcomer_is_silent_for_a_second() {
    use OverlapOutcome::{Both, Kept};
    assert_eq!(found(&[100..300], &[200..220, 270..290])[0].outcome, Some(Kept));
    assert_eq!(found(&[100..300], &[200..220, 269..290])[0].outcome, Some(Both));
    // The holder may pause, but not for the whole second.
    assert_eq!(outcome(&[100..220, 269..300], &[200..220]), Some(Kept));
    assert_eq!(outcome(&[100..220, 270..300], &[200..220]), None);
}

#[test]
fn both_when_both_speak_in_the_second_after() {
    assert_eq!(outcome(&[100..220, 265..300], &[200..265]), Some(OverlapOutcome::Both));
}

#[test]
fn outcome_is_unknown_at_the_end_and_without_a_holder() {
    assert_eq!(outcome(&[100..500], &[430..450]), Some(OverlapOutcome::Kept));
    assert_eq!(outcome(&[100..500], &[430..451]), None);
    let together = found(&[200..300], &[200..220]);
    assert_eq!((together[0].newcomer, together[0].outcome), (None, None));
    let config = EventConfig { min_context_s: 0.0, ..EventConfig::default() };
    let first = overlaps(&speech(100, &[0..90], &[0..20]), &config).unwrap();
    assert_eq!((first[0].newcomer, first[0].outcome), (None, None));
}

#[test]
fn non_shift_sees_two_seconds_of_the_last_speaker_only() {
    let config = EventConfig::default();
    let of = |user: &[Range<usize>], agent: &[Range<usize>]| {
        non_shift(&speech(500, user, agent), &config).unwrap()
    };
    // Frame 200 looks at 201..=300.
    let frames = of(&[150..500], &[301..302]);
    assert_eq!((frames[200], frames[201]), (Some(0), None));
    // Least context, and the whole horizon in the dialogue: 399 looks at 400..=499.
    let alone = of(&[100..500], &[]);
    assert_eq!((alone[149], alone[150], alone[399], alone[400]), (None, Some(0), Some(0), None));
    // The last speaker must speak in it: silence alone is nobody's.
    let pause = of(&[150..200, 300..310], &[]);
    assert_eq!((pause[199], pause[200], pause[309]), (None, Some(0), None));
    // Another's future is a shift.
    assert_eq!(of(&[150..200], &[250..500])[199], None);
    // An overlap leaves nobody as the last speaker, also in the silence after it.
    let overlap = of(&[150..200, 230..400], &[190..200]);
    assert_eq!((overlap[195], overlap[210], overlap[230]), (None, None, Some(0)));
}
