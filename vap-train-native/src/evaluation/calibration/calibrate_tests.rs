//! Dialogues whose end-of-turn probabilities are drawn, so that what a policy does on others can be told.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vap_core::calibration::Ask;

use super::*;
use crate::evaluation::recordings::spans::silences;
use crate::labels::Activity;

/// How often the probability is high at ends of turns and in pauses.
#[derive(Clone, Copy)]
struct Net {
    ends: f64,
    pauses: f64,
}

const GOOD: Net = Net { ends: 0.8, pauses: 0.1 };

/// Dialogues of some twenty silences of one speaker, the VAD perfect.
fn dialogues(count: usize, net: Net, seed: u64) -> Vec<Vec<Heard>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| vec![heard(net, &mut random)]).collect()
}

fn heard(net: Net, random: &mut ChaCha8Rng) -> Heard {
    let (mut user, mut agent, mut eot) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..20 {
        let end = random.random_bool(0.5);
        let silence = if end { 250 } else { random.random_range(15..110) };
        let high = random.random_bool(if end { net.ends } else { net.pauses });
        let level = if high { random.random_range(0.6..0.95f32) } else { random.random_range(0.02..0.4) };
        user.extend((0..40 + silence).map(|t| t < 40));
        agent.extend((0..40 + silence).map(|t| end && t >= 240));
        eot.extend((0..40 + silence).map(|t| if t < 40 { 0.01 } else { level }));
    }
    // The last silence needs something behind it.
    user.extend([true; 40]);
    agent.extend([false; 40]);
    eot.extend([0.01; 40]);
    let frames = user.iter().zip(&eot).enumerate().map(|(index, (loud, eot))| {
        let mut frame = Frame::from_logits(index as u64, &[-9.0; 27]);
        frame.vad[0] = if *loud { 0.9 } else { 0.05 };
        frame.eot[0] = *eot;
        frame
    });
    let frames = frames.collect();
    let none = vec![false; user.len()];
    let activity = Activity { speech: [user, agent], backchannel: [none.clone(), none], complete: true };
    Heard { speaker: 0, frames, silences: silences(&activity, 0) }
}

/// Share of the pauses cut and mean latency in ms.
fn measured(dialogues: &[Vec<Heard>], policy: Policy) -> (f64, f64) {
    let mut all = SilenceCounts::default();
    dialogues.iter().for_each(|heard| all.add(&dialogue_counts(heard, policy).unwrap(), 1));
    figures(&all).unwrap()
}

#[test]
fn what_is_asked_is_got_on_other_dialogues() {
    let base = Policy::default();
    let calibration = calibrate(&dialogues(12, GOOD, 1), &base).unwrap();
    assert!((10..=BUDGETS).contains(&calibration.points.len()), "{} points", calibration.points.len());
    assert!(calibration.pauses > 90 && calibration.ends > 90);
    let others = dialogues(24, GOOD, 2);
    for most in [0.08, 0.15, 0.3] {
        let ask = Ask::MaxFalseCutoff(most);
        let solution = calibration.solve(&base, ask).unwrap();
        let (rate, latency_ms) = measured(&others, solution.policy);
        let expected = solution.expected.unwrap();
        assert!(rate <= most, "asked {most}, got {rate}");
        assert!((rate - expected.false_cutoff).abs() < 0.08, "{rate} against {expected:?}");
        assert!(
            (latency_ms / expected.mean_latency_ms - 1.0).abs() < 0.25,
            "{latency_ms} against {expected:?}"
        );
        let silence = calibration.solve_silence(ask).unwrap();
        let timeout = measured(&others, timeout_policy(&base, silence.timeout_ms));
        assert!((timeout.0 - silence.expected.false_cutoff).abs() < 0.08, "{timeout:?} against {silence:?}");
        // One pause in ten sounds like an end: below that only waiting helps, above it the net is faster.
        assert!(most < 0.15 || timeout.1 > 1.5 * latency_ms, "{timeout:?} against {latency_ms} ms");
    }
    let solution = calibration.solve(&base, Ask::MeanLatencyMs(700.0)).unwrap();
    let (_, latency_ms) = measured(&others, solution.policy);
    assert!(latency_ms < 850.0, "asked 700 ms, got {latency_ms}");
}

