//! Spans by hand; each rule with a case that holds and one that just fails.

use super::*;

const INFINITE: f64 = f64::INFINITY;

fn pause(until_speech_s: f64, scores: &[f32]) -> SilenceSpan {
    SilenceSpan { until_speech_s, end: false, scores: scores.to_vec() }
}

fn end(scores: &[f32]) -> SilenceSpan {
    SilenceSpan { until_speech_s: INFINITE, end: true, scores: scores.to_vec() }
}

fn policy(threshold: f32, action_delay_s: f64, timeout_s: f64) -> SilencePolicy {
    SilencePolicy { threshold: Some(threshold), action_delay_s, timeout_s }
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
}

/// The silence after which the policy fires at an end with these scores.
fn latency(scores: &[f32], policy: SilencePolicy) -> f64 {
    let spans = [pause(1.0, &[]), end(scores)];
    evaluate(&spans, policy, &SilenceRules::default()).unwrap().mean_latency_s
}

/// Whether the policy cuts this pause.
fn cuts(pause: SilenceSpan, policy: SilencePolicy) -> bool {
    evaluate(&[pause, end(&[])], policy, &SilenceRules::default()).unwrap().false_cutoff_rate == 1.0
}

#[test]
fn fires_at_the_first_score_at_the_threshold() {
    close(latency(&[0.1, 0.2, 0.49, 0.5, 0.9], policy(0.5, 0.2, 2.0)), 0.4);
    close(latency(&[0.1, 0.2, 0.5, 0.5, 0.9], policy(0.5, 0.2, 2.0)), 0.3);
}

#[test]
fn waits_for_the_action_delay() {
    close(latency(&[0.9; 10], policy(0.5, 0.2, 2.0)), 0.2);
    close(latency(&[0.9; 10], policy(0.5, 0.7, 2.0)), 0.7);
    // Between two scores the latest one decides, at the delay itself.
    close(latency(&[0.0, 0.9, 0.0, 0.0], policy(0.5, 0.25, 2.0)), 0.25);
    // Of a score that has sunk again by then nothing is kept.
    close(latency(&[0.9, 0.9, 0.1, 0.1], policy(0.5, 0.3, 2.0)), 2.0);
    close(latency(&[0.9, 0.1, 0.9, 0.1], policy(0.5, 0.3, 2.0)), 0.3);
}

#[test]
fn fires_at_the_timeout_whatever_the_score() {
    close(latency(&[0.1; 30], policy(0.5, 0.2, 1.5)), 1.5);
    close(latency(&[], policy(0.5, 0.2, 1.5)), 1.5);
    // A late score does not delay it.
    let mut late = [0.1; 30];
    late[19] = 0.9;
    close(latency(&late, policy(0.5, 0.2, 1.5)), 1.5);
    close(latency(&late, policy(0.5, 0.2, 2.5)), 2.0);
}

#[test]
fn scores_that_end_early_leave_the_last_one_standing() {
    close(latency(&[0.1, 0.9], policy(0.5, 0.8, 2.0)), 0.8);
}

#[test]
fn pause_is_cut_when_it_fires_before_the_user_goes_on() {
    assert!(cuts(pause(0.31, &[0.0, 0.0, 0.9]), policy(0.5, 0.2, 2.0)));
    assert!(!cuts(pause(0.3, &[0.0, 0.0, 0.9]), policy(0.5, 0.2, 2.0)));
    assert!(!cuts(pause(1.0, &[0.0; 10]), policy(0.5, 0.2, 1.0)));
    assert!(cuts(pause(1.01, &[0.0; 10]), policy(0.5, 0.2, 1.0)));
}

#[test]
fn pauses_of_a_fifth_of_a_second_to_five_seconds_count() {
    let rules = SilenceRules::default();
    let rate = |pauses: &[f64]| {
        let mut spans: Vec<_> = pauses.iter().map(|&length| pause(length, &[])).collect();
        spans.push(end(&[]));
        silence_timeout(&spans, 0.1, &rules).map(|point| point.false_cutoff_rate)
    };
    assert_eq!(rate(&[0.2]), Some(1.0));
    assert_eq!(rate(&[0.199]), None);
    assert_eq!(rate(&[5.0]), Some(1.0));
    assert_eq!(rate(&[5.001]), None);
    // Ends of any length count.
    let short = SilenceSpan { until_speech_s: 0.05, end: true, scores: vec![] };
    assert!(silence_timeout(&[pause(1.0, &[]), short], 0.1, &rules).is_some());
}

#[test]
fn no_figures_without_pauses_or_ends() {
    let rules = SilenceRules::default();
    assert_eq!(silence_timeout(&[pause(1.0, &[])], 0.5, &rules), None);
    assert_eq!(silence_timeout(&[end(&[])], 0.5, &rules), None);
    assert!(sweep(&[end(&[])], &SweepGrid::default(), &rules).is_empty());
    assert_eq!(summarise(&[]).cutoff_at_300_ms, None);
}

