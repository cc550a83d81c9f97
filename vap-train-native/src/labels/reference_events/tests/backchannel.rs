//! Backchannels and the regions before them.

use super::*;

/// Backchannels of the user in the agent's speech.
fn found(frames: usize, user: &[Range<usize>]) -> Vec<Region> {
    backchannels(&speech(frames, user, &[0..frames]), &EventConfig::default()).unwrap().backchannels
}

#[test]
fn a_short_isolated_sound_of_either_speaker() {
    assert_eq!(found(500, &[200..220]), [region(200..220, 0)]);
    let agent = swapped(speech(500, &[200..220], &[0..500]));
    let agent = backchannels(&agent, &EventConfig::default()).unwrap();
    assert_eq!(
        (agent.backchannels, agent.predictions),
        (vec![region(200..220, 1)], vec![region(175..200, 1)])
    );
}

#[test]
fn an_island_of_a_second_counts_and_one_frame_more_does_not() {
    assert_eq!(found(500, &[200..250]), [region(200..250, 0)]);
    assert_eq!(found(500, &[200..251]), []);
}

#[test]
fn own_silence_of_a_second_on_both_sides() {
    assert_eq!(found(500, &[100..150, 200..220]), [region(200..220, 0)]);
    assert_eq!(found(500, &[100..151, 200..220]), []);
    assert_eq!(found(500, &[200..220, 270..400]), [region(200..220, 0)]);
    assert_eq!(found(500, &[200..220, 269..400]), []);
    // The dialogue must hold the silence after it, and there must be some before it.
    assert_eq!(found(270, &[200..220]), [region(200..220, 0)]);
    assert_eq!(found(269, &[200..220]), []);
}

#[test]
fn silence_before_it_must_exist() {
    let config = EventConfig { min_context_s: 0.0, bc_pre_cond_s: 0.0, ..EventConfig::default() };
    let first = backchannels(&speech(300, &[0..10], &[0..300]), &config).unwrap();
    assert_eq!(first.backchannels, []);
    let second = backchannels(&speech(300, &[1..10], &[0..300]), &config).unwrap();
    assert_eq!(second.backchannels.len(), 1);
}

#[test]
fn papers_ask_two_seconds_after_and_a_fifth_of_a_second_of_sound() {
    let paper = |user: &[Range<usize>]| {
        backchannels(&speech(500, user, &[0..500]), &EventConfig::paper()).unwrap().backchannels.len()
    };
    assert_eq!(paper(&[200..220, 320..400]), 1);
    assert_eq!(paper(&[200..220, 319..400]), 0);
    assert_eq!(paper(&[200..210]), 1);
    assert_eq!(paper(&[200..209]), 0);
    assert_eq!(found(500, &[200..201]).len(), 1);
}

#[test]
fn pauses_are_filled_first() {
    // The other pauses around it: two sounds of the user with nobody in between are one island of 0.8 s ...
    let two = speech(500, &[200..215, 225..240], &[0..195, 245..500]);
    let found = backchannels(&two, &EventConfig::default()).unwrap().backchannels;
    assert_eq!(found, [region(200..240, 0)]);
    // ... and while the other talks they are two islands, each too close to the other.
    let two = speech(500, &[200..215, 225..240], &[0..500]);
    assert_eq!(backchannels(&two, &EventConfig::default()).unwrap().backchannels, []);
}

#[test]
fn starts_in_the_scored_time() {
    assert_eq!(found(500, &[150..170]).len(), 1);
    assert_eq!(found(500, &[149..170]), []);
    assert_eq!(found(1500, &[999..1010]).len(), 1);
    assert_eq!(found(1500, &[1000..1010]), []);
}

#[test]
fn prediction_starts_from_the_least_context_on() {
    let predictions = |start: usize| {
        let speech = speech(500, &[start..start + 20], &[0..500]);
        backchannels(&speech, &EventConfig::default()).unwrap().predictions
    };
    assert_eq!(predictions(175), [region(150..175, 0)]);
    assert_eq!(predictions(174), []);
}

#[test]
fn the_other_must_hold_the_floor() {
    let both = |agent: &[Range<usize>]| {
        let speech = speech(500, &[200..220], agent);
        let ours = backchannels(&speech, &EventConfig::default()).unwrap().backchannels.len();
        let published = EventConfig { bc_other_holds_floor: false, ..EventConfig::default() };
        (ours, backchannels(&speech, &published).unwrap().backchannels.len())
    };
    // The other talks before and during, or before and next.
    assert_eq!(both(&[100..210]), (1, 1));
    assert_eq!(both(&[100..190, 230..300]), (1, 1));
    // The other never goes on: an answer, not a backchannel.
    assert_eq!(both(&[100..190]), (0, 1));
    // The other had not spoken before it.
    assert_eq!(both(&[230..400]), (0, 1));
    assert_eq!(both(&[]), (0, 1));
}

#[test]
fn the_other_must_have_spoken_last_alone() {
    let of_user = |agent: Range<usize>| {
        let speech = speech(500, &[200..300, 360..370], &[agent, 380..500]);
        let found = backchannels(&speech, &EventConfig::default()).unwrap().backchannels;
        found.into_iter().filter(|region| region.speaker == 0).count()
    };
    assert_eq!(of_user(290..301), 1);
    // Both stopped together; the user stopped last.
    assert_eq!(of_user(290..300), 0);
    assert_eq!(of_user(290..299), 0);
}