#[test]
fn luck_of_the_choice_is_not_promised() {
    // Policies that all do the same, three cut-offs in ten and 1.5 s, seen on few pauses: the best of them looks
    // better.
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut dialogue = || SilenceCounts {
        pauses: 10,
        cut: (0..10).filter(|_| random.random_bool(0.3)).count() as u32,
        ends: 10,
        found: 10,
        latency_s: (0..10).map(|_| random.random_range(0.0..3.0)).sum(),
    };
    let policy = |i: i32| Policy { end_threshold: f64::from(i) / 200.0, ..Policy::default() };
    let each = |dialogue: &mut dyn FnMut() -> SilenceCounts| (0..20).map(|_| dialogue()).collect();
    let grid: Vec<_> = (0..200).map(|i| Measured::new(policy(i), each(&mut dialogue))).collect();
    let lucky = fastest(&grid, 0.3, Measured::all_figures).and_then(Measured::all_figures).unwrap();
    assert!(lucky.1 < 1400.0, "{lucky:?}");
    for (_, rate, latency_ms) in curve(&grid) {
        assert!((rate - 0.3).abs() < 0.06 && (latency_ms - 1500.0).abs() < 120.0, "{rate}, {latency_ms} ms");
    }
}

#[test]
fn counts_are_those_of_the_event_machine() {
    // Speech of 0.8 s, then pauses of 0.3 s and 0.6 s and an end, the probability high throughout.
    let mut user = Vec::new();
    for silence in [15, 30, 200] {
        user.extend([true; 40]);
        user.extend(vec![false; silence]);
    }
    let agent: Vec<bool> = (0..user.len()).map(|t| t >= user.len() - 50).collect();
    let none = vec![false; user.len()];
    let frames = user.iter().enumerate().map(|(index, loud)| {
        let mut frame = Frame::from_logits(index as u64, &[-9.0; 27]);
        (frame.vad[0], frame.eot[0]) = (if *loud { 0.9 } else { 0.05 }, 0.9);
        frame
    });
    let frames = frames.collect();
    let activity = Activity { speech: [user, agent], backchannel: [none.clone(), none], complete: true };
    let heard = Heard { speaker: 0, frames, silences: silences(&activity, 0) };
    let counts = |policy: Policy| heard.counts(policy).unwrap();
    let policy =
        |min_silence_ms, max_silence_ms| Policy { min_silence_ms, max_silence_ms, ..Policy::default() };
    let found = counts(policy(400, 3000));
    assert_eq!((found.pauses, found.cut, found.ends, found.found), (2, 1, 1, 1));
    assert!((found.latency_s - 0.4).abs() < 0.021, "{found:?}");
    assert_eq!(counts(policy(200, 3000)).cut, 2);
    assert_eq!(counts(policy(700, 3000)).cut, 0);
    let timeout = counts(timeout_policy(&Policy::default(), 900));
    assert_eq!((timeout.cut, timeout.found), (0, 1));
    assert!((timeout.latency_s - 0.9).abs() < 0.021, "{timeout:?}");
    // An end that is not found counts as the timeout.
    let deaf = Policy { vad_offset: 0.01, ..policy(200, 3000) };
    let missed = counts(deaf);
    assert_eq!((missed.cut, missed.found, missed.latency_s), (0, 0, 3.0));
}

#[test]
fn without_pauses_ends_or_dialogues_there_is_nothing_to_calibrate() {
    let base = Policy::default();
    let few = dialogues(1, GOOD, 1);
    for wrong in [&[][..], &few[..], &[vec![], vec![]][..]] {
        assert!(matches!(calibrate(wrong, &base), Err(Error::Data(m)) if m.starts_with("expected")));
    }
}

#[test]
fn pools_never_fall_and_keep_their_mean() {
    assert_eq!(rising(&[1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]);
    assert_eq!(rising(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
    assert_eq!(rising(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
    assert_eq!(rising(&[]), [0.0; 0]);
}

#[test]
fn bound_of_a_share() {
    // Wilson's one-sided bound by hand: 30 of 300 with z = 1.2816.
    assert!((upper_bound(0.1, 300.0) - 0.1245).abs() < 5e-4, "{}", upper_bound(0.1, 300.0));
    assert!((upper_bound(0.0, 300.0) - 0.0054).abs() < 1e-4, "nothing seen is not nothing");
    assert!(upper_bound(1.0, 10.0) <= 1.0 && upper_bound(0.1, 100.0) > upper_bound(0.1, 300.0));
}
