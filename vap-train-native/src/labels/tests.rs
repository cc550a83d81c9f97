//! Hand-made dialogues; each rule with a case that holds and one that just fails.
// A span of frames is a list of one range where a speaker speaks once.
#![allow(clippy::single_range_in_vec_init)]

use std::ops::Range;

use super::*;

/// A dialogue of `frames` frames from spans of speech a speaker.
fn activity(frames: usize, user: &[Range<usize>], agent: &[Range<usize>], complete: bool) -> Activity {
    let track = |spans: &[Range<usize>]| {
        let mut track = vec![false; frames];
        spans.iter().for_each(|span| track[span.clone()].fill(true));
        track
    };
    let none = [vec![false; frames], vec![false; frames]];
    Activity { speech: [track(user), track(agent)], backchannel: none, complete }
}

fn with_backchannel(mut activity: Activity, speaker: usize, span: Range<usize>) -> Activity {
    activity.backchannel[speaker][span].fill(true);
    activity
}

/// One output over time as text: `1`, `0`, and `.` where masked, runs as `count x value`.
fn runs(activity: &Activity, output: usize) -> String {
    let targets = targets(activity).unwrap();
    let text = |frame: usize| match targets.at(frame, output) {
        Some(true) => '1',
        Some(false) => '0',
        None => '.',
    };
    let values: Vec<char> = (0..targets.frames).map(text).collect();
    values.chunk_by(char::eq).map(|run| format!("{}x{}", run.len(), run[0])).collect::<Vec<_>>().join(" ")
}

const USER_EOT: usize = EOT_AT;
const AGENT_EOT: usize = EOT_AT + 1;

#[test]
fn lengths_must_agree() {
    let mut uneven = activity(5, &[0..3], &[], true);
    uneven.backchannel[1].pop();
    let expected = Error::Length { what: "activity: backchannels of the agent", expected: 5, found: 4 };
    assert_eq!(targets(&uneven), Err(expected));
    uneven.speech[1].clear();
    assert!(matches!(uneven.validate(), Err(Error::Length { what: "activity: speech of the agent", .. })));
}

#[test]
fn no_frames_give_no_targets() {
    let targets = targets(&activity(0, &[], &[], true)).unwrap();
    assert_eq!((targets.frames, targets.values.len(), targets.mask.len()), (0, 0, 0));
}

#[test]
fn bin_is_on_at_exactly_half() {
    // Frame 0 sees frames 1..=10 in bin 0.
    let half = activity(300, &[6..11], &[], true);
    let less = activity(300, &[6..10], &[], true);
    assert_eq!(targets(&half).unwrap().at(0, 0), Some(true));
    assert_eq!(targets(&less).unwrap().at(0, 0), Some(false));
}

#[test]
fn bins_start_with_the_next_frame() {
    // Ten frames 1..=10 fill bin 0 of frame 0; frames 0 and 11 are outside of it.
    let inside = activity(300, &[1..6], &[], true);
    let early = activity(300, &[0..5], &[], true);
    let late = activity(300, &[7..12], &[], true);
    assert_eq!(targets(&inside).unwrap().at(0, 0), Some(true));
    assert_eq!(targets(&early).unwrap().at(0, 0), Some(false));
    let late = targets(&late).unwrap();
    assert_eq!((late.at(0, 0), late.at(0, 1), late.at(1, 0)), (Some(false), Some(false), Some(true)));
}

#[test]
fn bins_of_a_plain_count() {
    // The prefix sums against counting each window, on a pattern without symmetry.
    let mut dialogue = activity(260, &[], &[], true);
    for frame in 0..260 {
        dialogue.speech[0][frame] = (frame * frame) % 7 < 3;
        dialogue.speech[1][frame] = (frame * 5) % 11 < 6;
    }
    let targets = targets(&dialogue).unwrap();
    for speaker in 0..2 {
        for frame in 0..260 {
            for bin in 0..BINS {
                let window = (frame + 1 + 10 * bin..=frame + 10 * (bin + 1))
                    .filter(|&at| dialogue.speech[speaker].get(at) == Some(&true));
                let expected = window.count() >= 5;
                assert_eq!(
                    targets.at(frame, speaker * BINS + bin),
                    Some(expected),
                    "{speaker} {frame} {bin}"
                );
            }
        }
    }
}

