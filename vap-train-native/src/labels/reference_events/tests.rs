//! Hand-made dialogues at 50 Hz; each rule with a case that holds and one that just fails.
// A span of frames is a list of one range where a speaker speaks once.
#![allow(clippy::single_range_in_vec_init)]

mod backchannel;
mod islands;
mod negatives;
mod overlap;
mod scoring;
mod shift_hold;

use std::ops::Range;

use super::*;

/// Speech from spans of frames.
fn speech(frames: usize, user: &[Range<usize>], agent: &[Range<usize>]) -> [Vec<bool>; 2] {
    [user, agent].map(|spans| {
        let mut track = vec![false; frames];
        spans.iter().for_each(|span| track[span.clone()].fill(true));
        track
    })
}

fn region(frames: Range<usize>, speaker: usize) -> Region {
    Region { start_frame: frames.start, end_frame: frames.end, speaker }
}

fn swapped(mut speech: [Vec<bool>; 2]) -> [Vec<bool>; 2] {
    speech.swap(0, 1);
    speech
}

#[test]
fn defaults_are_the_published_ones() {
    let frames = EventConfig::default().frames().unwrap();
    assert_eq!((frames.min_context, frames.max_start, frames.min_silence), (150, 1000, 12));
    assert_eq!((frames.window_pad, frames.window, frames.prediction), (2, 5, 25));
    assert_eq!((frames.pre, frames.post, frames.long_region, frames.long), (50, 50, 10, 50));
    assert_eq!((frames.bc_pre, frames.bc_post, frames.bc_max, frames.bc_min), (50, 50, 50, 0));
    assert_eq!((frames.bc_left, frames.bc_right, frames.horizon), (50, 100, 100));
    assert_eq!((frames.overlap, frames.outcome), (10, 50));
    let paper = EventConfig::paper().frames().unwrap();
    assert_eq!((paper.bc_post, paper.bc_min), (100, 10));
}

#[test]
fn config_is_strict() {
    let config: EventConfig =
        serde_json::from_str(r#"{"min_context_s": 1.0, "negatives": "paper"}"#).unwrap();
    assert_eq!((config.min_context_s, config.negatives), (1.0, Negatives::Paper));
    assert_eq!(config.max_time_s, Some(20.0));
    let whole: EventConfig = serde_json::from_str(r#"{"max_time_s": null}"#).unwrap();
    assert_eq!(whole.max_time_s, None);
    assert!(serde_json::from_str::<EventConfig>(r#"{"min_context_time": 1.0}"#).is_err());
}

#[test]
fn values_out_of_range_are_named() {
    type Change = fn(&mut EventConfig);
    let cases: [(&str, Change); 7] = [
        ("frame_hz", |c| c.frame_hz = 0),
        ("min_context_s", |c| c.min_context_s = f64::NAN),
        ("bc_max_s", |c| c.bc_max_s = -0.1),
        ("sh_pre_cond_s", |c| c.sh_pre_cond_s = f64::INFINITY),
        ("max_time_s", |c| c.max_time_s = Some(3.0)),
        ("max_time_s", |c| c.max_time_s = Some(f64::NAN)),
        ("prediction_region_s", |c| c.prediction_region_s = 0.01),
    ];
    for (name, change) in cases {
        let mut config = EventConfig::default();
        change(&mut config);
        assert!(matches!(config.validate(), Err(Error::ConfigValue { key, .. }) if key == name), "{name}");
        assert!(events(&speech(10, &[], &[]), &config).is_err());
    }
}

#[test]
fn tracks_must_agree_in_length() {
    let uneven = [vec![true; 5], vec![true; 4]];
    let config = EventConfig::default();
    assert!(matches!(events(&uneven, &config), Err(Error::Length { expected: 5, found: 4, .. })));
    assert!(shift_hold(&uneven, &config).is_err() && backchannels(&uneven, &config).is_err());
    assert!(overlaps(&uneven, &config).is_err() && non_shift(&uneven, &config).is_err());
}

#[test]
fn empty_and_silent_dialogues_have_no_events() {
    for frames in [0, 1, 500] {
        let nothing = Events { frames, ..Events::default() };
        assert_eq!(events(&speech(frames, &[], &[]), &EventConfig::default()).unwrap(), nothing);
        let paper = events(&speech(frames, &[], &[]), &EventConfig::paper()).unwrap();
        assert_eq!(paper, nothing);
    }
}
