//! States, runs and filled pauses.

use super::*;

#[test]
fn states_and_their_runs() {
    let states = dialogue_states(&speech(6, &[0..3], &[2..5]));
    use DialogueState::{Agent, Both, Silence, User};
    assert_eq!(states, [User, User, Both, Agent, Agent, Silence]);
    let runs: Vec<_> = islands(&states).iter().map(|i| (i.start_frame, i.frames, i.value)).collect();
    assert_eq!(runs, [(0, 2, User), (2, 1, Both), (3, 2, Agent), (5, 1, Silence)]);
    assert_eq!(islands::<bool>(&[]), []);
    let one = islands(&[true]);
    assert_eq!((one.len(), one[0].frames, one[0].end_frame()), (1, 1, 1));
}

#[test]
fn pauses_of_one_speaker_are_filled_whatever_their_length() {
    let filled = fill_pauses(&speech(1000, &[0..10, 900..910], &[]));
    assert_eq!(filled, speech(1000, &[0..910], &[]));
    let agent = fill_pauses(&speech(100, &[], &[5..10, 11..20, 40..50]));
    assert_eq!(agent, speech(100, &[], &[5..50]));
}

#[test]
fn silence_between_speakers_and_at_the_ends_stays() {
    let gap = speech(100, &[10..20], &[30..40]);
    assert_eq!(fill_pauses(&gap), gap);
    // One frame of the other in the pause, or overlap at its edge, and it is no pause.
    let sound = speech(100, &[10..20, 30..40], &[25..26]);
    assert_eq!(fill_pauses(&sound), sound);
    let edge = speech(100, &[10..20, 30..40], &[18..20]);
    assert_eq!(fill_pauses(&edge), edge);
}