#[test]
fn bins_past_the_end_are_silence_or_masked() {
    let dialogue = activity(30, &[0..30], &[], true);
    let crop = Activity { complete: false, ..dialogue.clone() };
    let (dialogue, crop) = (targets(&dialogue).unwrap(), targets(&crop).unwrap());
    // Bin 0 of frame 19 ends with the last frame, 29; that of frame 20 lacks one.
    assert_eq!((dialogue.at(19, 0), crop.at(19, 0)), (Some(true), Some(true)));
    assert_eq!((dialogue.at(20, 0), crop.at(20, 0)), (Some(true), None));
    // Frames 25..=29 are five of ten, 26..=29 four.
    assert_eq!((dialogue.at(24, 0), dialogue.at(25, 0)), (Some(true), Some(false)));
    assert_eq!((dialogue.at(29, 9), crop.at(0, 9)), (Some(false), None));
    // Bin 1 of frame 9 is frames 20..=29.
    assert_eq!((crop.at(9, 1), crop.at(10, 1)), (Some(true), None));
}

#[test]
fn vad_overlap_and_backchannel_follow_the_frame() {
    let dialogue = with_backchannel(activity(8, &[0..4], &[2..6], true), 1, 2..6);
    assert_eq!(runs(&dialogue, VAD_AT), "4x1 4x0");
    assert_eq!(runs(&dialogue, VAD_AT + 1), "2x0 4x1 2x0");
    assert_eq!(runs(&dialogue, OVERLAP_AT), "2x0 2x1 4x0");
    assert_eq!(runs(&dialogue, BACKCHANNEL_AT), "4x0 4x.");
    assert_eq!(runs(&dialogue, BACKCHANNEL_AT + 1), "2x. 4x1 2x.");
}

#[test]
fn backchannel_marks_outside_speech_are_ignored() {
    let dialogue = with_backchannel(activity(8, &[2..4], &[], true), 0, 0..8);
    assert_eq!(runs(&dialogue, BACKCHANNEL_AT), "2x. 2x1 4x.");
}

#[test]
fn turn_that_passes_ends_until_the_other_speaks() {
    let dialogue = activity(100, &[20..50], &[60..90], true);
    assert_eq!(runs(&dialogue, USER_EOT), "20x. 20x0 20x1 40x.");
    // And the agent's turn ends with the dialogue.
    assert_eq!(runs(&dialogue, AGENT_EOT), "60x. 20x0 20x1");
}

#[test]
fn pause_that_is_gone_on_from_is_no_end() {
    let dialogue = activity(100, &[0..20, 40..60], &[70..80], true);
    assert_eq!(runs(&dialogue, USER_EOT), "50x0 20x1 30x.");
}

#[test]
fn both_at_once_after_a_pause_is_no_passing() {
    let together = activity(60, &[0..20, 30..60], &[30..50], false);
    let later = activity(60, &[0..20, 31..60], &[30..50], false);
    assert_eq!(runs(&together, USER_EOT), "50x0 10x.");
    assert_eq!(runs(&later, USER_EOT), "10x0 20x1 1x. 19x0 10x.");
}

#[test]
fn short_utterance_is_positive_from_its_start_only() {
    let nine = activity(60, &[0..20, 30..39], &[45..60], true);
    let eleven = activity(60, &[0..20, 30..41], &[45..60], true);
    assert_eq!(runs(&nine, USER_EOT), "30x0 15x1 15x.");
    assert_eq!(runs(&eleven, USER_EOT), "31x0 14x1 15x.");
}

#[test]
fn end_under_the_others_speech_stops_with_it() {
    let goes_on = activity(100, &[0..40], &[30..70], true);
    assert_eq!(runs(&goes_on, USER_EOT), "30x0 10x1 60x.");
    // The other stops in the same frame: what counts is who starts next.
    let user_next = activity(100, &[0..40, 50..80], &[30..40], true);
    assert_eq!(runs(&user_next, USER_EOT), "70x0 30x1");
    assert_eq!(runs(&user_next, AGENT_EOT), "30x. 20x1 50x.");
}

#[test]
fn overlap_within_a_turn_ends_only_the_others() {
    let dialogue = activity(100, &[0..80], &[30..55], true);
    assert_eq!(runs(&dialogue, USER_EOT), "70x0 30x1");
    assert_eq!(runs(&dialogue, AGENT_EOT), "30x. 15x0 10x1 45x.");
}

#[test]
fn backchannel_of_the_other_takes_no_floor() {
    let dialogue = activity(100, &[0..40, 60..80], &[45..50], true);
    let marked = with_backchannel(dialogue.clone(), 1, 45..50);
    assert_eq!(runs(&dialogue, USER_EOT), "30x0 15x1 15x. 10x0 30x1");
    assert_eq!(runs(&marked, USER_EOT), "70x0 30x1");
    // It is no turn either.
    assert_eq!(runs(&marked, AGENT_EOT), "100x.");
    assert_eq!(runs(&dialogue, AGENT_EOT), "45x. 15x1 40x.");
}

#[test]
fn end_of_turn_lasts_through_the_others_backchannel() {
    let dialogue = with_backchannel(activity(100, &[0..40], &[45..50, 70..100], true), 1, 45..50);
    assert_eq!(runs(&dialogue, USER_EOT), "30x0 40x1 30x.");
}

