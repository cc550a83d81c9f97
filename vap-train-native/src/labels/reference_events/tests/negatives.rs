//! Negatives and their seeded draw.

use super::*;

fn code(speech: &[Vec<bool>; 2]) -> Events {
    events(speech, &EventConfig::default()).unwrap()
}

#[test]
fn shift_negatives_are_the_regions_before_holds() {
    let events = code(&speech(500, &[100..200, 220..400], &[]));
    assert_eq!(events.shift_hold.hold_predictions, [region(175..200, 0)]);
    assert_eq!(events.shift_negatives, [region(175..200, 1)]);
}

#[test]
fn backchannel_negatives_are_trimmed_turns() {
    // A turn of 3.5 s and a least context behind it: 1 s and 2 s trimmed leave exactly half a second.
    let of = |turn: Range<usize>| code(&speech(900, &[turn], &[])).backchannel_negatives;
    assert_eq!(of(200..375), [region(250..275, 1)]);
    assert_eq!(of(200..374), []);
    // The least context cuts the start, the greatest time the end.
    assert_eq!(of(50..300), [region(150..200, 1)]);
    assert_eq!(of(50..275), [region(150..175, 1)]);
    assert_eq!(of(50..274), []);
    let late = code(&speech(1500, &[800..1500], &[])).backchannel_negatives;
    assert_eq!(late, [region(850..1000, 1)]);
    // A pause is filled; the other's sound cuts the turn.
    let paused = code(&speech(900, &[200..250, 300..375], &[])).backchannel_negatives;
    assert_eq!(paused, [region(250..275, 1)]);
    assert_eq!(code(&speech(900, &[200..375], &[300..301])).backchannel_negatives, []);
}

#[test]
fn papers_negatives_are_windows_of_non_shift() {
    // Non-shift of the user from 150 to 399; the pause 200..230 is no place for shift negatives.
    let speech = speech(500, &[100..200, 230..500], &[]);
    let events = events(&speech, &EventConfig::paper()).unwrap();
    assert_eq!(events.shift_negatives[..3], [150..175, 175..200, 230..255].map(|frames| region(frames, 1)));
    assert_eq!(events.shift_negatives.len(), 2 + 6);
    assert_eq!(
        events.backchannel_negatives[..3],
        [150..175, 175..200, 200..225].map(|frames| region(frames, 1))
    );
    assert_eq!(events.backchannel_negatives.len(), 10);
}

#[test]
fn papers_windows_must_fit() {
    let of = |frames: usize| {
        let speech = speech(frames, &[0..frames], &[]);
        events(&speech, &EventConfig::paper()).unwrap().shift_negatives.len()
    };
    // Frames 150..=174 have their 100 frames ahead in a dialogue of 275.
    assert_eq!((of(275), of(274)), (1, 0));
}

/// Two shifts and a backchannel with their predictions in one dialogue, many negatives in another.
fn dialogues() -> Vec<Events> {
    let positives = speech(1000, &[0..200, 400..700], &[220..390, 450..470, 720..1000]);
    let holds: Vec<Range<usize>> = (0..8).map(|i| i * 120..i * 120 + 100).collect();
    vec![code(&positives), code(&speech(1000, &holds, &[])), code(&speech(1000, &[], &[0..1000]))]
}

fn count(dialogues: &[Events], of: fn(&Events) -> usize) -> usize {
    dialogues.iter().map(of).sum()
}

#[test]
fn draw_has_as_many_negatives_as_positives_of_their_own_kind() {
    let mut dialogues = dialogues();
    assert!(count(&dialogues, |d| d.shift_negatives.len()) > 2);
    assert_eq!(count(&dialogues, |d| d.shift_hold.shift_predictions.len()), 2);
    assert_eq!(count(&dialogues, |d| d.backchannels.predictions.len()), 1);
    balance(&mut dialogues, &EventConfig::default(), 7).unwrap();
    assert_eq!(count(&dialogues, |d| d.shift_negatives.len()), 2);
    assert_eq!(count(&dialogues, |d| d.backchannel_negatives.len()), 1);
    assert_eq!(count(&dialogues, |d| d.shift_hold.shifts.len()), 2);
    assert_eq!(count(&dialogues, |d| d.shift_hold.holds.len()), 2);
    assert!(
        dialogues.iter().flat_map(|d| &d.backchannel_negatives).all(|r| r.end_frame - r.start_frame == 25)
    );
}

#[test]
fn holds_stay_unless_they_are_to_be_equal() {
    let mut dialogues = dialogues();
    let holds = count(&dialogues, |d| d.shift_hold.holds.len());
    let config = EventConfig { equal_hold_shift: false, ..EventConfig::default() };
    balance(&mut dialogues, &config, 7).unwrap();
    assert_eq!(count(&dialogues, |d| d.shift_hold.holds.len()), holds);
}

#[test]
fn fewer_negatives_than_positives_are_all_kept() {
    let mut one = vec![code(&speech(500, &[100..200], &[220..400]))];
    let before = one.clone();
    balance(&mut one, &EventConfig { equal_hold_shift: false, ..EventConfig::default() }, 1).unwrap();
    assert_eq!(one[0].shift_hold, before[0].shift_hold);
    assert_eq!(one[0].shift_negatives, []);
}

#[test]
fn the_seed_decides_the_draw() {
    let drawn = |seed| {
        let mut dialogues = dialogues();
        balance(&mut dialogues, &EventConfig::default(), seed).unwrap();
        dialogues
    };
    assert_eq!(drawn(3), drawn(3));
    assert!((0..10).any(|seed| drawn(seed) != drawn(3)));
}

#[test]
fn drawn_windows_stay_in_their_regions_and_reach_both_ends() {
    let positive = code(&speech(500, &[200..220], &[0..500]));
    // A turn of 3.54 s leaves 27 frames: the window starts at 250, 251 or 252.
    let region_of = code(&speech(900, &[200..377], &[]));
    let mut starts = [0; 3];
    for seed in 0..60 {
        // Its own negatives are longer; only the second dialogue's are looked at.
        let mut both = vec![Events { backchannel_negatives: vec![], ..positive.clone() }, region_of.clone()];
        balance(&mut both, &EventConfig::default(), seed).unwrap();
        let window = both[1].backchannel_negatives[0];
        assert_eq!(window.end_frame - window.start_frame, 25);
        starts[window.start_frame - 250] += 1;
    }
    assert!(starts.iter().all(|&count| count > 5), "{starts:?}");
}