#[test]
fn silence_alone_cuts_pauses_longer_than_its_timeout() {
    let mut spans: Vec<_> = [0.3, 0.5, 0.7, 2.0].map(|length| pause(length, &[0.9; 20])).into();
    spans.extend([end(&[0.9; 20]), end(&[0.1; 20])]);
    let point = silence_timeout(&spans, 0.5, &SilenceRules::default()).unwrap();
    assert_eq!((point.false_cutoff_rate, point.recall), (0.5, 1.0));
    close(point.mean_latency_s, 0.5);
}

#[test]
fn recall_asks_for_three_seconds_and_silence_until_then() {
    let rules = SilenceRules::default();
    let recall = |until_speech_s: f64, timeout_s: f64| {
        let last = SilenceSpan { until_speech_s, end: true, scores: vec![] };
        silence_timeout(&[pause(1.0, &[]), last], timeout_s, &rules).unwrap()
    };
    assert_eq!(recall(INFINITE, 3.0).recall, 1.0);
    assert_eq!(recall(INFINITE, 3.01).recall, 0.0);
    assert_eq!(recall(2.0, 1.9).recall, 1.0);
    // The user speaks first: missed, and the latency still counts.
    let missed = recall(2.0, 2.0);
    assert_eq!(missed.recall, 0.0);
    close(missed.mean_latency_s, 2.0);
}

#[test]
fn grid_is_the_published_one() {
    let grid = SweepGrid::default();
    assert_eq!((grid.thresholds.len(), grid.action_delays_s.len(), grid.timeouts_s.len()), (99, 9, 26));
    assert_eq!((grid.action_delays_s[0], grid.action_delays_s[8]), (0.2, 1.0));
    assert_eq!((grid.timeouts_s[0], grid.timeouts_s[25]), (1.0, 3.5));
}

/// Twenty pauses of 0.4 to 2.3 s; `cut` of them score high. Ten ends, which all score high from 0.2 s on.
fn spans(cut: usize) -> Vec<SilenceSpan> {
    let score = |high: bool| if high { 0.9 } else { 0.1 };
    let mut spans: Vec<_> =
        (0..20usize).map(|at| pause(0.4 + at as f64 * 0.1, &[score(at < cut); 20])).collect();
    spans.extend((0..10).map(|_| end(&[0.1, 0.9, 0.9, 0.9, 0.9, 0.9])));
    spans
}

#[test]
fn sweep_finds_the_operating_points() {
    let rules = SilenceRules::default();
    let summary = summarise(&sweep(&spans(3), &SweepGrid::default(), &rules));
    // Three false pauses of 20 (0.4, 0.5, 0.6 s) at the shortest delays; a delay of 0.3 s cuts them still.
    let fast = summary.cutoff_at_300_ms.unwrap();
    close(fast.false_cutoff_rate, 0.15);
    close(fast.mean_latency_s, 0.2);
    assert_eq!(fast.policy.action_delay_s, 0.2);
    assert!(fast.policy.timeout_s >= 2.3);
    // At 0.6 s none of them is left, and no other is cut with a long timeout.
    let slow = summary.cutoff_at_600_ms.unwrap();
    close(slow.false_cutoff_rate, 0.0);
    close(slow.mean_latency_s, 0.6);
    // 5 % is one of 20: a delay of 0.5 s cuts only the pause of 0.6 s; 10 % is two: 0.4 s.
    close(summary.latency_at_5_percent.unwrap().mean_latency_s, 0.5);
    close(summary.latency_at_5_percent.unwrap().false_cutoff_rate, 0.05);
    close(summary.latency_at_10_percent.unwrap().mean_latency_s, 0.4);
}

#[test]
fn silence_line_stands_beside_it() {
    let summary = summarise(&silence_sweep(&spans(3), &SilenceRules::default()));
    // All 20 pauses are longer than 0.3 s; at 0.6 s those of 0.7 to 2.3 s are cut.
    close(summary.cutoff_at_300_ms.unwrap().false_cutoff_rate, 1.0);
    close(summary.cutoff_at_600_ms.unwrap().false_cutoff_rate, 0.85);
    // One of 20 may be cut: wait for the next but longest.
    close(summary.latency_at_5_percent.unwrap().mean_latency_s, 2.2);
    close(summary.latency_at_10_percent.unwrap().mean_latency_s, 2.1);
    assert_eq!(summary.latency_at_5_percent.unwrap().policy.threshold, None);
}

#[test]
fn budget_that_none_meets_has_no_point() {
    let spans = [pause(1.0, &[]), end(&[])];
    let timeout = silence_timeout(&spans, 0.9, &SilenceRules::default()).unwrap();
    let summary = summarise(&[timeout]);
    assert_eq!((summary.cutoff_at_600_ms, summary.latency_at_10_percent), (None, None));
}