#[test]
fn own_backchannel_counts_only_within_a_turn() {
    // In a pause of the own turn: part of the pause.
    let within = with_backchannel(activity(100, &[0..40, 50..55, 60..80], &[], true), 0, 50..55);
    assert_eq!(runs(&within, USER_EOT), "70x0 30x1");
    // In the other's turn: masked.
    let outside = with_backchannel(activity(100, &[40..50], &[0..100], true), 0, 40..50);
    assert_eq!(runs(&outside, USER_EOT), "100x.");
    // After the turn's end, before the other speaks: masked, and the end still stands after it.
    let after = with_backchannel(activity(100, &[0..40, 50..55], &[70..100], true), 0, 50..55);
    assert_eq!(runs(&after, USER_EOT), "30x0 20x1 5x. 15x1 30x.");
}

#[test]
fn last_utterance_of_a_crop_is_unknown() {
    let dialogue = activity(100, &[0..40], &[], true);
    let crop = Activity { complete: false, ..dialogue.clone() };
    assert_eq!(runs(&dialogue, USER_EOT), "30x0 70x1");
    assert_eq!(runs(&crop, USER_EOT), "30x0 70x.");
    // A backchannel after it says nothing, a turn does.
    let backchannel = with_backchannel(activity(100, &[0..40], &[60..70], false), 1, 60..70);
    assert_eq!(runs(&backchannel, USER_EOT), "30x0 70x.");
    let turn = activity(100, &[0..40], &[60..70], false);
    assert_eq!(runs(&turn, USER_EOT), "30x0 30x1 40x.");
}

#[test]
fn speech_cut_by_the_end_of_a_crop_is_unknown_from_its_last_frames() {
    let cut = activity(100, &[60..100], &[80..100], false);
    assert_eq!(runs(&cut, USER_EOT), "60x. 30x0 10x.");
    assert_eq!(runs(&cut, AGENT_EOT), "80x. 10x0 10x.");
    let complete = Activity { complete: true, ..cut };
    assert_eq!(runs(&complete, USER_EOT), "60x. 30x0 10x1");
    assert_eq!(runs(&complete, AGENT_EOT), "80x. 10x0 10x1");
}

#[test]
fn swapped_channels_swap_the_targets() {
    let dialogue = with_backchannel(activity(300, &[10..90, 150..160], &[95..290], false), 0, 150..160);
    let mut swapped = dialogue.clone();
    swapped.speech.swap(0, 1);
    swapped.backchannel.swap(0, 1);
    for (user, agent) in (0..BINS).map(|bin| (bin, BINS + bin)).chain([(20, 21), (22, 23), (24, 25)]) {
        assert_eq!(runs(&dialogue, user), runs(&swapped, agent));
        assert_eq!(runs(&dialogue, agent), runs(&swapped, user));
    }
    assert_eq!(runs(&dialogue, OVERLAP_AT), runs(&swapped, OVERLAP_AT));
}

#[test]
fn masked_values_are_zero() {
    let targets = targets(&activity(150, &[0..40], &[60..120], false)).unwrap();
    assert!(targets.mask.iter().all(|&mask| mask == 0.0 || mask == 1.0));
    assert!(targets.values.iter().zip(&targets.mask).all(|(&value, &mask)| value <= mask));
}

#[test]
fn backchannels_are_marked_from_activity() {
    // The agent holds the floor; 0.4 s of the user with more than a second of silence on both sides.
    let heard = activity(300, &[100..120], &[0..300], true);
    let marks = mark_backchannels(&heard.speech);
    assert_eq!(marks[0].iter().filter(|&&mark| mark).count(), 20);
    assert!(marks[0][100] && marks[0][119] && !marks[1].contains(&true));
    // 49 frames of silence before it are too few, 50 enough: no least context is asked.
    let early = activity(300, &[50..60], &[0..300], true);
    let earlier = activity(300, &[49..59], &[0..300], true);
    assert!(mark_backchannels(&early.speech)[0].contains(&true));
    assert!(!mark_backchannels(&earlier.speech)[0].contains(&true));
    // And events far beyond 20 s are seen.
    let late = activity(3000, &[2800..2820], &[0..3000], true);
    assert!(mark_backchannels(&late.speech)[0][2800]);
}

#[test]
fn pause_within_a_backchannel_is_not_marked() {
    let heard = activity(300, &[100..110, 112..120], &[0..90, 130..300], true);
    let marks = mark_backchannels(&heard.speech);
    assert_eq!(marks[0].iter().filter(|&&mark| mark).count(), 18);
    assert!(!marks[0][110]);
    assert_eq!(mark_backchannels(&[vec![true], vec![]]), [vec![false], vec![]]);
}
