use super::*;
use crate::evaluation::metrics::roc_auc;

/// Turns of 1 s with a pause of 0.6 s inside, answered after 0.6 s; `room_tone` gives the amplitude of the silence that
/// starts, from whether a turn ends there.
fn recording(seed: u64, room_tone: impl Fn(bool) -> f32) -> Recording {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let frames = 160 * 10;
    let mut speech = [vec![false; frames], vec![false; frames]];
    let mut audio = [vec![0.0; frames * HOP_SAMPLES], vec![0.0; frames * HOP_SAMPLES]];
    let mut fill = |channel: &mut [f32], from: usize, to: usize, amplitude: f32| {
        let range = from * HOP_SAMPLES..to * HOP_SAMPLES;
        channel[range].iter_mut().for_each(|x| *x = amplitude * rng.random_range(-1.0..1.0f32));
    };
    for turn in 0..10 {
        let (s, at) = (turn % 2, turn * 160);
        fill(&mut audio[1 - s], at, at + 160, room_tone(true));
        for (from, to, end) in [(at, at + 50, false), (at + 80, at + 130, true)] {
            speech[s][from..to].fill(true);
            fill(&mut audio[s], from, to, 0.3);
            fill(&mut audio[s], to, to + 30, room_tone(end));
        }
    }
    let activity =
        Activity { backchannel: [vec![false; frames], vec![false; frames]], speech, complete: false };
    Recording { name: "made".into(), audio, activity }
}

fn probed(room_tone: impl Fn(bool) -> f32 + Copy, features: fn(&Seen) -> Vec<f32>) -> f64 {
    let rows = |seeds: std::ops::Range<u64>| -> Vec<(Vec<f32>, bool)> {
        seeds.flat_map(|seed| seen(&recording(seed, room_tone))).map(|s| (features(&s), s.end)).collect()
    };
    let probe = Probe::train(&rows(0..20)).unwrap();
    roc_auc(&rows(20..40).iter().map(|(x, end)| (probe.score(x), *end)).collect::<Vec<_>>()).unwrap()
}

#[test]
fn a_silence_that_differs_at_ends_is_found_and_an_equal_one_is_not() {
    assert!(probed(|end| if end { 0.0 } else { 0.003 }, |s| s.own.clone()) > 0.95);
    // 6 dB.
    assert!(probed(|end| if end { 0.003 } else { 0.006 }, |s| s.own.clone()) > 0.95);
    let equal = probed(|_| 0.003, |s| s.own.clone());
    assert!((equal - 0.5).abs() < 0.1, "{equal}");
    // The second sound of a turn ends it.
    assert!(probed(|_| 0.003, |s| s.timing.clone()) > 0.95);
}

#[test]
fn timing_counts_the_turn_so_far() {
    let made = recording(1, |_| 0.003);
    let at = |start: usize| timing(&made.activity, 0, start).iter().map(|x| x.exp()).collect::<Vec<_>>();
    for (found, expected) in [(at(50), [1.0, 1.0, 1.0]), (at(130), [2.6, 1.0, 2.0])] {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{found:?} {expected:?}");
    }
    let lengths = silence_lengths(&made.activity);
    assert!(lengths.iter().all(|(s, _)| (s - 0.6).abs() < 1e-4) && lengths.len() == 19, "{lengths:?}");
}

#[test]
fn no_speech_is_left_and_silence_stays() {
    let made = recording(2, |_| 0.003);
    let speech = &made.activity.speech[0];
    for steady in [false, true] {
        let out = without_speech(&made.audio[0], speech, steady);
        for (t, (after, before)) in out.chunks(HOP_SAMPLES).zip(made.audio[0].chunks(HOP_SAMPLES)).enumerate()
        {
            let near = speech[t.saturating_sub(1)..(t + 2).min(speech.len())].contains(&true);
            assert_eq!(after == before, !near, "{t}");
            assert!(steady || !near || after.iter().all(|x| *x == 0.0), "{t}");
        }
    }
}
